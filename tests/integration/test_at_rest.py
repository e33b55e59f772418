"""Data at rest: with a key no file of the data directory holds a literal of any statement, and without the right key nothing is
opened and nothing is lost."""
import hashlib
import re

import pytest

from lib.command_line import holdwater
from lib.process import contents, wait_until
from lib.sql import run, spooled_seq, value
from lib.statements import COM_STMT_EXECUTE, Session, lenenc, packed_execute

KEYS = {"a": "a1" * 32, "b": "b2" * 32, "c": "c3" * 32}
CANARY = "canary7Hq"
STRING = 254


def write_keys(path, *names):
    path.write_text("# the first one encrypts\n" + "".join(KEYS.get(name, name) + "\n" for name in names))
    path.chmod(0o600)
    return path


@pytest.fixture
def key_file(tmp_path):
    return write_keys(tmp_path / "keys", "a")


def in_clear(proxy):
    """The files of the data directory, and the log, that hold a literal."""
    shown = {**contents(proxy.data), "log": proxy.log_text().encode()}
    return [name for name, content in shown.items() if CANARY.encode() in content]


def tables(proxy):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(3000) CHARACTER SET utf8mb4) ENGINE=InnoDB")
    run(connection, f"CREATE TABLE keyed (s VARCHAR(100) PRIMARY KEY, d VARCHAR(40) DEFAULT 'default-{CANARY}') ENGINE=InnoDB")
    run(connection, f"INSERT INTO keyed (s) VALUES ('twice-{CANARY}')")
    run(connection, f"INSERT INTO t VALUES (1, 'up-{CANARY}')")
    assert value(connection, "SELECT s FROM t WHERE id = 1") == f"up-{CANARY}"
    return connection


def write_in_an_outage(proxy):
    """Texts, bound values, a user variable, a transaction, long and short, and one that the server will refuse, quoting it."""
    session = Session(proxy)
    connection = proxy.connect()
    spooled_seq(connection, f"INSERT INTO t VALUES (2, 'text-{CANARY}')")
    run(connection, f"SET @v = 'variable-{CANARY}'")
    spooled_seq(connection, "INSERT INTO t VALUES (3, @v)")
    run(connection, "BEGIN")
    run(connection, f"INSERT INTO t VALUES (4, '{CANARY * 300}')")
    run(connection, f"UPDATE t SET s = 'later-{CANARY}' WHERE id = 2")
    run(connection, "COMMIT")
    statement = session.prepare("INSERT INTO t VALUES (5, ?)")
    session.raw.command(COM_STMT_EXECUTE, packed_execute(statement.id, [(STRING, lenenc(f"bound-{CANARY}".encode()))]))
    session.raw.expect_ok()
    session.close()
    spooled_seq(connection, f"INSERT INTO keyed (s) VALUES ('twice-{CANARY}')")
    return connection


ROWS = ((1, f"up-{CANARY}"), (2, f"later-{CANARY}"), (3, f"variable-{CANARY}"), (4, CANARY * 300), (5, f"bound-{CANARY}"))


def expect_all_applied(proxy, server):
    proxy.wait_drained()
    assert server.run("SELECT id, s FROM t ORDER BY id", database=proxy.database) == ROWS
    dead, = proxy.json("/spool/dead")["units"]
    assert f"twice-{CANARY}" in dead["reason"] and f"twice-{CANARY}" in dead["statements"][0]


def test_with_a_key_no_file_holds_a_literal_of_any_statement(server, start_proxy, key_file):
    proxy = start_proxy(server, HOLDWATER_SPOOL_KEY_FILE=key_file)
    tables(proxy)
    wait_until(lambda: proxy.json("/health/cache")["disk"]["written"] > 0, 20, "the answer is on the disk")
    assert in_clear(proxy) == []
    server.stop()
    proxy.wait_state("down")
    connection = write_in_an_outage(proxy)
    assert value(connection, "SELECT s FROM t WHERE id = 1") == f"up-{CANARY}"
    assert f"text-{CANARY}" in proxy.http("/spool")[1].decode()
    assert len(contents(proxy.data)["spool.db-wal"]) > 10_000 and in_clear(proxy) == []
    proxy.kill()
    assert in_clear(proxy) == []
    proxy.start()  # in the outage: what is read back is what was written
    assert value(proxy.connect(), "SELECT s FROM t WHERE id = 1") == f"up-{CANARY}"
    server.start()
    expect_all_applied(proxy, server)
    assert in_clear(proxy) == []
    assert proxy.stop() == 0
    assert in_clear(proxy) == [] and contents(proxy.data).get("spool.db-wal", b"") == b"", "folded into the file"
    code, text, _ = holdwater("spool", "verify", "--key-file", str(key_file), proxy.data)
    assert code == 0 and "1 dead" in text
    assert holdwater("spool", "verify", proxy.data, HOLDWATER_SPOOL_KEY=KEYS["a"])[0] == 0
    code, text, wrong = holdwater("spool", "verify", proxy.data)
    assert code == 1 and text == "" and re.search("encrypted with key [0-9a-f]{16}, which is missing; no key is given", wrong)
    assert holdwater("spool", "verify", "--key-file", "/nowhere", proxy.data)[0] == 64


def test_without_a_key_the_literals_are_there(mariadb, start_proxy):
    """So the test above would see them."""
    proxy = start_proxy(mariadb)
    tables(proxy)
    wait_until(lambda: proxy.json("/health/cache")["disk"]["written"] > 0, 20, "the answer is on the disk")
    mariadb.stop()
    proxy.wait_state("down")
    write_in_an_outage(proxy)
    assert {"spool.db-wal", "cache.db-wal"} <= set(in_clear(proxy))


def test_a_wrong_or_missing_key_stops_the_start_names_the_key_and_loses_nothing(server, start_proxy, key_file):
    proxy = start_proxy(server, HOLDWATER_SPOOL_KEY_FILE=key_file)
    tables(proxy)
    server.stop()
    proxy.wait_state("down")
    write_in_an_outage(proxy)
    name = re.search("encrypted with key ([0-9a-f]{16})", proxy.log_text())[1]
    for ended in ("killed", "stopped"):
        proxy.kill() if ended == "killed" else proxy.stop()
        before = {name: hashlib.sha256(content).digest() for name, content in contents(proxy.data).items()}
        for keys in ([], ["b"], ["none", "b"]):
            if keys:
                proxy.settings["HOLDWATER_SPOOL_KEY_FILE"] = str(write_keys(key_file, *keys))
            else:
                del proxy.settings["HOLDWATER_SPOOL_KEY_FILE"]
            proxy.start(wait=False)
            wait_until(lambda: proxy.child.poll() is not None, 20, "it has given up")
            assert proxy.child.returncode == 2
            proxy.child = None
            last = [line for line in proxy.log_text().splitlines() if "critical" in line.lower()][-1]
            assert f"encrypted with key {name}, which is missing" in last and "is as it was" in last, last
            assert "no key is given" in last if not keys else re.search("given: (none, )?[0-9a-f]{16}", last), last
            after = {name: hashlib.sha256(content).digest() for name, content in contents(proxy.data).items() if name.startswith("spool.db")}
            assert {one: before[one] for one in after if one in before} == {one: after[one] for one in after if one in before}
        proxy.settings["HOLDWATER_SPOOL_KEY_FILE"] = str(write_keys(key_file, "b", "a"))
        proxy.start()
        write_keys(key_file, "a", "b")
        wait_until(lambda: proxy.http("/config/reload", "POST")[0] == 200, 10, "the keys are changed")
        write_keys(key_file, "a")
        wait_until(lambda: proxy.http("/config/reload", "POST")[0] == 200, 10, "nothing needs the other any more")
    server.start()
    expect_all_applied(proxy, server)


def test_keys_are_set_changed_and_taken_away_while_it_runs(mariadb, start_proxy, key_file):
    write_keys(key_file, "none")
    proxy = start_proxy(mariadb, HOLDWATER_SPOOL_KEY_FILE=key_file)
    tables(proxy)
    wait_until(lambda: proxy.json("/health/cache")["disk"]["written"] > 0, 20, "the answer is on the disk")
    mariadb.stop()
    proxy.wait_state("down")
    connection = write_in_an_outage(proxy)
    assert {"spool.db-wal", "cache.db-wal"} <= set(in_clear(proxy))
    write_keys(key_file, "a")
    assert proxy.json("/config/reload", "POST")["changed"] == ["spool.key"]
    wait_until(lambda: in_clear(proxy) == [], 20, lambda: f"everything is encrypted: {in_clear(proxy)}")
    assert value(connection, "SELECT s FROM t WHERE id = 1") == f"up-{CANARY}"  # from the memory still
    write_keys(key_file, "b")
    status, body = proxy.http("/config/reload", "POST")
    assert status == 409 and re.search(b"encrypted with key [0-9a-f]{16}, which is missing", body), body
    for names in (["b", "a"], ["b"], ["none", "b"], ["none"], ["c"]):
        write_keys(key_file, *names)
        wait_until(lambda: proxy.http("/config/reload", "POST")[0] == 200, 20, lambda: f"{names}: {proxy.log_text()[-500:]}")
    wait_until(lambda: in_clear(proxy) == [], 20, lambda: f"everything is encrypted: {in_clear(proxy)}")
    mariadb.start()
    expect_all_applied(proxy, mariadb)
    proxy.kill()
    assert in_clear(proxy) == []
