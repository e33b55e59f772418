"""The PROXY protocol: the client's address as a load balancer tells it (in), and as the server is told it (out)."""
import socket
import struct

import pytest

from lib.process import wait_until
from lib.proxy import Account
from lib.sql import run, value
from lib.wire import Client, Closed, Err

V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 3306\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ADDRESSES = socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.1") + struct.pack(">HH", 40000, 3306)
TLV = b"\x04\x00\x03abc"
V2 = SIGNATURE + b"\x21\x11" + struct.pack(">H", len(ADDRESSES + TLV)) + ADDRESSES + TLV
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
TRUSTING = {"HOLDWATER_PROXY_PROTOCOL_NETWORKS": "10.0.0.0/8, 127.0.0.0/8"}


def behind(proxy, header):
    client = Client(proxy.host, proxy.port)
    client.socket.sendall(header)
    return client


def address_in_denial(client, user):
    with pytest.raises(Err) as caught:
        client.login(user, "wrong")
    assert caught.value.number == 1045
    return caught.value.text.split("@")[1].split("'")[1]


def test_a_header_in_front_tells_the_clients_address(server, start_proxy):
    proxy = start_proxy(server, **TRUSTING)
    user = proxy.account.user
    for header, address in ((V1, "192.0.2.7"), (V2, "192.0.2.7"), (LOCAL, "127.0.0.1"),
                            (b"PROXY UNKNOWN\r\n", "127.0.0.1"), (b"", "127.0.0.1"),
                            (b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n", "2001:db8::7")):
        assert address_in_denial(behind(proxy, header), user) == address, header
        client = behind(proxy, header)
        client.login(user, proxy.account.password)
        assert client.result("SELECT 7")[-2] == b"\x017"


def test_a_header_that_comes_byte_by_byte_or_with_the_login_is_read(mariadb, start_proxy):
    proxy = start_proxy(mariadb, **TRUSTING)
    for header in (V1, V2):
        client = Client(proxy.host, proxy.port)
        for at in range(len(header)):
            client.socket.sendall(header[at:at + 1])
        assert address_in_denial(client, proxy.account.user) == "192.0.2.7"


def test_a_header_from_elsewhere_or_a_broken_one_is_a_bad_handshake(mariadb, start_proxy):
    closed = start_proxy(mariadb)
    trusting = start_proxy(mariadb, **TRUSTING)
    for proxy, header in ((closed, V1), (closed, V2), (closed, b"PROXY"), (trusting, V1.replace(b"TCP4", b"TCP9")),
                          (trusting, V2.replace(b"\x21\x11", b"\x31\x11")), (trusting, b"PROXY " + b"x" * 200)):
        client = behind(proxy, header)
        client.greet()
        with pytest.raises(Err) as caught:
            client.expect_ok()
        assert caught.value.number == 1043 and "PROXY" in caught.value.text
        assert client.is_closed()


def test_a_header_cut_at_any_byte_ends_with_its_connection_or_its_time(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_HANDSHAKE_TIMEOUT="5", **TRUSTING)
    for header in (V1, V2):
        for size in range(len(header)):
            behind(proxy, header[:size]).close()
    late = behind(proxy, V2[:-1])
    late.greet()
    assert late.is_closed()
    wait_until(lambda: proxy.metric("holdwater_client_connections") == 0, 20, "all have ended")
    assert value(proxy.connect(), "SELECT 1") == 1


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_server_is_told_the_clients_address(mariadb, start_proxy, version):
    proxy = start_proxy(mariadb, HOLDWATER_SERVER_PROXY_PROTOCOL=version, **TRUSTING)
    elsewhere = Account(f"elsewhere_{version}", "from-afar")
    mariadb.run("SET GLOBAL proxy_protocol_networks = '127.0.0.1'",
                f"CREATE USER {elsewhere.user}@192.0.2.7 IDENTIFIED BY '{elsewhere.password}'",
                f"GRANT ALL ON {proxy.database}.* TO {elsewhere.user}@192.0.2.7")
    try:
        assert value(proxy.connect(), "SELECT USER()") == f"{proxy.account.user}@127.0.0.1"
        client = behind(proxy, V1)
        client.login(proxy.account.user, proxy.account.password, proxy.database)
        user = f"{proxy.account.user}@192.0.2.7"
        assert client.result("SELECT USER()")[-2] == bytes([len(user)]) + user.encode()
        client = behind(proxy, V2)  # relayed: the account exists for that address only
        client.login(elsewhere.user, elsewhere.password, proxy.database)
        assert client.result("SELECT 7")[-2] == b"\x017"
        with pytest.raises((Err, Closed)):
            behind(proxy, b"").login(elsewhere.user, elsewhere.password)
        mariadb.restart()  # the session comes back with its client's address
        mariadb.run("SET GLOBAL proxy_protocol_networks = '127.0.0.1'")
        proxy.wait_drained()
        assert value(proxy.connect(), "SELECT 1") == 1
    finally:
        mariadb.run("SET GLOBAL proxy_protocol_networks = ''", f"DROP USER {elsewhere.user}@192.0.2.7")
