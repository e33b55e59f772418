"""The sessions' bytes move the same over epoll and over io_uring, and epoll is used where io_uring is forbidden."""
import contextlib
import os
import socket
import sys
import threading

import pymysql
import pytest
from pymysql.constants.COMMAND import COM_QUERY

from lib.process import wait_until
from lib.sql import error_number, run, value

FORBIDS = [sys.executable, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib",
                                        "without_io_uring.py")]


@pytest.fixture(params=["epoll", "io_uring"])
def moved(request, mariadb, start_proxy):
    """A proxy on each of them; the latter only where this machine allows it."""
    proxy = start_proxy(mariadb, HOLDWATER_NET_BACKEND="auto" if request.param == "io_uring" else "epoll")
    if proxy.health()["net_backend"] != request.param:
        pytest.skip("this machine does not allow io_uring")
    return proxy


def test_many_clients_get_their_own_answers(moved):
    run(moved.connect(), "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(100)) ENGINE=InnoDB")
    run(moved.connect(), "INSERT INTO t SELECT seq, REPEAT(CHAR(97 + seq % 26), seq % 100) FROM seq_1_to_1000")
    wrong = []

    def ask(first):
        connection = moved.connect()
        for number in range(first, 1000, 16):
            got = value(connection, f"SELECT s FROM t WHERE id = {number}")
            if got != chr(97 + number % 26) * (number % 100):
                wrong.append((number, got))
        connection.close()

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(1, 17)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong


def test_statements_and_results_larger_than_every_buffer_arrive_whole(moved):
    connection = moved.connect()
    for size in (4095, 4096, 4097, 65_535, 65_536, 3_000_000):
        text = "x" * (size - 20)
        assert value(connection, f"SELECT LENGTH('{text}')") == len(text)
        assert value(connection, f"SELECT REPEAT('y', {size})") == "y" * size


def test_a_client_that_does_not_read_holds_the_server_back_and_gets_everything(moved):
    connection = moved.connect()
    before = moved.resident_bytes()
    cursor = connection.cursor(pymysql.cursors.SSCursor)
    cursor.execute("SELECT seq, REPEAT('z', 1000) FROM seq_1_to_60000")
    other = moved.connect()
    for _ in range(100):
        assert value(other, "SELECT 1") == 1
    assert moved.resident_bytes() - before < 16 << 20
    assert [row[0] for row in cursor] == list(range(1, 60_001))


def test_a_client_that_hangs_up_ends_its_statement(moved):
    connection, other = moved.connect(), moved.connect()
    connection._execute_command(COM_QUERY, "SELECT SLEEP(40)")
    running = "SELECT COUNT(*) FROM information_schema.processlist WHERE info = 'SELECT SLEEP(40)'"
    wait_until(lambda: value(other, running) == 1, 20, "the statement runs")
    connection._sock.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: value(other, running) == 0, 20, "the statement is gone")


def test_a_connection_that_the_server_ends_is_replaced(moved):
    connection = moved.connect()
    for _ in range(20):
        assert value(connection, "SELECT 1") == 1
        mine = f"SELECT id FROM information_schema.processlist WHERE user = '{moved.account.user}'"
        for (number,) in moved.server.run(mine):
            with contextlib.suppress(pymysql.err.MySQLError):  # it may be gone already
                moved.server.run(f"KILL {number}")
    assert value(connection, "SELECT 1") == 1


def test_a_write_is_queued_and_applied(moved):
    connection = moved.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    moved.server.stop()
    run(connection, "INSERT INTO t VALUES (1)")
    assert error_number(connection, "SELECT * FROM t")[0] == 3032
    moved.server.start()
    moved.wait_drained()
    assert value(connection, "SELECT COUNT(*) FROM t") == 1


def test_epoll_serves_where_io_uring_is_forbidden(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_NET_BACKEND="auto", launcher=FORBIDS)
    assert proxy.health()["net_backend"] == "epoll"
    assert value(proxy.connect(), "SELECT 1") == 1
    with open(proxy.log) as log:
        assert "io_uring does not work here" in log.read()
