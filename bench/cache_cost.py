#!/usr/bin/python3
"""What filling the read cache costs: CPU of Holdwater per query (user + system of the whole process, /proc/PID/stat), one
worker, before one throwaway MariaDB, in interleaved rounds: with the cache off, in memory only, with the disk behind it, with a
bound on fills, as is the default, the same without looking at what is written (cache.own_writes), and with a Redis behind it.

    bench/cache_cost.py [--test oltp_point_select] [--rounds 5] [--seconds 4] [--clients 1,16] [--rows 100000]
                        [--ps-mode disable|auto] [--kinds off,default]

With 100000 rows nearly every query is new to the cache, which is the dear case; with 1000 nearly none is."""
import argparse
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "tests")]

import load  # noqa: E402
import peers  # noqa: E402
from lib.redis import Redis  # noqa: E402
from lib.server import KINDS  # noqa: E402

KINDS_OF_CACHE = {"off": {"HOLDWATER_CACHE_ENABLED": "false"}, "memory": {"HOLDWATER_CACHE_DISK": "0", "HOLDWATER_CACHE_FILL_RATE": "0"},
                  "memory+disk": {"HOLDWATER_CACHE_FILL_RATE": "0"}, "default": {}, "no own writes": {"HOLDWATER_CACHE_OWN_WRITES": "false"},
                  "redis": {}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--test", default="oltp_point_select")
    parser.add_argument("--kinds", default=",".join(KINDS_OF_CACHE))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--clients", default="1,16")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--ps-mode", default="disable")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cache-cost-") as root:
        server, redis = KINDS["mariadb"](root).start(), Redis(root)
        proxies = []
        try:
            server.run(f"CREATE DATABASE {peers.DATABASE}")
            server.create_account(peers.ACCOUNT.user, peers.ACCOUNT.password, peers.DATABASE)
            load.sysbench(peers.direct(server), options.test, "prepare", tables=1, table_size=options.rows)
            for name in options.kinds.split(","):
                settings = {"HOLDWATER_CACHE_REDIS": redis.start().url} if name == "redis" else KINDS_OF_CACHE[name]
                proxies.append(peers.holdwater(root, server, name, **settings))
            for threads in map(int, options.clients.split(",")):
                measure(options, proxies, threads)
            for one in proxies:
                print(one.name, one.proxy.json("/health/cache"))
        finally:
            for one in proxies:
                one.close()
            redis.kill()
            server.destroy()


def measure(options, proxies, threads):
    seen = {one.name: [] for one in proxies}
    for turn in range(options.rounds):
        for one in load.rotated(proxies, turn):
            queries, used = load.used_by(one.pid, lambda: load.sysbench(
                one, options.test, "run", threads, options.seconds, options.ps_mode, tables=1, table_size=options.rows))
            seen[one.name].append(used / queries * 1e6)
    base = load.median(next(iter(seen.values())))  # of the first kind
    for name, values in seen.items():
        middle = load.median(values)
        print(f"{threads:3} clients  {name:14} {middle:6.2f} us of CPU per query  ({middle / base:.3f} x)  "
              f"{min(values):.2f} .. {max(values):.2f}", flush=True)


main()
