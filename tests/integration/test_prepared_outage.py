"""Prepared statements while the server is away: writes are prepared, executed and queued with their values."""
import struct

import pytest

from lib.outage import bring_back, go_away
from lib.sql import run, spooled_seq, value, was_refused_for_outage
from lib.statements import COM_STMT_BULK_EXECUTE, COM_STMT_EXECUTE, LONGLONG, VARCHAR, Session, lenenc, packed_execute
from lib.wire import Err

TINY, SHORT, LONG, FLOAT, DOUBLE, TIMESTAMP, DATE, TIME, DATETIME = 1, 2, 3, 4, 5, 7, 10, 11, 12
NEWDECIMAL, BLOB, STRING, UNSIGNED = 246, 252, 254, 0x8000
STMT_BULK = 1 << 2  # of MariaDB's own capabilities


@pytest.fixture
def table(proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL DEFAULT 0, s VARCHAR(50), b LONGBLOB) ENGINE=InnoDB")
    run(connection, "CREATE TABLE ai (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20)) ENGINE=InnoDB")
    run(connection, "INSERT INTO t (id, n) VALUES (1, 10), (2, 20)")
    run(connection, "INSERT INTO ai (s) VALUES ('up')")
    proxy.wait_ids_reserved("ai")
    return proxy


@pytest.fixture
def session(table):
    made = Session(table)
    yield made
    made.close()


def rows(proxy, statement):
    return proxy.server.run(statement, database=proxy.database)


def execute(session, statement, parameters, **how):
    """Executes a write that must be queued; the OK's affected rows and insert id."""
    session.raw.command(COM_STMT_EXECUTE, packed_execute(statement.id, parameters, **how))
    ok = session.raw.expect_ok()
    assert ok[0] == 0 and ok[1] < 251
    at, insert_id = 2, ok[2]
    if ok[2] == 0xFC:
        insert_id, at = struct.unpack_from("<H", ok, 3)[0], 4
    assert struct.unpack_from("<H", ok, at + 3)[0] == 1, "one warning: it is queued"
    return ok[1], insert_id


def number(of):
    return (LONGLONG, struct.pack("<q", of))


def text(of):
    return (VARCHAR, lenenc(of))


def test_a_statement_prepared_before_the_outage_is_executed_in_it(table, session):
    insert = session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    update = session.prepare("UPDATE t SET n = n + ? WHERE id = ?")
    execute_up = session.execute(insert, [(LONGLONG, 3), (VARCHAR, b"up")])
    assert execute_up == []
    go_away(table)
    assert execute(session, insert, [number(4), text(b"down")])[0] == 1
    assert execute(session, insert, [number(5), (VARCHAR, None)], types=False)[0] == 1
    assert execute(session, update, [number(7), number(4)])[0] == 1
    bring_back(table)
    assert rows(table, "SELECT id, n, s FROM t WHERE id > 2 ORDER BY id") == ((3, 0, "up"), (4, 7, "down"), (5, 0, None))
    session.execute(insert, [(LONGLONG, 6), (VARCHAR, b"back")])
    assert rows(table, "SELECT s FROM t WHERE id = 6") == (("back",),)


def test_a_statement_prepared_in_the_outage_serves_during_it_and_afterwards(table):
    go_away(table)
    session = Session(table)
    insert = session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    assert (insert.parameters, insert.columns) == (2, 0)
    other = session.prepare("DELETE FROM t WHERE id = ?")
    assert other.id != insert.id
    execute(session, insert, [number(4), text(b"down")])
    execute(session, other, [number(1)])
    bring_back(table)
    assert rows(table, "SELECT id FROM t ORDER BY id") == ((2,), (4,))
    session.execute(insert, [(LONGLONG, 5), (VARCHAR, b"up")])
    session.execute(insert, [(LONGLONG, 6), (VARCHAR, b"up")], types=False)
    session.close_statement(other)
    assert rows(table, "SELECT id, s FROM t WHERE id > 4") == ((5, "up"), (6, "up"))
    read = session.prepare("SELECT s FROM t WHERE id = ?")
    assert read.id not in (insert.id, other.id)
    assert session.execute(read, [(LONGLONG, 4)]) == [(b"down",)]
    session.close()


def test_every_type_of_value_arrives_as_it_does_with_the_server_up(table, session, server):
    columns = ("id INT PRIMARY KEY, a TINYINT, b TINYINT UNSIGNED, c SMALLINT, d INT, e BIGINT UNSIGNED, f FLOAT, g DOUBLE, h DATE, "
               "i DATETIME(6), j TIME(6), k DECIMAL(20,10), l VARCHAR(100) CHARACTER SET utf8mb4, m LONGBLOB, n TIMESTAMP(6) NULL")
    run(table.connect(), f"CREATE TABLE typed ({columns}) ENGINE=InnoDB")
    values = [
        (TINY, b"\xff"), (TINY | UNSIGNED, b"\xff"), (SHORT, b"\xfe\xff"), (LONG, b"\x2a\0\0\0"), (LONGLONG | UNSIGNED, b"\xff" * 8),
        (FLOAT, struct.pack("<f", 1.5)), (DOUBLE, struct.pack("<d", -1e300)), (DATE, b"\x04" + struct.pack("<HBB", 2024, 2, 29)),
        (DATETIME, b"\x0b" + struct.pack("<HBBBBBI", 2024, 2, 29, 23, 59, 58, 123456)),
        (TIME, b"\x0c" + struct.pack("<BIBBBI", 1, 3, 4, 5, 6, 654321)), (NEWDECIMAL, lenenc(b"-1234567890.0123456789")),
        (VARCHAR, lenenc("ä€𝄞'\\".encode())), (BLOB, lenenc(bytes(range(256)))),
        (TIMESTAMP, b"\x0b" + struct.pack("<HBBBBBI", 2024, 7, 1, 12, 0, 0, 1))]
    insert = session.prepare("INSERT INTO typed VALUES (" + ", ".join("?" * 15) + ")")

    def play(first):
        return [[number(first), *values], [number(first + 1), *((kind, None) for kind, _ in values)]]
    for one in play(10):
        session.raw.command(COM_STMT_EXECUTE, packed_execute(insert.id, one))
        session.raw.expect_ok()
    go_away(table)
    for one in play(20):
        execute(session, insert, one)
    bring_back(table)
    up = rows(table, "SELECT * FROM typed WHERE id < 20 ORDER BY id")
    down = rows(table, "SELECT * FROM typed WHERE id >= 20 ORDER BY id")
    assert [row[1:] for row in down] == [row[1:] for row in up]
    assert up[0][1:] != up[1][1:]


def test_text_is_read_in_the_character_set_of_its_session(table):
    connection = Session(table)
    connection.query("SET NAMES latin1")
    insert = connection.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    go_away(table)
    execute(connection, insert, [number(3), text(b"\xe4")])
    connection.query("SET NAMES utf8mb4")
    with pytest.raises(Err, match="other settings"):  # its text was read as latin1
        execute(connection, insert, [number(4), text("ä".encode())])
    again = connection.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    execute(connection, again, [number(5), text("ö".encode())])
    bring_back(table)
    assert rows(table, "SELECT id, s FROM t WHERE id > 2 ORDER BY id") == ((3, "ä"), (5, "ö"))
    connection.close()


def test_types_of_an_execute_that_is_refused_in_the_outage_are_those_of_the_next_ones(table, session):
    """Clients send types when they have changed, whatever was answered."""
    session.query("SET NAMES utf8mb4")
    insert = session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    session.execute(insert, [(LONGLONG, 3), (LONGLONG, 33)])
    go_away(table)
    execute(session, insert, [number(4), number(44)], types=False)
    for before, after in (("SET NAMES latin1", "SET NAMES utf8mb4"), ("SET SESSION sql_select_limit = 1", None)):
        session.query(before)
        with pytest.raises(Err, match="cannot run later"):
            session.execute(insert, [(LONGLONG, 5), (VARCHAR, b"twelve bytes")])
        if after:
            session.query(after)
            execute(session, insert, [number(5), text(b"in the outage")], types=False)
            session.raw.command(COM_STMT_EXECUTE, packed_execute(insert.id, [number(6), number(66)]))  # the types of before
            session.raw.expect_ok()
    bring_back(table)
    session.execute(insert, [(LONGLONG, 7), (VARCHAR, b"twelve bytes")], types=False)
    assert rows(table, "SELECT id, s FROM t WHERE id > 2 ORDER BY id") == ((3, "33"), (4, "44"), (5, "in the outage"), (6, "66"),
                                                                         (7, "twelve bytes"))


def test_types_of_an_execute_that_hears_of_a_lost_transaction_are_those_of_the_next_ones(table, session):
    insert = session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    session.execute(insert, [(LONGLONG, 3), (LONGLONG, 33)])
    session.query("BEGIN")
    session.execute(insert, [(LONGLONG, 4), (LONGLONG, 44)], types=False)
    go_away(table)
    with pytest.raises(Err, match="rolled this transaction back"):
        session.execute(insert, [(LONGLONG, 5), (VARCHAR, b"twelve bytes")])
    execute(session, insert, [number(5), text(b"in the outage")], types=False)
    bring_back(table)
    session.execute(insert, [(LONGLONG, 6), (VARCHAR, b"twelve bytes")], types=False)
    assert rows(table, "SELECT id, s FROM t WHERE id > 2 ORDER BY id") == ((3, "33"), (5, "in the outage"), (6, "twelve bytes"))


def test_a_statement_writes_into_the_database_that_it_was_prepared_in(table, session, server):
    name = f"{table.database}_other"
    server.run(f"CREATE DATABASE {name}", f"CREATE TABLE {name}.t (id INT PRIMARY KEY) ENGINE=InnoDB",
               f"GRANT ALL ON {name}.* TO '{table.account.user}'@'%'")
    insert = session.prepare("INSERT INTO t (id) VALUES (?)")
    session.query(f"USE {name}")
    go_away(table)
    execute(session, insert, [number(7)])
    bring_back(table)
    assert rows(table, "SELECT id FROM t WHERE id = 7") == ((7,),)
    assert server.run(f"SELECT COUNT(*) FROM {name}.t") == ((0,),)
    server.run(f"DROP DATABASE {name}")


def test_long_data_is_kept_for_an_execute_in_the_outage(table, session):
    insert = session.prepare("INSERT INTO t (id, b) VALUES (?, ?)")
    go_away(table)
    for piece in (b"one ", b"", b"x" * 300_000):
        session.send_long_data(insert, 1, piece)
    execute(session, insert, [number(4), (BLOB, b"")])
    session.send_long_data(insert, 1, b"dropped")
    session.reset(insert)
    execute(session, insert, [number(5), (BLOB, lenenc(b"short"))])
    session.send_long_data(insert, 1, b"begun in the outage, ")
    bring_back(table)
    session.send_long_data(insert, 1, b"ended after it")
    session.execute(insert, [(LONGLONG, 6), (BLOB, ...)])
    assert rows(table, "SELECT id, b FROM t WHERE id > 2 ORDER BY id") == (
        (4, b"one " + b"x" * 300_000), (5, b"short"), (6, b"begun in the outage, ended after it"))


def test_long_data_that_began_before_the_outage_is_lost_and_said_so(table, session):
    insert = session.prepare("INSERT INTO t (id, b) VALUES (?, ?)")
    session.send_long_data(insert, 1, b"before")
    session.query("DO 1")  # it has arrived
    go_away(table)
    session.send_long_data(insert, 1, b"after")
    with pytest.raises(Err) as refused:
        execute(session, insert, [number(4), (BLOB, b"")])
    assert refused.value.number in (1615, 3032)
    session.reset(insert)
    execute(session, insert, [number(5), (BLOB, lenenc(b"again"))])
    bring_back(table)
    assert rows(table, "SELECT id, b FROM t WHERE id > 2") == ((5, b"again"),)


def test_insert_ids_are_told_and_true(table, session):
    insert = session.prepare("INSERT INTO ai (id, s) VALUES (?, ?), (?, ?)")
    go_away(table)
    affected, first = execute(session, insert, [(LONGLONG, None), text(b"a"), number(0), text(b"b")])
    assert affected == 2 and first > 1
    with pytest.raises(Err):  # one brings its id, the other does not
        execute(session, insert, [number(500000), text(b"a"), (LONGLONG, None), text(b"b")])
    assert execute(session, insert, [number(600000), text(b"c"), number(600001), text(b"d")]) == (2, 0)
    bring_back(table)
    assert rows(table, "SELECT id, s FROM ai WHERE id > 1 ORDER BY id") == (
        (first, "a"), (first + 1, "b"), (600000, "c"), (600001, "d"))


def test_prepared_writes_are_collected_in_a_transaction(table, session):
    insert = session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    go_away(table)
    session.query("BEGIN")
    execute(session, insert, [number(4), text(b"kept")])
    session.query("SAVEPOINT one")
    execute(session, insert, [number(5), text(b"gone")])
    session.query("ROLLBACK TO one")
    before = table.health()["spool"]["last_seq"]
    session.query("COMMIT")
    assert table.health()["spool"]["last_seq"] == before + 1
    bring_back(table)
    assert rows(table, "SELECT id, s FROM t WHERE id > 2") == ((4, "kept"),)


def test_a_transaction_with_bound_values_goes_on_when_the_server_is_back(table, session):
    insert = session.prepare("INSERT INTO t (id, s, b) VALUES (?, ?, ?)")
    go_away(table)
    session.query("BEGIN")
    execute(session, insert, [number(4), text("ä'\\".encode()), (BLOB, lenenc(bytes(range(256))))])
    bring_back(table)
    session.execute(insert, [(LONGLONG, 5), (VARCHAR, b"live"), (BLOB, b"x")])
    session.query("COMMIT")
    assert rows(table, "SELECT id, s, b FROM t WHERE id > 2 ORDER BY id") == (
        (4, "ä'\\", bytes(range(256))), (5, "live", b"x"))


def test_text_prepare_and_execute_are_answered_in_an_outage(table):
    connection = table.connect()
    run(connection, "PREPARE earlier FROM 'INSERT INTO t (id, s) VALUES (?, ?)'")
    go_away(table)
    run(connection, "SET @id = 4, @s = 'a''b'")
    spooled_seq(connection, "EXECUTE earlier USING @id, @s")
    run(connection, "PREPARE inside FROM 'UPDATE t SET n = ? + n WHERE id = ?'")
    run(connection, "SET @n = 5")
    spooled_seq(connection, "EXECUTE inside USING @n, @id")
    was_refused_for_outage(connection, "EXECUTE inside USING @n")
    was_refused_for_outage(connection, "EXECUTE inside USING @n, @never_set")
    was_refused_for_outage(connection, "PREPARE reads FROM 'SELECT 1 FROM t'")
    run(connection, "DEALLOCATE PREPARE earlier")
    was_refused_for_outage(connection, "EXECUTE earlier USING @id, @s")
    was_refused_for_outage(connection, "DEALLOCATE PREPARE earlier")
    bring_back(table)
    assert rows(table, "SELECT id, n, s FROM t WHERE id = 4") == ((4, 5, "a'b"),)
    run(connection, "SET @n = 1")
    run(connection, "EXECUTE inside USING @n, @id")
    assert value(connection, "SELECT n FROM t WHERE id = 4") == 6


def test_what_cannot_run_later_is_not_prepared_in_an_outage(table, session):
    read = session.prepare("SELECT s FROM t WHERE id = ?")
    unknown = session.prepare("INSERT INTO t (id) VALUES (CONNECTION_ID() + ?)")
    go_away(table)
    for statement in (read, unknown):
        with pytest.raises(Err) as refused:
            session.execute(statement, [(LONGLONG, 1)])
        assert refused.value.number == 3032
    for words in ("SELECT 1 FROM t", "INSERT INTO t (id) VALUES (CONNECTION_ID() + ?)", "INSERT INTO t VALUES (1); DELETE FROM t",
                  "nonsense"):
        with pytest.raises(Err) as refused:
            session.prepare(words)
        assert refused.value.number == 3032
    bring_back(table)
    assert session.execute(read, [(LONGLONG, 1)]) == [(None,)]


def test_long_data_for_a_number_is_refused_at_once_and_is_no_dead_letter(table, session):
    insert = session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    go_away(table)
    session.send_long_data(insert, 0, b"12345678901")
    with pytest.raises(Err) as refused:
        session.execute(insert, [(LONGLONG, None), text(b"no")])
    assert refused.value.number == 3032
    execute(session, insert, [number(4), text(b"yes")])
    bring_back(table)
    assert table.health()["spool"]["dead"] == 0
    assert rows(table, "SELECT id, s FROM t WHERE id > 2 ORDER BY id") == ((4, "yes"),)


def test_a_bulk_execute_is_one_unit(table, server):
    if server.kind == "mysql":
        pytest.skip("MySQL has no bulk execution")
    session = Session(table, mariadb=STMT_BULK)
    insert = session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    go_away(table)
    payload = struct.pack("<IH", insert.id, 128) + struct.pack("<HH", LONGLONG, VARCHAR)
    for row in (4, 5, 6):
        payload += b"\0" + struct.pack("<q", row) + (b"\1" if row == 5 else b"\0" + lenenc(b"row %d" % row))
    before = table.health()["spool"]["last_seq"]
    session.raw.command(COM_STMT_BULK_EXECUTE, payload)
    ok = session.raw.expect_ok()
    assert ok[1] == 3
    assert table.health()["spool"]["last_seq"] == before + 1
    bring_back(table)
    assert rows(table, "SELECT id, s FROM t WHERE id > 2 ORDER BY id") == ((4, "row 4"), (5, None), (6, "row 6"))
    session.close()


def test_bound_values_survive_a_kill_of_the_proxy(table, session):
    insert = session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    go_away(table)
    execute(session, insert, [number(4), text(b"durable")])
    listed = table.json("/spool")["units"][-1]["statements"][0]
    assert "VALUES (?, ?)" in listed and "4" in listed and "'durable'" in listed
    table.kill()
    table.start()
    bring_back(table)
    assert rows(table, "SELECT id, s FROM t WHERE id > 2") == ((4, "durable"),)


def test_long_data_of_a_refused_execute_is_not_in_the_next_one(table, session, server):
    """A part was on its way to the server when the connection was lost, and a part came afterwards."""
    insert = session.prepare("INSERT INTO t (id, b) VALUES (?, ?)")
    session.send_long_data(insert, 1, b"a part that is lost")
    session.query("DO 1")  # it has arrived
    server.run("SET @never = 0", *(f"KILL {row[0]}" for row in server.run(
        f"SELECT id FROM information_schema.processlist WHERE user = '{table.account.user}' AND db = '{table.database}' AND command = 'Sleep'")))
    session.query("SELECT 1")
    session.send_long_data(insert, 1, b"a part that is not")
    with pytest.raises(Err) as refused:
        session.execute(insert, [(LONGLONG, 3), (BLOB, ...)])
    assert refused.value.number == 1615
    table.wait_drained()  # of its own connections some were ended, too
    session.execute(insert, [(LONGLONG, 4), (BLOB, b"its own")])
    table.wait_drained()
    assert rows(table, "SELECT id, b FROM t WHERE id > 2") == ((4, b"its own"),)


def test_an_execute_that_is_refused_in_an_outage_uses_its_long_data_up(table, session):
    insert = session.prepare("INSERT INTO t (id, b) VALUES (?, ?)")
    session.send_long_data(insert, 1, b"to the server")
    session.query("DO 1")
    go_away(table)
    session.send_long_data(insert, 1, b"and here")
    with pytest.raises(Err, match="long data"):
        session.execute(insert, [(LONGLONG, 3), (BLOB, ...)])
    execute(session, insert, [number(4), (BLOB, lenenc(b"its own"))])
    session.send_long_data(insert, 1, b"whole")
    execute(session, insert, [number(5), (BLOB, b"")])
    bring_back(table)
    assert rows(table, "SELECT id, b FROM t WHERE id > 2 ORDER BY id") == ((4, b"its own"), (5, b"whole"))


def test_long_data_that_is_too_large_has_no_answer_and_the_execute_has_an_error(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_SPOOL_MAX_STATEMENT_BYTES=1 << 20)
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB) ENGINE=InnoDB")
    session = Session(proxy)
    insert = session.prepare("INSERT INTO t (id, b) VALUES (?, ?)")
    go_away(proxy)
    session.send_long_data(insert, 1, b"x" * (2 << 20))
    with pytest.raises(Err, match="long data"):
        session.execute(insert, [(LONGLONG, 4), (BLOB, ...)])
    execute(session, insert, [number(5), (BLOB, lenenc(b"short"))])
    session.close()


def test_values_that_go_on_to_the_server_as_text_keep_their_types(table, session):
    server, connection = table.server, table.connect()
    run(connection, "CREATE TABLE d (id INT PRIMARY KEY, x DECIMAL(40,10), y DOUBLE, z DOUBLE) ENGINE=InnoDB")
    run(connection, "INSERT INTO d VALUES (1, 12345678901234567890.01, 0, 0), (2, 12345678901234567890.01, 0, 0)")
    update = session.prepare("UPDATE d SET x = x + ?, y = ?, z = ? / 3 WHERE id = ?")

    def values(row):
        return [(NEWDECIMAL, lenenc(b"0.01")), (FLOAT, struct.pack("<f", 0.1)), (DOUBLE, struct.pack("<d", 1.0)), number(row)]
    session.raw.command(COM_STMT_EXECUTE, packed_execute(update.id, values(1)))
    session.raw.expect_ok()
    go_away(table)
    session.query("BEGIN")
    execute(session, update, values(2))
    bring_back(table)
    assert session.scalar("SELECT 1") == b"1"
    session.query("COMMIT")
    up, down = server.run("SELECT x, y, z FROM d ORDER BY id", database=table.database)
    assert up == down


def test_dates_that_go_on_to_the_server_as_text_are_written_as_the_server_writes_them(table, session):
    insert = session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    day, at = struct.pack("<HBB", 2024, 3, 31), bytes([1, 2, 3])
    moments = [(kind, value) for kind in (DATETIME, TIMESTAMP) for value in (b"\4" + day, b"\7" + day + at, b"\x0b" + day + at + bytes(4))]
    moments += [(DATE, b"\4" + day), (TIME, b"\x08" + bytes(6) + at[1:]), (TIME, b"\x0c" + bytes(6) + at[1:] + bytes(4))]
    for at_id, moment in enumerate(moments, 100):
        fresh = session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")  # MySQL converts to the types of the first execution
        execute_collected(session, fresh, [number(at_id), moment])
    go_away(table)
    session.query("BEGIN")
    for at_id, moment in enumerate(moments, 200):
        execute(session, insert, [number(at_id), moment])
    bring_back(table)
    session.query("COMMIT")
    up, down = (rows(table, f"SELECT s FROM t WHERE id BETWEEN {first} AND {first + 99} ORDER BY id") for first in (100, 200))
    assert up == down and len(up) == len(moments)


def test_a_text_that_mysql_reads_in_another_character_set_is_not_executed_in_the_outage(table, session):
    """MySQL turns the literal of a PREPARE into utf8, and reads that in the client's character set."""
    prepare = b"PREPARE one FROM 'INSERT INTO t (id, s) VALUES (?, \"\xc4\")'"
    session.query("SET NAMES latin1")
    session.query("SET @up = 3, @down = 4")
    session.query(prepare)
    session.query("EXECUTE one USING @up")
    go_away(table)
    session.query("SET @down = 4")
    if table.server.kind == "mysql":
        with pytest.raises(Err, match="another character set than the session's"):
            session.query("EXECUTE one USING @down")
    else:
        session.query("EXECUTE one USING @down")
    session.query("PREPARE two FROM 'INSERT INTO t (id, s) VALUES (5, \"ASCII\")'")
    session.query("EXECUTE two")
    bring_back(table)
    if table.server.kind == "mysql":
        session.query("EXECUTE one USING @down")
    up, down, plain = rows(table, "SELECT s FROM t WHERE id > 2 ORDER BY id")
    assert up == down and plain == ("ASCII",)


# --- transaction control and settings

def count(proxy):
    return rows(proxy, "SELECT COUNT(*) FROM t WHERE id >= 10")[0][0]


def execute_collected(session, statement, parameters):
    session.raw.command(COM_STMT_EXECUTE, packed_execute(statement.id, parameters))
    session.raw.expect_ok()


def do(session, statement):
    session.execute(statement, [])


def test_control_and_settings_prepared_before_the_outage_are_executed_in_it(table, session):
    begin = [session.prepare("BEGIN")] if table.server.kind == "mariadb" else []  # MySQL prepares COMMIT, and no BEGIN
    commit, zone = session.prepare("COMMIT"), session.prepare("SET time_zone = '+05:00'")
    insert = session.prepare("INSERT INTO t (id, s) VALUES (?, NOW())")
    go_away(table)
    do(session, zone)
    assert session.scalar("SELECT @@time_zone") == b"+05:00"
    do(session, begin[0]) if begin else session.query("BEGIN")
    execute_collected(session, insert, [number(10)])
    assert table.health()["spool"]["pending"] == 0, "it is collected"
    do(session, commit)
    assert table.health()["spool"]["pending"] == 1
    bring_back(table)
    assert count(table) == 1
    utc = rows(table, "SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), s) FROM t WHERE id = 10")[0][0]
    assert 295 <= utc <= 300, "its NOW() is of the time zone that was executed"
    do(session, commit)
    do(session, zone)


def test_control_and_settings_are_prepared_in_the_outage(table):
    go_away(table)
    session = Session(table)
    commit, off = session.prepare("COMMIT"), session.prepare("SET autocommit = 0")
    more = ["BEGIN", "ROLLBACK", "SAVEPOINT a", "ROLLBACK TO SAVEPOINT a", "RELEASE SAVEPOINT a"]
    prepared = {}
    for text_of in more:
        if table.server.kind == "mysql":
            with pytest.raises(Err) as refused:
                session.prepare(text_of)
            assert refused.value.number == 3032, "MySQL does not prepare it"
        else:
            prepared[text_of] = session.prepare(text_of)
    with pytest.raises(Err) as refused:
        session.prepare("SET GLOBAL sort_buffer_size = 1")
    assert refused.value.number == 3032

    def say(what):
        do(session, prepared[what]) if what in prepared else session.query(what)
    do(session, off)
    session.query("INSERT INTO t (id) VALUES (10)")
    do(session, commit)
    session.query("INSERT INTO t (id) VALUES (11)")
    say("ROLLBACK")
    say("BEGIN")
    session.query("INSERT INTO t (id) VALUES (12)")
    say("SAVEPOINT a")
    session.query("INSERT INTO t (id) VALUES (13)")
    say("ROLLBACK TO SAVEPOINT a")
    say("RELEASE SAVEPOINT a")
    with pytest.raises(Err) as unknown:
        say("ROLLBACK TO SAVEPOINT a")
    assert unknown.value.number == 1305
    do(session, commit)
    bring_back(table)
    assert rows(table, "SELECT id FROM t WHERE id >= 10 ORDER BY id") == ((10,), (12,))
    session.query("INSERT INTO t (id) VALUES (14)")  # autocommit is off at the server, too
    assert count(table) == 2
    do(session, commit)
    assert count(table) == 3


def test_a_named_statement_that_sets_or_commits_is_executed_in_the_outage(table):
    connection = table.connect()
    run(connection, "PREPARE zone FROM 'SET time_zone = \"+05:00\"'")
    run(connection, "PREPARE done FROM 'COMMIT'")
    go_away(table)
    run(connection, "EXECUTE zone")
    assert value(connection, "SELECT @@time_zone") == "+05:00"
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t (id) VALUES (10)")
    run(connection, "PREPARE later FROM 'COMMIT'")
    run(connection, "EXECUTE later")
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t (id) VALUES (11)")
    run(connection, "EXECUTE done")
    assert table.health()["spool"]["pending"] == 2
    bring_back(table)
    assert count(table) == 2
    run(connection, "EXECUTE later")


def test_a_value_keeps_its_bytes_behind_one_of_another_type(table, session):
    """MySQL converts to the types that a statement was executed with first; each of these was prepared by itself."""
    text = "INSERT INTO t (id, s) VALUES (?, ?)"
    first = session.prepare(text)
    second = Session(table)
    other = second.prepare(text)
    go_away(table)
    execute(session, first, [(LONG, struct.pack("<i", 11)), (LONGLONG, struct.pack("<q", 5))])
    execute(second, other, [(LONG, struct.pack("<i", 12)), (VARCHAR, lenenc(b"007"))])
    execute(session, first, [(LONG, struct.pack("<i", 13)), (NEWDECIMAL, lenenc(b"1.5"))])
    execute(second, other, [(LONG, struct.pack("<i", 14)), (VARCHAR, lenenc(b"1e2"))])
    execute(second, other, [(LONG, struct.pack("<i", 15)), (VARCHAR, None)])
    execute(second, other, [(LONG, struct.pack("<i", 16)), (VARCHAR, lenenc(b"00"))])
    bring_back(table)
    assert [s for s, in rows(table, "SELECT s FROM t WHERE id > 10 ORDER BY id")] == ["5", "007", "1.5", "1e2", None, "00"]
    second.close()
