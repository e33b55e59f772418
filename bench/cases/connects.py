"""Connect, one query, close, as a page of PHP does, 8 clients at a time: how often a second through each proxy, of direct, and
the CPU that one costs the server, the proxy and the client."""
import os
import subprocess

import load
from lib.process import processor_seconds
from peers import ACCOUNT, DATABASE

CLIENTS = 8
STATEMENT = "SELECT v FROM visited WHERE id = 77"


def measure(world, options):
    world.server.run(f"CREATE TABLE {DATABASE}.visited (id INT PRIMARY KEY, v VARCHAR(60))",
                     f"INSERT INTO {DATABASE}.visited VALUES (77, REPEAT('v', 60))")
    program = build(world.root)
    targets = [world.direct(), *world.proxies()]
    runs = {peer.name: [] for peer in targets}
    for turn in range(options.rounds):
        for peer in load.rotated(targets, turn):
            runs[peer.name].append(visits(program, peer, world.server.child.pid, options.seconds))
    middle = {name: [load.median(column) for column in zip(*values)] for name, values in runs.items()}
    return [{"peer": name, "rate": rate, "of_direct": rate / middle["direct"][0], "server_us": server, "proxy_us": proxy,
             "client_us": client} for name, (rate, server, proxy, client) in middle.items()]


def build(folder):
    program = os.path.join(folder, "connect_bench")
    flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "mysqlclient"], text=True).split()
    subprocess.check_call(["c++", "-std=c++20", "-O2", "-o", program, os.path.join(load.HERE, "connect_bench.cpp"), *flags, "-pthread"])
    return program


def visits(program, peer, server, seconds):
    """A second, and microseconds of CPU for each: server, proxy, client."""
    pids = [server, *([peer.pid] if peer.pid else [])]
    before, own = [processor_seconds(pid) for pid in pids], children()
    out = subprocess.check_output([program, peer.host, str(peer.port), ACCOUNT.user, ACCOUNT.password, DATABASE, str(CLIENTS),
                                   str(seconds), STATEMENT], text=True)
    done, took = int(out.split()[0]), float(out.split()[1])
    costs = [(processor_seconds(pid) - used) / done * 1e6 for pid, used in zip(pids, before)]
    return done / took, costs[0], costs[1] if peer.pid else 0.0, (children() - own) / done * 1e6


def children():
    times = os.times()
    return times.children_user + times.children_system


def tables(rows):
    head = ["connect, one query, close", "a second, of direct", "CPU: server", "proxy", "client"]
    return [(head, [[row["peer"], f"{row['of_direct']:.2f}", f"{row['server_us']:.0f} µs", f"{row['proxy_us']:.0f} µs",
                     f"{row['client_us']:.0f} µs"] for row in rows])]
