#!/usr/bin/env python3
"""Connect, one query, close, through Holdwater and directly, in interleaved rounds so that the machine's moods strike both
alike, before throwaway servers.

  bench/connects.py [--rounds 7] [--seconds 2] [--clients 8] [--servers mariadb,mysql] [--workers N]
                    [--setting HOLDWATER_POOL_MAX_IDLE=0]... [--least RATIO] [--hold]

Prints, for each server, the medians of connects a second, the ratio, and the CPU in microseconds that a connect costs the
server, the proxy and the client. --least 1 ends with an error where the ratio is smaller. --hold says what runs where and
waits for Enter before it measures.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(PROJECT, "tests"))
sys.dont_write_bytecode = True

from lib.process import end_all, wait_until  # noqa: E402
from lib.proxy import Account, Proxy  # noqa: E402
from lib.server import KINDS  # noqa: E402

ACCOUNT = Account("bench", "bench")
STATEMENT = "SELECT v FROM t WHERE id = 77"


def build(folder):
    program = os.path.join(folder, "connect_bench")
    flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "mysqlclient"], text=True).split()
    subprocess.check_call(["c++", "-std=c++20", "-O2", "-o", program, f"{PROJECT}/bench/connect_bench.cpp", *flags, "-pthread"])
    return program


def ticks(pid):
    """CPU that a process has used, in seconds."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(program, target, options, pids):
    before = [ticks(pid) for pid in pids]
    children = os.times().children_user + os.times().children_system
    out = subprocess.check_output([program, target.host, str(target.port), ACCOUNT.user, ACCOUNT.password, "bench",
                                   str(options.clients), str(options.seconds), STATEMENT], text=True)
    own = os.times().children_user + os.times().children_system - children
    visits, took = int(out.split()[0]), float(out.split()[1])
    costs = [(ticks(pid) - used) / visits * 1e6 for pid, used in zip(pids, before)]
    return visits / took, [*costs, own / visits * 1e6]


def compare(kind, program, root, options):
    server = KINDS[kind](root).start("--innodb-buffer-pool-size=128M", "--max-connections=1000")
    server.run("CREATE DATABASE bench", "CREATE TABLE bench.t (id INT PRIMARY KEY, v VARCHAR(60))",
               "INSERT INTO bench.t VALUES (77, REPEAT('v', 60))")
    server.create_account(ACCOUNT.user, ACCOUNT.password, "bench")
    settings = dict(one.split("=", 1) for one in options.setting)
    if options.workers:
        settings["HOLDWATER_WORKERS"] = options.workers
    proxy = Proxy(root, server, ACCOUNT, "bench", **settings).start()
    wait_until(lambda: proxy.state() == "up", 20, lambda: f"up: {proxy.health()}")
    if options.hold:
        input(f"{kind}: server {server.child.pid} port {server.port}, proxy {proxy.child.pid} port {proxy.port}. Enter: ")
    found = {"direct": [], "holdwater": []}
    for round_number in range(options.rounds):
        order = [("direct", server), ("holdwater", proxy)]
        for name, target in order if round_number % 2 == 0 else reversed(order):
            found[name].append(measure(program, target, options, [server.child.pid, proxy.child.pid]))
    proxy.stop()
    server.destroy()
    rates = {name: statistics.median(rate for rate, _ in runs) for name, runs in found.items()}
    costs = {name: [statistics.median(run[1][at] for run in runs) for at in range(3)] for name, runs in found.items()}
    ratio = rates["holdwater"] / rates["direct"]
    row = "{:<11} {:>9.0f} {:>9.0f} {:>6.2f}   {:>6.0f} {:>6.0f}   {:>6.0f} {:>6.0f} {:>6.0f}"
    print(row.format(kind, rates["direct"], rates["holdwater"], ratio, costs["direct"][0], costs["direct"][2],
                     *costs["holdwater"]), flush=True)
    return ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--servers", default="mariadb,mysql")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--setting", action="append", default=[])
    parser.add_argument("--least", type=float, default=0)
    parser.add_argument("--hold", action="store_true")
    options = parser.parse_args()
    root = tempfile.mkdtemp(prefix="holdwater-bench-")
    try:
        program = build(root)
        print(f"connect, one query, close: {options.clients} at a time, {options.rounds} rounds of {options.seconds} s, "
              f"{os.cpu_count()} processors")
        print("server      connects a second         CPU, direct         CPU, through Holdwater (us)")
        print("               direct Holdwater  ratio  server client   server  proxy client")
        worst = min(compare(kind, program, root, options) for kind in options.servers.split(","))
    finally:
        end_all()
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(1 if worst < options.least else 0)


if __name__ == "__main__":
    main()
