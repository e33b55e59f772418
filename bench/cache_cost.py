#!/usr/bin/env python3
"""What filling the read cache costs: CPU of Holdwater per query (user + system of the whole process, /proc/PID/stat), one
worker, with the cache off, in memory only, with the disk behind it, and with a bound on fills, as is the default, before one throwaway MariaDB, in interleaved rounds.

    bench/cache_cost.py [--rounds 5] [--seconds 4] [--clients 1,16] [--rows 100000] [--ps-mode disable|auto]

With 100000 rows nearly every query is new to the cache, which is the dear case; with 1000 nearly none is."""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))

from lib.proxy import Account, Proxy  # noqa: E402
from lib.server import KINDS  # noqa: E402

KINDS_OF_CACHE = {"off": {"HOLDWATER_CACHE_ENABLED": "false"}, "memory": {"HOLDWATER_CACHE_DISK": "0", "HOLDWATER_CACHE_FILL_RATE": "0"},
                  "memory+disk": {"HOLDWATER_CACHE_FILL_RATE": "0"}, "default": {}}


def sysbench(options, port, threads, seconds, verb):
    done = subprocess.run(
        ["sysbench", "oltp_point_select", "--db-driver=mysql", "--mysql-host=127.0.0.1", f"--mysql-port={port}",
         "--mysql-user=bench", "--mysql-password=bench", "--mysql-db=bench", "--tables=1", f"--table-size={options.rows}",
         f"--threads={threads}", f"--time={seconds}", f"--db-ps-mode={options.ps_mode}", "--mysql-ssl=off", verb],
        check=True, capture_output=True, text=True)
    found = re.search(r"total:\s+(\d+)", done.stdout)
    return int(found[1]) if found else 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
        proxies = {}
        try:
            server.run("CREATE DATABASE bench")
            server.create_account("bench", "bench", "bench")
            sysbench(options, server.port, 1, 1, "prepare")
            for name, settings in KINDS_OF_CACHE.items():
                proxies[name] = Proxy(root, server, Account("bench", "bench"), "bench", HOLDWATER_WORKERS=1, **settings).start()
                proxies[name].wait_drained()
            for threads in map(int, options.clients.split(",")):
                measure(options, proxies, threads)
            print({name: proxy.json("/health/cache") for name, proxy in proxies.items()}["memory+disk"])
        finally:
            for proxy in proxies.values():
                proxy.close()
            server.destroy()


def measure(options, proxies, threads):
    seen = {name: [] for name in proxies}
    for turn in range(options.rounds):
        for name in list(proxies)[turn % len(proxies):] + list(proxies)[:turn % len(proxies)]:
            proxy = proxies[name]
            before = cpu_seconds(proxy.child.pid)
            queries = sysbench(options, proxy.port, threads, options.seconds, "run")
            seen[name].append((cpu_seconds(proxy.child.pid) - before) / queries * 1e6)
    base = statistics.median(seen["off"])
    for name, values in seen.items():
        middle = statistics.median(values)
        print(f"{threads:3} clients  {name:12} {middle:6.2f} us of CPU per query  ({middle / base:.3f} x)  "
              f"{min(values):.2f} .. {max(values):.2f}", flush=True)


main()
