"""Row 19 of the list of what breaks MySQL proxies: TLS."""
import socket
import ssl

from lib.process import wait_until
from lib.sql import run, value

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
    before = cpu_seconds(proxy)
    assert value(connection, "SELECT SLEEP(1)") == 0
    assert cpu_seconds(proxy) - before < 0.5, "it spins"


def cpu_seconds(proxy):
    with open(f"/proc/{proxy.child.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100
