"""Who may use the HTTP port: tokens, roles, pages of other sites, HTTPS, and what fuzzed requests get."""
import base64
import http.client
import os
import random
import re
import socket
import ssl
import subprocess

import pytest

from lib.process import free_port, wait_until
from lib.proxy import PROJECT, binary
from lib.sql import run, spooled_seq

OPERATE, READ = "operate-token-for-tests", "read-token-for-tests"
CANARY = "canary7b1f"


def endpoints():
    """(method, path) of every rule of the router, so that none is forgotten here."""
    with open(os.path.join(PROJECT, "admin/router.cpp"), encoding="utf-8") as file:
        rules = re.findall(r'path_rule\{\s*verb::(get|post),\s*"([^"]*)"', file.read())
    assert len(rules) >= 12
    return [(method.upper(), path.replace("{seq}", "7")) for method, path in rules]


class Caller:
    """Requests over a connection each, with whatever headers."""

    def __init__(self, proxy, context=None):
        self.proxy, self.context = proxy, context

    def ask(self, method, path, **headers):
        kind = http.client.HTTPSConnection if self.context else http.client.HTTPConnection
        more = {"context": self.context} if self.context else {}
        connection = kind("127.0.0.1", self.proxy.admin_port, timeout=60, **more)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def with_token(self, method, path, token, **headers):
        return self.ask(method, path, Authorization=f"Bearer {token}", **headers)


@pytest.fixture
def guarded(mariadb, start_proxy):
    proxy = start_proxy(mariadb, wait=False, HOLDWATER_ADMIN_TOKEN=OPERATE, HOLDWATER_ADMIN_READ_TOKEN=READ)
    caller = Caller(proxy)

    def answers():
        try:
            return caller.with_token("GET", "/readyz", READ)[0] == 200
        except OSError:
            return False
    wait_until(answers, 20, "the proxy answers")
    return caller


def test_no_endpoint_answers_without_a_token_or_with_a_wrong_one(guarded):
    for method, path in endpoints():
        for each in (path, path + "/" if path != "/" else path):
            assert guarded.ask(method, each)[0] == 401, (method, each)


def test_wrong_tokens_are_counted_and_end_in_429(guarded):
    got = [guarded.with_token("GET", "/livez", f"wrong-{n}")[0] for n in range(12)]
    assert got[:10] == [401] * 10 and got[10:] == [429] * 2
    assert guarded.with_token("GET", "/livez", OPERATE)[0] == 429
    assert "a wrong token for the HTTP port from 127.0.0.1 (10 lately)" in guarded.proxy.log_text()
    assert "wrong-" not in guarded.proxy.log_text(), "what was guessed is not logged"


def test_the_role_read_does_nothing_and_operate_does_all(guarded):
    for method, path in endpoints():
        read = guarded.with_token(method, path, READ)[0]
        if method == "POST":
            assert read == 403, path
            assert guarded.with_token(method, path, OPERATE)[0] in (200, 409, 503, 504), path
        else:
            assert read in (200, 403), path
            assert guarded.with_token(method, path, OPERATE)[0] == (409 if path == "/spool/backup/bytes" else 200), path


def test_a_browser_s_own_question_for_the_password_works(guarded):
    shown = base64.b64encode(f"anybody:{OPERATE}".encode()).decode()
    assert guarded.ask("GET", "/health/", Authorization=f"Basic {shown}")[0] == 200


def test_a_page_of_another_site_gets_and_does_nothing(guarded):
    for method, path in endpoints():
        for foreign in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
                        {"Host": "evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "cors"}):
            assert guarded.with_token(method, path, OPERATE, **foreign)[0] == 403, (method, path, foreign)
        if method == "POST":
            assert guarded.with_token("GET", path, OPERATE)[0] == 405, f"GET {path} must change nothing"


def test_fuzzed_requests_are_refused_and_harm_nothing(guarded):
    random_of = random.Random(20261126)
    paths = [path for _, path in endpoints()]

    def noise(longest):
        return bytes(random_of.randrange(256) for _ in range(random_of.randrange(longest)))

    def request():
        method = random_of.choice([b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", noise(8)])
        path = bytearray(random_of.choice(paths).encode())
        for _ in range(random_of.randrange(4)):
            path.insert(random_of.randrange(len(path) + 1), random_of.randrange(256))
        path += random_of.choice([b"", b"?", b"?limit=99999999999", b"?after=-1", b"?timeout=nan", b"/../livez", b"%2f..", b"?" + noise(40)])
        headers = random_of.choice([b"", b"Host: 127.0.0.1\r\n", b"Host: a\r\nHost: b\r\n", b"Authorization: " + noise(60) + b"\r\n",
                                    b"Content-Length: 99999999999\r\n", b"Transfer-Encoding: chunked\r\n", b"Authorization: Basic " + noise(9) + b"\r\n",
                                    b"X: " + b"a" * random_of.randrange(20000) + b"\r\n", noise(50) + b"\r\n"])
        return method + b" " + bytes(path) + random_of.choice([b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b" HTTP/9\r\n", b"\r\n", noise(9)]) + headers + b"\r\n" + noise(100)

    for number in range(400):
        sent = noise(300) if number % 10 == 0 else request()
        with socket.create_connection(("127.0.0.1", guarded.proxy.admin_port), timeout=60) as peer:
            try:
                peer.sendall(sent)
                peer.shutdown(socket.SHUT_WR)
                answer = b""
                while part := peer.recv(65536):
                    answer += part
            except ConnectionError:
                continue
        for status in re.findall(rb"^HTTP/1\.[01] (\d+)", answer, re.M):
            assert int(status) >= 400 or int(status) == 100, (sent, answer)
    assert guarded.proxy.child.poll() is None, "it runs on"
    connection = guarded.proxy.connect()
    assert run(connection, "SELECT 1") == ((1,),)


def test_who_may_only_read_sees_no_value_of_a_statement(guarded, mariadb):
    proxy = guarded.proxy
    wait_until(lambda: '"state": "up"' in guarded.with_token("GET", "/health/database", READ)[1], 20, "up")
    run(proxy.connect(), "CREATE TABLE t (id VARCHAR(50) PRIMARY KEY) ENGINE=InnoDB")
    run(proxy.connect(), f"INSERT INTO t VALUES ('{CANARY}')")
    mariadb.before_outage.clear()  # it asks without a token
    wait_until(lambda: "\nholdwater_tables_known 2\n" in guarded.with_token("GET", "/metrics", READ)[1], 20, "this table and the ledger are known")
    mariadb.stop()
    wait_until(lambda: '"state": "down"' in guarded.with_token("GET", "/health/database", READ)[1], 20, "down")
    spooled_seq(proxy.connect(), f"INSERT INTO t VALUES ('{CANARY}')")
    assert CANARY in guarded.with_token("GET", "/spool", OPERATE)[1]
    seen = guarded.with_token("GET", "/spool", READ)[1]
    assert CANARY not in seen and "INSERT INTO t VALUES (?)" in seen
    mariadb.start()
    wait_until(lambda: '"dead": 1' in guarded.with_token("GET", "/health/", READ)[1], 30, "a dead letter")
    assert CANARY in guarded.with_token("GET", "/spool/dead", OPERATE)[1]
    for method, path in endpoints():
        if method == "GET":
            assert CANARY not in guarded.with_token("GET", path, READ)[1], path


@pytest.mark.parametrize("setting", [{}, {"HOLDWATER_ADMIN_TOKEN": "short"}])
def test_it_does_not_start_beyond_loopback_without_a_good_token(tmp_path, setting):
    done = subprocess.run([binary(), "--listen", "127.0.0.1:0", "--admin-listen", f"0.0.0.0:{free_port()}", "--data-dir", str(tmp_path)],
                          env={"MYSQL_USER": "x", **setting}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert ("admin.token" in done.stderr and ("loopback" in done.stderr or "16 characters" in done.stderr)), done.stderr
    assert "short" not in done.stderr.replace("shorter", "")


def test_a_token_file_serves_as_well_and_no_token_is_in_the_environment_or_the_log(mariadb, start_proxy, tmp_path):
    token_file = tmp_path / "token"
    token_file.write_text(OPERATE + "\n")
    token_file.chmod(0o600)
    proxy = start_proxy(mariadb, wait=False, HOLDWATER_ADMIN_TOKEN_FILE=token_file, HOLDWATER_ADMIN_READ_TOKEN=READ, HOLDWATER_LOG_LEVEL="trace")
    caller = Caller(proxy)
    wait_until(lambda: caller_answers(caller), 20, "the proxy answers")
    with open(f"/proc/{proxy.child.pid}/environ", "rb") as file:
        assert READ.encode() not in file.read()
    assert OPERATE not in proxy.log_text() and READ not in proxy.log_text()


def caller_answers(caller, token=OPERATE):
    try:
        return caller.with_token("GET", "/livez", token)[0] == 200
    except OSError:
        return False


def test_https_with_the_certificate_of_its_own_and_no_http_beside(mariadb, start_proxy):
    proxy = start_proxy(mariadb, wait=False, HOLDWATER_ADMIN_TLS="true", HOLDWATER_ADMIN_TOKEN=OPERATE)
    certificate = os.path.join(proxy.data, "tls_certificate.pem")
    wait_until(lambda: os.path.exists(certificate), 20, "the certificate is there")
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    caller = Caller(proxy, context)
    wait_until(lambda: caller_answers(caller), 20, "it answers over TLS")
    assert caller.ask("GET", "/livez")[0] == 401
    assert caller.with_token("POST", "/health/sync?timeout=5", OPERATE, Origin=f"https://127.0.0.1:{proxy.admin_port}")[0] in (200, 504)
    with pytest.raises((OSError, http.client.HTTPException)):
        Caller(proxy).ask("GET", "/livez")
    strict = ssl.create_default_context()
    with pytest.raises(ssl.SSLError):
        Caller(proxy, strict).ask("GET", "/livez")
    assert caller_answers(caller), "it still answers after all that"


def test_callers_need_a_certificate_where_an_authority_is_set(mariadb, start_proxy, tmp_path):
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2", "-keyout", key, "-out",
                    certificate], check=True, capture_output=True)
    proxy = start_proxy(mariadb, wait=False, HOLDWATER_ADMIN_TLS="true", HOLDWATER_ADMIN_TOKEN=OPERATE, HOLDWATER_ADMIN_CERTIFICATE=certificate,
                        HOLDWATER_ADMIN_KEY=key, HOLDWATER_ADMIN_CA=certificate)
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    without = Caller(proxy, context)
    own = ssl.create_default_context(cafile=certificate)
    own.check_hostname = False
    own.load_cert_chain(certificate, key)
    shown = Caller(proxy, own)
    wait_until(lambda: caller_answers(shown), 20, "it answers who shows a certificate")
    with pytest.raises((OSError, http.client.HTTPException)):
        without.with_token("GET", "/livez", OPERATE)
    assert shown.ask("GET", "/livez")[0] == 401, "the token is asked for all the same"
