"""Prepared writes and the values that are bound to them, of every type that clients send."""
import struct

from eq_schema import TYPED
from eq_values import RANGES

from lib.statements import lenenc

TINY, SHORT, LONG, FLOAT, DOUBLE, NULL, TIMESTAMP, LONGLONG, DATE, TIME, DATETIME = 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12
VARCHAR, JSON, NEWDECIMAL, BLOB, VAR_STRING, STRING, UNSIGNED = 15, 245, 246, 252, 253, 254, 0x8000
LONG_DATA = object()


class Bound:
    """A part of eq_writes.Writes."""

    TEMPLATES = (
        ("INSERT INTO typed (id, {0}) VALUES (?, ?)", 1), ("INSERT INTO typed (id, {0}, {1}) VALUES (?, ?, ?)",
            2), ("INSERT INTO typed (id, {0}, {1}, {2}) VALUES (?, ?, ?, ?), (?, ?, ?, ?)", 3), ("REPLACE INTO typed (id, {0}) VALUES (?, ?)", 1),
        ("INSERT INTO typed (id, {0}) VALUES (?, ?) ON DUPLICATE KEY UPDATE {0} = VALUES({0})",
            1), ("INSERT IGNORE INTO typed (id, {0}, {1}) VALUES (?, ?, ?)", 2), ("INSERT INTO typed SET id = ?, {0} = ?, tx = CONCAT('[', {0}, ']')", 1))

    def template(self):
        """(text, kinds of the values, generates)"""
        how = self.rng.random()
        if how < 0.55:
            form, count = self.rng.choice(self.TEMPLATES)
            columns = self.rng.sample(list(TYPED), count)
            kinds = ["new typed"] + [TYPED[each] for each in columns]
            return form.format(*columns), kinds * (2 if "), (" in form else 1), False
        column = self.rng.choice(list(TYPED))
        return self.pick(
            (f"UPDATE typed SET {column} = ? WHERE id = ?", [TYPED[column], "old typed"],
                False), ("INSERT INTO ai (k, s) VALUES (?, ?)", ["new ai key",
                "text"], True), ("INSERT INTO wide (a, b) VALUES (?, ?), (?, ?)", ["int32", "text"] * 2, True),
            ("INSERT INTO ai (id, k, s) VALUES (?, ?, ?)", ["own id", "new ai key", "text"],
                True), ("UPDATE typed SET i = i + ?, vc = CONCAT(vc, ?) WHERE id = ?", ["int8", "text",
                "old typed"], False), ("DELETE FROM typed WHERE id = ? LIMIT 1", ["old typed"], False),
            ("INSERT INTO typed (id, vc, dtm, tx) VALUES (?, ? + 1, NOW(6), CHARSET(?))", ["new typed", "any", "text"],
                False), ("INSERT INTO typed (id, vc, tx, dbl) VALUES (?, COALESCE(?, 'n'), ?, ? / 3)", ["new typed", "any", "any",
                "any"], False),
            ("INSERT INTO other_side.x VALUES (?)" if self.chance(0.02) else "INSERT INTO eqq1.other (id, s) VALUES (?, ?)",
                ["new other", "text"], False) if self.chance(0.9) else ("DELETE FROM nopk WHERE a = ?", ["int32"], False),
            ("INSERT INTO watched (id, n, s) VALUES (?, ?, ?)", ["new watched", "int32", "text"],
                False), ("INSERT INTO typed (id, vc, tx) VALUES (?, ? || ?, ? = ?)", ["new typed", "text", "text", "any",
                "any"], False), ("UPDATE typed SET vc = ?, js = ? WHERE vc = ? ORDER BY id LIMIT 1", ["text", "json", "text"], False),
            ("INSERT INTO typed (id, vc) SELECT ?, CONCAT(?, vc) FROM typed WHERE id = ?", ["new typed", "text", "old typed"],
                False), ("INSERT INTO typed (id, dtm, ts, tm) VALUES (?, ?, ?, ?)", ["new typed", "datetime", "timestamp",
                "time"], False))

    def bound(self, kind):
        """(type, packed value or None or LONG_DATA)"""
        rng = self.rng
        if kind.startswith("new "):
            return self.pick((LONGLONG, struct.pack("<q", self.new(kind[4:]))), (LONG, struct.pack("<i", self.new(kind[4:]))))
        if kind.startswith("old "):
            return LONGLONG, struct.pack("<q", self.old(kind[4:]))
        if kind == "own id":
            return self.pick((LONGLONG, None), (LONG, struct.pack("<i", 0)), (NULL, None), (LONG, struct.pack("<i",
                500000 + self.new("ai"))))
        if self.chance(0.1):
            return self.pick((VAR_STRING, None), (NULL, None), (LONG, None), (DATETIME, None), (BLOB, None))
        if kind == "any" or self.chance(0.12):
            kind = rng.choice(["text", "int64", "uint64", "double", "float", "decimal", "date", "time", "datetime", "blob",
                "int8", "uint8"])
        if kind in RANGES or kind in ("year", "bit"):
            return self.bound_integer(RANGES.get(kind, (0, 2155)))
        if kind == "float":
            return FLOAT, struct.pack("<f", self.pick(0.0, -0.0, 1.5, 0.1, -1e30, 1e-40, 16777217.0, 3.4e38))
        if kind == "double":
            return DOUBLE, struct.pack("<d", self.pick(0.0, -0.0, 0.1, 1e300, -2.5e-308, 9007199254740993.0, 1 / 3,
                123456789.125))
        if kind in ("decimal", "bigdecimal"):
            return self.pick(NEWDECIMAL, 0, VAR_STRING), lenenc(self.pick(b"1.005", b"-0.000001", b"12345678901234567890.12345",
                b"1e3", b".5", b"", b"00.10", b"99999999999999.9999999"))
        if kind in ("date", "datetime", "timestamp", "time"):
            return self.bound_time(kind)
        if kind in ("binary", "binary8", "blob"):
            data = bytes(rng.randrange(256) for _ in range(self.pick(0, 1, 8, 300, 70000 if self.chance(0.1) else 20)))
            return self.pick((BLOB, lenenc(data)), (STRING, lenenc(data)), (BLOB, LONG_DATA), (251, lenenc(data)), (250,
                lenenc(data)), (249, lenenc(data)))
        if kind == "json":
            return self.pick((VAR_STRING, lenenc(b'{"a": [1, 2.50, null]}')), (BLOB, lenenc(b"[]")), (VAR_STRING,
                lenenc(b"{bad")), (VAR_STRING if self.mode.mariadb else JSON, lenenc(b'{"j": 1}')))
        data = self.mode.encode(self.values.word(20 if kind == "char" else 60))
        return self.pick((VAR_STRING, lenenc(data)), (VARCHAR, lenenc(data)), (STRING, lenenc(data)), (BLOB, lenenc(data)),
            (VAR_STRING, LONG_DATA), (BLOB, LONG_DATA) if self.chance(0.3) else (VAR_STRING, lenenc(data)))

    def bound_integer(self, span):
        low, high = span
        value = self.pick(0, 1, low, high, self.rng.randint(low, high))
        for kind, size in self.rng.sample(((TINY, 1), (SHORT, 2), (LONG, 4), (LONGLONG, 8)), 4):
            if -(1 << 8 * size - 1) <= value < 1 << 8 * size - 1:
                return kind, value.to_bytes(size, "little", signed=True)
            if 0 <= value < 1 << 8 * size:
                return kind | UNSIGNED, value.to_bytes(size, "little")
        return VAR_STRING, lenenc(str(value).encode())

    def bound_time(self, kind):
        if self.chance(0.15):
            return VAR_STRING, lenenc(self.pick(b"2024-02-29 01:02:03.5", b"2024-01-01", b"10:11:12.25", b"0000-00-00"))
        if kind == "time":
            sign, days = self.pick(0, 1), self.pick(0, 1, 34)
            return TIME, self.pick(b"\0", b"\x08" + struct.pack("<BIBBB", sign, days, 10, 11, 12),
                b"\x0c" + struct.pack("<BIBBBI", sign, days, 22, 59, 59, self.pick(1, 999999, 500000)))
        year, month, day = self.pick((2024, 2, 29), (1999, 12, 31), (2024, 3, 31), (2038, 1, 18), (0, 0, 0), (1000, 1, 1), (9999,
            12, 31), (2024, 0, 0))
        date = struct.pack("<HBB", year, month, day)
        full = self.pick(b"\0", b"\x04" + date, b"\x07" + date + bytes([2, 30, 15]), b"\x0b" + date + bytes([23, 59,
            59]) + struct.pack("<I", self.pick(0, 1, 123456, 999999)))
        return self.pick(*((DATE,) if kind == "date" else (DATETIME, TIMESTAMP,
            DATE))), full if kind != "date" else self.pick(b"\0", b"\x04" + date)
