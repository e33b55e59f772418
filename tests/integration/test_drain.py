"""The server is back and units are pending: waiting clients get its real answers, culprits become dead letters."""
import time
from concurrent.futures import ThreadPoolExecutor

import pymysql
import pytest
from pymysql.constants import CLIENT

from lib.process import wait_until
from lib.relay import Relay
from lib.sql import affected, error_number, run, spooled_seq, value
from lib.statements import Session


def test_a_refused_unit_becomes_a_dead_letter_and_the_rest_is_applied(proxy, server):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, n INT) ENGINE=InnoDB")
    server.stop()
    proxy.wait_state("down")
    for number in range(40):
        spooled_seq(connection, f"INSERT INTO t VALUES ({number}, 1)")
    culprit = spooled_seq(connection, "INSERT INTO t VALUES (7, 2)")
    for number in range(40, 60):
        spooled_seq(connection, f"INSERT INTO t VALUES ({number}, 1)")
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT COUNT(*), SUM(n) FROM t", database=proxy.database) == ((60, 60),)
    status, body = proxy.http("/spool/dead")
    assert status == 200 and b"INSERT INTO t VALUES (7, 2)" in body and b"1062" in body
    assert str(culprit).encode() in body
    health = proxy.health()
    assert health["spool"]["dead"] == 1 and health["status"] == "degraded"


@pytest.mark.parametrize("state,chosen", [("45000", 1205), ("45000", 2013), ("45000", 5001), ("45000", 4711), ("HY000", 1205), ("40001", 1213),
                                          ("HY000", 1114), ("08S01", 1053), ("HY000", 1047), ("HY000", 3101)])
def test_the_number_that_a_trigger_chooses_for_its_error_stops_nobody(proxy, server, state, chosen):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    server.run(f"CREATE TRIGGER positive BEFORE INSERT ON t FOR EACH ROW BEGIN IF NEW.id < 0 THEN SIGNAL SQLSTATE '{state}' "
               f"SET MYSQL_ERRNO = {chosen}, MESSAGE_TEXT = 'Ada is negative'; END IF; END", database=proxy.database)
    server.stop()
    proxy.wait_state("down")
    for number in (1, 2, -3, 4, -5, 6):
        spooled_seq(connection, f"INSERT INTO t VALUES ({number})")
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT id FROM t ORDER BY id", database=proxy.database) == ((1,), (2,), (4,), (6,))
    assert [one["seq"] for one in proxy.json("/spool/dead")["units"]] == [3, 5]
    assert "Ada" not in proxy.log_text() and "Ada" not in str(proxy.health())


def test_a_dead_letter_is_retried_or_discarded_by_a_person(proxy, server):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, n INT) ENGINE=InnoDB")
    run(connection, "INSERT INTO t VALUES (1, 1), (2, 1)")
    server.stop()
    proxy.wait_state("down")
    first = spooled_seq(connection, "INSERT INTO t VALUES (1, 2)")
    second = spooled_seq(connection, "INSERT INTO t VALUES (2, 2)")
    server.start()
    proxy.wait_drained()
    server.run("DELETE FROM t", database=proxy.database)
    assert proxy.http(f"/spool/dead/{first}/retry", "POST")[0] == 200
    assert proxy.http(f"/spool/dead/{second}/discard", "POST")[0] == 200
    wait_until(lambda: server.run("SELECT * FROM t", database=proxy.database) == ((1, 2),), 10, "the retry is applied")
    proxy.wait_drained()
    assert proxy.health()["spool"]["dead"] == 0
    assert proxy.http(f"/spool/dead/{second}/discard", "POST")[0] in (404, 409)


class BlockedDrain:
    """A drain that cannot go on until release(): its first unit needs a row that we have locked meanwhile."""

    def __init__(self, server, start_proxy, before=(), **settings):
        self.relay = Relay(server.host, server.port)
        self.server = server
        self.proxy = start_proxy(server, before=self.relay, **settings)
        self.client = self.proxy.connect()
        run(self.client, "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL) ENGINE=InnoDB")
        run(self.client, "INSERT INTO t VALUES (1, 10), (2, 20), (3, 30)")
        if before:
            server.run(*before, database=self.proxy.database)
        self.proxy.wait_tables_known()
        self.relay.close()
        wait_until(lambda: not self.is_up(), 20, "the proxy notices")
        self.proxy.wait_state("down", deadline_s=30)
        spooled_seq(self.client, "UPDATE t SET n = n + 1 WHERE id = 1")
        self.lock = server.admin(self.proxy.database)
        run(self.lock, "BEGIN")
        run(self.lock, "SELECT * FROM t WHERE id = 1 FOR UPDATE")
        self.relay.open()
        self.proxy.http("/health/reconnect", "POST")
        self.proxy.wait_state("draining", deadline_s=15)
        self.pool = ThreadPoolExecutor(8)

    def is_up(self):
        return self.proxy.state() == "up"

    def meanwhile(self, act):
        """Runs act on a connection of its own while the drain is blocked; what comes of it is act's result."""
        connection = self.proxy.connect()
        return self.pool.submit(act, connection)

    def wait_pending(self, count):
        wait_until(lambda: self.proxy.health()["spool"]["pending"] == count, 15,
                   lambda: f"{count} units wait: {self.proxy.health()['spool']}")

    def release(self):
        run(self.lock, "ROLLBACK")

    def rows(self):
        return self.server.run("SELECT id, n FROM t ORDER BY id", database=self.proxy.database)


@pytest.fixture
def blocked(server, start_proxy):
    drain = BlockedDrain(server, start_proxy, DB_RETRY_ATTEMPTS=5, DB_RETRY_DELAY=2)  # a hold of 10 s
    yield drain
    drain.lock.close()
    drain.pool.shutdown(cancel_futures=True)
    drain.relay.close()


def test_a_client_that_waits_for_the_drain_gets_the_servers_real_answer(blocked):
    counted = blocked.meanwhile(lambda c: affected(c, "UPDATE t SET n = n + 1 WHERE id > 1"))
    blocked.wait_pending(2)
    blocked.release()
    assert counted.result(60) == 2
    blocked.proxy.wait_drained()
    assert blocked.rows() == ((1, 11), (2, 21), (3, 31))


def test_what_is_asked_about_a_real_answer_is_told_of_it(blocked):
    """Replay has run the statement, on a connection of its own: the session's knows nothing of it."""
    def rows(connection):
        return affected(connection, "UPDATE t SET n = n + 1 WHERE id > 1"), value(connection, "SELECT ROW_COUNT()")

    def nothing(connection):
        run(connection, "UPDATE t SET n = n + 1 WHERE id > 1")
        return run(connection, "SHOW WARNINGS"), value(connection, "SHOW COUNT(*) ERRORS")

    def refused(connection):
        number, _ = error_number(connection, "INSERT INTO t VALUES (1, 1)")
        told = run(connection, "SHOW WARNINGS"), run(connection, "SHOW ERRORS")
        return number, *(row[:2] for (row,) in told), value(connection, "SELECT ROW_COUNT()")

    def warned(connection):
        run(connection, "SET sql_mode = ''")
        run(connection, "UPDATE t SET n = '5 and more' WHERE id = 3")
        return value(connection, "SHOW COUNT(*) WARNINGS"), error_number(connection, "SHOW WARNINGS")[0]

    def stored(connection):
        run(connection, "UPDATE t SET n = n + 1 WHERE id > 1")
        return error_number(connection, "UPDATE t SET n = ROW_COUNT() WHERE id = 2")[0]

    answers = [blocked.meanwhile(act) for act in (rows, nothing, refused, warned, stored)]
    blocked.wait_pending(6)
    blocked.release()
    assert answers[0].result(60) == (2, 2)
    assert answers[1].result(60) == ((), 0)
    assert answers[2].result(60) == (1062, ("Error", 1062), ("Error", 1062), -1)
    assert answers[3].result(60) == (1, 3032)
    assert answers[4].result(60) == answers[3].result()[1]
    blocked.proxy.wait_drained()


def test_a_write_through_a_view_waits_for_a_lock_as_one_of_its_table_does(server, start_proxy):
    relay = Relay(server.host, server.port)
    proxy = start_proxy(server, before=relay)
    client = proxy.connect()
    run(client, "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL) ENGINE=InnoDB")
    run(client, "INSERT INTO t VALUES (1, 10), (2, 20)")
    server.run("CREATE VIEW v AS SELECT id, n FROM t", "CREATE TABLE lasting (id INT) ENGINE=MyISAM", database=proxy.database)
    proxy.wait_tables_known()
    relay.close()
    proxy.wait_state("down", deadline_s=30)
    spooled_seq(client, "UPDATE v SET n = n + 1 WHERE id = 1")
    spooled_seq(client, "UPDATE v SET n = n + 1 WHERE id = 2")
    lock = server.admin(proxy.database)
    run(lock, "BEGIN")
    run(lock, "SELECT * FROM t WHERE id = 1 FOR UPDATE")

    def waits():
        return int(run(lock, "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'")[0][1])
    before = waits()
    relay.open()
    proxy.http("/health/reconnect", "POST")
    wait_until(lambda: waits() >= before + 2, 60, "it has waited in vain, and waits again")
    run(lock, "ROLLBACK")
    proxy.wait_drained()
    assert server.run("SELECT id, n FROM t ORDER BY id", database=proxy.database) == ((1, 11), (2, 21))
    assert proxy.health()["spool"]["dead"] == 0
    relay.close()


def test_a_row_that_is_versioned_by_transaction_keeps_each_of_its_versions(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    connection = proxy.connect()
    run(connection, "CREATE TABLE h (id INT PRIMARY KEY, n INT, since BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, until BIGINT UNSIGNED "
                    "GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING ENGINE=InnoDB")
    proxy.wait_tables_known()
    mariadb.stop()
    proxy.wait_state("down")
    for statement in ("INSERT INTO h (id, n) VALUES (1, 1)", "UPDATE h SET n = 2", "UPDATE h SET n = 3", "DELETE FROM h"):
        spooled_seq(connection, statement)
    mariadb.start()
    proxy.wait_drained()
    assert mariadb.run("SELECT n FROM h FOR SYSTEM_TIME ALL ORDER BY n", database=proxy.database) == ((1,), (2,), (3,))


@pytest.mark.parametrize("statement", [
    "UPDATE t SET n = 20 WHERE id = 2",
    "UPDATE t AS a, t AS b SET a.n = 20 WHERE a.id = 2 AND b.id = 3",
    "INSERT INTO t VALUES (2, 20) ON DUPLICATE KEY UPDATE n = 20",
    "INSERT INTO t VALUES (2, 20), (3, 99), (9, 9) ON DUPLICATE KEY UPDATE n = 20",
    "INSERT IGNORE INTO t VALUES (2, 20)",
    "DELETE FROM t WHERE id = 99",
])
def test_a_client_that_counts_found_rows_is_told_those_in_the_drain(blocked, statement):
    found = {"client_flag": pymysql.constants.CLIENT.FOUND_ROWS}
    counted = []
    for options in (found, {}):
        connection = blocked.proxy.connect(**options)
        counted.append(blocked.pool.submit(affected, connection, statement))
        blocked.wait_pending(1 + len(counted))
    blocked.release()
    told = [one.result(60) for one in counted]
    blocked.proxy.wait_drained()
    blocked.server.run("DELETE FROM t WHERE id = 9", "UPDATE t SET n = id * 10", database=blocked.proxy.database)
    for options, in_the_drain in zip((found, {}), told):
        with blocked.server.admin(blocked.proxy.database, **options) as connection:
            assert affected(connection, statement) == in_the_drain


def test_a_client_that_waits_for_the_drain_gets_the_servers_real_error(blocked):
    def duplicate(connection):
        with pytest.raises(pymysql.err.IntegrityError) as caught:
            run(connection, "INSERT INTO t VALUES (2, 99)")
        return caught.value.args[0]
    number = blocked.meanwhile(duplicate)
    blocked.wait_pending(2)
    good = blocked.meanwhile(lambda c: affected(c, "INSERT INTO t VALUES (4, 40)"))
    blocked.wait_pending(3)
    blocked.release()
    assert number.result(60) == 1062 and good.result(60) == 1
    blocked.proxy.wait_drained()
    assert blocked.rows() == ((1, 11), (2, 20), (3, 30), (4, 40))
    assert blocked.proxy.health()["spool"]["dead"] == 0, "what was answered is no dead letter"


def test_a_read_of_a_table_with_pending_units_waits_for_them(blocked):
    seen = blocked.meanwhile(lambda c: value(c, "SELECT n FROM t WHERE id = 1"))
    elsewhere = blocked.meanwhile(lambda c: value(c, "SELECT 5"))
    assert elsewhere.result(60) == 5  # it reads no such table: it does not wait
    blocked.release()
    assert seen.result(60) == 11


@pytest.mark.limit(90)
def test_a_client_that_waited_longer_than_the_hold_gets_the_spooled_answer(server, start_proxy):
    drain = BlockedDrain(server, start_proxy, DB_RETRY_ATTEMPTS=3, DB_RETRY_DELAY=0.4)
    seq = drain.meanwhile(lambda c: spooled_seq(c, "UPDATE t SET n = n + 5 WHERE id = 2")).result(60)
    assert seq >= 2
    drain.release()
    drain.proxy.wait_drained()
    assert drain.rows() == ((1, 11), (2, 25), (3, 30))
    drain.lock.close()
    drain.relay.close()


def test_a_new_write_never_overtakes_a_pending_one(proxy, server):
    """Writers go on while the queue is drained: each one's chain of updates shows any reordering or repetition."""
    connection = proxy.connect()
    run(connection, "CREATE TABLE chain (id INT PRIMARY KEY, h BIGINT, n INT) ENGINE=InnoDB")
    run(connection, "INSERT INTO chain VALUES (1, 0, 0)")
    step = "UPDATE chain SET h = (h * 31 + {0}) % 1000000007, n = n + 1 WHERE id = 1"
    server.stop()
    proxy.wait_state("down")
    for number in range(150):
        run(connection, step.format(number))
    server.start(wait=False)
    number = 150
    while number < 400 or proxy.state() != "up":
        run(connection, step.format(number))
        number += 1
    wait_until(server.answers, 30, "the server runs")
    proxy.wait_drained()
    expected = 0
    for i in range(number):
        expected = (expected * 31 + i) % 1000000007
    assert server.run("SELECT n, h FROM chain", database=proxy.database) == ((number, expected),)


def test_several_writes_in_one_text_get_the_servers_answers_and_behind_a_refused_one_none_is_taken(blocked):
    def act(_):
        client = blocked.proxy.connect(client_flag=CLIENT.MULTI_STATEMENTS)
        seen = []
        with client.cursor() as cursor:
            try:
                cursor.execute("UPDATE t SET n = n + 1 WHERE id > 1; INSERT INTO t VALUES (2, 0); DELETE FROM t")
                while True:
                    seen.append((cursor._result.affected_rows, cursor._result.warning_count))
                    if not cursor.nextset():
                        return seen
            except pymysql.err.MySQLError as error:
                return [*seen, error.args[0]]
    outcome = blocked.meanwhile(act)
    blocked.wait_pending(2)
    blocked.release()
    assert outcome.result(60) == [(2, 0), 1062]
    blocked.proxy.wait_drained()
    assert blocked.rows() == ((1, 11), (2, 21), (3, 31))
    assert blocked.proxy.health()["spool"]["dead"] == 0


def test_types_that_were_sent_while_draining_serve_afterwards(blocked):
    """A statement is prepared at the server while its first execute, which has the types, joins the queue."""
    session = Session(blocked.proxy)
    update = session.prepare("UPDATE t SET n = n + ? WHERE id = ?")
    waiting = blocked.pool.submit(session.execute, update, [(0x08, 5), (0x08, 2)])
    blocked.wait_pending(2)
    blocked.release()
    waiting.result(60)
    blocked.proxy.wait_drained()
    session.execute(update, [(0x08, 7), (0x08, 3)], types=False)
    assert blocked.rows() == ((1, 11), (2, 25), (3, 37))
    session.close()


def test_long_data_for_a_table_with_pending_writes_gets_no_answer(server, start_proxy):
    """It has none to give: an error would be taken for the next command's answer. And so past the hold."""
    blocked = BlockedDrain(server, start_proxy)  # a hold of 0.6 s
    session = Session(blocked.proxy)
    insert = session.prepare("INSERT INTO t (id, n) VALUES (?, ?)")
    other = session.prepare("SELECT 1 + ?")
    session.send_long_data(insert, 1, b"4")
    session.send_long_data(insert, 1, b"2")
    assert session.execute(other, [(0x08, 6)]) == [(7,)]
    session.close_statement(insert)
    assert session.execute(other, [(0x08, 7)]) == [(8,)]
    blocked.release()
    blocked.proxy.wait_drained()
    assert blocked.rows() == ((1, 11), (2, 20), (3, 30))
    session.close()
    blocked.lock.close()
    blocked.pool.shutdown(cancel_futures=True)
    blocked.relay.close()


def test_writes_that_go_to_the_server_together_mean_what_each_meant_alone(proxy, server):
    """Hundreds of short ones, so that many are on their way at once: each with its own time and variables, a refused one among
    them, and ids that no row took, which a trigger's row behind them must not take either."""
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT UNIQUE, at DATETIME(6), said INT) "
                    "AUTO_INCREMENT = 100000 ENGINE=InnoDB")
    run(connection, "CREATE TABLE plain (n INT PRIMARY KEY) ENGINE=InnoDB")
    run(connection, "CREATE TABLE logged (id INT AUTO_INCREMENT PRIMARY KEY, n INT) ENGINE=InnoDB")
    server.run("CREATE TRIGGER log AFTER INSERT ON plain FOR EACH ROW INSERT INTO logged (n) VALUES (NEW.n)",
               database=proxy.database)
    run(connection, "INSERT INTO t (n) VALUES (0)")
    proxy.wait_ids_reserved("t")
    server.stop()
    proxy.wait_state("down")
    told, culprits = {}, []
    for number in range(1, 301):
        run(connection, f"SET @said = {number * 7}")
        run(connection, f"INSERT INTO t (n, at, said) VALUES ({number}, NOW(6), @said)")
        told[number] = connection.insert_id()
        if number % 7 == 0:
            run(connection, f"INSERT IGNORE INTO t (n) VALUES ({number - 1})")
            run(connection, f"INSERT INTO plain VALUES ({number})")
        if number in (64, 65, 200):
            culprits.append(spooled_seq(connection, f"INSERT INTO t (n) VALUES ({number - 2})"))
    run(connection, "UPDATE t SET said = said + 1 WHERE n = 300")
    written = time.time()
    server.start()
    proxy.wait_drained()
    found = server.run("SELECT n, id, said, UNIX_TIMESTAMP(at) FROM t WHERE n > 0 ORDER BY n", database=proxy.database)
    assert [row[:3] for row in found] == [(n, told[n], n * 7 + (n == 300)) for n in range(1, 301)]
    times = [float(row[3]) for row in found]
    assert times == sorted(set(times)) and times[-1] <= written
    logged = server.run("SELECT n, id FROM logged ORDER BY id", database=proxy.database)
    assert [n for n, _ in logged] == list(range(7, 301, 7)) and all(id_ < 100_000 for _, id_ in logged)
    dead = proxy.json("/spool/dead")["units"]
    assert sorted(letter["seq"] for letter in dead) == culprits


@pytest.mark.parametrize("body", ["INSERT INTO log VALUES (NEW.id)", "SET @noted = note(NEW.id)"], ids=["named", "in a function"])
def test_what_a_trigger_writes_to_a_table_that_does_not_roll_back_is_written_once(proxy, server, body):
    """Also where another unit, refused, has its neighbours rolled back and run again."""
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    server.run("CREATE TABLE log (id INT) ENGINE=MyISAM", "INSERT INTO t VALUES (3)",
               "CREATE FUNCTION note(id INT) RETURNS INT MODIFIES SQL DATA DETERMINISTIC BEGIN INSERT INTO log VALUES (id); RETURN 1; END",
               f"CREATE TRIGGER logs AFTER INSERT ON t FOR EACH ROW {body}", database=proxy.database)
    proxy.wait_tables_known()
    server.stop()
    proxy.wait_state("down")
    for number in range(1, 7):
        spooled_seq(connection, f"INSERT INTO t VALUES ({number})")
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT id FROM t ORDER BY id", database=proxy.database) == tuple((n,) for n in range(1, 7))
    assert server.run("SELECT id FROM log ORDER BY id", database=proxy.database) == ((1,), (2,), (4,), (5,), (6,))
    letters = proxy.json("/spool/dead")["units"]
    assert len(letters) == 1 and "Duplicate entry '3'" in str(letters)


def test_a_write_whose_trigger_does_not_roll_back_waits_for_a_row_as_a_client_does(server, start_proxy):
    """It could not be repeated, as others are that wait for more than two seconds."""
    blocked = BlockedDrain(server, start_proxy, before=(
        "CREATE TABLE log (id INT) ENGINE=MyISAM", "CREATE TRIGGER logs BEFORE UPDATE ON t FOR EACH ROW INSERT INTO log VALUES (NEW.id)"))
    wait_until(lambda: server.run("SELECT 1 FROM information_schema.processlist WHERE info = 'UPDATE t SET n = n + 1 WHERE id = 1' "
                                  "AND time > 3"), 30, "it waits")
    blocked.release()
    blocked.proxy.wait_drained()
    assert blocked.rows() == ((1, 11), (2, 20), (3, 30))
    assert server.run("SELECT id FROM log", database=blocked.proxy.database) == ((1,),)
    assert blocked.proxy.health()["spool"]["dead"] == 0
    blocked.lock.close()
    blocked.relay.close()
