"""holdwater spool import: what was exported is queued elsewhere, in order, once, or said in which line it cannot be."""
import json
import os
import re
import socket
import subprocess

import pytest

from lib.command_line import CommandLine, holdwater
from lib.process import wait_until
from lib.proxy import Account, binary
from lib.queue_story import queue_every_kind
from lib.sql import run, spooled_seq

TOKEN = "operate-token-for-tests"
SETTINGS = "SET sql_mode = 'STRICT_TRANS_TABLES', character_set_client = 'utf8mb4', collation_connection = 'utf8mb4_general_ci';\n"


class Operator(CommandLine):
    """With the token of a proxy."""

    def __init__(self, proxy, token=TOKEN):
        super().__init__(proxy, token)

    def counts(self):
        return self.json("status")["spool"]

    def wait_drained(self):
        wait_until(lambda: self.counts()["pending"] == 0 and self.json("status")["database"]["state"] == "up", 60, "it is drained")


@pytest.fixture
def other(start_proxy):
    """Another Holdwater, with a queue of its own and a token, before the same server."""
    def start(server, **settings):
        proxy = start_proxy(server, wait=False, drained=False, HOLDWATER_ADMIN_TOKEN=TOKEN, **settings)
        operator = Operator(proxy)
        # 1: of two accounts one cannot use the ledger yet
        wait_until(lambda: operator("status")[0] in (0, 1) and operator.json("status")["database"]["state"] == "up", 30, "the other one is up")
        return proxy, operator
    return start


def write_log_file(path, proxy, count, size=0):
    """Each write takes its number from a counter, so that the order and the count show in the rows."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(SETTINGS + f"USE {proxy.database};\n")
        for number in range(1, count + 1):
            if number % 3 == 0:
                file.write(f"START TRANSACTION;\nUPDATE counted SET n = n + 1;\nINSERT INTO log (at, number, filler) SELECT n, {number}, '{'x' * size}' FROM counted;\nCOMMIT;\n")
            else:
                file.write(f"INSERT INTO log (at, number, filler) VALUES (-{number}, {number}, '{'x' * size}');\n")


def make_tables(server, database):
    server.run("CREATE TABLE counted (n INT) ENGINE=InnoDB", database=database)
    server.run("CREATE TABLE log (at INT, number INT, filler MEDIUMTEXT, position INT PRIMARY KEY AUTO_INCREMENT) ENGINE=InnoDB", database=database)
    server.run("INSERT INTO counted VALUES (0)", database=database)


def check_log(server, database, count):
    rows = server.run("SELECT at, number FROM log ORDER BY position", database=database)
    assert [number for _, number in rows] == list(range(1, count + 1)), "each once, and in order"
    assert [at for at, number in rows if number % 3 == 0] == list(range(1, count // 3 + 1)), "transactions are whole"
    assert server.run("SELECT n FROM counted", database=database) == ((count // 3,),)


@pytest.mark.limit(120)
def test_what_is_exported_and_imported_elsewhere_gives_what_replay_gives(server, start_proxy, other, tmp_path):
    """Other character sets, bound values, ids, pinned times, user variables, quotes in every sql_mode, transactions."""
    proxy = start_proxy(server)

    def more(connection):
        run(connection, "BEGIN")
        run(connection, "INSERT INTO t (s) VALUES ('one of two')")
        run(connection, "UPDATE t SET d = LAST_INSERT_ID() WHERE s = 'one of two'")
        run(connection, "COMMIT")
        spooled_seq(connection, "UPDATE t SET b = 'x' WHERE s = 'up'; -- number 99, account root, accepted now")
    queue_every_kind(server, proxy, more)
    path = tmp_path / "queue.sql"
    assert holdwater("spool", "export", "--output", str(path), "--admin", f"http://127.0.0.1:{proxy.admin_port}")[0] == 0
    server.start()
    proxy.wait_drained()
    assert proxy.health()["spool"]["dead"] == 0
    query = f"SELECT id, HEX(s), HEX(b), d, at FROM {proxy.database}.t ORDER BY id"
    replayed = server.run(query)
    assert len(replayed) == 7
    server.run(f"DELETE FROM {proxy.database}.t WHERE s <> 'up'")
    server.run(f"UPDATE {proxy.database}.t SET b = NULL")
    new, operator = other(server, database=proxy.database, account=proxy.account)
    code, text, wrong = operator("spool", "import", "--check", str(path))
    assert (code, text) == (0, "7 write(s) could be queued\n"), wrong
    assert operator.counts()["last_seq"] == 0 and len(server.run(query)) == 1
    code, text, wrong = operator("spool", "import", str(path))
    assert (code, text) == (0, "7 write(s) queued, numbered up to 7\n"), wrong
    operator.wait_drained()
    assert server.run(query) == replayed
    code, text, _ = operator("spool", "import", "--json", str(path))
    told = json.loads(text)
    assert code == 0 and (told["units"], told["taken"], told["skipped"]) == (7, 0, 7)
    with open(path, encoding="utf-8") as file:  # another file of the same writes
        (tmp_path / "edited.sql").write_text("-- looked at\n" + file.read(), encoding="utf-8")
    assert operator("spool", "import", str(tmp_path / "edited.sql"))[1] == "0 write(s) queued; 7 were taken before\n"
    operator.wait_drained()
    assert server.run(query) == replayed and operator.counts()["last_seq"] == 7
    assert "one of two" not in new.log_text() and "from a variable" not in new.log_text()


def test_triggers_find_by_hand_and_after_an_import_what_replay_gives_them(server, start_proxy, other, tmp_path):
    """The session's user variables and LAST_INSERT_ID(), which no statement names, and not those of the client before."""
    proxy = start_proxy(server)
    run(proxy.connect(), "CREATE TABLE t (n INT PRIMARY KEY, s TEXT) ENGINE=InnoDB")
    server.run("CREATE TRIGGER said BEFORE INSERT ON t FOR EACH ROW SET NEW.s = CONCAT_WS('|', COALESCE(@app_user, '~'), LAST_INSERT_ID())",
               database=proxy.database)
    server.stop()
    proxy.wait_state("down")
    alice, bob = proxy.connect(), proxy.connect()
    run(alice, "SET @app_user = 'alice', last_insert_id = 7")
    for number, connection in enumerate((alice, bob, alice), 1):
        spooled_seq(connection, f"INSERT INTO t (n) VALUES ({number})")
    path = tmp_path / "queue.sql"
    assert holdwater("spool", "export", "--output", str(path), "--admin", f"http://127.0.0.1:{proxy.admin_port}")[0] == 0
    server.start()
    proxy.wait_drained()

    def taken():
        rows = server.run("SELECT n, s FROM t ORDER BY n", database=proxy.database)
        server.run("DELETE FROM t", database=proxy.database)
        return rows
    assert taken() == ((1, "alice|7"), (2, "~|0"), (3, "alice|7"))
    with open(path, encoding="utf-8") as sql:
        subprocess.run(["mariadb", f"--socket={server.socket}", "--user=root", "--default-character-set=utf8mb4", proxy.database], stdin=sql, check=True)
    assert taken() == ((1, "alice|7"), (2, "~|0"), (3, "alice|7"))
    _, operator = other(server, database=proxy.database, account=proxy.account)
    assert operator("spool", "import", str(path))[0] == 0
    operator.wait_drained()
    assert taken() == ((1, "alice|7"), (2, "~|0"), (3, "alice|7"))


@pytest.fixture
def exported(mariadb, start_proxy, tmp_path):
    """A function that queues these statements in an outage, and gives what an export of them says, and the proxy, which is gone."""
    def make(*statements):
        proxy = start_proxy(mariadb)
        run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, n INT) ENGINE=InnoDB")
        run(proxy.connect(), "INSERT INTO t VALUES (1, 0), (12, 0), (123, 0)")
        mariadb.stop()
        proxy.wait_state("down")
        for statement in statements:
            spooled_seq(proxy.connect(), statement)
        path = tmp_path / "queue.sql"
        assert holdwater("spool", "export", "--output", str(path), "--admin", f"http://127.0.0.1:{proxy.admin_port}")[0] == 0
        proxy.kill()
        mariadb.start()
        return path, proxy
    return make


def edited(path, *changes, end=None):
    """A copy with each (old, new); `end`: of how many writes."""
    text = path.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    if end is not None:
        text = re.sub("-- end, .*", f"-- end, {end} writes", text)
    copy = path.with_name("edited.sql")
    copy.write_text(text)
    return str(copy)


def test_an_export_that_was_cut_is_refused_wherever_that_was(mariadb, exported, other):
    path, old = exported("UPDATE t SET n = n + 1 WHERE id = 1", "DELETE FROM t WHERE id = 123")
    _, operator = other(mariadb, database=old.database, account=old.account)
    text = path.read_text()
    for end, why in ((text.index(" WHERE id = 123"), "no ; at its end"), (text.rindex("\n;"), "no ; at its end"), (text.rindex("-- number"), "may have been cut"),
                     (text.rindex("-- end"), "may have been cut"), (text.rindex("DELETE"), "the write of number 2 is missing")):
        path.with_name("cut.sql").write_text(text[:end])
        code, _, wrong = operator("spool", "import", str(path.with_name("cut.sql")))
        assert code == 1 and why in wrong and "nothing was taken" in wrong, (text[:end][-30:], wrong)
    assert operator.counts()["last_seq"] == 0
    assert operator("spool", "import", str(path))[1].startswith("2 write(s) queued")
    operator.wait_drained()
    assert mariadb.run("SELECT id, n FROM t", database=old.database) == ((1, 1), (12, 0))


def test_a_number_whose_write_is_missing_gives_its_account_to_no_other_write(mariadb, exported, other):
    path, old = exported("UPDATE t SET n = 1 WHERE id = 1", "UPDATE t SET n = 2 WHERE id = 12", "UPDATE t SET n = 3 WHERE id = 123")
    _, operator = other(mariadb, database=old.database, account=old.account)
    copy = edited(path, ("UPDATE t SET n = 2 WHERE id = 12\n;\n", ""), (f"-- number 3, account {old.account.user}", "-- number 3, account clerk"), end=2)
    code, _, wrong = operator("spool", "import", copy)
    assert code == 1 and "the write of number 2 is missing" in wrong and "nothing was taken" in wrong
    assert operator.counts()["last_seq"] == 0


def test_writes_that_were_left_out_are_taken_from_the_whole_file_later(mariadb, exported, other):
    path, old = exported("INSERT INTO t VALUES (2, 0)", "INSERT INTO t VALUES (3, 0)", "INSERT INTO t VALUES (4, 0)")
    _, operator = other(mariadb, database=old.database, account=old.account)
    text = path.read_text()
    second = text[text.index("-- number 2"):text.index("-- number 3")]
    assert "and here are 2" in operator("spool", "import", edited(path, (second, "")))[2], "an accident is noticed"
    assert operator("spool", "import", edited(path, (second, ""), end=2))[1] == "2 write(s) queued, numbered up to 2\n"
    assert operator("spool", "import", str(path))[1] == "1 write(s) queued, numbered up to 3; 2 were taken before\n"
    assert operator("spool", "import", str(path))[1] == "0 write(s) queued; 3 were taken before\n"
    operator.wait_drained()
    assert operator.counts()["dead"] == 0
    assert [id for id, in mariadb.run("SELECT id FROM t ORDER BY id", database=old.database)] == [1, 2, 3, 4, 12, 123]


def test_a_write_without_a_number_makes_no_others_lose_theirs(mariadb, exported, other):
    path, old = exported("UPDATE t SET n = n + 1")
    _, operator = other(mariadb, database=old.database, account=old.account)
    assert operator("spool", "import", str(path))[0] == 0
    copy = edited(path, ("-- number 1", SETTINGS + f"USE {old.database};\nDELETE FROM t WHERE id = 99;\n-- number 1"), end=2)
    code, _, wrong = operator("spool", "import", copy, "--account", old.account.user)
    assert code == 1 and "the writes before this one have no numbers" in wrong
    operator.wait_drained()
    assert mariadb.run("SELECT n FROM t WHERE id = 1", database=old.database) == ((1,),)


@pytest.mark.limit(120)
def test_values_of_many_variables_count_as_much_as_statements(mariadb, other, tmp_path):
    proxy, operator = other(mariadb)
    path = tmp_path / "variables.sql"
    with open(path, "w", encoding="utf-8") as file:
        file.write(SETTINGS + f"USE {proxy.database};\n")
        file.write(f"SET @x = '{'x' * 6_000_000}';\nSTART TRANSACTION;\n" + "UPDATE t SET s = @x;\n" * 8 + "COMMIT;\n")
    code, _, wrong = operator("spool", "import", str(path), "--account", proxy.account.user)
    assert code == 1 and "larger than can be imported" in wrong


@pytest.mark.limit(300)
def test_an_import_that_was_cut_goes_on_where_it_was(server, other, tmp_path):
    proxy, operator = other(server, HOLDWATER_SPOOL_MAX_BYTES="1MiB", HOLDWATER_SPOOL_MAX_STATEMENT_BYTES="512KiB",
                            HOLDWATER_SPOOL_MAX_TRANSACTION_BYTES="512KiB", HOLDWATER_SPOOL_COMPRESS="false")
    make_tables(server, proxy.database)
    server.before_outage.clear()  # it asks without a token
    path = tmp_path / "many.sql"
    write_log_file(path, proxy, 3000, 300)
    server.stop()
    wait_until(lambda: json.loads(operator("status", "--json")[1])["database"]["state"] == "down", 30, "down")
    code, _, wrong = operator("spool", "import", str(path), "--account", proxy.account.user)
    stopped = re.search(r"the spool is full.*it stopped: (\d+) write\(s\) up to line (\d+) were taken, and nothing behind it; run it again to go on", wrong, re.S)
    assert code == 1 and stopped, wrong
    taken = int(stopped[1])
    assert 0 < taken < 3000 and operator.counts()["pending"] == taken
    proxy.kill()
    proxy.settings["HOLDWATER_SPOOL_MAX_BYTES"] = "64MiB"
    proxy.start(wait=False)
    wait_until(lambda: operator("status")[0] == 1, 30, "it is there again, in an outage")
    cut = subprocess.Popen([binary(), "spool", "import", str(path), "--account", proxy.account.user, "--admin", f"http://127.0.0.1:{proxy.admin_port}"],
                           env={"PATH": os.environ["PATH"], "HOLDWATER_ADMIN_TOKEN": TOKEN}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: operator.counts()["pending"] > taken or cut.poll() is not None, 30, "more of it is taken")
    proxy.kill()  # in the middle, or right behind it
    cut.communicate(timeout=120)
    proxy.start(wait=False)
    wait_until(lambda: operator("status")[0] == 1, 30, "it is there again, in an outage")
    code, text, wrong = operator("spool", "import", str(path), "--account", proxy.account.user)
    assert code == 0, wrong
    assert operator.counts()["pending"] == operator.counts()["last_seq"] == 3000, text
    server.start()
    operator.wait_drained()
    assert operator.counts()["dead"] == 0
    check_log(server, proxy.database, 3000)


BAD = [
    ("SELECT * FROM t", "no plain write"), ("CREATE TABLE x (a INT)", "no plain write"), ("LOAD DATA INFILE 'f' INTO TABLE t", "no plain write"),
    ("CALL p()", "no plain write"), ("INSERT INTO t SELECT SYSDATE()", "SYSDATE"), ("INSERT INTO t VALUES (stored(1))", "stored"),
    ("INSERT INTO t VALUES (LAST_INSERT_ID())", "connection's server knows"), ("UPDATE t SET a = @unheard", "@unheard"),
    ("UPDATE mysql.user SET a = 1", "the server's own"), ("INSERT INTO t VALUES ('never ends", "no ; at its end"), ("nonsense", "no plain write"),
    ("ROLLBACK", "no plain write"), ("INSERT INTO t VALUES (1) RETURNING a", "RETURNING"), ("SET GLOBAL max_connections = 1", "does not carry it"),
    ("START TRANSACTION", "has no COMMIT"), ("INSERT INTO t VALUES ('" + "x" * 70000 + "')", "max_statement_bytes"),
]


def test_what_no_client_could_have_queued_is_refused_with_its_line_and_nothing_is_taken(mariadb, other, tmp_path):
    proxy, operator = other(mariadb, HOLDWATER_SPOOL_MAX_STATEMENT_BYTES="64KiB")
    path = tmp_path / "bad.sql"
    for statement, why in BAD:
        path.write_text(SETTINGS + f"USE {proxy.database};\nINSERT INTO t VALUES\n  (1);\n\n{statement};\n")
        code, text, wrong = operator("spool", "import", str(path), "--account", proxy.account.user)
        assert code == 1 and text == "" and "bad.sql: line 6: " in wrong and why in wrong and "nothing was taken" in wrong, (statement[:50], wrong)
    path.write_text("")
    code, text, wrong = operator("spool", "import", str(path))
    assert code == 1 and text == "" and "there is no write in it" in wrong and "nothing was taken" in wrong
    path.write_text("DELETE FROM t;\n")
    assert "line 1: sql_mode and character_set_client" in operator("spool", "import", str(path), "--account", proxy.account.user)[2]
    path.write_text(SETTINGS + "DELETE FROM t;\n")
    assert "--account" in operator("spool", "import", str(path))[2]
    assert "'stranger' is not configured here" in operator("spool", "import", str(path), "--account", "stranger")[2]
    assert "no database" in operator("spool", "import", str(path), "--account", proxy.account.user)[2]
    assert operator("spool", "import", str(tmp_path / "nowhere"))[0] == 1
    assert "twice" in operator("spool", "import", "/dev/stdin")[2]
    assert operator("spool", "import", str(path), "--as", "a b")[0] == 64
    assert operator.counts()["last_seq"] == 0


def test_a_queue_does_not_take_its_own_writes_again_and_a_rule_holds_for_imports(mariadb, other, tmp_path):
    proxy, operator = other(mariadb)
    make_tables(mariadb, proxy.database)
    mariadb.before_outage.clear()
    mariadb.stop()
    wait_until(lambda: json.loads(operator("status", "--json")[1])["database"]["state"] == "down", 30, "down")
    path, again = tmp_path / "some.sql", tmp_path / "again.sql"
    write_log_file(path, proxy, 3)
    assert operator("spool", "import", str(path), "--account", proxy.account.user)[0] == 0
    assert operator("spool", "export", "--output", str(again))[0] == 0
    code, _, wrong = operator("spool", "import", str(again))
    assert code == 1 and "of this very queue" in wrong
    assert operator("spool", "import", str(path), "--account", proxy.account.user, "--as", "second-time")[1] == "3 write(s) queued, numbered up to 6\n"
    proxy.kill()
    with open(proxy.config, "a", encoding="utf-8") as file:
        file.write('[[rule]]\ntable = "counted"\nspool = false\n')
    proxy.start(wait=False)
    wait_until(lambda: operator("status")[0] == 1, 30, "it is there again")
    code, _, wrong = operator("spool", "import", str(path), "--account", proxy.account.user, "--as", "third-time")
    assert code == 1 and "line 6: a rule of the configuration" in wrong
    assert operator.counts()["pending"] == 6


def test_only_who_may_operate_imports_and_never_without_a_token(mariadb, start_proxy, other, tmp_path):
    """Without one whoever reaches the port could write as every account that is configured."""
    path = tmp_path / "queue.sql"
    path.write_text(SETTINGS + "DELETE FROM a.t;\n")
    open_to_all = start_proxy(mariadb)
    code, _, wrong = holdwater("spool", "import", str(path), "--account", open_to_all.account.user, "--admin", f"http://127.0.0.1:{open_to_all.admin_port}")
    assert code == 77 and "needs admin.token" in wrong
    proxy, _ = other(mariadb, HOLDWATER_ADMIN_READ_TOKEN="read-token-for-tests")
    assert Operator(proxy, "read-token-for-tests")("spool", "import", str(path), "--account", "a")[0] == 77
    assert Operator(proxy, "another-token-for-tests")("spool", "import", str(path), "--account", "a")[0] == 77
    assert proxy.http("/spool/import", "POST")[0] == 401


def test_wrong_tokens_with_large_bodies_count_as_any(mariadb, other):
    proxy, operator = other(mariadb)

    def told(token):
        with socket.create_connection((proxy.host, proxy.admin_port), 60) as wire:
            wire.sendall(f"POST /spool/import HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Length: 100000\r\n\r\n".encode())
            wire.settimeout(60)
            return wire.recv(12)
    assert [told("another-token-for-tests") for _ in range(10)] == [b"HTTP/1.1 413"] * 10
    assert told(TOKEN) == b"HTTP/1.1 413", "even the right one is not asked for more now"
    assert operator("status")[0] == 77


@pytest.mark.limit(120)
def test_a_large_file_needs_no_large_memory_and_shows_how_far_it_is(mariadb, other, tmp_path):
    proxy, operator = other(mariadb)
    path = tmp_path / "large.sql"
    write_log_file(path, proxy, 400, 100_000)
    assert path.stat().st_size > 40_000_000
    before = proxy.resident_bytes()
    screen, inside = os.openpty()
    child = subprocess.Popen([binary(), "spool", "import", str(path), "--check", "--account", proxy.account.user, "--admin",
                              f"http://127.0.0.1:{proxy.admin_port}"], env={"PATH": os.environ["PATH"], "HOLDWATER_ADMIN_TOKEN": TOKEN},
                             stdout=subprocess.PIPE, stderr=inside)
    os.close(inside)
    shown, memory = b"", []
    while True:
        try:
            piece = os.read(screen, 65536)
        except OSError:  # it has ended
            break
        if not piece:
            break
        shown += piece
        with open(f"/proc/{child.pid}/status", encoding="utf-8") as file:
            memory.extend(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    os.close(screen)
    text = child.communicate(timeout=120)[0]
    assert child.returncode == 0 and text == b"400 write(s) could be queued\n", shown
    assert re.search(rb"\[#{10,}\.+\] +\d+ %  \d+ checked", shown), shown[:300]
    if before:  # not with a sanitizer
        assert 0 < max(memory) < 48 * 1024, "in KiB"
        assert proxy.resident_bytes() - before < 32 << 20


def test_another_account_writes_with_its_own_rights(mariadb, other, tmp_path):
    mariadb.run("CREATE USER IF NOT EXISTS 'clerk'@'%' IDENTIFIED BY 'clerk'")
    proxy, operator = other(mariadb, accounts=[Account("clerk", "clerk")])
    make_tables(mariadb, proxy.database)
    mariadb.run(f"GRANT SELECT, UPDATE ON {proxy.database}.holdwater_ledger TO 'clerk'@'%'")
    mariadb.run(f"GRANT INSERT ON {proxy.database}.log TO 'clerk'@'%'")
    assert operator("reconnect")[0] == 0
    path = tmp_path / "two.sql"
    path.write_text(SETTINGS + f"USE {proxy.database};\nINSERT INTO log VALUES (1, 1, '', 1);\nUPDATE counted SET n = 7;\n")

    def take():
        return operator("spool", "import", str(path), "--account", "clerk")[0] == 0
    wait_until(take, 30, "its ledger's right is known")
    wait_until(lambda: operator.counts()["pending"] == 0 and operator.counts()["dead"] == 1, 30, "one is refused by the server")
    assert mariadb.run("SELECT number FROM log", database=proxy.database) == ((1,),)
    assert mariadb.run("SELECT n FROM counted", database=proxy.database) == ((0,),)
