"""holdwater backup: a copy of the queue while it is in use, and what restoring one does to exactly-once."""
import contextlib
import fcntl
import json
import os
import shutil
import stat
import subprocess

import pytest

from lib.command_line import CommandLine, holdwater
from lib.process import free_port, wait_until
from lib.proxy import binary
from lib.sql import run, spooled_seq, was_refused_for_outage

KEY = "5a" * 32
TOKENS = {"HOLDWATER_ADMIN_TOKEN": "operate-token-for-tests", "HOLDWATER_ADMIN_READ_TOKEN": "read-token-for-tests"}


def put_back(proxy, backup):
    """As the manual says: the program is stopped, and the backup takes the place of the queue."""
    for name in ("spool.db", "spool.db-wal"):
        if os.path.exists(os.path.join(proxy.data, name)):
            os.remove(os.path.join(proxy.data, name))
    shutil.copy(backup, os.path.join(proxy.data, "spool.db"))


def say_that_no_other_runs(server, proxy):
    """As the runbook says."""
    server.run("UPDATE holdwater_ledger SET owner_epoch = 0", database=proxy.database)
    return CommandLine(proxy)("reconnect")


def test_what_a_killed_backup_left_is_in_nobodys_way(mariadb, start_proxy, tmp_path):
    proxy = start_proxy(mariadb)
    path, part = tmp_path / "queue.backup", tmp_path / "queue.backup.part"
    part.write_text("left over")
    with open(part, "r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, _, wrong = CommandLine(proxy)("backup", str(path))
        assert code == 1 and "another one writes it" in wrong and part.read_text() == "left over"
    part.unlink()
    os.mkfifo(part)
    assert CommandLine(proxy)("backup", str(path))[0] == 1, "it is no file"
    part.unlink()
    part.symlink_to(tmp_path / "elsewhere")
    assert CommandLine(proxy)("backup", str(path))[0] == 1, "nor is this"
    part.unlink()
    part.write_text("left over")
    assert CommandLine(proxy)("backup", str(path))[0] == 0
    assert os.listdir(tmp_path) == ["queue.backup"] and holdwater("spool", "verify", str(path))[0] == 0


@pytest.mark.parametrize("settings", [{}, {"HOLDWATER_SPOOL_KEY": KEY}], ids=["clear", "encrypted"])
def test_a_backup_is_made_in_an_outage_and_restored_without_doubling_a_write(server, start_proxy, tmp_path, settings):
    proxy = start_proxy(server, **settings)
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s MEDIUMTEXT) ENGINE=InnoDB")
    run(proxy.connect(), "CREATE TABLE counted (n INT) ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO counted VALUES (0)")
    server.stop()
    proxy.wait_state("down")
    connection = proxy.connect()
    for _ in range(20):
        spooled_seq(connection, "UPDATE counted SET n = n + 1")
    path = tmp_path / "queue.backup"
    code, text, _ = CommandLine(proxy)("backup", str(path))
    assert code == 0 and text == f"{path.stat().st_size} bytes in {path}\n", text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and os.listdir(tmp_path) == ["queue.backup"]
    assert "spool.db.backup" not in os.listdir(proxy.data)
    assert CommandLine(proxy)("backup", str(path))[0] == 1, "nothing is written over"
    code, text, wrong = holdwater("spool", "verify", str(path), **settings)
    assert code == 0 and "20 pending" in text, text + wrong
    if settings:
        assert holdwater("spool", "verify", str(path))[0] == 1
    server.start()
    proxy.wait_drained()
    proxy.kill()
    put_back(proxy, path)
    server.stop()
    proxy.start()  # in an outage, with a queue that knows nothing of what was applied
    proxy.wait_state("down")
    health = proxy.health()["spool"]
    assert health["pending"] == 20 and health["state"] == "refusing" and "restored from a backup" in health["reason"]
    was_refused_for_outage(proxy.connect(), "UPDATE counted SET n = n + 1")
    server.start()
    proxy.wait_state("halted")  # whether the owner of the ledger's row still runs, only a person knows
    assert "another owner" in proxy.health()["spool"]["reason"]
    was_refused_for_outage(proxy.connect(), "UPDATE counted SET n = n + 1")
    assert server.run("SELECT n FROM counted", database=proxy.database) == ((20,),)
    assert say_that_no_other_runs(server, proxy)[0] == 0
    proxy.wait_drained()
    assert server.run("SELECT n FROM counted", database=proxy.database) == ((20,),)
    server.stop()
    proxy.wait_state("down")
    spooled_seq(proxy.connect(), "UPDATE counted SET n = n + 1")
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT n FROM counted", database=proxy.database) == ((21,),)


def test_a_backup_that_is_older_than_what_was_applied_halts(mariadb, start_proxy, tmp_path):
    proxy = start_proxy(mariadb)
    run(proxy.connect(), "CREATE TABLE counted (n INT) ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO counted VALUES (0)")
    path = tmp_path / "queue.backup"
    assert CommandLine(proxy)("backup", str(path))[0] == 0
    mariadb.stop()
    proxy.wait_state("down")
    spooled_seq(proxy.connect(), "UPDATE counted SET n = n + 1")
    mariadb.start()
    proxy.wait_drained()
    proxy.kill()
    put_back(proxy, path)
    proxy.start()
    proxy.wait_state("halted")
    code, _, wrong = say_that_no_other_runs(mariadb, proxy)
    assert code == 1 and "replay has stopped still: the ledger says 1" in wrong
    assert proxy.state() == "halted" and proxy.health()["spool"]["state"] == "refusing"
    assert mariadb.run("SELECT n FROM counted", database=proxy.database) == ((1,),)


def test_no_dead_letter_is_retried_while_the_ledger_is_ahead(mariadb, start_proxy):
    """It would get the number of a write that the server has, and be taken for applied."""
    proxy = start_proxy(mariadb)
    run(proxy.connect(), "CREATE TABLE taken (id INT PRIMARY KEY) ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO taken VALUES (1)")
    mariadb.stop()
    proxy.wait_state("down")
    spooled_seq(proxy.connect(), "INSERT INTO taken VALUES (1)")
    mariadb.start()
    proxy.wait_drained()
    assert proxy.health()["spool"]["dead"] == 1
    mariadb.run("UPDATE holdwater_ledger SET applied_seq = 7", database=proxy.database)
    proxy.kill()  # no backup is known of
    proxy.start()
    proxy.wait_state("halted")
    mariadb.run("DELETE FROM taken", database=proxy.database)
    status, body = proxy.http("/spool/dead/1/retry", "POST")
    assert status == 409 and b"nothing can be queued: the ledger says 7" in body
    CommandLine(proxy)("reconnect")
    health = proxy.health()
    assert health["database"]["state"] == "halted"
    assert (health["spool"]["dead"], health["spool"]["last_seq"]) == (1, 1)
    mariadb.run("UPDATE holdwater_ledger SET applied_seq = 1", database=proxy.database)
    proxy.http("/health/reconnect", "POST")
    proxy.wait_drained()
    assert proxy.http("/spool/dead/1/retry", "POST")[0] == 200
    proxy.wait_drained()
    assert mariadb.run("SELECT id FROM taken", database=proxy.database) == ((1,),)


def test_a_restored_backup_does_not_start_with_another_key_and_does_with_its_own(mariadb, start_proxy, tmp_path):
    proxy = start_proxy(mariadb, HOLDWATER_SPOOL_KEY=KEY)
    run(proxy.connect(), "CREATE TABLE kept (word VARCHAR(40)) ENGINE=InnoDB")
    mariadb.stop()
    proxy.wait_state("down")
    spooled_seq(proxy.connect(), "INSERT INTO kept VALUES ('unheard of word')")
    path = tmp_path / "queue.backup"
    assert CommandLine(proxy)("backup", str(path))[0] == 0
    assert b"unheard of word" not in path.read_bytes()
    proxy.kill()
    put_back(proxy, path)
    environment = {"PATH": os.environ["PATH"], **proxy.settings, "HOLDWATER_SPOOL_KEY": "6b" * 32}
    refused = subprocess.run([binary(), "--data-dir", proxy.data, "--listen", f"127.0.0.1:{free_port()}", "--admin-listen", f"127.0.0.1:{free_port()}"],
                             env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert refused.returncode == 2 and "which is missing" in refused.stdout + refused.stderr, refused
    with open(os.path.join(proxy.data, "spool.db"), "rb") as file:
        assert file.read() == path.read_bytes(), "nothing was touched"
    proxy.start()
    mariadb.start()
    proxy.wait_drained()  # it was the last that had met the server, so nobody has to be asked
    assert mariadb.run("SELECT word FROM kept", database=proxy.database) == (("unheard of word",),)


def test_a_backup_on_a_terminal_shows_how_far_it_is(mariadb, start_proxy, tmp_path):
    proxy = start_proxy(mariadb)
    screen, inside = os.openpty()
    path = tmp_path / "queue.backup"
    done = subprocess.run([binary(), "backup", str(path), "--admin", f"http://127.0.0.1:{proxy.admin_port}"], stdout=subprocess.DEVNULL, stderr=inside, timeout=120,
                          env={"PATH": os.environ["PATH"]}, check=False)
    os.close(inside)
    shown = ""
    with contextlib.suppress(OSError):  # which is a terminal's end
        while piece := os.read(screen, 65536):
            shown += piece.decode()
    os.close(screen)
    assert done.returncode == 0 and "[" + "#" * 30 + "] 100 %" in shown, shown


def test_only_who_may_operate_gets_a_backup(mariadb, start_proxy, tmp_path):
    proxy = start_proxy(mariadb, wait=False, drained=False, **TOKENS)
    wait_until(lambda: proxy.http("/livez")[0] == 401, 20, "it is up, and wants a token")
    at = ("--admin", f"http://127.0.0.1:{proxy.admin_port}")
    reader = tmp_path / "reader"
    reader.write_text(TOKENS["HOLDWATER_ADMIN_READ_TOKEN"] + "\n")
    assert holdwater("backup", str(tmp_path / "b"), *at)[0] == 77
    assert holdwater("backup", str(tmp_path / "b"), *at, "--token-file", str(reader))[0] == 77
    for method, path in (("GET", "/spool/backup/bytes?number=1&after=0"), ("POST", "/spool/backup"), ("POST", "/spool/backup/forget")):
        assert proxy.http(path, method)[0] == 401
    assert not (tmp_path / "b").exists() and not (tmp_path / "b.part").exists()
    code, text, _ = holdwater("backup", "--json", str(tmp_path / "b"), *at, HOLDWATER_ADMIN_TOKEN=TOKENS["HOLDWATER_ADMIN_TOKEN"])
    assert code == 0 and json.loads(text)["bytes"] == (tmp_path / "b").stat().st_size
