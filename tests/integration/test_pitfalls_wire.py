"""Rows 12 to 20 and 22 to 25 of the list of what breaks MySQL proxies: commands, packets, handshakes."""
import struct
import threading

import pymysql
import pytest

from lib.binary import (COM_STMT_BULK_EXECUTE, COM_STMT_CLOSE, COM_STMT_EXECUTE, COM_STMT_FETCH, COM_STMT_PREPARE,
                        COM_STMT_RESET, COM_STMT_SEND_LONG_DATA, CURSOR_READ_ONLY, LAST, LONGLONG, execute,
                        execute_payload, number_of, prepare, read_fetched, read_prepared, text_of)
from lib.process import wait_until
from lib.proxy import Account
from lib.sql import error_number, run, value
from lib.wire import BASIC, DEPRECATE_EOF, LONG_PASSWORD, Client, native_proof

LAST_ROW_SENT, SESSION_TRACK = 0x80, 1 << 23


@pytest.fixture
def client(proxy):
    one = Client(proxy.host, proxy.port)
    one.login(proxy.account.user, proxy.account.password, proxy.database)
    yield one
    one.close()


def prepared_count(server):
    return int(server.run("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'")[0][1])


def test_pitfall_12_prepared_statements_do_not_leak(server, proxy, client):
    server.settle()
    before = prepared_count(server)
    for number in range(500):
        statement = prepare(client, f"SELECT {number}")
        if number % 2:
            client.command(COM_STMT_CLOSE, struct.pack("<I", statement))
    assert client.result("SELECT 7")[-2] == b"\x017"
    assert prepared_count(server) >= 250 + before
    client.close()
    wait_until(lambda: prepared_count(server) <= before, 20, "the server has closed them all")


def test_pitfall_13_metadata_nulls_and_long_data_are_those_of_each_execute(server, proxy, client):
    client.query("CREATE TABLE t (id BIGINT PRIMARY KEY, body VARCHAR(40))")
    client.query("INSERT INTO t VALUES (1, 'one')")
    every = prepare(client, "SELECT * FROM t")
    assert execute(client, every)[0] == 2
    server.run("ALTER TABLE t ADD COLUMN more INT DEFAULT 5", database=proxy.database)
    assert execute(client, every)[0] == 3
    echo = prepare(client, "SELECT CONCAT(?)")
    assert text_of(execute(client, echo, (None,))[1][0]) is None
    assert text_of(execute(client, echo, ("x",))[1][0]) == "x"
    assert text_of(execute(client, echo, (None,))[1][0]) is None
    assert text_of(execute(client, echo, ("y",))[1][0]) == "y"
    for part in (b"long ", b"data"):
        client.command(COM_STMT_SEND_LONG_DATA, struct.pack("<IH", echo, 0) + part)
    assert text_of(execute(client, echo, (bytearray(),))[1][0]) == "long data"
    client.command(COM_STMT_SEND_LONG_DATA, struct.pack("<IH", echo, 0) + b"forgotten")
    client.command(COM_STMT_RESET, struct.pack("<I", echo))
    client.expect_ok()
    assert text_of(execute(client, echo, ("z",))[1][0]) == "z"


def test_pitfall_14_a_cursor_is_fetched_row_by_row(client):
    client.query("CREATE TABLE t (id BIGINT PRIMARY KEY)")
    client.query("INSERT INTO t VALUES (1), (2), (3)")
    statement = prepare(client, "SELECT id FROM t ORDER BY id")
    client.command(COM_STMT_EXECUTE, execute_payload(statement, flags=CURSOR_READ_ONLY))
    columns = client.expect_ok()[0]
    for _ in range(columns + 1):
        client.expect_ok()  # the definitions and their EOF; the rows wait in the cursor
    seen, status = [], 0
    while not status & LAST_ROW_SENT:
        client.command(COM_STMT_FETCH, struct.pack("<II", statement, 1))
        rows, status = read_fetched(client)
        assert len(rows) <= 1
        seen += [number_of(row) for row in rows]
    assert seen == [1, 2, 3]


def test_pitfall_15_several_commands_before_an_answer_are_answered_in_order(client):
    packets = b"".join(len(body).to_bytes(3, "little") + b"\0" + body
                       for body in (b"\x03SELECT %d" % number for number in range(20)))
    client.socket.sendall(packets)
    for number in range(20):
        assert client.read() == b"\x01"
        for _ in range(2):
            client.read()
        assert client.read()[1:] == b"%d" % number
        client.read()


def test_pitfall_15_mariadbs_statement_id_minus_1_and_bulk_execute(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    client = Client(proxy.host, proxy.port)
    greeting = client.greet()
    assert greeting.mariadb_capabilities & 4, "MariaDB's bulk operations are offered"
    proof = native_proof(proxy.account.password, greeting.scramble)
    capabilities = BASIC & ~LONG_PASSWORD | 8
    client.write(struct.pack("<IIB19xI", capabilities, 1 << 28, 45, 4) + proxy.account.user.encode() + b"\0" +
                 bytes([len(proof)]) + proof + proxy.database.encode() + b"\0mysql_native_password\0")
    client.expect_ok()
    client.query("CREATE TABLE t (id BIGINT PRIMARY KEY)")
    text = b"INSERT INTO t VALUES (?)"
    both = [bytes([COM_STMT_PREPARE]) + text, bytes([COM_STMT_EXECUTE]) + execute_payload(LAST, (1,))]
    client.socket.sendall(b"".join(len(body).to_bytes(3, "little") + b"\0" + body for body in both))
    statement = read_prepared(client)[0]
    client.expect_ok()
    client.command(COM_STMT_BULK_EXECUTE, struct.pack("<IHH", statement, 128, LONGLONG) +
                   b"".join(b"\0" + struct.pack("<q", number) for number in range(2, 102)))
    client.expect_ok()
    assert mariadb.run("SELECT COUNT(*), MAX(id) FROM t", database=proxy.database) == ((101, 101),)


def test_pitfall_16_packets_around_16_mib_pass_whole(client):
    for size in [*range(2 ** 24 - 5, 2 ** 24 + 3, 2), 2 ** 25 - 2]:
        text = b"SELECT LENGTH('"
        client.query(b"SET @x = 1")
        client.command(3, text + b"x" * (size - 1 - len(text) - 2) + b"')")
        assert client.expect_ok() == b"\x01", size
        client.read(), client.read()
        assert int(client.read()[1:]) == size - 1 - len(text) - 2
        client.read()
    for size in (2 ** 24 - 5, 2 ** 24 - 1, 2 ** 24):
        rows = client.result(f"SELECT REPEAT('y', {size - 4})")
        assert len(rows[-2]) == size


def test_pitfall_17_local_infile_is_the_clients_file_and_never_the_proxys(server, proxy, tmp_path):
    server.run("SET GLOBAL local_infile = ON")
    path = tmp_path / "data.tsv"
    path.write_bytes(b"".join(b"%d\tline %d\n" % (number, number) for number in range(20000)))
    connection = proxy.connect(local_infile=True)
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, body VARCHAR(20))")
    run(connection, f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE t")
    assert value(connection, "SELECT COUNT(*) FROM t") == 20000
    # The client answers for a file that it does not have, though the proxy could read it.
    shy = Client(proxy.host, proxy.port)
    local_files = 0x80
    shy.login(proxy.account.user, proxy.account.password, proxy.database, capabilities=BASIC | local_files)
    asked = shy.query("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t")
    assert asked == b"\xfb/etc/hostname"
    shy.write(b"")
    shy.expect_ok()
    assert shy.result("SELECT COUNT(*) FROM t")[-2] == b"\x0520000"
    run(connection, "BEGIN")
    run(connection, "DELETE FROM t")
    run(connection, f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE t")
    run(connection, "ROLLBACK")
    assert value(connection, "SELECT COUNT(*) FROM t") == 20000


def test_pitfall_18_a_cold_cache_an_empty_password_and_a_switch_of_plugins_log_in(server, proxy):
    for number, password in enumerate(("pässword-$0", "", "x" * 70)):
        account = Account(f"cold{number}", password)
        server.create_account(account.user, password, proxy.database)
        for plugin in ("mysql_native_password", "caching_sha2_password"):  # what the client begins with
            client = Client(proxy.host, proxy.port)
            client.login(account.user, password, plugin=plugin)
            assert client.result("SELECT 7")[-2] == b"\x017"
            client.close()


def test_pitfall_22_the_greeting_is_the_servers_also_while_it_is_down(server, proxy):
    direct = Client(server.host, server.port).greet()
    ours = Client(proxy.host, proxy.port).greet()
    server.stop()
    proxy.wait_state("down")
    alone = Client(proxy.host, proxy.port).greet()
    for greeting in (ours, alone):
        assert (greeting.version, greeting.charset, greeting.plugin) == (direct.version, direct.charset, direct.plugin)
    assert alone.capabilities == ours.capabilities and alone.mariadb_capabilities == ours.mariadb_capabilities
    own = 1 << 11 | 1 << 29  # TLS, and what nothing is known of
    assert (ours.capabilities ^ direct.capabilities) & ~own == 0


def dialogue(host, port, account, capabilities, statements):
    """Every payload of the answers to the statements, from the login on."""
    client = Client(host, port)
    client.login(account.user, account.password, capabilities=capabilities)
    said = []
    for statement in statements:
        client.command(3, statement.encode())
        said.append(client.read())
        if said[-1][0] in (0x00, 0xFF):
            continue
        for _ in range(said[-1][0] + (0 if capabilities & DEPRECATE_EOF else 1)):
            said.append(client.read())
        row = client.read()
        while row[0] != 0xFE:  # no column of these is that long
            said.append(row)
            row = client.read()
        said.append(row)
    client.close()
    return said


@pytest.mark.parametrize("extra", [0, DEPRECATE_EOF, DEPRECATE_EOF | SESSION_TRACK], ids=["eof", "ok", "tracked"])
def test_pitfall_23_24_both_forms_of_the_end_and_tracked_state_are_the_servers_bytes(server, proxy, extra):
    statements = ["SELECT 1, 'x', NULL", "SHOW COUNT(*) WARNINGS", "DO 1", "BAD", "USE " + proxy.database,
                  "SET session_track_system_variables = 'sql_mode,autocommit,time_zone,character_set_client'",
                  "SET sql_mode = ''", "USE " + proxy.database,
                  "SET autocommit = 0", "SELECT 7", "SET character_set_client = latin1"]
    answers = [dialogue(host, port, proxy.account, BASIC | extra, statements)
               for host, port in ((server.host, server.port), (proxy.host, proxy.port))]
    assert answers[0] == answers[1]


def test_pitfall_24_connection_attributes_and_query_attributes_pass(mysql, start_proxy):
    proxy = start_proxy(mysql)
    client = Client(proxy.host, proxy.port)
    query_attributes = 1 << 27
    client.login(proxy.account.user, proxy.account.password, proxy.database, capabilities=BASIC | query_attributes)
    body = (b"\x01\x01" + b"\x00" + b"\x01" + struct.pack("<H", 0xFD) + b"\x05trace" + b"\x03abc" +
            b"SELECT 'with an attribute'")
    client.command(3, body)
    assert client.expect_ok() == b"\x01"
    client.read(), client.read()
    assert client.read()[1:] == b"with an attribute"


def test_pitfall_25_killing_an_unknown_id_hits_nobody(server, proxy):
    bystander, killer = proxy.connect(), proxy.connect()
    run(bystander, "SELECT 1")
    assert error_number(killer, "KILL QUERY 4000000000")[0] in (1094, 1095)
    assert value(bystander, "SELECT 2") == 2
    asking = proxy.connect()
    number = value(asking, "SELECT CONNECTION_ID()")
    said = []

    def sleep():
        try:
            said.append(value(asking, "SELECT SLEEP(90)"))
        except pymysql.err.MySQLError as error:
            said.append(error.args[0])
    thread = threading.Thread(target=sleep)
    thread.start()
    wait_until(lambda: server.run("SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'"), 10,
               "the query runs")
    run(killer, f"KILL QUERY {number}")
    thread.join(60)
    assert said in ([1], [1317])
    assert value(asking, "SELECT 3") == 3 and value(bystander, "SELECT 4") == 4
