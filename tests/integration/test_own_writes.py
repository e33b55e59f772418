"""In an outage a read of one row by its primary key shows what queued writes make of the row, where that is certain; where
it is not, the row is refused or stale and said to be. A second server, which gets every write at once, says what is right."""
import contextlib
import datetime
import random
import re
import socket
import struct
import threading

import pytest

from lib.held_write import STATEMENT, HeldWrite
from lib.process import wait_until
from lib.proxy import Account
from lib.server import KINDS
from lib.sql import run, spooled_seq, was_refused_for_outage
from lib.statements import COM_STMT_EXECUTE, LONG, LONGLONG, VARCHAR, Session, lenenc, packed_execute
from lib.wire import BASIC, Err

NOTHING = "nothing is cached"
T = """CREATE TABLE t (id INT PRIMARY KEY, n SMALLINT UNSIGNED DEFAULT 3, s VARCHAR(20), d DECIMAL(8,2),
       at DATETIME(3), day DATE, changed TIMESTAMP NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP) ENGINE=InnoDB"""


def wait_followed(proxy, tables=1):
    # a state is published a moment before the tables are known to be looked at anew
    wait_until(lambda: all(proxy.metric("holdwater_tables_followed") >= tables for _ in range(5)), 15,
               lambda: f"the tables are followed: {proxy.metric('holdwater_tables_followed')}")


def scene(proxy, *definitions, followed=1):
    connection = proxy.connect()
    for one in definitions or (T,):
        run(connection, one)
    wait_followed(proxy, followed)
    return connection


def go_down(proxy):
    proxy.server.stop()
    proxy.wait_state("down")


def answered(connection, statement, args=None):
    """Rows, and the Note of an answer that has one."""
    with connection.cursor() as cursor:
        cursor.execute(statement, args)
        rows, warnings = cursor.fetchall(), cursor._result.warning_count
    assert warnings == 1, f"{statement!r} has {warnings} warnings"
    (level, code, note), = run(connection, "SHOW WARNINGS")
    assert (level, code) == ("Note", 1105)
    return rows, note


def shown(connection, statement, args=None, unit=None):
    rows, note = answered(connection, statement, args)
    assert "shown as" in note, f"{statement!r}: {note}"
    if unit is not None:
        assert note.endswith(f"unit {unit}"), note
    return rows


def stale(connection, statement):
    rows, note = answered(connection, statement)
    assert "shown as" not in note and "from the cache" in note, f"{statement!r}: {note}"
    return rows, note


def not_shown(connection, statement):
    number, text = was_refused_for_outage(connection, statement)
    assert number == 3032, text


def back(proxy):
    proxy.server.ensure_running()
    proxy.wait_drained()


# --- what is shown

def test_an_inserted_row_is_read_as_it_was_written(proxy):
    connection = scene(proxy)
    reads = ["SELECT id, n, s, d, at, day FROM t WHERE id = %d", "SELECT s AS `a b`, n FROM t x WHERE x.id = %d LIMIT 1",
             "SELECT `t`.`d` FROM `t` WHERE `t`.`id` = %d"]
    for read in reads:
        run(connection, read % 1)
    go_down(proxy)
    seq = spooled_seq(connection, "INSERT INTO t (id, s, d, at, day) VALUES (5, 'z\u00f6lf', 1.5, '2024-01-02 03:04:05.6', '2024-02-29')")
    want = (5, 3, "z\u00f6lf", datetime.datetime(2024, 1, 2, 3, 4, 5, 600000), datetime.date(2024, 2, 29))
    row, = shown(connection, reads[0] % 5, unit=seq)
    assert row[:3] + row[4:] == want and str(row[3]) == "1.50"
    others = {read: shown(connection, read % 5) for read in reads}
    assert shown(proxy.connect(), reads[1] % 5) == (("z\u00f6lf", 3),)
    not_shown(connection, "SELECT * FROM t WHERE id = 5")  # never asked in these words
    not_shown(connection, reads[0] % 6)
    assert proxy.metric("holdwater_cache_own_writes_total") == 2 + len(reads)
    back(proxy)
    assert {read: run(connection, read % 5) for read in reads} == others


def test_updates_and_deletes_are_read_over_what_is_cached(proxy):
    connection = scene(proxy)
    read = "SELECT id, n, s FROM t WHERE id = %d"
    run(connection, "INSERT INTO t (id, s) VALUES (1, 'one'), (2, 'two'), (3, 'three')")
    for row in (1, 2, 3):
        run(connection, read % row)
    go_down(proxy)
    first = spooled_seq(connection, "UPDATE t SET s = 'ONE' WHERE id = 1")
    rows, note = answered(connection, read % 1)
    assert rows == ((1, 3, "ONE"),) and re.search(rf"from the cache, \d+ s old, and shown as .* unit {first}$", note), note
    second = spooled_seq(connection, "UPDATE t SET n = 9 WHERE id = 1")
    assert shown(connection, read % 1, unit=second) == ((1, 9, "ONE"),)
    spooled_seq(connection, "DELETE FROM t WHERE id = 2")
    assert shown(connection, read % 2) == ()
    spooled_seq(connection, "UPDATE t SET s = 'gone' WHERE id = 2")
    assert shown(connection, read % 2) == ()
    spooled_seq(connection, "INSERT INTO t (id, n) VALUES (2, NULL)")
    assert shown(connection, read % 2) == ((2, None, None),)
    rows, note = stale(connection, read % 3)  # untouched: nothing is missing in it
    assert rows == ((3, 3, "three"),) and "to what it reads" not in note
    spooled_seq(connection, "DELETE FROM t WHERE id = 77")
    assert shown(connection, read % 77) == ()
    back(proxy)
    assert [run(connection, read % row) for row in (1, 2, 3)] == [((1, 9, "ONE"),), ((2, None, None),), ((3, 3, "three"),)]


def test_prepared_statements_read_and_write_rows(proxy):
    connection = scene(proxy)
    run(connection, "INSERT INTO t (id, s) VALUES (1, 'one')")
    session = Session(proxy)
    read = session.prepare("SELECT id, n, s, d, at FROM t WHERE id = ?")
    write = session.prepare("INSERT INTO t (id, n, s, d, at) VALUES (?, ?, ?, ?, ?)")
    change = session.prepare("UPDATE t SET s = ? WHERE id = ?")
    before = session.execute(read, [(LONGLONG, 1)])
    go_down(proxy)
    at = struct.pack("<BHBBBBB", 7, 2024, 1, 2, 3, 4, 5)
    session.raw.command(COM_STMT_EXECUTE, packed_execute(write.id, [
        (LONG, struct.pack("<i", 5)), (LONG, struct.pack("<i", 65535)), (VARCHAR, lenenc("z\u00f6lf\\'".encode())),
        (VARCHAR, lenenc(b"-1.25")), (12, at)]))
    session.raw.expect_ok()
    assert session.execute(change, [(VARCHAR, b"changed"), (LONGLONG, 1)]) == []
    made, changed = session.execute(read, [(LONGLONG, 5)]), session.execute(read, [(LONGLONG, 1)])
    later = session.prepare("SELECT id, n, s, d, at FROM t WHERE id = ?")
    assert session.execute(later, [(LONGLONG, 5)]) == made
    note = session.query("SHOW WARNINGS")[-2]
    assert b"shown as it was written" in note, note
    assert changed != before and made[0] != changed[0]
    back(proxy)
    assert session.execute(read, [(LONGLONG, 5)]) == made and session.execute(read, [(LONGLONG, 1)]) == changed


def test_an_insert_without_an_id_is_read_by_the_id_that_was_told(proxy):
    connection = scene(proxy, "CREATE TABLE auto (id BIGINT AUTO_INCREMENT PRIMARY KEY, s VARCHAR(9)) ENGINE=InnoDB")
    run(connection, "INSERT INTO auto (s) VALUES ('before')")
    proxy.wait_ids_reserved("auto")
    read = "SELECT id, s FROM auto WHERE id = %s"
    run(connection, read, (1,))
    go_down(proxy)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO auto (s) VALUES ('a'), ('b')")
        told = cursor.lastrowid
    assert told > 1
    assert shown(connection, read, (told,)) == ((told, "a"),)
    assert shown(connection, read, (told + 1,)) == ((told + 1, "b"),)
    back(proxy)
    assert run(connection, read, (told + 1,)) == ((told + 1, "b"),)


def test_a_committed_transaction_is_shown_and_an_open_one_is_not(proxy):
    connection, other = scene(proxy), proxy.connect()
    read = "SELECT id, s FROM t WHERE id = %d"
    run(connection, read % 5)
    go_down(proxy)
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t (id, s) VALUES (5, 'x')")
    assert stale(other, read % 5)[0] == ()
    run(connection, "UPDATE t SET s = 'y' WHERE id = 5")
    run(connection, "COMMIT")
    assert shown(other, read % 5) == shown(connection, read % 5) == ((5, "y"),)
    run(other, "BEGIN")  # what is read in a transaction is the cache's
    assert stale(other, read % 5)[0] == ()
    run(other, "ROLLBACK")
    back(proxy)
    assert run(other, read % 5) == ((5, "y"),)


# --- what is not

@pytest.mark.parametrize("policy", ["serve", "refuse"])
def test_what_is_not_certain_is_left_to_the_policy(server, start_proxy, policy):
    proxy = start_proxy(server, HOLDWATER_CACHE_AFTER_WRITE=policy)
    connection = scene(proxy)
    read = "SELECT id, n, s FROM t WHERE id = %d"
    run(connection, "INSERT INTO t (id, s) VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four')")
    for row in range(1, 5):
        run(connection, read % row)

    def left_to_policy(row):
        if policy == "refuse":
            not_shown(connection, read % row)
        else:
            rows, note = stale(connection, read % row)
            assert rows[0][0] == row and "queued" in note, note
    go_down(proxy)
    spooled_seq(connection, "UPDATE t SET n = n + 1 WHERE id = 1")  # an expression
    left_to_policy(1)
    spooled_seq(connection, "INSERT INTO t (id) VALUES (2)")  # which is there
    left_to_policy(2)
    spooled_seq(connection, "UPDATE t SET s = 'much too long for the column' WHERE id = 3")
    left_to_policy(3)
    assert stale(connection, read % 4)[0] == ((4, 3, "four"),)  # untouched, whatever the policy
    spooled_seq(connection, "UPDATE t SET s = 'x' WHERE s = 'nobody'")
    left_to_policy(4)
    spooled_seq(connection, "DELETE FROM t WHERE id = 4")
    left_to_policy(4)  # the whole table is uncertain


def test_columns_that_the_server_fills_are_not_told(proxy):
    connection = scene(proxy)
    run(connection, "INSERT INTO t (id, s) VALUES (1, 'one')")
    for read in ("SELECT s FROM t WHERE id = 1", "SELECT s, changed FROM t WHERE id = 1", "SELECT * FROM t WHERE id = 1"):
        run(connection, read)
    go_down(proxy)
    spooled_seq(connection, "UPDATE t SET s = 'x' WHERE id = 1")
    assert shown(connection, "SELECT s FROM t WHERE id = 1") == (("x",),)
    assert stale(connection, "SELECT s, changed FROM t WHERE id = 1")[0][0][0] == "one"
    assert stale(connection, "SELECT * FROM t WHERE id = 1")[0][0][2] == "one"


PECULIAR = {
    "generated": "CREATE TABLE p (id INT PRIMARY KEY, s VARCHAR(9), g INT AS (id + 1) STORED) ENGINE=InnoDB",
    "checked": "CREATE TABLE p (id INT PRIMARY KEY, s VARCHAR(9), CHECK (s <> 'x')) ENGINE=InnoDB",
    "partitioned": "CREATE TABLE p (id INT PRIMARY KEY, s VARCHAR(9)) ENGINE=InnoDB PARTITION BY HASH (id) PARTITIONS 2",
    "text key": "CREATE TABLE p (id VARCHAR(9) PRIMARY KEY, s VARCHAR(9)) ENGINE=InnoDB",
    "no key": "CREATE TABLE p (id INT, s VARCHAR(9)) ENGINE=InnoDB",
    "another engine": "CREATE TABLE p (id INT PRIMARY KEY, s VARCHAR(9)) ENGINE=MyISAM",
    "cascade": "CREATE TABLE p (id INT PRIMARY KEY, s VARCHAR(9), parent INT, FOREIGN KEY (parent) REFERENCES t (id) ON DELETE CASCADE)"
               " ENGINE=InnoDB",
}


@pytest.mark.parametrize("what", PECULIAR)
def test_a_table_with_something_peculiar_is_not_followed(proxy, what):
    both = [T, PECULIAR[what]]
    # t is seen by a look that has seen p
    connection = scene(proxy, *(both if what == "cascade" else reversed(both)))
    for table in ("t", "p"):
        run(connection, f"SELECT id, s FROM {table} WHERE id = 5")
    if what == "another engine":
        proxy.server.before_outage.clear()  # MySQL's ids of such tables are not known
    go_down(proxy)
    spooled_seq(connection, "UPDATE p SET s = 'a' WHERE id = '5'" if what == "another engine" else  # which has no ids on MySQL
                "INSERT INTO p (id, s) VALUES (5, 'a')")
    assert stale(connection, "SELECT id, s FROM p WHERE id = 5")[0] == ()
    spooled_seq(connection, "INSERT INTO t (id, s) VALUES (5, 'a')")  # others are
    assert shown(connection, "SELECT id, s FROM t WHERE id = 5") == ((5, "a"),)


def test_after_a_write_whose_reach_is_not_known_nothing_is_shown(proxy):
    connection = scene(proxy, T, "CREATE TABLE watched (id INT PRIMARY KEY) ENGINE=InnoDB", followed=2)
    run(connection, "CREATE TRIGGER writes_t AFTER INSERT ON watched FOR EACH ROW UPDATE t SET s = 'trigger' WHERE id = NEW.id")
    run(connection, "CREATE VIEW v AS SELECT id, s FROM t")
    wait_until(lambda: all(proxy.metric("holdwater_tables_followed") == 1 for _ in range(5)), 15, "the table with a trigger is not followed")
    run(connection, "SELECT id, s FROM t WHERE id = 5")
    go_down(proxy)
    spooled_seq(connection, "INSERT INTO t (id, s) VALUES (5, 'a')")
    assert shown(connection, "SELECT id, s FROM t WHERE id = 5") == ((5, "a"),)
    spooled_seq(connection, "INSERT INTO watched VALUES (5)")
    assert stale(connection, "SELECT id, s FROM t WHERE id = 5")[0] == ()
    back(proxy)
    assert run(connection, "SELECT id, s FROM t WHERE id = 5") == ((5, "trigger"),)
    wait_followed(proxy)
    run(connection, "SELECT id, s FROM t WHERE id = 5")
    go_down(proxy)
    spooled_seq(connection, "UPDATE v SET s = 'view' WHERE id = 5")
    assert stale(connection, "SELECT id, s FROM t WHERE id = 5")[0] == ((5, "trigger"),)


def test_an_account_sees_only_what_it_may_read_itself(server, start_proxy):
    reader = Account("own_reader", "secret-reader")
    proxy = start_proxy(server, accounts=[reader])
    server.create_account(reader.user, reader.password, proxy.database, rights="INSERT")
    connection = scene(proxy)
    server.run(f"GRANT SELECT ON `{proxy.database}`.t TO `{reader.user}`@`%`")
    read = "SELECT id, s FROM t WHERE id = 5"
    run(connection, read)
    go_down(proxy)
    spooled_seq(connection, "INSERT INTO t (id, s) VALUES (5, 'a')")
    assert shown(connection, read) == ((5, "a"),)
    other = proxy.connect(account=reader)
    not_shown(other, read)  # it has never read it
    back(proxy)
    wait_followed(proxy)
    run(other, read)
    run(connection, "DELETE FROM t WHERE id = 5")
    server.run(f"REVOKE SELECT ON `{proxy.database}`.t FROM `{reader.user}`@`%`")
    with pytest.raises(Exception, match="denied"):
        run(other, read)
    go_down(proxy)
    spooled_seq(connection, "INSERT INTO t (id, s) VALUES (5, 'b')")
    assert shown(connection, read) == ((5, "b"),)
    not_shown(other, read)


def test_without_the_right_to_see_triggers_nothing_is_shown(server, start_proxy):
    server.run("CREATE DATABASE IF NOT EXISTS blind")
    account = Account("blind", "secret-blind")
    server.create_account(account.user, account.password, "blind",
                          rights="SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX")
    proxy = start_proxy(server, database="blind", account=account)
    connection = proxy.connect()
    run(connection, "DROP TABLE IF EXISTS t")
    run(connection, T)
    run(connection, "SELECT id, s FROM t WHERE id = 5")
    wait_until(lambda: "has no TRIGGER right" in proxy.log_text(), 10, "it is said that triggers cannot be seen")
    go_down(proxy)
    spooled_seq(connection, "INSERT INTO t (id, s) VALUES (5, 'a')")
    assert stale(connection, "SELECT id, s FROM t WHERE id = 5")[0] == ()


def test_other_settings_and_modes_are_left_to_the_policy(proxy):
    connection = scene(proxy)
    read = "SELECT id, s FROM t WHERE id = %d"
    loose, limited = proxy.connect(), proxy.connect()
    run(loose, "SET sql_mode = ''")
    run(limited, "SET sql_select_limit = 0")
    for one in (connection, loose, limited):
        run(one, read % 5)
    go_down(proxy)
    spooled_seq(connection, "INSERT INTO t (id, s) VALUES (5, 'a')")
    assert shown(connection, read % 5) == shown(loose, read % 5) == ((5, "a"),)
    not_shown(limited, read % 5)
    spooled_seq(loose, "UPDATE t SET s = 'x' WHERE id = 6")
    assert stale(connection, read % 5)[0] == ()  # after a write that is not strict


def test_it_can_be_switched_off(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_CACHE_OWN_WRITES="false")
    connection = proxy.connect()
    run(connection, T)
    run(connection, "SELECT id, s FROM t WHERE id = 5")
    go_down(proxy)
    spooled_seq(connection, "INSERT INTO t (id, s) VALUES (5, 'a')")
    assert stale(connection, "SELECT id, s FROM t WHERE id = 5")[0] == ()
    assert proxy.metric("holdwater_tables_followed") == 0


# --- outages, restarts, definitions

def test_each_outage_begins_anew(proxy):
    connection = scene(proxy)
    read = "SELECT id, s FROM t WHERE id = 5"
    run(connection, read)
    go_down(proxy)
    spooled_seq(connection, "INSERT INTO t (id, s) VALUES (5, 'first')")
    assert shown(connection, read) == ((5, "first"),)
    back(proxy)
    run(connection, "UPDATE t SET s = 'second' WHERE id = 5")
    assert run(connection, read) == ((5, "second"),)
    wait_followed(proxy)
    go_down(proxy)
    assert stale(connection, read)[0] == ((5, "second"),)
    spooled_seq(connection, "UPDATE t SET s = 'third' WHERE id = 5")
    assert shown(connection, read) == ((5, "third"),)
    back(proxy)
    wait_followed(proxy)
    go_down(proxy)
    spooled_seq(connection, "UPDATE t SET n = 1 WHERE id = 5")
    assert stale(connection, read)[0] == ((5, "second"),)  # it was read before the last outage's write


def test_an_update_is_not_shown_over_what_the_server_has_changed_since(proxy):
    connection, other = scene(proxy), proxy.connect()
    read = "SELECT id, n, s FROM t WHERE id = %d"
    run(connection, "INSERT INTO t (id, s) VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four')")
    for row in range(1, 6):
        run(connection, read % row)
    session = Session(proxy)
    session.execute(session.prepare("UPDATE t SET s = ? WHERE id = 4"), [(VARCHAR, b"FOUR")])
    for row in (1, 2, 5):
        run(connection, read % row)
    other.begin()
    run(other, "UPDATE t SET n = 7 WHERE id = 2")
    run(connection, read % 2)
    other.commit()
    run(connection, read % 1)
    run(connection, "INSERT INTO t (id, s) VALUES (5, 'five')")
    go_down(proxy)
    for row in range(1, 6):
        spooled_seq(connection, f"UPDATE t SET s = 'new' WHERE id = {row}")
    assert shown(connection, read % 1) == ((1, 3, "new"),)  # rows that were added change none
    assert stale(connection, read % 2)[0] == ((2, 3, "two"),)  # committed behind it
    assert stale(connection, read % 3)[0] == ((3, 3, "three"),)
    assert stale(connection, read % 5)[0] == ()  # it was not there yet
    back(proxy)
    assert run(connection, read % 2) == ((2, 7, "new"),)


def cut_off_in(client, statement, seen):
    """A client that goes away while the server, as `seen` tells, is at its statement."""

    def send():
        with contextlib.suppress(Exception):
            client.query(statement)

    threading.Thread(target=send, daemon=True).start()
    wait_until(seen, 15, "the server is at the statement")
    client._sock.shutdown(socket.SHUT_RDWR)


def test_a_write_that_nobody_waits_for_is_not_overlooked(proxy):
    """A client is gone, and the server goes on with its write: what was read before its end is not built on."""
    connection, direct = scene(proxy), proxy.server.admin(proxy.database)
    read = "SELECT id, n, s FROM t WHERE id = %d"
    run(connection, "INSERT INTO t (id, s) VALUES (1, 'one'), (2, 'two')")
    write = HeldWrite(proxy)
    cut_off_in(write.connect(proxy), STATEMENT, write.is_at_it)
    wait_until(lambda: proxy.metric("holdwater_client_connections") == 1, 15, "the client is gone here too")
    assert write.is_at_it()
    for row in (1, 2):
        run(connection, read % row)
    assert run(connection, read % 1) == ((1, 3, "one"),)
    write.let_go()
    assert run(direct, read % 1) == ((1, 3, "late"),)
    go_down(proxy)
    spooled_seq(connection, "UPDATE t SET n = 9 WHERE id = 1")
    assert stale(connection, read % 1)[0] == ((1, 3, "one"),)
    back(proxy)
    assert run(connection, read % 1) == ((1, 9, "late"),)
    wait_followed(proxy)

    # Of a change of definitions, too; and when it is known to be over, all is as it was.
    direct = proxy.server.admin(proxy.database)
    run(direct, "LOCK TABLES t READ")
    cut_off_in(proxy.connect(), "ALTER TABLE t COMMENT = 'changed'", lambda: proxy.metric("holdwater_tables_followed") == 0)
    wait_until(lambda: proxy.metric("holdwater_client_connections") == 1, 15, "the client is gone here too")
    run(direct, "UNLOCK TABLES")
    wait_followed(proxy)
    for row in (1, 2):
        run(connection, read % row)
    go_down(proxy)
    spooled_seq(connection, "UPDATE t SET n = 10 WHERE id = 1")
    assert shown(connection, read % 1) == ((1, 10, "late"),)


def test_a_trigger_made_past_the_proxy_is_not_overlooked(proxy):
    """It was there when a write of another table went through, and nobody had seen it."""
    connection = scene(proxy, T, "CREATE TABLE other (id INT PRIMARY KEY) ENGINE=InnoDB", followed=2)
    read = "SELECT id, n, s FROM t WHERE id = 1"
    run(connection, "INSERT INTO t (id, s) VALUES (1, 'one')")
    run(connection, read)
    proxy.server.run("CREATE TRIGGER late AFTER INSERT ON other FOR EACH ROW UPDATE t SET s = 'trigger'", database=proxy.database)
    run(connection, "INSERT INTO other VALUES (1)")
    other = proxy.connect()
    run(other, "CREATE TABLE more (id INT PRIMARY KEY) ENGINE=InnoDB")  # has the tables looked at
    wait_until(lambda: proxy.metric("holdwater_tables_followed") == 2, 15, "the table with the trigger is not followed")
    go_down(proxy)
    spooled_seq(connection, "UPDATE t SET n = 9 WHERE id = 1")
    assert stale(connection, read)[0] == ((1, 3, "one"),)


def test_dates_and_decimals_bound_to_texts_are_not_told(proxy):
    connection = scene(proxy, "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(40)) ENGINE=InnoDB")
    read = "SELECT id, s FROM t WHERE id = %d"
    date, datetime_, decimal = 0x0A, 0x0C, 0xF6  # MYSQL_TYPE_...
    values = [(date, b"\x04\xe8\x07\x02\x1d"), (datetime_, b"\x07\xe8\x07\x02\x1d\x01\x02\x03"), (decimal, lenenc(b"007.50"))]
    for row in range(1, 5):
        run(connection, read % row)
    session = Session(proxy)
    insert = session.prepare("INSERT INTO t (id, s) VALUES (?, ?)")
    go_down(proxy)

    def execute(row, kind, value):
        session.raw.command(COM_STMT_EXECUTE, packed_execute(insert.id, [(LONG, struct.pack("<i", row)), (kind, value)]))
        assert session.read_rows() == []

    execute(4, VARCHAR, lenenc(b"text"))
    assert shown(connection, read % 4) == ((4, "text"),)
    for row, (kind, value) in enumerate(values, 1):
        execute(row, kind, value)
        assert stale(connection, read % row)[0] == ()
    back(proxy)
    assert run(connection, read % 4) == ((4, "text"),)
    assert len(run(connection, "SELECT id FROM t")) == 4


def test_a_proxy_that_is_killed_in_the_outage_shows_the_same(proxy):
    connection = scene(proxy)
    read = "SELECT id, n, s FROM t WHERE id = %d"
    run(connection, "INSERT INTO t (id, s) VALUES (1, 'one')")
    for row in (1, 5):
        run(connection, read % row)
    wait_until(lambda: proxy.json("/health/cache")["disk"]["written"] >= 3, 15, "two answers and their shape are on the disk")
    go_down(proxy)
    spooled_seq(connection, "UPDATE t SET s = 'ONE' WHERE id = 1")
    spooled_seq(connection, "INSERT INTO t (id, n, s) VALUES (5, 1, 'five')")
    spooled_seq(connection, "UPDATE t SET n = 2 WHERE id = 5")
    proxy.restart()
    proxy.wait_state("down")
    connection = proxy.connect()
    wait_until(lambda: "shown as" in answered(connection, read % 5)[1], 10, "the queue was read")
    assert shown(connection, read % 5) == ((5, 2, "five"),)
    assert stale(connection, read % 1)[0] == ((1, 3, "one"),)  # what was written behind it is not known any more
    spooled_seq(connection, "DELETE FROM t WHERE id = 1")
    assert shown(connection, read % 1) == ()
    back(proxy)
    connection = proxy.connect()
    assert run(connection, read % 5) == ((5, 2, "five"),) and run(connection, read % 1) == ()


def test_a_change_of_definitions_makes_what_was_known_void(proxy):
    connection = scene(proxy)
    read = "SELECT * FROM t WHERE id = 5"
    narrow = "SELECT id, s FROM t WHERE id = %d"
    run(connection, read)
    run(connection, narrow % 6)
    run(connection, "ALTER TABLE t ADD COLUMN more INT NOT NULL DEFAULT 8, MODIFY s VARCHAR(5)")
    wait_followed(proxy)
    go_down(proxy)
    spooled_seq(connection, "INSERT INTO t (id, s, changed) VALUES (5, 'five', NULL)")
    spooled_seq(connection, "INSERT INTO t (id, s, changed) VALUES (6, 'six', NULL)")
    assert stale(connection, read)[0] == ()  # definitions of before
    assert stale(connection, narrow % 6)[0] == ()
    back(proxy)
    wait_followed(proxy)
    run(connection, "SELECT * FROM t WHERE id = 1")
    go_down(proxy)
    spooled_seq(connection, "INSERT INTO t (id, s, changed) VALUES (7, 'seven', NULL)")
    row, = shown(connection, "SELECT * FROM t WHERE id = 7")
    back(proxy)
    assert run(connection, "SELECT * FROM t WHERE id = 7") == (row,)


def test_a_dead_letter_is_shown_no_more(proxy):
    connection = scene(proxy, T + "", "CREATE TABLE uniq (id INT PRIMARY KEY, u INT UNIQUE) ENGINE=InnoDB", followed=2)
    read = "SELECT id, u FROM uniq WHERE id = %d"
    run(connection, "INSERT INTO uniq VALUES (1, 10)")
    run(connection, read % 1)
    go_down(proxy)
    spooled_seq(connection, "INSERT INTO uniq VALUES (2, 10)")  # nobody can know
    assert shown(connection, read % 2) == ((2, 10),)
    back(proxy)
    assert run(connection, read % 2) == () and proxy.health()["spool"]["dead"] == 1
    run(connection, read % 1)
    wait_followed(proxy, 2)
    go_down(proxy)
    assert stale(connection, read % 2)[0] == ()
    seq = spooled_seq(connection, "UPDATE uniq SET u = 11 WHERE id = 1")
    assert shown(connection, read % 1, unit=seq) == ((1, 11),)
    dead = proxy.json("/spool/dead")["units"][0]["seq"]
    assert proxy.http(f"/spool/dead/{dead}/retry", "POST")[0] == 200
    wait_until(lambda: "shown as" in answered(connection, read % 2)[1], 10, "the queue was read anew")
    assert shown(connection, read % 2) == ((2, 10),)
    back(proxy)
    assert run(connection, read % 1) == ((1, 11),) and run(connection, read % 2) == ((2, 10),)


# --- the same as a server says, byte for byte

class Checked:
    """Every statement goes to the proxy, whose server is away, and to a server that has the same data."""

    TABLES = [
        """CREATE TABLE a (id INT PRIMARY KEY, ti TINYINT, su SMALLINT UNSIGNED NOT NULL DEFAULT 7, mi MEDIUMINT, bi BIGINT,
           bu BIGINT UNSIGNED, vc VARCHAR(8) DEFAULT 'none', ch CHAR(4), tx TEXT, l1 VARCHAR(6) CHARACTER SET latin1,
           de DECIMAL(7,3), di DECIMAL(5,0) UNSIGNED, da DATE, dt DATETIME DEFAULT '2000-01-01 00:00:00', d6 DATETIME(6), fl DOUBLE,
           en ENUM('x','y') DEFAULT 'x', KEY (vc)) ENGINE=InnoDB""",
        "CREATE TABLE b (k INT, l BIGINT UNSIGNED, n INT, s VARCHAR(5) NOT NULL DEFAULT '', PRIMARY KEY (l, k)) ENGINE=InnoDB",
    ]
    VALUES = {
        "ti": ["0", "-128", "127", "128", "'5'", "NULL", "TRUE", "1 + 1", "DEFAULT"],
        "su": ["0", "65535", "65536", "-1", "NULL", "DEFAULT", "007"],
        "mi": ["-8388608", "8388607", "8388608", "NULL"],
        "bi": ["-9223372036854775808", "9223372036854775807", "9223372036854775808", "1.5"],
        "bu": ["18446744073709551615", "0", "-1", "NULL", "'18446744073709551615'"],
        "vc": ["'abc'", "''", "'12345678'", "'123456789'", "'ab  '", "'\u00e4\u00f6\u20ac\U0001f642'", "'it''s'", "'a\\\\b\\n'", "'\\%'",
               "NULL", "DEFAULT", "5", "x'41'", "'a' 'b'", "_latin1'q'", "'q' COLLATE utf8mb4_bin", "UPPER('q')", "\"dq\""],
        "ch": ["'ab'", "'abcd'", "'abcde'", "'ab '", "' a'", "''", "'\u20ac'"],
        "tx": ["'long " + "x" * 300 + "'", "''", "NULL", "'tab\\tnul\\0'", "'\U0001f642'"],
        "l1": ["'abc'", "'\u00e4'", "'\u20ac'", "NULL", "'1234567'"],
        "de": ["1", "-1.5", "0.000", "-0.0", "9999.999", "10000", "1.2345", "'12.5'", "1e2", "NULL", "0012.50"],
        "di": ["0", "99999", "100000", "-1", "1.0", "NULL"],
        "da": ["'2024-02-29'", "'2023-02-29'", "'0000-00-00'", "'1000-01-01'", "'24-1-2'", "20240102", "'2024-01-02 03:04:05'", "NULL"],
        "dt": ["'2024-02-29 00:00:00'", "'2024-02-29 23:59:59'", "'2024-02-29 23:59:59.6'", "'2024-02-29'", "NULL", "DEFAULT"],
        "d6": ["'2024-02-29 00:00:00'", "'2024-02-29 01:02:03.5'", "'2024-02-29 01:02:03.123456'", "'2024-02-29 01:02:03.1234567'", "NULL"],
        "fl": ["1.5", "NULL", "0"],
        "en": ["'x'", "'z'", "NULL", "DEFAULT"],
        "n": ["0", "-5", "2147483647", "NULL", "n + 1"],
        "s": ["'abc'", "'abcdef'", "''", "NULL"],
    }
    GOOD = {"ti": "5", "su": "6", "mi": "-7", "bi": "8", "bu": "9", "vc": "'vc'", "ch": "'ch'", "tx": "'tx'", "l1": "'l1'",
            "de": "1.25", "di": "3", "da": "'2024-05-06'", "dt": "'2024-05-06 07:08:09'", "d6": "'2024-05-06 07:08:09.1'",
            "n": "1", "s": "'s'"}
    READS = ["SELECT * FROM a WHERE id = {a}", "SELECT vc, ti AS `t i`, bu FROM a WHERE id = {a} LIMIT 1",
             "SELECT x.id, x.de, x.da, x.dt, x.d6, x.ch, x.l1, x.tx FROM a AS x WHERE x.id = {a}",
             "SELECT id, ti, su, mi, bi, bu, vc, ch, tx, l1, de, di, da, dt, d6 FROM a WHERE id = {a}",
             "SELECT * FROM b WHERE k = {k} AND l = {l}", "SELECT n, s FROM b WHERE l = {l} AND b.k = {k}"]
    PREPARED = ["SELECT id, ti, su, mi, bi, bu, vc, ch, tx, l1, de, di, da, dt, d6 FROM a WHERE id = ?",
                "SELECT id, vc, d6, ti FROM a WHERE id = ?", "SELECT * FROM b WHERE l = ? AND k = ?"]
    KEYS_A, KEYS_B = range(1, 21), [(k, l) for k in (-1, 0, 7) for l in (0, 5, 18446744073709551615)]

    def __init__(self, proxy, reference, seed):
        self.random = random.Random(seed)
        self.proxy, self.reference = proxy, reference
        self.told = self.from_rows = self.writes = self.refused = 0
        self.log = []

    def prepare(self):
        scene(self.proxy, *self.TABLES, followed=2)
        self.reference.run(f"CREATE DATABASE {self.proxy.database}")
        self.reference.create_account(self.proxy.account.user, self.proxy.account.password, self.proxy.database)
        for one in self.TABLES:
            self.reference.run(one, database=self.proxy.database)
        self.here, self.there = Session(self.proxy, BASIC), self._direct(self.reference)
        self.also = self._direct(self.proxy.server)  # what is there before, past the proxy
        for key in list(self.KEYS_A)[::2]:
            row = ", ".join(self.GOOD[c] for c in self.GOOD if c not in ("n", "s"))
            self._both(f"INSERT INTO a ({', '.join(c for c in self.GOOD if c not in ('n', 's'))}, id) VALUES ({row}, {key})")
        for k, l in self.KEYS_B[::2]:
            self._both(f"INSERT INTO b VALUES ({k}, {l}, {abs(k)}, 'old')")
        self.also.close()
        self.statements = [(text, self.here.prepare(text), self.there.prepare(text)) for text in self.PREPARED]
        for read in self.all_reads():
            self.here.query(read)
        for text, here, _ in self.statements:
            for key in self._keys_for(text):
                _execute(self.here, here, key)

    def _direct(self, server):
        class At:
            host, port, account, database = server.host, server.port, self.proxy.account, self.proxy.database
        return Session(At, BASIC)

    def _both(self, statement):
        for one in (self.there, self.also):
            one.query(statement)

    def all_reads(self):
        for read in self.READS:
            for key in self._keys_for(read):
                yield read.format(a=key[0]) if len(key) == 1 else read.format(l=key[0], k=key[1])

    def _keys_for(self, read):
        return [(a,) for a in self.KEYS_A] if " FROM a" in read else [(l, k) for k, l in self.KEYS_B]

    def step(self):
        draw = self.random.random()
        if draw < 0.12:
            statements = [self.statement(True) for _ in range(self.random.randint(1, 3))]
            self.transaction(statements, self.random.random() < 0.8)
        elif draw < 0.25:
            self.prepared_write()
        else:
            self.autocommit(self.statement())

    def value(self, column):
        return self.GOOD.get(column) if column in self.GOOD and self.random.random() < 0.75 else self.random.choice(self.VALUES[column])

    def statement(self, only_new=False):
        """`only_new`: a row is inserted only where none was; where the first server has one already, nobody can know that a whole
        transaction will be refused."""
        draw, table = self.random.random(), self.random.choice("aaab")
        columns = [c for c in self.VALUES if (c in ("n", "s")) == (table == "b")]
        chosen = self.random.sample(columns, self.random.randint(1, 2 if draw > 0.4 else len(columns)))
        a, (k, l) = self.random.choice(self.KEYS_A), self.random.choice(self.KEYS_B)
        where = f"id = {a}" if table == "a" else self.random.choice([f"k = {k} AND l = {l}", f"b.l = {l} AND k = {k}"])
        if draw < 0.4:
            if only_new:
                a, (k, l) = self.random.choice(self.KEYS_A[1::2]), self.random.choice(self.KEYS_B[1::2])
            key = [("id", str(a))] if table == "a" else [("k", str(k)), ("l", str(l))]
            pairs = key + [(c, self.value(c)) for c in chosen]
            self.random.shuffle(pairs)
            return f"INSERT INTO {table} ({', '.join(p[0] for p in pairs)}) VALUES ({', '.join(p[1] for p in pairs)})"
        if draw < 0.72:
            return f"UPDATE {table} SET {', '.join(f'{c} = {self.value(c)}' for c in chosen)} WHERE {where}"
        if draw < 0.98 or self.writes < 200:
            return f"DELETE FROM {table} WHERE {where}"
        return f"UPDATE b SET n = 1 WHERE s = 'nobody'"

    def autocommit(self, statement):
        self.log.append(statement)
        try:
            self.here.query(statement)
        except Err:
            self.refused += 1
            return  # nothing happened
        self.writes += 1
        try:
            self.there.query(statement)
        except Err:
            pass  # it becomes a dead letter

    def transaction(self, statements, commits):
        self.here.query("BEGIN")
        taken = []
        for one in statements:
            self.log.append("in a transaction: " + one)
            try:
                self.here.query(one)
                taken.append(one)
            except Err:
                self.refused += 1
        self.here.query("COMMIT" if commits else "ROLLBACK")
        if not commits:
            return
        self.there.query("BEGIN")
        try:
            for one in taken:
                self.there.query(one)
            self.there.query("COMMIT")
        except Err:
            self.there.query("ROLLBACK")

    def prepared_write(self):
        a = self.random.choice(self.KEYS_A)
        number, text = self.random.choice([0, -5, 127, 200]), self.random.choice([b"bound", b"", "\u20ac'\\".encode(), b"too long for it"])
        day = struct.pack("<BHBB", 4, 2024, 2, 29)
        kind, sql, values = self.random.choice([
            ("insert", "INSERT INTO a (id, ti, vc, da) VALUES (?, ?, ?, ?)",
             [(LONG, struct.pack("<i", a)), (LONGLONG, struct.pack("<q", number)), (VARCHAR, lenenc(text)), (10, day)]),
            ("update", "UPDATE a SET vc = ?, de = ? WHERE id = ?",
             [(VARCHAR, lenenc(text)), (VARCHAR, lenenc(b"12.5")), (LONGLONG, struct.pack("<q", a))]),
            ("delete", "DELETE FROM a WHERE id = ?", [(LONGLONG, struct.pack("<q", a))])])
        self.log.append(f"prepared {kind} of {a}: {values}")
        here, there = self.here.prepare(sql), self.there.prepare(sql)
        try:
            self.here.raw.command(COM_STMT_EXECUTE, packed_execute(here.id, values))
            self.here.raw.expect_ok()
        except Err:
            self.refused += 1
            return
        self.writes += 1
        try:
            self.there.raw.command(COM_STMT_EXECUTE, packed_execute(there.id, values))
            self.there.raw.expect_ok()
        except Err:
            pass

    def compare(self, count):
        """Some reads; what is shown as written has to be what the other server says."""
        for _ in range(count):
            if self.random.random() < 0.6:
                read = self.random.choice(self.READS)
                key = self.random.choice(self._keys_for(read))
                text = read.format(a=key[0]) if len(key) == 1 else read.format(l=key[0], k=key[1])
                self._compare(text, lambda: self.here.query(text), lambda: self.there.query(text))
            else:
                text, here, there = self.random.choice(self.statements)
                key = self.random.choice(self._keys_for(text))
                self._compare(f"{text} {key}", lambda: _execute(self.here, here, key), lambda: _execute(self.there, there, key))

    def _compare(self, what, here, there):
        self.told += 1
        try:
            mine = _plain(here())
        except Err as error:
            assert error.number == 3032, error
            return
        note = self.here.query("SHOW WARNINGS")[-2]
        if b"shown as" not in note:
            return
        self.from_rows += 1
        right = _plain(there())
        assert mine == right, "\n".join([f"{what}: shown {mine[-2:]}, and the server says {right[-2:]}; {note!r}", *self.log[-40:]])


def _execute(session, statement, key):
    values = [(LONGLONG | 0x8000 if one > 1 << 62 else LONGLONG, struct.pack("<Q", one % (1 << 64))) for one in key]
    session.raw.command(COM_STMT_EXECUTE, packed_execute(statement.id, values))
    payloads, ends = [session.raw.expect_ok()], 0
    while ends < 2:
        payloads.append(session.raw.expect_ok())
        ends += payloads[-1][0] == 0xFE and len(payloads[-1]) < 9
    return payloads


def _plain(payloads):
    """Without warnings and status."""
    return [one for one in payloads if not (one[0] == 0xFE and len(one) < 9)]


@pytest.fixture
def reference(server, root):
    other = KINDS[server.kind](root).start()
    yield other
    other.destroy()


@pytest.mark.limit(240)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_shown_is_byte_for_byte_what_the_server_will_say(proxy, reference, seed):
    print(f"seed {seed}")
    checked = Checked(proxy, reference, seed)
    checked.prepare()
    go_down(proxy)
    for _ in range(300):
        checked.step()
        checked.compare(4)
    print(f"{checked.writes} writes, {checked.refused} refused; {checked.from_rows} of {checked.told} reads were answered from them")
    assert checked.from_rows > checked.told / 10, (checked.from_rows, checked.told)
    last = {}
    for read in checked.all_reads():
        try:
            answer = _plain(checked.here.query(read))
        except Err:
            continue
        if b"shown as" in checked.here.query("SHOW WARNINGS")[-2]:
            last[read] = answer
    assert last
    back(proxy)
    for read, answer in last.items():
        assert _plain(checked.here.query(read)) == answer, read
    for read in checked.all_reads():  # and both servers agree
        assert _plain(checked.here.query(read)) == _plain(checked.there.query(read)), read
