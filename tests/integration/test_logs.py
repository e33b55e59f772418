"""The log: what it says of an outage, in both forms, and that no value of a statement and no password is in it."""
import json
import os
import re

import pytest

from lib.process import wait_until
from lib.sql import error_number, run, spooled_seq

CANARY = "c4n4ry-in-a-literal"


def play_outage(proxy, server):
    """An outage with all that might put a statement into the log: dead letters, slow, refused, prepared and wrong ones."""
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id VARCHAR(60) PRIMARY KEY, n INT) ENGINE=InnoDB")
    run(connection, f"INSERT INTO t VALUES ('{CANARY}', 1)")
    run(connection, f"SELECT SLEEP(0.3), '{CANARY}'")
    error_number(connection, f"SELECT '{CANARY}' FROM nowhere")
    error_number(connection, f"SELEKT '{CANARY}'")
    server.stop()
    proxy.wait_state("down")
    connection = proxy.connect()
    spooled_seq(connection, f"INSERT INTO t VALUES ('{CANARY}', 2)")
    spooled_seq(connection, f"INSERT INTO t /* {CANARY} */ VALUES ('{CANARY}2', '{CANARY}')")
    error_number(connection, f"SELECT '{CANARY}' FROM t")
    error_number(connection, f"INSERT INTO t VALUES (SLEEP(1), '{CANARY}')")
    server.start()
    proxy.wait_drained()
    wait_until(lambda: proxy.health()["spool"]["dead"] >= 1, 20, "a dead letter")


@pytest.mark.parametrize("form", ["human", "json"])
def test_no_value_and_no_password_is_in_the_log_of_an_outage(server, start_proxy, form):
    proxy = start_proxy(server, HOLDWATER_LOG_LEVEL="trace", HOLDWATER_LOG_FORMAT=form, HOLDWATER_LOG_SLOW_STATEMENT="0.2")
    play_outage(proxy, server)
    text = proxy.log_text()
    assert CANARY not in text and CANARY.encode().hex() not in text.lower()
    assert proxy.account.password not in text
    assert any(float(seconds) >= 0.3 for seconds in re.findall(r"slow: (\d+\.\d+)[^\n]*SELECT SLEEP\(\?\), \?", text)), "however long the machine took"
    assert "is a dead letter: Duplicate entry '...' (1062)" in text
    for state in ("suspect", "down", "draining", "up"):
        assert f"the server is {state} after " in text, state
    down = next(line for line in text.splitlines() if "the server is down after" in line)
    assert "Can't connect" in down or "shutdown" in down, "why is in the line of the change"


def test_log_statements_full_shows_them_and_none_shows_the_kind_alone(mariadb, start_proxy):
    for policy in ("full", "none"):
        proxy = start_proxy(mariadb, HOLDWATER_LOG_STATEMENTS=policy, HOLDWATER_LOG_SLOW_STATEMENT="0.2")
        run(proxy.connect(), f"SELECT SLEEP(0.3), '{CANARY}'")
        wait_until(lambda: "slow: " in proxy.log_text(), 10, "the slow statement is logged")
        assert (CANARY in proxy.log_text()) == (policy == "full")
        assert "SELECT" in proxy.log_text()


def test_a_statement_that_is_not_slow_is_not_logged(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_LOG_SLOW_STATEMENT="30")
    run(proxy.connect(), "SELECT SLEEP(0.1)")
    assert "slow: " not in proxy.log_text()


def test_json_lines_are_objects_with_time_level_and_message(mariadb, start_proxy, tmp_path):
    path = tmp_path / "holdwater.log"
    proxy = start_proxy(mariadb, HOLDWATER_LOG_FORMAT="json", HOLDWATER_LOG_FILE=path, HOLDWATER_LOG_FILE_MAX_BYTES=100_000)
    proxy.stop()  # no line more
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines and all(set(line) == {"time", "level", "message"} for line in lines)
    assert any("listens on" in line["message"] for line in lines)
    assert path.read_text() == proxy.log_text(), "stdout has the same"
    assert os.stat(path).st_mode & 0o777 == 0o600
