"""A chaos run: writers write, the nemesis strikes, and at the end every write is accounted for. See run.sh."""
import argparse
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter

from checker import check, self_test
from writers import TABLES, History, Writer

from lib.process import end_all, tail, wait_until
from lib.proxy import Account, Proxy
from lib.server import KINDS


class Nemesis:
    """Strikes at seeded random. Its methods leave everything running again."""

    def __init__(self, rng, server, proxy, history):
        self.rng, self.server, self.proxy, self.history = rng, server, proxy, history
        self.strikes = Counter()

    def strike(self):
        kind = self.rng.choice(["kill_server", "kill_server", "kill_proxy", "kill_both", "freeze_server", "stop_server"])
        self.strikes[kind] += 1
        self.history.note("nemesis", kind)
        getattr(self, kind)()

    def pause(self, least, most):
        seconds = self.rng.uniform(least, most)
        time.sleep(seconds)  # the length of a trouble, not a wait for something

    def kill_server(self):
        self.server.kill()
        self.pause(0.1, 4)
        self.start_server()

    def stop_server(self):
        self.server.stop()
        self.pause(0.1, 4)
        self.start_server()

    def kill_proxy(self):
        self.proxy.kill()
        self.pause(0, 0.5)
        self.start_proxy()

    def kill_both(self):
        first, second = self.rng.sample([self.server.kill, self.proxy.kill], 2)
        first()
        self.pause(0, 0.3)
        second()
        self.pause(0, 1)
        first, second = self.rng.sample([self.start_server, self.start_proxy], 2)
        first()
        self.pause(0, 1)
        second()

    def freeze_server(self):
        self.server.freeze()
        self.pause(0.2, 5)
        self.server.thaw()
        self.history.note("nemesis", "the server is thawed")

    def start_server(self):
        self.server.start()
        self.history.note("nemesis", "the server runs")

    def start_proxy(self):
        self.proxy.start()
        self.history.note("nemesis", "the proxy runs")


def prepare(root, options):
    server = KINDS[options.server](root).start()
    server.run("CREATE DATABASE chaos")
    account = Account("chaos", "pandemonium")
    server.create_account(account.user, account.password, "chaos")
    server.run(*TABLES, *(f"INSERT INTO counters VALUES ({w}, 0, 0)" for w in range(options.writers)), database="chaos")
    proxy = Proxy(root, server, account, "chaos").start()
    proxy.wait_drained()
    return server, proxy


def play(options, server, proxy, history):
    stopping = threading.Event()
    writers = [Writer(number, proxy, history, stopping) for number in range(options.writers)]
    nemesis = Nemesis(random.Random(options.seed), server, proxy, history)
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
    proxy.wait_drained(180)
    history.note("checker", "everything is drained")
    return writers, nemesis


def judge(writers, server, proxy):
    """The broken promises, as sentences."""
    wrong = [f"{writer.name}: {writer.trouble!r}" for writer in writers if writer.trouble]
    rows = server.run("SELECT w, n FROM witness ORDER BY position", database="chaos")
    totals = dict(server.run("SELECT w, total FROM counters", database="chaos"))
    for writer in writers:
        applied = [n for w, n in rows if w == writer.number]
        wrong += [f"{writer.name}: {sentence}" for sentence in check(writer.told, applied, writer.transactions)]
        updates = sum(n % 3 == 0 for n in applied)
        if totals[writer.number] != updates:
            wrong.append(f"{writer.name}: its counter says {totals[writer.number]} updates, the witness saw {updates}")
    dead = proxy.health()["spool"]["dead"]
    if dead:
        wrong.append(f"{dead} dead letters: {proxy.http('/spool/dead')[1].decode()[:2000]}")
    return wrong


def report(options, writers, nemesis, proxy, seconds):
    told = Counter(verdict for writer in writers for verdict in writer.told.values())
    reasons = sum((writer.reasons for writer in writers), Counter())
    print(f"{options.server}, {options.writers} writers, {seconds:.0f} s")
    print(f"  acked {told['acked']} (of them spooled {sum(writer.spooled for writer in writers)}), "
          f"unknown {told['unknown']}, refused {told['refused']}")
    committed = Counter(writer.told[numbers[0]] for writer in writers for numbers in writer.transactions)
    print("  transactions: " + ", ".join(f"{verdict} {count}" for verdict, count in sorted(committed.items())))
    print("  " + ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in sorted(nemesis.strikes.items())))
    print(f"  units in the spool: {proxy.health()['spool']['last_seq']}")
    for reason, count in reasons.most_common(12):
        print(f"  {count:6} x {reason}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--server", choices=KINDS, default="mariadb")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--binary")
    options = parser.parse_args()
    if options.binary:
        os.environ["HOLDWATER_BINARY"] = options.binary
    self_test()
    print(f"seed {options.seed}", flush=True)
    logs = os.environ.get("HOLDWATER_TEST_LOGS", os.path.join(tempfile.gettempdir(), "holdwater-test-logs"))
    os.makedirs(logs, exist_ok=True)
    history = History(os.path.join(logs, f"chaos-{options.server}-{options.seed}.history"))
    root = tempfile.mkdtemp(prefix="holdwater-chaos-")
    proxy, wrong = None, ["the run was broken off"]
    try:
        server, proxy = prepare(root, options)
        started = time.monotonic()
        writers, nemesis = play(options, server, proxy, history)
        wrong = judge(writers, server, proxy)
        report(options, writers, nemesis, proxy, time.monotonic() - started)
        if not any("acked" in writer.told.values() for writer in writers):
            wrong.append("no write was acknowledged, so nothing was tested")
    finally:
        for sentence in wrong[:40]:
            print("BROKEN:", sentence)
            history.note("checker", sentence)
        history.close()
        if wrong and proxy:
            shutil.copy(proxy.log, history.path[:-len("history")] + "proxy.log")
            print(f"the proxy's log, whole in {history.path[:-len('history')]}proxy.log, ends with:\n{tail(proxy.log)}")
        end_all()
        shutil.rmtree(root, ignore_errors=True)
    print(f"history: {history.path}")
    print(f"{len(wrong)} broken promises (seed {options.seed})" if wrong else "every write is accounted for")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
