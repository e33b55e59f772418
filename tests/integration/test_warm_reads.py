"""Reads of cache.warm are answered in an outage to connections that never asked them, and to those alone that are of a kind
that Holdwater has asked them for."""
import contextlib
import os
import subprocess

import pytest

from lib.process import wait_until
from lib.proxy import Account, binary
from lib.sql import run
from test_read_cache import cached, go_down, not_cached, scene

FIRST, SECOND = "SELECT * FROM t ORDER BY id", "SELECT COUNT(*)\nFROM other"
KIND = ("SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET time_zone = '+05:00'", "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET wait_timeout = 600", "SET @who = 'nobody'")


def warm(proxy):
    return proxy.json("/health/cache")["warm"]


@contextlib.contextmanager
def asked_more(proxy, times):
    """Waits at its end until that many more of them have been answered."""
    before = warm(proxy)["answered"]
    yield
    wait_until(lambda: warm(proxy)["answered"] >= before + times, 20, lambda: f"{times} more than {before}: {warm(proxy)}")


def arrive(proxy, *changes, **options):
    connection = proxy.connect(**options)
    for statement in changes:
        run(connection, statement)
    return connection


def start(start_proxy, server, interval, accounts=(), **settings):
    """Holdwater with the reads in its file, as a list; the second one has two lines."""
    database = start_proxy(server)
    connection = scene(database)
    for account in accounts:
        server.create_account(account.user, account.password, database.database)
    proxy = start_proxy(server, database=database.database, account=database.account, accounts=accounts, wait=False, **settings)
    proxy.kill()
    with open(proxy.config, "a") as file:
        file.write(f'[cache]\nwarm = ["{FIRST}", """{SECOND}"""]\nwarm_interval = {interval}\n')
    proxy.start()
    proxy.wait_drained()
    return proxy, connection


def test_each_kind_of_connection_is_answered_what_it_never_asked(server, start_proxy):
    second = Account("second", "secret-second")
    proxy, direct = start(start_proxy, server, 3600, accounts=[second], HOLDWATER_CACHE_DISK=0,
                          HOLDWATER_SPOOL_KEY="a1" * 32)
    wait_until(lambda: warm(proxy)["answered"] >= 4, 20, lambda: f"at the start, for a plain connection: {warm(proxy)}")
    assert warm(proxy)["reads"] == 2 and warm(proxy)["askers"] == 2  # a stand-in for each account
    kinds = [{}, {"account": second}, {"charset": "latin1"}]
    for options in kinds:
        with asked_more(proxy, 2):
            run(arrive(proxy, **options), "SELECT n FROM t WHERE id = 1")
    with asked_more(proxy, 2):
        run(arrive(proxy, *KIND), "SELECT n FROM t WHERE id = 1")
    for options in kinds:  # nothing new
        run(arrive(proxy, **options), "SELECT n FROM t WHERE id = 2")
    run(arrive(proxy, *KIND[:-1]), "SELECT n FROM t WHERE id = 2")
    state = warm(proxy)
    assert state["askers"] == 4 and state["trouble"] == "" and state["age_s"] < 60
    run(direct, "INSERT INTO other VALUES (7)")  # which the answers of before lack
    proxy.kill()
    with open(os.path.join(proxy.data, "askers"), "rb") as file:
        assert b"+05:00" not in file.read(), "with a key no value of a statement lies in clear"
    proxy.start()  # it remembers the kinds, and no client comes
    proxy.wait_drained()
    wait_until(lambda: warm(proxy)["answered"] >= 8, 20, lambda: f"after a restart: {warm(proxy)}")
    go_down(proxy)
    for connection in [*(arrive(proxy, **options) for options in kinds), arrive(proxy, *KIND)]:
        assert len(cached(connection, FIRST)[0]) == 3
        assert cached(connection, SECOND)[0] == ((1,),)
        not_cached(connection, SECOND.replace("\n", " "))
    for stranger in (arrive(proxy, "SET time_zone = '+06:00'"), arrive(proxy, database=None), arrive(proxy, account=second, charset="latin1")):
        not_cached(stranger, SECOND, "")
    text = proxy.http("/metrics")[1].decode()
    assert "holdwater_cache_warm_answered_total 8" in text and "holdwater_cache_warm_failed_total 0" in text


def test_they_are_asked_again_every_so_often_and_after_an_outage(server, start_proxy):
    proxy, direct = start(start_proxy, server, 0.3)
    with asked_more(proxy, 2):
        run(proxy.connect(), "SELECT n FROM t WHERE id = 1")
    server.run("UPDATE t SET n = 11 WHERE id = 1", "DROP TABLE other", database=proxy.database)  # nobody asks
    wait_until(lambda: warm(proxy)["failed"] > 0, 20, lambda: f"one of them fails: {warm(proxy)}")
    assert "cache.warm, number 2" in warm(proxy)["trouble"] and "other" in warm(proxy)["trouble"]
    with asked_more(proxy, 3):
        pass
    assert proxy.log_text().count("number 2") == 1, "the log tells it once"
    go_down(proxy)
    connection = proxy.connect()
    assert cached(connection, FIRST)[0][0][1] == 11
    not_cached(connection, SECOND)  # its answer of before is dropped
    answered = warm(proxy)["answered"]
    server.start()
    proxy.wait_drained()
    server.run("UPDATE t SET n = 12 WHERE id = 1", "CREATE TABLE other (id INT)", database=proxy.database)
    wait_until(lambda: warm(proxy)["answered"] >= answered + 4 and warm(proxy)["trouble"] == "", 20, lambda: f"again: {warm(proxy)}")
    with asked_more(proxy, 2):  # each once more, since the changes
        pass
    go_down(proxy)
    assert cached(connection, FIRST)[0][0][1] == 12
    assert cached(connection, SECOND)[0] == ((0,),)
    server.start()
    proxy.wait_drained()
    wait_until(lambda: proxy.health()["pool"]["in_use"] <= 1, 20, lambda: f"it leaves no connections: {proxy.health()['pool']}")


def test_after_an_outage_they_are_asked_long_before_their_time(mariadb, start_proxy):
    proxy, _ = start(start_proxy, mariadb, 3600)
    with asked_more(proxy, 2):
        run(proxy.connect(), "SELECT n FROM t WHERE id = 1")
    answered = warm(proxy)["answered"]
    go_down(proxy)
    mariadb.start()
    proxy.wait_drained()
    wait_until(lambda: warm(proxy)["answered"] >= answered + 2, 30, lambda: f"after the outage: {warm(proxy)}")
    assert proxy.stop() == 0


@pytest.mark.parametrize("text", ["DELETE FROM t", "SELECT * FROM t FOR UPDATE", "SELECT NOW()", "SELECT f(1) FROM t",
                                  "SELECT * FROM t; SELECT * FROM t", "SELECT * FROM t WHERE id = ?", "SELECT * FROM t INTO OUTFILE 'x'"])
def test_what_might_do_something_stops_the_start(text, tmp_path):
    env = {**{name: value for name, value in os.environ.items() if not name.startswith(("MYSQL_", "HOLDWATER_"))},
           "MYSQL_USER": "app", "HOLDWATER_CACHE_WARM": f"SELECT * FROM t\n{text}"}
    for arguments in (["--check-config"], ["--data-dir", str(tmp_path)]):
        done = subprocess.run([binary(), *arguments], env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode != 0
        assert "HOLDWATER_CACHE_WARM: number 2: only a single read whose answer may be kept" in done.stdout + done.stderr
