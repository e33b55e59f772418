"""Reads that a replica answers while the server is away. In most tests the replica is the server itself, reached another way, so
that its answers can be compared with the server's; replication, other rights and other rows have a server of their own."""
import re
import struct
import threading
import time

import pymysql
import pytest

from conftest import LONG
from lib.command_line import CommandLine
from lib.process import wait_until
from lib.proxy import Account
from lib.relay import Relay
from lib.replication import follow, position, source_of_replication, word
from lib.server import KINDS
from lib.sql import error_number, run, spooled_seq, value, was_refused_for_outage
from lib.statements import Session
from lib.wire import COM_QUERY, DEPRECATE_EOF, Err
from test_metrics import series
from test_read_cache import (CACHE_METADATA, EXTENDED_METADATA, OF_THE_SERVER, READS, arrive, ASKED, cached, execute, not_cached, note_of, opened,
                             packets, prepare)

TIMEOUT = 3  # server.replica_timeout of these tests, in seconds


class Scene:
    """A proxy whose way to the server, and whose way to the replica, can be cut by themselves."""

    def __init__(self, server, start_proxy, replica=None, more=(), **settings):
        self.server = server
        self.way, self.replica = Relay(server.host, server.port), Relay((replica or server).host, (replica or server).port)
        settings.setdefault("HOLDWATER_CACHE_ENABLED", "false")
        names = [*more, f"{self.replica.host}:{self.replica.port}"]
        self.proxy = start_proxy(server, before=self.way, MYSQL_REPLICAS=", ".join(names),
                                 HOLDWATER_SERVER_REPLICA_TIMEOUT=TIMEOUT, **settings)
        connection = self.proxy.connect()
        for statement in ("CREATE TABLE t (id INT PRIMARY KEY, n INT, s VARCHAR(50)) ENGINE=InnoDB",
                          "CREATE TABLE other (id INT PRIMARY KEY) ENGINE=InnoDB",
                          "INSERT INTO t VALUES (1, 10, 'one'), (2, 20, 'zw\u00f6lf'), (3, NULL, NULL)"):
            run(connection, statement)
        self.connection = connection

    def lose_server(self):
        self.proxy.wait_tables_known()  # for the writes of the outage
        self.way.close()
        self.proxy.wait_state("down")

    def find_server(self):
        self.way.open()
        self.proxy.wait_drained()

    def seen(self, at=-1):
        return self.proxy.health()["database"]["replicas"][at]

    def wait_seen(self, state, at=-1):
        wait_until(lambda: self.seen(at)["state"] == state, 15, lambda: f"the replica is {state}: {self.seen(at)}")

    def close(self):
        for relay in (self.way, self.replica):
            if relay._listener is not None:
                relay.close()


@pytest.fixture
def scene_before(start_proxy):
    made = []

    def make(server, **settings):
        made.append(Scene(server, start_proxy, **settings))
        return made[-1]
    yield make
    for one in made:
        one.proxy.close()
        one.close()


@pytest.fixture
def scene(server, scene_before):
    return lambda **settings: scene_before(server, **settings)


def on(usual):
    """Before that kind of server, and the other one in the long run."""
    return pytest.mark.parametrize("server", ["mariadb", "mysql"] if LONG else [usual], indirect=True)


def replied(connection, statement, args=None):
    """Runs a read that a replica must answer: (rows, the Note)."""
    rows, note = cached(connection, statement, args)
    assert "from a replica" in note, note
    return rows, note


# --- answered

def test_reads_go_to_a_replica_while_the_server_is_away_and_never_else(scene):
    here = scene()
    up = {statement: run(here.connection, statement) for statement in READS}
    wait_until(lambda: not here.replica._pairs, 10, "nobody is there")
    assert here.seen()["state"] == "unwatched"
    here.lose_server()
    for connection in (here.connection, here.proxy.connect()):
        for statement in READS:
            rows, note = replied(connection, statement)
            assert rows == up[statement] and note == "Holdwater: the server is down; this answer is from a replica"
    assert replied(here.connection, "SELECT n + %s FROM t WHERE id = 2", (5,))[0] == ((25,),), "never asked before"
    assert value(here.connection, "SELECT 1") == 1, "what needs no table is answered here"
    for statement in ("SELECT * FROM t FOR UPDATE", "SELECT RAND() FROM t", "CREATE TABLE x (id INT)", "SELECT @x, id FROM t",
                      *OF_THE_SERVER):
        was_refused_for_outage(here.connection, statement)
    reads = 2 * len(READS) + 1
    seen = here.seen()
    assert (seen["state"], seen["reads"], seen["connections"], seen["failures"]) == ("usable", reads, 2, 0)
    assert seen["behind_s"] is None and seen["address"].endswith(str(here.replica.port))
    assert series(here.proxy, "holdwater_replica_reads_total") == reads
    assert series(here.proxy, "holdwater_replica_connections") == 2 and series(here.proxy, "holdwater_replica_usable") == 1
    assert series(here.proxy, "holdwater_commands_total", course="replica") == reads
    said = CommandLine(here.proxy)("status")[1]
    assert "a replica answers reads" in said and f"{seen['address']}: usable" in said
    here.find_server()
    wait_until(lambda: not here.replica._pairs, 10, "the connections to the replica are closed")
    here.wait_seen("unwatched")
    for statement in READS:
        assert run(here.connection, statement) == up[statement]
        assert run(here.connection, "SHOW WARNINGS") == ()
    assert not here.replica._pairs and here.seen()["reads"] == reads
    log = here.proxy.log_text()
    assert log.count("reads go to the replica") == 1 and f"has answered {reads}" in log and "FROM t" not in log
    here.lose_server()
    replied(here.connection, READS[0])


def every_packet_is_the_servers_own(here, form, mariadb=0):
    asking = opened(here.proxy, form, mariadb)
    texts = [statement.encode() for statement in READS]
    up = [packets(asking, COM_QUERY, text)[0] for text in texts]
    early, prepared_up = prepare(asking, ASKED)
    executed_up = [execute(asking, early)[0] for _ in range(2)][-1]
    here.lose_server()
    fresh = opened(here.proxy, form, mariadb)
    for session in (asking, fresh):
        for text, expected in zip(texts, up):
            answer, ending = packets(session, COM_QUERY, text)
            assert answer == expected and 1 in ending, text
    late, prepared_down = prepare(fresh, ASKED)
    assert prepared_down == prepared_up
    assert execute(fresh, late)[0] == executed_up, "prepared in the outage"
    assert execute(fresh, late, types=False)[0] == executed_up, "without its types"
    assert execute(asking, early, types=False)[0] == executed_up, "prepared before, and its types sent before"
    assert len(execute(fresh, late, low=3)[0][0]) < len(executed_up[0])
    again, _ = prepare(fresh, "SELECT s FROM t WHERE id > ? AND s < ?")
    fresh.raw.command(0x19, struct.pack("<I", late))  # COM_STMT_CLOSE, which has no answer
    execute(fresh, again)
    here.find_server()
    assert execute(asking, early)[0] == executed_up
    again_up = execute(fresh, again, types=False)[0]
    here.lose_server()
    assert execute(fresh, again, types=False)[0] == again_up


@pytest.mark.parametrize("server, form", [("mariadb", 0), ("mysql", DEPRECATE_EOF)] +
                         ([("mariadb", DEPRECATE_EOF), ("mysql", 0)] if LONG else []), indirect=["server"])
def test_every_packet_is_the_servers_own(scene, form):
    every_packet_is_the_servers_own(scene(), form)


@pytest.mark.parametrize("form, mariadb", [(0, EXTENDED_METADATA), (DEPRECATE_EOF, CACHE_METADATA | EXTENDED_METADATA)],
                         ids=["extended metadata", "cached metadata"])
def test_so_it_is_with_mariadbs_own_capabilities(mariadb118, scene_before, form, mariadb):
    every_packet_is_the_servers_own(scene_before(mariadb118), form, mariadb)


def test_a_session_is_at_the_replica_what_it_was_at_the_server_and_what_it_becomes(scene):
    here = scene()
    here.server.run("DROP DATABASE IF EXISTS beside", "CREATE DATABASE beside", "CREATE TABLE beside.t (id INT, s VARCHAR(9))",
                    "INSERT INTO beside.t VALUES (7, 'beside')", f"GRANT SELECT ON beside.* TO {here.proxy.account.user}")
    asked = ["SELECT s, HEX(s), FROM_UNIXTIME(id), 'a' \"b\", DATE_FORMAT('2024-03-05', '%M') FROM t WHERE id = 2",
             "SELECT GROUP_CONCAT(s ORDER BY id) FROM t", "SELECT 'a' = 'A', COUNT(*) FROM t"]
    kinds = [{}, {"charset": "latin1"}, {"database": "beside"}]
    changes = [[], ["SET time_zone = '+05:00'", "SET lc_time_names = 'de_DE'"], ["SET NAMES utf8mb4 COLLATE utf8mb4_bin"],
               ["SET SESSION group_concat_max_len = 5"], ["SET character_set_results = NULL"], ["USE beside"]]
    sessions = [(kind, before, arrive(here.proxy, *before, **kind)) for kind in kinds for before in changes]
    up = [[run(connection, text) for text in asked] for _, _, connection in sessions]
    here.lose_server()
    for (kind, before, connection), expected in zip(sessions, up):
        assert [replied(connection, text)[0] for text in asked] == expected, ("set before", kind, before)
        late = here.proxy.connect(**kind)
        replied(late, asked[1])
        for statement in before:
            run(late, statement)
        assert [replied(late, text)[0] for text in asked] == expected, ("set in the outage", kind, before)
    connection = sessions[0][2]
    session = Session(here.proxy)
    of_t = session.prepare("SELECT id, s FROM t WHERE id = 7 OR id = 1")
    assert [row[0] for row in session.execute(of_t, [])] == [1]
    session.raw.command(0x02, b"beside")  # COM_INIT_DB
    session.raw.expect_ok()
    of_other = session.prepare("SELECT id, s FROM t WHERE id = 7 OR id = 1")
    assert [row[0] for row in session.execute(of_other, [])] == [7]
    assert [row[0] for row in session.execute(of_t, [])] == [1], "it means what it meant when it was prepared"
    session.raw.command(0x1F)  # COM_RESET_CONNECTION
    session.raw.expect_ok()
    run(connection, "SET sql_mode = 'ANSI_QUOTES'")
    assert replied(connection, 'SELECT "id" FROM t WHERE id = 1')[0] == ((1,),)


@on("mysql")
def test_a_large_result_streams_through_in_bounded_memory(scene):
    here = scene()
    here.lose_server()
    client = Session(here.proxy).raw
    replied(here.connection, "SELECT COUNT(*) FROM t")
    before = here.proxy.resident_bytes()
    rows, size = 729, 90_000  # 62 MiB
    client.command(COM_QUERY, f"SELECT REPEAT('x', {size}) FROM t a, t b, t c, t d, t e, t f".encode())
    client.expect_ok(), client.read(), client.read()
    most = before
    for number in range(rows):
        assert len(client.read()) == size + 4
        if number % 100 == 0:
            most = max(most, here.proxy.resident_bytes())
    assert client.read()[:3] == b"\xfe\x01\x00"
    assert most - before < 16 << 20
    assert replied(here.connection, "SELECT REPEAT('x', 300000), REPEAT('y', 20000000) FROM t LIMIT 1")[0] == (
        ("x" * 300_000, "y" * 20_000_000),), "of packets that no buffer holds"


# --- nothing is written

def test_what_a_view_writes_is_not_written_to_a_replica(scene):
    here = scene()
    here.server.run("SET GLOBAL log_bin_trust_function_creators = 1",
                    "CREATE FUNCTION writes() RETURNS INT NOT DETERMINISTIC MODIFIES SQL DATA BEGIN INSERT INTO other VALUES (66); RETURN 1; END",
                    "CREATE VIEW v AS SELECT id, writes() AS w FROM t WHERE id = 1", database=here.proxy.database)
    assert run(here.connection, "SELECT w FROM v") == ((1,),)
    here.server.run("DELETE FROM other", database=here.proxy.database)
    run(here.connection, "SET SESSION TRANSACTION READ WRITE")
    here.lose_server()
    for connection in (here.connection, arrive(here.proxy, "SET SESSION TRANSACTION READ WRITE")):
        _, text = was_refused_for_outage(connection, "SELECT w FROM v")
        assert "a replica says" in text and "READ ONLY" in text
        assert len(replied(connection, "SELECT id FROM t")[0]) == 3
        run(connection, "SET SESSION TRANSACTION READ WRITE")  # said in the outage, to Holdwater
        was_refused_for_outage(connection, "SELECT w FROM v")
    session = Session(here.proxy)
    with pytest.raises(Err, match="READ ONLY"):
        session.execute(session.prepare("SELECT w FROM v"), [])
    assert here.server.run("SELECT COUNT(*) FROM other", database=here.proxy.database) == ((0,),)


def test_a_view_that_takes_read_only_back_writes_nothing_later(scene):
    here = scene()
    variable = "tx_read_only" if here.server.kind == "mariadb" else "transaction_read_only"
    here.server.run("SET GLOBAL log_bin_trust_function_creators = 1",
                    f"CREATE FUNCTION undoes() RETURNS INT NOT DETERMINISTIC BEGIN SET SESSION {variable} = 0; RETURN 1; END",
                    "CREATE FUNCTION writes() RETURNS INT NOT DETERMINISTIC MODIFIES SQL DATA BEGIN INSERT INTO other VALUES (66); RETURN 1; END",
                    "CREATE VIEW u AS SELECT id, undoes() AS w FROM t WHERE id = 1", "CREATE VIEW v AS SELECT id, writes() AS w FROM t WHERE id = 1",
                    database=here.proxy.database)
    here.lose_server()
    for _ in range(2):
        assert replied(here.connection, "SELECT w FROM u")[0] == ((1,),)
        assert "READ ONLY" in was_refused_for_outage(here.connection, "SELECT w FROM v")[1]
    session = Session(here.proxy)
    session.execute(session.prepare("SELECT w FROM u"), [])
    with pytest.raises(Err, match="READ ONLY"):
        session.execute(session.prepare("SELECT w FROM v"), [])
    assert here.server.run("SELECT COUNT(*) FROM other", database=here.proxy.database) == ((0,),)


def test_rows_are_of_the_moment_though_autocommit_is_off_at_the_replica(scene):
    """Off by init_connect, and off for all."""
    here = scene()
    here.lose_server()
    for at, (off, on) in enumerate((("init_connect = 'SET autocommit = 0'", "init_connect = ''"), ("autocommit = 0", "autocommit = 1"))):
        here.server.run(f"SET GLOBAL {off}")
        try:
            connection = here.proxy.connect()
            assert len(replied(connection, "SELECT id FROM t")[0]) == 3 + at
            here.server.run(f"INSERT INTO t VALUES ({77 + at}, 1, 'x')", "COMMIT", database=here.proxy.database)
            assert len(replied(connection, "SELECT id FROM t")[0]) == 4 + at
        finally:
            here.server.run(f"SET GLOBAL {on}")


# --- queued writes and transactions

@pytest.mark.parametrize("server, policy", [("mariadb", "serve"), ("mysql", "serve"), ("mariadb", "refuse")], indirect=["server"])
def test_queued_writes_are_missing_and_the_note_says_so(scene, policy):
    here = scene(HOLDWATER_CACHE_AFTER_WRITE=policy)
    here.lose_server()
    connection = here.connection
    assert "queued" not in replied(connection, "SELECT * FROM t")[1]
    spooled_seq(connection, "INSERT INTO t VALUES (4, 4, 'four')")
    assert "other writes are queued" in replied(connection, "SELECT * FROM other")[1]
    if policy == "refuse":
        was_refused_for_outage(connection, "SELECT * FROM t")
        return
    rows, note = replied(connection, "SELECT * FROM t")
    assert len(rows) == 3 and "writes to what it reads are queued and not in it" in note
    with connection.cursor() as cursor:  # its own warnings are counted in the note
        cursor.execute("SELECT 1 FROM t WHERE n = '10x'")
    assert re.search(r"it had [1-9]\d* warning\(s\) of the replica's", note_of(connection))


def test_a_transaction_reads_at_the_replica_until_it_writes(scene):
    here = scene()
    connection, strict = here.connection, arrive(here.proxy, "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    here.lose_server()
    replied(strict, "SELECT * FROM t")
    run(strict, "BEGIN")
    was_refused_for_outage(strict, "SELECT * FROM t")
    session = opened(here.proxy, 0)
    in_transaction = lambda: bool(packets(session, COM_QUERY, b"SELECT * FROM t")[1][1] & 1)  # noqa: E731
    assert not in_transaction()
    session.query("SET autocommit = 0")
    assert in_transaction()
    session.query("COMMIT")
    run(connection, "BEGIN")
    replied(connection, "SELECT * FROM t")
    run(connection, "INSERT INTO other VALUES (5)")
    was_refused_for_outage(connection, "SELECT * FROM t")
    spooled_seq(connection, "COMMIT")
    replied(connection, "SELECT * FROM t")
    run(connection, "BEGIN")
    replied(connection, "SELECT * FROM t")
    here.find_server()
    assert error_number(connection, "SELECT * FROM t")[0] == 1213, "the rest of it would be of another moment"
    assert run(connection, "SELECT * FROM other") == ((5,),)


# --- a replica that fails

@on("mariadb")
def test_a_replica_that_is_dead_frozen_or_comes_back(scene):
    """First in the list one that nobody listens for, which costs nothing; then the cache answers what it can."""
    here = scene(more=["127.0.0.1:1", "/nowhere/mysql.sock"], HOLDWATER_CACHE_ENABLED="true")
    connection = here.connection
    up = run(connection, "SELECT * FROM t")
    here.replica.close()
    here.lose_server()
    assert "from the cache" in cached(connection, "SELECT * FROM t")[1]
    not_cached(connection, "SELECT id FROM t", "no replica")
    here.wait_seen("failed")
    here.replica.open()
    here.wait_seen("usable")
    assert replied(connection, "SELECT * FROM t")[0] == up and replied(connection, "SELECT id FROM t")
    fresh = here.proxy.connect()
    here.replica.freeze()  # with a connection of the one, and none of the other
    for one in (connection, fresh):
        began = time.monotonic()
        assert "from the cache" in cached(one, "SELECT * FROM t")[1]
        assert time.monotonic() - began < 40, "the wait is bounded"
    here.wait_seen("failed")
    began = time.monotonic()
    for _ in range(20):
        not_cached(connection, "SELECT id FROM t", "no replica")
    assert time.monotonic() - began < 10 * TIMEOUT, "it is not waited for again and again"
    here.replica.thaw()
    here.wait_seen("usable")
    wait_until(lambda: "from a replica" in cached(connection, "SELECT * FROM t")[1], 15, "it is asked again")
    here.replica.close()  # between two reads
    assert "from the cache" in cached(connection, "SELECT * FROM t")[1]
    log = here.proxy.log_text()
    assert "127.0.0.1:1 cannot be asked" in log and "is not asked any more" in log
    assert here.seen(0)["state"] == here.seen(1)["state"] == "failed" and here.seen()["failures"] >= 2


@on("mysql")
def test_a_replica_that_dies_in_the_middle_of_an_answer(scene):
    here = scene()
    here.lose_server()
    client = Session(here.proxy).raw
    for how in (here.replica.close, here.replica.freeze):
        client.command(COM_QUERY, b"SELECT REPEAT('x', 60000) FROM t a, t b, t c, t d, t e, t f, t g")
        client.expect_ok(), client.read(), client.read(), client.read()
        how()
        with pytest.raises(Err, match="the replica was lost in the middle of this result") as lost:
            while True:
                client.expect_ok()
        assert lost.value.number == 2013
        client.command(0x0E)  # COM_PING
        assert client.expect_ok()[0] == 0, "the session lives on"
        if here.replica._listener is None:
            here.replica.open()
        here.replica.thaw()
        here.wait_seen("usable")
        wait_until(lambda: not is_err(client, b"SELECT id FROM t"), 15, "it is asked again")


def is_err(client, text):
    client.command(COM_QUERY, text)
    ends = 0
    while ends < 2:
        packet = client.read()
        if packet[0] == 0xFF:
            return True
        ends += packet[0] == 0xFE and len(packet) < 9
    return False


@on("mariadb")
def test_a_long_query_is_no_failure_and_connections_without_a_use_are_closed(scene):
    here = scene(HOLDWATER_POOL_IDLE_TIMEOUT=0.3)
    here.lose_server()
    holder = here.server.admin(here.proxy.database)
    run(holder, "LOCK TABLES t WRITE")
    waiting = lambda: here.server.run("SELECT COUNT(*) FROM information_schema.processlist WHERE info = 'SELECT id, n FROM t'")[0][0]  # noqa: E731
    stays, leaves = Session(here.proxy).raw, Session(here.proxy).raw
    for client in (stays, leaves):
        client.command(COM_QUERY, b"SELECT id, n FROM t")
    wait_until(lambda: waiting() == 2, 10, "both wait for the lock")
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 3 * TIMEOUT, 20, "longer than server.replica_timeout")
    seen = here.seen()
    assert waiting() == 2 and (seen["state"], seen["failures"], seen["connections"]) == ("usable", 0, 2)
    leaves.close()
    wait_until(lambda: here.seen()["connections"] == 1, 10, "whose client has left has no connection")
    run(holder, "UNLOCK TABLES")
    stays.expect_ok()
    wait_until(lambda: here.seen()["connections"] == 0, 10, "what is not used is closed")
    assert len(replied(here.connection, "SELECT id FROM t")[0]) == 3
    wait_until(lambda: here.seen()["connections"] == 0, 10, "each time")
    replied(here.connection, "SELECT id FROM t")


def test_kill_query_ends_a_read_at_a_replica_and_not_its_session(scene):
    here = scene()
    here.lose_server()
    replied(here.connection, "SELECT id FROM t")
    holder, ended = here.server.admin(here.proxy.database), []
    run(holder, "LOCK TABLES t WRITE")
    reader = threading.Thread(target=lambda: ended.append(error_number(here.connection, "SELECT id, n FROM t")))
    reader.start()
    waiting = lambda: here.server.run("SELECT COUNT(*) FROM information_schema.processlist WHERE info = 'SELECT id, n FROM t'")[0][0]  # noqa: E731
    wait_until(waiting, 10, "it waits for the lock")
    run(here.proxy.connect(), f"KILL QUERY {here.connection.thread_id()}")
    reader.join(60)
    assert ended and ended[0][0] == 1317, ended
    run(holder, "UNLOCK TABLES")
    assert len(replied(here.connection, "SELECT id FROM t")[0]) == 3 and here.seen()["failures"] == 0
    run(here.proxy.connect(), f"KILL QUERY {here.connection.thread_id()}")  # when it reads nothing
    assert len(replied(here.connection, "SELECT n FROM t")[0]) == 3


# --- a server of its own

@pytest.fixture(scope="module")
def others(root):
    """Another server of each kind, made when first asked for."""
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = KINDS[kind](root)
            made[kind].start("--server-id=2", "--relay-log=relay")
        return made[kind]
    yield get
    for server in made.values():
        server.destroy()


def test_only_who_may_read_at_the_replica_reads_there(server, others, scene):
    other = others(server.kind)
    stranger, reader = Account("stranger", "secret-stranger"), Account("reader", "secret-reader")
    for account in (stranger, reader):
        server.create_account(account.user, account.password, "app0")
    here = scene(replica=other, accounts=[stranger, reader], HOLDWATER_CACHE_ENABLED="true")
    database = here.proxy.database
    for account in (stranger, reader):
        server.run(f"GRANT SELECT ON {database}.* TO {account.user}")
    other.run(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}", f"CREATE TABLE {database}.t (id INT)",
              f"CREATE TABLE {database}.other (id INT)", f"INSERT INTO {database}.t VALUES (99)")
    other.create_account(here.proxy.account.user, here.proxy.account.password, database)
    other.create_account(reader.user, reader.password, "app0")
    other.run(f"GRANT SELECT ON {database}.other TO {reader.user}")
    connections = {account.user: here.proxy.connect(account) for account in (here.proxy.account, stranger, reader)}
    for connection in connections.values():
        assert len(run(connection, "SELECT id FROM t")) == 3
    here.lose_server()
    assert replied(connections[here.proxy.account.user], "SELECT id FROM t")[0] == ((99,),), "the replica's own rows"
    rows, note = cached(connections[stranger.user], "SELECT id FROM t")  # who has no account there
    assert len(rows) == 3 and "from the cache" in note
    assert replied(connections[reader.user], "SELECT id FROM other")[0] == ()
    _, text = was_refused_for_outage(connections[reader.user], "SELECT id FROM t")  # who has no right there
    assert "a replica says" in text and "denied" in text
    _, text = was_refused_for_outage(connections[here.proxy.account.user], "SELECT n FROM t")  # there is no such column
    assert "a replica says" in text and "1054" in text
    with pytest.raises(pymysql.err.MySQLError):
        here.proxy.connect(Account("unknown", "secret"))
    assert here.seen()["state"] == "usable"


def test_a_replica_of_another_kind_is_not_asked(mariadb, others, scene_before):
    other = others("mysql")
    here = scene_before(mariadb, replica=other)
    database = here.proxy.database
    other.run(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}", f"CREATE TABLE {database}.t (id INT)")
    other.create_account(here.proxy.account.user, here.proxy.account.password, database)
    here.lose_server()
    _, text = was_refused_for_outage(here.connection, "SELECT id FROM t")
    assert "a replica" in text


def test_a_read_of_the_last_inserts_id_is_not_asked_elsewhere(scene):
    here = scene()
    run(here.connection, "CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, s INT)")
    run(here.connection, "SET sql_auto_is_null = 1")
    run(here.connection, "INSERT INTO a (s) VALUES (5)")
    assert run(here.connection, "SELECT id FROM a WHERE id IS NULL") == ((1,),)
    run(here.connection, "SET sql_auto_is_null = 1")
    here.lose_server()
    was_refused_for_outage(here.connection, "SELECT id FROM a WHERE id IS NULL")
    assert len(replied(here.proxy.connect(), "SELECT id FROM a")[0]) == 1


@pytest.fixture(params=["mariadb", "mysql"])
def replicated(request, root, others):
    """A server that writes a binary log, and its replica."""
    source, replica = KINDS[request.param](root).start("--log-bin=bin", "--server-id=1"), others(request.param)
    source_of_replication(source, "app0")
    follow(replica, source, position(source))
    replica.word = word(replica)
    yield source, replica
    replica.run(f"STOP {replica.word}", f"RESET {replica.word} ALL")
    source.destroy()


@pytest.mark.limit(120)
def test_a_real_replica_says_how_far_it_is_behind(replicated, scene_before):
    source, replica = replicated
    here = scene_before(source, replica=replica, HOLDWATER_CACHE_MAX_STALE=2)
    source.run(f"GRANT {'REPLICA MONITOR' if source.kind == 'mariadb' else 'REPLICATION CLIENT'} ON *.* TO {here.proxy.account.user}")
    rows_there = lambda: replica.run(f"SELECT COUNT(*) FROM {here.proxy.database}.t")[0][0]  # noqa: E731

    def count():
        try:
            return rows_there()
        except pymysql.err.MySQLError:
            return 0
    wait_until(lambda: count() == 3, 30, "the rows arrive")
    granted = "SLAVE MONITOR" if source.kind == "mariadb" else "REPLICATION CLIENT"
    wait_until(lambda: granted in replica.run(f"SHOW GRANTS FOR {here.proxy.account.user}")[0][0], 30, "the rights arrive")
    here.lose_server()  # for Holdwater alone: the replica goes on to hear of it
    wait_until(lambda: here.seen()["state"] == "usable" and here.seen()["behind_s"] == 0, 30, lambda: f"it has caught up: {here.seen()}")
    rows, note = replied(here.connection, "SELECT * FROM t ORDER BY id")
    assert len(rows) == 3 and re.search("this answer is from a replica, [01] s behind$", note), note
    spooled_seq(here.connection, "INSERT INTO other VALUES (1)")
    replica.run(f"STOP {replica.word} SQL_THREAD")
    here.wait_seen("failed")
    _, text = was_refused_for_outage(here.connection, "SELECT * FROM t ORDER BY id")
    assert "applier is stopped" in here.seen()["last_error"] and "applier is stopped" in here.proxy.log_text()
    replica.run(f"STOP {replica.word}", f"CHANGE {'MASTER TO MASTER_DELAY' if source.kind == 'mariadb' else 'REPLICATION SOURCE TO SOURCE_DELAY'} = 3600",
                f"START {replica.word}")
    here.wait_seen("usable")
    source.run(f"INSERT INTO {here.proxy.database}.t VALUES (4, 4, 'later')")
    wait_until(lambda: (here.seen()["behind_s"] or 0) > 2, 30, lambda: f"it falls behind: {here.seen()}")
    was_refused_for_outage(here.connection, "SELECT * FROM t ORDER BY id")  # further than cache.max_stale
    replica.run(f"STOP {replica.word} IO_THREAD")  # and what it has is applied in an hour
    was_refused_for_outage(here.connection, "SELECT * FROM t ORDER BY id")
    here.wait_seen("failed")
    assert "its receiver is stopped" in here.seen()["last_error"]
    here.find_server()
    assert run(here.connection, "SELECT id FROM other") == ((1,),)
    assert len(run(here.connection, "SELECT * FROM t")) == 4


@pytest.mark.limit(120)
def test_a_replica_that_lost_its_source_is_asked_when_it_has_applied_all_that_it_has(replicated, scene_before):
    source, replica = replicated
    here = scene_before(source, replica=replica, HOLDWATER_CACHE_MAX_STALE=2)
    mariadb = source.kind == "mariadb"
    source.run(f"GRANT {'REPLICA MONITOR' if mariadb else 'REPLICATION CLIENT'} ON *.* TO {here.proxy.account.user}")
    granted = "SLAVE MONITOR" if mariadb else "REPLICATION CLIENT"

    def there():
        try:
            return granted in replica.run(f"SHOW GRANTS FOR {here.proxy.account.user}")[0][0] and replica.run(f"SELECT COUNT(*) FROM {here.proxy.database}.t")[0][0]
        except pymysql.err.MySQLError:
            return 0
    wait_until(lambda: there() == 3, 30, "the rows and the rights arrive")
    position = "Read_Master_Log_Pos" if mariadb else "Read_Source_Log_Pos"

    def received():
        with replica.admin(cursorclass=pymysql.cursors.DictCursor) as admin, admin.cursor() as cursor:
            cursor.execute(f"SHOW {replica.word} STATUS")
            return int(cursor.fetchone()[position])
    before, holder = received(), replica.admin(here.proxy.database)
    run(holder, "LOCK TABLES t READ")  # its applier waits
    source.run(f"INSERT INTO {here.proxy.database}.t VALUES (4, 4, 'later')")
    wait_until(lambda: received() > before, 30, "it has received a write")
    here.lose_server()
    source.stop()
    wait_until(lambda: here.seen()["state"] == "failed" or (here.seen()["behind_s"] or 0) > 2, 30, lambda: f"it is known to be behind: {here.seen()}")
    was_refused_for_outage(here.connection, "SELECT * FROM t ORDER BY id")
    run(holder, "UNLOCK TABLES")
    wait_until(lambda: there() == 4, 30, "all is applied")
    wait_until(lambda: here.seen()["state"] == "usable" and (here.seen()["behind_s"] or 0) <= 2, 30, lambda: f"it is known: {here.seen()}")
    assert len(replied(here.connection, "SELECT * FROM t ORDER BY id")[0]) == 4


# --- other ways to run

def test_a_plain_proxy_and_one_on_a_unix_socket_ask_a_replica_too(mariadb, start_proxy, root):
    way = Relay(mariadb.host, mariadb.port)
    proxy = start_proxy(mariadb, before=way, MYSQL_REPLICAS=mariadb.socket, HOLDWATER_SPOOL_ENABLED="false",
                        HOLDWATER_NET_BACKEND="epoll", drained=False)
    mariadb.run(f"CREATE TABLE {proxy.database}.t (id INT)", f"INSERT INTO {proxy.database}.t VALUES (1)")
    proxy.wait_state("up")
    connection = proxy.connect()
    assert run(connection, "SELECT id FROM t") == ((1,),)
    way.close()
    proxy.wait_state("down")
    assert replied(proxy.connect(), "SELECT id FROM t")[0] == ((1,),)
    proxy.close()
    proxy = start_proxy(mariadb, before=way, database=proxy.database, account=proxy.account, MYSQL_REPLICAS=mariadb.socket,
                        HOLDWATER_SERVER_TLS_MODE="off", data=proxy.data, drained=False)  # started in the outage
    proxy.wait_state("down")
    assert replied(proxy.connect(), "SELECT id FROM t")[0] == ((1,),)
