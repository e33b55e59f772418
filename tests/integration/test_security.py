"""What others may learn: of passwords from whatever the proxy shows or writes, of accounts, of files. See proxy/SECURITY.md."""
import contextlib
import os
import shutil
import stat
import subprocess

import pytest

from lib.process import contents, wait_until
from lib.proxy import Account, binary
from lib.sql import error_number, run, spooled_seq
from lib.wire import PROOFS, Client, Err

CANARIES = {"owner": "canary-owner-7Hq", "second": "canary-second-9Xw", "wrong": "canary-wrong-3Zt", "stranger": "canary-stranger-5Lp"}


def everything_shown(proxy):
    """All that the proxy writes or tells, by the place where it stands."""
    shown = {path: proxy.http(path)[1] for path in ("/health/", "/health/database", "/metrics", "/spool", "/spool/dead", "/nothing")}
    for name in ("cmdline", "environ", "comm", "status"):
        with open(f"/proc/{proxy.child.pid}/{name}", "rb") as file:
            shown[name] = file.read()
    shown.update(contents(proxy.data))
    shown["log"] = proxy.log_text().encode()
    return shown


def test_no_password_shows_anywhere(server, start_proxy, root):
    database = f"canaries{server.port}"
    server.run(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}")
    accounts = {name: Account(f"{name}{server.port}", CANARIES[name]) for name in ("owner", "second", "stranger")}
    for each in accounts.values():
        server.create_account(each.user, each.password, database)
    proxy = start_proxy(server, database=database, account=accounts["owner"], accounts=[accounts["second"]],
                        HOLDWATER_LOG_LEVEL="trace")
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    for account in accounts.values():
        run(proxy.connect(account), "SELECT 1")
    for user in ("owner", "second", "stranger"):
        with pytest.raises(Exception, match="1045"):
            proxy.connect(Account(accounts[user].user, CANARIES["wrong"]))
    server.stop()
    proxy.wait_state("down")
    connection = proxy.connect(accounts["second"])
    spooled_seq(connection, "INSERT INTO t VALUES (1)")
    with pytest.raises(Exception, match="1045"):
        proxy.connect(Account(accounts["owner"].user, CANARIES["wrong"]))
    shown = everything_shown(proxy)
    found = [(place, name) for place, content in shown.items() for name, canary in CANARIES.items() if canary.encode() in content]
    assert not found
    assert b"INSERT INTO t VALUES (1)" in shown["/spool"] and b"INSERT INTO t" in b"".join(
        content for place, content in shown.items() if place.startswith("spool.db")), "this test would see them"
    assert f"wrong password for '{accounts['owner'].user}' from 127.0.0.1" in proxy.log_text()
    server.start()
    proxy.wait_drained()


def test_a_bad_configuration_is_refused_without_its_password(root):
    config = os.path.join(root, "bad.toml")
    for text in ('[server]\npassword = "canary-in-file\n', '[server]\npassword = ["canary-in-file"]\n',
                 '[server]\npassword = "canary-in-file"\npasswort = "canary-in-file"\n',
                 '[[account]]\nuser = "a"\npassword = "canary-in-file"\nplugin = "none"\n',
                 '[[account]]\nuser = "a"\npassword = canary-in-file\n'):
        with open(config, "w") as file:
            file.write(text)
        done = subprocess.run([binary(), "--config", config, "--check-config"], capture_output=True, text=True)
        assert done.returncode != 0 and done.stderr and "canary" not in done.stdout + done.stderr, done.stderr


def test_the_data_directory_and_all_in_it_are_its_owners_alone(mariadb, start_proxy, root):
    before = os.umask(0)
    try:
        proxy = start_proxy(mariadb)
    finally:
        os.umask(before)
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB")
    run(connection, "INSERT INTO t VALUES (NULL)")
    proxy.wait_ids_reserved("t")
    assert stat.S_IMODE(os.stat(proxy.data).st_mode) == 0o700
    names = os.listdir(proxy.data)
    assert {"spool.db", "ids.db", "server.json", "tls_key.pem", "tls_certificate.pem"} <= set(names)
    modes = {}
    for name in names:
        with contextlib.suppress(FileNotFoundError):  # one that was renamed since
            modes[name] = stat.S_IMODE(os.stat(os.path.join(proxy.data, name)).st_mode)
    assert not {name: oct(mode) for name, mode in modes.items() if mode & 0o077}


def test_a_link_in_the_data_directory_is_not_written_through(mariadb, start_proxy, root):
    """As somebody may have left it who could write there before."""
    victim = os.path.join(root, "victim")
    with open(victim, "w") as file:
        file.write("precious")
    data = os.path.join(root, "linked-data")
    os.mkdir(data)
    for name in ("server.json.new", "spool.db.reserve", "tls_key.pem.new", "spool.db-wal"):
        os.symlink(victim, os.path.join(data, name))
    proxy = start_proxy(mariadb, data=data, wait=False, drained=False)
    wait_until(lambda: proxy.child.poll() is not None or proxy.http("/livez")[0] == 200, 20, "it runs or has ended")
    with open(victim) as file:
        assert file.read() == "precious"
    if proxy.child.poll() is not None:
        assert "symbolic links" in proxy.log_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_data_directory_of_another_user_is_refused(root):
    os.chmod(root, 0o755)
    program = shutil.copy(binary(), os.path.join(root, "holdwater-for-all"))
    os.chmod(program, 0o755)
    data = os.path.join(root, "others-data")
    os.mkdir(data)
    os.chmod(data, 0o777)
    os.chown(data, 12345, 12345)
    done = subprocess.run([program, "--data-dir", data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"],
                          user=23456, group=23456, env={"MYSQL_USER": "a"}, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "belongs to another user" in done.stdout, done.stdout + done.stderr


def test_the_environment_no_longer_shows_the_password(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_CORE_DUMPS="false")
    try:
        with open(f"/proc/{proxy.child.pid}/environ", "rb") as file:
            environ = file.read()
    except PermissionError:
        return  # better still: nobody but root with all its rights may look
    assert b"MYSQL_USER=" in environ and proxy.account.password.encode() not in environ


def test_challenges_are_new_each_time(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    seen = set()
    for _ in range(200):
        client = Client(proxy.host, proxy.port)
        seen.add(client.greet().scramble)
        client.close()
    assert len(seen) == 200 and all(len(one) == 20 and 0 not in one for one in seen)


@pytest.mark.parametrize("plugin", list(PROOFS))
def test_a_recorded_login_cannot_be_played_again(mariadb, start_proxy, plugin):
    proxy = start_proxy(mariadb, HOLDWATER_SERVER_PLUGIN=plugin)
    first = Client(proxy.host, proxy.port)
    sent = record(first)
    first.login(proxy.account.user, proxy.account.password, plugin=plugin)
    again = Client(proxy.host, proxy.port)
    again.greet()
    answers = []
    for packet in sent:
        again.socket.sendall(packet)
        answers.append(again.read())
        if answers[-1][0] == 0xFF:
            break
    last = answers[-1]  # a refusal, or that it wants another proof, which nobody has recorded
    assert last[0] == 0xFE or last == b"\x01\x04" or Err(last).number == 1045, answers
    assert b"\x01\x03" not in answers and not [one for one in answers if one[0] == 0], answers
    first.close()


def record(client):
    """The packets that this client sends from now on."""
    sent, write = [], client.write

    def recording(payload):
        sent.append(len(payload).to_bytes(3, "little") + bytes([client.sequence]) + payload)
        write(payload)
    client.write = recording
    return sent


def test_a_database_named_in_an_asian_character_set_is_taken_for_no_other(server, start_proxy):
    """Of a character's two bytes in gbk the second one is a backtick, and of the other's a backslash."""
    proxy = start_proxy(server)
    characters = {"乣": b"\x81\x60", "乗": b"\x81\x5c"}
    connections = {}
    for character, encoded in characters.items():
        assert character.encode("gbk") == encoded
        name = f"{proxy.database}_{character}"
        server.run(f"CREATE DATABASE `{name}`", f"CREATE TABLE `{name}`.t (v VARCHAR(20) CHARACTER SET utf8mb4) ENGINE=InnoDB",
                   f"INSERT INTO `{name}`.t VALUES ('old')", f"GRANT ALL ON `{name}`.* TO `{proxy.account.user}`@`%`")
        connections[character] = proxy.connect(charset="gbk")
        run(connections[character], "SET NAMES gbk")
        connections[character].select_db(name)
    server.stop()
    proxy.wait_state("down")
    for character, connection in connections.items():
        assert error_number(connection, f"UPDATE t SET v = '{character}'")[0] == 3032
    server.start()
    proxy.wait_drained()
    for character, connection in connections.items():
        run(connection, f"UPDATE t SET v = '{character}'")  # over a new connection, which has to find it
        assert server.run(f"SELECT v FROM `{proxy.database}_{character}`.t") == ((character,),)


def test_a_table_name_of_one_account_is_no_sql_of_another(mariadb, start_proxy):
    """Names are asked for with the rights of MYSQL_USER; here an init_connect makes its connections speak gbk."""
    mariadb.run("SET GLOBAL init_connect = 'SET NAMES gbk'")
    try:
        proxy = start_proxy(mariadb)
        weak = Account(f"weak{proxy.port}", "few-rights")
        mariadb.create_account(weak.user, weak.password, proxy.database)
        mariadb.start_general_log()
        connection = proxy.connect(weak)
        for name in (b"\xbf' OR SLEEP(1) OR '", b"x\xbf`; DROP TABLE t", b"back\\' OR SLEEP(1) --"):
            quoted = b"`" + name.replace(b"`", b"``") + b"`"
            client = Client(proxy.host, proxy.port)
            client.login(weak.user, weak.password, proxy.database)
            with pytest.raises(Err):
                client.query(b"INSERT INTO " + quoted + b" VALUES (1)")
            client.close()
        run(connection, "CREATE TABLE seen (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB")
        run(connection, "INSERT INTO seen VALUES (NULL)")
        proxy.wait_ids_reserved("seen")
        log = mariadb.stop_general_log()
        asked = [line for line in log.splitlines() if "information_schema" in line and "TABLE_NAME" in line]
        assert asked and not [line for line in asked if "SLEEP" in line or "DROP" in line]
    finally:
        mariadb.run("SET GLOBAL init_connect = ''")
