#!/usr/bin/python3
"""What filling the read cache costs: CPU of Holdwater per query (user + system of the whole process, /proc/PID/stat), one
worker, with the cache off, in memory only, with the disk behind it, and with a bound on fills, as is the default, before one throwaway MariaDB, in interleaved rounds.

    bench/cache_cost.py [--rounds 5] [--seconds 4] [--clients 1,16] [--rows 100000] [--ps-mode disable|auto]

With 100000 rows nearly every query is new to the cache, which is the dear case; with 1000 nearly none is."""
import argparse
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "tests")]

import load  # noqa: E402
import peers  # noqa: E402
from lib.server import KINDS  # noqa: E402

KINDS_OF_CACHE = {"off": {"HOLDWATER_CACHE_ENABLED": "false"}, "memory": {"HOLDWATER_CACHE_DISK": "0", "HOLDWATER_CACHE_FILL_RATE": "0"},
                  "memory+disk": {"HOLDWATER_CACHE_FILL_RATE": "0"}, "default": {}}
TEST = "oltp_point_select"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--clients", default="1,16")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--ps-mode", default="disable")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cache-cost-") as root:
        server = KINDS["mariadb"](root).start()
        proxies = []
        try:
            server.run(f"CREATE DATABASE {peers.DATABASE}")
            server.create_account(peers.ACCOUNT.user, peers.ACCOUNT.password, peers.DATABASE)
            load.sysbench(peers.direct(server), TEST, "prepare", tables=1, table_size=options.rows)
            for name, settings in KINDS_OF_CACHE.items():
                proxies.append(peers.holdwater(root, server, name, **settings))
            for threads in map(int, options.clients.split(",")):
                measure(options, proxies, threads)
            print(next(one.proxy for one in proxies if one.name == "memory+disk").json("/health/cache"))
        finally:
            for one in proxies:
                one.close()
            server.destroy()


def measure(options, proxies, threads):
    seen = {one.name: [] for one in proxies}
    for turn in range(options.rounds):
        for one in load.rotated(proxies, turn):
            queries, used = load.used_by(one.pid, lambda: load.sysbench(
                one, TEST, "run", threads, options.seconds, options.ps_mode, tables=1, table_size=options.rows))
            seen[one.name].append(used / queries * 1e6)
    base = load.median(seen["off"])
    for name, values in seen.items():
        middle = load.median(values)
        print(f"{threads:3} clients  {name:12} {middle:6.2f} us of CPU per query  ({middle / base:.3f} x)  "
              f"{min(values):.2f} .. {max(values):.2f}", flush=True)


main()
