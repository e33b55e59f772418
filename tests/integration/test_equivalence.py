"""Writes that went through an outage leave what they would have left at the server itself (tests/equivalence), and what that found."""
import argparse
import io
import os
import sys

import pytest
from conftest import LONG

from lib.outage import bring_back, go_away
from lib.proxy import PROJECT
from lib.server import KINDS
from lib.sql import error_number, run, spooled_seq, value, was_refused_for_outage
from lib.wire import BASIC, Client

sys.path.insert(0, os.path.join(PROJECT, "tests", "equivalence"))
import equivalence  # noqa: E402

COM_RESET_CONNECTION = 0x1F


@pytest.mark.limit(300 if not LONG else 900)
@pytest.mark.parametrize("kind", ["mariadb", "mysql"] + (["mariadb118"] if LONG else []))
def test_what_is_acknowledged_in_an_outage_leaves_what_it_leaves_directly(kind, root):
    options = argparse.Namespace(server=kind, seed=1127, minutes=10, rounds=None if LONG else 2, size=400, keep=None, verbose=False)
    server = KINDS[kind](root).start()
    said = io.StringIO()
    try:
        rounds = equivalence.compare_all(options, server, root, said)
        equivalence.report(options, rounds, said)
    finally:
        server.destroy()
    assert not rounds.finds, said.getvalue()[:8000]
    print(said.getvalue())
    assert rounds.counts["units"] > 50 and rounds.counts["rows"] > 100, said.getvalue()


@pytest.fixture
def table(proxy):
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, "
                         "n VARCHAR(50)) ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO t (s) VALUES ('one'), ('two')")
    proxy.wait_ids_reserved("t")
    return proxy


@pytest.mark.parametrize("literal", ["-7", "1.50", "TRUE", "false", "x'41ff'", "0x41", "b'1000001'", "12345678901234567890", "'a' 'b'", "x''"])
def test_a_user_variable_that_is_set_in_an_outage_keeps_its_value(table, literal):
    connection = table.connect()
    run(connection, "SET sql_mode = ''")
    go_away(table)
    run(connection, f"SET @v = {literal}")
    spooled_seq(connection, "UPDATE t SET n = CONCAT(HEX(@v), ' ', @v + 0, ' ', CHARSET(@v), COERCIBILITY(@v)) WHERE id = 1")
    bring_back(table)
    run(connection, "UPDATE t SET n = CONCAT(HEX(@v), ' ', @v + 0, ' ', CHARSET(@v), COERCIBILITY(@v)) WHERE id = 2")
    direct = table.server.run(f"SET @v = {literal}, sql_mode = ''", "SELECT CONCAT(HEX(@v), ' ', @v + 0, ' ', CHARSET(@v), COERCIBILITY(@v))")[0][0]
    assert table.server.run("SELECT n FROM t ORDER BY id", database=table.database) == ((direct,), (direct,))


@pytest.mark.parametrize("literal", ["DATE '2024-02-29'", "N'x'", "_latin1 x'e9'", "1e3", "1 + 1", "x'4'", "CONCAT('a')"])
def test_a_user_variable_whose_value_cannot_be_kept_is_not_set_in_an_outage(table, literal):
    connection = table.connect()
    run(connection, "SET @v = 5")
    go_away(table)
    was_refused_for_outage(connection, f"SET @v = {literal}")
    spooled_seq(connection, "UPDATE t SET n = @v WHERE id = 1")
    bring_back(table)
    assert value(connection, "SELECT @v") == 5
    assert value(connection, "SELECT n FROM t WHERE id = 1") == "5"


def test_the_text_of_a_variable_in_execute_is_compared_by_the_columns_collation(table):
    connection = table.connect()
    run(connection, "SET NAMES utf8mb4 COLLATE utf8mb4_bin")
    run(connection, "PREPARE p FROM 'UPDATE t SET n = CONCAT(?, COLLATION(?)) WHERE s = ?'")
    go_away(table)
    run(connection, "SET @one = 'ONE', @two = 'TWO', @other = 'it''s \\\\'")
    spooled_seq(connection, "EXECUTE p USING @other, @one, @one")
    run(connection, "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci")
    run(connection, "PREPARE q FROM 'UPDATE t SET n = ? WHERE s = ?'")
    was_refused_for_outage(connection, "EXECUTE q USING @two, @two")  # of another collation than it would have here
    bring_back(table)
    assert table.server.run("SELECT n FROM t ORDER BY id", database=table.database) == (("it's \\utf8mb4_bin",), (None,))


def test_a_reset_in_an_outage_gives_the_character_set_that_it_gives_at_the_server(table, server):
    def names(client):
        client.command(COM_RESET_CONNECTION)
        client.expect_ok()
        return client.result("SELECT @@character_set_client, @@collation_connection, @@character_set_results")[-2]

    def login(host, port):
        client = Client(host, port)
        client.login(table.account.user, table.account.password, table.database, capabilities=BASIC, charset=8)
        return client
    direct, through = login(server.host, server.port), login(table.host, table.port)
    expected = names(direct)
    go_away(table)
    assert names(through) == expected
    through.query("UPDATE t SET n = '\xc3\xa9' WHERE id = 1".encode("latin1"))
    bring_back(table)
    kept = "é" if b"utf8mb4" in expected else "Ã©"
    assert server.run("SELECT n FROM t WHERE id = 1", database=table.database) == ((kept,),)
    assert through.result("SELECT @@character_set_client, @@collation_connection, @@character_set_results")[-2] == expected


def test_default_for_the_id_is_0_where_0_is_a_value(table):
    connection = table.connect()
    run(connection, "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
    go_away(table)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO t (id, s) VALUES (DEFAULT, 'zero')")
        assert cursor.lastrowid == 0
        cursor.execute("INSERT INTO t (id, s) VALUES (NULL, 'made')")
        made = cursor.lastrowid
    bring_back(table)
    assert table.server.run("SELECT id, s FROM t WHERE s IN ('zero', 'made') ORDER BY id", database=table.database) == (
        (0, "zero"), (made, "made"))


def test_the_sql_mode_is_told_as_the_server_tells_it_or_not_at_all(table):
    connection = table.connect()
    set_to = "strict_trans_tables,ANSI_QUOTES,NO_AUTO_VALUE_ON_ZERO,PIPES_AS_CONCAT"
    direct = table.server.run(f"SET sql_mode = '{set_to}'", "SELECT @@sql_mode")[0][0]
    go_away(table)
    run(connection, f"SET sql_mode = '{set_to}'")
    assert value(connection, "SELECT @@sql_mode") == direct
    run(connection, "SET sql_mode = 'TRADITIONAL'")  # which modes that is differs between servers
    assert error_number(connection, "SELECT @@sql_mode")[0] == 3032
    run(connection, "SET sql_mode = ''")
    assert value(connection, "SELECT @@sql_mode") == ""


def test_the_id_of_a_refused_write_is_taken_by_no_other_tables_row(table):
    """Replay told the server the id that was to come next; the statement failed before a row took it."""
    connection = table.connect()
    run(connection, "CREATE TABLE log (id INT PRIMARY KEY AUTO_INCREMENT, what VARCHAR(20)) ENGINE=InnoDB")
    run(connection, "CREATE TABLE seen (id INT PRIMARY KEY) ENGINE=InnoDB")
    run(connection, "CREATE TRIGGER seen_log AFTER INSERT ON seen FOR EACH ROW INSERT INTO log (what) VALUES (NEW.id)")
    run(connection, "INSERT INTO seen VALUES (1)")
    # a table of its own: one that is altered is looked at anew, and its ids may be reserved anew, when nobody can tell
    run(connection, "CREATE TABLE narrow (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20), v TINYINT) ENGINE=InnoDB")
    run(connection, "INSERT INTO narrow (s) VALUES ('up')")
    table.wait_ids_reserved("narrow")
    run(connection, "SET sql_mode = 'STRICT_ALL_TABLES'")
    go_away(table)
    for row in range(2, 5):
        spooled_seq(connection, "INSERT INTO narrow (s, v) VALUES ('no', 1000)")
        spooled_seq(connection, f"INSERT INTO seen VALUES ({row})")
    table.server.start()
    table.wait_drained()
    assert table.health()["spool"]["dead"] == 3
    ids = [row[0] for row in table.server.run("SELECT id FROM log ORDER BY id", database=table.database)]
    assert len(ids) == 4 and max(ids) < 100, f"ids of the other table: {ids}"


def test_after_an_upsert_among_several_writes_the_last_id_is_not_known(table):
    connection = table.connect(client_flag=1 << 16)  # CLIENT_MULTI_STATEMENTS
    go_away(table)
    run(connection, "INSERT INTO t (s) VALUES ('a'); INSERT IGNORE INTO t (id, s) VALUES (NULL, 'b'), (NULL, 'c')")
    was_refused_for_outage(connection, "UPDATE t SET n = 'x' WHERE id = LAST_INSERT_ID()")
    run(connection, "INSERT INTO t (s) VALUES ('d')")
    spooled_seq(connection, "UPDATE t SET n = 'y' WHERE id = LAST_INSERT_ID()")
    bring_back(table)
    assert table.server.run("SELECT s FROM t WHERE n = 'y'", database=table.database) == (("d",),)
