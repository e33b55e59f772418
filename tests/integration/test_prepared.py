"""Prepared statements: binary and text, before and after the server connection was replaced."""
import pytest

from conftest import LONG
from lib.process import wait_until
from lib.relay import Relay
from lib.sql import run
from lib.statements import CURSOR, LONGLONG, VARCHAR, Session
from lib.wire import Err


@pytest.fixture
def session(proxy):
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(100), b LONGBLOB) ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO t (id, s) VALUES (1, 'one'), (2, 'two'), (3, 'three')")
    made = Session(proxy)
    yield made
    made.close()


def cut(proxy, session):
    """Ends the session's server connection, and waits until the proxy has noticed."""
    number = int(session.scalar("SELECT CONNECTION_ID()"))
    proxy.server.run(f"KILL {number}")
    wait_until(lambda: not proxy.server.run(
        f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"), 10, "the server connection ends")


def test_sixty_open_statements_survive_the_loss_of_the_server_connection(proxy, session):
    """Pitfall 11."""
    statements = [session.prepare(f"SELECT s, ? + {n} FROM t WHERE id = ?") for n in range(60)]
    for n in (0, 7, 59):
        assert session.execute(statements[n], [(LONGLONG, 100), (LONGLONG, 2)]) == [(b"two", 100 + n)]
    cut(proxy, session)
    for n, statement in enumerate(statements):
        assert session.execute(statement, [(LONGLONG, 1000), (LONGLONG, 3)]) == [(b"three", 1000 + n)], n
    fresh = session.prepare("SELECT 'fresh'")
    assert fresh.id not in [statement.id for statement in statements]
    assert session.execute(fresh, []) == [(b"fresh",)]
    assert session.execute(statements[5], [(LONGLONG, 1), (LONGLONG, 1)]) == [(b"one", 6)]
    for statement in statements + [fresh]:
        session.close_statement(statement)
    assert session.scalar("SELECT 1") == b"1"
    with pytest.raises(Err) as unknown:
        session.execute(statements[0], [(LONGLONG, 1), (LONGLONG, 1)])
    assert unknown.value.number == 1243


def test_a_restart_of_the_server_keeps_open_statements(proxy, session, server):
    statement = session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    session.execute(statement, [(LONGLONG, 10), (VARCHAR, b"ten")])
    server.restart()
    proxy.wait_drained()
    session.execute(statement, [(LONGLONG, 11), (VARCHAR, b"eleven")])
    assert session.execute(session.prepare("SELECT s FROM t WHERE id > 9 ORDER BY id"), []) == [(b"ten",), (b"eleven",)]


def test_parameter_types_that_are_not_sent_again_are_remembered(proxy, session):
    """Pitfall 13: a client sends types once; NULL keeps them."""
    statement = session.prepare("SELECT ?, ?")
    both = [(LONGLONG, 5), (VARCHAR, b"five")]
    assert session.execute(statement, both) == [(5, b"five")]
    assert session.execute(statement, both, types=False) == [(5, b"five")]
    cut(proxy, session)
    assert session.execute(statement, [(LONGLONG, None), (VARCHAR, b"six")], types=False) == [(None, b"six")]
    assert session.execute(statement, [(LONGLONG, 7), (VARCHAR, None)], types=False) == [(7, None)]
    cut(proxy, session)
    assert session.execute(statement, [(VARCHAR, b"x"), (VARCHAR, b"y")]) == [(b"x", b"y")]
    assert session.execute(statement, [(VARCHAR, b"v"), (VARCHAR, b"w")], types=False) == [(b"v", b"w")]


def test_a_statement_means_what_it_meant_when_it_was_prepared(proxy, session):
    """Its database and sql_mode are its own, whatever was chosen since."""
    if proxy.server.kind == "mysql":
        proxy.server.run(f"GRANT ALL ON *.* TO `{proxy.account.user}`@`%`")
        session = Session(proxy)
    other = proxy.database + "_other"
    proxy.server.run(f"CREATE DATABASE {other}", f"CREATE TABLE {other}.t (id INT, s VARCHAR(9))",
                     f"INSERT INTO {other}.t VALUES (1, 'OTHER')", f"GRANT ALL ON {other}.* TO `{proxy.account.user}`@`%`")
    here = session.prepare("SELECT s, 'a' || 'b' FROM t WHERE id = 1")
    session.query("SET sql_mode = 'PIPES_AS_CONCAT'")
    piped = session.prepare("SELECT 'a' || 'b'")
    session.query(f"USE {other}")
    there = session.prepare("SELECT s FROM t")
    before = [session.execute(statement, []) for statement in (here, piped, there)]
    assert before[1:] == [[(b"ab",)], [(b"OTHER",)]] and before[0][0][0] == b"one"
    cut(proxy, session)
    assert [session.execute(statement, []) for statement in (here, piped, there)] == before
    assert session.scalar("SELECT DATABASE()") == other.encode()
    assert session.scalar("SELECT @@sql_mode") == b"PIPES_AS_CONCAT"


def test_an_alter_between_executes_is_seen_and_an_error_is_the_servers(proxy, session):
    """Pitfall 13."""
    statement = session.prepare("SELECT * FROM t WHERE id = 1")
    assert session.execute(statement, []) == [(1, b"one", None)]
    run(proxy.connect(), "ALTER TABLE t ADD COLUMN n INT DEFAULT 9")
    assert session.execute(statement, []) == [(1, b"one", None, 9)]
    cut(proxy, session)
    run(proxy.connect(), "ALTER TABLE t DROP COLUMN b")
    assert session.execute(statement, []) == [(1, b"one", 9)]
    cut(proxy, session)
    run(proxy.connect(), "RENAME TABLE t TO gone")
    with pytest.raises(Err) as missing:
        session.execute(statement, [])
    assert missing.value.number == 1146
    run(proxy.connect(), "RENAME TABLE gone TO t")
    assert session.execute(statement, []) == [(1, b"one", 9)]


def test_long_data_goes_in_pieces_and_is_told_when_it_was_lost(proxy, session):
    """Pitfall 13: send_long_data, then reset."""
    statement = session.prepare("UPDATE t SET b = ? WHERE id = ?")
    keys = [(VARCHAR, ...), (LONGLONG, 1)]
    session.send_long_data(statement, 0, b"ab")
    session.send_long_data(statement, 0, b"c" * 100_000)
    session.execute(statement, keys)
    assert session.scalar("SELECT LENGTH(b) FROM t WHERE id = 1") == b"100002"
    session.send_long_data(statement, 0, b"forgotten")
    session.reset(statement)
    session.send_long_data(statement, 0, b"kept")
    session.execute(statement, keys)
    assert session.scalar("SELECT b FROM t WHERE id = 1") == b"kept"
    session.send_long_data(statement, 0, b"lost")
    cut(proxy, session)
    with pytest.raises(Err) as lost:
        session.execute(statement, keys)
    assert (lost.value.number, "long data" in lost.value.text) == (1615, True)
    session.send_long_data(statement, 0, b"again")
    session.execute(statement, keys)
    assert session.scalar("SELECT b FROM t WHERE id = 1") == b"again"


def test_a_cursor_is_fetched_row_by_row_and_gone_after_a_loss(proxy, session):
    """Pitfall 14."""
    statement = session.prepare("SELECT id FROM t ORDER BY id")
    assert session.execute(statement, [], flags=CURSOR) == []
    assert [session.fetch(statement, 1) for _ in range(3)] == [[(1,)], [(2,)], [(3,)]]
    assert session.fetch(statement, 1) == []
    session.reset(statement)
    session.execute(statement, [], flags=CURSOR)
    assert session.fetch(statement, 2) == [(1,), (2,)]
    cut(proxy, session)
    with pytest.raises(Err) as gone:
        session.fetch(statement, 2)
    assert gone.value.number == 1421
    session.execute(statement, [], flags=CURSOR)
    assert session.fetch(statement, 9) == [(1,), (2,), (3,)]


def test_a_big_execute_reaches_a_statement_that_was_prepared_again(proxy, session):
    statement = session.prepare("UPDATE t SET b = ? WHERE id = ?")
    session.execute(statement, [(VARCHAR, b"small"), (LONGLONG, 1)])
    for size in (200_000, 1_000_000):
        cut(proxy, session)
        session.execute(statement, [(VARCHAR, b"z" * size), (LONGLONG, 1)], types=False)
        assert session.scalar("SELECT LENGTH(b) FROM t WHERE id = 1") == str(size).encode()
        session.execute(statement, [(VARCHAR, b"y" * (size + 1)), (LONGLONG, 1)])
        assert session.scalar("SELECT LENGTH(b) FROM t WHERE id = 1") == str(size + 1).encode()


def test_statements_of_sql_survive_too(proxy, session):
    session.query("PREPARE literal FROM 'SELECT s FROM t WHERE id = ?'")
    session.query("SET @text = 'SELECT COUNT(*) FROM t'")
    session.query("PREPARE Variable FROM @text")
    session.query("SET @text = 'something else', @one = 1")
    session.query("PREPARE closed FROM 'SELECT 1'")
    session.query("DEALLOCATE PREPARE closed")
    cut(proxy, session)
    assert session.scalar("EXECUTE literal USING @one") == b"one"
    assert session.scalar("EXECUTE variable") == b"3"
    assert session.scalar("SELECT @text") == b"something else"
    with pytest.raises(Err) as unknown:
        session.query("EXECUTE closed")
    assert unknown.value.number == 1243


def test_what_an_executed_statement_did_to_the_session_is_restored_or_ends_it(proxy, session):
    """Pitfall 9: the binary protocol misses it."""
    session.execute(session.prepare("SET @x = 5"), [])
    session.execute(session.prepare("SET SESSION sort_buffer_size = 65536 * 2"), [])
    cut(proxy, session)
    assert session.scalar("SELECT @x") == b"5"
    assert session.scalar("SELECT @@sort_buffer_size") == b"131072"
    session.execute(session.prepare("CREATE TEMPORARY TABLE scratch (a INT)"), [])
    cut(proxy, session)
    assert session.raw.is_closed()


def test_a_read_that_was_executing_when_its_connection_was_lost_is_repeated(server, start_proxy):
    relay = Relay(server.host, server.port)
    proxy = start_proxy(server, before=relay)
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, n INT) ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO t VALUES (1, 0)")
    session = Session(proxy)
    read, write = session.prepare("SELECT n, ? FROM t"), session.prepare("UPDATE t SET n = n + ?")
    for statement in (read, write):
        session.execute(statement, [(LONGLONG, 0)])
    relay.cut_answer_to(b"needle")
    assert session.execute(read, [(VARCHAR, b"needle")]) == [(0, b"needle")]
    relay.cut_answer_to(b"needle")
    with pytest.raises(Err) as lost:
        session.execute(write, [(VARCHAR, b"0needle")])
    assert (lost.value.number, lost.value.state) == (2013, "08007")
    relay.close()


def test_more_statements_than_are_remembered_end_with_their_connection(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_SESSION_MAX_REMEMBERED_STATEMENT_BYTES="10000")
    session = Session(proxy)
    kept = session.prepare("SELECT 1")
    large = session.prepare("SELECT " + "1" * 20000)
    cut(proxy, session)
    assert session.raw.is_closed()
    session = Session(proxy)
    kept = session.prepare("SELECT 1")
    session.close_statement(session.prepare("SELECT '" + "1" * 20000 + "'"))
    cut(proxy, session)
    assert session.execute(kept, []) == [(1,)]
    assert large


@pytest.mark.limit(600)
def test_churn_leaves_nothing_behind(server, start_proxy):
    """Pitfall 12."""
    proxy = start_proxy(server)
    session = Session(proxy)
    opened = lambda: int(server.run("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'")[0][1])

    def churn(count, first):
        for n in range(first, first + count):
            statement = session.prepare(f"SELECT {n}, ?")
            assert session.execute(statement, [(LONGLONG, n)])[0][1] == n
            session.close_statement(statement)
    server.settle()
    before = opened()
    churn(1000, 0)
    resident = proxy.resident_bytes()
    churn(100_000 if LONG else 2000, 1000)
    assert session.scalar("SELECT 1") == b"1"
    assert opened() == before
    assert proxy.resident_bytes() - resident < 2 << 20
    open_at_end = [session.prepare(f"SELECT {n}") for n in range(10)]
    assert opened() == before + 10 and open_at_end
    session.close()
    wait_until(lambda: opened() == before, 10, "the server closes what the client left open")
