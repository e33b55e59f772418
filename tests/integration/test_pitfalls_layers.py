"""Rows 19 and 20 of the list of what breaks MySQL proxies: TLS and compression."""
import socket
import ssl
import subprocess

import pytest

from lib.compressed import CompressedRecorder
from lib.process import processor_seconds, wait_until
from lib.server import MySQL
from lib.sql import run, value
from lib.wire import BASIC, BIGGEST

# towards the server; MariaDB has no certificate here, test_tls.py gives it one
MODES = {"mariadb": ("off",), "mysql": ("off", "required")}


def unverified():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_pitfall_19_tls_neither_hangs_nor_spins_on_any_size(server, start_proxy):
    for to_server in MODES[server.kind]:
        proxy = start_proxy(server, HOLDWATER_CLIENT_TLS_MODE="required", HOLDWATER_SERVER_TLS_MODE=to_server)
        neither_hangs_nor_spins(proxy)


def neither_hangs_nor_spins(proxy):
    connection = proxy.connect(ssl=unverified())
    for size in (2 ** 14, 2 ** 15, 2 ** 16, 2 ** 22):
        for near in (-100, -1, 0, 1, 100):
            text = "x" * (size + near)
            assert value(connection, f"SELECT LENGTH('{text}')") == len(text)
            assert len(value(connection, f"SELECT REPEAT('y', {size + near})")) == len(text)
    run(connection, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY)")
    run(connection, "INSERT INTO t VALUES " + ",".join("()" for _ in range(5000)))
    assert len(run(connection, "SELECT * FROM t")) == 5000
    rude = proxy.connect(ssl=unverified())
    rude._sock.shutdown(socket.SHUT_WR)  # half of it stays open
    wait_until(lambda: proxy.metric("holdwater_client_connections") == 1, 20, "the half-closed one has ended")
    before = processor_seconds(proxy.child.pid)
    assert value(connection, "SELECT SLEEP(1)") == 0
    assert processor_seconds(proxy.child.pid) - before < 0.5, "it spins"


# --- 20

ALGORITHMS = {"mariadb": ("none", "zlib"), "mysql": ("none", "zlib", "zstd")}


@pytest.mark.limit(240)
def test_pitfall_20_compression_of_either_end_with_tls_and_every_size(server, start_proxy):
    """It outlives the login, packets are cut anywhere, and neither end learns what the other does."""
    for to_server in ALGORITHMS[server.kind]:
        proxy = start_proxy(server, HOLDWATER_SERVER_COMPRESSION=to_server.replace("none", "off"),
                            HOLDWATER_SERVER_TLS_MODE=MODES[server.kind][-1])
        for from_client in ALGORITHMS[server.kind]:
            for piece in (3, 50, 16384, BIGGEST):
                passes_every_size(proxy, from_client, to_server, piece)
            over_tls_too(proxy, server, from_client, to_server)


def passes_every_size(proxy, from_client, to_server, piece):
    client = CompressedRecorder(proxy.host, proxy.port, from_client, piece=piece)
    assert client.log_in(proxy.account.user, proxy.account.password, proxy.database, BASIC)
    sizes = (0, 1, 2 ** 14, 2 ** 16, 2 ** 16 + 1, 2 ** 22) + ((BIGGEST, BIGGEST + 1) if piece == BIGGEST else ())
    for size in sizes[:2] if piece == 3 else sizes[:4] if piece == 50 else sizes:
        assert client.answer(f"SELECT LENGTH('{'x' * size}')")[-2][1:] == str(size).encode()
        assert client.answer(f"SELECT REPEAT('y', {size})")[-2].endswith(b"y" * size)
    told = client.answer("SHOW SESSION STATUS LIKE 'Compression'")[-2]
    assert told.endswith(b"OFF" if to_server == "none" else b"ON"), "it is the server's own connection that is told of"
    client.close()


def over_tls_too(proxy, server, from_client, to_server):
    tls = ["--ssl"] if server.kind == "mariadb" else ["--ssl-mode=REQUIRED"]
    if server.kind == "mariadb":
        command = ["mariadb", "--no-defaults", *(["--compress"] if from_client != "none" else [])]
    else:
        command = [MySQL.client(), "--no-defaults",
                   f"--compression-algorithms={from_client.replace('none', 'uncompressed')}"]
    done = subprocess.run([*command, *tls, f"--host={proxy.host}", f"--port={proxy.port}", f"--user={proxy.account.user}",
                           f"--password={proxy.account.password}", "--protocol=TCP", "-NB", proxy.database],
                          input=f"SELECT LENGTH('{'z' * 300000}'); SELECT REPEAT('w', 300000);", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "300000\n" + "w" * 300000 + "\n"
