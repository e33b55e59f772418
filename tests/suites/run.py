"""Runs a server's own test suite through the proxy: mariadb.sh and mysql.sh beside this file say how to call it.

The lists hold the tests that pass without the proxy. A failed test can leave behind what makes others fail, so the
runner stops at a failure, server and proxy are started anew, and the rest of the list goes on there.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from lib.proxy import Account, Proxy  # noqa: E402
from suites.suite_server import SUITES  # noqa: E402

VERDICT = re.compile(r"^(?:\[ *\d+%\] *)?([\w-]+\.[^\s]+)\s.*\[ (?:retry-)?(pass|fail|skipped|disabled)\b")


class Run:
    def __init__(self, options):
        self.options = options
        self.work = tempfile.mkdtemp(prefix="holdwater-suite-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.server = SUITES[options.kind](self.work)
        self.proxy = None
        self.out = options.out or os.path.join(self.work, "out")
        os.makedirs(self.out, exist_ok=True)
        self.verdicts = {}

    def start(self):
        """A fresh server, and a fresh proxy before it: a plain one, with the account that the tests use, which
        shows the certificate that the clients expect of the server."""
        self.stop()
        self.server.start()
        if not self.options.direct:
            settings = {"HOLDWATER_SPOOL_ENABLED": "false", "DB_CHECK_INTERVAL": 3600, "DB_CONNECTION_TIMEOUT": 10,
                        "HOLDWATER_CLIENT_TLS_CERTIFICATE": f"{self.server.keys}/server-cert.pem",
                        "HOLDWATER_CLIENT_TLS_KEY": f"{self.server.keys}/server-key.pem", **dict(self.options.set)}
            self.proxy = Proxy(self.work, self.server, Account("root", ""), "", **settings)
            self.proxy.start()
            self.proxy.wait_state("up")

    def stop(self):
        if self.proxy is not None:
            self.proxy.close()
            self.proxy = None
        self.server.stop()

    def run_tests(self, names):
        """Until the first failure, or the end."""
        port = str((self.proxy or self.server).port)
        env = {**os.environ, "MASTER_MYPORT": port, "MASTER_MYSOCK": os.path.join(self.work, "no-such-socket")}
        argv = ["perl", self.server.runner, f"--vardir={self.server.var}", "--parallel=1", "--retry=1", "--noreorder",
                "--nowarnings", f"--testcase-timeout={self.options.minutes}", "--suite-timeout=120",
                *self.server.runner_options, *(["--force", "--max-test-fail=0"] if self.options.keep_going else []),
                "--extern", f"host={self.server.host}", "--extern", f"port={port}", "--extern", "user=root", "--extern",
                "protocol=tcp", *self.options.runner_arguments, *names]
        last = []
        with subprocess.Popen(argv, cwd=self.server.home, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, errors="replace") as child, \
                open(os.path.join(self.out, "runner.log"), "a", buffering=1) as log:
            for line in child.stdout:
                log.write(line[:500].rstrip("\n") + "\n")
                last = [*last[-9:], line]
                found = VERDICT.match(line)
                if found and found[1] in self.wanted:
                    if self.verdicts.get(found[1]) != "fail":  # of several variants of one test, the worst counts
                        self.verdicts[found[1]] = found[2]
                    if not self.options.quiet or found[2] != "pass":
                        print(line.rstrip(), flush=True)
        return "".join(last)

    def run(self, names):
        self.wanted = set(names)
        began = time.monotonic()
        rest = names
        while rest:
            self.start()
            last_words = self.run_tests(rest)
            left = [name for name in rest if name not in self.verdicts]
            if len(left) == len(rest):  # not even one verdict
                print(last_words)
                self.verdicts[rest[0]] = "fail"
                left = rest[1:]
            failed = any(self.verdicts.get(name) == "fail" for name in rest)
            if not failed or self.options.keep_going:
                break
            rest = left
        self.stop()
        return self.report(names, time.monotonic() - began)

    def report(self, names, seconds):
        sorted_out = {"pass": [], "fail": [], "skipped": []}
        for name in names:  # what the runner said nothing about counts as failed
            verdict = self.verdicts.get(name, "fail")
            sorted_out["skipped" if verdict == "disabled" else verdict].append(name)
        for verdict, which in sorted_out.items():
            with open(os.path.join(self.out, f"{verdict}.txt"), "w") as file:
                file.writelines(f"{name}\n" for name in which)
        for name in sorted_out["fail"] + sorted_out["skipped"]:
            print(f"not passed: {name}")
        print(f"took {seconds:.0f} s; the runner's words: {self.out}/runner.log")
        print(f"{len(sorted_out['pass'])} passed, {len(sorted_out['fail'])} failed, {len(sorted_out['skipped'])} skipped")
        # a test of the list passes without the proxy: one that is skipped with it is a difference too
        return not (sorted_out["fail"] or sorted_out["skipped"])


def names_of(options):
    if options.tests:
        return options.tests.split(",")
    with open(options.list or os.path.join(HERE, f"{options.kind}.txt")) as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=SUITES)
    parser.add_argument("--direct", action="store_true", help="without the proxy")
    parser.add_argument("--list", help="a file with one test a line, instead of the kind's own")
    parser.add_argument("--tests", help="tests by name, with commas between them")
    parser.add_argument("--keep-going", action="store_true", help="no fresh server after a failure")
    parser.add_argument("--minutes", type=int, default=2, help="time limit of one test")
    parser.add_argument("--out", help="a folder for the runner's words and the sorted lists")
    parser.add_argument("--quiet", action="store_true", help="print only what did not pass")
    parser.add_argument("--set", action="append", default=[], type=lambda text: text.split("=", 1),
                        help="NAME=VALUE, a setting of the proxy, as its environment takes it")
    parser.epilog = "What stands behind -- goes to mysql-test-run, such as --ps-protocol."
    ours, _, theirs = " ".join(sys.argv[1:]).partition(" -- ")
    options = parser.parse_args(ours.split())
    options.runner_arguments = theirs.split()
    run = Run(options)
    try:
        return 0 if run.run(names_of(options)) else 1
    finally:
        run.stop()
        if not options.out:
            keep = tempfile.mkdtemp(prefix="holdwater-suite-out-")
            shutil.copytree(run.out, keep, dirs_exist_ok=True)
        shutil.rmtree(run.work, ignore_errors=True)


sys.exit(main())
