"""Asks the lexer and a real server what statements are, and compares. See run.sh and tests/README.md, "Differential fuzz"."""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, namedtuple

import pymysql
from generator import FUNCTIONS, PROJECT, Generator
from server_side import BASE, IN_TRANSACTION, REFILL, Binlog, Session, make_schema, summary

from lib.process import end_all
from lib.server import KINDS
from lib.wire import Closed

Mode = namedtuple("Mode", "sql_mode charset")
BATCH = 100
SQL_MODES = ["", "", "STRICT_TRANS_TABLES", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES", "ANSI",
    "PIPES_AS_CONCAT,IGNORE_SPACE"]
MARIADB_MODES = SQL_MODES + ["ORACLE", "MSSQL"]
CHARSETS = ["utf8mb4", "utf8mb4", "latin1", "gbk", "sjis", "cp932", "big5", "euckr", "ujis", "gb2312", "koi8r", "cp866",
            "macroman", "cp1251"]
SAME = {"insert": {"write", "update"}, "replace": {"write", "update", "delete"}, "update": {"update"}, "delete": {"delete"}}
DENIED, EMPTY, OTHER_COUNT = (1142, 1143), (1064, 1065), 1318


class Claim:
    """What is said of one statement."""

    def __init__(self, text):
        self.kind, flags, tables = text.split(",")
        self.flags = set(flags.split("+")) - {""}
        self.tables, self.written = [], set()
        for one in tables.split():
            schema, name = (bytes.fromhex(part).decode(errors="replace") for part in one.rstrip("!").split("."))
            self.tables.append((schema, name))
            if one.endswith("!"):
                self.written.add(f"{schema}.{name}")


class Lexer:
    def __init__(self, program, mariadb, version):
        self.head = f"M\t{'mariadb' if mariadb else 'mysql'}\t{version}"
        self.child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line):
        self.child.stdin.write(line.encode() + b"\n")
        self.child.stdin.flush()
        said = self.child.stdout.readline().decode().rstrip("\n")
        assert said, f"the lexer ended at {line}"
        return said

    def enter(self, mode):
        self.ask(f"{self.head}\t{mode.sql_mode}\t{mode.charset}\td1")

    def describe(self, text):
        how, *claims = self.ask(f"Q\t{text.hex()}").split("\t")
        return how, [Claim(one) for one in claims]

    def close(self):
        self.child.stdin.close()
        self.child.wait()


def class_of(how, claims):
    """What is to be compared; the rest needs no server, since it is refused in an outage."""
    if how == "single":
        one = claims[0]
        if one.kind == "EMPTY":
            return "empty"
        if "spoolable" in one.flags:
            return "plain write"
        if "write" in one.flags:
            return "write that is refused"
        if "pure" in one.flags:
            return "pure read"
        if "reads" in one.flags:
            return "read"
        return "unknown" if one.kind == "UNKNOWN" else "other, known kind"
    if how == "several_writes":
        return "several plain writes" if all("spoolable" in one.flags for one in claims) else "several, refused"
    return "several reads" if all("reads" in one.flags for one in claims) else "several, refused"


COMPARED = ("empty", "plain write", "pure read", "read", "several plain writes", "several reads")


class Comparison:
    def __init__(self, options, server, out):
        self.options, self.server, self.mariadb, self.out = options, server, server.kind != "mysql", out
        make_schema(server, self.mariadb)
        server.run("SET GLOBAL max_connections = 400")
        version = server.run("SELECT VERSION()")[0][0].split("-")[0].split(".")
        number = int(version[0]) * 10000 + int(version[1]) * 100 + int(version[2])
        self.lexer = Lexer(options.classify, self.mariadb, number)
        self.sessions, self.baselines = {}, {}
        self.connect()
        self.counts, self.finds, self.served, self.errors = Counter(), [], Counter(), Counter()

    def connect(self):
        self.holder = self.server.admin("d1")
        self.holder.autocommit(False)
        self.binlog = Binlog(self.server, self.mariadb)

    # --- a batch: statements in one mode

    def mode(self, number):
        rng = random.Random(f"{self.options.seed} mode {number}")
        return Mode(rng.choice(MARIADB_MODES if self.mariadb else SQL_MODES),
            rng.choice(CHARSETS if self.mariadb else CHARSETS + ["gb18030"]))

    def text(self, number):
        return Generator(random.Random(f"{self.options.seed} statement {number}"), self.mariadb).next()

    def batch(self, number, chosen=None):
        mode = self.mode(number)
        self.lexer.enter(mode)
        work = []
        for index in range(number * BATCH, (number + 1) * BATCH) if chosen is None else chosen:
            text = self.text(index)
            how, claims = self.lexer.describe(text)
            kind = class_of(how, claims)
            self.counts[kind] += 1
            if kind in COMPARED:
                work.append((index, text, kind, claims))
        self.refill()
        self.hold()
        for each in work:
            if "write" not in each[2]:
                self.compare(mode, *each)
        self.holder.rollback()  # nothing is held any more
        for each in work:
            if "write" in each[2]:
                self.compare(mode, *each)
        if chosen is None and self.look_at_variables(mode):
            self.narrow(number, work)
        for session in self.sessions.values():
            session.close()
        self.sessions.clear()

    def refill(self):
        self.server.run("SET lock_wait_timeout = 5", *REFILL)
        self.binlog.at = self.binlog.position()

    def hold(self):
        with self.holder.cursor() as cursor:
            for schema, table in BASE:
                cursor.execute(f"SELECT * FROM {schema}.{table} FOR UPDATE")

    def session(self, mask, mode):
        if mask not in self.sessions:
            self.sessions[mask] = Session(self.server, f"m{mask}", mode, self.mariadb)
            if mode not in self.baselines:
                self.baselines[mode] = self.sessions[mask].variables()
        return self.sessions[mask]

    def look_at_variables(self, mode):
        """Whether any session's variables are not those of a fresh one."""
        return any(session.variables() != self.baselines[mode] for session in self.sessions.values())

    def narrow(self, number, work):
        """Session variables have changed: by which statement?"""
        for index, text, kind, claims in work:
            for session in self.sessions.values():
                session.close()
            self.sessions.clear()
            mode = self.mode(number)
            self.compare(mode, index, text, kind, claims)
            changed = {name: (value, self.baselines[mode].get(name)) for session in self.sessions.values()
                       for name, value in session.variables().items() if value != self.baselines[mode].get(name)}
            if changed:
                self.find(mode, index, text, kind, claims, f"it changes session variables: {changed}", [])

    # --- the names of functions

    def names(self):
        """Every name that the lexer takes for a built-in function's, in every spelling: is it the server's?"""
        for sql_mode in ("", "IGNORE_SPACE"):
            mode = Mode(sql_mode, "utf8mb4")
            self.lexer.enter(mode)
            session = self.session(0, mode)
            for name in FUNCTIONS:
                for spelled in (f"{name}(1)", f"{name} (1)", f"{name}/**/(1)", f"`{name}`(1)", f"{name}()", f"{name} ()",
                    f"{name}(1, 2)", f"{name}(1, 2, 3)"):
                    text = f"SELECT {spelled}".encode()
                    how, claims = self.lexer.describe(text)
                    if "reads" not in claims[0].flags or how != "single":
                        continue
                    results = session.run(text)
                    if summary(self.binlog.news())[1] or any(one.number == OTHER_COUNT and "FUNCTION d" in one.text for one in results):
                        self.finds.append(-1)
                        print(f"FIND: a stored function can be called as {spelled}, sql_mode '{sql_mode}'", file=self.out,
                            flush=True)
            session.close()
            self.sessions.clear()

    # --- a statement

    def compare(self, mode, index, text, kind, claims):
        mask = sum(1 << at for at, table in enumerate(BASE) if any(table in one.tables for one in claims))
        session = self.session(mask, mode)
        # half of them in a transaction, which they must leave open, and which ROLLBACK undoes
        inside = index % 2 == 1
        try:
            if inside:
                session.must("START TRANSACTION")
                session.must("INSERT INTO m VALUES (1)")
            results = session.run(text)
            left = session.status & IN_TRANSACTION if results[-1].what != "error" else None
            again = session.run(text) if kind == "pure read" else None
            if inside:
                session.must("ROLLBACK")
            state = session.probe()
        except (Closed, OSError, AssertionError) as error:
            del self.sessions[mask]
            session.close()
            if self.has_crashed():
                self.start_again(mode, index, text)
                return
            self.find(mode, index, text, kind, claims, f"the session ended or refused to go on: {error!r}", [])
            self.binlog.news()
            return
        events = self.binlog.news()
        self.served["refused by the server" if results[-1].what == "error" else "carried out"] += 1
        if results[-1].what == "error":
            self.errors[results[-1].number] += 1
        wrong = self.judge(kind, claims, results, again, events, inside, left)
        wrong += self.judge_state(claims, kind, session.state, state)
        if state != session.state:
            del self.sessions[mask]
            session.close()
        for sentence in wrong:
            self.find(mode, index, text, kind, claims, sentence, results)

    def has_crashed(self):
        try:
            self.binlog.position()
            return False
        except pymysql.err.MySQLError:
            self.server.child.wait(60)
            return True

    def start_again(self, mode, index, text):
        """The server has crashed, which is its own affair."""
        self.served["crashes of the server"] += 1
        print(f"the server crashes (--seed {self.options.seed} --only {index}, {mode}): {text!r}", file=self.out, flush=True)
        for session in self.sessions.values():
            session.close()
        self.sessions.clear()
        self.server.child = None
        self.server.start()
        self.connect()

    def judge(self, kind, claims, results, again, events, inside, left):
        transactions, tables, kinds, others = summary(events)
        failed = results[-1].what == "error"
        wrong = []
        for one in results:
            if one.what == "error" and one.number in DENIED and self.is_unnamed(one.text, claims):
                wrong.append(f"it needs a table that was not named: {one.text}")
            if one.what == "error" and one.number in (1205, 3572) and "write" not in kind:
                wrong.append("a read waits for row locks")
        # behind the last ; a comment is one more for the server, an empty one
        while len(results) > len(claims) and (results[-1].what == "ok" or results[-1].number in EMPTY):
            results = results[:-1]
        if len(results) > len(claims) or (len(results) < len(claims) and not failed):
            wrong.append(f"the server saw {len(results)} statements instead of {len(claims)}")
        if left is not None and inside and not left:
            wrong.append("it ends the transaction")
        if left is not None and not inside and left:
            wrong.append("it leaves a transaction open")
        if others:
            wrong.append(f"it is more than a change of rows: {others}")
        if inside or "write" not in kind:
            if transactions or tables:
                wrong.append(f"something was committed: {sorted(tables)} {sorted(kinds)}")
        else:
            wrong += self.judge_write(claims, results, transactions, tables, kinds)
        if "read" in kind and any(one.what == "ok" for one in results):
            wrong.append("a read that gives no rows")
        if "write" in kind and any(result.what == "rows" and "returns" not in claim.flags for claim,
            result in zip(claims, results)):
            wrong.append("a write that gives rows")
        if kind == "empty" and any(one.what == "rows" for one in results):
            wrong.append("it is not empty")
        if again and "varies" not in claims[0].flags and claims[0].kind == "SELECT" and not failed and again[0].digest != results[0].digest:
            wrong.append("it gives something else when it is repeated")
        return wrong

    def is_unnamed(self, refusal, claims):
        """Whether the table that the account has no right to is none of those that it was given for."""
        quoted = re.search(r"for table (?:`([^`]*)`\.`((?:[^`]|``)*)`|'(.*)')", refusal)
        if quoted is None:
            return False
        schema, table, alone = quoted.groups()
        if table is not None:
            return (schema, table.replace("``", "`")) in BASE
        given = {one for claim in claims for one in claim.tables}
        return any(name == alone for _, name in BASE) and not any(one not in BASE and one[1] == alone for one in given)

    def judge_write(self, claims, results, transactions, tables, kinds):
        wrong = []
        done = [claim for claim, result in zip(claims, results) if result.what != "error"]
        if transactions > len(done):
            wrong.append(f"{transactions} transactions of {len(done)} statements that were carried out")
        written = set().union(*(one.written for one in done)) if done else set()
        if not tables <= written:
            wrong.append(f"it changes {sorted(tables)} and not only {sorted(written)}")
        allowed = set().union(*(SAME[one.kind.lower()] for one in done)) if done else set()
        if any(one.kind == "INSERT" and "on_duplicate" not in one.flags for one in done) and len(done) == 1:
            allowed = {"write"}
        if not kinds <= allowed:
            wrong.append(f"its changes are {sorted(kinds)}, not {sorted(allowed)}")
        return wrong

    def judge_state(self, claims, kind, before, after):
        if before == after:
            return []
        changed = [at for at, (one, other) in enumerate(zip(before[0], after[0])) if one != other]
        allowed = set()
        if not all("keeps_id" in one.flags for one in claims):
            allowed.add(0)
        if any("writes_variable" in one.flags for one in claims) and kind in ("read", "several reads"):
            allowed |= {1, 2}
        extra = [at for at in changed if at not in allowed]
        return [f"it changes the session: {[(before[0][at], after[0][at]) for at in extra]}"] if extra else []

    def find(self, mode, index, text, kind, claims, sentence, results):
        self.finds.append(index)
        said = "; ".join(f"{one.kind} {'+'.join(sorted(one.flags))} {one.tables} written {sorted(one.written)}" for one in claims)
        print(f"FIND --seed {self.options.seed} --only {index}: {sentence}\n  as {kind}: {said}\n  {mode}\n  {text!r}\n  the server: {results}", file=self.out, flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", choices=KINDS, default="mariadb")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--minutes", type=float, default=0.25)
    parser.add_argument("--only", type=int, help="one statement again, as a find names it")
    parser.add_argument("--classify", default=os.path.join(PROJECT, "build/release/classify"))
    return parser.parse_args(arguments)


def compare_all(options, server, out=sys.stdout, enough=lambda comparison: True):
    """Returns the comparison; `server` logs in row format. It goes on for two minutes more, at most, until there is enough."""
    comparison = Comparison(options, server, out)
    try:
        if options.only is not None:
            comparison.batch(options.only // BATCH, [options.only])
            return comparison
        comparison.names()
        end_at, number = time.monotonic() + options.minutes * 60, 0
        while time.monotonic() < end_at or (time.monotonic() < end_at + 120 and not enough(comparison)):
            comparison.batch(number)
            number += 1
    finally:
        comparison.lexer.close()
    return comparison


LOGS = ["--log-bin=binlog", "--binlog-format=ROW", "--server-id=1", "--sync-binlog=0", "--max-binlog-size=1G",
    "--log-bin-trust-function-creators=1"]


def report(options, comparison, out=sys.stdout):
    total = sum(comparison.counts.values())
    print(f"{options.server}, seed {options.seed}: {total} statements, {sum(comparison.served.values())} compared "
          f"({', '.join(f'{what} {count}' for what, count in comparison.served.items())})", file=out)
    for kind, count in comparison.counts.most_common():
        print(f"  {count:8} {100 * count / total:5.1f} %  {kind}{'' if kind in COMPARED else ' (needs the server, not compared)'}", file=out)
    print(f"  most frequent errors: {', '.join(f'{number} x {count}' for number, count in comparison.errors.most_common(8))}",
        file=out)
    print(f"  {len(comparison.finds)} finds", file=out)


def main():
    options = parse(sys.argv[1:])
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="holdwater-differential-") as root:
        try:
            server = KINDS[options.server](root).start(*LOGS)
            comparison = compare_all(options, server)
            report(options, comparison)
        finally:
            end_all()
    return 1 if comparison.finds else 0


if __name__ == "__main__":
    sys.exit(main())
