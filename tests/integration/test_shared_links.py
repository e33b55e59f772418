"""pool.mode = transaction: many clients share few server connections, and none of them can tell."""
import threading
import time

import pymysql
import pytest
from pymysql.constants import CLIENT, COMMAND

from lib.proxy import Account
from lib.process import wait_until
from lib.sql import error_number, run, spooled_seq, value

FEW = {"HOLDWATER_POOL_MODE": "transaction", "HOLDWATER_WORKERS": 1}
ONE = {**FEW, "HOLDWATER_POOL_MAX_CONNECTIONS": 1}
PATIENT = {"DB_CONNECTION_TIMEOUT": 20}  # which a client waits for a connection; where it gets none, the usual second is enough
MANY = Account("many", "secret")


@pytest.fixture
def start_shared(start_proxy):
    """start_shared(server, **settings): its clients have an account that the proxy itself does not use."""
    def start(server, **settings):
        proxy = start_proxy(server, accounts=[MANY], **settings)
        server.create_account(MANY.user, MANY.password, proxy.database)
        proxy.http("/health/reconnect", "POST")  # looks anew at who may use the ledger
        proxy.wait_drained()
        run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(60)) ENGINE=InnoDB")
        return proxy
    return start


def connections_of_clients(proxy):
    """To the server, of sessions; replay has others."""
    pool = proxy.health()["pool"]
    return pool["idle"] + pool["in_use"]


def in_background(work):
    """A thread that runs `work`; result() waits for it."""
    box = {}

    def body():
        try:
            box["value"] = work()
        except Exception as error:  # noqa: BLE001 - given to the one who asks
            box["error"] = error
    thread = threading.Thread(target=body)
    thread.start()

    def result(deadline_s=30):
        thread.join(deadline_s)
        assert not thread.is_alive(), "it still waits"
        if "error" in box:
            raise box["error"]
        return box["value"]
    result.running = thread.is_alive
    return result


def test_many_clients_share_few_connections(server, start_shared):
    proxy = start_shared(server, HOLDWATER_POOL_MAX_CONNECTIONS=3, **FEW, **PATIENT)
    clients = [proxy.connect(MANY) for _ in range(40)]
    for turn in range(3):
        for number, client in enumerate(clients):
            run(client, f"INSERT INTO t (s) VALUES ('{turn} {number}')")
            assert value(client, f"SELECT COUNT(*) FROM t WHERE s = '{turn} {number}'") == 1
        assert connections_of_clients(proxy) <= 3
    assert value(clients[0], "SELECT COUNT(*) FROM t") == 120
    assert proxy.metric("holdwater_pool_shared_total") > 0


def test_clients_at_once_wait_for_each_other(server, start_shared):
    proxy = start_shared(server, HOLDWATER_POOL_MAX_CONNECTIONS=2, DB_CONNECTION_TIMEOUT=20, **FEW)
    clients = [proxy.connect(MANY) for _ in range(12)]

    def work(client):
        for _ in range(10):
            run(client, "BEGIN")
            run(client, "INSERT INTO t (s) VALUES ('x')")
            run(client, "COMMIT")
        return True
    assert all(result(60) for result in [in_background(lambda one=client: work(one)) for client in clients])
    assert server.run("SELECT COUNT(*) FROM t", database=proxy.database) == ((120,),)
    assert connections_of_clients(proxy) <= 2


def test_a_session_goes_on_where_it_was_on_another_connection(server, start_shared):
    proxy = start_shared(server, **ONE, **PATIENT)
    one, other = proxy.connect(MANY), proxy.connect(MANY)
    settings = ["SET time_zone = '+03:00'", "SET SESSION sql_mode = 'ANSI_QUOTES'", "SET NAMES latin1", "SET @mine = 'kept'",
                "SET autocommit = 0"]
    for statement in settings:
        run(one, statement)
        assert value(other, "SELECT @mine") is None
    run(one, "PREPARE asked FROM 'SELECT s FROM t WHERE id = ?'")
    run(one, "INSERT INTO t (s) VALUES ('written')")
    run(one, "COMMIT")
    assert value(other, "SELECT @@time_zone") != "+03:00" and value(other, "SELECT LAST_INSERT_ID()") == 0
    made = value(one, "SELECT LAST_INSERT_ID()")
    assert made > 0
    assert run(one, "SELECT @@time_zone, @@sql_mode, @@character_set_client, @mine, @@autocommit") == (
        ("+03:00", "ANSI_QUOTES", "latin1", "kept", 0),)
    run(one, "COMMIT")
    assert value(other, "SELECT @@autocommit") == 1
    run(one, f"SET @which = {made}")
    assert value(other, "SELECT @which") is None
    assert run(one, "EXECUTE asked USING @which") == (("written",),)


def test_a_transaction_keeps_its_connection(server, start_shared):
    proxy = start_shared(server, DB_CONNECTION_TIMEOUT=20, **ONE)
    one, other = proxy.connect(MANY), proxy.connect(MANY)
    run(one, "BEGIN")
    run(one, "INSERT INTO t (s) VALUES ('first')")
    waits = in_background(lambda: value(other, "SELECT COUNT(*) FROM t"))
    for _ in range(5):
        assert value(one, "SELECT COUNT(*) FROM t") == 1
    assert waits.running(), "it has got a connection that somebody's transaction is on"
    run(one, "ROLLBACK")
    assert waits() == 0


HELD = {
    "a temporary table": ("CREATE TEMPORARY TABLE mine (a INT)", "SELECT COUNT(*) FROM mine"),
    "a named lock": ("SELECT GET_LOCK('holdwater', 0)", "SELECT IS_USED_LOCK('holdwater') = CONNECTION_ID()"),
    "locked tables": ("LOCK TABLES t WRITE", "SELECT COUNT(*) FROM t"),
    "an open handler": ("HANDLER t OPEN", "SELECT 1"),
    "an id that it knows": ("SELECT CONNECTION_ID()", "SELECT CONNECTION_ID()"),
    "a user variable within": ("SELECT @a := 5", "SELECT @a"),
}


@pytest.mark.parametrize("what", HELD)
def test_what_cannot_be_given_back_keeps_the_connection(server, start_shared, what):
    proxy = start_shared(server, **ONE)
    one, other = proxy.connect(MANY), proxy.connect(MANY)
    makes, shows = HELD[what]
    run(one, makes)
    before = run(one, shows)
    number, text = error_number(other, "SELECT 1")
    assert number == 1040 and "pool.max_connections" in text
    assert run(one, shows) == before
    one.close()
    wait_until(lambda: is_answered(other), 20, "its end gives the connection back")


def is_answered(client):
    try:
        return value(client, "SELECT 1") == 1
    except pymysql.err.OperationalError as error:
        assert error.args[0] == 1040, error.args
        return False


def test_who_finds_no_room_at_the_login_is_told(server, start_shared):
    proxy = start_shared(server, DB_CONNECTION_TIMEOUT=5, **ONE)
    one = proxy.connect(MANY)
    run(one, "BEGIN")
    run(one, "INSERT INTO t (s) VALUES ('open')")
    with pytest.raises(pymysql.err.OperationalError) as refused:
        proxy.connect(MANY)
    assert refused.value.args[0] == 1040
    run(one, "COMMIT")
    assert value(proxy.connect(MANY), "SELECT COUNT(*) FROM t") == 1


def test_warnings_can_be_asked_for_although_others_wait(server, start_shared):
    proxy = start_shared(server, DB_CONNECTION_TIMEOUT=20, **ONE)
    one, other = proxy.connect(MANY), proxy.connect(MANY)
    done = threading.Event()

    def keep_asking():
        while not done.is_set():
            assert value(other, "SELECT 1") == 1
    asks = in_background(keep_asking)
    try:
        for _ in range(5):
            run(one, "SELECT CAST('12x' AS SIGNED)")
            assert len(run(one, "SHOW WARNINGS")) == 1
            assert error_number(one, "SELECT * FROM nowhere")[0] == 1146
            assert run(one, "SHOW ERRORS")[0][1] == 1146
    finally:
        done.set()
    asks()


def test_cursors_and_prepared_statements_of_the_protocol(server, start_shared):
    """mysqlclient's C library is what speaks it: the long way through tests/clients has it; here, ids of two sessions."""
    from lib.wire import COM_STMT_PREPARE, Client
    proxy = start_shared(server, **ONE, **PATIENT)
    clients = []
    for number in range(3):
        client = Client(proxy.host, proxy.port)
        client.login(MANY.user, MANY.password, proxy.database)
        client.sequence = 0
        client.write(bytes([COM_STMT_PREPARE]) + f"SELECT {number} + 0".encode())
        answer = client.expect_ok()
        assert answer[0] == 0
        client.read(), client.read()
        clients.append((client, answer[1:5]))
    for _ in range(3):
        for number, (client, statement) in enumerate(clients):
            client.sequence = 0
            client.write(b"\x17" + statement + b"\0\1\0\0\0")
            assert client.expect_ok() == b"\1"
            client.read(), client.read()
            row = client.read()
            assert int.from_bytes(row[2:6], "little") == number
            client.read()


def test_an_outage_is_taken_as_always(server, start_shared):
    proxy = start_shared(server, HOLDWATER_POOL_MAX_CONNECTIONS=2, **FEW)
    run(proxy.connect(), "INSERT INTO t (s) VALUES ('before')")
    proxy.wait_ids_reserved("t")
    clients = [proxy.connect(MANY) for _ in range(6)]
    run(clients[0], "SET @mine = 1")
    server.stop()
    proxy.wait_state("down")
    for number, client in enumerate(clients):
        spooled_seq(client, f"INSERT INTO t (s) VALUES ('spooled {number}')")
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT COUNT(*) FROM t", database=proxy.database) == ((7,),)
    assert value(clients[0], "SELECT @mine") == 1
    for client in clients:
        assert value(client, "SELECT COUNT(*) FROM t") == 7
    assert connections_of_clients(proxy) <= 2


def test_a_kill_ends_who_it_means_and_nobody_else(server, start_shared):
    proxy = start_shared(server, **ONE, **PATIENT)
    one, other = proxy.connect(MANY), proxy.connect(MANY)
    assert value(other, "SELECT 1") == 1  # it has had the connection last
    with one.cursor() as cursor:
        cursor.execute(f"KILL {other.thread_id()}")
    with pytest.raises(pymysql.err.MySQLError):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            value(other, "SELECT 1")
    assert value(one, "SELECT 1") == 1


def test_the_mode_needs_a_pool(mariadb, start_proxy):
    with pytest.raises(AssertionError, match="pool.mode"):
        start_proxy(mariadb, HOLDWATER_POOL_MODE="transaction", HOLDWATER_POOL_MAX_IDLE=0)


@pytest.mark.parametrize("text", ["BEGIN; INSERT INTO t (s) VALUES ('in'); SELECT * FROM nowhere",
                                  "SET autocommit = 0; INSERT INTO t (s) VALUES ('in'); SELECT * FROM nowhere"])
def test_a_transaction_that_a_failing_text_opened_keeps_its_connection(server, start_shared, text):
    proxy = start_shared(server, **ONE)
    one, other = proxy.connect(MANY, client_flag=CLIENT.MULTI_STATEMENTS), proxy.connect(MANY)
    with one.cursor() as cursor, pytest.raises(pymysql.err.ProgrammingError):
        cursor.execute(text)
        while cursor.nextset():
            pass
    assert error_number(other, "SELECT 1")[0] == 1040  # past the moment for SHOW ERRORS
    run(one, "COMMIT")
    assert value(one, "SELECT COUNT(*) FROM t WHERE s = 'in'") == 1


def test_a_lock_of_all_tables_stays_although_its_connection_grows_old(server, start_shared):
    proxy = start_shared(server, HOLDWATER_POOL_MAX_AGE=1, **ONE)
    server.run(f"GRANT RELOAD ON *.* TO {MANY.user}@'%'")
    one = proxy.connect(MANY)
    run(one, "FLUSH TABLES WITH READ LOCK")
    time.sleep(2)  # not a wait: the age of the connection
    assert value(one, "SELECT 1") == 1
    with pytest.raises(pymysql.err.OperationalError, match="Lock wait timeout"):
        server.run("SET lock_wait_timeout = 1", "INSERT INTO t (s) VALUES ('past the lock')", database=proxy.database)
    run(one, "UNLOCK TABLES")


def test_a_call_takes_no_connection_from_those_who_come_later(server, start_shared):
    proxy = start_shared(server, **ONE, **PATIENT)
    server.run("SET GLOBAL log_bin_trust_function_creators = 1", "CREATE FUNCTION answer() RETURNS INT DETERMINISTIC RETURN 1",
               database=proxy.database)
    first = proxy.connect(MANY)
    assert value(first, "SELECT answer()") == 1
    first.close()
    second = proxy.connect(MANY)
    assert value(second, "SELECT 1") == 1
    assert value(proxy.connect(MANY), "SELECT 1") == 1


# What a session sets, and what it asks after another one has had its connection: both as on a connection of its own.
SETTINGS = {
    "a default of 20 digits": (["SET sql_select_limit = DEFAULT"], "SELECT @@sql_select_limit"),
    "a default with a fraction": (["SET long_query_time = DEFAULT"], "SELECT @@long_query_time"),
    "a fraction": (["SET long_query_time = 1 + 0.5"], "SELECT @@long_query_time"),
    "a clock that goes on": (["SET timestamp = 1000000000", "SET timestamp = DEFAULT"], "SELECT NOW() > '2002-01-01'"),
    "an empty text of another character set": (["SET NAMES latin1", "SET @a = ''", "SET NAMES utf8mb4"],
                                               "SELECT @a, CHARSET(@a), COLLATION(@a)"),
    "SET CHARACTER SET": (["SET CHARACTER SET latin1", "SET @a = 'x\xe4'"], "SELECT HEX(@a), CHARSET(@a), COLLATION(@a)"),
    "another character set of the client": (["SET character_set_client = latin1", "SET @a = 'x\xe4'"],
                                            "SELECT HEX(@a), CHARSET(@a), COLLATION(@a)"),
    "binary names": (["SET NAMES binary", "SET @a = 'x\xe4'"], "SELECT HEX(@a), CHARSET(@a)"),
    "names beside a character set of the server": (["SET character_set_server = latin1", "SET character_set_filesystem = utf8mb4",
                                                    "SET NAMES utf8mb4"], "SELECT @@character_set_server, @@character_set_filesystem"),
    "an id to be used once": (["SET insert_id = 50", "INSERT INTO t (s) VALUES ('a')"], "SELECT id FROM t WHERE s = 'a'"),
    "the id of the next row": (["SET insert_id = 60", "INSERT INTO t (s) VALUES ('a')", "INSERT INTO t (s) VALUES ('b')"],
                               "SELECT COUNT(*) FROM t"),
    "a seed": (["SET rand_seed1 = 5, rand_seed2 = 7", "SELECT RAND()"], "SELECT RAND()"),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_what_was_set_is_there_on_another_connection(server, start_shared, what):
    proxy = start_shared(server, DB_CONNECTION_TIMEOUT=2, **ONE)
    statements, question = SETTINGS[what]

    def answers(connection, between):
        for statement in statements:
            run(connection, statement)
            between()
        return run(connection, question)
    with server.admin(proxy.database) as direct:
        wanted = answers(direct, lambda: None)
    server.run("TRUNCATE TABLE t", database=proxy.database)
    server.run(f"GRANT ALL ON *.* TO {MANY.user}@'%'")
    one, other = proxy.connect(MANY), proxy.connect(MANY)

    def another_needs_it():
        try:
            assert value(other, "SELECT 1") == 1
        except pymysql.err.OperationalError as error:
            assert error.args[0] == 1040
    assert answers(one, another_needs_it) == wanted


LAST_IDS = {
    "several statements": (["INSERT INTO t (s) VALUES ('x'); SELECT 1"], 1),
    "a function": (["SELECT LAST_INSERT_ID(5)"], 5),
    "DO": (["DO LAST_INSERT_ID(5)"], 5),
    "SET": (["INSERT INTO t (s) VALUES ('x')", "SET last_insert_id = 9"], 9),
    "SET before a row": (["SET last_insert_id = 9", "INSERT INTO t (s) VALUES ('x')"], 1),
    "SET from an expression": (["INSERT INTO t (s) VALUES ('x')", "SET last_insert_id = 4 + 5"], 9),
    "a sequence in a table": (["INSERT INTO t VALUES (1, '7')", "UPDATE t SET s = LAST_INSERT_ID(s + 1)"], 8),
    "returned rows": (["INSERT INTO t (s) VALUES ('x') RETURNING id"], 1),
    "a loaded file": (["LOAD DATA LOCAL INFILE '{file}' INTO TABLE t (s)"], 1),
}


@pytest.mark.parametrize("how", LAST_IDS)
def test_the_last_id_is_the_sessions_own_however_it_was_made(server, start_shared, tmp_path, how):
    statements, wanted = LAST_IDS[how]
    if how == "returned rows" and server.kind == "mysql":
        statements = ["INSERT INTO t (s) VALUES ('x')"]  # it knows no RETURNING
    proxy = start_shared(server, **ONE, **PATIENT)
    server.run("SET GLOBAL local_infile = 1", "TRUNCATE TABLE t", database=proxy.database)
    lines = tmp_path / "lines"
    lines.write_text("one\n")
    one = proxy.connect(MANY, client_flag=CLIENT.MULTI_STATEMENTS, local_infile=True)
    other = proxy.connect(MANY)
    for statement in statements:
        with one.cursor() as cursor:
            cursor.execute(statement.format(file=lines))
            while cursor.nextset():
                pass
        assert value(other, "SELECT LAST_INSERT_ID()") == 0
    assert value(one, "SELECT LAST_INSERT_ID()") == wanted


def test_a_variable_that_a_file_is_loaded_into_is_kept(server, start_shared, tmp_path):
    proxy = start_shared(server, **ONE)
    server.run("SET GLOBAL local_infile = 1")
    lines = tmp_path / "lines"
    lines.write_text("one\ttwo\n")
    one, other = proxy.connect(MANY, local_infile=True), proxy.connect(MANY)
    run(one, f"LOAD DATA LOCAL INFILE '{lines}' INTO TABLE t (@q, s)")
    assert error_number(other, "SELECT 1")[0] == 1040
    assert value(one, "SELECT @q") == "one"


def test_a_session_goes_on_when_its_database_is_dropped(server, start_shared):
    proxy = start_shared(server, DB_CONNECTION_TIMEOUT=20, **ONE)
    server.run("CREATE DATABASE brief", f"GRANT ALL ON brief.* TO {MANY.user}@'%'")
    one, other = proxy.connect(MANY, database="brief"), proxy.connect(MANY)
    server.run("DROP DATABASE brief")
    assert value(other, "SELECT 1") == 1
    assert value(one, "SELECT 1") == 1
    assert error_number(one, "SELECT * FROM t")[0] == 1046
    server.run("CREATE DATABASE brief")
    assert value(other, "SELECT 1") == 1
    run(one, "USE brief")
    assert value(other, "SELECT 1") == 1
    assert value(one, "SELECT DATABASE()") == "brief"


def test_a_connection_is_lent_although_another_worker_has_all_the_idle_ones(mariadb, start_shared):
    proxy = start_shared(mariadb, HOLDWATER_POOL_MODE="transaction", HOLDWATER_WORKERS=2, HOLDWATER_POOL_MAX_CONNECTIONS=8,
                         HOLDWATER_POOL_MAX_IDLE=1, DB_CONNECTION_TIMEOUT=40)
    first = [in_background(lambda: proxy.connect(MANY)) for _ in range(16)]
    clients = [each() for each in first]
    busy = [in_background(lambda one=one: value(one, "SELECT SLEEP(0.3)")) for one in clients]
    assert all(each() == 0 for each in busy)
    began = time.monotonic()
    clients += [proxy.connect(MANY) for _ in range(12)]
    assert all(value(client, "SELECT 1") == 1 for client in clients)
    assert time.monotonic() - began < 35, "who is silent has kept its connection"
    assert connections_of_clients(proxy) <= 8


def test_who_came_before_the_server_was_up_lends_its_connection(mariadb, start_shared):
    proxy = start_shared(mariadb, DB_CONNECTION_TIMEOUT=10, **ONE)
    mariadb.run("CREATE TABLE slow (s VARCHAR(60))",
                "CREATE TRIGGER slows BEFORE INSERT ON slow FOR EACH ROW SET NEW.s = CONCAT(NEW.s, SLEEP(8))", database=proxy.database)
    early = proxy.connect()
    proxy.wait_tables_known()
    mariadb.stop()
    proxy.wait_state("down")
    spooled_seq(early, "INSERT INTO slow VALUES ('spooled')")
    early.close()
    mariadb.start()
    proxy.wait_state("draining")
    silent = proxy.connect(MANY)
    proxy.wait_drained()
    assert value(proxy.connect(MANY), "SELECT 1") == 1
    assert value(silent, "SELECT 1") == 1


def test_the_longest_waiting_is_first(server, start_shared):
    proxy = start_shared(server, DB_CONNECTION_TIMEOUT=20, **ONE)
    waiting = [proxy.connect(MANY) for _ in range(6)]
    for client in waiting:
        run(client, "SELECT 1")
    holder = proxy.connect(MANY)
    run(holder, "SELECT GET_LOCK('queue', 0)")
    for number, client in enumerate(waiting):
        client._execute_command(COMMAND.COM_QUERY, f"INSERT INTO t (s) VALUES ('{number}')")
        time.sleep(0.1)  # not a wait: one comes after the other
    holder.close()
    for client in waiting:
        client._read_query_result()
    assert [int(s) for s, in server.run("SELECT s FROM t ORDER BY id", database=proxy.database)] == list(range(len(waiting)))


def test_the_wait_for_a_connection_is_as_long_as_said(server, start_shared):
    proxy = start_shared(server, DB_CONNECTION_TIMEOUT=2, **ONE)
    holder, one = proxy.connect(MANY), proxy.connect(MANY)
    run(holder, "SELECT GET_LOCK('queue', 0)")
    for attempt in (lambda: run(one, "SELECT 1"), lambda: proxy.connect(MANY)):
        began = time.monotonic()
        with pytest.raises(pymysql.err.OperationalError, match="pool.max_connections"):
            attempt()
        assert 1.5 < time.monotonic() - began < 15


def test_who_leaves_while_it_waits_waits_no_more(server, start_shared):
    proxy = start_shared(server, DB_CONNECTION_TIMEOUT=60, **ONE)
    holder, one = proxy.connect(MANY), proxy.connect(MANY)
    run(holder, "SELECT GET_LOCK('queue', 0)")

    def clients():
        return len(proxy.json("/sessions")["sessions"])
    before = clients()
    one._execute_command(COMMAND.COM_QUERY, "SELECT 1")
    time.sleep(0.3)  # not a wait: the client stays for so long
    one._force_close()
    wait_until(lambda: clients() == before - 1, 10, "the session ends with its client")


@pytest.mark.parametrize("way", ["past Holdwater", "through it"])
def test_what_is_set_for_all_does_not_change_a_session_that_lives(server, start_shared, way):
    proxy = start_shared(server, **ONE, **PATIENT)
    client = proxy.connect(MANY, autocommit=True)
    run(client, "INSERT INTO t (s) VALUES ('before')")
    proxy.wait_checked()
    statements = "SET GLOBAL autocommit = 0", "SET GLOBAL time_zone = '+05:00'", "SET GLOBAL sql_mode = 'ANSI'"
    modes = run(client, "SELECT @@time_zone, @@sql_mode")
    try:
        if way == "through it":
            server.run(f"GRANT ALL ON *.* TO `{MANY.user}`@`%`")
            setter = proxy.connect(MANY)
            for statement in statements:
                run(setter, statement)
            setter.close()
        else:
            server.run(*statements)
            proxy.wait_checked()
        other = proxy.connect(MANY)
        run(other, "DO 1")  # it needs the one connection
        run(client, "INSERT INTO t (s) VALUES ('after')")
        assert run(client, "SELECT @@time_zone, @@sql_mode") == modes and value(client, "SELECT @@autocommit") == 1
        assert server.run("SELECT COUNT(*) FROM t", database=proxy.database) == ((2,),)
    finally:
        server.run("SET GLOBAL autocommit = 1", "SET GLOBAL time_zone = 'SYSTEM'", "SET GLOBAL sql_mode = DEFAULT")
