"""Transactions while the server is away: collected, queued as one unit at COMMIT, forgotten at ROLLBACK."""
import contextlib

import pymysql
import pytest

from lib.outage import bring_back
from lib.sql import affected, error_number, run, spooled_seq, value, was_refused_for_outage

IN_TRANS = 0x0001


@pytest.fixture
def table(proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL DEFAULT 0, s VARCHAR(50)) ENGINE=InnoDB")
    run(connection, "CREATE TABLE parent (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20)) ENGINE=InnoDB")
    run(connection, "CREATE TABLE child (id INT PRIMARY KEY AUTO_INCREMENT, parent INT NOT NULL, s VARCHAR(20), "
                    "FOREIGN KEY (parent) REFERENCES parent (id)) ENGINE=InnoDB")
    run(connection, "INSERT INTO t (id, n) VALUES (1, 10), (2, 20)")
    run(connection, "INSERT INTO parent (s) VALUES ('up')")
    run(connection, "INSERT INTO child (parent, s) VALUES (1, 'up')")
    for name in ("parent", "child"):
        proxy.wait_ids_reserved(name)
    return proxy


@pytest.fixture
def away(table, server):
    """The outage has begun; bring_back() ends it and returns when all is applied."""
    server.stop()
    table.wait_state("down")
    return table


def ids(server, proxy, least=3):
    return [row[0] for row in server.run(f"SELECT id FROM t WHERE id >= {least} ORDER BY id", database=proxy.database)]


def collected(connection, statement):
    """Runs a write that must be collected: nothing is in the queue, and its Note says so."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor._result.warning_count == 1
        told = cursor.rowcount, cursor.lastrowid
        assert connection.server_status & IN_TRANS
        cursor.execute("SHOW WARNINGS")
        (level, _, text), = cursor.fetchall()
    assert level == "Note" and "will be queued at COMMIT" in text
    return told


def pending(proxy):
    return proxy.health()["spool"]["pending"]


@pytest.mark.parametrize("begin", ["BEGIN", "START TRANSACTION", "START TRANSACTION READ WRITE",
                                   "START TRANSACTION WITH CONSISTENT SNAPSHOT", "SET autocommit = 0", "/* x */ begin work"])
def test_a_transaction_is_one_unit(away, server, begin):
    connection = away.connect()
    run(connection, begin)
    assert collected(connection, "INSERT INTO t (id) VALUES (5), (6)")[0] == 2
    collected(connection, "UPDATE t SET n = n + 1 WHERE id >= 5")
    assert pending(away) == 0, "nothing is queued before COMMIT"
    seq = spooled_seq(connection, "COMMIT")
    assert not connection.server_status & IN_TRANS
    assert pending(away) == 1 and away.health()["spool"]["last_seq"] == seq
    bring_back(away)
    assert server.run("SELECT id, n FROM t WHERE id > 2 ORDER BY id", database=away.database) == ((5, 1), (6, 1))


def test_what_is_not_committed_is_nowhere(away, server):
    connection = away.connect()
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (5)")
    run(connection, "ROLLBACK")
    assert not connection.server_status & IN_TRANS
    left, reset = away.connect(), away.connect()
    for one in (left, reset):
        run(one, "BEGIN")
        collected(one, "INSERT INTO t (id) VALUES (6)")
    left._force_close()
    reset._execute_command(0x1f, b"")  # COM_RESET_CONNECTION
    reset._read_ok_packet()
    assert not reset.server_status & IN_TRANS
    run(reset, "COMMIT")
    before = away.health()["spool"]["last_seq"]
    run(connection, "BEGIN")
    run(connection, "COMMIT")
    assert away.health()["spool"]["last_seq"] == before, "an empty transaction costs nothing"
    spooled_seq(connection, "INSERT INTO t (id) VALUES (7)")
    bring_back(away)
    assert ids(server, away) == [7]


def test_savepoints_forget_what_came_after_them(away, server):
    connection = away.connect()
    assert error_number(connection, "ROLLBACK TO nowhere")[0] == 1305
    run(connection, "SAVEPOINT without_a_transaction")
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (3)")
    run(connection, "SAVEPOINT one")
    collected(connection, "INSERT INTO t (id) VALUES (4)")
    run(connection, "SAVEPOINT `two`")
    collected(connection, "INSERT INTO t (id) VALUES (5)")
    run(connection, "ROLLBACK TO SAVEPOINT TWO")
    collected(connection, "INSERT INTO t (id) VALUES (6)")
    run(connection, "RELEASE SAVEPOINT two")
    assert error_number(connection, "ROLLBACK TO two") == (1305, "SAVEPOINT two does not exist")
    run(connection, "ROLLBACK TO one")
    collected(connection, "INSERT INTO t (id) VALUES (7)")
    assert error_number(connection, "RELEASE SAVEPOINT two")[0] == 1305
    run(connection, f"SAVEPOINT {'l' * 64}")
    assert error_number(connection, f"SAVEPOINT {'l' * 65}")[0] == 1197
    spooled_seq(connection, "COMMIT")
    bring_back(away)
    assert ids(server, away) == [3, 7]


def test_what_ends_a_transaction_by_the_way_commits_it(away, server):
    connection = away.connect()
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (3)")
    spooled_seq(connection, "BEGIN")
    assert connection.server_status & IN_TRANS
    collected(connection, "INSERT INTO t (id) VALUES (4)")
    run(connection, "ROLLBACK AND CHAIN")
    assert connection.server_status & IN_TRANS
    collected(connection, "INSERT INTO t (id) VALUES (5)")
    spooled_seq(connection, "COMMIT AND CHAIN")
    assert connection.server_status & IN_TRANS
    collected(connection, "INSERT INTO t (id) VALUES (6)")
    run(connection, "ROLLBACK")
    run(connection, "SET autocommit = 0")
    collected(connection, "INSERT INTO t (id) VALUES (7)")
    spooled_seq(connection, "SET autocommit = 1")
    assert not connection.server_status & IN_TRANS and connection.get_autocommit()
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (8)")
    run(connection, "SET autocommit = 1")  # it was on: nothing ends
    run(connection, "ROLLBACK")
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (9)")
    spooled_seq_of_release(connection)
    connection = away.connect()
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (10)")
    spooled_seq(connection, "SET autocommit = 0, autocommit = 1")  # it was on, and is turned on
    run(connection, "ROLLBACK")
    run(connection, "START TRANSACTION READ ONLY")
    run(connection, "COMMIT")
    run(connection, "COMMIT AND CHAIN")  # there is none whose mode it could keep
    collected(connection, "INSERT INTO t (id) VALUES (11)")
    spooled_seq(connection, "COMMIT")
    bring_back(away)
    assert ids(server, away) == [3, 5, 7, 9, 10, 11]
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t (id) VALUES (12)")
    run(connection, "SET autocommit = 0, autocommit = 1")
    run(connection, "ROLLBACK")
    assert ids(server, away)[-1] == 12, "as the server does"


def spooled_seq_of_release(connection):
    assert affected(connection, "COMMIT RELEASE") == 0
    with pytest.raises((pymysql.err.MySQLError, OSError)):
        connection.ping(reconnect=False)


@pytest.mark.parametrize("statement", [
    "SELECT * FROM t", "SELECT * FROM t FOR UPDATE", "CREATE TABLE u (id INT)", "LOCK TABLES t WRITE", "XA START 'x'",
    "INSERT INTO t (id, s) VALUES (9, SYSDATE())", "UPDATE t SET n = ROW_COUNT()", "CALL p()",
    "INSERT INTO t (id) SELECT 9 FROM information_schema.session_variables WHERE variable_name = 'autocommit'",
    "UPDATE t SET n = (SELECT COUNT(*) FROM performance_schema.threads)", "INSERT INTO t (id, n) VALUES (9, @unknown)", "INSERT INTO t (id) VALUES (9) RETURNING id", "wibble"])
def test_a_refused_statement_leaves_the_transaction_as_it_was(away, server, statement):
    connection = away.connect()
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (3)")
    was_refused_for_outage(connection, statement)
    collected(connection, "INSERT INTO t (id) VALUES (4)")
    spooled_seq(connection, "COMMIT")
    bring_back(away)
    assert ids(server, away) == [3, 4]
    assert server.run("SELECT MAX(n) FROM t", database=away.database) == ((20,),)


def test_read_only_transactions_take_no_write(away):
    connection = away.connect()
    run(connection, "START TRANSACTION READ ONLY")
    assert error_number(connection, "INSERT INTO t (id) VALUES (3)")[0] == 1792
    run(connection, "COMMIT")
    run(connection, "SET TRANSACTION READ ONLY")
    run(connection, "BEGIN")
    assert error_number(connection, "SET TRANSACTION READ WRITE")[0] == 1568
    assert error_number(connection, "INSERT INTO t (id) VALUES (3)")[0] == 1792
    run(connection, "COMMIT")
    run(connection, "SET SESSION TRANSACTION READ ONLY")
    assert error_number(connection, "INSERT INTO t (id) VALUES (3)")[0] == 1792
    run(connection, "START TRANSACTION READ WRITE")
    collected(connection, "INSERT INTO t (id) VALUES (3)")
    run(connection, "ROLLBACK")


def test_parents_and_children_get_the_ids_that_were_told(away, server):
    connection = away.connect()
    run(connection, "BEGIN")
    parent = collected(connection, "INSERT INTO parent (s) VALUES ('a'), ('b')")[1]
    collected(connection, f"INSERT INTO child (parent, s) VALUES ({parent}, 'of a'), ({parent + 1}, 'of b')")
    third = collected(connection, "INSERT INTO parent (s) VALUES ('c')")[1]
    child = collected(connection, "INSERT INTO child (parent, s) VALUES (LAST_INSERT_ID(), 'of c')")[1]
    was_refused_for_outage(connection, "UPDATE child SET parent = LAST_INSERT_ID(parent)")
    spooled_seq(connection, "COMMIT")
    last = collected_alone(connection, "INSERT INTO parent (s) VALUES ('d')")
    collected_alone(connection, "INSERT INTO child (parent, s) VALUES (LAST_INSERT_ID(), 'of d')")
    other = away.connect()
    run(other, "INSERT IGNORE INTO parent (s) VALUES ('perhaps')")
    was_refused_for_outage(other, "INSERT INTO child (parent, s) VALUES (LAST_INSERT_ID(), 'nobody')")
    bring_back(away)
    found = server.run("SELECT p.s, p.id, c.s FROM parent p JOIN child c ON c.parent = p.id WHERE p.s <> 'up' ORDER BY p.id",
                       database=away.database)
    assert found == (("a", parent, "of a"), ("b", parent + 1, "of b"), ("c", third, "of c"), ("d", last, "of d"))
    assert server.run("SELECT id FROM child WHERE s = 'of c'", database=away.database) == ((child,),)


def collected_alone(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.lastrowid


def test_each_statement_keeps_its_own_context(away, server):
    connection = away.connect(database=None)
    run(connection, "BEGIN")
    run(connection, f"USE {away.database}")
    run(connection, "SET time_zone = '+00:00', @x = 'first'")
    collected(connection, "INSERT INTO t (id, s, n) VALUES (3, @x, HOUR(FROM_UNIXTIME(0)))")
    run(connection, "SET time_zone = '+05:00', @x = 'second', SESSION sql_mode = 'ANSI_QUOTES'")
    collected(connection, 'INSERT INTO "t" ("id", s, n) VALUES (4, @x, HOUR(FROM_UNIXTIME(0)))')
    spooled_seq(connection, "COMMIT")
    bring_back(away)
    assert server.run("SELECT id, s, n FROM t WHERE id > 2 ORDER BY id", database=away.database) == (
        (3, "first", 0), (4, "second", 5))


def test_the_bounds_refuse_the_statement_and_keep_the_transaction(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_SPOOL_MAX_TRANSACTION_STATEMENTS=3, HOLDWATER_SPOOL_MAX_TRANSACTION_BYTES=20000)
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, s TEXT) ENGINE=InnoDB")
    server.stop()
    proxy.wait_state("down")
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (3)")
    number, text = error_number(connection, f"INSERT INTO t VALUES (4, '{'x' * 20000}')")
    assert number == 1197 and "what came before" in text
    for row in (5, 6):
        collected(connection, f"INSERT INTO t (id) VALUES ({row})")
    assert error_number(connection, "INSERT INTO t (id) VALUES (7)")[0] == 1197
    spooled_seq(connection, "COMMIT")
    bring_back(proxy)
    assert ids(server, proxy) == [3, 5, 6]


def test_a_killed_proxy_loses_what_is_not_committed_and_nothing_else(away, server):
    connection, other = away.connect(), away.connect()
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (3)")
    collected(connection, "INSERT INTO t (id) VALUES (4)")
    spooled_seq(connection, "COMMIT")
    run(other, "BEGIN")
    collected(other, "INSERT INTO t (id) VALUES (5)")
    away.restart()
    bring_back(away)
    assert ids(server, away) == [3, 4]


def test_a_transaction_that_the_server_refuses_is_a_dead_letter_as_a_whole(away, server):
    connection = away.connect()
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (3)")
    collected(connection, "INSERT INTO t (id) VALUES (1)")  # it is there
    collected(connection, "INSERT INTO t (id) VALUES (4)")
    spooled_seq(connection, "COMMIT")
    spooled_seq(connection, "INSERT INTO t (id) VALUES (5)")
    bring_back(away, dead=1)
    assert ids(server, away) == [5]


def test_isolation_is_the_transactions(away, server):
    connection = away.connect()
    run(connection, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    run(connection, "BEGIN")
    variable = "@@tx_isolation" if server.kind != "mysql" else "@@transaction_isolation"
    was_refused_for_outage(connection, f"INSERT INTO t (id, s) VALUES (3, {variable})")
    collected(connection, "INSERT INTO t (id) VALUES (3)")
    spooled_seq(connection, "COMMIT")
    bring_back(away)
    assert ids(server, away) == [3]


def test_a_transaction_lost_with_the_server_is_collected_when_it_is_tried_again(table, server):
    connection = table.connect()
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t (id) VALUES (3)")
    server.kill()
    table.wait_state("suspect", "down")
    assert error_number(connection, "INSERT INTO t (id) VALUES (4)")[0] == 1213
    table.wait_state("down")
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (3)")
    collected(connection, "INSERT INTO t (id) VALUES (4)")
    spooled_seq(connection, "COMMIT")
    bring_back(table)
    assert ids(server, table) == [3, 4]


# --- the server comes back while a transaction is open

@pytest.mark.parametrize("begin", ["BEGIN", "SET autocommit = 0"])
def test_a_transaction_goes_on_at_the_server_when_it_is_back(away, server, begin):
    connection = away.connect()
    run(connection, "SET time_zone = '+05:00', @x = 1")
    run(connection, begin)
    parent = collected(connection, "INSERT INTO parent (s) VALUES ('p')")[1]
    collected(connection, "INSERT INTO t (id, n, s) VALUES (3, @x, NOW(6))")
    run(connection, "SAVEPOINT here")
    run(connection, "SET time_zone = '+06:00', @x = 2")
    collected(connection, "INSERT INTO t (id, n, s) VALUES (4, @x, NOW(6))")
    bring_back(away)
    assert ids(server, away) == []
    # the first statement that needs the server
    assert value(connection, "SELECT COUNT(*) FROM t WHERE id > 2") == 2
    assert connection.server_status & IN_TRANS
    assert run(connection, "SELECT @@time_zone, @x, LAST_INSERT_ID(), @@timestamp > 0, DATABASE()") == (
        ("+06:00", 2, parent, 1, away.database),)
    assert ids(server, away) == [], "it is not committed"
    run(connection, "ROLLBACK TO here")
    run(connection, "INSERT INTO child (parent, s) VALUES (LAST_INSERT_ID(), 'live')")
    assert affected(connection, "COMMIT") == 0
    assert ids(server, away) == [3]
    assert server.run("SELECT n FROM t WHERE id = 3", database=away.database) == ((1,),)
    assert server.run("SELECT s FROM child WHERE parent = %d" % parent, database=away.database) == (("live",),)
    first, now = server.run("SELECT s FROM t WHERE id = 3", database=away.database)[0][0], value(connection, "SELECT NOW(6)")
    assert first < str(now), "NOW() is when the statement came, and the clock runs again"


def test_a_clock_that_was_set_in_a_transaction_stands_still_when_it_goes_on_at_the_server(away):
    connection = away.connect()
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (3)")
    run(connection, "SET timestamp = 1000000000")
    bring_back(away)
    assert value(connection, "SELECT UNIX_TIMESTAMP() FROM t WHERE id = 3") == 1000000000
    run(connection, "ROLLBACK")
    assert value(connection, "SELECT UNIX_TIMESTAMP()") == 1000000000


def test_commit_and_rollback_end_it_when_the_server_is_back(away, server):
    commits, rolls_back, reset = away.connect(), away.connect(), away.connect()
    for number, one in enumerate((commits, rolls_back, reset), 3):
        run(one, "BEGIN")
        collected(one, f"INSERT INTO t (id) VALUES ({number})")
    bring_back(away)
    run(commits, "COMMIT")
    assert not commits.server_status & IN_TRANS
    run(rolls_back, "ROLLBACK")
    assert not rolls_back.server_status & IN_TRANS
    reset._execute_command(0x1f, b"")
    reset._read_ok_packet()
    run(reset, "COMMIT")
    assert ids(server, away) == [3]
    for one in (commits, rolls_back, reset):
        assert value(one, "SELECT COUNT(*) FROM t") == 3


def test_a_statement_that_the_server_refuses_then_rolls_the_transaction_back(away, server):
    connection = away.connect()
    run(connection, "SET time_zone = '+05:00'")
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (3)")
    collected(connection, "INSERT INTO t (id) VALUES (1)")
    bring_back(away)
    number, text = error_number(connection, "COMMIT")
    assert number == 1213 and "Duplicate entry" in text and "statement 2" in text
    assert ids(server, away) == []
    assert run(connection, "SELECT @@time_zone, @@autocommit") == (("+05:00", 1),)
    run(connection, "INSERT INTO t (id) VALUES (4)")
    assert ids(server, away) == [4]


def test_a_big_statement_after_the_outage_finds_the_transaction_on_the_server(away, server):
    connection = away.connect()
    run(connection, "BEGIN")
    collected(connection, "INSERT INTO t (id) VALUES (3)")
    bring_back(away)
    run(connection, f"/* {'x' * 3_000_000} */ INSERT INTO t (id) VALUES (4)")
    run(connection, "ROLLBACK")
    assert ids(server, away) == []


@contextlib.contextmanager
def atomic(connection, depth=[0]):
    """As Django's transaction.atomic() talks to a connection."""
    outermost = depth[0] == 0
    savepoint = f"s{depth[0]}_x1"
    run(connection, "SET autocommit = 0" if outermost else f"SAVEPOINT `{savepoint}`")
    depth[0] += 1
    try:
        yield
    except BaseException:
        depth[0] -= 1
        connection.rollback() if outermost else run(connection, f"ROLLBACK TO SAVEPOINT `{savepoint}`")
        if not outermost:
            run(connection, f"RELEASE SAVEPOINT `{savepoint}`")
        raise
    else:
        depth[0] -= 1
        connection.commit() if outermost else run(connection, f"RELEASE SAVEPOINT `{savepoint}`")
    finally:
        if outermost:
            run(connection, "SET autocommit = 1")


def test_djangos_atomic_blocks_work_through_an_outage(away, server):
    connection = away.connect()
    with atomic(connection):
        run(connection, "INSERT INTO t (id) VALUES (3)")
        with pytest.raises(ZeroDivisionError):
            with atomic(connection):
                run(connection, "INSERT INTO t (id) VALUES (4)")
                raise ZeroDivisionError
        with atomic(connection):
            run(connection, "INSERT INTO t (id) VALUES (5)")
    with pytest.raises(ZeroDivisionError):
        with atomic(connection):
            run(connection, "INSERT INTO t (id) VALUES (6)")
            raise ZeroDivisionError
    assert pending(away) == 1
    bring_back(away)
    assert ids(server, away) == [3, 5]
