"""The command line: holdwater status, drain, spool, dead, sessions, config, over the HTTP port, and a file's check without one."""
import json
import os
import re
import shutil
import subprocess

import pytest

from lib.command_line import CommandLine, holdwater
from lib.process import free_port, wait_until
from lib.proxy import binary
from lib.queue_story import queue_every_kind
from lib.sql import run, spooled_seq

TOKEN = "operate-token-for-tests"


@pytest.fixture
def outage(mariadb, start_proxy):
    """A proxy in an outage with three queued writes, of which one will be refused."""
    proxy = start_proxy(mariadb)
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, word VARCHAR(40) CHARACTER SET utf8mb4) ENGINE=InnoDB")
    run(connection, "INSERT INTO t VALUES (1, 'one')")
    mariadb.stop()
    proxy.wait_state("down")
    connection = proxy.connect()
    spooled_seq(connection, "INSERT INTO t VALUES (2, 'café; -- \\'x')")
    spooled_seq(connection, "INSERT INTO t VALUES (1, 'again')")
    run(connection, "BEGIN")
    run(connection, "UPDATE t SET word = 'later' WHERE id = 2")
    run(connection, "INSERT INTO t VALUES (3, NOW())")
    run(connection, "COMMIT")
    yield proxy, CommandLine(proxy)


def test_status_says_what_is_wrong_in_words_and_by_its_code(outage, mariadb):
    proxy, client = outage
    code, text, _ = client("status")
    assert code == 1
    assert text.startswith("degraded: the server is down; writes are queued, reads get what is cached\n")
    assert "waiting   3 write(s), the oldest for" in text and "because   " in text
    assert client.json("status")["spool"]["pending"] == 3
    mariadb.start()
    proxy.wait_drained()
    client("dead", "discard", "--all", "--yes")
    proxy.wait_ok()
    code, text, _ = client("status")
    assert code == 0 and text.startswith("ok: the server is up\n")
    mariadb.before_outage.clear()
    proxy.stop()
    code, text, wrong = client("status")
    assert code == 69 and text == "" and "cannot connect" in wrong


def test_list_show_export_and_applying_the_export_by_hand(outage, mariadb, tmp_path):
    proxy, client = outage
    code, text, _ = client("spool", "list")
    assert code == 0 and "INSERT INTO t VALUES (?, ...)" in text and "café" not in text
    code, text, _ = client("spool", "show", "1")
    assert code == 0 and "café" in text
    assert client("spool", "show", "99")[0] == 1
    path = tmp_path / "queue.sql"
    code, _, said = client("spool", "export", "--output", str(path))
    assert code == 0 and "3 unit(s)" in said
    assert path.stat().st_mode & 0o777 == 0o600
    sql = path.read_text()
    assert "-- number 1, account" in sql and "sql_mode = '" in sql and "START TRANSACTION;" in sql
    assert client("spool", "export")[1] == sql
    mariadb.start()  # another Holdwater's server would be meant; this one's queue is applied twice over otherwise
    proxy.wait_drained()
    mariadb.run(f"TRUNCATE TABLE {proxy.database}.t")
    done = subprocess.run(["mariadb", "--force", f"--socket={mariadb.socket}", "--user=root", proxy.database], input=sql, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    rows = mariadb.run(f"SELECT id, word FROM {proxy.database}.t ORDER BY id")
    assert [row[0] for row in rows] == [1, 2, 3] and rows[0][1] == "again" and rows[1][1] == "later"


def test_an_export_that_fails_leaves_the_file_as_it_was(mariadb, start_proxy, tmp_path):
    proxy = start_proxy(mariadb, wait=False, HOLDWATER_ADMIN_TOKEN=TOKEN, HOLDWATER_ADMIN_READ_TOKEN="look-token-for-tests")
    path = tmp_path / "queue.sql"
    path.write_text("the export of yesterday\n")
    wait_until(lambda: CommandLine(proxy, TOKEN)("status")[0] != 69, 20, "the port is there")
    code, _, wrong = CommandLine(proxy, "look-token-for-tests")("spool", "export", "--output", str(path))
    assert code == 77 and "needs admin.token" in wrong and path.read_text() == "the export of yesterday\n"
    assert CommandLine(proxy, TOKEN)("spool", "export", "--output", str(path))[0] == 0
    assert path.read_text().endswith("-- end, 0 writes\n") and [one.name for one in tmp_path.glob("queue*")] == ["queue.sql"]
    mariadb.before_outage.clear()
    proxy.stop()
    assert CommandLine(proxy, TOKEN)("spool", "export", "--output", str(path))[0] == 69
    assert path.read_text().endswith("-- end, 0 writes\n")


def test_an_export_that_cannot_be_printed_does_not_end_well(outage):
    proxy, _ = outage
    with open("/dev/full", "w") as full:
        done = subprocess.run([binary(), "spool", "export", "--admin", f"http://127.0.0.1:{proxy.admin_port}"],
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "No space left on device" in done.stderr


def test_drain_shows_a_bar_and_dead_letters_are_decided(outage, mariadb):
    proxy, client = outage
    code, _, wrong = client("drain", "--timeout", "0")
    assert code == 1 and "3 unit(s) are pending" in wrong
    drain = subprocess.Popen([binary(), "drain", "--timeout", "120", "--admin", f"http://127.0.0.1:{proxy.admin_port}"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]})
    first = drain.stderr.readline()
    assert re.match(r"\[\.{30}\]   0 %  0 of 3 applied  \(the server is ", first), first
    mariadb.start()
    text, _ = drain.communicate(timeout=120)
    assert drain.returncode == 0 and text == "drained: nothing waits\n"
    code, text, _ = client("dead", "list")
    assert code == 0 and "Duplicate entry" in text and "1062" in text
    number = client.json("dead", "list")["units"][0]["seq"]
    assert client("dead", "discard", str(number))[0] == 1, "without --yes and without a terminal nothing is given up"
    code, text, _ = client("dead", "retry", str(number))
    assert code == 0 and text == f"queued again: {number}, as number 4\n"
    wait_until(lambda: [one["seq"] for one in client.json("dead", "list")["units"]] == [4], 20, "it is refused again, as number 4")
    assert client("dead", "discard", "4", "--yes")[0] == 0
    code, _, wrong = client("dead", "discard", "4", "--yes")
    assert code == 1 and "no such dead letter: 4" in wrong
    assert client("dead", "list")[1] == "no dead letters\n"
    assert client("reconnect")[0] == 0


def test_sessions_top_and_the_configuration_show(outage):
    proxy, client = outage
    connection = proxy.connect()
    code, text, _ = client("sessions")
    assert code == 0 and proxy.account.user in text and "127.0.0.1" in text
    connection.close()
    code, text, _ = client("top", "--rounds", "2")
    assert code == 1 and text.count("commands a second") == 2
    code, text, _ = client("config", "show")
    assert code == 0 and re.search(r"^server\.password +\(set\)", text, re.M) and proxy.account.password not in text


def test_wrong_usage_has_a_code_of_its_own_and_the_program_s_flags_are_as_they_were():
    assert holdwater("status", "--nonsense")[0] == 64
    code, _, wrong = holdwater("--json", "statsu")
    assert code == 64 and "there is no command statsu; did you mean status?" in wrong
    assert holdwater("--json", "status", "--admin", f"http://127.0.0.1:{free_port()}")[0] == 69
    assert holdwater("--nonsense")[0] == 2
    assert holdwater("spool")[0] == 64
    assert holdwater("dead", "retry")[0] == 64
    assert holdwater("status", "--admin", "nonsense")[0] == 64
    assert holdwater("status", "--help")[0] == 0
    assert holdwater("status", "--admin", f"http://127.0.0.1:{free_port()}")[0] == 69
    code, text, _ = holdwater("--version")
    assert code == 0 and text.startswith("holdwater ")
    assert "--check-config" in holdwater("--help")[1]


def test_tokens_and_https_come_from_the_program_s_own_configuration(mariadb, start_proxy, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    proxy = start_proxy(mariadb, wait=False, HOLDWATER_ADMIN_TOKEN_FILE=token, HOLDWATER_ADMIN_TLS="true")
    own = tmp_path / "holdwater.toml"
    own.write_text(f'data_dir = "{proxy.data}"\n[admin]\nlisten = "127.0.0.1:{proxy.admin_port}"\ntoken_file = "{token}"\ntls = true\n')
    wait_until(lambda: holdwater("status", "--config", str(own))[0] == 0, 20, "it is up, and let in")
    address = f"https://127.0.0.1:{proxy.admin_port}"
    certificate = os.path.join(proxy.data, "tls_certificate.pem")
    assert holdwater("status", "--admin", address, "--ca", certificate)[0] == 77
    assert holdwater("status", "--admin", address, "--ca", certificate, "--token-file", str(token))[0] == 0
    assert holdwater("status", "--admin", address, "--ca", certificate, HOLDWATER_ADMIN_TOKEN=TOKEN)[0] == 0
    assert holdwater("--config", str(own), "status")[0] == 0
    assert holdwater("status", "--admin", address, "--token-file", str(token), "--ca", "/etc/ssl/certs/ca-certificates.crt")[0] == 69


def test_a_file_is_verified_without_a_running_holdwater_and_without_changing_it(outage, mariadb, tmp_path):
    proxy, _ = outage
    code, _, wrong = holdwater("spool", "verify", proxy.data)
    assert code == 1 and "in use" in wrong
    mariadb.before_outage.clear()
    proxy.stop()
    before = {name: os.stat(os.path.join(proxy.data, name)).st_mtime_ns for name in ("spool.db",)}
    code, text, _ = holdwater("spool", "verify", proxy.data)
    assert code == 0 and re.match(r"sound: spool [0-9a-f]{32}, 3 pending, 0 applied and kept, 0 dead, numbered up to 3\n", text), text
    assert before == {name: os.stat(os.path.join(proxy.data, name)).st_mtime_ns for name in before}
    assert json.loads(holdwater("spool", "verify", "--json", proxy.data)[1])["sound"] is True
    torn = tmp_path / "torn"
    shutil.copytree(proxy.data, torn)
    subprocess.run(["sqlite3", torn / "spool.db", "PRAGMA writable_schema=OFF; UPDATE body SET bytes = x'00ff' WHERE seq = 2; DELETE FROM unit WHERE seq = 1"], check=True)
    code, text, wrong = holdwater("spool", "verify", str(torn / "spool.db"))
    assert code == 2 and text.startswith("damaged: ") and "unit 2: " in wrong and "numbers are missing" in wrong
    (tmp_path / "text").write_text("no database at all, but some text that is long enough to be looked at\n" * 50)
    assert holdwater("spool", "verify", str(tmp_path / "text"))[0] == 2
    assert holdwater("spool", "verify", str(tmp_path / "nowhere"))[0] == 1
    assert not (tmp_path / "nowhere").exists()


def test_the_completion_knows_every_command():
    with open(os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "conf/holdwater.bash-completion"), encoding="utf-8") as file:
        known = file.read()
    for line in holdwater("--help")[1].splitlines():
        flag = re.match(r"\s+(--[a-z-]+)", line)
        assert not flag or flag[1] in known, flag
    script = 'source "$1"; COMP_WORDS=(holdwater "${@:2}"); COMP_CWORD=$(($# - 1)); _holdwater; echo "${COMPREPLY[@]}"'

    def completes(*words):
        path = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "conf/holdwater.bash-completion")
        return subprocess.run(["bash", "-c", script, "bash", path, *words], capture_output=True, text=True).stdout.split()
    assert completes("st") == ["status"]
    assert completes("spool", "") == ["list", "show", "export", "import", "verify"]
    assert completes("dead", "re") == ["retry"]
    assert "--json" in completes("status", "--")
    assert "--listen" in completes("--l")
    assert completes("--service", "shop", "--json", "st") == ["status"]
    assert completes("--config", "F", "dead", "dis") == ["discard"]


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_an_export_applied_by_hand_gives_what_replay_gives(servers, start_proxy, kind, tmp_path):
    """Other character sets, bound values, ids, pinned times, user variables, quotes in every sql_mode."""
    server = servers(kind)
    server.ensure_running()
    proxy = start_proxy(server)
    queue_every_kind(server, proxy)
    code, sql, _ = CommandLine(proxy)("spool", "export")
    assert code == 0 and "PREPARE holdwater FROM @holdwater;" in sql and "-- bound: 'it''s ?', " in sql
    server.start()
    proxy.wait_drained()
    assert proxy.health()["spool"]["dead"] == 0
    query = f"SELECT id, HEX(s), HEX(b), d, at FROM {proxy.database}.t ORDER BY id"
    replayed = server.run(query)
    assert len(replayed) == 6
    server.run(f"DELETE FROM {proxy.database}.t WHERE s <> 'up'")
    done = subprocess.run(["mariadb", f"--socket={server.socket}", "--user=root", "--default-character-set=utf8mb4", proxy.database], input=sql,
                          text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert server.run(query) == replayed
