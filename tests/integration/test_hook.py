"""hook.command and hook.url: who is told of states, dead letters, halts and refusals, and that nobody waits for them."""
import http.server
import json
import os
import re
import subprocess
import threading
import time

import pytest

from lib.hook_listener import Listener
from lib.process import free_port, wait_until
from lib.proxy import binary
from lib.sql import run, spooled_seq
from lib.sanitizer import slowness

CANARY = "wallaby-4711"


@pytest.fixture
def script(tmp_path):
    """A program that keeps what it got, a line for each event."""
    def make(text='line=$(cat); echo "$line" >> "$here/events"; env > "$here/env-$HOLDWATER_EVENT"'):
        path = tmp_path / "hook.sh"
        path.write_text(f"#!/bin/sh\nhere={tmp_path}\n{text}\n")
        path.chmod(0o700)
        return path
    make.events = lambda: [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()] if (tmp_path / "events").exists() else []
    make.folder = tmp_path
    return make


def test_an_outage_with_a_dead_letter_is_told_to_a_program_and_a_url(server, start_proxy, script, listener):
    proxy = start_proxy(server, HOLDWATER_HOOK_COMMAND=script(), HOLDWATER_HOOK_URL=f"http://127.0.0.1:{listener.port}/told?key=secret-of-the-url")
    run(proxy.connect(), "CREATE TABLE t (id VARCHAR(40) PRIMARY KEY) ENGINE=InnoDB")
    run(proxy.connect(), f"INSERT INTO t VALUES ('{CANARY}')")
    server.stop()
    proxy.wait_state("down")
    spooled_seq(proxy.connect(), f"INSERT INTO t VALUES ('{CANARY}')")
    server.start()
    wait_until(lambda: proxy.health()["spool"]["dead"] == 1 and proxy.state() == "up", 60, "it has drained, and has a dead letter")
    wait_until(lambda: listener.states()[-1:] == [("draining", "up")] and listener.of("dead_letter"), 20, "the url knows")
    wait_until(lambda: script.events() == [one for _, _, one in list(listener.events)], 20,
               lambda: f"the program knows as much, in the same order: {script.events()}, {listener.events}")
    assert {(path, kind) for path, kind, _ in listener.events} == {("/told?key=secret-of-the-url", "application/json")}
    told = listener.states()
    assert ("up", "suspect") in told and ("suspect", "down") in told and ("down", "draining") in told
    assert all(told[at][1] == told[at + 1][0] for at in range(len(told) - 1)), "no change is left out"
    down = next(one for one in listener.of("state") if one["to"] == "down")
    assert down["why"] and down["since"] < down["at"] and down["queue"] == proxy.health()["spool"]["id"] and str(server.port) in down["server"]
    assert down["reads_go_on"] is False and down["pending"] == 0
    dead = listener.of("dead_letter")[0]
    assert dead["number"] == 1 and dead["error"] == 1062 and "Duplicate entry" in dead["reason"]
    assert CANARY not in json.dumps(script.events()) and CANARY not in proxy.log_text() and "secret-of-the-url" not in proxy.log_text()
    variables = (script.folder / "env-dead_letter").read_text()
    assert "HOLDWATER_EVENT_NUMBER=1\n" in variables and proxy.account.password not in variables and "MYSQL_" not in variables
    assert proxy.json("/config") and "secret-of-the-url" not in json.dumps(proxy.json("/config"))
    wait_until(lambda: f'holdwater_hook_events_total{{hook="hook.url",result="delivered"}} {len(listener.events)}\n' in proxy.http("/metrics")[1].decode(),
               20, "all are counted")


def test_the_words_of_a_trigger_are_not_told(server, start_proxy, listener):
    proxy = start_proxy(server, HOLDWATER_HOOK_URL=f"http://127.0.0.1:{listener.port}/")
    run(proxy.connect(), "CREATE TABLE t (s VARCHAR(40)) ENGINE=InnoDB")
    server.run("SET GLOBAL log_bin_trust_function_creators = 1",
               "CREATE TRIGGER refuses BEFORE INSERT ON t FOR EACH ROW BEGIN DECLARE m VARCHAR(90); SET m = CONCAT('refused: ', NEW.s); "
               "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = m; END", database=proxy.database)
    proxy.wait_tables_known()
    server.stop()
    proxy.wait_state("down")
    spooled_seq(proxy.connect(), f"INSERT INTO t VALUES ('{CANARY}')")
    server.start()
    wait_until(lambda: listener.of("dead_letter"), 60, "the trigger has refused it")
    dead = listener.of("dead_letter")[0]
    assert dead["error"] == 1644 and "words of its own" in dead["reason"]
    wait_until(lambda: "is a dead letter" in proxy.log_text(), 10, "it is logged")
    assert CANARY not in json.dumps(listener.of("dead_letter")) and CANARY not in proxy.log_text()


def test_an_answer_without_an_end_is_not_read(mariadb, start_proxy):
    pieces = []

    class Endless(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                while len(pieces) < 1000:
                    self.wfile.write(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
                    pieces.append(1)
            except OSError:
                pass

        def log_message(self, *arguments):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        proxy = start_proxy(mariadb, HOLDWATER_HOOK_URL=f"http://127.0.0.1:{server.server_address[1]}/")
        wait_until(lambda: re.search(r'result="delivered"\} ([2-9]|\d\d)', proxy.http("/metrics")[1].decode()), 20, "it is delivered, since its status says so")
        assert "was not delivered" not in proxy.log_text() and len(pieces) < 32, "in MiB"
    finally:
        server.shutdown()
        server.server_close()


def test_how_a_program_ended_is_known_though_the_parent_ignored_its_children(mariadb, start_proxy, script):
    proxy = start_proxy(mariadb, HOLDWATER_HOOK_COMMAND=script("exit 3"), launcher=["/bin/bash", "-c", "trap '' CHLD; exec \"$@\"", "bash"])
    wait_until(lambda: "it ended with 3" in proxy.log_text(), 30, "it has failed")


def test_an_end_waits_for_no_name_of_a_hook(mariadb, start_proxy, tmp_path):
    if slowness() > 1:
        pytest.skip("a sanitizer wants to be the first library")
    (tmp_path / "slow.c").write_text('''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
  if (name && strstr(name, "slow.example")) sleep(100);
  return real(name, service, hints, found);
}''')
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "slow.so", tmp_path / "slow.c", "-ldl"], check=True)
    proxy = start_proxy(mariadb, HOLDWATER_HOOK_URL="http://slow.example/", HOLDWATER_HOOK_TIMEOUT="1", LD_PRELOAD=tmp_path / "slow.so")
    wait_until(lambda: "cannot connect to slow.example" in proxy.log_text(), 20, "its time is over")
    began = time.monotonic()
    assert proxy.stop() == 0 and time.monotonic() - began < 50  # of 100


def test_a_halt_and_refused_writes_are_told(mariadb, start_proxy, listener):
    proxy = start_proxy(mariadb, HOLDWATER_HOOK_URL=f"http://127.0.0.1:{listener.port}", HOLDWATER_SPOOL_MAX_BYTES="1MiB", HOLDWATER_SPOOL_MAX_STATEMENT_BYTES="512KiB",
                        HOLDWATER_SPOOL_MAX_TRANSACTION_BYTES="512KiB", HOLDWATER_SPOOL_COMPRESS="false")
    run(proxy.connect(), "CREATE TABLE t (s MEDIUMTEXT) ENGINE=InnoDB")
    mariadb.stop()
    proxy.wait_state("down")
    connection = proxy.connect()
    with pytest.raises(Exception, match="full"):
        for _ in range(20):
            spooled_seq(connection, f"INSERT INTO t VALUES ('{CANARY}{'x' * 100_000}')")
    wait_until(lambda: listener.of("spool"), 20, "it is told that writes are refused")
    refused = listener.of("spool")[0]
    assert refused["state"] == "refusing" and "full" in refused["reason"] and refused["pending"] > 0 and refused["limit_bytes"] == 1 << 20
    mariadb.start()
    proxy.wait_drained()
    wait_until(lambda: listener.of("spool")[-1]["state"] == "accepting", 20, "and that they are taken again")
    mariadb.run("DELETE FROM holdwater_ledger", database=proxy.database)
    mariadb.stop()
    proxy.wait_state("down")
    mariadb.start()
    proxy.wait_state("halted")
    wait_until(lambda: listener.of("halted"), 20, "it is told that replay has halted")
    assert "ledger" in listener.of("halted")[0]["reason"]
    wait_until(lambda: ("draining", "halted") in listener.states(), 20, lambda: f"the state, too: {listener.states()}")
    assert CANARY not in json.dumps([one for _, _, one in listener.events])


def test_hooks_that_fail_hang_and_die_delay_nobody_and_are_counted(mariadb, start_proxy, script, listener):
    listener.answers += [500, 500, 500, 404, 204]
    path = script('echo "$$" >> "$here/started"; sleep 600')
    proxy = start_proxy(mariadb, HOLDWATER_HOOK_COMMAND=path, HOLDWATER_HOOK_URL=f"http://127.0.0.1:{listener.port}/", HOLDWATER_HOOK_TIMEOUT="0.5")
    run(proxy.connect(), "CREATE TABLE t (id INT) ENGINE=InnoDB")
    mariadb.stop()
    proxy.wait_state("down")
    spooled_seq(proxy.connect(), "INSERT INTO t VALUES (1)")
    mariadb.start()
    proxy.wait_drained()
    assert mariadb.run("SELECT id FROM t", database=proxy.database) == ((1,),), "while its hooks hang"

    def counted(hook, result):
        return re.search(f'holdwater_hook_events_total{{hook="{hook}",result="{result}"}} [1-9]', proxy.http("/metrics")[1].decode())
    wait_until(lambda: counted("hook.url", "failed"), 30, "an event was given up after three attempts")
    wait_until(lambda: counted("hook.command", "failed"), 30, "the same of the program's")
    started = (script.folder / "started").read_text().split()
    assert len(started) >= 3
    wait_until(lambda: "127.0.0.1 answered 500" in proxy.log_text() and "it was killed, since its time was over" in proxy.log_text(), 20, "it is logged")
    listener.gate.clear()  # it hangs from now on
    assert proxy.stop() == 0, "an end waits for no hook"
    for number in started + (script.folder / "started").read_text().split():
        assert str(path) not in command_of(number), "each was killed and reaped"


def command_of(number):
    """Of the process that has the number now, which may be another's."""
    try:
        with open(f"/proc/{number}/cmdline", encoding="utf-8") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_https_is_verified_and_a_wrong_setting_stops_the_start(mariadb, start_proxy, tmp_path):
    certificate = tmp_path / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "certificate.pem")], check=True, capture_output=True)
    certificate.write_text((tmp_path / "key.pem").read_text() + (tmp_path / "certificate.pem").read_text())
    listener = Listener(str(certificate))
    try:
        url = f"https://127.0.0.1:{listener.port}/"
        stranger = start_proxy(mariadb, HOLDWATER_HOOK_URL=url)
        wait_until(lambda: "no TLS with 127.0.0.1" in stranger.log_text(), 30, "it is nobody's certificate")
        assert not listener.events
        known = start_proxy(mariadb, HOLDWATER_HOOK_URL=url, SSL_CERT_FILE=tmp_path / "certificate.pem")
        wait_until(lambda: listener.states(), 30, "it is trusted")
        known.wait_state("up")
    finally:
        listener.close()
    for setting, why in (({"HOLDWATER_HOOK_URL": "ftp://there/"}, "hook.url: takes http://"), ({"HOLDWATER_HOOK_COMMAND": str(tmp_path / "nowhere")}, "cannot be run")):
        done = subprocess.run([binary(), "--listen", f"127.0.0.1:{free_port()}", "--admin-listen", f"127.0.0.1:{free_port()}", "--data-dir", str(tmp_path / "data")],
                              env={"PATH": os.environ["PATH"], "MYSQL_USER": "app", "MYSQL_DATABASE": "app", **setting}, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 2 and why in done.stdout + done.stderr and "ftp://there/" not in done.stdout + done.stderr, done
