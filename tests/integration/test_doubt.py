"""The answer was lost: never twice, never a lie. The faults strike at a known byte, by a relay before the server."""
import pymysql
import pytest

from lib.process import wait_until
from lib.relay import Relay
from lib.sql import run, spooled_seq, value


@pytest.fixture
def relayed(server, start_proxy):
    relay = Relay(server.host, server.port)
    proxy = start_proxy(server, before=relay)
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, c INT NOT NULL) ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO t VALUES (1, 0)")
    yield proxy, relay
    relay.close()


def counter(server, proxy):
    return server.run("SELECT c FROM t WHERE id = 1", database=proxy.database)[0][0]


def test_a_write_whose_answer_is_lost_is_never_sent_again(relayed, server):
    proxy, relay = relayed
    connection = proxy.connect()
    relay.cut_answer_to(b"UPDATE t SET c = c + 1")
    with pytest.raises(pymysql.err.MySQLError) as caught:
        run(connection, "UPDATE t SET c = c + 1 WHERE id = 1")
    relay.wait_struck(10)
    text = str(caught.value.args[1]).lower()
    assert any(word in text for word in ("unknown", "doubt", "not known")), f"not honest: {caught.value.args}"
    proxy.wait_drained()
    run(proxy.connect(), "UPDATE t SET c = c + 10 WHERE id = 1")
    assert counter(server, proxy) == 11


def test_a_client_of_mariadbs_own_library_reads_that_the_outcome_is_unknown(relayed):
    """It keeps the texts of errors with a number of its own kind, 2013 among them, to itself."""
    driver = pytest.importorskip("MySQLdb")
    proxy, relay = relayed
    account = proxy.account
    connection = driver.connect(host=proxy.host, port=proxy.port, user=account.user, passwd=account.password,
                                db=proxy.database, autocommit=True)
    relay.cut_answer_to(b"UPDATE t SET c = c + 1")
    with pytest.raises(driver.MySQLError) as caught:
        connection.cursor().execute("UPDATE t SET c = c + 1 WHERE id = 1")
    relay.wait_struck(10)
    assert caught.value.args[0] == 1927
    assert "it is not known whether the statement was carried out" in caught.value.args[1]


def test_a_write_that_did_not_reach_the_server_is_not_acknowledged_and_lost(relayed, server):
    proxy, relay = relayed
    connection = proxy.connect()
    relay.cut_answer_to(b"UPDATE t SET c = c + 1", forward=False)
    try:
        run(connection, "UPDATE t SET c = c + 1 WHERE id = 1")
        expected = (1,)
    except pymysql.err.MySQLError:
        expected = (0,)  # the proxy cannot know: its bytes may have arrived
    proxy.wait_drained()
    assert counter(server, proxy) in expected


def test_a_commit_in_doubt_is_an_error_that_says_so(relayed, server):
    proxy, relay = relayed
    connection = proxy.connect()
    run(connection, "BEGIN")
    run(connection, "UPDATE t SET c = c + 1 WHERE id = 1")
    relay.cut_answer_to(b"COMMIT")
    with pytest.raises(pymysql.err.MySQLError) as caught:
        run(connection, "COMMIT")
    assert caught.value.args[0] != 1213, "1213 would invite a repetition"
    text = str(caught.value.args[1]).lower()
    assert any(word in text for word in ("unknown", "doubt", "not known")), f"not honest: {caught.value.args}"
    proxy.wait_drained()
    assert counter(server, proxy) in (0, 1)
    with pytest.raises((pymysql.err.MySQLError, OSError)):
        run(connection, "SELECT 1")  # the connection ended


def test_a_read_whose_answer_is_lost_before_the_first_row_is_retried_or_refused(relayed):
    proxy, relay = relayed
    connection = proxy.connect()
    relay.cut_answer_to(b"SELECT c FROM t")
    try:
        assert value(connection, "SELECT c FROM t WHERE id = 1") == 0
    except pymysql.err.MySQLError as error:
        assert error.args[0] not in (2006, 0) and "Lost connection" not in str(error.args[1]), error.args
        assert value(connection, "SELECT 1") == 1


def test_a_result_that_breaks_off_is_an_error_and_not_a_short_result(relayed, server):
    proxy, relay = relayed
    connection = proxy.connect()
    run(connection, "CREATE TABLE big (id INT PRIMARY KEY AUTO_INCREMENT, s LONGTEXT) ENGINE=InnoDB")
    for _ in range(40):
        run(connection, "INSERT INTO big (s) VALUES (REPEAT('x', 1000000))")
    cursor = connection.cursor(pymysql.cursors.SSCursor)
    cursor.execute("SELECT s FROM big")
    assert cursor.fetchone()
    relay.close()
    with pytest.raises((pymysql.err.MySQLError, OSError)):
        while cursor.fetchone() is not None:
            pass
    relay.open()
    proxy.wait_drained()
    assert value(proxy.connect(), "SELECT COUNT(*) FROM big") == 40


@pytest.mark.parametrize("needle", [b"COMMIT", b"UPDATE t SET c = c + 1", b"FOR UPDATE"])
def test_a_replay_whose_answer_is_lost_is_applied_once(relayed, server, needle):
    """The ledger decides: the batch runs once, wherever the connection breaks."""
    proxy, relay = relayed
    connection = proxy.connect()
    relay.close()
    proxy.wait_state("down")
    for _ in range(10):
        spooled_seq(connection, "UPDATE t SET c = c + 1 WHERE id = 1")
    relay.cut_answer_to(needle)
    relay.open()
    proxy.http("/health/reconnect", "POST")
    proxy.wait_drained()
    relay.wait_struck(10)
    assert counter(server, proxy) == 10
    assert proxy.health()["spool"]["dead"] == 0


def test_a_frozen_servers_replay_connection_does_not_apply_twice(relayed, server):
    """The replay is sent to a server that freezes; it thaws after the proxy has given that connection up."""
    proxy, relay = relayed
    connection = proxy.connect()
    for freeze_at in range(3):
        relay.close()
        proxy.wait_state("down")
        for _ in range(20):
            spooled_seq(connection, "UPDATE t SET c = c + 1 WHERE id = 1")
        relay.open()
        proxy.wait_state("draining", "up", deadline_s=15)
        server.freeze()
        proxy.wait_state("suspect", "down", deadline_s=10)
        server.thaw()
        proxy.wait_drained()
    assert counter(server, proxy) == 60


def test_a_cut_during_a_burst_of_writes_never_doubles_one(relayed, server):
    proxy, relay = relayed
    connection = proxy.connect()
    run(connection, "CREATE TABLE log (id INT PRIMARY KEY, seen INT NOT NULL) ENGINE=InnoDB")
    acked, unknown = set(), set()
    for number in range(200):
        if number % 50 == 25:
            proxy.wait_drained()  # so that it goes to the server, and not into the queue
            relay.cut_answer_to(b"log VALUES (%d," % (number + 3))
        try:
            run(connection, f"INSERT INTO log VALUES ({number}, 1) ON DUPLICATE KEY UPDATE seen = seen + 1")
            acked.add(number)
        except pymysql.err.MySQLError:
            unknown.add(number)
            connection = wait_until(lambda: _connection(proxy), 20, "the proxy takes connections")
    proxy.wait_drained()
    found = dict(server.run("SELECT id, seen FROM log", database=proxy.database))
    assert set(found.values()) <= {1}, "a write was applied twice"
    assert acked <= set(found) and set(found) <= acked | unknown
    assert 4 <= len(unknown) <= 30


def _connection(proxy):
    try:
        return proxy.connect()
    except pymysql.err.MySQLError:
        return None
