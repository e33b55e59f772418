"""What an UPDATE in an outage is shown over is no row that a write at the server may have changed since it was read: one that was
under way, was left to the server, was committed by something else than COMMIT, or came in a form that hides it."""
import contextlib
import struct
import threading

import pytest

from lib.held_write import STATEMENT, HeldWrite
from lib.process import wait_until
from lib.sql import run, spooled_seq
from lib.statements import lenenc
from lib.wire import BASIC, Client

T = "CREATE TABLE t (id INT PRIMARY KEY, n INT DEFAULT 3, s VARCHAR(20)) ENGINE=InnoDB"
READ = "SELECT id, n, s FROM t WHERE id = 1"
PATIENT = {"DB_RETRY_ATTEMPTS": "3", "DB_RETRY_DELAY": "1"}  # statements are held longer than it takes to be down


def scene(proxy, *definitions):
    connection = proxy.connect()
    for one in (T, *definitions):
        run(connection, one)
    wait_followed(proxy)
    run(connection, "INSERT INTO t (id, s) VALUES (1, 'one')")
    assert run(connection, READ) == ((1, 3, "one"),)
    return connection


def wait_followed(proxy):
    # a state is published a moment before the tables are known to be looked at anew
    wait_until(lambda: all(proxy.metric("holdwater_tables_followed") >= 1 for _ in range(5)), 30, "the tables are followed")


def go_down(proxy):
    proxy.server.stop()
    proxy.wait_state("down")


def back(proxy):
    proxy.server.ensure_running()
    proxy.wait_drained()


def in_background(connection, statement):
    def send():
        with contextlib.suppress(Exception):
            connection.query(statement)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def shown_after_a_write(connection):
    """Rows, and whether they are said to be as written."""
    spooled_seq(connection, "UPDATE t SET n = 9 WHERE id = 1")
    rows = run(connection, READ)
    (_, _, note), = run(connection, "SHOW WARNINGS")
    assert "from the cache" in note
    return rows, "shown as" in note


def no_lie(proxy, shown, really):
    rows, as_written = shown
    back(proxy)
    assert run(proxy.connect(), READ) == really
    assert not as_written or rows == really, f"{rows} were shown, and there are {really}"


@pytest.mark.parametrize("end", ["BEGIN", "COMMIT AND CHAIN", "LOCK TABLES nope WRITE"])
def test_a_commit_by_another_name(proxy, end):
    connection, writer = scene(proxy), proxy.connect()
    run(writer, "BEGIN")
    run(writer, "UPDATE t SET s = 'A' WHERE id = 1")
    assert run(connection, READ) == ((1, 3, "one"),)
    with contextlib.suppress(Exception):
        run(writer, end)
    go_down(proxy)
    no_lie(proxy, shown_after_a_write(connection), ((1, 9, "A"),))


def test_a_write_that_is_under_way(server, start_proxy):
    proxy = start_proxy(server, **PATIENT)
    connection = scene(proxy)
    write = HeldWrite(proxy)
    in_background(write.connect(proxy), STATEMENT)
    wait_until(write.is_at_it, 15, "the server is at it")
    assert run(connection, READ) == ((1, 3, "one"),)
    server.freeze()
    proxy.wait_state("down")
    shown = shown_after_a_write(connection)
    server.thaw()
    write.let_go()
    no_lie(proxy, shown, ((1, 9, "late"),))


def test_a_commit_that_is_under_way(server, start_proxy):
    proxy = start_proxy(server, **PATIENT)
    connection, writer = scene(proxy), proxy.connect()
    run(writer, "BEGIN")
    run(writer, "UPDATE t SET s = 'A' WHERE id = 1")
    assert run(connection, READ) == ((1, 3, "one"),)
    server.freeze()
    thread = in_background(writer, "COMMIT")
    proxy.wait_state("down")
    shown = shown_after_a_write(connection)
    thread.join(60)
    assert not thread.is_alive(), "it was told that its outcome is unknown"
    again = shown_after_a_write(connection)
    server.thaw()
    no_lie(proxy, shown, ((1, 9, "A"),))
    no_lie(proxy, again, ((1, 9, "A"),))


def test_a_write_that_an_earlier_process_has_left(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    scene(proxy)
    write = HeldWrite(proxy)
    in_background(write.connect(proxy), STATEMENT)
    wait_until(write.is_at_it, 15, "the server is at it")
    proxy.restart()
    proxy.wait_state("up")
    wait_followed(proxy)
    connection = proxy.connect()
    assert run(connection, READ) == ((1, 3, "one"),) and write.is_at_it()
    write.let_go()
    go_down(proxy)
    no_lie(proxy, shown_after_a_write(connection), ((1, 9, "late"),))


def test_a_collected_transaction_that_goes_to_the_server(proxy):
    connection, writer = scene(proxy), proxy.connect()
    go_down(proxy)
    run(writer, "BEGIN")
    run(writer, "UPDATE t SET s = 'A' WHERE id = 1")
    back(proxy)
    wait_followed(proxy)
    assert run(writer, READ) == ((1, 3, "A"),)
    assert run(connection, READ) == ((1, 3, "one"),)
    run(writer, "COMMIT")
    go_down(proxy)
    no_lie(proxy, shown_after_a_write(connection), ((1, 9, "A"),))


def test_what_a_collected_transaction_reads_of_its_own_is_not_cached(proxy):
    connection, writer = scene(proxy), proxy.connect()
    assert run(writer, READ) == ((1, 3, "one"),)
    go_down(proxy)
    run(writer, "BEGIN")
    run(writer, "UPDATE t SET s = 'A' WHERE id = 1")
    back(proxy)
    assert run(writer, READ) == ((1, 3, "A"),)
    run(writer, "ROLLBACK")
    go_down(proxy)
    assert run(connection, READ) == ((1, 3, "one"),)


FORMS = ["SET STATEMENT max_statement_time = 10 FOR UPDATE t SET s = 'x' WHERE id = 1", "ANALYZE UPDATE t SET s = 'x' WHERE id = 1",
         "BEGIN NOT ATOMIC UPDATE t SET s = 'x' WHERE id = 1; END", "/*!50000 UPDATE */ t SET s = 'x' WHERE id = 1",
         "EXECUTE IMMEDIATE 'UPDATE t SET s = ''x'' WHERE id = 1'", "UPDATE t x JOIN t y USING (id) SET x.s = 'x' WHERE x.id = 1"]


def test_writes_in_other_words(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    connection = scene(proxy)
    for form in FORMS:
        writer = proxy.connect()
        wait_followed(proxy)
        run(writer, "UPDATE t SET s = 'one', n = 3 WHERE id = 1")
        assert run(connection, READ) == ((1, 3, "one"),)
        run(writer, form)
        writer.close()
        wait_followed(proxy)
        go_down(proxy)
        no_lie(proxy, shown_after_a_write(connection), ((1, 9, "x"),))


def test_a_change_of_definitions_in_other_words(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    connection = scene(proxy)
    run(proxy.connect(), "SET STATEMENT max_statement_time = 10 FOR ALTER TABLE t MODIFY s VARCHAR(3)")
    go_down(proxy)
    spooled_seq(connection, "INSERT INTO t (id, s) VALUES (5, 'abcdef')")
    spooled_seq(connection, "UPDATE t SET s = 'abcdef' WHERE id = 1")
    assert run(connection, READ) == ((1, 3, "one"),)
    back(proxy)
    assert proxy.health()["spool"]["dead"] == 2


def test_a_write_behind_large_attributes(mysql, start_proxy):
    proxy = start_proxy(mysql)
    connection = scene(proxy)
    raw = Client(proxy.host, proxy.port)
    query_attributes = 1 << 27
    raw.login(proxy.account.user, proxy.account.password, proxy.database, capabilities=BASIC | query_attributes)
    raw.command(3, b"\x01\x01\x00\x01" + struct.pack("<H", 0xFE) + lenenc(b"a") + lenenc(b"v" * 1_500_000)
                + b"UPDATE t SET s = 'A' WHERE id = 1")
    raw.expect_ok()
    go_down(proxy)
    no_lie(proxy, shown_after_a_write(connection), ((1, 9, "A"),))


def test_a_change_of_definitions_that_comes_to_nothing_has_an_end(mariadb, start_proxy):
    """The session cannot be restored, and its ALTER, which a read-only server has refused, is held when the server goes away."""
    proxy = start_proxy(mariadb, DB_CHECK_INTERVAL="30", **PATIENT)
    scene(proxy, "CREATE PROCEDURE p() SELECT 1")
    writer = proxy.connect()
    run(writer, "CALL p()")
    run(writer, "SELECT GET_LOCK('x', 1)")
    wait_followed(proxy)
    mariadb.run("SET GLOBAL read_only = 1")
    thread = in_background(writer, "ALTER TABLE t COMMENT = 'x'")
    wait_until(lambda: proxy.metric("holdwater_tables_followed") == 0, 15, "it was sent")
    mariadb.kill()
    thread.join(60)
    assert not thread.is_alive()
    back(proxy)
    wait_followed(proxy)


def test_many_that_go_away_at_once_are_followed_to_their_end(mariadb, start_proxy):
    mariadb.run("SET GLOBAL sql_mode = 'STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES'")  # as the looks at the server's list meet it
    try:
        proxy = start_proxy(mariadb)
        connection = scene(proxy)
        direct = mariadb.admin(proxy.database)
        run(direct, "LOCK TABLES t READ")
        clients = [proxy.connect() for _ in range(60)]
        for client in clients:
            in_background(client, "ALTER TABLE t COMMENT = 'x'")
        wait_until(lambda: len([row for row in mariadb.run("SHOW PROCESSLIST") if "ALTER" in str(row[7])]) == len(clients), 30, "they wait")
        for client in clients:
            client._sock.shutdown(2)
        wait_until(lambda: proxy.metric("holdwater_client_connections") == 1, 30, "they are gone")
        run(direct, "UNLOCK TABLES")
        wait_followed(proxy)
        assert run(connection, READ) == ((1, 3, "one"),)
        go_down(proxy)
        assert shown_after_a_write(connection) == (((1, 9, "one"),), True)
    finally:
        mariadb.ensure_running()
        mariadb.run("SET GLOBAL sql_mode = DEFAULT")
