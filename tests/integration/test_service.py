"""Holdwater as a service: what the service manager is told, reloading, the package, the unit, the manual."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from lib.process import free_port, wait_until
from lib.proxy import PROJECT, binary
from lib.sql import run, spooled_seq, was_refused_for_outage

CONF = os.path.join(PROJECT, "conf")


def reload(proxy):
    before = proxy.log_text().count("the configuration was")
    proxy.child.send_signal(signal.SIGHUP)
    wait_until(lambda: proxy.log_text().count("the configuration was") > before, 10, "the reload is logged")
    return next(line for line in reversed(proxy.log_text().splitlines()) if "the configuration was" in line)


def set_options(proxy, text):
    with open(proxy.config, "w", encoding="utf-8") as file:
        file.write(text)


def test_the_service_manager_is_told_of_the_start_the_states_and_the_end(mariadb, start_proxy, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(60)
        proxy = start_proxy(mariadb, NOTIFY_SOCKET=path)
        mariadb.before_outage.clear()
        proxy.stop()
        told = []
        while "STOPPING=1" not in told:
            told.append(manager.recv(4096).decode())
    assert "READY=1" in told and "STATUS=the server is up" in told


def test_a_reload_takes_what_may_change_and_names_what_may_not(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_SPOOL_MAX_BYTES="", HOLDWATER_SPOOL_COMPRESS="false")
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, filler MEDIUMTEXT) ENGINE=InnoDB")
    set_options(proxy, 'max_connections = 7\nworkers = 3\n[log]\nlevel = "debug"\n[spool]\nmax_bytes = "1MiB"\nmax_statement_bytes = "100KiB"\n')
    line = reload(proxy)
    for name in ("max_connections", "log.level", "spool.max_bytes"):
        assert name in line.split("a restart")[0], line
    assert "a restart is needed for: workers" in line
    options = {one["name"]: one["value"] for one in proxy.json("/config")["options"]}
    assert options["max_connections"] == "7" and options["workers"] == "0"
    wait_until(lambda: proxy.metric("holdwater_client_connections") == 0, 10, "who was there before is gone")
    held = [proxy.connect() for _ in range(7)]
    with pytest.raises(Exception, match="1040|Too many"):
        proxy.connect()
    for one in held:
        one.close()
    mariadb.stop()
    proxy.wait_state("down")
    wait_until(lambda: proxy.metric("holdwater_client_connections") == 0, 10, "the clients are gone")
    connection = proxy.connect()
    number = 0
    while proxy.health()["spool"]["bytes"] < (1 << 20) - 70000:
        number += 1
        spooled_seq(connection, f"INSERT INTO t VALUES ({number}, '{'x' * 60000}')")
    was_refused_for_outage(connection, f"INSERT INTO t VALUES (999, '{'x' * 60000}')")
    set_options(proxy, '[spool]\nmax_bytes = "64MiB"\n')
    status, _ = proxy.http("/config/reload", "POST")
    assert status == 200
    spooled_seq(connection, f"INSERT INTO t VALUES (1000, '{'x' * 60000}')")


def test_a_reload_of_a_wrong_configuration_changes_nothing(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    set_options(proxy, "max_connections = 7\nnonsense = 1\n")
    assert "was not reloaded" in reload(proxy)
    status, body = proxy.http("/config/reload", "POST")
    assert status == 409 and b"nonsense" in body
    reason = json.loads(body)["reason"]
    assert reason.startswith(proxy.config + ":2: ") and "\n" not in reason
    options = {one["name"]: one["value"] for one in proxy.json("/config")["options"]}
    assert options["max_connections"] != "7"


def test_what_only_a_person_can_mend_ends_a_start_with_2_and_what_may_pass_with_1(tmp_path):
    port = free_port()

    def start(*arguments, **settings):
        done = subprocess.run([binary(), "--listen", f"127.0.0.1:{port}", "--admin-listen", f"127.0.0.1:{free_port()}", "--data-dir", str(tmp_path / "data"), *arguments],
                              env={"PATH": os.environ["PATH"], "MYSQL_DATABASE": "app", **settings}, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr
    tls = {"HOLDWATER_CLIENT_TLS_CERTIFICATE": "/nope", "MYSQL_USER": "app"}
    (tmp_path / "hook").write_text("#!/bin/sh\n")  # and its right to be run was forgotten
    hook = {"HOLDWATER_HOOK_COMMAND": str(tmp_path / "hook"), "MYSQL_USER": "app"}
    for wrong, why in ((tls, "client_tls.key is missing"), ({**tls, "HOLDWATER_CLIENT_TLS_KEY": "/nope"}, "/nope cannot be used: No such file"), (hook, "cannot be run: Permission denied")):
        for arguments in ((), ("--check-config",)):
            code, said = start(*arguments, **wrong)
            assert code == 2 and why in said, (arguments, said)
    code, said = start()
    assert code == 2 and "MYSQL_USER is not set" in said
    code, said = start("--check-config")
    assert code == 0 and "warning: MYSQL_USER is not set here" in said
    with socket.create_server(("127.0.0.1", port)):
        code, said = start(MYSQL_USER="app")
        assert code == 1 and "cannot listen on" in said


def test_a_log_file_that_was_moved_away_is_opened_anew(mariadb, start_proxy, tmp_path):
    path = tmp_path / "holdwater.log"
    proxy = start_proxy(mariadb, HOLDWATER_LOG_FILE=path)
    path.rename(tmp_path / "old.log")
    reload(proxy)
    assert "was reloaded" in path.read_text()


@pytest.mark.limit(300)
def test_lintian_has_nothing_to_say_about_the_package(package):
    done = subprocess.run(["lintian", "--allow-root", package], capture_output=True, text=True)
    said = [line for line in (done.stdout + done.stderr).splitlines() if re.match(r"[EWN]: (?!.*running with root)", line)]
    assert done.returncode == 0 and not said, "\n".join(said)


@pytest.mark.limit(120)
def test_the_package_installs_and_is_purged_and_keeps_a_queue(package, tmp_path):
    root = tmp_path / "root"
    for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "etc", "tmp"):
        (root / folder).mkdir(parents=True)
    for name in ("status", "available"):
        (root / "var/lib/dpkg" / name).touch()

    def dpkg(*arguments):
        done = subprocess.run(["dpkg", f"--root={root}", "--force-script-chrootless,depends,not-root", f"--log={tmp_path}/dpkg.log", *arguments],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stderr
    dpkg("-i", package)
    installed = root / "usr/bin/holdwater"
    assert subprocess.run([installed, "--version"], capture_output=True, text=True).stdout.startswith("holdwater ")
    check = subprocess.run([installed, "--config", root / "etc/holdwater/holdwater.toml", "--check-config"], capture_output=True, text=True)
    assert check.returncode == 0 and "the configuration is valid" in check.stdout
    for name in ("usr/lib/systemd/system/holdwater.service", "usr/share/man/man8/holdwater.8.gz", "usr/share/doc/holdwater/RUNBOOK.md",
                 "usr/share/bash-completion/completions/holdwater"):
        assert (root / name).exists(), name
    dpkg("-i", package)  # an upgrade
    data = root / "var/lib/holdwater"
    data.mkdir(parents=True)
    (data / "spool.db").touch()
    said = dpkg("--purge", "holdwater")
    assert "is kept" in said and (data / "spool.db").exists(), "a queue is never removed"
    left = [name for name in root.rglob("*") if "holdwater" in name.name and "dpkg" not in str(name)]
    assert left == [data], left
    (data / "spool.db").unlink()
    dpkg("-i", package)
    dpkg("--purge", "holdwater")
    assert not data.exists()


def test_the_manual_and_the_unit_are_well_formed():
    done = subprocess.run(["man", "--warnings=w", "-l", "-Tutf8", os.path.join(CONF, "holdwater.8")], capture_output=True, text=True,
                          env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8"}) if shutil.which("man") else None
    assert done is None or (done.returncode == 0 and not done.stderr), done.stderr
    with open(os.path.join(CONF, "holdwater.8"), encoding="utf-8") as file:
        manual = file.read().replace("\\-", "-")
    for word in ("status", "top", "drain", "reconnect", "spool", "dead", "sessions", "config", "--json", "--yes"):
        assert word in manual, word
    if shutil.which("systemd-analyze"):
        done = subprocess.run(["systemd-analyze", "verify", os.path.join(CONF, "holdwater.service")], capture_output=True, text=True)
        complaints = [line for line in done.stderr.splitlines() if "holdwater.service" in line and not re.search("not executable|No such file|man holdwater", line)]
        assert not complaints, complaints
