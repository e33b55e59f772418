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

from checker import check, check_typed, self_test
from connections import TABLES, is_typed, is_update
from nemesis import Nemesis
from network import Network
from writers import History, Writer

from lib.process import end_all, tail, wait_until
from lib.proxy import Account, Proxy
from lib.server import KINDS

BLOCK = 50000  # ids reserved for an outage: writers must not run out of them


def prepare(root, options):
    server = KINDS[options.server](root).start()
    server.run("CREATE DATABASE chaos")
    account = Account("chaos", "pandemonium")
    server.create_account(account.user, account.password, "chaos")
    server.run(*TABLES, *(f"INSERT INTO counters VALUES ({w}, 0, 0)" for w in range(options.writers)), database="chaos")
    relay = Network(server.host, server.port)
    proxy = Proxy(root, relay, account, "chaos", HOLDWATER_INSERT_IDS_BLOCK=BLOCK).start()
    proxy.wait_drained()
    first = proxy.connect()
    first.cursor().execute("INSERT INTO typed (w, n) VALUES (-1, 0)")  # so that ids are reserved before the first outage
    first.close()
    wait_until(lambda: "reserved ids" in proxy.log_text(), 20, "ids are reserved")
    return server, proxy, relay


def play(options, server, proxy, relay, history):
    stopping = threading.Event()
    writers = [Writer(number, proxy, history, stopping) for number in range(options.writers)]
    nemesis = Nemesis(random.Random(options.seed), server, proxy, relay, history)
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
    typed = server.run("SELECT w, id, n, i, u, f, c, d, s, b, e FROM typed ORDER BY id", database="chaos")
    totals = dict(server.run("SELECT w, total FROM counters", database="chaos"))
    for writer in writers:
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


def report(options, writers, nemesis, proxy, seconds):
    told = Counter(verdict for writer in writers for verdict in writer.told.values())
    reasons = sum((writer.reasons for writer in writers), Counter())
    print(f"{options.server}, {options.writers} writers, {seconds:.0f} s")
    print(f"  acked {told['acked']} (of them spooled {sum(writer.spooled for writer in writers)}), "
          f"unknown {told['unknown']}, refused {told['refused']}")
    prepared = [writer for writer in writers if writer.prepares]
    print(f"  of the acked ones {sum(verdict == 'acked' for writer in prepared for verdict in writer.told.values())} by prepared "
          f"statements; {sum(writer.told.get(n) == 'acked' for writer in writers for n in writer.ids)} with an id and typed values")
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
        server, proxy, relay = prepare(root, options)
        started = time.monotonic()
        writers, nemesis = play(options, server, proxy, relay, history)
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
