"""The server is away: autocommit writes are held and applied later, everything else is refused, sessions live on."""
import pymysql
import pytest

from lib.process import wait_until
from lib.sql import affected, error_number, run, spooled_seq, value, was_refused_for_outage, was_spooled
from lib.statements import Session
from lib.wire import Err


@pytest.fixture
def table(proxy):
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL DEFAULT 0, s VARCHAR(50)) ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO t (id, n) VALUES (1, 10), (2, 20), (3, 30)")
    return proxy


def rows(server, proxy):
    return server.run("SELECT id, n, s FROM t ORDER BY id", database=proxy.database)


def test_writes_are_held_and_applied_once_in_order(table, server):
    proxy, connection = table, table.connect()
    server.stop()
    proxy.wait_state("down")
    seqs = [spooled_seq(connection, statement) for statement in (
        "INSERT INTO t VALUES (4, 1, 'new')",
        "UPDATE t SET n = n * 2 + 1 WHERE id = 4",
        "UPDATE t SET n = n * 2 WHERE id = 4",
        "REPLACE INTO t VALUES (1, 5, 'replaced')",
        "DELETE FROM t WHERE id = 2")]
    assert seqs == list(range(seqs[0], seqs[0] + 5)), "seqs have no gaps"
    health = proxy.health()
    assert health["spool"]["pending"] == 5 and health["spool"]["last_seq"] == seqs[-1]
    server.start()
    proxy.wait_drained()
    assert rows(server, proxy) == ((1, 5, "replaced"), (3, 30, None), (4, 6, "new"))
    health = proxy.health()
    assert health["status"] == "ok" and health["spool"]["applied_seq"] == seqs[-1]
    assert health["spool"]["dead"] == 0


def test_a_question_about_a_queued_write_is_not_the_servers_when_it_is_back(table, server):
    proxy, connection, other, binary = table, table.connect(), table.connect(), Session(table)
    asks, adds = binary.prepare("SELECT ROW_COUNT()"), binary.prepare("INSERT INTO t (id) VALUES (9)")
    server.stop()
    proxy.wait_state("down")
    binary.query("UPDATE t SET n = 6 WHERE id = 1")
    seq = spooled_seq(connection, "UPDATE t SET n = 5 WHERE id > 1")
    was_spooled(other, "UPDATE t SET n = 6 WHERE id = 1")
    server.start()
    proxy.wait_drained()
    (level, number, note), = run(connection, "SHOW WARNINGS")
    assert (level, number) == ("Note", 1105) and f"unit {seq} " in note
    assert value(connection, "SHOW COUNT(*) WARNINGS") == 1 and run(connection, "SHOW ERRORS") == ()
    refused = error_number(connection, "SELECT ROW_COUNT()")
    assert "not known" in refused[1]
    assert run(connection, "SHOW WARNINGS") == (("Error", *refused),)
    assert affected(connection, "UPDATE t SET n = 7 WHERE id > 1") == 2
    assert value(connection, "SELECT ROW_COUNT()") == 2 and run(connection, "SHOW WARNINGS") == ()
    assert error_number(other, "UPDATE t SET n = ROW_COUNT() WHERE id = 1")[1] == refused[1]
    with pytest.raises(Err, match="not known"):
        binary.execute(asks, [])
    binary.execute(adds, [])
    assert binary.execute(asks, [])[0][0] == 1
    assert rows(server, proxy) == ((1, 6, None), (2, 7, None), (3, 7, None), (9, 0, None))


def test_a_killed_server_is_an_outage_too(table, server):
    connection = table.connect()
    server.kill()
    assert wait_until(lambda: was_spooled(connection, "INSERT INTO t VALUES (4, 4, NULL)"), 20, "the write is taken")
    server.start()
    table.wait_drained()
    assert len(rows(server, table)) == 4


def test_the_answer_counts_rows_and_is_marked(table, server):
    server.stop()
    table.wait_state("down")
    connection = table.connect()
    assert affected(connection, "INSERT INTO t (id) VALUES (7),(8),(9)") == 3
    assert affected(connection, "UPDATE t SET n = 1 WHERE id > 0") == 1  # spool.assume_affected_rows
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM t WHERE id = 9")
        message = cursor._result.message.decode()
    seq = table.health()["spool"]["last_seq"]
    assert str(seq) in message, f"the info text names no seq: {message!r}"


@pytest.mark.parametrize("statement", [
    "SELECT * FROM t", "SELECT 1 FROM t FOR UPDATE", "SHOW TABLES", "CREATE TABLE u (id INT)", "DROP TABLE t",
    "ALTER TABLE t ADD c INT", "TRUNCATE t", "LOCK TABLES t WRITE", "SELECT GET_LOCK('x', 1)", "CALL p()",
    "INSERT INTO t (id, s) VALUES (9, SYSDATE())", "INSERT INTO t (id, n) VALUES (9, CONNECTION_ID())",
    "INSERT INTO t (id, n) VALUES (9, SLEEP(1))", "UPDATE t SET n = ROW_COUNT()", "DELETE FROM t WHERE n = FOUND_ROWS()",
    "INSERT INTO t (id, n) VALUES (9, @unknown)", "INSERT INTO t (id, s) VALUES (9, LOAD_FILE('/etc/passwd'))",
    "GRANT ALL ON *.* TO root", "XA START 'x'", "HANDLER t OPEN", "INSERT INTO t VALUES (9", "SELEC 1",
    "INSERT INTO t (id) VALUES (9) RETURNING id", "LOAD DATA INFILE 'x' INTO TABLE t"])
def test_what_cannot_be_accepted_truthfully_is_refused(outage, statement):
    """One outage serves all these statements: none of them may change anything, and the session outlives each."""
    proxy, connection = outage
    pending = proxy.health()["spool"]["pending"]
    was_refused_for_outage(connection, statement)
    assert proxy.health()["spool"]["pending"] == pending
    connection.ping(reconnect=False)


@pytest.fixture(scope="module")
def outage(root, servers):
    """A proxy and a session in an outage. The server is one of its own, since others go on using the shared one."""
    from conftest import make_database
    from lib.proxy import Proxy
    from lib.server import MariaDB
    server = MariaDB(root).start()
    database, account = make_database(server)
    proxy = Proxy(root, server, account, database).start()
    proxy.wait_drained()
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, n INT, s VARCHAR(50)) ENGINE=InnoDB")
    proxy.wait_tables_known()
    server.stop()
    proxy.wait_state("down")
    yield proxy, connection
    proxy.close()
    server.destroy()


def test_the_session_is_restored_when_the_server_returns(table, server):
    connection = table.connect(database=None, charset="latin1")
    run(connection, f"USE {table.database}")
    run(connection, "SET SESSION sql_mode = 'ANSI_QUOTES', time_zone = '+05:00', @mine = 41")
    run(connection, "SET SESSION lock_wait_timeout = 12345")
    asked = ("SELECT DATABASE(), @@character_set_client, @@sql_mode, @@time_zone, @@lock_wait_timeout, @mine, "
             "@@autocommit, @@transaction_isolation" if server.kind == "mysql" else
             "SELECT DATABASE(), @@character_set_client, @@sql_mode, @@time_zone, @@lock_wait_timeout, @mine, "
             "@@autocommit, @@tx_isolation")
    run(connection, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    before = run(connection, asked)
    server.stop()
    table.wait_state("down")
    was_refused_for_outage(connection, "SELECT * FROM t")
    run(connection, "SET time_zone = '+06:00'")  # answered locally, remembered
    spooled_seq(connection, "INSERT INTO t (id) VALUES (9)")
    server.start()
    table.wait_drained()
    after = run(connection, asked)
    assert after == ((*before[0][:3], "+06:00", *before[0][4:]),)
    assert value(connection, "SELECT COUNT(*) FROM t") == 4


def test_statements_that_need_no_server_are_answered_locally(table, server):
    connection = table.connect()
    server.stop()
    table.wait_state("down")
    connection.ping(reconnect=False)
    run(connection, "SET NAMES utf8mb4")
    run(connection, "SET @a = 5")
    connection.select_db(table.database)
    run(connection, f"USE {table.database}")
    run(connection, "SET autocommit = 1")
    run(connection, "/* hello */ COMMIT")


def test_a_transaction_is_refused_or_kept_whole_while_the_server_is_away(table, server):
    """Either BEGIN/COMMIT is refused clearly, or the whole of it is applied; never a part, never an early OK."""
    connection = table.connect()
    server.stop()
    table.wait_state("down")
    accepted = []
    for statement in ("BEGIN", "INSERT INTO t (id) VALUES (50)", "INSERT INTO t (id) VALUES (51)", "COMMIT"):
        try:
            run(connection, statement)
            accepted.append(statement)
        except pymysql.err.MySQLError:
            break
    committed = accepted[-1:] == ["COMMIT"]
    if not committed:
        try:
            run(connection, "ROLLBACK")
        except pymysql.err.MySQLError:
            pass  # refused as clearly as the rest
    server.start()
    table.wait_drained()
    found = server.run("SELECT id FROM t WHERE id >= 50", database=table.database)
    assert found == (((50,), (51,)) if committed else ()), accepted
    run(connection, "INSERT INTO t (id) VALUES (60)")
    assert value(table.connect(), "SELECT COUNT(*) FROM t WHERE id = 60") == 1


def test_without_autocommit_a_write_is_never_acknowledged_as_if_committed(table, server):
    connection = table.connect(autocommit=False)
    server.stop()
    table.wait_state("down")
    try:
        run(connection, "INSERT INTO t (id) VALUES (70)")
        run(connection, "ROLLBACK")
    except pymysql.err.MySQLError:
        pass  # a refusal is an honest answer, too
    server.start()
    table.wait_drained()
    assert server.run("SELECT * FROM t WHERE id = 70", database=table.database) == ()


def test_a_transaction_open_on_a_dead_server_asks_to_be_restarted(table, server):
    connection = table.connect()
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t (id) VALUES (80)")
    server.kill()
    table.wait_state("suspect", "down")
    with pytest.raises(pymysql.err.MySQLError) as caught:
        run(connection, "INSERT INTO t (id) VALUES (81)")
    assert caught.value.args[0] == 1213
    server.start()
    table.wait_drained()
    assert server.run("SELECT * FROM t WHERE id >= 80", database=table.database) == ()
    run(connection, "INSERT INTO t (id) VALUES (82)")
    assert value(connection, "SELECT COUNT(*) FROM t WHERE id >= 80") == 1


def test_every_statement_of_a_broken_transaction_fails_until_it_ends(table, server):
    """Never re-run as autocommit: after the 1213 the client believes that nothing is open, as with a deadlock."""
    connection = table.connect(autocommit=False)
    run(connection, "INSERT INTO t (id) VALUES (80)")
    server.kill()
    table.wait_state("suspect", "down")
    assert error_number(connection, "INSERT INTO t (id) VALUES (81)")[0] == 1213
    server.start()
    table.wait_drained()
    run(connection, "INSERT INTO t (id) VALUES (82)")  # autocommit=0: a new transaction
    assert server.run("SELECT * FROM t WHERE id >= 80", database=table.database) == ()
    connection.rollback()
    assert server.run("SELECT * FROM t WHERE id >= 80", database=table.database) == ()


def test_a_frozen_server_is_noticed_and_writes_are_held(table, server):
    connection = table.connect()
    server.freeze()
    # DB_CONNECTION_TIMEOUT 1 s for the check, the hold 0.6 s, and the check interval 1 s at most before
    table.wait_state("down")
    assert spooled_seq(connection if was_usable(connection) else table.connect(), "INSERT INTO t VALUES (4, 4, NULL)")
    server.thaw()
    table.wait_drained()
    assert server.run("SELECT COUNT(*) FROM t WHERE id = 4", database=table.database) == ((1,),)


def was_usable(connection):
    try:
        connection.ping(reconnect=False)
        return True
    except pymysql.err.MySQLError:
        return False


def test_a_long_query_is_no_outage(table):
    connection = table.connect()
    assert value(connection, "SELECT SLEEP(4)") == 0
    health = table.health()
    assert health["database"]["state"] == "up" and health["database"]["reconnects"] == 0


def test_temporary_tables_end_with_their_server(table, server):
    """What cannot be restored ends the session with the error that a direct client would get."""
    connection = table.connect()
    run(connection, "CREATE TEMPORARY TABLE scratch (id INT)")
    run(connection, "INSERT INTO scratch VALUES (1)")
    server.stop()
    table.wait_state("down")
    with pytest.raises(pymysql.err.MySQLError):
        run(connection, "INSERT INTO scratch VALUES (2)")
    server.start()
    table.wait_drained()
    assert table.health()["spool"]["dead"] == 0


def test_an_auto_increment_insert_is_given_a_real_id_or_refused(table, server):
    connection = table.connect()
    run(connection, "CREATE TABLE auto (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(9)) ENGINE=InnoDB")
    run(connection, "INSERT INTO auto (s) VALUES ('up')")
    server.stop()
    table.wait_state("down")
    promised = {}
    for word in ("one", "two"):
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"INSERT INTO auto (s) VALUES ('{word}')")
                promised[word] = cursor.lastrowid
        except pymysql.err.MySQLError:
            pass  # refused: "where no block could be had"
    server.start()
    table.wait_drained()
    assert dict(server.run("SELECT s, id FROM auto WHERE s <> 'up'", database=table.database)) == promised
