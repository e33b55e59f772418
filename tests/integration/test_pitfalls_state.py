"""Rows 6 to 10 and 21 of the list of what breaks MySQL proxies: what belongs to one session and must stay there."""
import pymysql
import pytest

from lib.binary import execute, number_of, prepare
from lib.process import wait_until
from lib.sql import error_number, run, value
from lib.wire import Client

# What connectors, ORMs and dump programs say first.
SETS = [
    "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci",
    "SET NAMES 'latin1'",
    "SET autocommit=1, sql_mode = 'STRICT_TRANS_TABLES', time_zone='+02:00'",
    "/* mysql-connector-java-8.0.33 */SET character_set_results = NULL",
    "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')",
    "SET @@session.sql_mode='ANSI_QUOTES', @@time_zone = 'SYSTEM'",
    "set  session transaction isolation level read committed",
    "SET sql_auto_is_null = 0, @@SESSION.wait_timeout = 28800",
    "SET @@LOCAL.lc_time_names = 'de_DE' -- a comment",
    "SET @saved = @@sql_mode, sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
    "SET `time_zone` = \"+00:00\", foreign_key_checks := 0, unique_checks=OFF",
    "SET time_zone = IF(1 = 1, '+03:00', '+04:00')",
    "SET autocommit = 1 - 1",
    "SET foreign_key_checks = 00, unique_checks = 01, sql_mode = 4",
]
VARIABLES = ("character_set_client", "character_set_results", "collation_connection", "sql_mode", "time_zone",
             "lc_time_names", "foreign_key_checks", "unique_checks", "autocommit", "wait_timeout", "sql_auto_is_null")


def settings(connection):
    return run(connection, "SELECT " + ", ".join("@@session." + name for name in VARIABLES))[0]


def new_server_connection(server, connection):
    number = value(connection, "SELECT CONNECTION_ID()")
    server.run(f"KILL {number}")
    wait_until(lambda: not server.run(f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"), 10,
               "the server connection is gone")


def disturb(proxy):
    """Somebody else, on whatever server connection there is."""
    with proxy.connect() as other:
        run(other, "CREATE TABLE IF NOT EXISTS noise (id INT AUTO_INCREMENT PRIMARY KEY, x INT)")
        run(other, "INSERT INTO noise (x) VALUES (1), (2), (3)")
        run(other, "SELECT SQL_CALC_FOUND_ROWS * FROM noise LIMIT 1")
        run(other, "SELECT 1 + 'a'")
        run(other, "SET @mine = 'other', sql_mode = '', time_zone = '+09:00'")


def test_pitfall_06_a_session_variable_is_not_seen_by_another_client(proxy):
    fresh = settings(proxy.connect())
    for statement in SETS:
        with proxy.connect() as one:
            run(one, statement)
            assert settings(proxy.connect()) == fresh, statement
        assert settings(proxy.connect()) == fresh, statement  # on its connection, perhaps
        assert value(proxy.connect(), "SELECT @saved") is None


def test_pitfall_07_every_form_of_set_is_restored_on_a_new_connection_or_the_session_ends(server, proxy):
    for statement in SETS:
        connection = proxy.connect()
        run(connection, statement)
        before = settings(connection)
        new_server_connection(server, connection)
        try:
            assert settings(connection) == before, statement
        except pymysql.err.OperationalError as error:
            assert error.args[0] in (2006, 2013) and "@saved" in statement, statement


def test_an_autocommit_that_was_computed_once_does_not_come_back(server, proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    run(connection, "SET autocommit = 1 - 1")
    run(connection, "SET autocommit = 1")
    new_server_connection(server, connection)
    run(connection, "INSERT INTO t VALUES (1)")
    connection.close()
    assert server.run("SELECT id FROM t", database=proxy.database) == ((1,),)


def test_the_next_transactions_mode_outlives_a_lost_connection_and_no_transaction(server, proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    for statement in (f"SET @@{'tx' if server.kind == 'mariadb' else 'transaction'}_read_only = 1", "SET TRANSACTION READ ONLY"):
        run(connection, statement)
        connection.ping(reconnect=False)
        new_server_connection(server, connection)  # whose SELECT CONNECTION_ID() opens no transaction
        assert error_number(connection, "INSERT INTO t VALUES (1)")[0] == 1792, statement
        run(connection, "COMMIT")
        run(connection, "REPLACE INTO t VALUES (1)")
        new_server_connection(server, connection)
        run(connection, "REPLACE INTO t VALUES (1)")


def test_pitfall_08_user_variables_and_last_insert_id_stay_with_their_session(proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 77")
    run(connection, "SET @mine = 'my own'")
    run(connection, "INSERT INTO t VALUES ()")
    run(connection, "PREPARE p FROM 'SELECT LAST_INSERT_ID()'")
    for question in ("SELECT LAST_INSERT_ID()", "select last_insert_id()", "SELECT /* x */ LAST_INSERT_ID() AS id",
                     "SELECT @@last_insert_id", "SELECT @@identity", "EXECUTE p",
                     "SELECT id FROM t WHERE id = LAST_INSERT_ID()"):
        disturb(proxy)
        assert value(connection, question) == 77, question
    assert value(connection, "SELECT @mine") == "my own"
    client = Client(proxy.host, proxy.port)
    client.login(proxy.account.user, proxy.account.password, proxy.database)
    client.query("INSERT INTO t VALUES (), ()")
    statement = prepare(client, "SELECT LAST_INSERT_ID()")
    disturb(proxy)
    first = value(connection, "SELECT MIN(id) FROM t WHERE id > 77")  # the proxy may have reserved ids in between
    assert number_of(execute(client, statement)[1][0]) == first


def test_pitfall_09_temporary_tables_locks_and_savepoints_stay_with_their_session(proxy):
    connection, other = proxy.connect(), proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY)")
    run(connection, "CREATE TEMPORARY TABLE mine (id INT)")
    assert value(connection, f"SELECT GET_LOCK('{proxy.database}', 0)") == 1
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t VALUES (1)")
    run(connection, "SAVEPOINT here")
    run(connection, "INSERT INTO t VALUES (2)")
    disturb(proxy)
    assert value(other, f"SELECT GET_LOCK('{proxy.database}', 0)") == 0
    assert error_number(other, "SELECT * FROM mine")[0] == 1146
    run(connection, "ROLLBACK TO here")
    run(connection, "COMMIT")
    run(connection, "INSERT INTO mine VALUES (7)")
    assert run(connection, "SELECT id FROM t") == ((1,),)
    assert value(connection, "SELECT id FROM mine") == 7
    run(connection, "LOCK TABLES t WRITE")
    disturb(proxy)
    assert error_number(connection, "SELECT * FROM noise")[0] == 1100  # not locked
    run(connection, "UNLOCK TABLES")
    assert value(connection, f"SELECT RELEASE_LOCK('{proxy.database}')") == 1


def test_pitfall_10_diagnostics_are_those_of_the_sessions_own_last_statement(server, proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY)")
    run(connection, "INSERT INTO t VALUES (1), (2)")
    disturb(proxy)
    assert value(connection, "SELECT ROW_COUNT()") == 2
    run(connection, "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1")
    disturb(proxy)
    assert value(connection, "SELECT FOUND_ROWS()") == 2
    run(connection, "SELECT CAST('12x' AS SIGNED)")
    disturb(proxy)
    warnings = run(connection, "SHOW WARNINGS")
    assert len(warnings) == 1 and "12x" in warnings[0][2]
    error_number(connection, "SELECT * FROM missing")
    disturb(proxy)
    run(connection, "GET DIAGNOSTICS CONDITION 1 @number = MYSQL_ERRNO")
    assert value(connection, "SELECT @number") == 1146


@pytest.mark.limit(120)
def test_pitfall_21_every_collation_of_the_handshake_and_of_set_names_arrives(server, proxy):
    ask = "SELECT CONCAT_WS(' ', @@character_set_client, @@character_set_results, @@collation_connection)"
    known = server.run("SELECT id, collation_name, character_set_name FROM information_schema.collations "
                       "WHERE character_set_name NOT IN ('ucs2', 'utf16', 'utf16le', 'utf32') AND id IS NOT NULL")
    for number, name, _ in known[::7]:
        if number < 256:
            said = []
            for host, port in ((server.host, server.port), (proxy.host, proxy.port)):
                client = Client(host, port)
                client.login(proxy.account.user, proxy.account.password, charset=number)
                said.append(client.result(ask))
                client.close()
            assert said[0] == said[1], name
    connection = proxy.connect()
    for _, name, charset in known[::11] + known[-1:]:
        run(connection, f"SET NAMES {charset} COLLATE {name}")
        assert value(connection, "SELECT @@collation_connection") == name
    new_server_connection(server, connection)
    assert value(connection, "SELECT @@collation_connection") == name


def test_a_procedure_that_failed_has_left_its_lock(proxy, server):
    server.run("CREATE PROCEDURE p() BEGIN DO GET_LOCK('kept', 0); SIGNAL SQLSTATE '45000'; END", database=proxy.database)
    connection = proxy.connect()
    assert error_number(connection, "CALL p()")[0] == 1644
    server.stop()
    proxy.wait_state("down")
    server.start()
    proxy.wait_drained()
    with pytest.raises(pymysql.err.OperationalError):  # never as if the lock were still held
        run(connection, "SELECT 1")
