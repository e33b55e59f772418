"""Every command on the wire, direct and through the proxy: the same packets come back."""
import struct

import pytest

from lib.process import wait_until
from lib.sql import run
from lib.statements import (COM_STMT_BULK_EXECUTE, COM_STMT_EXECUTE, COM_STMT_PREPARE, COM_STMT_RESET, LAST,
                            LONGLONG, VARCHAR, Session, Statement, execute_payload)
from lib.wire import (BASIC, BIGGEST, COM_INIT_DB, COM_QUERY, DEPRECATE_EOF, LONG_PASSWORD, MULTI_STATEMENTS, Client, Closed, Err)

COM_SLEEP, COM_FIELD_LIST, COM_CREATE_DB, COM_REFRESH, COM_SHUTDOWN, COM_STATISTICS = 0, 4, 5, 7, 8, 9
COM_PROCESS_INFO, COM_CONNECT, COM_DEBUG, COM_TIME, COM_DELAYED_INSERT = 10, 11, 13, 15, 16
COM_SET_OPTION, COM_DAEMON, COM_RESET_CONNECTION = 0x1B, 0x1D, 0x1F
LOCAL_FILES, QUERY_ATTRIBUTES, BULK = 0x80, 1 << 27, 1 << 2  # the last one of MariaDB's extended ones


def login(end, proxy, capabilities=BASIC | MULTI_STATEMENTS):
    client = Client(end.host, end.port)
    client.login(proxy.account.user, proxy.account.password, proxy.database, capabilities=capabilities)
    return client


def packets_until_quiet(client):
    """All that comes back, as (sequence, payload), with the answer to a query that shows where it ends."""
    client.socket.sendall(framed(COM_QUERY, b"SELECT 'marker'"))
    found = []
    while not (len(found) > 1 and found[-2][1] == b"\x06marker"):
        header = client.read_exactly(4)
        found.append((header[3], client.read_exactly(int.from_bytes(header[:3], "little"))))
    return found


def framed(code, payload):
    return struct.pack("<I", len(payload) + 1)[:3] + b"\0" + bytes([code]) + payload


COMMANDS = [
    (COM_SLEEP, b""), (COM_FIELD_LIST, b"t\0"), (COM_FIELD_LIST, b"t\0a%"), (COM_FIELD_LIST, b"nowhere\0"),
    (COM_CREATE_DB, b"x"), (COM_REFRESH, b"\1"), (COM_SHUTDOWN, b"\0"), (COM_CONNECT, b""), (COM_DEBUG, b""),
    (COM_TIME, b""), (COM_DELAYED_INSERT, b""), (COM_SET_OPTION, b"\1\0"), (COM_QUERY, b"SELECT 1; SELECT 2"),
    (COM_SET_OPTION, b"\0\0"), (COM_SET_OPTION, b"\7\0"), (COM_DAEMON, b""), (COM_INIT_DB, b"nowhere"), (0x40, b"what"),
    (0xE0, b""), (COM_RESET_CONNECTION, b""), (COM_STMT_EXECUTE, execute_payload(77, [])), (COM_STMT_RESET, b"\1\0\0\0"),
    (COM_STMT_PREPARE, b"SELEC"), (COM_STMT_PREPARE, b"SELECT ?, a FROM t"), (COM_STMT_PREPARE, b"DO 1"),
]


@pytest.mark.parametrize("flags", [BASIC, BASIC | DEPRECATE_EOF], ids=["eof", "deprecate_eof"])
def test_every_command_gets_the_servers_answer(proxy, server, flags):
    run(proxy.connect(), "CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(9) DEFAULT 'q') ENGINE=InnoDB")
    for code, payload in COMMANDS:
        answers = []
        for end in (server, proxy):
            client = login(end, proxy, flags | MULTI_STATEMENTS)
            client.command(code, payload)
            try:
                found = packets_until_quiet(client)
                if code == COM_STMT_PREPARE and found[0][1][0] == 0:  # the statement's id is the connection's
                    found[0] = (found[0][0], found[0][1][5:])
                answers.append(found)
            except Closed:
                answers.append("closed")
            client.close()
        assert answers[1] == answers[0], f"command {code:#x} with {payload!r}"


def test_commands_whose_answers_differ_by_nature_pass_too(proxy):
    client = login(proxy, proxy)
    client.command(COM_STATISTICS)
    assert client.expect_ok().startswith(b"Uptime: ")
    client.command(COM_PROCESS_INFO)
    head = client.read()
    if head[0] == 0xFF:  # MySQL 9 has it no more
        assert Err(head).number in (1047, 1227)
    else:
        ends = 0
        while ends < 2:
            packet = client.read()
            ends += packet[0] == 0xFE and len(packet) < 9
    assert client.result("SELECT 1")[-2] == b"\x011"


SEVERAL = ["SELECT 1; SELECT 2", "SELECT 1; SELEC; SELECT 2", "INSERT INTO t VALUES (1); SELECT * FROM t; DELETE FROM t",
           "SELECT 1; INSERT INTO t VALUES (1), (1); SELECT 2", "CALL p(3); SELECT 4", "CALL broken(); SELECT 4", ";", "SELECT 1;;",
           "SET @x = 1; DO 1; SELECT @x"]


@pytest.mark.parametrize("flags", [BASIC, BASIC | DEPRECATE_EOF], ids=["eof", "deprecate_eof"])
def test_several_statements_and_results_are_the_servers_bytes(proxy, server, flags):
    admin = proxy.connect()
    run(admin, "CREATE TABLE t (a INT PRIMARY KEY) ENGINE=InnoDB")
    run(admin, "CREATE PROCEDURE p(n INT) BEGIN SELECT n; SELECT n + 1; END")
    run(admin, "CREATE PROCEDURE broken() BEGIN SELECT 1; SELECT * FROM nowhere; SELECT 2; END")
    for text in SEVERAL:
        answers = []
        for end in (server, proxy):
            client = login(end, proxy, flags | MULTI_STATEMENTS)
            client.command(COM_QUERY, text.encode())
            answers.append(packets_until_quiet(client))
            client.close()
        assert answers[1] == answers[0], text


def test_pipelined_commands_are_answered_in_order(proxy, server):
    """Pitfall 15: commands before the answers of those before them are read."""
    run(proxy.connect(), "CREATE TABLE t (a INT PRIMARY KEY) ENGINE=InnoDB")
    texts = [b"INSERT INTO t VALUES (1)", b"SELECT * FROM t", b"SELEC", b"INSERT INTO t VALUES (1)", b"DELETE FROM t", b"SELECT 5"] * 20
    sent = b"".join(struct.pack("<I", len(text) + 1)[:3] + b"\0\x03" + text for text in texts)
    answers = []
    for end in (server, proxy):
        client = login(end, proxy)
        client.socket.sendall(sent)
        found = [client.read() for _ in range(20 * (1 + 5 + 1 + 1 + 1 + 5))]
        answers.append(found)
        client.close()
    assert answers[0] == answers[1]


def test_mariadbs_last_statement_is_executed_right_behind_its_prepare(mariadb, start_proxy):
    """Pitfall 15: id -1, in one segment with the prepare; a prepare that fails leaves nothing to execute."""
    proxy = start_proxy(mariadb)
    for lost in (False, True):
        session = Session(proxy)
        if lost:  # the same over a connection on which ids are translated
            session.prepare("SELECT 'an older one'")
            _cut(proxy, session)
        session.raw.socket.sendall(framed(COM_STMT_PREPARE, b"SELECT ?") +
                                   framed(COM_STMT_EXECUTE, execute_payload(LAST, [(LONGLONG, 42)])))
        statement = session.read_prepared()
        assert session.read_rows() == [(42,)]
        assert session.execute(statement, [(LONGLONG, 43)], types=False) == [(43,)]
        session.raw.socket.sendall(framed(COM_STMT_PREPARE, b"SELEC ?") +
                                   framed(COM_STMT_EXECUTE, execute_payload(LAST, [(LONGLONG, 42)])))
        errors = []
        for _ in range(2):
            with pytest.raises(Err) as error:
                session.raw.expect_ok()
            errors.append(error.value.number)
        assert errors == [1064, 1243]
        assert session.execute(statement, [(LONGLONG, 44)]) == [(44,)]
        session.prepare("SELECT 'last'")
        _cut(proxy, session)
        assert session.execute(Statement(LAST, 0, 1), []) == [(b"last",)]
        session.close()


def test_mariadbs_bulk_execute_inserts_many_rows_also_after_a_loss(mariadb, start_proxy):
    """Pitfall 15."""
    proxy = start_proxy(mariadb)
    run(proxy.connect(), "CREATE TABLE t (a BIGINT, s VARCHAR(9)) ENGINE=InnoDB")
    session = Session(proxy, capabilities=(BASIC | MULTI_STATEMENTS) & ~LONG_PASSWORD, mariadb=BULK)
    statement = session.prepare("INSERT INTO t VALUES (?, ?)")

    def bulk(number, rows, types):
        payload = struct.pack("<IH", number, 128 if types else 0)
        if types:
            payload += struct.pack("<HH", LONGLONG, VARCHAR)
        for a, s in rows:
            payload += (b"\0" + struct.pack("<q", a) if a is not None else b"\1") + b"\0" + bytes([len(s)]) + s
        session.raw.command(COM_STMT_BULK_EXECUTE, payload)
        return session.raw.expect_ok()
    bulk(statement.id, [(1, b"x"), (None, b"y")], True)
    _cut(proxy, session)
    bulk(statement.id, [(2, b"z")], True)
    bulk(LAST, [(3, b"w")], True)
    assert session.scalar("SELECT GROUP_CONCAT(CONCAT(IFNULL(a, '-'), s) ORDER BY s) FROM t") == b"3w,1x,-y,2z"


def test_mysqls_query_attributes_pass_in_text_and_execute(mysql, start_proxy):
    """Pitfall 24."""
    proxy = start_proxy(mysql)
    if not mysql.run("SELECT 1 FROM mysql.component WHERE component_urn LIKE '%query_attributes'"):
        mysql.run("INSTALL COMPONENT 'file://component_query_attributes'")
    named = b"\xfd\0" + b"\x01n" + b"\x05value"
    for end in (mysql, proxy):
        client = login(end, proxy, BASIC | QUERY_ATTRIBUTES)
        client.command(COM_QUERY, b"\1\1\0\1" + named + b"SELECT mysql_query_attribute_string('n')")
        assert [client.expect_ok() for _ in range(5)][3] == b"\x05value"
    session = Session(proxy, capabilities=BASIC | QUERY_ATTRIBUTES)
    session.query = lambda text: session.raw.result(b"\0\1" + text.encode())
    statement = session.prepare("SELECT ?, mysql_query_attribute_string('n')")

    def execute(types, value, attribute=None):
        count = 1 if attribute is None else 2
        payload = struct.pack("<IBI", statement.id, 8, 1) + bytes([count, 0, types])
        if types:
            payload += struct.pack("<H", LONGLONG) + b"\0" + (b"" if attribute is None else b"\xfd\0\1n")
        payload += struct.pack("<q", value) + (b"" if attribute is None else bytes([len(attribute)]) + attribute)
        session.raw.command(COM_STMT_EXECUTE, payload)
        return session.read_rows()
    assert execute(1, 5, b"attr") == [(5, b"attr")]
    assert execute(1, 6) == [(6, None)]
    assert execute(0, 7) == [(7, None)]
    _cut(proxy, session)
    assert execute(0, 8) == [(8, None)]
    _cut(proxy, session)
    assert execute(1, 9, b"again") == [(9, b"again")]


def _cut(proxy, session):
    number = int(session.scalar("SELECT CONNECTION_ID()"))
    proxy.server.run(f"KILL {number}")
    wait_until(lambda: not proxy.server.run(
        f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"), 10, "the server connection ends")


# --- LOAD DATA LOCAL INFILE: pitfall 17

def send_file(client, data):
    for start in range(0, len(data), 70_000):
        client.write(data[start:start + 70_000])
    client.write(b"")


def load(client, text, files):
    """Sends the statements and, each time that the server asks, the next file; the payloads that came back."""
    client.command(COM_QUERY, text)
    found = []
    for data in files:
        found.append(client.read())
        assert found[-1][0] == 0xFB, found[-1]
        send_file(client, data)
        found.append(client.read())
    return found


def test_load_data_local_passes_whatever_the_client_sends(proxy, server):
    server.run("SET GLOBAL local_infile = 1")
    run(proxy.connect(), "CREATE TABLE t (a INT, b LONGBLOB) ENGINE=InnoDB")
    one = b"LOAD DATA LOCAL INFILE 'x' INTO TABLE t FIELDS TERMINATED BY ',' (a, b)"
    binary = b"7," + b"".join(b"\\" + bytes([n]) if n in b"\n\\,\t" or n == 0 else bytes([n]) for n in range(256)) * 600 + b"\n"
    answers = []
    for end in (server, proxy):
        run(proxy.connect(), "TRUNCATE TABLE t")
        client = login(end, proxy, BASIC | LOCAL_FILES | MULTI_STATEMENTS)
        found = load(client, one, [b"1,one\n2,two\n"])
        found += load(client, one, [b""])  # an empty file; also how a client says that it has none
        found += load(client, one + b";" + one, [b"3,three\n", b"4,four\n"])
        found += load(client, one, [binary])
        found += client.result("BEGIN") + load(client, one, [b"5,five\n"]) + client.result("ROLLBACK")
        found += client.result("SELECT a, LENGTH(b), CRC32(b) FROM t ORDER BY a")
        answers.append(found)
        refuses = login(end, proxy, BASIC)  # a client that cannot
        with pytest.raises(Err) as error:
            refuses.query(one)
        answers[-1].append(str(error.value))
        assert refuses.result("SELECT 1")[-2] == b"\x011"
    assert answers[1] == answers[0]


# --- big packets: pitfall 16 (text: test_big.py)

@pytest.mark.limit(120)
def test_executes_and_binary_rows_around_16_mib(server, start_proxy):
    server.run("SET GLOBAL max_allowed_packet = 1073741824")
    proxy = start_proxy(server)
    session = Session(proxy)
    statement = session.prepare("SELECT ?")
    head = len(execute_payload(0, [(VARCHAR, b"")])) + 1
    for lost in (False, True):
        for size in (BIGGEST - 5, BIGGEST - 1, BIGGEST, BIGGEST + 1, BIGGEST + 5, 2 * BIGGEST):
            data = b"e" * (size - head - (3 if size < BIGGEST else 8 if size - head - 8 >= 1 << 24 else 3))
            if lost:
                _cut(proxy, session)
            assert session.execute(statement, [(VARCHAR, data)]) == [(data,)], size
