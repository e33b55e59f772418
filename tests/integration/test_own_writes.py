"""A row that was written in an outage is read there as it was written, where that is certain: what is shown then is compared
with what the server shows when it has applied the writes. Where it is not certain, the Note says that writes are missing."""
import random

import pymysql
import pytest

from lib.process import wait_until
from lib.sql import run, spooled_seq
from lib.statements import COM_STMT_EXECUTE, LONGLONG, VARCHAR, execute_payload
from lib.wire import DEPRECATE_EOF
from test_read_cache import cached, go_down, not_cached, opened, packets, prepare

SHOWN, MISSING = "shows what was written here since", "are queued and not in it"


def scene(proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n TINYINT, s VARCHAR(10), c CHAR(4), b BIGINT UNSIGNED, "
                    "x TEXT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4")
    run(connection, "CREATE TABLE child (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES child (id) ON DELETE CASCADE) ENGINE=InnoDB")
    run(connection, "CREATE TABLE stamped (id INT PRIMARY KEY, n INT, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP) ENGINE=InnoDB")
    run(connection, "CREATE TABLE made (id INT PRIMARY KEY, n INT, m INT GENERATED ALWAYS AS (n + 1) VIRTUAL) ENGINE=InnoDB")
    run(connection, "CREATE TABLE noisy (id INT PRIMARY KEY, n INT) ENGINE=InnoDB")
    run(connection, "CREATE VIEW seen AS SELECT id, n FROM t")
    proxy.server.run("CREATE TRIGGER louder BEFORE UPDATE ON noisy FOR EACH ROW SET NEW.n = NEW.n + 100", database=proxy.database)
    run(connection, "INSERT INTO t (id, n, s, c, b, x) VALUES (1, 1, 'one', 'a', 1, 'long'), (2, 2, 'two', 'b', 2, NULL), (3, 3, 'three', '', 3, ''), "
                    "(4, NULL, NULL, NULL, NULL, NULL), (5, 5, 'five', 'e', 5, 'e')")
    for table in ("stamped", "made", "noisy"):
        run(connection, f"INSERT INTO {table} (id, n) VALUES (1, 1), (2, 2)")
    run(connection, "INSERT INTO child VALUES (1, NULL), (2, 1)")
    run(connection, "CREATE TABLE last (id INT PRIMARY KEY) ENGINE=InnoDB")  # the trigger is seen with it
    return connection


def of(number, what="*"):
    return f"SELECT {what} FROM t WHERE id = {number}"


def wait_known(proxy):
    proxy.wait_tables_known()
    proxy.wait_ids_reserved("t")


def test_a_row_is_read_as_it_was_written_here(server, start_proxy):
    proxy = start_proxy(server)
    connection = scene(proxy)
    refusing = start_proxy(server, database=proxy.database, account=proxy.account, HOLDWATER_CACHE_AFTER_WRITE="refuse")
    reads = [of(number) for number in (*range(1, 6), 9)] + [of(1, "s, n"), of(2, "id AS a, s"), of("'3'"), "SELECT id, s FROM t WHERE id IN (5) LIMIT 21"]
    others = ["SELECT * FROM stamped WHERE id = 1", "SELECT * FROM made WHERE id = 1", "SELECT * FROM noisy WHERE id = 1",
              "SELECT * FROM noisy WHERE id = 2", "SELECT * FROM child WHERE id = 2", "SELECT id, n FROM seen WHERE id = 1",
              "SELECT COUNT(*) FROM t WHERE id = 2"]
    up = {}
    for one in (connection, refusing.connect()):
        for statement in reads + others:
            up[statement] = run(one, statement)
    wait_known(proxy)
    refusing.wait_tables_known()
    go_down(proxy)
    refusing.wait_state("down")

    assert "queued" not in cached(connection, of(1))[1]
    spooled_seq(connection, "UPDATE t SET n = 100, s = 'it''s', b = 18446744073709551615 WHERE id = 1")
    rows, note = cached(connection, of(1))
    assert rows == ((1, 100, "it's", "a", 2 ** 64 - 1, "long"),) and SHOWN in note and MISSING not in note
    rows, note = cached(proxy.connect(), of(1, "s, n"))  # also to another client
    assert rows == (("it's", 100),) and SHOWN in note
    rows, note = cached(connection, of(3))
    assert rows == up[of(3)] and SHOWN not in note and MISSING not in note and "other writes are queued" in note

    spooled_seq(connection, "DELETE FROM `t` WHERE `t`.`id` IN (2)")
    for statement in (of(2), of(2, "id AS a, s")):
        rows, note = cached(connection, statement)
        assert rows == () and SHOWN in note
    assert MISSING in cached(connection, "SELECT COUNT(*) FROM t WHERE id = 2")[1]

    spooled_seq(connection, "INSERT INTO t (id, n, s, c, b, x) VALUES (9, -9, 'nine', NULL, 0, 'text')")
    assert cached(connection, of(9))[0] == ((9, -9, "nine", None, 0, "text"),)
    spooled_seq(connection, "UPDATE t SET n = -10 WHERE id = 9")
    assert cached(connection, of(9))[0] == ((9, -10, "nine", None, 0, "text"),)

    spooled_seq(connection, "UPDATE t SET n = n + 1 WHERE id = 4")
    rows, note = cached(connection, of(4))
    assert rows == up[of(4)] and MISSING in note and SHOWN not in note
    assert cached(connection, of(1))[0][0][1] == 100  # which that does not touch

    spooled_seq(connection, "DELETE FROM noisy WHERE id = 2")  # no trigger brings that row back
    assert cached(connection, "SELECT * FROM noisy WHERE id = 2")[0] == ()
    for statement in ("UPDATE stamped SET n = 7 WHERE id = 1", "UPDATE made SET n = 7 WHERE id = 1", "UPDATE noisy SET n = 7 WHERE id = 1",
                      "DELETE FROM child WHERE id = 1"):
        spooled_seq(connection, statement)
    for statement in others[:6]:
        rows, note = cached(connection, statement)
        # of the view only that other writes are queued is known
        assert rows == up[statement] and SHOWN not in note and (MISSING in note or "seen" in statement), (statement, note)

    shown = {statement: cached(connection, statement)[0] for statement in reads if MISSING not in cached(connection, statement)[1]}
    # row 4, and the read that does not show by which number it asks, so that writes of others may be of it
    assert set(reads) - set(shown) == {of(4), of(1, "s, n")}

    for statement in ("UPDATE t SET s = 'x' WHERE id = 5", "UPDATE t SET n = n + 1 WHERE id = 4"):  # the policy
        run(refusing.connect(), statement)
    assert cached(refusing.connect(), "SELECT id, s FROM t WHERE id IN (5) LIMIT 21")[0] == ((5, "x"),)
    cached(refusing.connect(), of(1))
    not_cached(refusing.connect(), of(4), "queued writes")
    refusing.kill()

    server.start()
    proxy.wait_drained()
    assert {statement: run(connection, statement) for statement in shown} == shown


def test_a_transactions_own_writes_are_read_in_it_and_nowhere_else(server, start_proxy):
    proxy = start_proxy(server)
    connection = scene(proxy)
    for number in (1, 2):
        run(connection, of(number))
    wait_known(proxy)
    go_down(proxy)
    run(connection, "BEGIN")
    run(connection, "UPDATE t SET n = 50 WHERE id = 1")
    run(connection, "DELETE FROM t WHERE id = 2")
    rows, note = cached(connection, of(1))
    assert rows[0][1] == 50 and SHOWN in note
    assert cached(connection, of(2))[0] == ()
    other = proxy.connect()
    rows, note = cached(other, of(1))
    assert rows[0][1] == 1 and SHOWN not in note
    run(connection, "ROLLBACK")
    assert cached(connection, of(1))[0][0][1] == 1
    run(connection, "BEGIN")
    run(connection, "UPDATE t SET n = 51 WHERE id = 1")
    spooled_seq(connection, "COMMIT")
    assert cached(other, of(1))[0][0][1] == 51
    proxy.kill()
    proxy.start()
    proxy.wait_state("down")
    if proxy.json("/health/cache")["disk"]["entries"] >= 2:  # of what was queued before the start nothing is known
        assert MISSING in cached(proxy.connect(), of(1))[1]
    server.start()
    proxy.wait_drained()
    assert server.run(of(1, "n"), database=proxy.database) == ((51,),)


@pytest.mark.parametrize("form", [0, DEPRECATE_EOF], ids=["eof", "deprecate-eof"])
def test_prepared_statements_show_it_in_the_servers_own_packets(server, start_proxy, form):
    proxy = start_proxy(server)
    scene(proxy)
    session = opened(proxy, form)
    read, _ = prepare(session, "SELECT * FROM t WHERE id = ?")
    write, _ = prepare(session, "UPDATE t SET n = ?, s = ?, c = 'z', x = NULL, b = 77 WHERE id = ?")

    def row(number):
        return packets(session, COM_STMT_EXECUTE, execute_payload(read, [(LONGLONG, number)], True))[0]
    before = {number: row(number) for number in (1, 2, 3)}
    wait_known(proxy)
    go_down(proxy)
    for number in (1, 2):
        session.raw.command(COM_STMT_EXECUTE, execute_payload(write, [(LONGLONG, -number), (VARCHAR, b"bound"), (LONGLONG, number)], True))
        session.raw.expect_ok()
    session.query("DELETE FROM t WHERE id = 2")
    after = {number: row(number) for number in (1, 2, 3)}
    assert after[3] == before[3] and after[1] != before[1] and len(after[2][0]) == len(before[2][0]) - 1
    proxy.server.start()
    proxy.wait_drained()
    assert {number: row(number) for number in (1, 2, 3)} == after


def test_whatever_is_shown_is_what_the_server_shows_afterwards(server, start_proxy):
    """Random writes of a few rows; each read that claims to lack nothing is compared."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    dice = random.Random(seed)
    proxy = start_proxy(server)
    scene(proxy)
    connection = proxy.connect()
    run(connection, "SET sql_mode = ''")  # nothing is refused for its value, and some are stored as others
    numbers = range(1, 9)
    for number in numbers:
        run(connection, of(number))
    wait_known(proxy)
    go_down(proxy)
    values = ["0", "1", "-128", "127", "128", "'5'", "'05'", "NULL", "''", "'a'", "'a '", "'\u00e4'", "'a long text of letters'", "n", "n + 1", "1.5",
              "NOW()", "x'61'", "18446744073709551615", "DEFAULT", "TRUE", "'it\\'s'"]
    forms = ["UPDATE t SET {0} = {1} WHERE id = {2}", "UPDATE t SET {0} = {1}, {3} = {4} WHERE t.id IN ({2})", "UPDATE t SET {0} = {1} WHERE id = '{2}'",
             "DELETE FROM t WHERE id = {2}", "INSERT INTO t (id, {0}, {3}) VALUES ({2}, {1}, {4})", "UPDATE t SET {0} = {1} WHERE id > {2}",
             "INSERT INTO t (id, n, s, c, b, x) VALUES ({2}, {1}, 's', 'c', 1, {4})", "UPDATE t SET id = {2} WHERE id = {2}"]
    columns = ["n", "s", "c", "b", "x"]
    compared = 0
    for _ in range(8):
        wrote = {}
        for number in dice.sample(numbers, 3):
            first, second = dice.sample(columns, 2)
            form = dice.choices(forms, weights=(8, 4, 2, 2, 1, 0.2, 3, 1))[0]
            text = form.format(first, dice.choice(values), number, second, dice.choice(values))
            try:
                wrote[spooled_seq(connection, text)] = number
            except pymysql.err.MySQLError:
                pass  # it cannot run later
        claimed = {}
        for number in numbers:
            rows, note = cached(connection, of(number))
            if MISSING not in note:
                claimed[number] = rows
        server.start()
        proxy.wait_drained()
        refused = [letter["seq"] for letter in proxy.json("/spool/dead")["units"]]
        for number in numbers:
            now = run(connection, of(number))  # and cached anew
            if number in claimed and number not in [wrote[seq] for seq in refused]:  # that was not written
                assert claimed[number] == now, (seed, number)
                compared += 1
        for seq in refused:
            proxy.http(f"/spool/dead/{seq}/discard", "POST")
        wait_until(lambda: proxy.health()["spool"]["dead"] == 0, 10, "none is dead")
        go_down(proxy)
    server.start()
    proxy.wait_drained()
    assert compared >= 8, compared
