"""/metrics, the alert rules and the Grafana dashboard: what they name is there, and moves when it should."""
import json
import os
import re
import shutil
import subprocess

import pytest

from lib.process import wait_until
from lib.proxy import PROJECT
from lib.sanitizer import slowness
from lib.sql import run, spooled_seq

CONF = os.path.join(PROJECT, "conf")
HERE = os.path.dirname(os.path.abspath(__file__))


def promtool(*arguments, text=None, folder=None):
    done = subprocess.run(["promtool", *arguments], input=text, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def page(proxy):
    status, body = proxy.http("/metrics")
    assert status == 200
    return body.decode()


def series(proxy, name, text=None, **labels):
    """The value of the one series that has the name and, among others, these labels; 0 when there is none. `text`: a page."""
    found = 0.0
    for line in (text or page(proxy)).splitlines():
        read = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if not read or read[1] != name:
            continue
        own = dict(re.findall(r'(\w+)="([^"]*)"', read[2] or ""))
        if all(own.get(key) == value for key, value in labels.items()):
            found += float(read[3])
    return found


def test_promtool_finds_nothing_to_say_about_the_metrics(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    run(proxy.connect(), "SELECT 1")
    status, said = promtool("check", "metrics", text=page(proxy))
    assert status == 0 and not said.strip(), said


def test_promtool_finds_nothing_to_say_about_those_of_several_services(make_services, mariadb, mysql):
    process = make_services(orders=mariadb, shop=mysql)
    for one in process.all.values():
        run(one.connect(), "SELECT 1")
    status, said = promtool("check", "metrics", text=page(process))
    assert status == 0 and not said.strip(), said


def test_the_alert_rules_are_valid_and_say_what_a_played_outage_should_say(tmp_path):
    for name in (os.path.join(CONF, "alerts.yml"), os.path.join(HERE, "alerts_test.yml")):
        shutil.copy(name, tmp_path)
    status, said = promtool("check", "rules", "alerts.yml", folder=tmp_path)
    assert status == 0, said
    status, said = promtool("test", "rules", "alerts_test.yml", folder=tmp_path)
    assert status == 0, said


def test_alerts_and_dashboard_name_only_metrics_that_are_there(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_HOOK_COMMAND="/bin/true")
    run(proxy.connect(), "SELECT 1")
    there = set(re.findall(r"^(holdwater_\w+)", page(proxy), re.M))
    with open(os.path.join(CONF, "alerts.yml"), encoding="utf-8") as file:
        alerts = re.findall(r"expr: (.*)", file.read())
    with open(os.path.join(CONF, "grafana.json"), encoding="utf-8") as file:
        dashboard = [target["expr"] for panel in json.load(file)["panels"] for target in panel["targets"]]
    assert len(alerts) >= 10 and len(dashboard) >= 20
    named = set(re.findall(r"holdwater_\w+", " ".join(alerts + dashboard)))
    assert named <= there, named - there
    for expression in dashboard:
        plain = expression.replace("$__rate_interval", "1m").replace("$instance", "a")
        status, said = promtool("query", "instant", "http://127.0.0.1:1/", plain)
        assert "parse error" not in said, said


def test_commands_are_counted_by_what_they_are_and_timed(proxy, server):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    before = series(proxy, "holdwater_commands_total", kind="select", course="forward")
    timed = series(proxy, "holdwater_command_duration_seconds_count", kind="read", course="forward")
    for _ in range(20):
        run(connection, "SELECT 1")
    run(connection, "INSERT INTO t VALUES (1)")
    run(connection, "SELECT SLEEP(0.3)")
    assert series(proxy, "holdwater_commands_total", kind="select", course="forward") == before + 21
    assert series(proxy, "holdwater_commands_total", kind="insert", course="forward") == 1
    # a command is timed once its answer is sent, which the client may have read by then
    wait_until(lambda: series(proxy, "holdwater_command_duration_seconds_count", kind="read", course="forward") == timed + 21,
               10, "all are timed")
    short = series(proxy, "holdwater_command_duration_seconds_bucket", kind="read", course="forward", le="0.25")
    assert timed <= short <= timed + 20, "the one that slept is in no bucket below its time"
    assert series(proxy, "holdwater_command_duration_seconds_sum", kind="read", course="forward") >= 0.3


def test_an_outage_is_counted(proxy, server):
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    attempts = series(proxy, "holdwater_reconnect_attempts_total")
    server.stop()
    spooled_seq(proxy.connect(), "INSERT INTO t VALUES (1)")
    proxy.wait_state("down")
    assert series(proxy, "holdwater_database_state", state="down") == 1
    assert series(proxy, "holdwater_spool_pending") == 1
    wait_until(lambda: series(proxy, "holdwater_commands_total", kind="insert", course="queue") == 1, 10, "it is counted")
    wait_until(lambda: series(proxy, "holdwater_command_duration_seconds_count", kind="write", course="queue") == 1, 10, "it is timed")
    text = page(proxy)
    assert series(proxy, "holdwater_hold_duration_seconds_count", text) >= series(proxy, "holdwater_commands_held_total", text)
    wait_until(lambda: series(proxy, "holdwater_reconnect_attempts_failed_total") >= 2, 20, "attempts are counted")
    assert series(proxy, "holdwater_reconnect_attempts_total") > attempts
    wait_until(lambda: series(proxy, "holdwater_database_state_seconds_total", state="down") > 0.5, 20, "the time is counted")
    server.start()
    proxy.wait_drained()
    assert series(proxy, "holdwater_units_replayed_total") == 1 and series(proxy, "holdwater_units_dead_total") == 0
    assert series(proxy, "holdwater_database_state", state="up") == 1
    text = page(proxy)
    total = sum(series(proxy, "holdwater_database_state_seconds_total", text, state=one)
                for one in ("up", "suspect", "down", "draining", "halted"))
    # before the first state there is the start, which may have made a key
    assert total == pytest.approx(series(proxy, "holdwater_uptime_seconds", text), abs=15 * slowness())
