"""A chaos run: writers write, the nemesis strikes, and at the end every write is accounted for. See run.sh."""
import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter

from checker import at_risk, check, check_typed, self_test
from connections import TABLES, is_typed, is_update
from drivers import Driver
from machine import Clock, Disk
from nemesis import Nemesis
from network import Network
from writers import CHILDREN, History, Writer, connectors

from lib.process import end_all, tail, wait_until
from lib.proxy import Account, Proxy
from lib.server import KINDS

ACKED = ("acked", "at risk")
BLOCK = 50000  # ids reserved for an outage: writers must not run out of them


class Door(Network):
    """Where clients connect: the network before the proxy."""
    connect = Proxy.connect

    def __init__(self, proxy):
        self.account, self.database = proxy.account, proxy.database
        super().__init__(proxy, "client", "proxy")


class World:
    """Everything that can be struck, and the writers' drivers."""
    server = proxy = relay = door = disk = clock = None


def prepare(world, root, options):
    world.disk, world.clock = Disk(os.path.join(root, "disk")), Clock(root)
    world.server = server = KINDS[options.server](root).start()
    server.run("CREATE DATABASE chaos")
    account = Account("chaos", "pandemonium")
    server.create_account(account.user, account.password, "chaos")
    server.run(*TABLES, *(f"INSERT INTO counters VALUES ({w}, 0, 0)" for w in range(options.writers)), database="chaos")
    world.relay = Network(server, "proxy", "server")
    world.proxy = proxy = Proxy(root, world.relay, account, "chaos", data=os.path.join(world.disk.folder, "data"),
                                HOLDWATER_INSERT_IDS_BLOCK=BLOCK, **world.clock.settings()).start()
    world.door = Door(proxy)
    proxy.wait_drained()
    first = proxy.connect()
    first.cursor().execute("INSERT INTO typed (w, n) VALUES (-1, 0)")  # so that ids are reserved before the first outage
    first.close()
    wait_until(lambda: "reserved ids" in proxy.log_text(), 20, "ids are reserved")


def play(options, world, history, log):
    stopping = threading.Event()
    names, absent = connectors(options.writers)
    for name, why in absent.items():
        print(f"LEFT OUT: writers by {name}: {why}")
    writers = [Writer(number, name, Driver(name, log) if name in CHILDREN else None, world.door, history, stopping)
               for number, name in enumerate(names)]
    nemesis = Nemesis(random.Random(options.seed), world, history, options.only)
    for kind, why in nemesis.left_out.items():
        print(f"LEFT OUT: {kind}: {why}")
    for writer in writers:
        writer.start()
    end_at = time.monotonic() + options.minutes * 60
    while time.monotonic() < end_at:
        nemesis.pause(0.5, 3)
        nemesis.strike()
        for writer in writers:
            assert writer.is_alive() or writer.trouble is None, f"{writer.name}: {writer.trouble!r}"
    nemesis.pause(0.5, 1)
    stopping.set()
    for writer in writers:
        writer.join(60)
        assert not writer.is_alive(), f"{writer.name} hangs"
    history.note("checker", "the writers have stopped")
    drain(world, history)
    return writers, nemesis


def drain(world, history):
    """However slow the machine is: as long as something is applied, it goes on."""
    pending = None

    def is_drained():
        health = world.proxy.health()
        return health["database"]["state"] == "up" and health["spool"]["pending"] == 0

    def goes_on():
        return is_drained() or world.proxy.health()["spool"]["pending"] != pending

    while not is_drained():
        pending = world.proxy.health()["spool"]["pending"]
        history.note("checker", f"{pending} units are pending")
        try:
            wait_until(goes_on, 90, lambda: f"something is applied: {world.proxy.health()}", every_s=1)
        except AssertionError:
            for row in world.server.run("SHOW FULL PROCESSLIST"):
                history.note("checker", f"at the server: {row}")
            raise
    history.note("checker", "everything is drained")


def judge(writers, nemesis, server, proxy):
    """The broken promises, as sentences."""
    wrong = [f"{writer.name}: {writer.trouble!r}" for writer in writers if writer.trouble]
    rows = server.run("SELECT w, n FROM witness ORDER BY position", database="chaos")
    typed = server.run("SELECT w, id, n, i, u, f, c, d, s, b, e FROM typed ORDER BY id", database="chaos")
    totals = dict(server.run("SELECT w, total FROM counters", database="chaos"))
    for writer in writers:
        writer.told.update(dict.fromkeys(at_risk(writer.live, nemesis.copies), "at risk"))
        applied = [n for w, n in rows if w == writer.number]
        mine = [row[1:] for row in typed if row[0] == writer.number]
        # what has no witness is looked for by itself
        told = {n: verdict for n, verdict in writer.told.items() if not is_typed(n)}
        transactions = [[n for n in numbers if not is_typed(n)] for numbers in writer.transactions]
        wrong += [f"{writer.name}: {sentence}" for sentence in check(told, applied, transactions)]
        wrong += [f"{writer.name}: {sentence}" for sentence in check_typed(
            writer.number, {n: verdict for n, verdict in writer.told.items() if is_typed(n)}, writer.ids, mine,
            writer.transactions, set(applied))]
        updates = sum(map(is_update, applied))
        if totals[writer.number] != updates:
            wrong.append(f"{writer.name}: its counter says {totals[writer.number]} updates, the witness saw {updates}")
    dead = proxy.health()["spool"]["dead"]
    if dead:
        wrong.append(f"{dead} dead letters: {proxy.http('/spool/dead')[1].decode()[:2000]}")
    return wrong


def report(options, writers, nemesis, world, seconds):
    told = Counter(verdict for writer in writers for verdict in writer.told.values())
    reasons = sum((writer.reasons for writer in writers), Counter())
    print(f"{options.server}, {options.writers} writers, {seconds:.0f} s")
    print(f"  acked {told['acked'] + told['at risk']} (of them spooled {sum(writer.spooled for writer in writers)}), "
          f"unknown {told['unknown']}, refused {told['refused']}")
    by = Counter()
    for writer in writers:
        by[writer.connector] += sum(verdict in ACKED for verdict in writer.told.values())
    print("  of the acked ones " + ", ".join(f"by {name} {count}" for name, count in sorted(by.items())) +
          f"; with an id and typed values {sum(writer.told.get(n) in ACKED for writer in writers for n in writer.ids)}")
    committed = Counter(writer.told[numbers[0]] for writer in writers for numbers in writer.transactions)
    print("  transactions: " + ", ".join(f"{verdict} {count}" for verdict, count in sorted(committed.items())))
    print("  " + ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in nemesis.strikes.items()))
    if nemesis.copies:
        log = world.proxy.log_text()
        again = sum(map(int, re.findall(r"(\d+) writes were applied to it again", log)))
        print(f"  acked by the server itself between a copy of its data and its end {told['at risk']}; units applied again {again}")
    print(f"  units in the spool: {world.proxy.health()['spool']['last_seq']}")
    for reason, count in reasons.most_common(12):
        print(f"  {count:6} x {reason}")


def kinds(text):
    chosen = text.split(",")
    unknown = [kind for kind in chosen if kind not in Nemesis.KINDS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: no such kind; there are {', '.join(Nemesis.KINDS)}")
    return chosen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--server", choices=KINDS, default="mariadb")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--only", type=kinds, default=(), metavar="KIND,...", help=", ".join(Nemesis.KINDS))
    parser.add_argument("--binary")
    options = parser.parse_args()
    if options.binary:
        os.environ["HOLDWATER_BINARY"] = options.binary
    self_test()
    print(f"seed {options.seed}", flush=True)
    logs = os.environ.get("HOLDWATER_TEST_LOGS", os.path.join(tempfile.gettempdir(), "holdwater-test-logs"))
    os.makedirs(logs, exist_ok=True)
    path = os.path.join(logs, f"chaos-{options.server}-{options.seed}.")
    history = History(path + "history")
    root = tempfile.mkdtemp(prefix="holdwater-chaos-")
    world, wrong = World(), ["the run was broken off"]
    try:
        prepare(world, root, options)
        started = time.monotonic()
        writers, nemesis = play(options, world, history, path + "drivers.log")
        wrong = judge(writers, nemesis, world.server, world.proxy)
        report(options, writers, nemesis, world, time.monotonic() - started)
        try:
            world.proxy.close()
        except AssertionError as trouble:  # what a sanitizer found, say
            wrong.append(str(trouble))
        if not any(verdict in ACKED for writer in writers for verdict in writer.told.values()):
            wrong.append("no write was acknowledged, so nothing was tested")
    finally:
        for sentence in wrong[:40]:
            print("BROKEN:", sentence)
            history.note("checker", sentence)
        history.close()
        if wrong and world.proxy and world.server:
            shutil.copy(world.proxy.log, path + "proxy.log")
            shutil.copy(world.server.log, path + "server.log")
            print(f"the proxy's log, whole in {path}proxy.log, ends with:\n{tail(world.proxy.log)}")
        end_all()
        if world.disk:
            world.disk.close()
        shutil.rmtree(root, ignore_errors=True)
    print(f"history: {history.path}")
    print(f"{len(wrong)} broken promises (seed {options.seed})" if wrong else "every write is accounted for")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
