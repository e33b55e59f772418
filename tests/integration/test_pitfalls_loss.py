"""Rows 1 to 5 and 11 of the list of what breaks MySQL proxies: connections and answers that are lost."""
import threading

import pymysql
import pytest

from lib.binary import execute, number_of, prepare
from lib.process import wait_until
from lib.relay import Relay
from lib.sql import error_number, run, value
from lib.wire import Client


@pytest.fixture
def cut(server, start_proxy):
    """(proxy, relay before the server), with a table t that holds (1, 0)."""
    relay = Relay(server.host, server.port)
    proxy = start_proxy(server, before=relay)
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, c INT NOT NULL)")
    run(proxy.connect(), "INSERT INTO t VALUES (1, 0)")
    yield proxy, relay
    relay.close()


def kill_server_side(server, connection):
    """Ends the connection's server connection, and waits until the server has forgotten it."""
    number = value(connection, "SELECT CONNECTION_ID()")
    server.run(f"KILL {number}")
    wait_until(lambda: not server.run(f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"), 10,
               "the server connection is gone")


def test_pitfall_01_a_write_is_not_executed_twice_by_a_silent_retry(cut, server):
    proxy, relay = cut
    connection = proxy.connect()
    relay.cut_answer_to(b"UPDATE t SET c = c + 1")
    number, text = error_number(connection, "UPDATE t SET c = c + 1 WHERE id = 1")
    assert number == 2013 and "not known" in text
    proxy.wait_drained()
    assert server.run("SELECT c FROM t", database=proxy.database) == ((1,),)


def test_pitfall_02_a_statement_of_a_broken_transaction_is_not_run_as_autocommit(server, proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY)")
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t VALUES (1)")
    kill_server_side(server, connection)
    assert error_number(connection, "INSERT INTO t VALUES (2)")[0] == 1213
    run(connection, "ROLLBACK")
    run(connection, "INSERT INTO t VALUES (3)")
    assert server.run("SELECT id FROM t", database=proxy.database) == ((3,),)


def test_pitfall_03_a_commit_in_doubt_is_neither_success_nor_failure(cut, server):
    proxy, relay = cut
    connection = proxy.connect()
    run(connection, "BEGIN")
    run(connection, "UPDATE t SET c = c + 1 WHERE id = 1")
    relay.cut_answer_to(b"COMMIT")
    number, text = error_number(connection, "COMMIT")
    assert number == 2013 and "not known whether the transaction was committed" in text


def test_pitfall_04_a_restart_is_hidden_from_idle_clients_and_clear_to_the_others(server, start_proxy):
    proxy = start_proxy(server, DB_RETRY_DELAY=5, DB_RETRY_ATTEMPTS=9)
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY)")
    idle, open_transaction, in_query = proxy.connect(), proxy.connect(), proxy.connect()
    run(open_transaction, "BEGIN")
    run(open_transaction, "INSERT INTO t VALUES (1)")
    said = []

    def ask():
        try:
            said.append(value(in_query, "SELECT SLEEP(90)"))
        except pymysql.err.MySQLError as error:
            said.append(error.args[0])
    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: server.run("SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'"), 10,
               "the query runs")
    server.restart()
    assert value(idle, "SELECT 7") == 7
    assert error_number(open_transaction, "INSERT INTO t VALUES (2)")[0] == 1213
    assert value(open_transaction, "SELECT COUNT(*) FROM t") == 0
    asking.join(120)
    assert not asking.is_alive() and len(said) == 1


def test_pitfall_05_autocommit_0_stays_when_the_connection_is_lost(server, proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY)")
    run(connection, "SET autocommit = 0")
    run(connection, "SELECT * FROM t")
    kill_server_side(server, connection)
    try:
        run(connection, "INSERT INTO t VALUES (1)")
    except pymysql.err.MySQLError as error:
        assert error.args[0] == 1213  # the read had begun a transaction
        run(connection, "INSERT INTO t VALUES (1)")
    assert value(connection, "SELECT @@autocommit") == 0
    assert server.run("SELECT COUNT(*) FROM t", database=proxy.database) == ((0,),)
    run(connection, "ROLLBACK")
    assert value(connection, "SELECT COUNT(*) FROM t") == 0


def test_pitfall_11_prepared_statements_are_what_they_were_after_a_reconnect(server, proxy):
    client = Client(proxy.host, proxy.port)
    client.login(proxy.account.user, proxy.account.password, proxy.database)
    statements = {prepare(client, f"SELECT {number} + ?"): number for number in range(60)}
    before = int(client.result("SELECT CONNECTION_ID()")[-2][1:])
    server.run(f"KILL {before}")
    for statement, number in statements.items():
        _, rows, _ = execute(client, statement, (1000,))
        assert number_of(rows[0]) == number + 1000
    assert int(client.result("SELECT CONNECTION_ID()")[-2][1:]) != before
    assert value(proxy.connect(), "SELECT 1") == 1
