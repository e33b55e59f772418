"""Loads that are put on a peer, and what they cost: sysbench, and the kernel's account of a process."""
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time

from lib.process import processor_seconds
from peers import ACCOUNT, DATABASE

HERE = os.path.dirname(os.path.abspath(__file__))


def sysbench(peer, test, verb, threads=1, seconds=1, ps_mode="disable", **options):
    """How many queries it did."""
    done = subprocess.run(
        ["sysbench", test, "--db-driver=mysql", f"--mysql-host={peer.host}", f"--mysql-port={peer.port}",
         f"--mysql-user={ACCOUNT.user}", f"--mysql-password={ACCOUNT.password}", f"--mysql-db={DATABASE}", "--mysql-ssl=off",
         f"--threads={threads}", f"--time={seconds}", f"--db-ps-mode={ps_mode}",
         *(f"--{name.replace('_', '-')}={value}" for name, value in options.items()), verb],
        capture_output=True, text=True)
    assert done.returncode == 0, f"sysbench before {peer.name}:\n{done.stdout}\n{done.stderr}"
    found = re.search(r"total: +(\d+)", done.stdout)
    return int(found[1]) if found else 0


def used_by(pid, work):
    """What `work` gives, and the CPU that a process has used meanwhile, in seconds; 0 of no process."""
    before = processor_seconds(pid) if pid else 0
    result = work()
    return result, processor_seconds(pid) - before if pid else 0


def rotated(items, turn):
    """Another order in each round, so that none is always measured after the same other one."""
    turn %= len(items)
    return [*items[turn:], *items[:turn]]


def median(values):
    return statistics.median(values)


def calls_of(pid, work):
    """System calls of a process while `work` runs: {name: count}."""
    with tempfile.NamedTemporaryFile() as out:
        tracer = subprocess.Popen(["strace", "-f", "-c", "-qq", "-o", out.name, "-p", str(pid)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not is_traced(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            result = work()
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)
        calls = {}
        for line in open(out.name):
            fields = line.split()
            if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total":
                calls[fields[-1]] = int(fields[3])
    return calls, result


def is_traced(pid):
    return all("TracerPid:\t0" not in open(f"/proc/{pid}/task/{task}/status").read() for task in os.listdir(f"/proc/{pid}/task"))
