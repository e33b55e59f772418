"""The writers of a chaos run: each sends one write after the other, alone or several in a transaction, and notes what it
was told.

What a writer is told is one of: acked (an OK, perhaps spooled), refused (an error that says that nothing happened), or
unknown (the error says so, or the connection was lost). A write is numbered within its writer and never sent again. What was
rolled back, to a savepoint or as a whole, counts as refused: it must not be there.
"""
import re
import threading
import time
from collections import Counter

import pymysql

IN_DOUBT = re.compile(r"in doubt|(outcome|result)\W.*(unknown|not known)|unknown (outcome|result)|may or may not", re.I)
LOST = (0, 2006, 2013, 2014, 2055)


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
    def __init__(self, number, proxy, history, stopping):
        super().__init__(daemon=True, name=f"writer {number}")
        self.number, self.proxy, self.history, self.stopping = number, proxy, history, stopping
        self.told = {}           # n: "acked", "refused" or "unknown"
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
                self.stopping.wait(0.002)  # 8 writers as fast as they can would only measure the disk
        except Exception as error:
            self.trouble = error

    def connect(self):
        try:
            self.connection = self.proxy.connect(read_timeout=30, connect_timeout=10)
            self.history.note(self.name, "connected")
            return True
        except (pymysql.err.MySQLError, OSError):
            self.stopping.wait(0.05)  # the proxy is down; nothing is asked meanwhile
            return False

    def write(self, n):
        statement = statement_of(self.number, n)
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(statement)
                spooled = cursor._result.warning_count == 1
        except (pymysql.err.MySQLError, OSError) as error:
            self.failed(n, error)
            return
        self.told[n] = "acked"
        self.spooled += spooled
        self.history.note(self.name, f"n={n} OK{' spooled: ' if spooled else ''}"
                                     f"{cursor._result.message.decode(errors='replace') if spooled else ''}")

    def transaction(self, first):
        """Several writes, some of them behind a savepoint that is gone back to. Returns the last number that it took."""
        numbers = list(range(first, first + 2 + first % 5))
        undone = {n for n in numbers if n % 6 == 1}
        kept = [n for n in numbers if n not in undone]
        gives_up = first % 28 == 0
        begin = "SET autocommit = 0" if first % 8 == 0 else "BEGIN"
        step = begin
        try:
            self.run_statement(begin)
            for n in numbers:
                step = f"n={n}"
                if n in undone:
                    self.run_statement(f"SAVEPOINT s{n}")
                self.run_statement(statement_of(self.number, n))
                if n in undone:
                    self.run_statement(f"ROLLBACK TO s{n}")
            if gives_up:
                self.run_statement("ROLLBACK")
        except (pymysql.err.MySQLError, OSError) as error:
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
        try:
            spooled = self.run_statement("COMMIT")
        except (pymysql.err.MySQLError, OSError) as error:
            self.failed(numbers, error, None, f"COMMIT of {numbers}")
            return
        self.told.update(dict.fromkeys(numbers, "acked"))
        self.spooled += len(numbers) * spooled
        self.history.note(self.name, f"COMMIT of {numbers} OK{' spooled' if spooled else ''}")

    def run_statement(self, statement):
        """Whether the answer had one warning: that of a write that is not on the server yet."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor._result.warning_count == 1

    def end_transaction(self, statement):
        """What it needs to begin anew; a connection that cannot give that is left."""
        if self.connection is None:
            return
        try:
            self.run_statement(statement)
            self.run_statement("SET autocommit = 1")
        except (pymysql.err.MySQLError, OSError) as error:
            self.history.note(self.name, f"{statement} failed: {error}")
            self.leave()

    def failed(self, numbers, error, verdict=None, what=None):
        number, text = (error.args + (0, ""))[:2] if isinstance(error, pymysql.err.MySQLError) else (0, str(error))
        numbers = numbers if isinstance(numbers, list) else [numbers]
        lost = number in LOST or not isinstance(number, int)
        unknown = lost or bool(IN_DOUBT.search(str(text)))
        verdict = verdict or ("unknown" if unknown else "refused")
        self.told.update(dict.fromkeys(numbers, verdict))
        self.reasons[f"{verdict}: {number} {re.sub(r'[0-9]+', 'N', str(text))[:100]}"] += 1
        self.history.note(self.name, f"{what or f'n={numbers[0]}'} {verdict}: {number} {text}")
        if unknown or not self.connection.open:
            self.leave()  # it may be of no use any more: a new one is

    def leave(self):
        if self.connection.open:
            self.connection._force_close()
        self.connection = None


TABLES = [
    "CREATE TABLE writes (w INT NOT NULL, n INT NOT NULL) ENGINE=InnoDB",  # no key: a double insert stays visible
    "CREATE TABLE counters (w INT PRIMARY KEY, last INT NOT NULL, total INT NOT NULL) ENGINE=InnoDB",
    "CREATE TABLE slots (w INT NOT NULL, slot INT NOT NULL, n INT NOT NULL, PRIMARY KEY (w, slot)) ENGINE=InnoDB",
    # The witness: triggers note every write that is applied, in the order of its application and in its transaction.
    "CREATE TABLE witness (position BIGINT AUTO_INCREMENT PRIMARY KEY, w INT NOT NULL, n INT NOT NULL) ENGINE=InnoDB",
    "CREATE TRIGGER writes_t AFTER INSERT ON writes FOR EACH ROW INSERT INTO witness (w, n) VALUES (NEW.w, NEW.n)",
    "CREATE TRIGGER counters_t AFTER UPDATE ON counters FOR EACH ROW INSERT INTO witness (w, n) VALUES (NEW.w, NEW.last)",
    "CREATE TRIGGER slots_t AFTER INSERT ON slots FOR EACH ROW INSERT INTO witness (w, n) VALUES (NEW.w, NEW.n)",
]


def statement_of(writer, n):
    if n % 3 == 0:
        return f"UPDATE counters SET last = {n}, total = total + 1 WHERE w = {writer}"
    if n % 3 == 1:
        return f"REPLACE INTO slots VALUES ({writer}, {n % 7}, {n})"
    return f"INSERT INTO writes (w, n) VALUES ({writer}, {n})"
