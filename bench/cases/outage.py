"""Writes while the server is away, and afterwards: what is acknowledged durably in a second, against what the same MariaDB
acknowledges when it commits durably itself; how fast the queue drains, against one client that commits one by one; how soon
the first unit is applied; how long a read had to wait meanwhile.

`--pending N` first fills the queue with N units and says how the rate and the memory change on the way."""
import os
import threading
import time

import load
import peers
import pymysql
from lib.process import resident_bytes, wait_until
from peers import ACCOUNT, DATABASE

INSERT = os.path.join(load.HERE, "insert.lua")
APART = 10**9  # ids of two runs


def measure(world, options):
    server = world.server
    server.run(f"CREATE TABLE {DATABASE}.written (id BIGINT PRIMARY KEY, writer INT, text VARCHAR(60)) ENGINE=InnoDB")
    peer = peers.holdwater(world.root, server, **world.outage_settings)
    peer.proxy.wait_tables_known()
    rounds = [one_round(world, peer, turn, options) for turn in range(options.rounds)]
    rows = [{name: load.median([one[name] for one in rounds]) for name in rounds[0]}]
    if options.pending:
        rows[0]["filled"] = fill(world, peer, options)
    peer.close()
    return rows


def rate(peer, writers, first, seconds):
    return load.sysbench(peer, INSERT, "run", writers, seconds, first=first) / seconds


def one_round(world, peer, turn, options):
    server, proxy, seconds = world.direct(), peer.proxy, options.seconds
    found = {}
    for at, writers in enumerate((1, 64)):
        found[f"direct_{writers}"] = rate(server, writers, (4 * turn + at) * APART, seconds)
    world.server.stop()
    proxy.wait_state("down")
    for at, writers in enumerate((1, 64)):
        first = (4 * turn + 2 + at) * APART
        done, used = load.used_by(peer.pid, lambda: rate(peer, writers, first, seconds))
        found[f"spooled_{writers}"], found[f"cpu_{writers}"] = done, used / (done * seconds) * 1e6
    found.update(drained(world, peer))
    return found


def drained(world, peer):
    """Starts the server again and watches the queue until nothing waits."""
    proxy = peer.proxy
    waiting = proxy.health()["spool"]["pending"]
    world.server.start(wait=False)
    wait_until(lambda: accepts(world.server), 60, "the server accepts connections", every_s=0.005)
    accepting = time.monotonic()
    done, waits = threading.Event(), []
    reader = threading.Thread(target=keep_reading, args=(peer, done, waits))
    reader.start()
    try:
        wait_until(lambda: proxy.health()["spool"]["pending"] < waiting, 60, "the first unit is applied", every_s=0.005)
        first = time.monotonic()
        left = proxy.health()["spool"]["pending"]
        wait_until(lambda: proxy.health()["spool"]["pending"] == 0, 3600, lambda: f"drained: {proxy.health()}")
        took = time.monotonic() - first
    finally:
        done.set()
        reader.join()
    proxy.wait_drained()
    return {"units": waiting, "drain": left / took, "recovery_s": first - accepting, "longest_read_s": max(waits)}


def accepts(server):
    try:
        pymysql.connect(host=server.host, port=server.port, user=ACCOUNT.user, password=ACCOUNT.password).close()
        return True
    except pymysql.err.MySQLError:
        return False


def keep_reading(peer, done, waits):
    """The traffic of a client that only reads; it meets errors until the server is up."""
    connection = None
    while not done.is_set():
        begin = time.monotonic()
        try:
            connection = connection or pymysql.connect(host=peer.host, port=peer.port, user=ACCOUNT.user,
                                                       password=ACCOUNT.password, database=DATABASE, autocommit=True)
            with connection.cursor() as cursor:
                cursor.execute("SELECT COUNT(*) FROM seq_1_to_1")
        except pymysql.err.MySQLError:
            connection = None
        waits.append(time.monotonic() - begin)


def fill(world, peer, options):
    """The rate and the memory as the queue grows, in ten steps."""
    world.server.stop()
    peer.proxy.wait_state("down")
    steps, first = [], 1000 * APART
    while not steps or steps[-1]["pending"] < options.pending:
        share = rate(peer, 64, first, max(1, options.seconds))
        first += APART
        steps.append({"pending": peer.proxy.health()["spool"]["pending"], "rate": share,
                      "resident": resident_bytes(peer.child.pid)})
        if steps[-1]["pending"] > options.pending * 0.95:
            break
    found = drained(world, peer)
    return {"steps": steps, **found}


def tables(rows):
    row = rows[0]
    writes = [["direct, durable commit", f"{row['direct_1']:.0f}", f"{row['direct_64']:.0f}"],
              ["server away, durable queue", f"{row['spooled_1']:.0f}", f"{row['spooled_64']:.0f}"],
              ["times direct", f"{row['spooled_1'] / row['direct_1']:.2f}", f"{row['spooled_64'] / row['direct_64']:.2f}"],
              ["CPU of the proxy for each", f"{row['cpu_1']:.1f} µs", f"{row['cpu_64']:.1f} µs"]]
    after = [["units applied a second, times one client that commits one by one", f"{row['drain'] / row['direct_1']:.2f}"],
             ["from the server's first connection to the first applied unit", f"{row['recovery_s']:.2f} s"],
             ["longest wait of a reading client meanwhile", f"{row['longest_read_s']:.2f} s"]]
    found = [(["acknowledged writes a second", "1 writer", "64 writers"], writes), (["the drain", ""], after)]
    if "filled" in row:
        steps = row["filled"]["steps"]
        shown = [steps[round(at * (len(steps) - 1) / 9)] for at in range(10)] if len(steps) > 10 else steps
        found.append((["pending units", *[f"{step['pending']:,}" for step in shown]],
                      [["writes a second", *[f"{step['rate']:.0f}" for step in shown]],
                       ["memory", *[f"{step['resident'] / (1 << 20):.0f} MiB" for step in shown]]]))
        found.append((["a backlog drains", ""],
                      [["units", f"{row['filled']['units']:,}"],
                       ["a second, times one client that commits one by one", f"{row['filled']['drain'] / row['direct_1']:.2f}"],
                       ["longest wait of a reading client meanwhile", f"{row['filled']['longest_read_s']:.2f} s"]]))
    return found
