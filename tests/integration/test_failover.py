"""MYSQL_HOST with several servers: one at a time, whichever takes writes."""
import threading

import pymysql
import pytest

from lib.process import wait_until
from lib.replication import follow, position, promote, source_of_replication, word
from lib.server import KINDS
from lib.sql import run, spooled_seq, value


class Pair:
    """A server, its replica, which is read-only, and a proxy that may use either."""

    def __init__(self, kind, root, start_proxy):
        self.first, self.second = (KINDS[kind](root).start("--log-bin=bin", f"--server-id={number}") for number in (1, 2))
        source_of_replication(self.first, "app")
        follow(self.second, self.first, position(self.first))
        self.second.run("SET GLOBAL read_only = 1")
        names = f"{self.first.host}:{self.first.port}, {self.second.host}:{self.second.port}"
        self.proxy = start_proxy(self.first, MYSQL_HOST=names)
        self.connection = self.proxy.connect()
        run(self.connection, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT UNIQUE) ENGINE=InnoDB")
        run(self.connection, "INSERT INTO t (n) VALUES (1)")
        self.proxy.wait_ids_reserved("t")
        self.wait_rows(self.second, 1)

    def rows(self, server):
        try:
            return [n for n, in server.run("SELECT n FROM t ORDER BY n", database=self.proxy.database)]
        except pymysql.err.MySQLError:
            return []  # it has not arrived yet

    def wait_rows(self, server, count):
        wait_until(lambda: len(self.rows(server)) == count, 30, lambda: f"{count} rows: {self.rows(server)}")

    def wait_at(self, server):
        address = f"{server.host}:{server.port}"
        wait_until(lambda: self.proxy.health()["database"]["address"] == address, 30, lambda: f"at {address}: {self.proxy.health()}")
        self.proxy.wait_drained()

    def close(self):
        for server in (self.first, self.second):
            server.destroy()


@pytest.fixture(params=["mariadb", "mysql"])
def pair(request, root, start_proxy):
    made = Pair(request.param, root, start_proxy)
    yield made
    made.close()


@pytest.mark.limit(120)
def test_writes_wait_until_a_replica_is_promoted_and_go_there_once_with_what_it_lacked(pair):
    pair.second.run(f"STOP {word(pair.second)} SQL_THREAD")  # so that it lacks what a drain has applied to the first
    pair.first.kill()
    pair.proxy.wait_state("down")
    run(pair.connection, "INSERT INTO t (n) VALUES (2)")
    told = pair.connection.insert_id()
    pair.first.start()
    pair.wait_at(pair.first)
    assert pair.rows(pair.first) == [1, 2] and pair.rows(pair.second) == [1]
    pair.first.kill()
    pair.proxy.wait_state("down")
    spooled_seq(pair.connection, "INSERT INTO t (n) VALUES (3)")
    wait_until(lambda: f"{pair.second.port}: read-only" in pair.proxy.health()["database"]["last_error"], 30, lambda: pair.proxy.health())
    promote(pair.second)
    pair.wait_at(pair.second)
    assert pair.rows(pair.second) == [1, 2, 3]
    assert value(pair.connection, "SELECT id FROM t WHERE n = 2") == told
    run(pair.connection, "INSERT INTO t (n) VALUES (4)")
    assert value(pair.connection, "SELECT @@server_id") == 2
    assert pair.proxy.health()["spool"]["dead"] == 0
    pair.first.start()  # it takes writes, too: whoever starts it so has two servers
    pair.proxy.json("/health/reconnect", "POST")
    pair.wait_at(pair.second)
    assert pair.rows(pair.second) == [1, 2, 3, 4] and pair.rows(pair.first) == [1, 2]


@pytest.mark.limit(120)
def test_a_planned_switch_loses_and_doubles_nothing_of_a_writing_client(pair):
    acknowledged, failed, done = [], [], threading.Event()

    def write():
        connection, number = pair.proxy.connect(), 10
        while not done.is_set():
            number += 1
            try:
                run(connection, f"INSERT INTO t (n) VALUES ({number})")
                acknowledged.append(number)
            except pymysql.err.MySQLError as error:
                failed.append((number, error))
                connection = pair.proxy.connect()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: len(acknowledged) > 50, 20, "it writes")
        pair.first.run("SET GLOBAL read_only = 1")
        pair.proxy.wait_state("down", "draining", "suspect")
        wait_until(lambda: position_of(pair.second) == position(pair.first), 30, "the replica has caught up")
        promote(pair.second)
        pair.wait_at(pair.second)
        before = len(acknowledged)
        wait_until(lambda: len(acknowledged) > before + 20, 20, "it writes on")
    finally:
        done.set()
        writer.join()
    pair.proxy.wait_drained()
    rows = pair.rows(pair.second)
    assert set(acknowledged) <= set(rows) and rows == sorted(set(rows))
    assert len(failed) <= 1, failed  # in doubt at most
    assert len(pair.rows(pair.first)) < len(rows)


def position_of(replica):
    """Of the source's log: what it has carried out."""
    with replica.admin() as connection, connection.cursor(pymysql.cursors.DictCursor) as cursor:
        cursor.execute(f"SHOW {word(replica)} STATUS")
        status = cursor.fetchone()
    kind = "Master" if "Exec_Master_Log_Pos" in status else "Source"
    return status[f"Relay_{kind}_Log_File"], status[f"Exec_{kind}_Log_Pos"]


def freeze_and_promote(pair):
    """The first server stands still, with everything that it was sent in its hands, and its replica takes its place."""
    pair.first.freeze()
    promote(pair.second)


@pytest.mark.limit(120)
def test_who_logs_in_while_the_server_changes_is_at_the_new_one(pair):
    for _ in range(400):  # so that the new one's connection ids say nothing
        pair.second.admin().close()
    pair.proxy.settings.update(DB_CONNECTION_TIMEOUT="2", DB_RETRY_DELAY="2")
    pair.proxy.restart()
    pair.wait_at(pair.first)
    idle = [pair.proxy.connect() for _ in range(12)]
    for connection in idle:
        run(connection, "SELECT 1")
        connection.close()
    wait_until(lambda: pair.proxy.metric("holdwater_pool_idle") >= 8, 10, "they are kept")
    got, threads = [], []

    def log_in():
        got.append(pair.proxy.connect(connect_timeout=40, read_timeout=40))
    address = f"{pair.second.host}:{pair.second.port}"
    freeze_and_promote(pair)
    try:
        while pair.proxy.health()["database"]["address"] != address:
            if len(threads) < 12:
                threads.append(threading.Thread(target=log_in))
                threads[-1].start()
            threading.Event().wait(0.25)
        pair.proxy.wait_drained()
    finally:
        pair.first.thaw()
    for thread in threads:
        thread.join()
    assert len(got) == len(threads)
    assert {value(connection, "SELECT @@server_id") for connection in got} == {2}
    for connection in got:
        connection.close()
    again = [pair.proxy.connect() for _ in range(12)]  # over what those left behind
    assert {value(connection, "SELECT @@server_id") for connection in again} == {2}


@pytest.mark.limit(120)
def test_what_the_old_server_says_too_late_is_no_ok(pair):
    # So that both commands are at the server before anything is noticed, and what is in flight would wait on.
    pair.proxy.settings.update(DB_CONNECTION_TIMEOUT="5", DB_RETRY_DELAY="3", DB_RETRY_ATTEMPTS="20")
    pair.proxy.restart()
    pair.wait_at(pair.first)
    writer, reader, said = pair.proxy.connect(), pair.proxy.connect(read_timeout=60), []

    def write():
        try:
            run(writer, "INSERT INTO t (n) VALUES (2)")
            said.append("OK")
        except pymysql.err.MySQLError as error:
            said.append(error.args[0])

    def read():
        try:
            said.append(value(reader, "SELECT @@server_id FROM t WHERE n = 1"))
        except pymysql.err.MySQLError as error:
            said.append(error.args)
    run(writer, "SELECT 1")
    run(reader, "SELECT 1")
    pair.first.freeze()
    threads = [threading.Thread(target=write), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    try:
        promote(pair.second)
        pair.wait_at(pair.second)
    finally:
        pair.first.thaw()
    for thread in threads:
        thread.join()
    assert said.count(2) == 1 and "OK" not in said and len(said) == 2, said
    assert 2 not in pair.rows(pair.second)
    run(writer, "INSERT INTO t (n) VALUES (3)")
    assert pair.rows(pair.second) == [1, 3]


@pytest.mark.limit(120)
def test_replay_that_is_at_the_old_server_does_not_speak_for_the_new_one(pair):
    pair.second.run(f"STOP {word(pair.second)} SQL_THREAD")
    pair.first.run("SET sql_log_bin = 0", "CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH ROW DO SLEEP(0.5)", database=pair.proxy.database)
    pair.first.kill()
    pair.proxy.wait_state("down")
    for number in range(2, 22):
        spooled_seq(pair.connection, f"INSERT INTO t (n) VALUES ({number})")
    pair.first.start()
    pair.proxy.wait_state("draining")
    with pair.first.admin() as holder:
        run(holder, "FLUSH TABLES WITH READ LOCK")  # its COMMIT waits there
        run(holder, "SET GLOBAL read_only = 1")
        promote(pair.second)
        pair.wait_at(pair.second)
        assert pair.rows(pair.second) == list(range(1, 22))
        assert pair.rows(pair.first) == [1]
        run(holder, "UNLOCK TABLES")
    pair.first.kill()  # that it is gone is nothing to the new one either
    run(pair.connection, "INSERT INTO t (n) VALUES (22)")
    assert value(pair.connection, "SELECT @@server_id") == 2
    pair.proxy.wait_state("up")
    assert pair.proxy.health()["spool"]["dead"] == 0, pair.proxy.health()
    assert pair.rows(pair.second) == list(range(1, 23))


def test_the_first_of_the_list_that_answers_and_writes_is_used_at_the_start(mariadb, start_proxy):
    names = f"127.0.0.1:1, {mariadb.socket}, 127.0.0.1:{mariadb.port}"
    proxy = start_proxy(mariadb, MYSQL_HOST=names)
    assert proxy.health()["database"]["address"] == mariadb.socket
    assert value(proxy.connect(), "SELECT 1") == 1
    plain = start_proxy(mariadb, database=proxy.database, account=proxy.account, MYSQL_HOST=names,
                        HOLDWATER_SPOOL_ENABLED="false", drained=False)
    plain.wait_state("up")
    assert value(plain.connect(), "SELECT 1") == 1
