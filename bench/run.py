#!/usr/bin/python3
"""Measures Holdwater beside the server itself and beside other proxies, before one throwaway MariaDB, in interleaved rounds, so
that the machine's moods strike all alike. What is said is CPU time and system calls of each proxy's process, memory, and ratios.

    bench/run.py                      everything, about 15 minutes
    bench/run.py point outage         these only: point connects large idle outage instructions
    bench/run.py --quick              fewer and shorter rounds, to see that it works

It needs a release build. HAProxy is installed from Debian, MySQL Router is fetched (bench/mysql_router.sh), ProxySQL is taken
along where it is installed. It writes results.json, results.md and results.svg to --out, and the tables to the terminal.
"""
import argparse
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(PROJECT, "tests")]
sys.dont_write_bytecode = True

import peers  # noqa: E402
import report  # noqa: E402
from cases import connects, idle_clients, instructions, large_result, outage, point_select  # noqa: E402
from lib.process import end_all  # noqa: E402
from lib.server import KINDS  # noqa: E402

CASES = {"point": point_select, "connects": connects, "large": large_result, "idle": idle_clients, "outage": outage,
         "instructions": instructions}


class World:
    """The server of one case, and who stands before it."""
    tls_off = {"HOLDWATER_TLS_MODE": "off"}
    outage_settings = {"DB_RETRY_DELAY": "2"}  # as the program's own default

    def __init__(self, root):
        self.root = root
        # commits as durably as it does by its own defaults
        self.server = KINDS["mariadb"](root).start("--innodb-buffer-pool-size=256M", "--max-connections=12000",
                                                   "--innodb-flush-log-at-trx-commit=1")
        self.server.run(f"CREATE DATABASE {peers.DATABASE}")
        self.server.create_account(peers.ACCOUNT.user, peers.ACCOUNT.password, peers.DATABASE)
        self._proxies = None

    def direct(self):
        return peers.direct(self.server)

    def proxies(self):
        if self._proxies is None:
            self._proxies = peers.all_proxies(self.root, self.server)
        return self._proxies

    def close(self):
        for peer in self._proxies or []:
            peer.close()
        self.server.destroy()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all when none is named")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="length of one measurement")
    parser.add_argument("--clients", type=lambda text: [int(one) for one in text.split(",")], default=[1, 16, 64])
    parser.add_argument("--idle", type=int, default=10_000, help="silent clients")
    parser.add_argument("--silence", type=int, default=10, help="seconds that they are silent")
    parser.add_argument("--mebibytes", type=int, default=1024, help="size of the large result")
    parser.add_argument("--pending", type=int, default=0, help="fill the queue with so many units once more, such as 1000000")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--most", type=float, help="end with an error when Holdwater's CPU per query is a larger multiple of HAProxy's")
    parser.add_argument("--out", default=os.path.join(PROJECT, "build", "bench"))
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.clients, options.idle, options.silence, options.mebibytes = 1, 1, [1, 16], 500, 2, 64
    for name in options.cases:
        if name not in CASES:
            parser.error(f"no case is called {name}; there are {', '.join(CASES)}")
    return options


def prepare(cases):
    subprocess.check_call([os.path.join(PROJECT, "tests", "install.sh"), "build", "test", "bench"])
    if set(cases) == {"instructions"}:
        return
    if subprocess.call([os.path.join(HERE, "mysql_router.sh")], stdout=subprocess.DEVNULL) != 0:
        print("MySQL Router could not be fetched, and is left out", file=sys.stderr)


def main():
    options = arguments()
    prepare(options.cases)
    os.makedirs(options.out, exist_ok=True)
    found = {}
    with tempfile.TemporaryDirectory(prefix="holdwater-bench-") as root:
        for name in options.cases or CASES:
            print(f"measuring: {(CASES[name].__doc__ or name).splitlines()[0]}", file=sys.stderr, flush=True)
            world = World(root)
            try:
                found[name] = CASES[name].measure(world, options)
            finally:
                world.close()
            print(report.markdown(CASES[name].tables(found[name])), flush=True)
    end_all()
    report.write(options.out, {name: CASES[name].tables(rows) for name, rows in found.items()}, found, options)
    print(f"written: {options.out}/results.json, results.md" + (", results.svg" if "point" in found else ""), file=sys.stderr)
    worst = max((row["ratio"] for row in found.get("point", []) if row["peer"].startswith("Holdwater")), default=0)
    return 1 if options.most and worst > options.most else 0


if __name__ == "__main__":
    sys.exit(main())
