"""kill -9 of the proxy, of the server, of both: what was acknowledged is applied, once."""
import os

import pytest
from conftest import LONG

from lib.sql import run, spooled_seq


@pytest.fixture
def table(proxy):
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL) ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO t VALUES (1, 0)")
    return proxy


def fill(proxy, count):
    connection = proxy.connect()
    for _ in range(count):
        spooled_seq(connection, "UPDATE t SET n = n + 1 WHERE id = 1")


def counter(server, proxy):
    return server.run("SELECT n FROM t WHERE id = 1", database=proxy.database)[0][0]


def test_pending_units_survive_the_proxy(table, server):
    server.stop()
    table.wait_state("down")
    fill(table, 30)
    table.restart()
    assert table.health()["spool"]["pending"] == 30
    server.start()
    table.wait_drained()
    assert counter(server, table) == 30


def test_the_death_of_both_loses_nothing(table, server):
    server.kill()
    table.wait_state("down")
    fill(table, 30)
    table.kill()
    server.start()
    table.start()
    table.wait_drained()
    assert counter(server, table) == 30


def test_the_proxy_is_killed_at_every_stage_of_the_drain(table, server):
    """Each round kills it a little later after the server is back; the sum shows a lost or doubled unit."""
    applied = 0
    for stage in range(8 if LONG else 5):
        server.stop()
        table.wait_state("down")
        fill(table, 25)
        applied += 25
        server.start()
        for _ in range(stage):
            table.http("/health/")  # a round trip is the clock here
        table.restart()
        table.wait_drained()
        assert counter(server, table) == applied
    assert table.health()["spool"]["dead"] == 0


def test_the_server_is_killed_while_it_is_drained_into(table, server):
    applied = 0
    for _ in range(4):
        server.stop()
        table.wait_state("down")
        fill(table, 50)
        applied += 50
        server.start()
        server.kill()
        server.start()
        table.wait_drained()
        assert counter(server, table) == applied


def test_a_second_proxy_on_the_same_data_is_refused(table):
    from lib.proxy import Proxy
    twin = Proxy(os.path.dirname(table.folder), _address_of(table), table.account, table.database, data=table.data)
    twin.start(wait=False)
    assert twin.child.wait(60) != 0
    twin.child = None
    assert "use" in twin.log_text() or "lock" in twin.log_text(), twin.log_text()
    run(table.connect(), "UPDATE t SET n = 5")


def _address_of(proxy):
    class Address:
        host, port = proxy.settings["MYSQL_HOST"], int(proxy.settings["MYSQL_PORT"])
    return Address


def test_the_proxy_starts_before_its_server(mariadb, start_proxy):
    from conftest import make_database
    database, account = make_database(mariadb)
    mariadb.run("CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB", database=database)
    mariadb.stop()
    proxy = start_proxy(mariadb, database=database, account=account, drained=False)
    assert proxy.http("/livez")[0] == 200
    proxy.wait_state("down")
    mariadb.start()
    proxy.wait_drained()
    run(proxy.connect(), "INSERT INTO t VALUES (1)")
