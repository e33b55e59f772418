"""Clients that take their time, or more than their share: each is bounded by a limit, and the others go on.

protocol/README.md lists what bounds whom. What is no packet at all is in test_bad_input.py, the compressed bombs are
in test_compression.py, and the HTTP port's hostile clients in tests/unit/admin/server_test.cpp.
"""
import os
import resource
import socket
import stat
import struct
import time

import pymysql
import pytest

from conftest import LONG
from lib import proxy as lib_proxy
from lib.process import processor_seconds, wait_until
from lib.sanitizer import sanitizer_of
from lib.sql import run, value
from lib.wire import BASIC, COM_PING, COM_QUERY, SSL, Client, Err

MIB = 1 << 20


def logged_in(proxy, deadline_s=60):
    client = Client(proxy.host, proxy.port, deadline_s)
    client.login(proxy.account.user, proxy.account.password, proxy.database)
    return client


def given_up(proxy):
    return proxy.metric("holdwater_clients_given_up_total")


def test_a_byte_at_a_time_prolongs_no_login(mariadb, start_proxy):
    """In the login itself, in a TLS handshake, in a PROXY header: the time is that of the whole login."""
    proxy = start_proxy(mariadb, HOLDWATER_HANDSHAKE_TIMEOUT=4, HOLDWATER_PROXY_PROTOCOL_NETWORKS="127.0.0.1")
    payload = struct.pack("<IIB23x", BASIC, 1 << 24, 45) + b"a" * 500
    login = len(payload).to_bytes(3, "little") + b"\x01" + payload
    request = struct.pack("<IIB23x", BASIC | SSL, 1 << 24, 45)
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600)
    openings = {"login": (b"", login), "TLS": (len(request).to_bytes(3, "little") + b"\x01" + request, hello),
                "PROXY": (b"PROXY TCP4 ", b"1" * 500), "PROXY v2": (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", b"\0" * 500)}
    slow = {}
    for name, (first, rest) in openings.items():
        client = Client(proxy.host, proxy.port)
        client.greet()
        client.socket.sendall(first)
        slow[name] = (client.socket, rest)
    ended, started = {}, time.monotonic()
    for at in range(500):
        for name, (each, rest) in slow.items():
            if name in ended:
                continue
            try:
                each.sendall(rest[at:at + 1])
            except OSError:
                ended[name] = time.monotonic() - started
        if len(ended) == len(slow):
            break
        assert time.monotonic() - started < 60, f"still connected: {set(slow) - set(ended)}"
        time.sleep(0.02)  # the pace of the slow clients
    assert len(ended) == len(slow), f"still connected: {set(slow) - set(ended)}"
    assert value(proxy.connect(), "SELECT 1") == 1


def test_a_client_that_takes_no_answer_is_given_up(server, start_proxy):
    """As its server would: net_write_timeout, here the session's own. It holds a buffer's memory until then."""
    proxy = start_proxy(server, HOLDWATER_NET_WRITE_TIMEOUT=1)
    server.run("SET GLOBAL net_write_timeout = 60")
    run(proxy.connect(), "CREATE TABLE big (a LONGTEXT)")
    run(proxy.connect(), "INSERT INTO big SELECT REPEAT('x', 1000000)")
    for _ in range(5):
        run(proxy.connect(), "INSERT INTO big SELECT * FROM big")
    before, deaf = proxy.resident_bytes(), []
    for _ in range(5):
        client = logged_in(proxy)
        client.query("SET net_write_timeout = 1")
        client.command(COM_QUERY, b"SELECT * FROM big")
        deaf.append(client)
    assert value(proxy.connect(), "SELECT 1") == 1
    wait_until(lambda: given_up(proxy) == 5, 30, lambda: f"given up: {given_up(proxy)}")
    assert proxy.resident_bytes() - before < 64 * MIB
    wait_until(lambda: proxy.metric("holdwater_client_connections") <= 1, 10, "their connections are closed")
    wait_until(lambda: "big" not in str(server.run("SHOW FULL PROCESSLIST")).replace("big (", ""), 15, "their reads have ended")
    for client in deaf:
        client.close()


def test_a_patient_session_may_pause_in_its_answer(mariadb, start_proxy):
    """Drivers that stream a result raise net_write_timeout for it: what the server then waits, Holdwater waits."""
    proxy = start_proxy(mariadb, HOLDWATER_NET_WRITE_TIMEOUT=0.2)
    client = logged_in(proxy)
    client.query("SET net_write_timeout = 600")
    client.command(COM_QUERY, b"SELECT REPEAT('x', 1000000) FROM seq_1_to_40")
    wait_until(lambda: proxy.http("/livez")[0] == 200, 5, "it lives")
    time.sleep(1)  # five times what Holdwater's own limit is: the pause of a client that is busy with a row
    ends, rows = 0, 0
    while ends < 2:
        packet = client.read()
        ends += packet[0] == 0xFE and len(packet) < 9
        rows += len(packet) > 900000
    assert rows == 40 and given_up(proxy) == 0
    client.close()


def test_a_client_that_does_not_go_on_with_its_command_is_given_up(server, start_proxy):
    """In a small command, in one that streams through, in a file: net_read_timeout."""
    proxy = start_proxy(server, HOLDWATER_NET_READ_TIMEOUT=1)
    run(proxy.connect(), "CREATE TABLE t (a INT)")
    server.run("SET GLOBAL net_read_timeout = 60")
    server.run("SET GLOBAL local_infile = 1")
    clients = []
    for half in (b"\x40\x00\x00\x00\x03SELECT", b"\xff\xff\x0f\x00\x03SELECT '" + b"x" * 200000, None):
        client = Client(proxy.host, proxy.port, 60)
        client.login(proxy.account.user, proxy.account.password, proxy.database, capabilities=BASIC | 0x80)
        client.query("SET net_read_timeout = 1")
        if half is None:
            assert client.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t")[:1] == b"\xfb"
            half = b"\x40\x00\x00\x02" + b"1\n"
        client.socket.sendall(half)
        clients.append(client)
    idle = logged_in(proxy)
    for client in clients:
        assert client.is_closed(60)
        client.close()
    wait_until(lambda: given_up(proxy) >= 2, 10, lambda: f"given up: {given_up(proxy)}")
    idle.command(COM_PING)  # one that is silent between two commands is not meant
    idle.expect_ok()
    idle.close()


def test_endless_packets_in_an_outage_end_with_their_client(mariadb, start_proxy):
    """A statement of any number of 16 MiB packets is read on without being kept, and not for ever."""
    proxy = start_proxy(mariadb)
    client, other = logged_in(proxy), logged_in(proxy)
    mariadb.stop()
    proxy.wait_state("down")
    before = proxy.resident_bytes()
    packet = b"\xff\xff\xff\x00\x03" + b"x" * (2 ** 24 - 2)
    for number in range(8):
        client.socket.sendall(packet[:3] + bytes([number]) + packet[4:])
    assert proxy.resident_bytes() - before < 64 * MIB
    client.socket.sendall(b"\x00\x00\x00\x08")  # the end, for which it is told
    with pytest.raises(Err) as refused:
        client.expect_ok()
    assert refused.value.number == 1153
    other.command(COM_PING)
    other.expect_ok()
    for each in (client, other):
        each.close()


def test_many_pings_ahead_do_not_keep_others_from_their_turn(mariadb, start_proxy):
    """In an outage they are answered without waiting for anyone. One worker serves all."""
    proxy = start_proxy(mariadb, HOLDWATER_WORKERS=1)
    busy, other = logged_in(proxy), logged_in(proxy)
    mariadb.stop()
    proxy.wait_state("down")
    pings, answers = b"\x01\x00\x00\x00\x0e" * 50000, 0
    busy.socket.setblocking(False)
    sent, served = 0, 0
    while sent < len(pings) or answers < 50000 * 11:
        try:
            sent += busy.socket.send(pings[sent:sent + 10000])
        except BlockingIOError:
            pass
        try:
            answers += len(busy.socket.recv(20000))
        except BlockingIOError:
            pass
        if sent > (served + 1) * 20000:
            other.command(COM_PING)
            other.expect_ok()
            served += 1
    assert served > 5
    for each in (busy, other):
        each.close()


def test_what_a_session_sets_in_an_outage_is_bounded(mariadb, start_proxy):
    """User variables, statements, savepoints without end: refused past a bound, and the others go on."""
    proxy = start_proxy(mariadb, HOLDWATER_SESSION_MAX_REMEMBERED_STATEMENT_BYTES=100000,
                        HOLDWATER_SPOOL_MAX_TRANSACTION_STATEMENTS=20)
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (a INT)")
    client = logged_in(proxy)
    mariadb.stop()
    proxy.wait_state("down")
    big = "x" * 1_000_000
    run(connection, f"SET @v0 = '{big}'")
    assert value(connection, "SELECT @v0") == big
    for number in range(20):
        run(connection, f"SET @v{number} = '{big}'")
    with pytest.raises(pymysql.err.MySQLError):
        value(connection, "SELECT @v0")  # nothing is known of its variables any more
    refused = 0
    for _ in range(500):
        client.command(22, b"INSERT INTO t VALUES (1)")
        try:
            client.expect_ok()
        except Err:
            refused += 1
    assert refused > 100
    client.query("BEGIN")
    with pytest.raises(Err) as full:
        for number in range(30):
            client.query(f"SAVEPOINT s{number}")
    assert full.value.number == 1197
    client.close()


def small_proxy(start_proxy, server, tmp_path, monkeypatch, files, **settings):
    """One that the system lets open so many files."""
    script = tmp_path / "few-files.sh"
    script.write_text(f'#!/bin/sh\nulimit -n {files}\nexec "{lib_proxy.binary()}" "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("HOLDWATER_BINARY", str(script))
    return start_proxy(server, **settings)


def test_a_flood_is_told_that_there_is_no_room_and_leaves_room_for_the_rest(mariadb, start_proxy, tmp_path, monkeypatch):
    """max_connections fits what files may be open, so the HTTP port and the checks go on; the unix socket has its own."""
    path = str(tmp_path / "holdwater.sock")
    proxy = small_proxy(start_proxy, mariadb, tmp_path, monkeypatch, 700, HOLDWATER_LISTEN_SOCKET=path, HOLDWATER_HANDSHAKE_TIMEOUT=120)
    connection = proxy.connect()
    flood, refused = [], 0
    for _ in range(200):
        each = socket.create_connection((proxy.host, proxy.port), 60)
        header = each.recv(5)
        refused += header[4:] == b"\xff"
        flood.append(each)
    assert refused > 100
    wait_until(lambda: proxy.metric("holdwater_clients_turned_away_total") >= refused, 15, "they are counted")
    assert value(connection, "SELECT 1") == 1
    proxy.wait_ok()
    with socket.socket(socket.AF_UNIX) as local:
        local.settimeout(60)
        local.connect(path)
        assert local.recv(5)[4:] == b"\x0a", "the unix socket is shut out"
    for each in flood:
        each.close()
    wait_until(lambda: proxy.metric("holdwater_client_connections") <= 2, 15, "the flood has gone")
    assert value(proxy.connect(), "SELECT 2") == 2


def test_used_up_descriptors_neither_end_nor_busy_the_proxy(mariadb, start_proxy):
    if sanitizer_of(lib_proxy.binary()):
        pytest.skip("UBSan's look at an object goes through a pipe, for which there is no descriptor then")
    proxy = start_proxy(mariadb)
    connection = proxy.connect()
    assert value(connection, "SELECT 1") == 1
    here = len(os.listdir(f"/proc/{proxy.child.pid}/fd"))
    _, hard = resource.prlimit(proxy.child.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(proxy.child.pid, resource.RLIMIT_NOFILE, (here + 5, hard))
    flood = [socket.create_connection((proxy.host, proxy.port), 60) for _ in range(100)]
    wait_until(lambda: "cannot be accepted" in proxy.log_text(), 10, "it has met the end of its descriptors")
    used, started = processor_seconds(proxy.child.pid), time.monotonic()
    wait_until(lambda: time.monotonic() - started > 1, 5, "a second has passed")
    assert processor_seconds(proxy.child.pid) - used < 0.5, "it spins"
    assert proxy.log_text().count("cannot be accepted") < 10, "it fills its log"
    assert value(connection, "SELECT 2") == 2
    resource.prlimit(proxy.child.pid, resource.RLIMIT_NOFILE, (hard, hard))
    for each in flood:
        each.close()
    assert value(proxy.connect(), "SELECT 3") == 3


@pytest.mark.limit(300)
def test_a_flood_of_connections_leaves_nothing_behind(mariadb, start_proxy):
    """Each connects, some say something, all leave."""
    proxy = start_proxy(mariadb)
    connection = proxy.connect()
    before = proxy.resident_bytes()
    count = 100_000 if LONG else 3000
    for number in range(count):
        each = socket.socket()
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no port is kept from the next
        each.connect((proxy.host, proxy.port))
        if number % 3 == 0:
            each.send(b"\x01\x00")
        each.close()
        if number % 1000 == 0:
            assert value(connection, "SELECT 1") == 1
    wait_until(lambda: proxy.metric("holdwater_client_connections") == 1, 60, "they are all gone", 0.2)
    assert len(os.listdir(f"/proc/{proxy.child.pid}/fd")) < 200
    assert proxy.resident_bytes() - before < 32 * MIB
    assert value(proxy.connect(), "SELECT 2") == 2


def keepalive_timers(port):
    """Of the connections at that local port, in seconds: what /proc/net/tcp says of their keepalive timers."""
    found = []
    with open("/proc/net/tcp") as file:
        for line in file.readlines()[1:]:
            fields = line.split()
            timer, when = fields[5].split(":")
            if int(fields[1].split(":")[1], 16) == port and fields[3] == "01":
                found.append(int(when, 16) / os.sysconf("SC_CLK_TCK") if timer == "02" else None)
    return found


def test_connections_without_a_word_are_asked_whether_they_are_there(mariadb, start_proxy):
    """So that those whose machine has gone without a word do not stay: tcp_keepalive, on both sides."""
    proxy = start_proxy(mariadb, HOLDWATER_TCP_KEEPALIVE=40)
    connection = proxy.connect()
    assert value(connection, "SELECT 1") == 1
    wait_until(lambda: any(timer and timer <= 41 for timer in keepalive_timers(proxy.port)), 5,
               lambda: f"a client's timer: {keepalive_timers(proxy.port)}")
