"""SET GLOBAL past Holdwater: sessions of before keep what they have, also on another server connection, and are not disturbed."""
import pymysql
import pytest

from lib.process import wait_until
from lib.sql import affected, run, value


@pytest.fixture
def table(proxy):
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, n BIGINT) ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)")
    proxy.wait_tables_known()
    return proxy


@pytest.fixture
def restored(server):
    """Afterwards the globals are again what they were."""
    names = ("time_zone", "autocommit", "sql_mode")
    before = server.run("SELECT " + ", ".join(f"@@global.{name}" for name in names))[0]
    yield server
    for name, old in zip(names, before):
        server.run(f"SET GLOBAL {name} = {old!r}")


def kill_connections_of(server, proxy):
    user = proxy.account.user
    of_sessions = f"SELECT id FROM information_schema.processlist WHERE user = '{user}' AND db = '{proxy.database}'"
    killed = [row[0] for row in server.run(of_sessions)]
    assert killed
    for one in killed:
        server.run(f"KILL {one}")
    wait_until(lambda: not {row[0] for row in server.run(of_sessions)} & set(killed), 20, "they are gone")


def test_the_question_for_a_changed_global_does_not_come_between_two_statements(table, restored):
    sessions = [table.connect() for _ in range(4)]  # after the last check, so that nobody can tell what they have
    for one in sessions:
        assert affected(one, "UPDATE t SET n = n + 1") == 3
    run(sessions[2], "PREPARE found FROM 'SELECT FOUND_ROWS()'")
    run(sessions[2], "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1")
    restored.run("SET GLOBAL time_zone = '+05:00'")
    table.wait_checked()
    run(sessions[0], "INSERT INTO t VALUES (10, ROW_COUNT())")
    assert value(sessions[0], "SELECT ROW_COUNT()") == 1
    run(sessions[1], "SET @counted = ROW_COUNT()")
    assert value(sessions[1], "SELECT @counted") == 3
    assert value(sessions[2], "EXECUTE found") == 3
    assert value(sessions[3], "SELECT ROW_COUNT()") == 3
    assert table.server.run("SELECT n FROM t WHERE id = 10", database=table.database) == ((3,),)
    assert [value(one, "SELECT @@time_zone") for one in sessions] == ["SYSTEM"] * 4


def test_another_server_connection_does_not_have_the_new_globals(table, restored):
    session = table.connect(autocommit=None)
    table.wait_checked()
    run(session, "DO 1")
    restored.run("SET GLOBAL time_zone = '+09:00'", "SET GLOBAL autocommit = 0")
    kill_connections_of(restored, table)
    run(session, "INSERT INTO t VALUES (20, 0)")
    assert value(session, "SELECT @@time_zone") == "SYSTEM" and value(session, "SELECT @@autocommit") == 1
    session.close()
    assert restored.run("SELECT id FROM t WHERE id = 20", database=table.database) == ((20,),)


def test_shared_connections_keep_autocommit(server, restored, start_proxy):
    proxy = start_proxy(server, HOLDWATER_POOL_MODE="transaction")
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    proxy.wait_tables_known()
    session = proxy.connect(autocommit=None)
    run(session, "DO 1")
    server.run("SET GLOBAL autocommit = 0")
    kill_connections_of(server, proxy)
    run(session, "INSERT INTO t VALUES (1)")
    session.close()
    assert server.run("SELECT id FROM t", database=proxy.database) == ((1,),)


def test_a_session_that_is_in_doubt_and_loses_its_connection_ends(table, restored):
    session = table.connect()  # after the last check
    restored.run("SET GLOBAL sql_mode = 'ANSI'")
    table.wait_checked()
    kill_connections_of(restored, table)
    with pytest.raises(pymysql.err.Error):
        value(session, "SELECT @@sql_mode")
