"""A client says the types of a statement's parameters once. What it said with an execute that no server got is not forgotten."""
import struct

import pymysql
import pytest

from lib.outage import bring_back, go_away
from lib.process import wait_until
from lib.sql import run
from lib.statements import COM_STMT_EXECUTE, LONGLONG, VARCHAR, Session, lenenc, packed_execute
from lib.wire import BASIC, Err

DOUBLE = 5
QUERY_ATTRIBUTES = 1 << 27


def number(of):
    return (LONGLONG, struct.pack("<q", of))


def execute(session, statement, parameters, types=True):
    session.raw.command(COM_STMT_EXECUTE, packed_execute(statement.id, parameters, types))
    session.raw.expect_ok()


@pytest.mark.limit(120)
def test_an_execute_that_found_the_server_full(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_POOL_MAX_IDLE=0, DB_RETRY_ATTEMPTS=2, DB_RETRY_DELAY=0.5)
    run(proxy.connect(), "CREATE TABLE t (id BIGINT PRIMARY KEY, s VARCHAR(40)) ENGINE=InnoDB")
    session = Session(proxy)
    insert = session.prepare("INSERT INTO t VALUES (?, ?)")
    execute(session, insert, [number(1), number(5)])
    root, crowd = server.admin(), []
    most = int(server.run("SELECT @@max_connections")[0][0])

    def ask(statement):
        with root.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def is_full():
        try:
            crowd.append(pymysql.connect(host="127.0.0.1", port=server.port, user=proxy.account.user, password=proxy.account.password))
        except pymysql.err.OperationalError as error:
            return error.args[0] == 1040
        return False

    def finds_it_full():
        """Somebody may have left in the moment before, so that there was room once more: then all of it again."""
        mine = int(session.scalar("SELECT CONNECTION_ID()"))
        ask(f"KILL {mine}")
        wait_until(lambda: all(row[0] != mine for row in ask("SHOW PROCESSLIST")), 45, "the session's connection has ended")
        wait_until(is_full, 45, "the server is full")
        try:
            execute(session, insert, [number(2), (DOUBLE, struct.pack("<d", 1.5))])
        except Err as refused:
            return refused.number
        ask(f"DELETE FROM {proxy.database}.t WHERE id=2")
        execute(session, insert, [number(2), number(5)])
        ask(f"DELETE FROM {proxy.database}.t WHERE id=2")
        return None
    try:
        ask("SET GLOBAL max_connections = 10")
        assert wait_until(finds_it_full, 45, "the session finds the server full") == 1040
    finally:
        ask(f"SET GLOBAL max_connections = {most}")
        for one in (*crowd, root):
            one.close()
    wait_until(lambda: proxy.state() == "up", 45, "it is up")
    execute(session, insert, [number(3), (DOUBLE, struct.pack("<d", 1.5))], types=False)
    assert server.run("SELECT * FROM t ORDER BY id", database=proxy.database) == ((1, "5"), (3, "1.5"))
    session.close()


def test_an_execute_with_attributes_in_an_outage(mysql, start_proxy):
    """Their types stand among the parameters', and are not kept as those."""
    proxy = start_proxy(mysql)
    run(proxy.connect(), "CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT) ENGINE=InnoDB")
    session = Session(proxy, capabilities=BASIC | QUERY_ATTRIBUTES)
    insert = session.prepare("INSERT INTO t VALUES (?, ?)")

    def play(values, attribute=b"", types=True):
        payload = struct.pack("<IBI", insert.id, 8 if attribute else 0, 1)
        payload += bytes([len(values) + bool(attribute), 0, types])
        if types:
            payload += (struct.pack("<H", LONGLONG) + b"\0") * len(values)
            payload += struct.pack("<H", VARCHAR) + lenenc(b"trace") if attribute else b""
        payload += b"".join(struct.pack("<q", value) for value in values) + (lenenc(attribute) if attribute else b"")
        session.raw.command(COM_STMT_EXECUTE, payload)
        session.raw.expect_ok()
    play([1, 11], attribute=b"abc")
    play([2, 22], types=False)
    go_away(proxy)
    play([3, 33], attribute=b"abc")
    bring_back(proxy)
    try:
        play([4, 44], types=False)
        kept = ((4, 44),)
    except Err as asked_again:
        assert asked_again.number == 1615
        kept = ()
    play([5, 55])
    assert mysql.run("SELECT * FROM t ORDER BY id", database=proxy.database) == ((1, 11), (2, 22), (3, 33), *kept, (5, 55))
    session.close()
