"""TLS with clients and with the server, each side by itself and in any mix."""
import os
import shutil
import socket
import ssl
import stat
import subprocess

import pymysql
import pytest

from lib.process import end, processor_seconds, spawn, tail, wait_until
from lib.proxy import Account, binary
from lib.server import KINDS, MySQL
from lib.sql import run, spooled_seq, value, was_refused_for_outage
from lib.tls import Authority
from lib.wire import COM_QUERY, Client

MIB = 1 << 20


@pytest.fixture(scope="module")
def authority(root):
    return Authority(os.path.join(root, "authority"))


@pytest.fixture(scope="module")
def tls_servers(root, authority):
    """Servers that show a certificate made out to 127.0.0.1 and trust our authority's clients."""
    made = {}

    def get(kind):
        if kind not in made:
            certificate, key = authority.sign(f"{kind}-server")
            server = KINDS[kind](root)
            made[kind] = server.start(f"--ssl-ca={authority.ca}", f"--ssl-cert={certificate}", f"--ssl-key={key}")
        made[kind].ensure_running()
        return made[kind]
    yield get
    for server in made.values():
        server.destroy()


@pytest.fixture(params=list(KINDS))
def tls_server(request, tls_servers):
    return tls_servers(request.param)


def over_tls(proxy, account=None, database="", verify=False, **options):
    """PyMySQL over TLS through the proxy; it trusts whatever is shown unless told to verify."""
    context = ssl.create_default_context(cafile=verify or None)
    context.check_hostname = bool(verify)
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    return proxy.connect(account, database, ssl=context, **options)


def is_encrypted(connection):
    """Whether the server's own connection is: what it says itself."""
    return run(connection, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1] != ""


def client_is_encrypted(connection):
    return isinstance(connection._sock, ssl.SSLSocket)


@pytest.mark.limit(240)
@pytest.mark.parametrize("server_side", ["off", "required"])
@pytest.mark.parametrize("client_side", ["plain", "tls"])
def test_statements_of_every_size_pass_with_tls_on_either_side(tls_server, start_proxy, client_side, server_side):
    """Pitfall 19: statements of 16, 32 and 64 KiB and of 17 MiB, big rows, and thousands of small ones."""
    proxy = start_proxy(tls_server, HOLDWATER_SERVER_TLS_MODE=server_side)
    connect = over_tls if client_side == "tls" else type(proxy).connect
    connection = connect(proxy, max_allowed_packet=64 * MIB)
    assert client_is_encrypted(connection) == (client_side == "tls")
    assert is_encrypted(connection) == (server_side == "required")
    for size in (1, 16 * 1024, 16 * 1024 - 30, 32 * 1024, 64 * 1024, 64 * 1024 + 1, MIB, 17 * MIB):
        text = "x" * size
        assert value(connection, f"SELECT LENGTH('{text}')") == size
        assert value(connection, f"SELECT REPEAT('y', {size})") == "y" * size
    run(connection, "CREATE TABLE d (n INT) ENGINE=InnoDB")
    run(connection, "INSERT INTO d VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)")
    rows = run(connection, "SELECT a.n, b.n, c.n, d.n FROM d a JOIN d b JOIN d c JOIN d")
    assert len(rows) == 10 ** 4
    assert value(connection, "SELECT 1") == 1


def test_a_client_that_sends_byte_by_byte_over_tls_is_served(tls_server, start_proxy):
    """A record for each byte: what is left inside the TLS library must not be waited for at the socket."""
    proxy = start_proxy(tls_server)
    connection = over_tls(proxy)
    statement = b"SELECT 'one byte a record'"
    packet = (len(statement) + 1).to_bytes(3, "little") + b"\0\x03" + statement
    for at in range(len(packet)):
        connection._sock.sendall(packet[at:at + 1])
    connection._next_seq_id = 1
    connection._read_query_result()
    assert connection._result.rows == (("one byte a record",),)


def test_many_commands_in_one_record_are_all_answered(tls_server, start_proxy):
    proxy = start_proxy(tls_server)
    connection = over_tls(proxy)
    connection._sock.sendall(b"\x01\0\0\0\x0e" * 500)  # COM_PING
    for _ in range(500):
        connection._next_seq_id = 1
        assert connection._read_packet().is_ok_packet()


def test_a_half_closed_tls_client_costs_nothing(tls_server, start_proxy):
    """Pitfall 19: no busy loop over a peer that has closed its half or went away in the handshake."""
    proxy = start_proxy(tls_server)
    connection = over_tls(proxy)
    assert value(connection, "SELECT 1") == 1
    halves = [over_tls(proxy) for _ in range(5)]
    for half in halves:
        half._sock.shutdown(socket.SHUT_WR)
    for _ in range(5):
        with socket.create_connection((proxy.host, proxy.port), 60) as rude:
            rude.recv(4096)
            rude.sendall(b"\x20\0\0\1" + (0x8a00 | 0x800).to_bytes(4, "little") + bytes(28))
            rude.sendall(b"this is no handshake of TLS at all, but something else")
            while rude.recv(4096):
                pass
    wait_until(lambda: proxy.metric("holdwater_client_connections") == 1, 10, lambda: proxy.http("/metrics")[1].decode())
    assert value(connection, "SELECT 2") == 2

    before = processor_seconds(proxy.child.pid)
    for _ in range(20):
        assert value(connection, "SELECT SLEEP(0.05)") == 0
    assert processor_seconds(proxy.child.pid) - before < 0.5, "a connection that is gone keeps the processor busy"


@pytest.mark.limit(120)
def test_a_client_that_vanishes_during_its_statement_vanishes_for_the_server_too(tls_server, start_proxy):
    """A server looks whether anything waits to be read, and takes TLS's farewell for a client that is still there."""
    proxy = start_proxy(tls_server, HOLDWATER_SERVER_TLS_MODE="required")
    client = Client(proxy.host, proxy.port)
    client.login(proxy.account.user, proxy.account.password, proxy.database)
    client.command(COM_QUERY, b"SELECT SLEEP(600)")

    def sleeping():
        return tls_server.run("SELECT 1 FROM information_schema.processlist WHERE info = 'SELECT SLEEP(600)'")
    wait_until(sleeping, 10, "the statement runs")
    client.close()
    wait_until(lambda: not sleeping(), 30, "the statement ends with its client")


def test_tls_to_the_server_may_be_what_the_client_has(tls_server, start_proxy):
    """server_tls.mode = as_client: what the server asks of accounts, it asks of clients."""
    proxy = start_proxy(tls_server, HOLDWATER_SERVER_TLS_MODE="as_client", HOLDWATER_POOL_REVALIDATE_AFTER=0)
    stranger = Account(f"stranger_of_{proxy.database}", "pw-1")
    tls_server.create_account(stranger.user, stranger.password, proxy.database)
    for _ in range(3):  # over new and kept connections
        for account in (proxy.account, stranger):
            with proxy.connect(account) as plain, over_tls(proxy, account) as encrypted:
                assert not is_encrypted(plain) and is_encrypted(encrypted)
    for account in (proxy.account, stranger):
        tls_server.run(f"ALTER USER `{account.user}`@`%` REQUIRE SSL")
        assert is_encrypted(over_tls(proxy, account))
        with pytest.raises(pymysql.err.MySQLError) as caught:
            proxy.connect(account)
        assert caught.value.args[0] == 1045


def test_an_outage_is_survived_over_tls(tls_server, start_proxy):
    proxy = start_proxy(tls_server, HOLDWATER_SERVER_TLS_MODE="required")
    connection = over_tls(proxy)
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB")
    run(connection, "INSERT INTO t VALUES (1, 'before')")
    tls_server.kill()
    proxy.wait_state("down")
    spooled_seq(connection, "INSERT INTO t VALUES (2, REPEAT('during', 10000))")
    fresh = over_tls(proxy)
    spooled_seq(fresh, f"INSERT INTO t VALUES (3, '{'x' * 100000}')")
    tls_server.start()
    proxy.wait_drained()
    assert [row[0] for row in run(connection, "SELECT id FROM t ORDER BY id")] == [1, 2, 3]
    assert is_encrypted(connection) and is_encrypted(fresh)


def test_known_accounts_and_strangers_log_in_in_every_mix_of_tls(tls_server, start_proxy):
    """Each with a cold and with a warm cache of caching_sha2_password, where the server has one."""
    for mode in ("off", "required"):
        proxy = start_proxy(tls_server, HOLDWATER_SERVER_TLS_MODE=mode)
        stranger = Account("stranger", "who-am-i")
        for connect in (type(proxy).connect, over_tls):
            tls_server.create_account(stranger.user, stranger.password, proxy.database)
            for _ in range(2):
                assert value(connect(proxy, stranger), "SELECT CURRENT_USER()") == "stranger@%"
                assert value(connect(proxy), "SELECT CURRENT_USER()") == f"{proxy.account.user}@%"
            for account in (Account("stranger", "wrong"), Account(proxy.account.user, "wrong")):
                with pytest.raises(pymysql.err.MySQLError) as caught:
                    connect(proxy, account)
                assert caught.value.args[0] == 1045


def test_an_account_that_needs_tls_at_the_server_gets_it(tls_server, start_proxy):
    proxy = start_proxy(tls_server, HOLDWATER_SERVER_TLS_MODE="preferred")
    tls_server.run(f"ALTER USER `{proxy.account.user}`@`%` REQUIRE SSL")
    assert is_encrypted(proxy.connect())
    tls_server.kill()
    proxy.wait_state("down")
    tls_server.start()
    proxy.wait_drained()
    assert is_encrypted(proxy.connect())


def test_an_account_that_needs_a_certificate_at_the_server_logs_in_with_the_proxys(tls_server, start_proxy, authority):
    certificate, key = authority.sign("holdwater-as-client")
    proxy = start_proxy(tls_server, HOLDWATER_SERVER_TLS_MODE="preferred", HOLDWATER_SERVER_TLS_CERTIFICATE=certificate,
                        HOLDWATER_SERVER_TLS_KEY=key)
    tls_server.run(f"ALTER USER `{proxy.account.user}`@`%` REQUIRE X509")
    assert is_encrypted(proxy.connect())
    proxy.restart()
    proxy.wait_drained()


@pytest.mark.parametrize("mode", ["verify_ca", "verify_identity"])
def test_a_server_that_can_be_verified_is_used(tls_server, start_proxy, authority, mode):
    proxy = start_proxy(tls_server, HOLDWATER_SERVER_TLS_MODE=mode, HOLDWATER_SERVER_TLS_CA=authority.ca)
    assert is_encrypted(proxy.connect())
    tls_server.kill()
    proxy.wait_state("down")
    tls_server.start()
    proxy.wait_drained()


@pytest.mark.parametrize("mode,why", [("verify_ca", "stranger"), ("verify_identity", "stranger"), ("verify_identity", "name")])
def test_a_server_that_cannot_be_verified_is_not_spoken_to(tls_servers, start_proxy, authority, root, mode, why):
    server = tls_servers("mariadb")
    good = list(server.options)
    trusted = authority.ca
    if why == "stranger":
        trusted = Authority(os.path.join(root, "stranger"), "stranger").ca
    else:
        certificate, key = authority.sign("another-name", hosts=("db.example.org",))
        server.stop()
        server.start(good[0], f"--ssl-cert={certificate}", f"--ssl-key={key}")
    server.start_general_log()
    proxy = start_proxy(server, drained=False, HOLDWATER_SERVER_TLS_MODE=mode, HOLDWATER_SERVER_TLS_CA=trusted)
    proxy.wait_state("down")
    assert "certificate" in proxy.health()["database"]["last_error"].lower(), proxy.health()
    was_refused_for_outage(proxy.connect(), "SELECT NOW()")
    assert f"Connect\t{proxy.account.user}" not in server.stop_general_log()
    server.stop()
    server.start(*good)


def test_a_server_without_tls_is_used_or_not_as_configured(mariadb, start_proxy):
    assert not is_encrypted(start_proxy(mariadb).connect())  # preferred
    proxy = start_proxy(mariadb, drained=False, HOLDWATER_SERVER_TLS_MODE="required")
    proxy.wait_state("down")
    assert "TLS is required" in proxy.health()["database"]["last_error"]
    was_refused_for_outage(proxy.connect(), "SELECT NOW()")


# --- what clients are shown


def test_a_self_signed_certificate_is_made_once_and_can_be_pinned(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    certificate, key = (os.path.join(proxy.data, name) for name in ("tls_certificate.pem", "tls_key.pem"))
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    made = open(certificate).read()
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    assert value(proxy.connect(ssl=context), "SELECT 1") == 1
    proxy.restart()
    assert open(certificate).read() == made
    assert value(proxy.connect(ssl=context), "SELECT 1") == 1


def test_a_configured_certificate_is_shown_with_its_name(mariadb, start_proxy, authority):
    certificate, key = authority.sign("holdwater")
    proxy = start_proxy(mariadb, HOLDWATER_CLIENT_TLS_CERTIFICATE=certificate, HOLDWATER_CLIENT_TLS_KEY=key)
    assert value(over_tls(proxy, verify=authority.ca), "SELECT 1") == 1
    assert not os.path.exists(os.path.join(proxy.data, "tls_certificate.pem"))


def test_a_client_without_tls_is_refused_where_it_is_required(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_CLIENT_TLS_MODE="required")
    with pytest.raises(pymysql.err.MySQLError) as caught:
        proxy.connect()
    assert caught.value.args[0] == 3159 and "TLS" in caught.value.args[1]
    assert value(over_tls(proxy), "SELECT 1") == 1


def test_no_tls_is_offered_where_it_is_off(mysql, start_proxy):
    proxy = start_proxy(mysql, HOLDWATER_CLIENT_TLS_MODE="off")
    assert value(proxy.connect(), "SELECT 1") == 1
    assert not client_is_encrypted(over_tls(proxy)), "PyMySQL goes without where it is not offered"
    assert not os.path.exists(os.path.join(proxy.data, "tls_certificate.pem"))


def test_only_the_wanted_versions_of_tls_are_spoken(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_CLIENT_TLS_MIN_VERSION="1.3")

    def connect(version):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        return proxy.connect(ssl=context)
    assert value(connect(ssl.TLSVersion.TLSv1_3), "SELECT 1") == 1
    with pytest.raises(pymysql.err.MySQLError):
        connect(ssl.TLSVersion.TLSv1_2)
    older = start_proxy(mariadb)
    proxy = older
    assert value(connect(ssl.TLSVersion.TLSv1_2), "SELECT 1") == 1


def test_clients_show_a_certificate_where_an_authority_is_configured(mariadb, start_proxy, authority):
    proxy = start_proxy(mariadb, HOLDWATER_CLIENT_TLS_CA=authority.ca)
    with pytest.raises((pymysql.err.MySQLError, ssl.SSLError, OSError)):
        value(over_tls(proxy), "SELECT 1")
    certificate, key = authority.sign("a-client")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(certificate, key)
    assert value(proxy.connect(ssl=context), "SELECT 1") == 1
    assert value(proxy.connect(), "SELECT 1") == 1, "without TLS, nothing is asked"


def test_the_servers_own_clients_speak_tls(tls_server, start_proxy, authority):
    certificate, key = authority.sign("holdwater-for-clients")
    proxy = start_proxy(tls_server, HOLDWATER_CLIENT_TLS_CERTIFICATE=certificate, HOLDWATER_CLIENT_TLS_KEY=key)
    login = [f"--host={proxy.host}", f"--port={proxy.port}", f"--user={proxy.account.user}",
             f"--password={proxy.account.password}", "--protocol=TCP", "-NBe", "SHOW STATUS LIKE 'Ssl_cipher'; SELECT 41 + 1"]
    commands = [["mariadb", "--no-defaults", "--ssl", f"--ssl-ca={authority.ca}", "--ssl-verify-server-cert"]]
    if tls_server.kind == "mysql":
        commands = [[MySQL.client(), "--no-defaults", "--ssl-mode=VERIFY_IDENTITY", f"--ssl-ca={authority.ca}"],
                    [MySQL.client(), "--no-defaults", "--ssl-mode=DISABLED", "--get-server-public-key"]]
    for command in commands:
        done = subprocess.run(command + login, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "42"


# --- what stops the start


def start_of(proxy, **settings):
    """The exit status of a proxy with these settings, and what it said."""
    log = os.path.join(proxy.folder, "start.log")
    if os.path.exists(log):
        os.remove(log)
    env = {**os.environ, **proxy.settings, **settings}
    child = spawn([binary(), "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir",
                   os.path.join(proxy.folder, "other-data")], log, env=env)
    wait_until(lambda: child.poll() is not None, 20, lambda: f"it ends:\n{tail(log)}")
    with open(log) as file:
        return end(child), file.read()


def test_wrong_files_stop_the_start_with_a_clear_message(mariadb, start_proxy, authority, root):
    proxy = start_proxy(mariadb)
    certificate, key = authority.sign("one")
    _, other_key = authority.sign("two")
    junk = os.path.join(proxy.folder, "junk.pem")
    with open(junk, "w") as file:
        file.write("this is no PEM file\n")
    missing = os.path.join(proxy.folder, "missing.pem")
    for side in ("CLIENT", "SERVER"):
        def settings(**given):
            return {f"HOLDWATER_{side}_TLS_{name}": path for name, path in {"MODE": "preferred", **given}.items()}
        for given, named in ((settings(CERTIFICATE=missing, KEY=key), missing), (settings(CERTIFICATE=junk, KEY=key), junk),
                             (settings(CERTIFICATE=certificate, KEY=missing), missing),
                             (settings(CERTIFICATE=certificate, KEY=junk), junk),
                             (settings(CERTIFICATE=certificate, KEY=other_key), "key values mismatch"),
                             (settings(CERTIFICATE=certificate), f"{side.lower()}_tls.key"),
                             (settings(KEY=key), f"{side.lower()}_tls.certificate")):
            status, said = start_of(proxy, **given)
            assert status != 0 and named in said, (given, said)
    status, said = start_of(proxy, HOLDWATER_SERVER_TLS_MODE="verify_ca", HOLDWATER_SERVER_TLS_CA=missing)
    assert status != 0 and missing in said
    status, said = start_of(proxy, HOLDWATER_CLIENT_TLS_CA=junk)
    assert status != 0 and junk in said
    status, said = start_of(proxy, HOLDWATER_SERVER_TLS_MODE="verify")
    assert status != 0 and "expected one of off, as_client, preferred" in said
    shutil.rmtree(os.path.join(proxy.folder, "other-data"), ignore_errors=True)
