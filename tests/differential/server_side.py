"""What a server did for a statement: its answers, what its binary log says, and what became of the session.

The schema is made so that whatever should not happen leaves a trace: a stored function under each name that the lexer takes
for a built-in one writes a row when it is the one that is called; for each set of tables there is an account that may use just
these, so that a table which was not named is refused (1142); and reads run while another session holds all rows.
"""
import hashlib
import re
import struct

from generator import FUNCTIONS

from lib.wire import BASIC, MULTI_STATEMENTS, Client, Closed, Err

BASE = [("d1", "t"), ("d1", "u"), ("d1", "x"), ("d2", "t"), ("d2", "w")]
IN_TRANSACTION, MORE_RESULTS = 1, 8
VOLATILE = {"timestamp", "last_gtid", "pseudo_thread_id", "warning_count", "error_count", "last_insert_id", "identity",
    "insert_id", "rand_seed1",
            "rand_seed2", "in_transaction", "gtid_executed", "gtid_binlog_pos", "gtid_binlog_state", "gtid_current_pos",
            "innodb_buffer_pool_load_incremental",
            "external_user", "statement_id", "gtid_domain_id", "server_id", "proxy_user", "innodb_thread_sleep_delay",
            "gtid_seq_no", "original_commit_timestamp"}


def make_schema(server, mariadb):
    columns = "id INT PRIMARY KEY AUTO_INCREMENT, a INT, b VARCHAR(40) CHARACTER SET utf8mb4"
    server.run("CREATE DATABASE d1", "CREATE DATABASE d2",
               *(f"CREATE TABLE {d}.{t} ({columns}) ENGINE=InnoDB" for d, t in BASE),
               "CREATE TABLE d1.m (a INT) ENGINE=InnoDB", "CREATE TABLE d1.spoilt (a INT) ENGINE=InnoDB",
               "CREATE VIEW d1.vw AS SELECT a FROM d1.t")
    for d in ("d1", "d2"):
        server.run(f"CREATE FUNCTION {d}.spoil(p INT) RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO d1.spoilt VALUES (1); RETURN 1; END")
    for name in FUNCTIONS:
        try:
            server.run(f"CREATE FUNCTION d1.`{name}`(p INT) RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO d1.spoilt VALUES (1); RETURN 1; END")
        except Exception as error:
            assert "1585" in str(error) or "1064" in str(error) or "1304" in str(error), error
    if mariadb:
        server.run("CREATE SEQUENCE d1.sq NOCACHE")
    plugin = server.identified(server.account_plugins[0], "p")
    accounts = []
    for mask in range(1 << len(BASE)):
        user = f"`m{mask}`@`%`"
        accounts += [f"CREATE USER {user} {plugin}", f"GRANT EXECUTE, SHOW VIEW ON d1.* TO {user}",
            f"GRANT EXECUTE ON d2.* TO {user}",
                     f"GRANT ALL ON d1.m TO {user}", f"GRANT SELECT ON d1.vw TO {user}"]
        accounts += [f"GRANT INSERT, SELECT, UPDATE, DELETE ON d1.sq TO {user}"] if mariadb else []
        accounts += [f"GRANT SELECT, INSERT, UPDATE, DELETE ON {d}.{t} TO {user}" for at,
            (d, t) in enumerate(BASE) if mask >> at & 1]
    server.run(*accounts)


REFILL = [f"DELETE FROM {d}.{t}" for d, t in BASE] + ["DELETE FROM d1.m", "DELETE FROM d1.spoilt"] + \
         [f"INSERT INTO {d}.{t} VALUES (1, 1, 'x'), (2, 2, 'a\"b'), (3, 0, '1')" for d, t in BASE]
PROBE = ("SELECT LAST_INSERT_ID(), HEX(@a), HEX(@b), RELEASE_ALL_LOCKS(), DATABASE(), @@autocommit, @@sql_mode, @@character_set_client, "
         "@@collation_connection, @@time_zone, @@foreign_key_checks, @@auto_increment_increment, @@session.sort_buffer_size, @@session.sql_safe_updates")


class Result:
    """One of the answers to a text."""

    def __init__(self, what, number=0, text="", digest=b"", status=0, columns=0):
        self.what, self.number, self.text, self.digest, self.status, self.columns = what, number, text, digest, status, columns

    def __repr__(self):
        return f"error {self.number} {self.text}" if self.what == "error" else f"{self.what}" + (f" of {self.columns} columns" if self.columns else "")


class Session:
    """Over the raw client, so that a text's bytes are the test's."""

    def __init__(self, server, user, mode, mariadb):
        self.client = Client(server.host, server.port)
        self.client.login(user, "p", "d1", capabilities=BASIC | MULTI_STATEMENTS)
        self.status = 0
        limit = "max_statement_time = 3, innodb_lock_wait_timeout = 0" if mariadb else "max_execution_time = 3000, innodb_lock_wait_timeout = 1"
        self.must(f"SET lock_wait_timeout = 3, {limit}")
        self.must(f"SET NAMES {mode.charset}")
        self.must(f"SET sql_mode = '{mode.sql_mode}'")
        self.must("SET @a = 7, @b = 'seven'")
        self.must("SELECT LAST_INSERT_ID(77)")
        self.state = self.probe()

    def must(self, text):
        results = self.run(text.encode())
        assert all(one.what != "error" for one in results), (text, results)
        return results

    def probe(self):
        return self.must(PROBE)[0].rows

    def variables(self):
        rows = self.must("SHOW SESSION VARIABLES")[0].rows
        return {name: value for name, value in rows if name.decode() not in VOLATILE}

    def run(self, text):
        """All answers to a text."""
        self.client.command(3, text)
        results = []
        while True:
            results.append(self.result())
            if results[-1].what == "error" or not results[-1].status & MORE_RESULTS:
                return results

    def result(self):
        try:
            head = self.client.expect_ok()
            if head[0] == 0:
                at = 1
                for _ in range(2):
                    at += {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(head[at], 1)
                self.status = struct.unpack_from("<H", head, at)[0]
                return Result("ok", status=self.status)
            assert head[0] != 0xFB, "the server asks for a file"
            ends, rows, digest = 0, [], hashlib.sha1()
            while ends < 2:
                payload = self.client.expect_ok()
                if payload[0] == 0xFE and len(payload) < 9:
                    ends += 1
                    self.status = struct.unpack_from("<H", payload, 3)[0]
                elif ends == 1:
                    rows.append(payload)
                    digest.update(payload)
            result = Result("rows", digest=digest.digest(), status=self.status, columns=head[0])
            result.rows = [cells(row) for row in rows] if len(rows) < 2000 else []
            return result
        except Err as error:
            return Result("error", error.number, error.text)

    def close(self):
        self.client.close()


def cells(row):
    out, at = [], 0
    while at < len(row):
        first = row[at]
        if first == 0xFB:
            out.append(None)
            at += 1
            continue
        width = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first, 0)
        size = int.from_bytes(row[at + 1:at + 1 + width], "little") if width else first
        out.append(row[at + 1 + width:at + 1 + width + size])
        at += 1 + width + size
    return out


class Binlog:
    """What was committed: anything that changes data or definitions is in it, in row format."""

    def __init__(self, server, mariadb):
        self.connection = server.admin()
        self.connection.set_charset("latin1")  # events hold statements in whatever bytes they had
        self.ask = "SHOW MASTER STATUS" if mariadb else "SHOW BINARY LOG STATUS"
        self.at = self.position()

    def rows(self, text):
        with self.connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall()

    def position(self):
        return self.rows(self.ask)[0][:2]

    def news(self):
        """The events since it was asked last, as (type, information)."""
        before, self.at = self.at, self.position()
        if self.at == before:
            return []
        if self.at[0] != before[0]:
            return [("Rotate", "a new file")]
        return [(row[2], str(row[5])) for row in self.rows(f"SHOW BINLOG EVENTS IN '{before[0]}' FROM {before[1]}")]


def summary(events):
    """(transactions, tables with changed rows, kinds of changes, other statements) of events."""
    tables, kinds, others, transactions, mapped = set(), set(), [], 0, {}
    for kind, info in events:
        if kind == "Table_map":
            number, name = re.match(r"table_id: (\d+) \((.*)\)", info).groups()
            mapped[number] = name
        elif re.match(r"(Write|Update|Delete)_rows", kind):
            tables.add(mapped[re.search(r"table_id: (\d+)", info)[1]])
            kinds.add(kind.split("_")[0].lower())
        elif kind in ("Xid",) or (kind == "Query" and info == "COMMIT"):
            transactions += 1
        elif kind == "Query" and info != "BEGIN":
            others.append(info)
    return transactions, tables, kinds, others
