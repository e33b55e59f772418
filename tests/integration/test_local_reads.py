"""What drivers and pools ask on connect, on check-out and on ping is answered in an outage as the server would."""
import struct

import pymysql
import pytest

from lib.sql import run, spooled_seq, value, was_refused_for_outage
from lib.statements import COM_STMT_EXECUTE, COM_STMT_PREPARE, Session
from lib.wire import COM_QUERY, DEPRECATE_EOF, Err

# Each must give the same rows, of the same Python types and under the same names, with the server up and down.
ASKED = [
    "SELECT 1", "SELECT 1 FROM DUAL", "SELECT 'x' AS y", "select NULL, TRUE, -5",
    "SELECT VERSION()", "SELECT DATABASE(), SCHEMA()", "SELECT @@version_comment LIMIT 1",
    "SELECT @@session.autocommit, @@autocommit AS `a`", "SELECT @@sql_mode", "SELECT @@max_allowed_packet, @@wait_timeout",
    "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection",
    "SELECT @@lower_case_table_names, @@time_zone, @@system_time_zone, @@foreign_key_checks, @@auto_increment_increment",
    "SELECT CAST('test plain returns' AS CHAR(60)) AS anon_1",
    "SELECT CAST('test collated returns' AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin AS anon_1",
    "SHOW VARIABLES LIKE 'sql_mode'", "SHOW SESSION VARIABLES LIKE 'lower_case_%'", "SHOW VARIABLES LIKE 'autocommit'",
    "SHOW VARIABLES WHERE Variable_name = 'wait_timeout' OR Variable_name = 'time_zone'",
    "SELECT VERSION(), @@sql_mode, @@default_storage_engine, @@sql_auto_is_null, @@lower_case_table_names, "
    "CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL",
    "SHOW WARNINGS", "SHOW ERRORS", "SHOW COUNT(*) WARNINGS",
]


def ask(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall()
        return [column[0] for column in cursor.description], rows, [[type(one) for one in row] for row in rows]


def isolation(server):
    return "SELECT @@tx_isolation" if server.kind == "mariadb" else "SELECT @@transaction_isolation"


def test_answers_are_those_of_the_server(any_server, start_proxy):
    proxy = start_proxy(any_server)

    def arrive():
        connection = proxy.connect()
        run(connection, "SET SESSION wait_timeout = 1234, SQL_AUTO_IS_NULL = 0, time_zone = '+02:00', sql_mode = 'ANSI_QUOTES'")
        run(connection, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        return connection
    connection = arrive()
    asked = ASKED + [isolation(any_server)]
    up = [ask(connection, statement) for statement in asked]
    any_server.stop()
    proxy.wait_state("down")
    for statement, expected in zip(asked, up):
        assert ask(connection, statement) == expected, statement
    proxy.kill()
    proxy.start()
    proxy.wait_state("down")
    connection = arrive()
    for statement, expected in zip(asked, up):
        assert ask(connection, statement) == expected, f"{statement}, after a restart in the outage"


def test_the_last_insert_id_is_that_of_the_queued_write(proxy, server):
    connection = proxy.connect()
    run(connection, "CREATE TABLE ai (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20)) ENGINE=InnoDB")
    run(connection, "INSERT INTO ai (s) VALUES ('up')")
    proxy.wait_ids_reserved("ai")
    server.stop()
    proxy.wait_state("down")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO ai (s) VALUES ('down')")
        told = cursor.lastrowid
    assert told > 1
    assert value(connection, "SELECT LAST_INSERT_ID()") == told
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT s FROM ai WHERE id = %d" % told, database=proxy.database) == (("down",),)


def test_warnings_tell_of_the_statement_before(proxy, server):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    server.stop()
    proxy.wait_state("down")
    spooled_seq(connection, "INSERT INTO t VALUES (1)")
    assert run(connection, "SHOW COUNT(*) WARNINGS") == ((1,),)
    assert run(connection, "SHOW ERRORS") == ()
    was_refused_for_outage(connection, "SELECT * FROM t")
    (level, code, text), = run(connection, "SHOW WARNINGS")
    assert (level, code) == ("Error", 3032) and "Holdwater" in text
    run(connection, "SELECT 1")
    assert run(connection, "SHOW WARNINGS") == ()


def test_what_the_session_does_not_know_is_refused(proxy, server):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    server.stop()
    proxy.wait_state("down")
    for statement in ("SELECT NOW()", "SELECT @@nonsense", "SELECT @@global.sql_mode", "SELECT 1 FROM t", "SELECT 1 + 1",
                      "SHOW TABLES", "SHOW GLOBAL VARIABLES LIKE 'x'", "SELECT USER()", "SELECT @x", "SHOW VARIABLES LIKE 'nonsense'"):
        assert was_refused_for_outage(connection, statement)[0] == 3032, statement
    with pytest.raises(pymysql.err.MySQLError):
        run(connection, "SELECT 1 INTO @x")


# --- packet for packet, as text and prepared

DESCRIBED = [
    "SELECT 1", "SELECT 12, -5, 123456789, 1234567890, 2147483648, 999999999999999999 AS big", "SELECT 'x', '' AS e, 'it''s'", "SELECT NULL",
    "SELECT TRUE, FALSE", "SELECT VERSION()", "SELECT DATABASE()", "SELECT LAST_INSERT_ID()", "SELECT @@autocommit, @@wait_timeout",
    "SELECT @@max_allowed_packet, @@auto_increment_increment AS step, @@session.wait_timeout", "SELECT @@sql_mode",
    "SELECT @@version_comment, @@character_set_results, @@time_zone, @@long_query_time", "SELECT @n, @s, @nothing",
    "SHOW VARIABLES LIKE 'sql_mode'", "SELECT @@sql_auto_is_null, @@unique_checks LIMIT 1",
]
AS_TEXT = ["SHOW WARNINGS", "SHOW COUNT(*) WARNINGS", "SHOW COUNT(*) ERRORS"]


def packets(session, code, payload):
    """All packets of a result set."""
    session.raw.command(code, payload)
    found, ends = [session.raw.expect_ok()], 1 if session.deprecates_eof else 2
    while ends:
        found.append(session.raw.read())
        ends -= found[-1][0] == 0xFE and len(found[-1]) < 9
    return found


def prepare(session, text):
    """The statement's id, and the packets of the answer without it."""
    session.raw.command(COM_STMT_PREPARE, text.encode())
    head = session.raw.expect_ok()
    number, columns = struct.unpack_from("<IH", head, 1)
    rest = [session.raw.read() for _ in range(columns + (not session.deprecates_eof))]
    return number, [head[5:], *rest]


def execute(session, number):
    return packets(session, COM_STMT_EXECUTE, struct.pack("<IBI", number, 0, 1))


@pytest.mark.parametrize("names", ["utf8mb4", "latin1"])
@pytest.mark.parametrize("form", [0, DEPRECATE_EOF], ids=["eof", "deprecate-eof"])
def test_every_packet_of_an_answer_is_the_servers(any_server, start_proxy, names, form):
    proxy = start_proxy(any_server)
    session = Session(proxy, **({"capabilities": Session.CAPABILITIES | form}))
    session.deprecates_eof = bool(form)
    other = Session(proxy, **({"capabilities": Session.CAPABILITIES | form}))
    other.deprecates_eof = bool(form)
    for one in (session, other):
        for statement in (f"SET NAMES {names}", "SET @n = 5, @s = 'abc', @nothing = NULL", "SET sql_mode = 'ANSI_QUOTES'"):
            one.raw.query(statement)
    text_up = {text: packets(session, COM_QUERY, text.encode()) for text in DESCRIBED + AS_TEXT}
    before, prepared_up = {}, {}
    for text in DESCRIBED:
        before[text], prepared_up[text] = prepare(session, text)
    executed_up = {text: execute(session, number) for text, number in before.items()}
    any_server.stop()
    proxy.wait_state("down")
    wrong = []

    def compare(what, text, seen, expected):
        if seen != expected:
            wrong.append((what, text, [(one, other) for one, other in zip(seen, expected) if one != other]))
    numbers = {}
    for text in DESCRIBED + AS_TEXT:
        compare("text", text, packets(session, COM_QUERY, text.encode()), text_up[text])
    for text in DESCRIBED:
        compare("prepared before", text, execute(session, before[text]), executed_up[text])
        numbers[text], answer = prepare(other, text)
        compare("prepared in the outage", text, answer, prepared_up[text])
        compare("executed in the outage", text, execute(other, numbers[text]), executed_up[text])
    any_server.start()
    proxy.wait_drained()
    for text in DESCRIBED:
        compare("afterwards", text, execute(session, before[text]), executed_up[text])
        compare("afterwards, prepared in the outage", text, execute(other, numbers[text]), executed_up[text])
    assert not wrong, "\n".join(map(str, wrong))


def test_a_prepared_read_tells_of_the_session_as_it_is_when_executed(proxy, server):
    session = Session(proxy)
    server.stop()
    proxy.wait_state("down")
    asked = {text: session.prepare(text) for text in ("SELECT DATABASE()", "SELECT @@autocommit", "SELECT @x")
             if text != "SELECT @x"}
    for statement in ("SET autocommit = 0", "USE elsewhere"):
        session.query(statement)
    assert session.execute(asked["SELECT DATABASE()"], []) == [(b"elsewhere",)]
    assert session.execute(asked["SELECT @@autocommit"], []) == [(0,)]
    for text in ("SELECT NOW()", "SELECT ?", "SELECT * FROM t", "SHOW WARNINGS", "SELECT 1; SELECT 2"):
        with pytest.raises(Err, match="Holdwater"):
            session.prepare(text)
    session.close()


# --- LAST_INSERT_ID() of what was inserted before the outage

def last_id_scene(proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE ai (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20)) ENGINE=InnoDB")
    run(connection, "CREATE TABLE plain (id INT PRIMARY KEY, parent INT) ENGINE=InnoDB")
    proxy.wait_tables_known()
    return connection


INSERTS = [  # what an inserting session sends, and whether LAST_INSERT_ID() is known afterwards
    (["INSERT INTO ai (s) VALUES ('a')"], True),
    (["INSERT INTO ai (s) VALUES ('a'), ('b'), ('c')"], True),
    (["INSERT INTO ai (s) VALUES ('a')", "INSERT INTO ai VALUES (500, 'own')"], True),
    (["INSERT INTO ai (s) VALUES ('a')", "UPDATE ai SET s = 'b'", "SELECT * FROM ai", "INSERT INTO plain VALUES (1, 1)"], True),
    (["INSERT INTO ai (s) VALUES ('a')", "UPDATE ai SET id = LAST_INSERT_ID(id + 10)"], False),
    (["INSERT INTO ai (s) SELECT 'x'"], False),
    ([], True),
]


@pytest.mark.parametrize("statements, known", INSERTS, ids=[one[-1][:40] if one else "nothing" for one, _ in INSERTS])
def test_the_last_insert_id_of_before_the_outage_is_known_in_it(proxy, server, statements, known):
    last_id_scene(proxy)
    connection = proxy.connect()
    for statement in statements:
        run(connection, statement)
    told = value(connection, "SELECT LAST_INSERT_ID()")
    server.stop()
    proxy.wait_state("down")
    if not known:
        assert was_refused_for_outage(connection, "SELECT LAST_INSERT_ID()")[0] == 3032
        return
    assert value(connection, "SELECT LAST_INSERT_ID()") == told
    spooled_seq(connection, "INSERT INTO plain VALUES (7, LAST_INSERT_ID())")
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT parent FROM plain WHERE id = 7", database=proxy.database) == ((told,),)


def test_the_last_insert_id_of_a_prepared_insert_is_known_too(proxy, server):
    last_id_scene(proxy)
    session = Session(proxy)
    insert = session.prepare("INSERT INTO ai (s) VALUES (?)")
    explicit = session.prepare("INSERT INTO ai (id, s) VALUES (?, ?)")
    asked = session.prepare("SELECT LAST_INSERT_ID()")
    for name in (b"a", b"b"):
        session.execute(insert, [(0xFD, name)])
    told = session.execute(asked, [])
    assert told[0][0] > 1
    server.stop()
    proxy.wait_state("down")
    assert session.execute(asked, []) == told
    server.start()
    proxy.wait_drained()
    session.execute(explicit, [(8, 700), (0xFD, b"c")])
    server.stop()
    proxy.wait_state("down")
    with pytest.raises(Err, match="Holdwater"):  # whether the server made it depends on the value
        session.execute(asked, [])
    session.close()


def test_ids_are_reserved_for_a_table_that_only_prepared_inserts_have_met(proxy, server):
    last_id_scene(proxy)
    session = Session(proxy)
    insert = session.prepare("INSERT INTO ai (s) VALUES (?)")
    session.execute(insert, [(0xFD, b"up")])
    proxy.wait_ids_reserved("ai")
    server.stop()
    proxy.wait_state("down")
    session.execute(insert, [(0xFD, b"down")])
    told = session.execute(session.prepare("SELECT LAST_INSERT_ID()"), [])[0][0]
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT id FROM ai WHERE s = 'down'", database=proxy.database) == ((told,),)
    session.close()


@pytest.mark.parametrize("statement, unchanged", [
    ("SET autocommit=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')", True),  # Connector/J
    ("SET  @@SESSION.sql_mode = CONCAT(CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), ',NO_AUTO_VALUE_ON_ZERO'),  "
     "@@SESSION.sql_auto_is_null = 0, @@SESSION.wait_timeout = 2147483", False),  # Rails
    ("SET sql_mode = (SELECT CONCAT(@@session.sql_mode, ',PIPES_AS_CONCAT'))", False),
    ("SET @@SESSION.sql_mode = REPLACE(REPLACE(@@sql_mode, 'STRICT_TRANS_TABLES', ''), 'STRICT_ALL_TABLES', '')", False)])
def test_a_mode_that_is_added_to_the_sessions_is_known(proxy, server, statement, unchanged):
    connection, direct = proxy.connect(), server.admin(proxy.database)
    for one in (connection, direct):
        run(one, "SET NAMES utf8mb4")
    before = value(connection, "SELECT @@sql_mode")
    run(connection, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, s VARCHAR(3)) ENGINE=InnoDB")
    run(direct, statement)
    expected = value(direct, "SELECT @@sql_mode")
    direct.close()
    server.stop()
    proxy.wait_state("down")
    run(connection, statement)
    assert sorted(value(connection, "SELECT @@sql_mode").split(",")) == sorted(expected.split(","))
    assert (value(connection, "SELECT @@sql_mode") == before) == unchanged
    for refused in ("SET sql_mode = CONCAT(@@sql_mode, ',NONSENSE')", "SET sql_mode = CONCAT(@@global.sql_mode, ',ANSI')",
                    "SET sql_mode = CONCAT(@@sql_mode, NOW())", "SET sql_mode = CONCAT(@@sql_mode, ',ANSI') + 1",
                    "SET time_zone = CONCAT(@@time_zone, '')"):
        assert was_refused_for_outage(connection, refused)[0] == 3032, refused
    server.start()
    proxy.wait_drained()
    assert sorted(value(connection, "SELECT @@sql_mode").split(",")) == sorted(expected.split(","))
