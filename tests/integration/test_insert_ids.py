"""Insert ids in an outage: what the driver reports is what the server has after the drain."""
import shutil
import signal

import pymysql
import pytest

from lib.binary import COM_STMT_EXECUTE, execute_payload, prepare
from lib.process import freeze, wait_until
from lib.sql import run, was_refused_for_outage
from lib.wire import Client


def insert(connection, statement):
    """The insert id that the driver reports."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.lastrowid


def make(proxy, name, columns, tail="ENGINE=InnoDB"):
    run(proxy.connect(), f"CREATE TABLE {name} (id INT PRIMARY KEY AUTO_INCREMENT, {columns}) {tail}")


def reason_of(proxy, name):
    return next((line for line in proxy.health()["spool"]["refused_tables"]
                 if line.startswith(f"{proxy.database}.{name}:")), "")


@pytest.fixture
def table(proxy):
    make(proxy, "t", "s VARCHAR(20) UNIQUE NOT NULL, n INT NOT NULL DEFAULT 1, CHECK (n > 0)")
    insert(proxy.connect(), "INSERT INTO t (s) VALUES ('up')")
    proxy.wait_ids_reserved("t")
    return proxy


def ids(server, proxy, name="t"):
    return dict(server.run(f"SELECT s, id FROM {name}", database=proxy.database))


@pytest.mark.parametrize("binary", [True, False])
def test_a_prepared_insert_has_ids_reserved_for_its_table_too(proxy, binary):
    make(proxy, "p", "s VARCHAR(20) NOT NULL")
    if binary:
        client = Client(proxy.host, proxy.port)
        client.login(proxy.account.user, proxy.account.password, proxy.database)
        client.command(COM_STMT_EXECUTE, execute_payload(prepare(client, "INSERT INTO p (s) VALUES ('one')")))
        client.expect_ok()
        client.close()
    else:
        connection = proxy.connect()
        run(connection, "PREPARE one FROM 'INSERT INTO p (s) VALUES (1)'")
        run(connection, "EXECUTE one")
    proxy.wait_ids_reserved("p")


def test_the_ids_told_in_an_outage_are_those_on_the_server(table, server):
    connection = table.connect()
    server.kill()
    table.wait_state("down")
    told = {"one": insert(connection, "INSERT INTO t (s) VALUES ('one')")}
    first = insert(connection, "INSERT INTO t (s) VALUES ('a'), ('b'), ('c')")
    told.update(a=first, b=first + 1, c=first + 2)
    told["replaced"] = insert(connection, "REPLACE INTO t (s) VALUES ('replaced')")
    assert insert(connection, "INSERT INTO t (s) VALUES ('one') ON DUPLICATE KEY UPDATE n = 2") == 0
    run(connection, "SET auto_increment_increment = 5, auto_increment_offset = 2")
    first = insert(connection, "INSERT INTO t (s) VALUES ('x'), ('y')")
    told.update(x=first, y=first + 5)
    assert 0 not in told.values()
    server.start()
    table.wait_drained()
    found = ids(server, table)
    assert {word: found[word] for word in told} == told
    assert table.health()["spool"]["dead"] == 0


def test_a_child_refers_to_its_parents_id(table, server):
    make(table, "child", "parent INT NOT NULL, s VARCHAR(9), FOREIGN KEY (parent) REFERENCES t (id)")
    connection = table.connect()
    insert(connection, f"INSERT INTO child (parent, s) SELECT id, 'up' FROM t")
    table.wait_ids_reserved("child")
    server.kill()
    table.wait_state("down")
    parent = insert(connection, "INSERT INTO t (s) VALUES ('mother')")
    child = insert(connection, f"INSERT INTO child (parent, s) VALUES ({parent}, 'down')")
    server.start()
    table.wait_drained()
    assert server.run("SELECT id, parent FROM child WHERE s = 'down'", database=table.database) == ((child, parent),)


def test_no_id_is_given_twice_when_the_proxy_dies_in_the_outage(table, server):
    server.kill()
    table.wait_state("down")
    told = {"0": insert(table.connect(), "INSERT INTO t (s) VALUES ('0')")}
    for word in ("1", "2"):
        table.restart()
        table.wait_state("down")
        told[word] = insert(table.connect(), f"INSERT INTO t (s) VALUES ('{word}')")
    assert len(set(told.values())) == 3
    server.start()
    table.wait_drained()
    found = ids(server, table)
    assert {word: found[word] for word in told} == told


def test_direct_inserters_never_get_an_id_of_a_block_and_a_second_outage_works(table, server):
    direct = server.admin(table.database)
    before = {insert(direct, f"INSERT INTO t (s) VALUES ('d{i}')") for i in range(20)}
    for outage in ("p", "q"):
        server.restart() if outage == "q" else None
        table.wait_drained()
        server.kill()
        table.wait_state("down")
        told = {insert(table.connect(), f"INSERT INTO t (s) VALUES ('{outage}{i}')") for i in range(5)}
        assert len(told) == 5 and not told & before
        before |= told
        server.start()
        table.wait_drained()
    assert table.health()["spool"]["dead"] == 0


@pytest.mark.limit(120)
def test_an_older_copy_that_goes_away_before_its_counter_was_looked_at_gets_no_id_twice(proxy, server):
    """It has made ids of the block for others. A lock on another table keeps the look from ending."""
    for name in ("a", "t"):
        make(proxy, name, "s VARCHAR(20)")
    server.stop()
    proxy.wait_state("down")
    copy = server.data + ".older"
    shutil.copytree(server.data, copy)
    server.start()
    proxy.wait_drained()
    for name in ("a", "t"):
        insert(proxy.connect(), f"INSERT INTO {name} (s) VALUES ('up')")
        proxy.wait_ids_reserved(name)
    server.stop()
    proxy.wait_state("down")
    shutil.rmtree(server.data)
    shutil.move(copy, server.data)
    freeze(proxy.child)
    server.start()
    lock = server.admin(proxy.database)
    run(lock, "LOCK TABLES a WRITE")
    proxy.child.send_signal(signal.SIGCONT)
    wait_until(lambda: proxy.state() == "up", 60, "the older copy is taken for up")
    others = {insert(proxy.connect(), f"INSERT INTO t (s) VALUES ('other {i}')") for i in range(10)}
    server.kill()
    proxy.wait_state("down")
    told = {}
    for i in range(3):
        try:
            told[f"down {i}"] = insert(proxy.connect(), f"INSERT INTO t (s) VALUES ('down {i}')")
        except pymysql.Error as error:
            assert error.args[0] == 3032, error
    assert not others & set(told.values())
    server.start()
    proxy.wait_drained()
    assert proxy.health()["spool"]["dead"] == 0
    found = ids(server, proxy)
    assert {word: found[word] for word in told} == told and others <= set(found.values())
    wait_until(lambda: not reason_of(proxy, "t"), 15, "ids are reserved again")
    server.kill()
    proxy.wait_state("down")
    assert insert(proxy.connect(), "INSERT INTO t (s) VALUES ('later')") > max(found.values())


def test_what_has_no_block_is_refused_and_listed_with_its_reason(proxy, server):
    make(proxy, "fresh", "s INT")
    make(proxy, "old", "s INT", "ENGINE=MyISAM")
    make(proxy, "triggered", "s INT")
    server.run("CREATE TRIGGER tr BEFORE INSERT ON triggered FOR EACH ROW SET NEW.s = 1", database=proxy.database)
    connection = proxy.connect()
    for name in ("old", "triggered"):
        insert(connection, f"INSERT INTO {name} (s) VALUES (1)")
    wait_until(lambda: "trigger" in reason_of(proxy, "triggered"), 15, "the trigger is noticed")
    wait_until(lambda: "MyISAM" in reason_of(proxy, "old"), 15, "and the engine")
    server.kill()
    proxy.wait_state("down")
    for name, reason in (("old", "MyISAM"), ("triggered", "trigger"), ("fresh", "no insert into it was seen")):
        assert reason in was_refused_for_outage(connection, f"INSERT INTO {name} (s) VALUES (2)")[1]
        assert reason in reason_of(proxy, name)
