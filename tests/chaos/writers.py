"""The writers of a chaos run: each sends one write after the other, alone or several in a transaction, and notes what it
was told. They use several connectors, with text and with prepared statements.

What a writer is told is one of: acked (an OK, perhaps spooled), refused (an error that says that nothing happened), or
unknown (the error says so, or the connection was lost). A write is numbered within its writer and never sent again. What was
rolled back, to a savepoint or as a whole, counts as refused: it must not be there.
"""
import re
import threading
import time
from collections import Counter

from connections import BinaryConnection, Failed, TextConnection, is_typed
from drivers import ChildConnection, CConnection, missing

IN_DOUBT = re.compile(r"in doubt|(outcome|result)\W.*(unknown|not known)|unknown (outcome|result)|may or may not", re.I)
LOST = (0, 2006, 2013, 2014, 2027, 2055)  # 2027: the end of a packet did not come
ENDED = (1927, 3169)  # the server has ended the connection itself, at any point of a statement

CONNECTORS = ["pymysql", "raw", "mysqlclient", "raw", "mysql2", "raw", "mysqli", "pymysql"]  # of one writer each, then again
CHILDREN = ("mysql2", "mysqli")  # those that are programs of their own


def connectors(count):
    """For each writer; what is not there is replaced. And the reasons of those that are not."""
    absent = {name: why for name in ("mysqlclient", *CHILDREN) if (why := missing(name))}
    names = [CONNECTORS[n % len(CONNECTORS)] for n in range(count)]
    return ["pymysql" if name in absent else name for name in names], absent


class History:
    """What happened, in order, one line an event, for a person to follow."""

    def __init__(self, path):
        self.path, self._file, self._lock, self._start = path, open(path, "w"), threading.Lock(), time.monotonic()

    def note(self, who, what):
        with self._lock:
            self._file.write(f"{time.monotonic() - self._start:9.3f} {who:9} {what}\n")

    def close(self):
        self._file.close()


class Writer(threading.Thread):
    def __init__(self, number, connector, driver, door, history, stopping):
        super().__init__(daemon=True, name=f"writer {number}")
        self.number, self.connector, self.door, self.history, self.stopping = number, connector, door, history, stopping
        self.make = {"raw": BinaryConnection, "mysqlclient": CConnection, "pymysql": TextConnection}.get(
            connector, lambda to: ChildConnection(to, driver))
        self.told = {}           # n: "acked", "refused" or "unknown"
        self.live = []           # of those that the server acked itself: (when sent, when told, the numbers)
        self.ids = {}            # n: the insert id that it was told; of a transaction it counts when that is acked
        self.last_spooled = False
        self.spooled = 0         # of the acked ones, those with a spooled OK
        self.transactions = []   # the numbers that each was to commit
        self.reasons = Counter()  # of refusals and unknown outcomes
        self.trouble = None
        self.connection = None

    def run(self):
        try:
            n = 0
            while not self.stopping.is_set():
                if self.connection is None and not self.connect():
                    continue
                n += 1
                if n % 4 == 0:
                    n = self.transaction(n)
                else:
                    self.write(n)
                # 8 writers as fast as they can would only measure the disk, and the server would never catch up
                self.stopping.wait(0.03 if self.last_spooled else 0.002)
        except Exception as error:
            self.trouble = error

    def connect(self):
        try:
            self.connection = self.make(self.door)
            self.history.note(self.name, f"connected by {self.connector}")
            return True
        except Failed:
            self.stopping.wait(0.05)  # the proxy is down; nothing is asked meanwhile
            return False

    def send(self, n):
        answer = self.connection.write(self.number, n)
        if is_typed(n):
            self.ids[n] = answer.insert_id
        return answer

    def write(self, n):
        sent_at = time.monotonic()
        try:
            answer = self.send(n)
        except Failed as error:
            self.failed(n, error)
            return
        self.acked([n], answer.spooled, sent_at)
        self.history.note(self.name, f"n={n} OK{f' id={self.ids[n]}' if n in self.ids else ''}"
                                     f"{f' spooled: {answer.info}' if answer.spooled else ''}")

    def transaction(self, first):
        """Several writes, some of them behind a savepoint that is gone back to. Returns the last number that it took."""
        numbers = list(range(first, first + 2 + first % 5))
        undone = {n for n in numbers if n % 6 == 1}
        kept = [n for n in numbers if n not in undone]
        gives_up = first % 28 == 0
        begin = "SET autocommit = 0" if first % 8 == 0 else "BEGIN"
        step = begin
        try:
            self.connection.run(begin)
            for n in numbers:
                step = f"n={n}"
                if n in undone:
                    self.connection.run(f"SAVEPOINT s{n}")
                self.send(n)
                if n in undone:
                    self.connection.run(f"ROLLBACK TO s{n}")
            if gives_up:
                self.connection.run("ROLLBACK")
        except Failed as error:
            self.failed(numbers, error, "refused", f"transaction of {numbers} at {step}")
            self.end_transaction("ROLLBACK")
            return numbers[-1]
        if gives_up:
            self.told.update(dict.fromkeys(numbers, "refused"))
        else:
            self.told.update(dict.fromkeys(undone, "refused"))
            self.transactions.append(kept)
            self.commit(kept)
        if begin != "BEGIN":
            self.end_transaction("SET autocommit = 1")
        return numbers[-1]

    def commit(self, numbers):
        sent_at = time.monotonic()
        try:
            spooled = self.connection.run("COMMIT").spooled
        except Failed as error:
            self.failed(numbers, error, None, f"COMMIT of {numbers}")
            return
        self.acked(numbers, spooled, sent_at)
        ids = {n: self.ids[n] for n in numbers if n in self.ids}
        self.history.note(self.name, f"COMMIT of {numbers} OK{f' ids {ids}' if ids else ''}{' spooled' if spooled else ''}")

    def acked(self, numbers, spooled, sent_at):
        self.told.update(dict.fromkeys(numbers, "acked"))
        self.spooled += len(numbers) * spooled
        self.last_spooled = spooled
        if not spooled:
            self.live.append((sent_at, time.monotonic(), numbers))

    def end_transaction(self, statement):
        """What it needs to begin anew; a connection that cannot give that is left."""
        if self.connection is None:
            return
        try:
            self.connection.run(statement)
            self.connection.run("SET autocommit = 1")
        except Failed as error:
            self.history.note(self.name, f"{statement} failed: {error}")
            self.leave()

    def failed(self, numbers, error, verdict=None, what=None):
        numbers = numbers if isinstance(numbers, list) else [numbers]
        unknown = error.number in LOST + ENDED or bool(IN_DOUBT.search(error.text))
        verdict = verdict or ("unknown" if unknown else "refused")
        self.told.update(dict.fromkeys(numbers, verdict))
        self.reasons[f"{verdict}: {error.number} {re.sub(r'[0-9]+', 'N', error.text)[:100]}"] += 1
        self.history.note(self.name, f"{what or f'n={numbers[0]}'} {verdict}: {error.number} {error.text}")
        if unknown:
            self.leave()  # it may be of no use any more: a new one is

    def leave(self):
        self.connection.close()
        self.connection = None
