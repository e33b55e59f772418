"""What the writers of a chaos run write over: text, by PyMySQL, and prepared statements with typed values, by the raw client.

Both have `run(statement)` and `write(writer, n)`, which give an Answer, and raise Failed. A write's values follow from the
writer and its number, so that the checker can tell them from any others.
"""
import datetime
import decimal
import struct
from collections import namedtuple

import pymysql

from lib.statements import COM_STMT_EXECUTE, LONGLONG, VARCHAR, Session, lenenc, packed_execute
from lib.wire import Closed, Err

Answer = namedtuple("Answer", "spooled insert_id info")
DOUBLE, DATETIME, NEWDECIMAL, BLOB, UNSIGNED = 5, 12, 246, 252, 0x8000

TABLES = [
    "CREATE TABLE writes (w INT NOT NULL, n INT NOT NULL) ENGINE=InnoDB",  # no key: a double insert stays visible
    "CREATE TABLE counters (w INT PRIMARY KEY, last INT NOT NULL, total INT NOT NULL) ENGINE=InnoDB",
    "CREATE TABLE slots (w INT NOT NULL, slot INT NOT NULL, n INT NOT NULL, PRIMARY KEY (w, slot)) ENGINE=InnoDB",
    # ids are the server's to make; reserved ones in an outage, which a table with an insert trigger cannot have
    "CREATE TABLE typed (id BIGINT AUTO_INCREMENT PRIMARY KEY, w INT NOT NULL, n INT NOT NULL, i BIGINT, u BIGINT UNSIGNED, f DOUBLE, "
    "c DECIMAL(30,10), d DATETIME(6), s VARCHAR(100) CHARACTER SET utf8mb4, b BLOB, e VARCHAR(10)) ENGINE=InnoDB",
    # The witness: triggers note every write that is applied, in the order of its application and in its transaction.
    "CREATE TABLE witness (position BIGINT AUTO_INCREMENT PRIMARY KEY, w INT NOT NULL, n INT NOT NULL) ENGINE=InnoDB",
    "CREATE TRIGGER writes_t AFTER INSERT ON writes FOR EACH ROW INSERT INTO witness (w, n) VALUES (NEW.w, NEW.n)",
    "CREATE TRIGGER counters_t AFTER UPDATE ON counters FOR EACH ROW INSERT INTO witness (w, n) VALUES (NEW.w, NEW.last)",
    "CREATE TRIGGER slots_t AFTER INSERT ON slots FOR EACH ROW INSERT INTO witness (w, n) VALUES (NEW.w, NEW.n)",
]
INSERT_TYPED = "INSERT INTO typed (w, n, i, u, f, c, d, s, b, e) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Failed(Exception):
    """What the writer was told instead of OK; number 0: the connection was lost, or nothing came."""

    def __init__(self, number, text):
        super().__init__(number, text)
        self.number, self.text = number, text


def is_typed(n):
    return n % 5 == 4


def is_update(n):
    return not is_typed(n) and n % 3 == 0


def values_of(w, n):
    """What the row of a typed write holds, from column i on."""
    return (-(n * 1_000_003 + w) ** 2 % 2 ** 62 - 2 ** 61, 2 ** 64 - 1 - n * 31 - w, (n + 0.1) * 10.0 ** (n % 40 - 20),
            decimal.Decimal(n * 7919 + w).scaleb(-7) * (-1) ** n,
            datetime.datetime(2024, 2, 29, 23, 59, 58) + datetime.timedelta(seconds=n, microseconds=n * 137 % 1000000),
            f"w{w} n{n} ä€😀'\"\\ ?", bytes((n + k) % 256 for k in range(n % 60)), None if n % 2 else "set")


def shape_of(w, n):
    """The statement of a write that is not a typed one, and its parameters."""
    if n % 3 == 0:
        return "UPDATE counters SET last = ?, total = total + 1 WHERE w = ?", (n, w)
    if n % 3 == 1:
        return "REPLACE INTO slots VALUES (?, ?, ?)", (w, n % 7, n)
    return "INSERT INTO writes (w, n) VALUES (?, ?)", (w, n)


class TextConnection:
    def __init__(self, proxy):
        try:
            self.connection = proxy.connect(read_timeout=30, connect_timeout=10)
        except (pymysql.err.MySQLError, OSError) as error:
            raise failed(error) from error

    def run(self, statement, args=None):
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(statement, args)
                info = (cursor._result.message or b"").decode()
                return Answer("Holdwater" in info, cursor.lastrowid, info)
        except (pymysql.err.MySQLError, OSError) as error:
            raise failed(error) from error

    def write(self, w, n):
        if is_typed(n):
            return self.run(INSERT_TYPED.replace("?", "%s"), (w, n, *values_of(w, n)))
        text, args = shape_of(w, n)
        return self.run(text.replace("?", "%s"), args)

    def close(self):
        if self.connection.open:
            self.connection._force_close()


class BinaryConnection:
    """Statements are prepared once for each connection, and executed with types, without them, and with long data."""

    def __init__(self, proxy):
        self.session, self.prepared = None, {}
        self.guard(self.login, proxy)

    def login(self, proxy):
        self.session = Session(proxy)

    def guard(self, act, *args):
        try:
            return act(*args)
        except Err as error:
            raise Failed(error.number, error.text) from error
        except (Closed, OSError, struct.error, IndexError, AssertionError) as error:
            raise Failed(0, f"{type(error).__name__}: {error}") from error

    def run(self, statement):
        return answer_of(self.guard(self.session.raw.query, statement))

    def write(self, w, n):
        return self.guard(self.execute, w, n)

    def execute(self, w, n):
        text, args = (INSERT_TYPED, (w, n, *values_of(w, n))) if is_typed(n) else shape_of(w, n)
        if text not in self.prepared:
            self.prepared[text] = [self.session.prepare(text), False]
        statement, types_sent = self.prepared[text]
        parameters = [(LONGLONG, struct.pack("<q", one)) for one in args] if not is_typed(n) else packed(args)
        if is_typed(n) and n % 7 == 0 and args[8]:
            for part in (args[8][:3], args[8][3:]):
                self.session.send_long_data(statement, 8, part)
            parameters[8] = (BLOB, b"")
        self.session.raw.command(COM_STMT_EXECUTE, packed_execute(statement.id, parameters, types=not types_sent or n % 3 == 0))
        answer = answer_of(self.session.raw.expect_ok())
        self.prepared[text][1] = True
        return answer

    def close(self):
        if self.session:
            self.session.close()


def packed(args):
    w, n, i, u, f, c, d, s, b, e = args
    moment = struct.pack("<BHBBBBBI", 11, d.year, d.month, d.day, d.hour, d.minute, d.second, d.microsecond)
    return [(LONGLONG, struct.pack("<q", w)), (LONGLONG, struct.pack("<q", n)), (LONGLONG, struct.pack("<q", i)),
            (LONGLONG | UNSIGNED, struct.pack("<Q", u)), (DOUBLE, struct.pack("<d", f)),
            (NEWDECIMAL, lenenc(f"{c:f}".encode())),
            (DATETIME, moment), (VARCHAR, lenenc(s.encode())), (BLOB, lenenc(b)),
            (VARCHAR, None if e is None else lenenc(e.encode()))]


def answer_of(ok):
    """An OK packet's meaning."""
    at, numbers = 1, []
    for _ in range(2):
        width = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(ok[at], 0)
        numbers.append(int.from_bytes(ok[at + 1:at + 1 + width], "little") if width else ok[at])
        at += 1 + width
    info = ok[at + 4:].decode(errors="replace")
    return Answer("Holdwater" in info, numbers[1], info)


def failed(error):
    if not isinstance(error, pymysql.err.MySQLError):
        return Failed(0, f"{type(error).__name__}: {error}")
    number, text = (*error.args, 0, "")[:2]
    return Failed(number if isinstance(number, int) else 0, str(text))
