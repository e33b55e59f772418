"""A held write means at replay what it meant when its client sent it: quoting, charset, time zone, NOW, variables."""
import datetime

import pymysql
import pytest

from lib.process import wait_until
from lib.sql import error_number, run, spooled_seq, value, was_refused_for_outage


@pytest.fixture
def table(proxy):
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(60), ts TIMESTAMP(6) NULL, d DATETIME(6), "
                         "n BIGINT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4")
    return proxy


def held_and_applied(table, server, connection, statements):
    """Runs the statements in an outage, lets the server return, and gives the table back as a UTC connection sees it."""
    server.stop()
    table.wait_state("down")
    for statement in statements:
        spooled_seq(connection, statement)
    server.start()
    table.wait_drained()
    assert table.health()["spool"]["dead"] == 0, table.http("/spool/dead")
    return server.run("SET time_zone = '+00:00'", "SELECT id, s, ts, d, n FROM t ORDER BY id", database=table.database)


def column(rows, number):
    return [row[number] for row in rows]


def test_a_latin1_clients_bytes_are_latin1(table, server):
    connection = table.connect(charset="latin1")
    rows = held_and_applied(table, server, connection, ["INSERT INTO t (id, s) VALUES (1, 'Größe é')"])
    assert column(rows, 1) == ["Größe é"]


def test_characters_of_four_bytes_and_other_charsets_are_kept(table, server):
    first, second = table.connect(charset="utf8mb4"), table.connect(charset="cp932")
    server.stop()
    table.wait_state("down")
    spooled_seq(first, "INSERT INTO t (id, s) VALUES (1, '😀 𝄞')")
    spooled_seq(second, "INSERT INTO t (id, s) VALUES (2, '表示 ソ')")  # its bytes hold 0x5c
    server.start()
    table.wait_drained()
    assert server.run("SELECT s FROM t ORDER BY id", database=table.database) == (("😀 𝄞",), ("表示 ソ",))


def test_quoting_follows_the_sessions_sql_mode(table, server):
    connection = table.connect()
    run(connection, "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
    rows = held_and_applied(table, server, connection, [
        r"""INSERT INTO "t" ("id", s) VALUES (1, 'C:\new')""", r"""INSERT INTO t (id, "s") VALUES (2, '\')"""])
    assert column(rows, 1) == [r"C:\new", "\\"]


def test_the_usual_mode_keeps_backslashes_special(table, server):
    rows = held_and_applied(table, server, table.connect(), [
        r"INSERT INTO t (id, s) VALUES (1, 'a\'b\\c\n')", 'INSERT INTO t (id, s) VALUES (2, "it\'s")'])
    assert column(rows, 1) == ["a'b\\c\n", "it's"]


def test_the_mode_that_a_login_asks_for_is_the_sessions(table, server):
    connection = table.connect(client_flag=pymysql.constants.CLIENT.IGNORE_SPACE)
    mode = value(connection, "SELECT @@sql_mode")
    assert mode.startswith("IGNORE_SPACE,")
    server.stop()
    table.wait_state("down")
    fresh = table.connect(client_flag=pymysql.constants.CLIENT.IGNORE_SPACE)
    for one in (connection, fresh):
        assert value(one, "SELECT @@sql_mode") == mode


def test_a_lax_sessions_write_is_as_lax_at_replay(table, server):
    connection = table.connect()
    run(connection, "SET SESSION sql_mode = ''")
    rows = held_and_applied(table, server, connection, [f"INSERT INTO t (id, s) VALUES (1, '{'x' * 70}')"])
    assert column(rows, 1) == ["x" * 60]


def test_now_is_the_clients_now_with_microseconds(table, server):
    connection = table.connect()
    run(connection, "SET time_zone = '+05:00'")
    server.stop()
    table.wait_state("down")
    start = datetime.datetime.utcnow()
    spooled_seq(connection, "INSERT INTO t (id, ts, d) VALUES (1, NOW(6), NOW(6))")
    end = datetime.datetime.utcnow()
    server.start()
    table.wait_drained()
    ((stamp, local),) = server.run("SET time_zone = '+00:00'", "SELECT ts, d FROM t", database=table.database)
    assert start <= stamp <= end, (start, stamp, end)
    assert local == stamp + datetime.timedelta(hours=5)


def test_literals_are_read_in_the_sessions_time_zone(table, server):
    connection = table.connect()
    run(connection, "SET time_zone = '+05:00'")
    rows = held_and_applied(table, server, connection, [
        "INSERT INTO t (id, ts) VALUES (1, '2024-06-01 12:00:00.5')",
        "INSERT INTO t (id, n) VALUES (2, UNIX_TIMESTAMP('2024-06-01 12:00:00'))"])
    assert rows[0][2] == datetime.datetime(2024, 6, 1, 7, 0, 0, 500000)
    assert rows[1][4] == 1717225200


def test_user_variables_that_a_write_reads_travel_with_it(table, server):
    connection = table.connect()
    run(connection, "SET @n = 42, @s = 'quote '' and \\\\', @nothing = NULL")
    rows = held_and_applied(table, server, connection, [
        "INSERT INTO t (id, n, s) VALUES (1, @n, @s)", "INSERT INTO t (id, n) VALUES (2, @nothing)"])
    assert [(row[4], row[1]) for row in rows] == [(42, "quote ' and \\"), (None, None)]


def test_the_default_database_is_the_sessions(table, server):
    other = table.database + "_b"
    server.run(f"CREATE DATABASE {other}", f"GRANT ALL ON {other}.* TO `{table.account.user}`@`%`")
    connection = table.connect()
    run(connection, f"CREATE TABLE {other}.t (id INT PRIMARY KEY) ENGINE=InnoDB")
    table.wait_tables_known()
    known = table.metric("holdwater_tables_known")
    run(connection, f"INSERT INTO {other}.t VALUES (0)")  # a table elsewhere is known once it was written to
    wait_until(lambda: table.metric("holdwater_tables_known") > known, 10, "the other table is known")
    server.stop()
    table.wait_state("down")
    spooled_seq(connection, "INSERT INTO t (id) VALUES (1)")
    run(connection, f"USE {other}")
    spooled_seq(connection, "INSERT INTO t (id) VALUES (2)")
    connection.select_db(table.database)
    spooled_seq(connection, "INSERT INTO t (id) VALUES (3)")
    server.start()
    table.wait_drained()
    assert server.run("SELECT id FROM t ORDER BY id", database=table.database) == ((1,), (3,))
    assert server.run("SELECT id FROM t ORDER BY id", database=other) == ((0,), (2,))


def test_foreign_key_checks_are_the_sessions(table, server):
    connection = table.connect()
    run(connection, "CREATE TABLE parent (id INT PRIMARY KEY) ENGINE=InnoDB")
    run(connection, "CREATE TABLE child (p INT, FOREIGN KEY (p) REFERENCES parent(id)) ENGINE=InnoDB")
    run(connection, "SET foreign_key_checks = 0")
    server.stop()
    table.wait_state("down")
    spooled_seq(connection, "INSERT INTO child VALUES (1)")
    run(connection, "SET foreign_key_checks = 1")
    spooled_seq(connection, "INSERT INTO child VALUES (2)")
    server.start()
    table.wait_drained()
    assert server.run("SELECT p FROM child", database=table.database) == ((1,),)
    assert table.health()["spool"]["dead"] == 1


def test_one_sessions_context_does_not_leak_into_the_next_unit(table, server):
    odd, plain = table.connect(charset="latin1"), table.connect()
    run(odd, "SET sql_mode = 'ANSI_QUOTES', time_zone = '-09:00', @n = 7")
    server.stop()
    table.wait_state("down")
    spooled_seq(odd, "INSERT INTO t (id, s, d) VALUES (1, 'é', NOW())")
    spooled_seq(plain, 'INSERT INTO t (id, s, n) VALUES (2, "é", 1)')
    spooled_seq(odd, """INSERT INTO "t" (id, s) VALUES (3, 'ü')""")
    server.start()
    table.wait_drained()
    assert server.run("SELECT s FROM t ORDER BY id", database=table.database) == (("é",), ("é",), ("ü",))
    assert value(plain, "SELECT @@sql_mode LIKE '%ANSI_QUOTES%'") == 0


@pytest.fixture
def triggers(table, server):
    """Tables whose triggers read and change the session of who writes."""
    if server.kind == "mysql":
        server.run("SET GLOBAL log_bin_trust_function_creators = 1")
    run(table.connect(), "CREATE TABLE audited (id INT PRIMARY KEY, who VARCHAR(20), last BIGINT) ENGINE=InnoDB")
    run(table.connect(), "CREATE TABLE meddled (id INT PRIMARY KEY) ENGINE=InnoDB")
    run(table.connect(), "CREATE TABLE made (id INT AUTO_INCREMENT PRIMARY KEY, n INT) ENGINE=InnoDB")
    run(table.connect(), "INSERT INTO made (n) VALUES (0)")
    table.wait_ids_reserved("made")
    server.run("CREATE TRIGGER a BEFORE INSERT ON audited FOR EACH ROW SET NEW.who = @who, NEW.last = LAST_INSERT_ID()",
               "CREATE TRIGGER m BEFORE INSERT ON meddled FOR EACH ROW BEGIN SET time_zone = '+09:00'; SET @who = 'meddler'; END",
               database=table.database)
    return table


def test_triggers_find_the_session_of_who_wrote(triggers, server):
    alice, bob, nobody = triggers.connect(), triggers.connect(), triggers.connect()
    run(alice, "SET @who = 'alice', @other = 1")
    run(bob, "SET @WHO = 'bob', time_zone = '+00:00'")
    run(nobody, "SET time_zone = '+00:00'")
    server.stop()
    triggers.wait_state("down")
    spooled_seq(alice, "INSERT INTO audited (id) VALUES (1)")
    spooled_seq(bob, "INSERT INTO t (id, s) VALUES (1, @who)")
    spooled_seq(nobody, "INSERT INTO audited (id) VALUES (2)")
    with alice.cursor() as cursor:
        cursor.execute("INSERT INTO made (n) VALUES (1)")
        made = cursor.lastrowid
    spooled_seq(nobody, "INSERT INTO audited (id) VALUES (3)")
    spooled_seq(alice, "INSERT INTO audited (id) VALUES (4)")
    spooled_seq(bob, "INSERT INTO audited (id) VALUES (5)")
    for number in range(6, 10):
        spooled_seq(bob, f"INSERT INTO meddled VALUES ({number})")
        spooled_seq(nobody, f"INSERT INTO audited (id) VALUES ({number})")
        spooled_seq(nobody, f"INSERT INTO t (id, d, n) VALUES ({number}, NOW(), UNIX_TIMESTAMP())")
    server.start()
    triggers.wait_drained()
    assert triggers.health()["spool"]["dead"] == 0, triggers.http("/spool/dead")
    expected = ((1, "alice", 0), (2, None, 0), (3, None, 0), (4, "alice", made), (5, "bob", 0),
                *((number, None, 0) for number in range(6, 10)))
    assert server.run("SELECT * FROM audited ORDER BY id", database=triggers.database) == expected
    away = server.run("SELECT TIMESTAMPDIFF(SECOND, '1970-01-01', d) - n FROM t WHERE id > 5", database=triggers.database)
    assert away == ((0,),) * 4, "NOW() is read in the session's own time zone"


def test_user_variables_that_are_too_large_to_go_with_each_write(table, server):
    connection = table.connect()
    for name in ("large", *"abcdefgh"):  # each is kept as 120,000 hexadecimal digits
        run(connection, f"SET @{name} = '{'x' * 60000}'")
    server.stop()
    table.wait_state("down")
    assert "user variables" in was_refused_for_outage(connection, "INSERT INTO t (id) VALUES (1)")[1]
    spooled_seq(connection, "INSERT INTO t (id, s) VALUES (2, RIGHT(@large, 3))")
    server.start()
    table.wait_drained()
    assert server.run("SELECT id, s FROM t", database=table.database) == ((2, "xxx"),)


def test_bytes_that_are_no_text_in_a_user_variable_keep_no_write_from_being_applied(table, server):
    connection = table.connect()
    run(connection, "SET NAMES big5")
    connection.query(b"SET @v = 'a\x97'")  # with a warning
    server.stop()
    table.wait_state("down")
    spooled_seq(connection, "INSERT INTO t (id) VALUES (1)")
    server.start()
    table.wait_drained()
    assert server.run("SELECT id FROM t", database=table.database) == ((1,),)
    assert table.health()["spool"]["dead"] == 0


def test_a_session_without_a_database_cannot_queue_its_name(table, server):
    other, connection = table.connect(), table.connect(database=None)
    server.stop()
    table.wait_state("down")
    spooled_seq(other, "INSERT INTO t (id, s) VALUES (1, DATABASE())")
    for name in ("DATABASE()", "schema ()", "SCHEMA/**/()"):
        text = was_refused_for_outage(connection, f"INSERT INTO {table.database}.t (id, s) VALUES (2, {name})")[1]
        assert "default database" in text
    spooled_seq(connection, f"INSERT INTO {table.database}.t (id, s) VALUES (3, 'database ()')")
    server.start()
    table.wait_drained()
    assert server.run("SELECT id, s FROM t ORDER BY id", database=table.database) == ((1, table.database), (3, "database ()"))


@pytest.mark.parametrize("statement, expected", [
    ("/* x */ INSERT /*! INTO */ t (id, n) VALUES (1, 1)", 1),
    ("-- note\ninsert into `t` (id, n) values (1, 2);", 2),
    ("INSERT INTO t SET id = 1, n = 3", 3),
    ("INSERT t (id, n) VALUE (1, 2+2)", 4),
    ("REPLACE t (id, n) VALUES (1, 5)", 5),
    ("INSERT INTO t (id, n) VALUES (1, 1) ON DUPLICATE KEY UPDATE n = 9", 1),
    ("INSERT IGNORE INTO t (id, n) VALUES (1, 7), (1, 8)", 7),
])
def test_every_spelling_of_a_write_is_understood(mariadb, start_proxy, statement, expected):
    proxy = start_proxy(mariadb)
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, n INT) ENGINE=InnoDB")
    mariadb.stop()
    proxy.wait_state("down")
    run(connection, statement)
    mariadb.start()
    proxy.wait_drained()
    assert mariadb.run("SELECT n FROM t", database=proxy.database) == ((expected,),)


@pytest.mark.parametrize("setting", [
    "time_zone = 'nonsense'", "time_zone = '+15:00'", "sql_mode = 'wibble'", "lc_time_names = 'xx_YY'", "NAMES klingon",
    "NAMES ucs2", "character_set_client = 'utf16'", "collation_connection = 'wibble_ci'", "auto_increment_increment = 0",
    "foreign_key_checks = 'banana'", "time_zone = '+01:00', sql_mode = 'wibble'"])
def test_a_setting_that_the_server_would_refuse_is_refused_in_an_outage(table, server, setting):
    """Accepted here, it would make a dead letter of every write after it."""
    connection = table.connect()
    run(connection, "SET time_zone = '+02:00'")
    server.stop()
    table.wait_state("down")
    assert error_number(connection, f"SET {setting}")[0] == 3032
    spooled_seq(connection, "INSERT INTO t (id, n) VALUES (1, HOUR(FROM_UNIXTIME(0)))")
    server.start()
    table.wait_drained()
    assert table.health()["spool"]["dead"] == 0
    assert server.run("SELECT n FROM t", database=table.database) == ((2,),)
    refused = error_number(connection, f"SET {setting}")[0] if "increment" not in setting else 1231
    assert refused in (1115, 1231, 1273, 1298, 1649), "the server itself refuses it"


def test_a_setting_that_a_unit_cannot_carry_keeps_writes_from_being_queued(proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE depends (id INT PRIMARY KEY, s VARCHAR(50)) ENGINE=InnoDB")
    run(connection, "SET SESSION max_join_size = 1000")
    proxy.server.stop()
    proxy.wait_state("down")
    was_refused_for_outage(connection, "INSERT INTO depends SELECT 1, 'a'")
    was_refused_for_outage(connection, "INSERT INTO depends VALUES (2, 'b')")  # a trigger may join
    spooled_seq(proxy.connect(), "INSERT INTO depends VALUES (3, 'c')")


NOON = "INSERT INTO t (id, ts, s) VALUES ({}, '2026-01-01 12:00:00', {})"


def set_globals(server, proxy, how):
    statements = ("SET GLOBAL time_zone = '+05:00'", "SET GLOBAL sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,STRICT_TRANS_TABLES'")
    if how == "past Holdwater":
        server.run(*statements)
        proxy.wait_checked()
        return
    rights = "SUPER" if server.kind == "mariadb" else "SYSTEM_VARIABLES_ADMIN"
    server.run(f"GRANT {rights} ON *.* TO `{proxy.account.user}`@`%`")
    setter = proxy.connect()
    for statement in statements:
        run(setter, statement)


@pytest.mark.parametrize("how", ["past Holdwater", "through it", "through it, and asked at once"])
def test_a_global_that_is_set_is_what_later_sessions_write_under_and_earlier_ones_do_not(table, server, how):
    before = table.connect()
    run(before, "DO 1")
    table.wait_checked()
    set_globals(server, table, how)
    if how == "through it":
        wait_until(lambda: '"+05:00"' in open(f"{table.data}/server.json").read(), 10, "it is learned")
    later = table.connect()
    run(later, "DO 1")
    server.stop()  # its globals are lost with it
    table.wait_state("down")
    assert value(before, "SELECT @@time_zone") == "SYSTEM"
    assert value(later, "SELECT @@time_zone") == "+05:00"
    spooled_seq(before, NOON.format(1, "'a'"))
    spooled_seq(later, NOON.format(2, "'a' || 'b'"))
    spooled_seq(later, NOON.format(3, "'c'").replace("(id", '("id"'))
    server.start()
    table.wait_drained()
    assert table.health()["spool"]["dead"] == 0, table.http("/spool/dead")
    assert server.run("SET time_zone = '+00:00'", "SELECT s, HOUR(ts) FROM t ORDER BY id", database=table.database) == (
        ("a", 12), ("ab", 7), ("c", 7))


def test_a_client_whose_login_may_have_been_before_or_behind_a_set_global_is_asked_or_refused(table, server):
    later = table.connect()  # logs in after the last check, so that nobody can tell
    server.run("SET GLOBAL time_zone = '+05:00'")
    late = table.connect()
    table.wait_checked()
    assert value(late, "SELECT @@time_zone") == "+05:00" and value(later, "SELECT @@time_zone") == "SYSTEM"
    rows = held_and_applied(table, server, late, [NOON.format(1, "NULL")])
    assert rows[0][2].hour == 7
