"""A server that takes no writes and answers reads: reads are its own answers, writes are an outage's."""
import threading

import pymysql
import pytest

from conftest import make_database
from lib.command_line import CommandLine
from lib.process import wait_until
from lib.proxy import Account
from lib.sql import error_number, run, spooled_seq, value
from lib.statements import COM_STMT_EXECUTE, LONGLONG, VARCHAR, Session, execute_payload

IN_TRANS = 0x0001
READ_ONLY_ERROR = 1290


class ReadOnly:
    """The option that makes the server read-only, and its two positions."""

    def __init__(self, server, option):
        self.server, self.option = server, option

    def on(self):
        self.server.run(f"SET GLOBAL {self.option} = 1")

    def off(self):
        self.server.run(f"SET GLOBAL {self.option} = 0", "SET GLOBAL read_only = 0")


@pytest.fixture(params=["mariadb:read_only", "mysql:read_only", "mysql:super_read_only"])
def flip(request, servers):
    kind, option = request.param.split(":")
    server = servers(kind)
    server.ensure_running()
    switch = ReadOnly(server, option)
    yield switch
    server.ensure_running()
    switch.off()


@pytest.fixture
def proxy(flip, start_proxy):
    proxy = start_proxy(flip.server)
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL DEFAULT 0, s VARCHAR(50)) ENGINE=InnoDB")
    run(connection, "CREATE TABLE other (id INT PRIMARY KEY) ENGINE=InnoDB")
    run(connection, "CREATE TABLE ai (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20)) ENGINE=InnoDB")
    run(connection, "INSERT INTO t (id, n) VALUES (1, 10), (2, 20)")
    run(connection, "INSERT INTO ai (s) VALUES ('up')")
    proxy.wait_ids_reserved("ai")
    return proxy


def close_for_writes(proxy, flip):
    """The server is read-only, and the proxy knows."""
    proxy.wait_tables_known()
    flip.on()
    wait_until(lambda: proxy.health()["database"]["state"] == "down", 15, "the server counts as down for writes")
    assert proxy.health()["database"]["reads_go_on"] is True


def ids(flip, proxy, least=3):
    return [row[0] for row in flip.server.run(f"SELECT id FROM t WHERE id >= {least} ORDER BY id", database=proxy.database)]


def warnings_of(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall()
        return rows, cursor._result.warning_count


def test_reads_are_the_servers_own_answers_in_old_and_new_sessions(proxy, flip):
    old = proxy.connect()
    run(old, "SET @me = 'old', time_zone = '+03:00'")
    run(old, "PREPARE p FROM 'SELECT n FROM t WHERE id = ?'")
    server_id = value(old, "SELECT CONNECTION_ID()")
    close_for_writes(proxy, flip)
    new = proxy.connect()
    for connection in (old, new):
        assert run(connection, "SELECT id, n FROM t ORDER BY id") == ((1, 10), (2, 20))
        assert ("t",) in run(connection, "SHOW TABLES")
        assert run(connection, "EXPLAIN SELECT * FROM t")
        assert value(connection, "SELECT NOW() > '2000-01-01'") == 1
        assert value(connection, "SELECT @@global.read_only") == 1
        connection.ping(reconnect=False)
        run(connection, f"USE {proxy.database}")
        run(connection, "SET @x = 2")
        assert value(connection, "EXECUTE p USING @x" if connection is old else "SELECT n FROM t WHERE id = @x") == 20
    assert value(old, "SELECT @me") == "old"
    assert value(old, "SELECT CONNECTION_ID()") == server_id, "its server connection was kept"
    assert error_number(new, "SELECT * FROM nowhere")[0] == 1146
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        proxy.connect(account=Account(proxy.account.user, "wrong"))
    with pytest.raises(pymysql.err.OperationalError) as refused:
        proxy.connect(database="no_such_database")
    assert refused.value.args[0] in (1044, 1049)


def test_health_says_that_reads_go_on(proxy, flip):
    assert proxy.health()["database"]["reads_go_on"] is True
    close_for_writes(proxy, flip)
    status, _ = proxy.http("/health/")
    health = proxy.health()
    assert (status, health["status"], health["database"]["state"]) == (200, "degraded", "down")
    assert "read-only" in health["database"]["last_error"]
    code, text, _ = CommandLine(proxy)("status")
    assert code == 1 and text.startswith("degraded: the server takes no writes; reads go on, writes are queued\n") and "read-only" in text
    assert proxy.http("/readyz")[0] == 200
    assert proxy.metric("holdwater_server_answers") == 1
    flip.off()
    proxy.wait_drained()
    flip.server.stop()
    proxy.wait_state("down")
    assert proxy.health()["database"]["reads_go_on"] is False
    assert proxy.metric("holdwater_server_answers") == 0


def test_a_write_is_queued_and_applied_when_the_server_takes_it(proxy, flip):
    connection = proxy.connect()
    close_for_writes(proxy, flip)
    seq = spooled_seq(connection, "INSERT INTO t (id) VALUES (3)")
    assert spooled_seq(connection, "UPDATE t SET n = n + 1 WHERE id = 3") == seq + 1
    assert spooled_seq(proxy.connect(), "DELETE FROM t WHERE id = 2") == seq + 2
    assert proxy.health()["spool"]["pending"] == 3
    assert ids(flip, proxy, 1) == [1, 2]
    flip.off()
    proxy.wait_drained()
    assert flip.server.run("SELECT id, n FROM t ORDER BY id", database=proxy.database) == ((1, 10), (3, 1))
    run(connection, "INSERT INTO t (id) VALUES (4)")
    assert ids(flip, proxy) == [3, 4]


def test_a_write_that_meets_the_flip_is_held_and_then_queued(proxy, flip):
    connections = [proxy.connect() for _ in range(5)]
    proxy.wait_tables_known()
    flip.on()
    for number, connection in enumerate(connections, 3):
        spooled_seq(connection, f"INSERT INTO t (id) VALUES ({number})")
    flip.off()
    proxy.wait_drained()
    assert ids(flip, proxy) == [3, 4, 5, 6, 7]


def test_a_read_of_what_is_queued_passes_with_a_note(proxy, flip):
    connection = proxy.connect()
    close_for_writes(proxy, flip)
    assert warnings_of(connection, "SELECT id FROM t") == (((1,), (2,)), 0)
    spooled_seq(connection, "INSERT INTO t (id) VALUES (3)")
    rows, warnings = warnings_of(connection, "SELECT id FROM t ORDER BY id")
    assert (rows, warnings) == (((1,), (2,)), 1)
    (level, code, text), = run(connection, "SHOW WARNINGS")
    assert (level, code) == ("Note", 1105) and "queued" in text
    assert warnings_of(connection, "SELECT id FROM other")[1] == 0
    assert run(connection, "SHOW WARNINGS") == ()
    assert warnings_of(connection, "SELECT REPEAT('x', 200000), id FROM t")[1] == 1
    assert warnings_of(connection, "SELECT REPEAT('x', 17000000) FROM t LIMIT 1")[1] == 1


def test_the_last_insert_id_is_that_of_the_queued_write(proxy, flip):
    connection = proxy.connect()
    run(connection, "SELECT 1")
    close_for_writes(proxy, flip)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO ai (s) VALUES ('queued')")
        told = cursor.lastrowid
    assert told > 1
    assert error_number(connection, "SELECT ROW_COUNT()")[0] == 3032
    assert value(connection, "SELECT LAST_INSERT_ID()") == told
    assert run(connection, "SELECT id FROM t WHERE id > 1 AND LAST_INSERT_ID() = %d" % told) == ((2,),)
    assert value(connection, "SELECT LAST_INSERT_ID()") == told
    flip.off()
    proxy.wait_drained()
    assert flip.server.run(f"SELECT s FROM ai WHERE id = {told}", database=proxy.database) == (("queued",),)


def test_what_could_overtake_queued_writes_is_the_servers_to_answer_until_there_are_some(proxy, flip):
    connection = proxy.connect()
    close_for_writes(proxy, flip)
    assert error_number(connection, "CREATE TABLE u (id INT)")[0] == READ_ONLY_ERROR
    run(connection, "CREATE TEMPORARY TABLE mine (id INT)")
    run(connection, "INSERT INTO mine VALUES (1)")
    assert value(connection, "SELECT id FROM mine") == 1
    assert error_number(connection, "INSERT INTO t (id) VALUES (3)")[0] == READ_ONLY_ERROR, "it has a temporary table"
    other = proxy.connect()
    spooled_seq(other, "INSERT INTO t (id) VALUES (4)")
    assert error_number(other, "CREATE TABLE u (id INT)")[0] == 3032
    assert error_number(connection, "INSERT INTO mine VALUES (2)")[0] == 3032
    assert value(connection, "SELECT id FROM mine") == 1
    flip.off()
    proxy.wait_drained()
    run(connection, "INSERT INTO mine VALUES (2)")
    assert ids(flip, proxy) == [4]


# --- transactions

def test_a_transaction_of_writes_is_collected(proxy, flip):
    connection = proxy.connect()
    close_for_writes(proxy, flip)
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t (id) VALUES (3)")
    run(connection, "UPDATE t SET n = 5 WHERE id = 3")
    assert proxy.health()["spool"]["pending"] == 0
    assert error_number(connection, "SELECT * FROM other")[0] == 3032, "the server cannot show what is collected"
    spooled_seq(connection, "COMMIT")
    assert not connection.server_status & IN_TRANS
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t (id) VALUES (4)")
    run(connection, "ROLLBACK")
    assert value(connection, "SELECT COUNT(*) FROM other") == 0
    flip.off()
    proxy.wait_drained()
    assert flip.server.run("SELECT id, n FROM t WHERE id > 2", database=proxy.database) == ((3, 5),)


@pytest.mark.parametrize("begin", ["BEGIN", "START TRANSACTION WITH CONSISTENT SNAPSHOT", "SET autocommit = 0"])
def test_a_transaction_reads_in_one_snapshot_until_it_writes(proxy, flip, begin):
    connection, writer = proxy.connect(), proxy.connect()
    close_for_writes(proxy, flip)
    run(connection, begin)
    run(connection, "SAVEPOINT start")
    assert value(connection, "SELECT COUNT(*) FROM t") == 2
    assert connection.server_status & IN_TRANS
    run(connection, "SET @x = 7")
    assert value(connection, "SELECT @x") == 7
    flip.off()
    proxy.wait_drained()
    run(writer, "INSERT INTO t (id) VALUES (9)")
    close_for_writes(proxy, flip)
    assert value(connection, "SELECT COUNT(*) FROM t") == 2, "its snapshot is from before"
    run(connection, "COMMIT")
    assert not connection.server_status & IN_TRANS
    assert value(connection, "SELECT COUNT(*) FROM t") == 3


def test_a_transaction_may_read_first_and_write_then(proxy, flip):
    connection = proxy.connect()
    close_for_writes(proxy, flip)
    run(connection, "BEGIN")
    n = value(connection, "SELECT n FROM t WHERE id = 1")
    run(connection, "SAVEPOINT s")
    run(connection, f"INSERT INTO t (id, n) VALUES (3, {n + 1})")
    assert error_number(connection, "SELECT * FROM t")[0] == 3032
    run(connection, "ROLLBACK TO s")
    assert error_number(connection, "SELECT * FROM t")[0] == 3032, "its snapshot is gone"
    run(connection, f"INSERT INTO t (id, n) VALUES (4, {n + 1})")
    run(connection, "RELEASE SAVEPOINT s")
    spooled_seq(connection, "COMMIT")
    assert value(connection, "SELECT COUNT(*) FROM t") == 2
    flip.off()
    proxy.wait_drained()
    assert flip.server.run("SELECT id, n FROM t WHERE id > 2", database=proxy.database) == ((4, 11),)


def test_a_transaction_that_has_read_what_is_queued_takes_no_write(proxy, flip):
    connection = proxy.connect()
    close_for_writes(proxy, flip)
    spooled_seq(connection, "UPDATE t SET n = n + 1 WHERE id = 1")
    run(connection, "BEGIN")
    rows, warnings = warnings_of(connection, "SELECT n FROM t WHERE id = 1")
    assert (rows, warnings) == (((10,),), 1)
    assert error_number(connection, "UPDATE t SET n = 11 WHERE id = 1")[0] == 3032
    flip.off()
    proxy.wait_drained()
    assert value(connection, "SELECT n FROM t WHERE id = 1") == 10, "it goes on in its snapshot"
    assert error_number(connection, "UPDATE t SET n = 11 WHERE id = 1")[0] == 3032
    run(connection, "ROLLBACK")
    run(connection, "BEGIN")
    run(connection, "UPDATE t SET n = n + 1 WHERE id = 1")
    run(connection, "COMMIT")
    assert flip.server.run("SELECT n FROM t WHERE id = 1", database=proxy.database) == ((12,),)


@pytest.mark.parametrize("isolation, number", [("SERIALIZABLE", 3032), ("READ COMMITTED", 0)])
def test_a_write_that_is_bound_by_what_was_read_is_refused(proxy, flip, isolation, number):
    connection = proxy.connect()
    run(connection, f"SET SESSION TRANSACTION ISOLATION LEVEL {isolation}")
    close_for_writes(proxy, flip)
    run(connection, "BEGIN")
    value(connection, "SELECT n FROM t WHERE id = 1")
    if number:
        assert error_number(connection, "UPDATE t SET n = 1 WHERE id = 1")[0] == number
    else:
        run(connection, "UPDATE t SET n = 1 WHERE id = 1")
        spooled_seq(connection, "COMMIT")
    flip.off()
    proxy.wait_drained()


def test_a_locking_read_needs_a_server_that_takes_writes(proxy, flip):
    connection = proxy.connect()
    close_for_writes(proxy, flip)
    run(connection, "BEGIN")
    assert error_number(connection, "SELECT * FROM t FOR UPDATE")[0] == 3032
    run(connection, "ROLLBACK")


def test_a_transaction_that_was_open_gets_the_servers_error_and_the_session_lives(proxy, flip):
    wrote, read, prepared = proxy.connect(), proxy.connect(), proxy.connect()
    for connection in (wrote, read, prepared):
        run(connection, "BEGIN")
        run(connection, "SELECT * FROM t")
    run(wrote, "INSERT INTO t (id) VALUES (3)")
    proxy.wait_tables_known()
    flip.on()
    assert error_number(read, "INSERT INTO t (id) VALUES (4)")[0] == READ_ONLY_ERROR
    assert value(read, "SELECT COUNT(*) FROM t") == 2, "its snapshot stands"
    wait_until(lambda: proxy.state() == "down", 15, "the monitor was told")
    assert error_number(wrote, "COMMIT")[0] == READ_ONLY_ERROR
    run(wrote, "ROLLBACK")
    assert value(read, "SELECT COUNT(*) FROM t") == 2
    assert value(prepared, "SELECT COUNT(*) FROM t") == 2
    run(read, "COMMIT")
    spooled_seq(read, "INSERT INTO t (id) VALUES (5)")
    assert error_number(prepared, "INSERT INTO t (id) VALUES (6)")[0] == 3032, "it could overtake what is queued"
    run(prepared, "ROLLBACK")
    spooled_seq(wrote, "INSERT INTO t (id) VALUES (7)")
    flip.off()
    proxy.wait_drained()
    assert ids(flip, proxy) == [5, 7]


def test_a_transaction_open_when_the_server_takes_writes_again_goes_on_there(proxy, flip):
    reads, writes, both = proxy.connect(), proxy.connect(), proxy.connect()
    close_for_writes(proxy, flip)
    for connection in (reads, writes, both):
        run(connection, "BEGIN")
    run(reads, "SAVEPOINT s")
    assert value(reads, "SELECT COUNT(*) FROM t") == 2
    run(writes, "INSERT INTO t (id) VALUES (3)")
    value(both, "SELECT COUNT(*) FROM t")
    run(both, "INSERT INTO t (id) VALUES (4)")
    flip.off()
    proxy.wait_drained()
    assert value(reads, "SELECT COUNT(*) FROM t") == 2
    run(reads, "INSERT INTO t (id) VALUES (5)")
    run(reads, "ROLLBACK TO s")
    run(reads, "INSERT INTO t (id) VALUES (6)")
    run(reads, "COMMIT")
    assert value(writes, "SELECT COUNT(*) FROM t WHERE id = 3") == 1
    run(writes, "COMMIT")
    assert error_number(both, "SELECT * FROM t")[0] == 1213, "it would be another snapshot"
    run(both, "BEGIN")
    run(both, "ROLLBACK")
    assert ids(flip, proxy) == [3, 6]


def test_a_transaction_that_reads_is_lost_with_the_server(proxy, flip):
    connection = proxy.connect()
    close_for_writes(proxy, flip)
    run(connection, "BEGIN")
    value(connection, "SELECT COUNT(*) FROM t")
    flip.server.kill()
    wait_until(lambda: not proxy.health()["database"]["reads_go_on"], 15, "reads go on no more")
    assert error_number(connection, "SELECT COUNT(*) FROM t")[0] == 1213
    spooled_seq(connection, "INSERT INTO t (id) VALUES (3)")
    flip.server.start()
    proxy.wait_drained()
    assert ids(flip, proxy) == [3]


# --- other accounts, prepared statements

def test_relayed_accounts_read_on_and_log_in(proxy, flip):
    stranger = Account("stranger", "their secret")
    flip.server.create_account(stranger.user, stranger.password, proxy.database)
    old = proxy.connect(account=stranger)
    run(old, "SELECT 1")
    close_for_writes(proxy, flip)
    new = proxy.connect(account=stranger)
    for connection in (old, new):
        assert value(connection, "SELECT COUNT(*) FROM t") == 2
        run(connection, "BEGIN")
        assert value(connection, "SELECT COUNT(*) FROM t") == 2
        assert error_number(connection, "INSERT INTO t (id) VALUES (3)")[0] == READ_ONLY_ERROR
        run(connection, "COMMIT")
        assert error_number(connection, "INSERT INTO t (id) VALUES (3)")[0] == READ_ONLY_ERROR
    spooled_seq(proxy.connect(), "INSERT INTO t (id) VALUES (4)")
    assert error_number(old, "INSERT INTO t (id) VALUES (5)")[0] == 3032
    assert value(old, "SELECT COUNT(*) FROM t") == 2
    flip.off()
    proxy.wait_drained()
    run(old, "INSERT INTO t (id) VALUES (6)")
    assert ids(flip, proxy) == [4, 6]


def test_prepared_statements_read_and_write(proxy, flip):
    session = Session(proxy)
    old_read, old_write = session.prepare("SELECT n FROM t WHERE id = ?"), session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    close_for_writes(proxy, flip)
    new_read, new_write = session.prepare("SELECT s FROM t WHERE id > ?"), session.prepare("UPDATE t SET s = ? WHERE id = 1")
    for number, statement in ((1, old_read), (2, old_read)):
        assert session.execute(statement, [(LONGLONG, number)]) == [(number * 10,)]
    assert session.execute(new_read, [(LONGLONG, 1)]) == [(None,)]
    session.send_long_data(old_write, 1, b"long ")
    session.send_long_data(old_write, 1, b"data")
    queue(session, old_write, [(LONGLONG, 3), (VARCHAR, ...)])
    session.send_long_data(new_write, 0, b"kept for later")
    session.query("BEGIN")
    assert session.execute(session.prepare("SELECT COUNT(*) + ? FROM other"), [(LONGLONG, 1)]) == [(1,)]
    queue(session, old_write, [(LONGLONG, 4), (VARCHAR, b"in a transaction")])
    session.query("COMMIT")
    session.send_long_data(old_write, 1, b"sent before the server took it")
    flip.off()
    proxy.wait_drained()
    session.execute(new_write, [(VARCHAR, ...)])
    session.execute(old_write, [(LONGLONG, 5), (VARCHAR, ...)])
    assert session.execute(old_read, [(LONGLONG, 2)]) == [(20,)]
    assert flip.server.run("SELECT id, s FROM t WHERE id <> 2 ORDER BY id", database=proxy.database) == (
        (1, "kept for later"), (3, "long data"), (4, "in a transaction"), (5, "sent before the server took it"))
    session.close()


def queue(session, statement, parameters):
    """Executes a write that is kept for later: an OK with one warning."""
    session.raw.command(COM_STMT_EXECUTE, execute_payload(statement.id, parameters))
    ok = session.raw.expect_ok()
    assert ok[0] == 0 and ok[5:7] == b"\x01\x00", ok


def test_an_account_that_may_write_all_the_same_does_not_make_the_server_writable(flip, start_proxy):
    """Whoever sets read_only does not want the server written to, and other accounts could not follow."""
    database, account = make_database(flip.server)
    for right in ("SUPER", "READ_ONLY ADMIN", "CONNECTION_ADMIN"):
        try:
            flip.server.run(f"GRANT {right} ON *.* TO `{account.user}`@`%`")
        except pymysql.err.MySQLError:
            pass  # the other server's word for it
    proxy = start_proxy(flip.server, database=database, account=account)
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    close_for_writes(proxy, flip)
    spooled_seq(connection, "INSERT INTO t VALUES (3)")
    assert run(connection, "SELECT * FROM t") == ()
    flip.off()
    proxy.wait_drained()
    assert ids(flip, proxy) == [3]


# --- the monitor

def test_the_checks_of_a_read_only_server_are_cheap(proxy, flip):
    close_for_writes(proxy, flip)
    before = int(flip.server.run("SHOW GLOBAL STATUS LIKE 'Connections'")[0][1])
    seen = set()

    def checked_often():
        seen.add(proxy.http("/health/")[1])
        rows = flip.server.run("SHOW GLOBAL STATUS LIKE 'Questions'")
        return int(rows[0][1]) > start + 40
    start = int(flip.server.run("SHOW GLOBAL STATUS LIKE 'Questions'")[0][1])
    wait_until(checked_often, 20, "the server was looked at")
    own = 2 * 40 + 2
    assert int(flip.server.run("SHOW GLOBAL STATUS LIKE 'Connections'")[0][1]) - before <= own
    assert f"{proxy.account.user}" in str(flip.server.run("SHOW PROCESSLIST"))


@pytest.mark.limit(400)
def test_nothing_is_lost_or_doubled_over_many_flips(proxy, flip):
    stop = threading.Event()
    acked, refused, trouble, reads = [[] for _ in range(4)], [], [], [0]

    def write(number):
        try:
            connection = proxy.connect()
            run(connection, f"INSERT INTO t (id, n) VALUES ({1000 + number}, 0)")
            sent = 0
            while not stop.is_set():
                sent += 1
                row = (number + 1) * 100000 + sent
                try:
                    if sent % 3 == 0:
                        run(connection, "BEGIN")
                        if sent % 2 == 0:
                            value(connection, "SELECT COUNT(*) FROM other")
                        run(connection, f"INSERT INTO t (id) VALUES ({row})")
                        run(connection, f"UPDATE t SET n = n + 1 WHERE id = {1000 + number}")
                        run(connection, "COMMIT")
                        acked[number].append(row)
                    else:
                        run(connection, f"INSERT INTO t (id) VALUES ({row})")
                        acked[number].append(row)
                except pymysql.err.MySQLError as error:
                    assert error.args[0] in (READ_ONLY_ERROR, 3032, 1213), error.args
                    refused.append(row)
                    run(connection, "ROLLBACK")
        except BaseException as error:
            trouble.append(error)

    def read():
        try:
            connection = proxy.connect()
            while not stop.is_set():
                assert value(connection, "SELECT n FROM t WHERE id = 2") == 20
                reads[0] += 1
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    threads += [threading.Thread(target=read) for _ in range(2)]
    proxy.wait_tables_known()
    for thread in threads:
        thread.start()
    for _ in range(8):
        flip.on()
        wait_until(lambda: proxy.state() == "down" or trouble, 20, "down for writes")
        before = reads[0]
        wait_until(lambda: reads[0] > before + 20 or trouble, 20, "reads go on")
        flip.off()
        wait_until(lambda: proxy.state() == "up" or trouble, 20, "up again")
        assert not trouble, trouble
    stop.set()
    for thread in threads:
        thread.join(60)
    assert not trouble, trouble
    proxy.wait_drained()
    assert proxy.health()["spool"]["dead"] == 0
    found = {row[0] for row in flip.server.run("SELECT id FROM t WHERE id >= 100000", database=proxy.database)}
    assert found == {row for each in acked for row in each}
    for number, rows in enumerate(acked):
        commits = sum(1 for row in rows if row % 100000 % 3 == 0)
        assert flip.server.run(f"SELECT n FROM t WHERE id = {1000 + number}", database=proxy.database) == ((commits,),)
    assert sum(map(len, acked)) > 100 and len(refused) < sum(map(len, acked))
