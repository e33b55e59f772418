"""What the server tells of a session (CLIENT_SESSION_TRACK) is followed, and the client sees none of it unless it asked."""
import pytest

from lib.process import wait_until
from lib.recorder import SESSION_TRACK, Recorder
from lib.sql import run, spooled_seq, value
from lib.wire import BASIC, DEPRECATE_EOF, MULTI_STATEMENTS, Client

MODERN = BASIC | MULTI_STATEMENTS | DEPRECATE_EOF


def set_up(server, proxy):
    """A function, a procedure and a trigger that change their session, which no statement's text tells."""
    server.run("SET GLOBAL log_bin_trust_function_creators = 1")
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, at DATETIME NULL) ENGINE=InnoDB")
    run(connection, "CREATE TABLE setting (zone VARCHAR(64)) ENGINE=InnoDB")
    run(connection, "CREATE FUNCTION travel(zone VARCHAR(64)) RETURNS INT BEGIN SET time_zone = zone; RETURN 1; END")
    run(connection, "CREATE FUNCTION speak(name VARCHAR(64)) RETURNS INT BEGIN SET character_set_results = name; RETURN 1; END")
    run(connection, "CREATE PROCEDURE move(zone VARCHAR(64)) SET time_zone = zone")
    run(connection, "CREATE TRIGGER travels BEFORE INSERT ON setting FOR EACH ROW SET time_zone = NEW.zone")
    return connection


def lose(server, connection):
    """The idle session's server connection is gone; the session does not know yet."""
    server.run(f"KILL {value(connection, 'SELECT CONNECTION_ID()')}")


CHANGES = {
    "a function": ["SELECT travel('+05:00')"],
    "a trigger": ["INSERT INTO setting VALUES ('+05:00')"],
    "an expression": ["SET @zone = '+05:00'", "SET time_zone = @zone"],
    "a prepared statement": ["PREPARE s FROM 'SET time_zone = ?'", "SET @zone = '+05:00'", "EXECUTE s USING @zone"],
    "one of several statements": ["DO 1; SET time_zone = '+05:00'; DO 2"],
}


# Of a SELECT without CLIENT_DEPRECATE_EOF; MariaDB's EOF says that something has changed, and it is asked what.
MYSQL_TELLS_LATER = {"mysql": ["DO 1"], "mariadb": []}


@pytest.mark.parametrize("by", CHANGES)
def test_what_changes_the_session_is_followed_and_restored(server, start_proxy, by):
    proxy = start_proxy(server)
    set_up(server, proxy)
    connection = proxy.connect(client_flag=MULTI_STATEMENTS)
    for statement in CHANGES[by] + MYSQL_TELLS_LATER[server.kind]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            while cursor.nextset():
                pass
    lose(server, connection)
    assert value(connection, "SELECT @@time_zone") == "+05:00"
    server.kill()
    proxy.wait_state("down")
    assert value(connection, "SELECT @@time_zone") == "+05:00"
    spooled_seq(connection, "INSERT INTO t VALUES (1, FROM_UNIXTIME(0))")
    server.start()
    proxy.wait_drained()
    assert str(value(connection, "SELECT at FROM t")) == "1970-01-01 05:00:00"


def test_a_character_set_that_a_function_chose_is_followed_and_restored(server, start_proxy):
    proxy = start_proxy(server)
    connection = set_up(server, proxy)
    for statement in ["SELECT speak('latin1')", *MYSQL_TELLS_LATER[server.kind]]:
        run(connection, statement)
    lose(server, connection)
    assert value(connection, "SELECT @@character_set_results") == "latin1"
    for statement in ["SELECT speak(NULL)", *MYSQL_TELLS_LATER[server.kind]]:
        run(connection, statement)
    lose(server, connection)
    assert value(connection, "SELECT @@character_set_results") is None


def test_set_character_set_is_restored(server, start_proxy):
    """Of which only the server knows the whole: the connection's own comes from the database."""
    proxy = start_proxy(server)
    connection = proxy.connect()
    run(connection, "SET CHARACTER SET latin1")
    asked = "SELECT @@character_set_client, @@collation_connection, @@character_set_results"
    chosen = run(connection, asked)
    lose(server, connection)
    assert run(connection, asked) == chosen


def test_a_default_database_that_was_dropped_is_none_afterwards(server, start_proxy):
    proxy = start_proxy(server)
    connection = proxy.connect()
    gone = f"{proxy.database}_gone"
    server.run(f"GRANT ALL ON {gone}.* TO {proxy.account.user}@`%`")
    run(connection, f"CREATE DATABASE {gone}")
    run(connection, f"USE {gone}")
    run(connection, f"DROP DATABASE {gone}")
    lose(server, connection)
    assert value(connection, "SELECT DATABASE()") is None


def test_what_the_server_tells_is_not_asked_for(server, start_proxy):
    proxy = start_proxy(server)
    connection = proxy.connect()
    server.start_general_log()
    run(connection, "SET time_zone = CONCAT('+05', ':00')")
    assert value(connection, "SELECT 'the next one'") == "the next one"
    log = server.stop_general_log()
    assert "the next one" in log and "@@session.time_zone" not in log


# --- what the client sees

TELLING = ["SET time_zone = '+05:00'", "SET NAMES latin1", "BEGIN", "SELECT id FROM t FOR UPDATE", "INSERT INTO t VALUES (7, NULL)",
           "SELECT id FROM t", "COMMIT", "SET autocommit = 0", "SELECT id FROM t WHERE id = 7", "ROLLBACK", "SET autocommit = 1",
           "SELECT travel('+01:00') FROM t", "SELECT travel('+02:00')", "DO 1", "CALL move('+03:00')", "CREATE TEMPORARY TABLE x (a INT)",
           "DROP TABLE x", "SET @x = 1", "SET sql_mode = ''", "USE information_schema", "DELETE FROM no_such_database.t",
           "SELECT REPEAT('x', 20000) UNION SELECT travel('+04:00')", "DO 1"]
SEVERAL = ["SET time_zone = '+01:00'; SELECT 1; SET time_zone = '+02:00'; BEGIN; SELECT * FROM no_such_table; COMMIT",
           "BEGIN; COMMIT; SELECT travel('+03:00'); DO 1"]
MORE_TOLD = ["SET session_track_system_variables = '*'", "SET session_track_state_change = 1",
             "SET session_track_transaction_info = 'CHARACTERISTICS'", "SET session_track_schema = 0",
             "SET session_track_system_variables = 'sql_mode', session_track_transaction_info = 'STATE'",
             "SET session_track_system_variables = '', session_track_state_change = 0"]


def told_to(server, capabilities):
    """MariaDB that tracks transactions leaves a bit in the status of EOFs for clients that did not ask: one of the limits."""
    limit = server.kind != "mysql" and not capabilities & (DEPRECATE_EOF | SESSION_TRACK)
    return [None] + [more for more in MORE_TOLD if not (limit and "transaction" in more)]


def records(end, proxy, capabilities, more_told):
    client = Recorder(end.host, end.port)
    client.log_in(proxy.account.user, proxy.account.password, proxy.database, capabilities)
    for more in more_told:
        for statement in [more] * bool(more) + TELLING + SEVERAL * bool(capabilities & MULTI_STATEMENTS):
            client.query(statement)
        client.ask("use", 2, proxy.database.encode())
        client.query("DELETE FROM t")
        client.prepare("SET time_zone = '+04:00'")
        client.prepare("SELECT travel('+06:00')")
    client.ask("reset", 0x1F)
    client.ask("ping", 0x0E)
    client.close()
    return client.records


@pytest.mark.parametrize("form", ["EOF", "no EOF", "EOF, told", "no EOF, told"])
@pytest.mark.parametrize("spool", ["true", "false"])
def test_a_client_sees_what_it_asked_for_and_nothing_else(any_server, start_proxy, form, spool):
    proxy = start_proxy(any_server, HOLDWATER_SPOOL_ENABLED=spool, HOLDWATER_INSERT_IDS_BLOCK=0)
    set_up(any_server, proxy).close()
    capabilities = (MODERN if form.startswith("no") else BASIC) | (SESSION_TRACK if form.endswith("told") else 0)
    more_told = told_to(any_server, capabilities)
    expected = records(any_server, proxy, capabilities, more_told)
    for _ in range(2):  # the second time over a connection that was used before
        for (what, packets), (_, got) in zip(expected, records(proxy, proxy, capabilities, more_told)):
            assert got == packets, what


def test_a_kept_connection_serves_clients_that_asked_and_clients_that_did_not(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_WORKERS=1)
    used = set()
    for asked in (True, False, True, False):
        client = Client(proxy.host, proxy.port)
        ok = client.login(proxy.account.user, proxy.account.password, proxy.database,
                          MODERN | (SESSION_TRACK if asked else 0))
        assert (proxy.database.encode() in ok) == asked
        assert (b"information_schema" in client.query("USE information_schema")) == asked
        client.query("SELECT CONNECTION_ID()")
        while True:
            row = client.read()
            if row[0] == 0xFE:
                break
            used.add(row) if len(row) < 12 else None
        kept = proxy.metric("holdwater_pool_kept_total")
        client.command(1)
        wait_until(lambda: proxy.metric("holdwater_pool_kept_total") > kept, 10, "the connection is kept")
    assert len(used) == 1, "one server connection served them all"
