"""Big results and big packets, in bounded memory, byte for byte."""
import hashlib
import threading

import pytest

from conftest import LONG
from lib.process import wait_until
from lib.sql import run, spooled_seq, value, was_refused_for_outage
from lib.wire import BIGGEST, COM_QUERY, Client

ROOM = 32 << 20


@pytest.mark.limit(600)
def test_a_client_that_does_not_read_a_big_result_does_not_grow_the_proxy(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    connection = proxy.connect()
    run(connection, "CREATE TABLE big (id INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB")
    run(connection, "INSERT INTO big VALUES (1, REPEAT('x', 4000000))")
    rows = 256 if LONG else 50  # of 4 MB each
    client = Client(proxy.host, proxy.port, deadline_s=60)
    client.login(proxy.account.user, proxy.account.password, proxy.database)
    before = proxy.resident_bytes()
    client.command(COM_QUERY, f"SELECT s FROM big JOIN seq_1_to_{rows} s2".encode())
    assert client.read() == b"\x01"
    # the server is stuck on a full pipe: it is writing, and what the proxy holds stays as it is
    wait_until(lambda: any("Writing" in str(row) or "Sending" in str(row) for row in mariadb.run("SHOW PROCESSLIST")),
               10, "the server writes")
    most = 0
    for _ in range(100):
        assert value(connection, "SELECT 1") == 1
        most = max(most, proxy.resident_bytes() - before)
    assert most < ROOM, f"the proxy grew by {most >> 20} MiB while the client did not read"
    client.read()  # the column's definition
    client.read()  # EOF
    for _ in range(rows):
        assert len(client.read()) == 4000004
        most = max(most, proxy.resident_bytes() - before)
    assert client.read()[:1] == b"\xfe"
    assert most < ROOM, f"the proxy grew by {most >> 20} MiB while the client read"


def test_many_rows_come_complete(proxy, server):
    connection = proxy.connect()
    run(connection, "CREATE TABLE d (n INT) ENGINE=InnoDB")
    run(connection, "INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)")
    digits = " JOIN ".join(f"d d{i}" for i in range(6 if LONG else 5))
    wanted = 10 ** (6 if LONG else 5)
    assert len(run(connection, f"SELECT 'some text', d0.n, NULL FROM {digits}")) == wanted


@pytest.mark.parametrize("size", [BIGGEST - 5, BIGGEST - 1, BIGGEST, BIGGEST + 1, BIGGEST + 4, 2 * BIGGEST, 2 * BIGGEST + 1])
def test_packets_around_16_mib_go_both_ways(server, start_proxy, size):
    """The size is that of the statement's packet on the way there, and of the row's on the way back."""
    proxy = start_proxy(server)
    client = Client(proxy.host, proxy.port, deadline_s=60)
    client.login(proxy.account.user, proxy.account.password, proxy.database)
    frame = b"SELECT LENGTH('')"
    client.command(COM_QUERY, frame[:-2] + b"z" * (size - 1 - len(frame)) + frame[-2:])
    packets = [client.expect_ok() for _ in range(5)]
    assert packets[3][1:] == str(size - 1 - len(frame)).encode()
    head = 1 + (3 if size - 4 < 1 << 24 else 8)  # the length-encoded length of the one column
    client.command(COM_QUERY, f"SELECT REPEAT('y', {size - head})".encode())
    packets = [client.expect_ok() for _ in range(5)]
    assert len(packets[3]) == size
    assert packets[3][head:] == b"y" * (size - head)
    assert client.result("SELECT 1")[-2] == b"\x011", "the connection is in step"


def test_a_big_write_is_kept_byte_for_byte(server, start_proxy):
    proxy = start_proxy(server)
    connection = proxy.connect()
    run(connection, "CREATE TABLE blobs (id INT PRIMARY KEY, b LONGBLOB) ENGINE=InnoDB")
    data = bytes(range(256)) * 16000  # 4 MB, every byte value
    run(connection, "INSERT INTO blobs VALUES (1, _binary %s)", (data,))
    server.stop()
    proxy.wait_state("down")
    spooled_seq(connection, "INSERT INTO blobs VALUES (2, _binary %s)", (data,))
    server.start()
    proxy.wait_drained()
    sums = server.run("SELECT SHA2(b, 256) FROM blobs", database=proxy.database)
    assert sums == ((hashlib.sha256(data).hexdigest(),),) * 2


def test_a_write_larger_than_the_limit_is_refused_in_an_outage(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_SPOOL_MAX_STATEMENT_BYTES=100000)
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB")
    run(connection, f"INSERT INTO t VALUES (1, '{'x' * 200000}')")
    mariadb.stop()
    proxy.wait_state("down")
    was_refused_for_outage(connection, f"INSERT INTO t VALUES (2, '{'x' * 200000}')")
    spooled_seq(connection, f"INSERT INTO t VALUES (3, '{'x' * 50000}')")
    mariadb.start()
    proxy.wait_drained()
    assert mariadb.run("SELECT id FROM t ORDER BY id", database=proxy.database) == ((1,), (3,))


def test_many_clients_at_once_each_get_their_own_answers(proxy):
    wrong = []

    def work(number):
        connection = proxy.connect()
        for i in range(60):
            text = f"{number}:{i}:" + "w" * (i * 37 % 5000)
            if value(connection, "SELECT %s", (text,)) != text:
                wrong.append(text[:20])
    threads = [threading.Thread(target=work, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_write_that_the_server_takes_in_no_packet_is_refused_in_an_outage(server, start_proxy):
    server.run("SET GLOBAL max_allowed_packet = 1048576")  # until its next start
    proxy = start_proxy(server)
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB")
    proxy.wait_tables_known()
    server.stop()
    proxy.wait_state("down")
    large, fits = "x" * (1 << 20), "x" * ((1 << 20) - 1000)
    for begun in (False, True):
        if begun:
            run(connection, "BEGIN")
        assert "max_allowed_packet" in was_refused_for_outage(connection, f"INSERT INTO t VALUES (1, '{large}')")[1]
        if begun:
            run(connection, "ROLLBACK")
    spooled_seq(connection, f"INSERT INTO t VALUES (2, '{fits}')")
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT id, LENGTH(s) FROM t", database=proxy.database) == ((2, len(fits)),)
    assert proxy.health()["spool"]["dead"] == 0
