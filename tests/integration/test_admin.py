"""The HTTP port: what it shows, what it does, with and without the closing slash."""
import json
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.process import wait_until
from lib.proxy import binary
from lib.sql import run, spooled_seq, was_refused_for_outage


def test_health_holds_what_the_contract_names(proxy):
    proxy.wait_ok()
    health = proxy.health()
    assert set(health) >= {"status", "database", "spool", "cache", "uptime_s", "version"}
    assert set(health["database"]) >= {"state", "since", "last_error", "reconnects"}
    assert set(health["spool"]) >= {"state", "pending", "dead", "bytes", "oldest_age_s", "last_seq", "applied_seq"}
    assert set(health["cache"]) >= {"entries", "bytes", "hits", "misses"}
    assert health["uptime_s"] >= 0 and health["database"]["state"] == "up" and health["spool"]["pending"] == 0


@pytest.mark.parametrize("path", ["/health", "/health/database", "/health/cache", "/livez", "/readyz", "/metrics",
                                  "/spool", "/spool/dead"])
def test_every_path_answers_with_and_without_the_closing_slash(mariadb, start_proxy, path):
    proxy = start_proxy(mariadb)
    for each in (path, path + "/"):
        status, body = proxy.http(each)
        assert status == 200 and (body or path in ("/livez", "/readyz")), each
        if path not in ("/metrics", "/livez", "/readyz"):
            json.loads(body)


def test_what_is_unknown_or_wrong_is_said(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    assert proxy.http("/nothing")[0] == 404
    assert proxy.http("/health/", "DELETE")[0] == 405
    assert proxy.http("/health/sync")[0] == 405
    assert proxy.http("/spool/dead/77/retry", "POST")[0] in (404, 409)
    assert proxy.http("/spool/dead/x/retry", "POST")[0] in (400, 404)


def test_an_outage_shows(proxy, server):
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    before = proxy.health()["database"]

    def reached():
        return proxy.log_text().count("the server is draining after")
    seen = reached()
    server.stop()
    proxy.wait_state("down")
    seq = spooled_seq(proxy.connect(), "INSERT INTO t VALUES (1)")
    health = proxy.health()
    assert health["status"] in ("degraded", "down")
    assert health["database"]["last_error"] and health["database"]["since"] != before["since"]
    assert health["spool"]["pending"] == 1 and health["spool"]["oldest_age_s"] >= 0 and health["spool"]["bytes"] > 0
    assert proxy.http("/livez")[0] == 200
    assert proxy.http("/health/")[0] == 200, "writes are taken, so clients can be served"
    listed = proxy.http("/spool")[1].decode()
    assert "INSERT INTO t VALUES (1)" in listed and str(seq) in listed and proxy.account.user in listed
    server.start()
    proxy.wait_drained()
    assert proxy.health()["database"]["reconnects"] - before["reconnects"] == reached() - seen >= 1


def test_sync_answers_when_drained(proxy, server):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    server.stop()
    proxy.wait_state("down")
    for number in range(20):
        run(connection, f"INSERT INTO t VALUES ({number})")
    server.start()
    status, body = proxy.http("/health/sync?timeout=120", "POST", deadline_s=130)
    assert status == 200, body
    assert server.run("SELECT COUNT(*) FROM t", database=proxy.database) == ((20,),)


def test_reconnect_tries_now(mariadb, start_proxy):
    proxy = start_proxy(mariadb, DB_RETRY_ATTEMPTS=1, DB_RETRY_DELAY=8, DB_CHECK_INTERVAL=1)
    mariadb.stop()
    assert proxy.http("/health/reconnect", "POST")[0] in (200, 502, 503)
    wait_until(lambda: proxy.state() == "down", 40, "the proxy gives up")
    mariadb.start()
    status, _ = proxy.http("/health/reconnect", "POST")
    assert status == 200 and proxy.state() in ("up", "draining")


def test_metrics_count(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    for _ in range(5):
        run(proxy.connect(), "DO 1")
    text = proxy.http("/metrics")[1].decode()
    assert "# TYPE" in text and "# HELP" in text
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line and not line.startswith("#")}
    assert names and all(name.startswith("holdwater_") for name in names), names


def test_bad_http_is_answered_or_closed(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    for data in (b"\xff" * 1000, b"GET", b"GET / HTTP/9.9\r\n\r\n", b"POST /health/sync HTTP/1.1\r\nContent-Length: 99999999"
                 b"999\r\n\r\n", b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\n\r\n"):
        with socket.create_connection((proxy.host, proxy.admin_port), 60) as raw:
            try:
                raw.sendall(data)
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(65536):
                    pass
            except ConnectionError:
                pass  # closed, as it should be
    assert proxy.http("/livez")[0] == 200


def test_many_scrapes_at_once_are_served(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    with ThreadPoolExecutor(16) as pool:
        assert {status for status, _ in pool.map(lambda _: proxy.http("/health/"), range(200))} == {200}


def test_wrong_settings_stop_the_start(mariadb, root, tmp_path):
    config = tmp_path / "wrong.toml"
    for text, word in (("[spool]\nenabeld = true\n", "enabeld"), ("[spool]\nmax_bytes = \"many\"\n", "max_bytes")):
        config.write_text(text)
        done = subprocess.run([binary(), "--config", str(config), "--check-config"], capture_output=True, text=True)
        assert done.returncode != 0
        said = done.stdout + done.stderr
        assert word in said and "wrong.toml" in said and "2" in said, said
    config.write_text("[spool]\nenabled = true\n")
    done = subprocess.run([binary(), "--config", str(config), "--check-config"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert subprocess.run([binary(), "--no-such-flag"], capture_output=True).returncode != 0
    assert "0.1" in subprocess.run([binary(), "--version"], capture_output=True, text=True).stdout


def test_a_plain_proxy_spools_nothing_and_makes_no_ledger(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_SPOOL_ENABLED="false")
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT) ENGINE=InnoDB")
    run(connection, "INSERT INTO t VALUES ()")
    assert mariadb.run("SHOW TABLES", database=proxy.database) == (("t",),)
    mariadb.stop()
    proxy.wait_state("down")
    was_refused_for_outage(connection, "INSERT INTO t VALUES ()")
    assert proxy.health()["spool"]["state"] == "off"
    mariadb.start()
    proxy.wait_state("up")
    assert mariadb.run("SELECT COUNT(*) FROM t", database=proxy.database) == ((1,),)
