"""The way of a collected transaction to a server that is back, cut at known bytes: never twice, never torn, never a lie."""
import pymysql
import pytest

from lib.process import wait_until
from lib.relay import Relay
from lib.sql import error_number, run, spooled_seq, value, was_spooled


@pytest.fixture
def collected(server, start_proxy):
    """A transaction of two inserts that was collected in an outage; the server is up again."""
    relay = Relay(server.host, server.port)
    proxy = start_proxy(server, before=relay)
    run(proxy.connect(), "CREATE TABLE t (id INT NOT NULL) ENGINE=InnoDB")  # no key: a double insert would show
    proxy.wait_tables_known()
    connection = proxy.connect()
    relay.close()
    wait_until(lambda: proxy.state() != "up", 20, "the proxy notices")
    proxy.wait_state("down")
    run(connection, "BEGIN")
    assert was_spooled(connection, "INSERT INTO t VALUES (3)")
    assert was_spooled(connection, "INSERT INTO t VALUES (4)")
    relay.open()
    proxy.http("/health/reconnect", "POST")
    proxy.wait_drained()
    yield proxy, relay, connection
    relay.close()


def ids(server, proxy):
    return [row[0] for row in server.run("SELECT id FROM t ORDER BY id", database=proxy.database)]


@pytest.mark.parametrize("needle", [b"START TRANSACTION READ WRITE", b"INSERT INTO t VALUES (3)", b"INSERT INTO t VALUES (4)",
                                    b"timestamp = DEFAULT"])
@pytest.mark.parametrize("forward", [True, False])
def test_a_connection_lost_on_the_way_rolls_it_back(collected, server, needle, forward):
    proxy, relay, connection = collected
    relay.cut_answer_to(needle, forward=forward)
    number, text = error_number(connection, "COMMIT")
    relay.wait_struck(10)
    assert number == 1213, (number, text)
    proxy.wait_drained()
    assert ids(server, proxy) == []
    run(connection, "INSERT INTO t VALUES (5)")
    assert ids(server, proxy) == [5] and value(connection, "SELECT COUNT(*) FROM t") == 1


def test_what_a_lost_transaction_leaves_in_doubt_is_not_said_of_the_next(server, start_proxy):
    relay = Relay(server.host, server.port)
    proxy = start_proxy(server, before=relay)
    run(proxy.connect(), "CREATE TABLE t (id INT NOT NULL) ENGINE=InnoDB")
    proxy.wait_tables_known()
    connection = proxy.connect()
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t VALUES (1)")
    assert error_number(connection, "CREATE TABLE t (id INT)")[0] == 1050  # has perhaps committed
    relay.close()
    wait_until(lambda: proxy.state() != "up", 20, "the proxy notices")
    proxy.wait_state("down")
    run(connection, "ROLLBACK")
    run(connection, "BEGIN")
    assert was_spooled(connection, "INSERT INTO t VALUES (3)")
    relay.open()
    proxy.http("/health/reconnect", "POST")
    proxy.wait_drained()
    relay.cut_answer_to(b"INSERT INTO t VALUES (3)")
    assert error_number(connection, "COMMIT")[0] == 1213
    relay.wait_struck(10)
    run(connection, "INSERT INTO t VALUES (5)")
    relay.close()


def test_a_commit_that_is_not_understood_leaves_the_transaction_open(server, proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT NOT NULL) ENGINE=InnoDB")
    proxy.wait_tables_known()
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t VALUES (1)")
    assert error_number(connection, "COMMIT AND CHAIN RELEASE")[0] == 1064
    server.stop()
    proxy.wait_state("down")
    assert error_number(connection, "INSERT INTO t VALUES (3)")[0] == 1213


def test_a_commit_whose_answer_is_lost_is_told_so(collected, server):
    proxy, relay, connection = collected
    relay.cut_answer_to(b"COMMIT")
    number, text = error_number(connection, "COMMIT")
    relay.wait_struck(10)
    assert number == 2013 and "not known" in text, (number, text)
    proxy.wait_drained()
    assert ids(server, proxy) == [3, 4]
    with pytest.raises((pymysql.err.MySQLError, OSError)):
        connection.ping(reconnect=False)


def test_a_server_that_goes_away_again_before_the_next_statement_changes_nothing(collected, server):
    proxy, relay, connection = collected
    relay.close()
    wait_until(lambda: proxy.state() != "up", 20, "the proxy notices")
    proxy.wait_state("down")
    assert was_spooled(connection, "INSERT INTO t VALUES (5)")
    spooled_seq(connection, "COMMIT")
    assert ids(server, proxy) == []
    relay.open()
    proxy.http("/health/reconnect", "POST")
    proxy.wait_drained()
    assert ids(server, proxy) == [3, 4, 5]
