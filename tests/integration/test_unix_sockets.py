"""Unix sockets on both sides: clients that connect to a file, a server that is reached through one."""
import os
import stat
import tempfile

import pymysql
import pytest

from lib.process import wait_until
from lib.sql import run, spooled_seq, value


@pytest.fixture
def folder():
    """Short, since a socket's path may have 107 characters only."""
    with tempfile.TemporaryDirectory(prefix="hw-") as name:
        yield name


def connect(proxy, path, account=None, **options):
    account = account or proxy.account
    return pymysql.connect(unix_socket=path, user=account.user, password=account.password, database=proxy.database,
                           autocommit=True, **options)


def test_clients_connect_through_a_unix_socket_and_nothing_is_left_of_it(server, start_proxy, folder):
    path = os.path.join(folder, "mysql.sock")
    proxy = start_proxy(server, HOLDWATER_LISTEN_SOCKET=path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o777
    connection = connect(proxy, path)
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, body LONGTEXT)")
    run(connection, "INSERT INTO t VALUES (1, REPEAT('x', 3000000))")
    assert len(value(connection, "SELECT body FROM t")) == 3000000
    assert value(proxy.connect(), "SELECT COUNT(*) FROM t") == 1  # the port is there as well
    with pytest.raises(pymysql.err.MySQLError) as caught:
        connect(proxy, path, account=type(proxy.account)(proxy.account.user, "wrong"))
    assert f"'{proxy.account.user}'@'localhost'" in caught.value.args[1]
    assert proxy.stop() == 0
    assert not os.path.exists(path)


def test_a_stale_socket_file_is_replaced_and_a_live_one_is_not(mariadb, start_proxy, folder):
    path = os.path.join(folder, "mysql.sock")
    proxy = start_proxy(mariadb, HOLDWATER_LISTEN_SOCKET=path, HOLDWATER_LISTEN_SOCKET_MODE="0750")
    proxy.kill()
    assert os.path.exists(path)
    proxy.start()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o750
    assert value(connect(proxy, path), "SELECT 1") == 1
    second = start_proxy(mariadb, wait=False, HOLDWATER_LISTEN_SOCKET=path)
    wait_until(lambda: second.child.poll() is not None, 20, "the second one gives up")
    assert path in second.log_text() and "in use" in second.log_text().lower()
    assert value(connect(proxy, path), "SELECT 1") == 1


def test_a_file_that_is_no_socket_is_left_alone(mariadb, start_proxy, folder):
    path = os.path.join(folder, "precious")
    with open(path, "w") as file:
        file.write("data")
    proxy = start_proxy(mariadb, wait=False, HOLDWATER_LISTEN_SOCKET=path)
    wait_until(lambda: proxy.child.poll() is not None, 20, "it gives up")
    with open(path) as file:
        assert file.read() == "data"


@pytest.mark.parametrize("option", ["MYSQL_HOST", "HOLDWATER_SERVER_SOCKET"])
def test_the_server_is_reached_through_its_unix_socket(server, start_proxy, option):
    proxy = start_proxy(server, **{"MYSQL_PORT": "1", option: server.socket})
    assert proxy.health()["database"]["address"] == server.socket
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY)")
    assert value(connection, "SELECT USER()").endswith("@localhost")
    server.stop()
    proxy.wait_state("down")
    spooled_seq(connection, "INSERT INTO t VALUES (1)")
    server.start()
    proxy.wait_drained()
    assert value(connection, "SELECT COUNT(*) FROM t") == 1


def test_a_path_that_is_too_long_stops_the_start(mariadb, start_proxy, folder):
    proxy = start_proxy(mariadb, wait=False, HOLDWATER_LISTEN_SOCKET=os.path.join(folder, "x" * 120))
    wait_until(lambda: proxy.child.poll() is not None, 20, "it gives up")
    assert "too long" in proxy.log_text().lower()
