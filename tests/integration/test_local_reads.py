"""What drivers and pools ask on connect, on check-out and on ping is answered in an outage as the server would."""
import pymysql
import pytest

from lib.process import wait_until
from lib.sql import run, spooled_seq, value, was_refused_for_outage

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
    connection = proxy.connect()
    run(connection, "SET SESSION wait_timeout = 1234, SQL_AUTO_IS_NULL = 0, time_zone = '+02:00', sql_mode = 'ANSI_QUOTES'")
    run(connection, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    asked = ASKED + [isolation(any_server)]
    up = [ask(connection, statement) for statement in asked]
    any_server.stop()
    proxy.wait_state("down")
    for statement, expected in zip(asked, up):
        assert ask(connection, statement) == expected, statement


def test_the_last_insert_id_is_that_of_the_queued_write(proxy, server):
    connection = proxy.connect()
    run(connection, "CREATE TABLE ai (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20)) ENGINE=InnoDB")
    run(connection, "INSERT INTO ai (s) VALUES ('up')")
    words = f"of `{proxy.database}`.`ai`"
    wait_until(lambda: any("reserved ids" in line and words in line for line in proxy.log_text().splitlines()), 15,
               f"ids are reserved {words}")
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
