"""Plays sequences of statements through an outage and directly, and compares what is there afterwards. See run.sh and tests/README.md, "Equivalence"."""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter

import eq_schema
from eq_direct import Direct, Played
from eq_link import Link, is_ours, rows_of
from eq_sessions import plan

from lib.process import end_all, tail
from lib.proxy import Account, Proxy
from lib.server import KINDS
from lib.wire import Closed

ACCOUNT = Account("eq", "secret-eq")
HEAD = re.compile(r"^-- number (\d+), account ")
CONTEXT = re.compile(r"^SET (?:.*, )?timestamp = (\d+\.\d+)(?:, insert_id = (\d+))?")


def ready(server, proxy):
    """Tables, accounts, and what Holdwater has to have seen before an outage: the tables' ids, a named time zone."""
    zones = subprocess.run(["mariadb-tzinfo-to-sql" if server.kind != "mysql" else os.path.join(server.home(), "bin",
        "mysql_tzinfo_to_sql"), "/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"],
                           capture_output=True, text=True)
    if zones.returncode != 0:
        zones = subprocess.run(["mariadb-tzinfo-to-sql", "/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"],
            capture_output=True, text=True)
    run_script(server, zones.stdout)
    server.run("CREATE TABLE eqd1.scratch (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB")


def run_script(server, script):
    connection = server.admin("mysql")
    with connection.cursor() as cursor:
        for text in script.split(";\n"):
            words = text.strip()
            if words.lower().startswith(("insert", "set @time_zone_id")):
                cursor.execute(words)
    connection.close()


class Rounds:
    def __init__(self, options, server, root, out):
        self.options, self.server, self.root, self.out = options, server, root, out
        self.mariadb = server.kind != "mysql"
        self.counts, self.finds = Counter(), []
        server.options = [*server.options, "--innodb-lock-wait-timeout=2"]  # a wait is a mistake of the test itself
        server.create_account(ACCOUNT.user, ACCOUNT.password, "eqq0")
        eq_schema.make(server, ACCOUNT)
        ready(server, None)
        eq_schema.fill(server)
        self.proxy = Proxy(root, server, ACCOUNT, "eqq0", HOLDWATER_CACHE_ENABLED="false",
                           HOLDWATER_LOG_LEVEL="debug" if options.verbose else "info")
        self.proxy.start()
        self.proxy.wait_drained()
        self.warm_up()

    def warm_up(self):
        connection = self.proxy.connect()
        with connection.cursor() as cursor:
            cursor.execute("SET time_zone = 'Europe/Berlin'")
            for table in eq_schema.AUTO_INCREMENT:
                cursor.execute(f"INSERT INTO {table} () VALUES ()" if table != "odd" else "INSERT INTO odd (x) VALUES (1)")
            cursor.execute("INSERT INTO eqq1.other (id) VALUES (99999)")
            cursor.execute("INSERT INTO eqq1.typed (id) VALUES (99999)")
        connection.close()
        for table in ("ai", "wide", "parent", "child"):
            self.proxy.wait_ids_reserved(table)
        self.proxy.wait_drained()

    # --- one round

    def play(self, links, steps, history):
        for step in steps:
            if step.do == "connect":
                links[step.session] = Link(self.proxy.host, self.proxy.port, ACCOUNT)
            if step.session in self.ended:
                continue
            sent = time.time()
            try:
                answers = links[step.session].play(step)
                if step.writes and not step.live and answers[-1].what == "rows":  # of RETURNING, where the Note names the unit
                    note = rows_of(links[step.session].ask("SHOW WARNINGS"))
                    answers[-1] = answers[-1]._replace(info=note[0][2].decode() if note else "")
            except (Closed, OSError) as error:
                self.ended.add(step.session)
                self.counts["sessions that ended"] += 1
                if self.options.verbose:
                    print(f"ended: {step} {error!r}\n{tail(self.proxy.log, 15)}", file=self.out)
                continue
            history.append(Played(step, answers, sent, time.time()))

    def round(self, seed, kept=None):
        self.seed, self.ended, units = seed, set(), {}
        before, outage, after = self.filtered(plan(seed, self.mariadb, self.options.size), kept)
        eq_schema.fill(self.server)
        history, links, direct = [], {}, None
        try:
            self.play(links, before, history)
            self.server.stop()
            self.proxy.wait_state("down")
            self.play(links, outage, history)
            units = self.units()
            self.server.start()
            self.proxy.wait_drained(120)
            dead = {each["seq"]: each["error_number"] for each in self.dead_letters()}
            if self.options.verbose:
                for each in self.dead_letters():
                    print("dead letter", each["seq"], each["error_number"], each["reason"], file=self.out)
            self.play(links, after, history)
            queued = eq_schema.dump(self.server, "eqq")
            direct = Direct(self.server, ACCOUNT, units, dead, self.say)
            if self.options.verbose:
                direct.trace = lambda *said: print("directly", said[0].place, *said[1:], file=self.out)
            for each in history:
                direct.feed(each)
            direct.end()
            self.compare(queued, eq_schema.dump(self.server, "eqd"), history)
            extra = set(dead) - direct.seen_dead
            if extra:
                self.find(f"dead letters of nobody: {sorted(extra)}")
        except (Closed, OSError) as error:
            self.find(f"the round ended: {error!r}")
        finally:
            for link in links.values():
                link.close()
            if direct:
                direct.close()
                self.counts.update(direct.counts)
            self.server.ensure_running()
            self.proxy.wait_drained(120)
            for each in self.dead_letters():
                self.proxy.http(f"/spool/dead/{each['seq']}/discard", "POST")
        self.counts["rounds"] += 1
        self.counts["units"] += len(units)
        self.note_history(history)

    @staticmethod
    def filtered(phases, kept):
        if kept is None:
            return phases
        return [[each for each in steps if each.do == "connect" or each.place in kept] for steps in phases]

    def note_history(self, history):
        for each in history:
            if each.answers and each.answers[-1].what == "error" and is_ours(each.answers[-1]):
                self.counts["refusal: " + re.sub(r"[`'\"0-9].*", "", each.answers[-1].text[6:])[:110]] += 1
        if self.options.verbose:
            for each in history:
                print(each.step.place, each.step.session, each.step.do, each.step.name, each.step.text, each.step.values, "=>",
                    each.answers, file=self.out)

    def dead_letters(self):
        return self.proxy.json("/spool/dead?limit=1000")["units"]

    def units(self):
        """{number: [(timestamp, insert id or None) of each statement]}"""
        found, after, more = {}, 0, True
        while more:
            part = self.proxy.json(f"/spool/export?after={after}")
            number = None
            for line in part["sql"].split("\n"):
                head, context = HEAD.match(line), CONTEXT.match(line)
                if head:
                    number = int(head.group(1))
                    found[number] = []
                elif context and number:
                    found[number].append((context.group(1), int(context.group(2)) if context.group(2) else None))
            after, more = part["last_seq"], part["truncated"]
        return found

    # --- comparing

    def compare(self, queued, direct, history):
        for table, (columns, rows) in queued.items():
            _, others = direct[table]
            self.counts["rows"] += len(rows)
            if rows == others:
                continue
            only_queued, only_direct = Counter(rows) - Counter(others), Counter(others) - Counter(rows)
            words = [f"table {table}: {len(rows)} rows, directly {len(others)}"]
            pairs = {row[0]: row for row in only_direct}
            for row in list(only_queued)[:4]:
                other = pairs.get(row[0])
                if other and columns[0] == "id":
                    words.append(f"  {row[0]}: " + ", ".join(f"{c}: {a!r}, directly {b!r}" for c, a, b in zip(columns, row,
                        other) if a != b))
                else:
                    words.append(f"  only queued: {row}")
                words += self.about(row[0], table, history)
            for row in list(only_direct)[:4]:
                if row[0] not in {one[0] for one in only_queued} or columns[0] != "id":
                    words.append(f"  only directly: {row}")
                    words += self.about(row[0], table, history)
            if not only_queued and not only_direct:
                words += [f"  {a}, directly {b}" for a, b in zip(rows, others)]
            self.find("\n".join(words))

    @staticmethod
    def about(key, table, history):
        """Texts that may have written the row."""
        if key is None or not key.isdigit() or int(key) < 10:
            return []
        mark = re.compile(rb"\b%s\b" % key)
        return [f"    step {each.step.place} session {each.step.session}: {each.step.text!r} => {each.answers}" for each in history if mark.search(each.step.text)][:5]

    def say(self, step, words):
        self.find(f"step {step.place} session {step.session} {step.do} {step.name} {step.text!r} {step.values}: {words}")

    def find(self, words):
        self.finds.append(words)
        print(f"FIND --server {self.server.kind} --seed {self.seed} --size {self.options.size}: {words}", file=self.out,
            flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", choices=KINDS, default="mariadb")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--rounds", type=int, help="so many, instead of minutes")
    parser.add_argument("--size", type=int, default=400, help="steps of an outage")
    parser.add_argument("--keep", help="only these steps of the round, and the logins: 3,17-20")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args(arguments)


def chosen(text):
    if text is None:
        return None
    spans = [(part.split("-") * 2)[:2] for part in text.split(",")]
    return {place for first, last in spans for place in range(int(first), int(last) + 1)}


def compare_all(options, server, root, out=sys.stdout):
    rounds = Rounds(options, server, root, out)
    try:
        end_at, number = time.monotonic() + options.minutes * 60, 0
        while number < options.rounds if options.rounds else time.monotonic() < end_at:
            rounds.round(options.seed + number, chosen(options.keep))
            number += 1
    finally:
        rounds.proxy.close()
    return rounds


def report(options, rounds, out=sys.stdout):
    print(f"{options.server}, seeds {options.seed} to {options.seed + rounds.counts['rounds'] - 1}: " +
          ", ".join(f"{what} {count}" for what,
              count in sorted(rounds.counts.items()) if "refusal" not in what) + f"; {len(rounds.finds)} finds", file=out)
    for what, count in sorted(rounds.counts.items(), key=lambda each: -each[1]):
        if "refusal" in what:
            print(f"  {count:6} {what}", file=out)


def main():
    options = parse(sys.argv[1:])
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="holdwater-equivalence-") as root:
        try:
            server = KINDS[options.server](root).start()
            rounds = compare_all(options, server, root)
            report(options, rounds)
        finally:
            end_all()
    return 1 if rounds.finds else 0


if __name__ == "__main__":
    sys.exit(main())
