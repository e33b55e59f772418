#!/usr/bin/env python3
"""Records real servers' answers for the tests of the response tracker: record.py FLAVOUR PORT > FLAVOUR.answers

FLAVOUR is mariadb or mysql; the server must let root in without a password, over TCP, and is left without the
database that this makes. The protocol is spoken here byte by byte, and an answer is whatever arrives until the
server is silent, so that nothing of the code under test decides where an answer ends.
"""
import socket
import struct
import sys

LONG_PASSWORD, LOCAL_FILES, SESSION_TRACK, DEPRECATE_EOF = 1 << 0, 1 << 7, 1 << 23, 1 << 24
OPTIONAL_METADATA = 1 << 25
# long_flag, protocol_41, transactions, secure_connection, multi statements and results, plugin_auth
BASE = 1 << 2 | LOCAL_FILES | 1 << 9 | 1 << 13 | 1 << 15 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19
PROGRESS, STMT_BULK, EXTENDED_METADATA, CACHE_METADATA = 1 << 32, 1 << 34, 1 << 35, 1 << 36
SILENCE, LONG_SILENCE = 0.2, 5.0  # seconds

FORMS = {
    "mariadb": [
        ("EOF form", BASE),
        ("OK form", BASE | DEPRECATE_EOF | SESSION_TRACK),
        ("EOF form, MariaDB's extensions", BASE | PROGRESS | STMT_BULK | EXTENDED_METADATA | CACHE_METADATA),
        ("OK form, MariaDB's extensions",
         BASE | DEPRECATE_EOF | PROGRESS | STMT_BULK | EXTENDED_METADATA | CACHE_METADATA),
    ],
    "mysql": [
        ("EOF form", BASE | LONG_PASSWORD),
        ("OK form", BASE | LONG_PASSWORD | DEPRECATE_EOF | SESSION_TRACK),
        ("EOF form, optional metadata", BASE | LONG_PASSWORD | OPTIONAL_METADATA),
        ("OK form, optional metadata", BASE | LONG_PASSWORD | OPTIONAL_METADATA | DEPRECATE_EOF),
    ],
}

SCHEMA = """DROP DATABASE IF EXISTS recorded; CREATE DATABASE recorded; USE recorded;
CREATE TABLE t (a INT PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, NULL);
CREATE TABLE empty_table (a INT);
CREATE PROCEDURE two_results() BEGIN SELECT 1; SELECT 2 UNION SELECT 3; END;
CREATE PROCEDURE out_parameter(OUT p INT) BEGIN SELECT 1; SET p = 7; END;
CREATE PROCEDURE fails_late() BEGIN SELECT 1; SELECT * FROM missing; END"""


class Connection:
    def __init__(self, port, capabilities):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.buffer = b""
        self.packet()
        answer = struct.pack("<IIB19xI", capabilities & 0xFFFFFFFF, 1 << 30, 45, capabilities >> 32)
        self.send(answer + b"root\0" + b"\0" + b"mysql_native_password\0", 1)
        while (packet := self.packet())[4] != 0:
            if packet[4] == 0xFF:
                raise RuntimeError(packet)
            if packet[4] == 0xFE:
                self.send(b"", packet[3] + 1)  # authentication switch: the password is empty

    def send(self, payload, sequence=0):
        self.socket.sendall(struct.pack("<I", len(payload))[:3] + bytes([sequence]) + payload)

    def take(self, size):
        while len(self.buffer) < size:
            self.buffer += self.socket.recv(65536)
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def packet(self):
        header = self.take(4)
        return header + self.take(int.from_bytes(header[:3], "little"))

    def until_silence(self, silence=SILENCE):
        packets = [self.packet()]
        self.socket.settimeout(silence)
        try:
            while True:
                packets.append(self.packet())
        except socket.timeout:
            self.socket.settimeout(10)
        assert not self.buffer
        return packets

    def command(self, payload, silence=SILENCE):
        self.send(payload)
        return self.until_silence(silence)


def show(title, capabilities, payload, rows, ending, packets, after_file=()):
    print(f"\nanswer {title}\ncommand {payload[0]:02x}\ncapabilities {capabilities:x}\nrows {rows}\nending {ending}")
    for packet in packets:
        print("packet", packet.hex())
    if after_file:
        print("file")
        for packet in after_file:
            print("packet", packet.hex())


class Recorder:
    def __init__(self, port, form, capabilities):
        self.form, self.capabilities = form, capabilities
        self.connection = Connection(port, capabilities)
        self.end = "ok" if capabilities & DEPRECATE_EOF else "eof"
        self.query("USE recorded")

    def query(self, text):
        return self.connection.command(b"\x03" + text.encode())

    def record(self, what, payload, rows, ending, silence=SILENCE):
        packets = self.connection.command(payload, silence)
        show(f"{what} ({self.form})", self.capabilities, payload, rows, ending, packets)
        return packets

    def text(self, what, statement, rows, ending):
        self.record(what, b"\x03" + statement.encode(), rows, ending)

    def prepare(self, what, statement):
        return self.record(what, b"\x16" + statement.encode(), 0, "other")[0][5:9]

    def execute(self, what, statement_id, rows, ending, parameters=b"", flags=0):
        self.record(what, b"\x17" + statement_id + bytes([flags]) + b"\1\0\0\0" + parameters, rows, ending)

    def simple_commands(self):
        self.record("a ping", b"\x0e", 0, "ok")
        self.record("another default database", b"\x02recorded", 0, "ok")
        self.record("a missing default database", b"\x02missing", 0, "err")
        self.record("the statistics", b"\x09", 0, "other")
        self.record("multi statements switched on", b"\x1b\0\0", 0, self.end)
        self.record("a debug dump", b"\x0d", 0, self.end)
        self.record("a kill of nobody", b"\x0c\xff\xff\xff\x7f", 0, "err")
        self.record("an unknown command", b"\x10", 0, "err")
        self.record("a table's columns", b"\x04t\0%", 0, self.end)
        self.record("a missing table's columns", b"\x04missing\0%", 0, "err")

    def text_statements(self):
        self.text("a SELECT of three rows", "SELECT a, b FROM t", 3, self.end)
        self.text("a SELECT of no row", "SELECT a FROM empty_table", 0, self.end)
        self.text("an UPDATE", "UPDATE t SET b = 'x' WHERE a = 1", 0, "ok")
        self.text("an INSERT of a duplicate", "INSERT INTO t VALUES (1, 'z')", 0, "err")
        self.text("a syntax error", "SELEC", 0, "err")
        self.text("a changed system variable", "SET autocommit = 1", 0, "ok")
        self.text("an error behind the first row", "SELECT (SELECT a FROM t x WHERE x.a >= 4 - t.a) FROM t", 1, "err")
        self.text("three statements", "SELECT a FROM t; DO 1; SELECT 1", 4, self.end)
        self.text("a USE before a SELECT", "USE recorded; SELECT 1", 1, self.end)
        self.text("an error in the second statement", "SELECT 1; SELECT * FROM missing; SELECT 2", 1, "err")
        self.text("a procedure with two results", "CALL two_results()", 3, "ok")
        self.text("a procedure that fails late", "CALL fails_late()", 1, "err")
        self.text("a column of 300 bytes", "SELECT REPEAT('x', 300)", 1, self.end)

    def local_file(self):
        statement = b"\x03LOAD DATA LOCAL INFILE 'f' INTO TABLE empty_table; SELECT 1"
        request = self.connection.command(statement)
        self.connection.send(b"1\n2\n", 2)
        self.connection.send(b"", 3)
        done = self.connection.until_silence()
        show(f"a local file ({self.form})", self.capabilities, statement, 1, self.end, request, done)
        self.query("DELETE FROM empty_table")

    def prepared_statements(self):
        no_parameter = self.prepare("a prepared SELECT", "SELECT a, b FROM t")
        parameter = b"\0\1" + b"\x03\0" + struct.pack("<I", 2)
        with_parameter = self.prepare("a prepared SELECT with a parameter", "SELECT a FROM t WHERE a >= ?")
        write = self.prepare("a prepared DELETE", "DELETE FROM t WHERE a = ?")
        plain = self.prepare("a prepared DO", "DO 1")
        self.record("a prepare of nonsense", b"\x16SELEC", 0, "err")
        self.execute("an executed SELECT", no_parameter, 3, self.end)
        self.execute("the same SELECT again", no_parameter, 3, self.end)
        self.execute("an executed SELECT with a parameter", with_parameter, 2, self.end, parameter)
        self.execute("an executed DELETE", write, 0, "ok", b"\0\1" + b"\x03\0" + struct.pack("<I", 99))
        self.execute("an executed DO", plain, 0, "ok")
        self.execute("a missing statement", b"\xf0\0\0\0", 0, "err")
        self.record("a reset statement", b"\x1a" + no_parameter, 0, "ok")
        self.cursors(no_parameter, plain)
        out = self.prepare("a prepared CALL", "CALL out_parameter(?)")
        self.execute("a CALL with an OUT parameter", out, 2, "ok", parameter)

    def cursors(self, select, other):
        fetch = b"\x1c" + select
        self.execute("an opened cursor", select, 0, self.end, flags=1)
        self.record("the first two rows of a cursor", fetch + b"\2\0\0\0", 2, self.end)
        self.execute("another statement beside a cursor", other, 0, "ok")
        self.text("a SELECT beside a cursor", "SELECT 1", 1, self.end)
        self.record("the last row of a cursor", fetch + b"\x09\0\0\0", 1, self.end)
        self.record("a fetch behind the last row", fetch + b"\1\0\0\0", 0, "err")

    def without_metadata(self):
        if not self.capabilities & OPTIONAL_METADATA:
            return
        self.text("metadata switched off", "SET resultset_metadata = NONE", 0, "ok")
        self.text("a SELECT without metadata", "SELECT a, b FROM t", 3, self.end)
        select = self.prepare("a prepare without metadata", "SELECT a FROM t WHERE a >= ?")
        self.execute("an execute without metadata", select, 2, self.end, b"\0\1\x03\0" + struct.pack("<I", 2))
        self.execute("a cursor without metadata", select, 0, self.end, b"\0\1\x03\0" + struct.pack("<I", 2), 1)
        self.text("metadata switched on", "SET resultset_metadata = FULL", 0, "ok")

    def mariadb_extensions(self):
        if not self.capabilities & STMT_BULK:
            return
        rows = b"\x80\0" + b"\x03\0" + b"\0" + struct.pack("<I", 10) + b"\0" + struct.pack("<I", 11)
        write = self.prepare("a prepared INSERT", "INSERT INTO empty_table VALUES (?)")
        self.record("a bulk INSERT", b"\xfa" + write + rows, 0, "ok")
        returning = self.prepare("a prepared INSERT RETURNING", "INSERT INTO empty_table VALUES (?) RETURNING a")
        self.record("a bulk INSERT RETURNING", b"\xfa" + returning + rows, 2, self.end)
        self.query("DELETE FROM empty_table")

    def progress(self):
        if not self.capabilities & PROGRESS:
            return
        self.query("SET progress_report_time = 1")
        self.connection.command(b"\x03CREATE TABLE big (a INT) SELECT seq AS a FROM seq_1_to_1000000", LONG_SILENCE)
        alter = b"\x03ALTER TABLE big FORCE, ALGORITHM = COPY"
        self.record("an ALTER with progress reports", alter, 0, "ok", LONG_SILENCE)
        self.connection.command(b"\x03DROP TABLE big", LONG_SILENCE)

    def run(self):
        self.simple_commands()
        self.text_statements()
        self.local_file()
        self.prepared_statements()
        self.without_metadata()
        self.mariadb_extensions()
        self.progress()
        self.record("a reset connection", b"\x1f", 0, "ok")


def main():
    flavour, port = sys.argv[1], int(sys.argv[2])
    administrator = Connection(port, BASE)
    administrator.command(b"\x03SET GLOBAL local_infile = 1")
    for statement in split_schema(SCHEMA):
        administrator.command(b"\x03" + statement.encode())
    print("# Made by record.py; one answer of a real server in each block, one packet in each line.")
    for form, capabilities in FORMS[flavour]:
        Recorder(port, form, capabilities).run()
    administrator.command(b"\x03DROP DATABASE recorded")


def split_schema(text):
    """Statements end with a semicolon outside BEGIN ... END."""
    statement = ""
    for part in text.split(";"):
        statement += part
        if "BEGIN" in statement and "END" not in statement:
            statement += ";"
            continue
        yield statement
        statement = ""


if __name__ == "__main__":
    main()
