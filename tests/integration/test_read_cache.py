"""Reads in an outage are answered with what the server last answered to the same question, and say so; every way in which
such an answer could be a lie is tried."""
import os
import re
import struct
import time

import pymysql
import pytest

from lib.process import wait_until
from lib.proxy import Account
from lib.sql import run, spooled_seq, value, was_refused_for_outage
from lib.statements import COM_STMT_EXECUTE, COM_STMT_PREPARE, LONGLONG, VARCHAR, Session, execute_payload
from lib.wire import BASIC, COM_QUERY, DEPRECATE_EOF, LONG_PASSWORD, Err

NOTHING = "nothing is cached"
EXTENDED_METADATA, CACHE_METADATA = 1 << 3, 1 << 4  # of MariaDB's extended capabilities


def scene(proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, n INT, s VARCHAR(50)) ENGINE=InnoDB")
    run(connection, "CREATE TABLE other (id INT PRIMARY KEY) ENGINE=InnoDB")
    run(connection, "INSERT INTO t VALUES (1, 10, 'one'), (2, 20, 'zw\u00f6lf'), (3, NULL, NULL)")
    return connection


@pytest.fixture
def scened(proxy):
    return proxy, scene(proxy)


def go_down(proxy):
    proxy.server.stop()
    proxy.wait_state("down")


def note_of(connection):
    (level, code, text), = run(connection, "SHOW WARNINGS")
    assert (level, code) == ("Note", 1105)
    return text


def cached(connection, statement, args=None):
    """Runs a read that must be answered from the cache: (rows, the Note)."""
    with connection.cursor() as cursor:
        cursor.execute(statement, args)
        rows, warnings = cursor.fetchall(), cursor._result.warning_count
    assert warnings == 1, f"{statement!r} has {warnings} warnings"
    return rows, note_of(connection)


def not_cached(connection, statement, why=NOTHING):
    number, text = was_refused_for_outage(connection, statement)
    assert number == 3032 and why in text, text


def age_in(note):
    return int(re.search(r"from the cache, (\d+) s old", note)[1])


# --- served

READS = ["SELECT * FROM t ORDER BY id", "SELECT s FROM t WHERE id = 2", "SELECT COUNT(*), MAX(s) FROM t",
         "SELECT t.id FROM t JOIN other ON t.id = other.id", "SHOW TABLES", "SHOW FULL COLUMNS FROM t", "DESCRIBE t",
         "SHOW CREATE TABLE t", "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1"]
OF_THE_SERVER = ["SHOW GLOBAL VARIABLES LIKE 'max\\_allowed\\_packet'", "SELECT @@global.max_connections AS most, @@GLOBAL.sql_mode"]  # a replica has others
ALL_READS = READS + OF_THE_SERVER


def test_reads_of_before_are_answered_with_their_rows_and_their_age(scened, server):
    proxy, connection = scened
    up = {statement: run(connection, statement) for statement in ALL_READS}
    go_down(proxy)
    for at in (connection, proxy.connect()):
        for statement in ALL_READS:
            rows, note = cached(at, statement)
            assert rows == up[statement] and 0 <= age_in(note) < 60 and "queued" not in note, (statement, note)
    not_cached(connection, "SELECT * FROM t")  # never asked in these words
    health = proxy.json("/health/cache")
    assert health["hits"] == 2 * len(ALL_READS) and health["misses"] == 1 and health["entries"] >= len(ALL_READS)
    server.start()
    proxy.wait_drained()
    server.run("UPDATE t SET s = 'changed' WHERE id = 2", database=proxy.database)
    assert value(connection, "SELECT s FROM t WHERE id = 2") == "changed"
    assert run(connection, "SHOW WARNINGS") == ()


def packets(session, code, payload):
    """All packets of a result set, with their numbers, as two parts: all but status and warnings, and these."""
    session.raw.command(code, payload)
    found, ends, seen = [session.raw.expect_ok()], 1 if session.deprecates_eof else 2, []
    numbers = [session.raw.sequence]
    while ends:
        packet = session.raw.read()
        numbers.append(session.raw.sequence)
        if packet[0] == 0xFE and len(packet) < 9:
            ends -= 1
            at = 3 if session.deprecates_eof else 1
            seen.append(struct.unpack_from("<HH", packet, at))
            packet = packet[:at] + packet[at + 4:]
        found.append(packet)
    return (found, numbers), seen[-1]


def opened(proxy, form, mariadb=0):
    base = Session.CAPABILITIES & ~LONG_PASSWORD if mariadb else Session.CAPABILITIES
    session = Session(proxy, capabilities=base | form, mariadb=mariadb)
    session.deprecates_eof = bool(form)
    return session


def prepare(session, text):
    """The statement's id, and the packets of the answer without it."""
    session.raw.command(COM_STMT_PREPARE, text.encode())
    head = session.raw.expect_ok()
    number, columns, parameters = struct.unpack_from("<IHH", head, 1)
    count = columns + parameters + (0 if session.deprecates_eof else bool(columns) + bool(parameters))
    return number, [head[5:], *(session.raw.read() for _ in range(count))]


ASKED = "SELECT id, n, s FROM t WHERE id >= ? AND (s <> ? OR s IS NULL) ORDER BY id"


def execute(session, number, low=1, types=True):
    return packets(session, COM_STMT_EXECUTE, execute_payload(number, [(LONGLONG, low), (VARCHAR, b"x")], types))


def every_packet_is_the_servers_own(server, start_proxy, form, mariadb=0):
    """Filled by a client of the other EOF form; read by one of this form, whose answers of before are the measure."""
    proxy = start_proxy(server, HOLDWATER_CACHE_DISK=0)
    scene(proxy)
    asking = opened(proxy, form, mariadb)
    texts = [statement.encode() for statement in ALL_READS]
    up = [packets(asking, COM_QUERY, text)[0] for text in texts]
    early, prepared_up = prepare(asking, ASKED)
    executed_up = [execute(asking, early)[0] for _ in range(2)][-1]
    assert proxy.http("/health/cache/clear", "POST")[0] == 200
    first = opened(proxy, DEPRECATE_EOF if not form else 0, mariadb)
    for text in texts:
        packets(first, COM_QUERY, text)
    filling, _ = prepare(first, ASKED)
    for _ in range(2):
        execute(first, filling)
    go_down(proxy)
    fresh = opened(proxy, form, mariadb)
    for session in (asking, fresh):
        for text, expected in zip(texts, up):
            answer, (status_or_warnings, other) = packets(session, COM_QUERY, text)
            assert answer == expected, text
            assert 1 in (status_or_warnings, other)
    late, prepared_down = prepare(fresh, ASKED)
    assert prepared_down == prepared_up
    assert execute(fresh, late)[0] == executed_up, "prepared in the outage"
    assert execute(fresh, late, types=False)[0] == executed_up, "without its types"
    assert execute(asking, early)[0] == executed_up, "prepared before"
    with pytest.raises(Err, match=NOTHING):
        execute(fresh, late, low=2)
    proxy.server.start()
    proxy.wait_drained()
    assert execute(asking, early)[0] == executed_up
    assert execute(fresh, late, types=False)[0] == executed_up, "prepared in the outage, executed after it"


@pytest.mark.parametrize("form", [0, DEPRECATE_EOF], ids=["eof", "deprecate-eof"])
def test_every_packet_is_the_servers_own_whoever_asked_first(server, start_proxy, form):
    every_packet_is_the_servers_own(server, start_proxy, form)


@pytest.mark.parametrize("form, mariadb", [(0, EXTENDED_METADATA), (DEPRECATE_EOF, CACHE_METADATA | EXTENDED_METADATA)],
                         ids=["extended metadata", "cached metadata"])
def test_so_it_is_with_mariadbs_own_capabilities(mariadb118, start_proxy, form, mariadb):
    every_packet_is_the_servers_own(mariadb118, start_proxy, form, mariadb)


def test_a_proxy_that_was_killed_in_the_outage_still_answers(scened, server):
    proxy, connection = scened
    up = {statement: run(connection, statement) for statement in ALL_READS}
    session = opened(proxy, 0)
    number, prepared_up = prepare(session, ASKED)
    executed_up = execute(session, number)[0]
    wait_until(lambda: proxy.json("/health/cache")["disk"]["written"] >= len(ALL_READS) + 2, 20, "all is on the disk")
    go_down(proxy)
    seq = spooled_seq(connection, "INSERT INTO other VALUES (1)")
    for _ in range(2):
        proxy.kill()
        proxy.start()
        proxy.wait_state("down")
        connection = proxy.connect()
        for statement in ALL_READS:
            rows, note = cached(connection, statement)
            assert rows == up[statement] and age_in(note) < 120
        session = opened(proxy, 0)
        number, prepared_down = prepare(session, ASKED)
        assert prepared_down == prepared_up and execute(session, number)[0] == executed_up
        not_cached(connection, "SELECT 2 FROM t")
    assert spooled_seq(connection, "INSERT INTO other VALUES (2)") == seq + 1
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT COUNT(*) FROM other", database=proxy.database) == ((2,),)


def test_a_damaged_file_is_set_aside_and_the_queue_is_not_touched(mariadb, start_proxy):
    server, proxy = mariadb, start_proxy(mariadb)
    connection = scene(proxy)
    run(connection, "SELECT * FROM t")
    wait_until(lambda: proxy.json("/health/cache")["disk"]["written"] >= 1, 20, "it is on the disk")
    go_down(proxy)
    spooled_seq(connection, "INSERT INTO other VALUES (1)")
    proxy.kill()
    path = os.path.join(proxy.data, "cache.db")
    assert os.stat(path).st_mode & 0o777 == 0o600
    for tail in ("-wal", "-shm"):
        if os.path.exists(path + tail):
            os.unlink(path + tail)
    with open(path, "r+b") as file:
        file.write(b"garbage " * 2000)
    proxy.start()
    proxy.wait_state("down")
    not_cached(proxy.connect(), "SELECT * FROM t")
    wait_until(lambda: "is unreadable, and begun anew" in proxy.log_text(), 10, "the log says so")
    assert os.path.exists(path + ".unreadable") and proxy.health()["spool"]["pending"] == 1
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT COUNT(*) FROM other", database=proxy.database) == ((1,),)
    run(proxy.connect(), "SELECT * FROM t")
    wait_until(lambda: proxy.json("/health/cache")["disk"]["written"] >= 1, 20, "the new file is written to")


# --- the options

def test_each_option_does_what_it_says(mariadb, start_proxy):
    """Four proxies, one outage."""
    plain = start_proxy(mariadb)
    scene(plain)
    refusing, short, off = (start_proxy(mariadb, database=plain.database, account=plain.account, **settings) for settings in (
        {"HOLDWATER_CACHE_AFTER_WRITE": "refuse"}, {"HOLDWATER_CACHE_MAX_STALE": 2, "HOLDWATER_CACHE_MAX_RESULT": 200_000},
        {"HOLDWATER_CACHE_ENABLED": "false"}))
    connections = {proxy: proxy.connect() for proxy in (plain, refusing, short, off)}
    for connection in connections.values():
        for statement in ("SELECT * FROM t", "SELECT * FROM other"):
            run(connection, statement)
    sizes = (70_000, 190_000, 210_000, 3_000_000)
    for size in sizes:
        assert len(value(connections[short], f"SELECT REPEAT('x', {size}) FROM t LIMIT 1")) == size
    wait_until(lambda: short.json("/health/cache")["fills"] == 4, 20, "the larger answers are not kept")
    wait_until(lambda: short.json("/health/cache")["disk"]["written"] >= 4, 20, "it is on the disk")
    assert off.json("/health/cache")["enabled"] is False
    assert not os.path.exists(os.path.join(off.data, "cache.db"))
    wait_until(lambda: plain.json("/health/cache")["disk"]["written"] >= 2, 20, "it is on the disk")
    go_down(plain)
    for proxy in (refusing, short, off):
        proxy.wait_state("down")

    connection = connections[plain]
    assert "queued" not in cached(connection, "SELECT * FROM t")[1]
    run(connection, "INSERT INTO t VALUES (4, 4, 'four')")
    rows, note = cached(connection, "SELECT * FROM t")
    assert len(rows) == 3 and "writes to what it reads are queued and not in it" in note
    assert "other writes are queued" in cached(connection, "SELECT * FROM other")[1]
    assert plain.http("/health/cache/clear", "POST")[0] == 200
    not_cached(connection, "SELECT * FROM t")
    plain.restart()
    plain.wait_state("down")
    not_cached(plain.connect(), "SELECT * FROM t")

    connection = connections[refusing]
    cached(connection, "SELECT * FROM t")
    run(connection, "BEGIN")
    run(connection, "UPDATE t SET n = 0")
    not_cached(connection, "SELECT * FROM t", "queued writes")  # of its own transaction
    cached(refusing.connect(), "SELECT * FROM t")
    run(connection, "ROLLBACK")
    cached(connection, "SELECT * FROM t")
    run(connection, "UPDATE t SET n = 0")
    not_cached(refusing.connect(), "SELECT * FROM t", "queued writes")
    cached(connection, "SELECT * FROM other")

    wait_until(lambda: is_refused(connections[short], "SELECT * FROM t"), 20, "it is too old")
    not_cached(connections[short], "SELECT * FROM t", "older than cache.max_stale")
    assert short.json("/health/cache")["too_old"] >= 1
    short.restart()
    short.wait_state("down")
    not_cached(short.connect(), "SELECT * FROM t", "cache")

    not_cached(connections[off], "SELECT * FROM t")


def is_refused(connection, statement):
    try:
        run(connection, statement)
        return False
    except pymysql.err.MySQLError:
        return True


# --- no other's answer

def arrive(proxy, *statements, **options):
    connection = proxy.connect(**options)
    for statement in statements:
        run(connection, statement)
    return connection


def test_nothing_that_was_answered_to_others_is_served(server, start_proxy):
    """Of each pair only one has asked. The text is the same, and so is everything else."""
    second, stranger = Account("second", "secret-second"), Account("stranger", "secret-stranger")
    server.create_account(second.user, second.password, "app0")
    proxy = start_proxy(server, accounts=[second])
    known = scene(proxy)
    server.create_account(stranger.user, stranger.password, proxy.database)
    relayed = proxy.connect(stranger)  # its password is not known: it cannot be told apart without the server
    run(relayed, "SELECT n FROM t")
    assert proxy.json("/health/cache")["fills"] == 0
    run(known, "SELECT n FROM t")
    for statement in (f"GRANT SELECT ON {proxy.database}.* TO {second.user}", "CREATE DATABASE IF NOT EXISTS elsewhere",
                      f"GRANT ALL ON elsewhere.* TO {proxy.account.user}", "CREATE TABLE IF NOT EXISTS elsewhere.t (id INT, n INT)"):
        server.run(statement)
    isolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
    text = "SELECT id, n FROM t WHERE id > 0 /* {} */"
    pairs = [({}, (), {"account": second}, ()), ({}, (), {"database": "elsewhere"}, ()), ({}, (), {}, ("USE elsewhere",)),
             ({}, (), {"charset": "latin1"}, ()), ({}, (), {}, ("SET NAMES utf8mb4 COLLATE utf8mb4_bin",)),
             ({}, (), {}, ("SET character_set_results = latin1",)), ({}, (), {}, ("SET sql_mode = 'ANSI_QUOTES'",)),
             ({}, (), {}, ("SET time_zone = '+05:00'",)), ({}, (), {}, ("SET lc_time_names = 'de_DE'",)),
             ({}, (), {}, (isolation,)), ({}, (), {}, ("SET group_concat_max_len = 5",)),
             ({}, (), {}, ("SET sql_select_limit = 1",)), ({}, (), {}, ("SET div_precision_increment = 2",))]
    for number, (here, before, there, changes) in enumerate(pairs):
        for turn, (options, statements) in enumerate(((here, before), (there, changes))):
            run(arrive(proxy, *statements, **options), text.format(f"{number}, {turn}"))
    session = opened(proxy, 0)  # as text and as an execution
    binary, asked = "SELECT id FROM t WHERE id = 1", "SELECT id FROM t WHERE id = 2"
    executed, _ = prepare(session, binary)
    packets(session, COM_STMT_EXECUTE, struct.pack("<IBI", executed, 0, 1))
    packets(session, COM_QUERY, asked.encode())
    unused, _ = prepare(session, asked)
    go_down(proxy)
    for number, (here, before, there, changes) in enumerate(pairs):
        sides = ((here, before), (there, changes))
        for turn, (options, statements) in enumerate(sides):
            if "SET sql_select_limit = 1" not in statements:  # a session with it is not known well enough
                cached(arrive(proxy, *statements, **options), text.format(f"{number}, {turn}"))
            options, statements = sides[1 - turn]
            not_cached(arrive(proxy, *statements, **options), text.format(f"{number}, {turn}"), "")
    with pytest.raises(Err, match=NOTHING):
        packets(session, COM_QUERY, binary.encode())
    with pytest.raises(Err, match=NOTHING):
        packets(session, COM_STMT_EXECUTE, struct.pack("<IBI", unused, 0, 1))
    packets(session, COM_STMT_EXECUTE, struct.pack("<IBI", executed, 0, 1))
    packets(session, COM_QUERY, asked.encode())
    cached(known, "SELECT n FROM t")
    with pytest.raises(pymysql.err.MySQLError):
        run(relayed, "SELECT n FROM t")
    with pytest.raises(pymysql.err.MySQLError):
        proxy.connect(stranger)


# --- no lie about the data

def test_what_must_not_be_kept_is_not(scened, server):
    proxy, connection = scened
    for statement in (
            "SELECT * FROM t FOR UPDATE", "SELECT * FROM t LOCK IN SHARE MODE", "SELECT @x, id FROM t", "SELECT @@sql_mode, id FROM t",
            "SELECT LAST_INSERT_ID(), id FROM t", "SELECT CONNECTION_ID(), id FROM t", "SELECT UUID(), id FROM t",
            "SELECT id FROM t ORDER BY RAND()", "SELECT NOW()", "SHOW PROCESSLIST", "SHOW GLOBAL STATUS", "SHOW GRANTS",
            "EXPLAIN SELECT * FROM t", "SHOW OPEN TABLES", "SELECT * FROM information_schema.processlist"):
        run(connection, statement)
    for statement in ("SELECT * FROM missing", "SELECT nonsense FROM t"):
        with pytest.raises(pymysql.err.MySQLError):
            run(connection, statement)
    assert proxy.json("/health/cache")["fills"] == 0
    run(connection, "SELECT id FROM t")
    wait_until(lambda: proxy.json("/health/cache")["fills"] == 1, 20, "this one, and none before")


def test_what_only_its_own_session_or_snapshot_saw_is_not_served_to_others(scened, server):
    proxy, connection = scened
    texts = [f"SELECT COUNT(*) FROM t /* {number} */" for number in range(5)]
    for text in texts:
        assert value(connection, text) == 3
    writer, reader, old = (proxy.connect() for _ in range(3))
    run(old, "BEGIN")
    assert value(old, texts[4]) == 3
    begun = time.monotonic()
    for begin, text in (("BEGIN", texts[0]), ("SET autocommit = 0", texts[1])):  # its own rows
        run(writer, begin)
        run(writer, "INSERT INTO t VALUES (9, 9, 'mine')")
        assert value(writer, text) == 4
        run(writer, "ROLLBACK")
    session = opened(proxy, 0)
    session.query("BEGIN")
    session.query("INSERT INTO t VALUES (9, 9, 'mine')")
    number, _ = prepare(session, "SELECT MAX(id) FROM t")
    packets(session, COM_STMT_EXECUTE, struct.pack("<IBI", number, 0, 1))
    session.query("ROLLBACK")
    run(writer, "INSERT INTO t VALUES (9, 9, 'theirs')")  # others' rows, in an isolation for one transaction alone
    once = "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"
    run(reader, once)
    assert value(reader, texts[2]) == 4
    run(reader, once)
    run(reader, "BEGIN")
    assert value(reader, texts[3]) == 4
    run(reader, "COMMIT")
    run(writer, "ROLLBACK")
    hider, hidden = proxy.connect(), proxy.connect()  # tables of its own over others
    run(hider, "CREATE TEMPORARY TABLE other (id INT)")
    run(hider, "INSERT INTO other VALUES (77)")
    assert run(hider, "SELECT * FROM other") == ((77,),)
    server.run("SET GLOBAL log_bin_trust_function_creators = 1",
               "CREATE FUNCTION hide() RETURNS INT NOT DETERMINISTIC MODIFIES SQL DATA BEGIN CREATE TEMPORARY TABLE t (id INT); "
               "INSERT INTO t VALUES (66); RETURN 1; END", database=proxy.database)
    run(hidden, "SELECT hide()")
    assert run(hidden, "SELECT id FROM t") == ((66,),)
    run(connection, "INSERT INTO t VALUES (4, 4, 'four')")  # an old snapshot
    wait_until(lambda: time.monotonic() - begun > 2.1, 10, "two seconds")
    assert value(connection, texts[4]) == 4
    assert value(old, texts[4]) == 3
    assert value(old, "SELECT COUNT(*), 1 FROM t") == 3
    run(old, "COMMIT")
    go_down(proxy)
    for text in texts:
        assert cached(connection, text)[0] == ((4 if text == texts[4] else 3,),), text
    rows, note = cached(connection, "SELECT COUNT(*), 1 FROM t")
    assert rows == ((3, 1),) and age_in(note) >= 2
    for statement in ("SELECT * FROM other", "SELECT id FROM t"):
        not_cached(connection, statement)
    late = opened(proxy, 0)
    number, _ = prepare(late, "SELECT MAX(id) FROM t")
    with pytest.raises(Err, match=NOTHING):
        packets(late, COM_STMT_EXECUTE, struct.pack("<IBI", number, 0, 1))


def test_a_right_that_was_taken_away_shows_nothing_more(mariadb, start_proxy):
    server, reader = mariadb, Account("reader", "secret-reader")
    server.create_account(reader.user, reader.password, "app0")
    proxy = start_proxy(server, accounts=[reader])
    owner = scene(proxy)
    server.run(f"GRANT SELECT ON {proxy.database}.t TO {reader.user}", f"GRANT SELECT ON {proxy.database}.other TO {reader.user}",
               f"GRANT ALL ON {proxy.database}.* TO {proxy.account.user} WITH GRANT OPTION")
    connection = proxy.connect(reader)
    run(connection, "SELECT * FROM t")
    server.run(f"REVOKE SELECT ON {proxy.database}.t FROM {reader.user}")  # past the proxy: the error tells
    with pytest.raises(pymysql.err.MySQLError):
        run(connection, "SELECT * FROM t")
    assert proxy.json("/health/cache")["entries"] == 0
    run(connection, "SELECT * FROM other")
    wait_until(lambda: proxy.json("/health/cache")["entries"] == 1, 20, "it is kept")
    run(proxy.connect(), f"REVOKE SELECT ON {proxy.database}.other FROM {reader.user}")  # through it
    assert proxy.json("/health/cache")["entries"] == 0
    run(owner, "SELECT * FROM other")
    run(owner, "DROP TABLE other")
    with pytest.raises(pymysql.err.MySQLError):
        run(owner, "SELECT * FROM other")
    go_down(proxy)
    for statement in ("SELECT * FROM t", "SELECT * FROM other"):
        not_cached(connection, statement)
        not_cached(owner, statement)


@pytest.mark.parametrize("statements", [
    ("PREPARE s FROM 'REVOKE SELECT ON {} FROM reader'", "EXECUTE s"),
    ("EXECUTE IMMEDIATE 'REVOKE SELECT ON {} FROM reader'",),
    ("BEGIN NOT ATOMIC REVOKE SELECT ON {} FROM reader; END",),
    ("SET STATEMENT sort_buffer_size = 100000 FOR REVOKE SELECT ON {} FROM reader",)], ids=lambda given: given[0].split()[0])
def test_however_a_right_is_taken_away_it_shows_nothing_more(mariadb, start_proxy, statements):
    server, reader = mariadb, Account("reader", "secret-reader")
    server.create_account(reader.user, reader.password, "app0")
    proxy = start_proxy(server, accounts=[reader])
    scene(proxy)
    server.run(f"GRANT SELECT ON {proxy.database}.t TO {reader.user}",
               f"GRANT ALL ON {proxy.database}.* TO {proxy.account.user} WITH GRANT OPTION")
    connection, owner = proxy.connect(reader), proxy.connect()
    run(connection, "SELECT * FROM t")
    for statement in statements:
        run(owner, statement.format(f"{proxy.database}.t"))
    go_down(proxy)
    not_cached(connection, "SELECT * FROM t")


# --- transactions

def test_a_transaction_reads_and_goes_on_as_after_a_lost_snapshot(scened, server):
    proxy, connection = scened
    strict = arrive(proxy, "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    for one in (connection, strict):
        run(one, "SELECT * FROM t")
    go_down(proxy)
    cached(strict, "SELECT * FROM t")
    run(strict, "BEGIN")
    not_cached(strict, "SELECT * FROM t", "SERIALIZABLE")
    run(strict, "ROLLBACK")
    run(strict, "SET autocommit = 0")
    not_cached(strict, "SELECT * FROM t", "SERIALIZABLE")
    session = opened(proxy, 0)
    session.query("SET autocommit = 0")  # then a read begins a transaction
    not_there = packets(session, COM_QUERY, b"SELECT 1")[1]
    assert not not_there[1] & 1
    assert packets(session, COM_QUERY, b"SELECT * FROM t")[1][1] & 1
    session.query("COMMIT")
    run(connection, "BEGIN")
    cached(connection, "SELECT * FROM t")
    run(connection, "INSERT INTO other VALUES (5)")
    _, note = cached(connection, "SELECT * FROM t")
    assert "other writes" in note
    spooled_seq(connection, "COMMIT")
    run(connection, "BEGIN")
    cached(connection, "SELECT * FROM t")
    server.start()
    proxy.wait_drained()
    with pytest.raises(pymysql.err.MySQLError) as lost:  # the rest of it would be of another moment
        run(connection, "SELECT * FROM t")
    assert lost.value.args[0] == 1213
    assert len(run(connection, "SELECT * FROM t")) == 3
    assert run(connection, "SELECT * FROM other") == ((5,),)
