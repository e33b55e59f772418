"""MariaDB's clients from 11.4 on trust a self-signed certificate by the password: the login's OK proves that whoever shows
it knows the password too."""
import glob
import hashlib
import os
import ssl
import struct
import subprocess
import sys

import pytest

from lib.clients import FOLDER
from lib.proxy import Account
from lib.server import MariaDB118
from lib.tls import Authority
from lib.wire import BASIC, SSL, Client, native_proof

# Clients trust whatever calls itself 127.0.0.1.
ANOTHER_NAME = "127.1"


def command_line(end, account, *options, password=None):
    """MariaDB 11.8's program with its defaults; what it prints for SELECT CURRENT_USER(), or its error."""
    done = subprocess.run([MariaDB118.client(), "--no-defaults", f"--host={ANOTHER_NAME}", f"--port={end.port}",
                           "--protocol=tcp", f"--user={account.user}", f"--password={password or account.password}", *options,
                           "-NBe", "SELECT CURRENT_USER()"], capture_output=True, text=True, timeout=150, check=False)
    return done.stdout.strip() or done.stderr.strip()


def library(end, *accounts):
    """MariaDB 11.8's C library logs in as the first account and changes its user to the others."""
    path, = glob.glob(os.path.join(MariaDB118.home(), "root/usr/lib/*/libmariadb.so.3"))
    names = [text for account in accounts for text in (account.user, account.password)]
    done = subprocess.run([sys.executable, os.path.join(FOLDER, "python", "verifying.py"), path, ANOTHER_NAME, str(end.port),
                           *names], capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("server_side", ["off", "required"])
def test_a_verifying_client_trusts_our_certificate_by_its_password(mariadb118, start_proxy, server_side):
    proxy = start_proxy(mariadb118, HOLDWATER_SERVER_TLS_MODE=server_side)
    for end in (mariadb118, proxy, proxy):  # the last one over a pooled connection
        assert command_line(end, proxy.account) == f"{proxy.account.user}@%"
        assert "ERROR 1045" in command_line(end, proxy.account, password="wrong")
    mariadb118.kill()
    proxy.wait_state("down")
    assert "3032" in command_line(proxy, proxy.account), "it is in, and its read is refused"
    assert "ERROR 1045" in command_line(proxy, proxy.account, password="wrong")


def test_a_verifying_client_of_a_plain_proxy_trusts_it_too(mariadb118, start_proxy):
    proxy = start_proxy(mariadb118, HOLDWATER_SPOOL_ENABLED="false")
    assert command_line(proxy, proxy.account) == f"{proxy.account.user}@%"
    assert "ERROR 1045" in command_line(proxy, proxy.account, password="wrong")


def test_the_proof_works_with_ed25519(mariadb, start_proxy):
    if not mariadb.run("SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'ed25519'"):
        mariadb.run("INSTALL SONAME 'auth_ed25519'")
    account = Account("proved_by_ed25519", "a secret that is longer than the 32 bytes of a seed")
    mariadb.run(f"DROP USER IF EXISTS {account.user}@`%`",
                f"CREATE USER {account.user}@`%` IDENTIFIED VIA ed25519 USING PASSWORD('{account.password}')",
                f"GRANT ALL ON *.* TO {account.user}@`%`", "CREATE DATABASE IF NOT EXISTS proved")
    proxy = start_proxy(mariadb, database="proved", account=account, HOLDWATER_SERVER_PLUGIN="client_ed25519")
    for _ in range(2):
        assert command_line(proxy, account) == f"{account.user}@%"
        assert "ERROR 1045" in command_line(proxy, account, password="wrong")
    mariadb.kill()
    proxy.wait_state("down")
    assert "3032" in command_line(proxy, account)


def test_a_verifying_client_refuses_whoever_cannot_prove_the_certificate(mariadb118, start_proxy):
    """A relayed account's password is not known here, as with any man in the middle; its client may pin our certificate."""
    proxy = start_proxy(mariadb118, HOLDWATER_SERVER_TLS_MODE="required")
    stranger = Account("proved_stranger", "unknown to the proxy")
    mariadb118.create_account(stranger.user, stranger.password, proxy.database)
    assert command_line(mariadb118, stranger) == f"{stranger.user}@%"
    assert "Certificate verification failure" in command_line(proxy, stranger)
    with open(os.path.join(proxy.data, "tls_certificate.pem"), encoding="ascii") as file:
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()
    assert command_line(proxy, stranger, f"--ssl-fp={fingerprint}") == f"{stranger.user}@%"


def test_a_relayed_accounts_server_proves_the_certificate_that_both_show(root, start_proxy):
    certificate, key = Authority(os.path.join(root, "proving"), "nobody's").sign("both")
    server = MariaDB118(root).start(f"--ssl-cert={certificate}", f"--ssl-key={key}")
    try:
        proxy = start_proxy(server, HOLDWATER_SERVER_TLS_MODE="required", HOLDWATER_CLIENT_TLS_CERTIFICATE=certificate,
                            HOLDWATER_CLIENT_TLS_KEY=key)
        stranger = Account("proved_stranger", "unknown to the proxy")
        server.create_account(stranger.user, stranger.password, proxy.database)
        for account in (stranger, proxy.account):
            assert command_line(proxy, account) == f"{account.user}@%"
    finally:
        server.destroy()


def test_a_verifying_client_changes_its_user(mariadb118, start_proxy):
    other = Account("proved_other", "pw-2")
    proxy = start_proxy(mariadb118, accounts=[other], HOLDWATER_SERVER_TLS_MODE="required")
    mariadb118.create_account(other.user, other.password, proxy.database)
    first = proxy.account
    for end in (mariadb118, proxy):
        assert library(end, first, other, first) == [f"{first.user}@%", f"{other.user}@%", f"{first.user}@%"]
        said = library(end, first, Account(other.user, "wrong"))
        assert said[0] == f"{first.user}@%" and said[1].startswith("1045 "), said


# --- byte for byte


def login_over_tls(end, account):
    """A client over TLS, and its login's OK."""
    client = Client(end.host, end.port)
    greeting = client.greet()
    head = struct.pack("<IIB19xI", BASIC | SSL, 1 << 28, 45, 0)
    client.write(head)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client.socket = context.wrap_socket(client.socket)
    client.write(head + account.user.encode() + b"\0\x14" + native_proof(account.password, greeting.scramble) +
                 b"mysql_native_password\0")
    return client, client._finish_login(account.password, "mysql_native_password")


def proof_for(client, account, certificate):
    stored = hashlib.sha1(hashlib.sha1(account.password.encode()).digest()).digest()
    return b"\x01" + hashlib.sha256(stored + client.greeting.scramble + hashlib.sha256(certificate).digest()).hexdigest().upper().encode()


@pytest.mark.parametrize("spool", ["true", "false"])
def test_a_proof_is_in_the_oks_that_have_one_on_a_direct_connection(mariadb118, start_proxy, spool):
    """At a login, over TLS or not, and not in COM_CHANGE_USER, whatever the server says to us."""
    proxy = start_proxy(mariadb118, HOLDWATER_SERVER_TLS_MODE="required", HOLDWATER_SPOOL_ENABLED=spool)
    for end in (mariadb118, proxy, proxy):  # the last one over a pooled connection
        client, ok = login_over_tls(end, proxy.account)
        certificate = client.socket.getpeercert(True)
        assert ok == b"\0\0\0\2\0\0\0A" + proof_for(client, proxy.account, certificate)
        client.command(0x11, proxy.account.user.encode() + b"\0\0\0" + (45).to_bytes(2, "little") + b"mysql_native_password\0")
        assert client._finish_login(proxy.account.password, "") == b"\0\0\0\2\0\0\0"
        plain = Client(end.host, end.port)
        ok = plain.login(proxy.account.user, proxy.account.password)
        assert ok == b"\0\0\0\2\0\0\0A" + proof_for(plain, proxy.account, certificate)
        client.close()
        plain.close()


def test_mysql_has_no_proof(mysql, start_proxy):
    proxy = start_proxy(mysql, HOLDWATER_SERVER_TLS_MODE="required", HOLDWATER_SERVER_PLUGIN="mysql_native_password")
    assert login_over_tls(proxy, proxy.account)[1] == b"\0\0\0\2\0\0\0"
