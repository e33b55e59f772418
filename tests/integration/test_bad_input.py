"""Bad input from clients: each gets a clear error or a clean close; the others notice nothing."""
import os
import random
import socket
import struct

import pytest

from conftest import LONG
from lib.process import wait_until
from lib.sql import run, value
from lib.wire import BASIC, COM_QUERY, Client, Closed, Err


@pytest.fixture
def bystander(mariadb, start_proxy):
    """A proxy with a short handshake time and a client that must not be disturbed."""
    proxy = start_proxy(mariadb, HOLDWATER_HANDSHAKE_TIMEOUT=4)  # within which a busy machine has to let an honest client in
    connection = proxy.connect()
    yield proxy
    assert value(connection, "SELECT 1") == 1, "the bystander was disturbed"
    assert value(proxy.connect(), "SELECT 2") == 2
    assert proxy.child.poll() is None
    proxy.wait_ok()
    assert proxy.state() == "up"


def response_to(proxy, data, keep_open=True):
    """A raw connection that reads the greeting and sends data."""
    client = Client(proxy.host, proxy.port)
    client.greet()
    client.socket.sendall(data)
    if not keep_open:
        client.socket.shutdown(socket.SHUT_WR)
    return client


def test_garbage_instead_of_a_handshake_is_closed(bystander):
    rng = random.Random(7)
    for size in (1, 3, 4, 5, 32, 33, 64, 4096, 300000):
        client = response_to(bystander, rng.randbytes(size))
        assert client.is_closed(60), f"{size} bytes of garbage leave the connection open"
        client.close()


def test_other_protocols_are_closed(bystander):
    for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100,
                 b"SSH-2.0-OpenSSH\r\n", b"\x00" * 64, b"\xff" * 64):
        client = response_to(bystander, data)
        assert client.is_closed(60), data
        client.close()


def test_a_handshake_cut_at_every_byte_is_closed(bystander):
    whole = handshake_of(bystander)
    for cut in range(0, len(whole)):
        client = response_to(bystander, whole[:cut], keep_open=False)
        assert client.is_closed(60), f"cut after {cut} bytes"
        client.close()


def handshake_of(proxy):
    payload = (struct.pack("<IIB23x", BASIC, 1 << 24, 45) + proxy.account.user.encode() + b"\0" + b"\x14" + b"p" * 20 +
               b"mysql_native_password\0")
    return len(payload).to_bytes(3, "little") + b"\x01" + payload


def test_fields_that_run_past_their_packet_are_an_error(bystander):
    head = struct.pack("<IIB23x", BASIC, 1 << 24, 45)
    for tail in (b"user-without-end", b"u\0\xffshort", b"u\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff", b"u\0\x14abc", b""):
        payload = head + tail
        client = response_to(bystander, len(payload).to_bytes(3, "little") + b"\x01" + payload)
        assert client.is_closed(60), tail
        client.close()


def test_a_promised_packet_of_16_mib_that_never_comes_costs_nothing(bystander):
    before = bystander.resident_bytes()
    clients = [response_to(bystander, b"\xff\xff\xff\x01") for _ in range(50)]
    assert all(client.is_closed(60) for client in clients)
    assert bystander.resident_bytes() - before < 32 << 20
    for client in clients:
        client.close()


def test_a_logged_in_client_may_promise_a_packet_and_fall_silent(bystander):
    before = bystander.resident_bytes()
    clients = []
    for _ in range(20):
        client = Client(bystander.host, bystander.port)
        client.login(bystander.account.user, bystander.account.password)
        client.socket.sendall(b"\xff\xff\xff\x00" + bytes([COM_QUERY]) + b"SELECT '")
        clients.append(client)
    assert value(bystander.connect(), "SELECT 1") == 1
    assert bystander.resident_bytes() - before < 64 << 20
    for client in clients:
        client.close()


def test_garbage_commands_of_a_logged_in_client_are_answered_or_closed(bystander):
    rng = random.Random(11)
    for round_number in range(60):
        client = Client(bystander.host, bystander.port)
        client.login(bystander.account.user, bystander.account.password)
        payload = bytes([rng.randrange(256)]) + rng.randbytes(rng.randrange(40))
        client.sequence = rng.choice((0, 0, 0, 9))
        client.write(payload)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.is_closed(60), f"round {round_number}: {payload!r} leaves the connection open"
        client.close()


def test_an_empty_packet_is_no_crash(bystander):
    client = Client(bystander.host, bystander.port)
    client.login(bystander.account.user, bystander.account.password)
    client.socket.settimeout(5)
    client.write(b"")
    try:
        client.expect_ok()
    except (Err, Closed, ConnectionError, socket.timeout):
        pass  # an error, a close, or nothing: but no crash, which the fixture checks
    client.close()


@pytest.mark.limit(180)
def test_silent_connections_are_closed_and_disturb_nobody(bystander):
    count = 10000 if LONG else 3000
    before = bystander.resident_bytes()
    silent = []
    for _ in range(count):
        each = socket.socket()
        each.setblocking(False)
        each.connect_ex((bystander.host, bystander.port))
        silent.append(each)
        if len(silent) % 200 == 0:
            assert value(bystander.connect(), "SELECT 1") == 1
    grown = bystander.resident_bytes() - before
    assert grown < count * 64 * 1024, f"{grown} bytes for {count} silent connections"
    descriptors = f"/proc/{bystander.child.pid}/fd"
    wait_until(lambda: len(os.listdir(descriptors)) < 200, 30, "the proxy has closed the silent connections", 0.2)
    for each in silent:
        each.close()


def of_its_account(server, proxy):
    """Connections, whatever other tests have left."""
    return [row for row in server.run("SHOW PROCESSLIST") if row[1] in (proxy.account.user, "unauthenticated user")]


def test_the_servers_connections_are_not_used_up_by_the_silent(bystander, mariadb):
    silent = [socket.create_connection((bystander.host, bystander.port)) for _ in range(300)]
    assert len(of_its_account(mariadb, bystander)) < 60
    for each in silent:
        each.close()


def test_clients_that_vanish_leave_nothing_behind(bystander, mariadb):
    for number in range(100):
        client = Client(bystander.host, bystander.port)
        client.login(bystander.account.user, bystander.account.password)
        if number % 2:
            client.command(COM_QUERY, b"SELECT SLEEP(0.01)")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def left():  # a connection whose answer came after its client was gone is kept for others
        return len(of_its_account(mariadb, bystander)) - bystander.health()["pool"]["idle"]
    wait_until(lambda: left() < 10 and bystander.metric("holdwater_client_connections") == 1, 15,
               lambda: f"connections left: {left()}")
    run(bystander.connect(), "DO 1")
