"""Password plugins, of accounts that the proxy knows and of those that it relays; each client by its own code."""
import subprocess

import pymysql
import pytest

from lib.proxy import Account
from lib.sql import run, spooled_seq, value
from lib.wire import Client, Err, BASIC

PLUGINS = ("mysql_native_password", "caching_sha2_password", "client_ed25519")


@pytest.fixture
def ed25519(mariadb):
    """MariaDB with its ed25519 plugin."""
    if not mariadb.run("SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'ed25519'"):
        mariadb.run("INSTALL SONAME 'auth_ed25519'")
    return mariadb


def create(server, proxy, account, identified):
    server.run(f"DROP USER IF EXISTS `{account.user}`@`%`", f"CREATE USER `{account.user}`@`%` {identified}",
               f"GRANT ALL ON {proxy.database}.* TO `{account.user}`@`%`")


def command_line(proxy, account, *options):
    """What the mariadb program prints for SELECT CURRENT_USER()."""
    done = subprocess.run(
        ["mariadb", "--no-defaults", f"--host={proxy.host}", f"--port={proxy.port}", f"--user={account.user}",
         f"--password={account.password}", "-N", *options, "-e", "SELECT CURRENT_USER()"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return done.stdout.strip() or done.stderr.strip()


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_known_accounts_clients_log_in_with_the_plugin_of_its_configuration(server, start_proxy, plugin):
    proxy = start_proxy(server, HOLDWATER_SERVER_PLUGIN=plugin)
    user = proxy.account.user
    if plugin != "caching_sha2_password" or server.kind == "mysql":  # PyMySQL 1.0 answers its switch wrongly
        assert value(proxy.connect(), "SELECT CURRENT_USER()") == f"{user}@%"
    assert command_line(proxy, proxy.account) == f"{user}@%"
    wrong = Account(user, "wrong")
    with pytest.raises(pymysql.err.OperationalError) as caught:
        proxy.connect(wrong)
    assert caught.value.args[0] == 1045 and user in caught.value.args[1]
    assert "1045" in command_line(proxy, wrong)
    server.stop()
    proxy.wait_state("down")
    assert "3032" in command_line(proxy, proxy.account)  # it is in, and its read is refused
    assert "1045" in command_line(proxy, wrong)


def test_a_client_that_asks_for_ed25519_gets_it(proxy):
    assert command_line(proxy, proxy.account, "--default-auth=client_ed25519") == f"{proxy.account.user}@%"
    assert "1045" in command_line(proxy, Account(proxy.account.user, "wrong"), "--default-auth=client_ed25519")


def test_the_owners_account_may_use_ed25519_on_the_server(ed25519, start_proxy):
    database, account = "ed_app", Account("ed_owner", "a secret that is longer than the 32 bytes of a seed")
    ed25519.run(f"CREATE DATABASE IF NOT EXISTS {database}", f"DROP USER IF EXISTS {account.user}@`%`",
                f"CREATE USER {account.user}@`%` IDENTIFIED VIA ed25519 USING PASSWORD('{account.password}')",
                f"GRANT ALL ON {database}.* TO {account.user}@`%`", f"DROP TABLE IF EXISTS {database}.t")
    proxy = start_proxy(ed25519, database=database, account=account, HOLDWATER_SERVER_PLUGIN="client_ed25519")
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY)")
    ed25519.stop()
    proxy.wait_state("down")
    spooled_seq(connection, "INSERT INTO t VALUES (1)")
    ed25519.start()
    proxy.wait_drained()
    assert value(connection, "SELECT COUNT(*) FROM t") == 1


def relayed_accounts(server):
    """Account and how it is identified, for each plugin that this server has."""
    if server.kind == "mariadb":
        return {"native": "IDENTIFIED VIA mysql_native_password USING PASSWORD('pw-1')",
                "ed25519": "IDENTIFIED VIA ed25519 USING PASSWORD('pw-1')",
                "either": "IDENTIFIED VIA ed25519 USING PASSWORD('other') OR mysql_native_password USING PASSWORD('pw-1')"}
    present = {row[0] for row in server.run("SELECT plugin_name FROM information_schema.plugins "
                                            "WHERE plugin_type = 'AUTHENTICATION' AND plugin_status = 'ACTIVE'")}
    return {name: f"IDENTIFIED WITH {name} BY 'pw-1'"
            for name in ("caching_sha2_password", "sha256_password", "mysql_native_password") if name in present}


def test_relayed_accounts_log_in_with_whatever_plugin_they_have(server, start_proxy, ed25519):
    proxy = start_proxy(server)
    for name, identified in relayed_accounts(server).items():
        account = Account(f"r_{name}", "pw-1")
        create(server, proxy, account, identified)
        if name == "either":  # two switches, which PyMySQL does not follow
            assert command_line(proxy, account) == f"{account.user}@%"
            assert "1045" in command_line(proxy, Account(account.user, "wrong"))
            continue
        for attempt in range(2):  # cold, then from the server's cache
            assert value(proxy.connect(account), "SELECT CURRENT_USER()") == f"{account.user}@%", (name, attempt)
        if name != "sha256_password":
            assert command_line(proxy, account) == f"{account.user}@%"
        with pytest.raises(pymysql.err.OperationalError) as caught:
            proxy.connect(Account(account.user, "wrong"))
        assert caught.value.args[0] == 1045, name
        with pytest.raises(pymysql.err.OperationalError) as caught:
            proxy.connect(Account(account.user, ""))
        assert caught.value.args[0] == 1045, name
        if name == "ed25519":
            continue  # an empty password is none there
        empty = Account(f"e_{name}"[:32], "")
        create(server, proxy, empty, identified.replace("'pw-1'", "''"))
        assert value(proxy.connect(empty), "SELECT CURRENT_USER()") == f"{empty.user}@%", name


def test_a_client_meets_one_switch_of_plugin_only(server, start_proxy, ed25519):
    """Many clients follow one switch and no second one; the one that they get must be the account's own."""
    proxy = start_proxy(server)
    for name, identified in relayed_accounts(server).items():
        account = Account(f"r_{name}", "pw-1")
        create(server, proxy, account, identified)
        client = Client(proxy.host, proxy.port)
        client.greet()
        client.capabilities = BASIC
        client.write(BASIC.to_bytes(4, "little") + bytes(4) + b"\x2d" + bytes(23) + account.user.encode() + b"\0\0" +
                     b"mysql_native_password\0")
        said = client.read()
        asked = said[1:].split(b"\0")[0].decode()
        assert said[0] == 0xFE
        assert asked in (name, "mysql_native_password" if name == "native" else "client_ed25519"), name
        client.close()


def login_error(host, port, account, capabilities=BASIC):
    try:
        Client(host, port).login(account.user, account.password, capabilities=capabilities)
    except Err as error:
        return error.number, error.state, error.text
    return None


def test_locked_and_expired_accounts_are_told_what_a_direct_client_is(server, proxy):
    can_handle_expired_passwords = 1 << 22
    if server.kind == "mariadb":
        server.run("SET GLOBAL disconnect_on_expired_password = ON")
    for name, more in (("locked", "ACCOUNT LOCK"), ("expired", "PASSWORD EXPIRE")):
        account = Account(name, "pw-2")
        server.create_account(name, account.password, proxy.database)
        server.run(f"ALTER USER {name}@`%` {more}")
        said = [login_error(end.host, end.port, account) for end in (server, proxy)]
        assert said[0] == said[1] and said[0] is not None
    sandbox = Client(proxy.host, proxy.port)
    sandbox.login("expired", "pw-2", capabilities=BASIC | can_handle_expired_passwords)
    with pytest.raises(Err) as caught:
        sandbox.query("SELECT 1")
    assert caught.value.number == 1820
    sandbox.query("SET PASSWORD = 'new-pw'" if server.kind == "mysql" else "SET PASSWORD = PASSWORD('new-pw')")
    assert sandbox.result("SELECT 7")[-2] == b"\x017"


def test_an_account_that_the_operating_system_vouches_for_is_not_opened_by_the_proxys_user(server, start_proxy):
    """Over a unix socket the server sees the proxy's user, and would let every client in as it."""
    import getpass
    me = getpass.getuser()
    over_tcp, over_socket = start_proxy(server), start_proxy(server, HOLDWATER_SERVER_SOCKET=server.socket)
    stranger = Account("vouched", "anything")
    if server.kind == "mysql":
        if not server.run("SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'auth_socket'"):
            server.run("INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'")
        kinds = [f"IDENTIFIED WITH auth_socket AS '{me}'"]
    else:
        kinds = [f"IDENTIFIED VIA unix_socket AS '{me}'",
                 f"IDENTIFIED VIA mysql_native_password USING 'invalid' OR unix_socket AS '{me}'"]
    for identified in kinds:
        create(server, over_tcp, stranger, identified)
        server.run(f"DROP USER IF EXISTS {stranger.user}@localhost",
                   f"CREATE USER {stranger.user}@localhost {identified}")
        for proxy in (over_tcp, over_socket):
            with pytest.raises(pymysql.err.OperationalError) as caught:
                proxy.connect(stranger, database=None)
            assert caught.value.args[0] in (1045, 1698), (identified, caught.value.args)
    honest = Account("honest", "pw-3")
    server.create_account(honest.user, honest.password, over_socket.database)
    if server.kind == "mariadb":  # MySQL's client would have to show its password, in clear on this side
        assert value(over_socket.connect(honest), "SELECT CURRENT_USER()") == f"{honest.user}@%"


def test_change_user_goes_to_known_and_relayed_accounts_of_any_plugin(server, start_proxy, ed25519):
    proxy = start_proxy(server)
    client = Client(proxy.host, proxy.port)
    client.login(proxy.account.user, proxy.account.password)
    for name, identified in relayed_accounts(server).items():
        if name == "sha256_password":
            continue
        account = Account(f"c_{name}"[:32], "pw-1")
        create(server, proxy, account, identified)
        for each in (account, proxy.account):
            body = each.user.encode() + b"\0\0\0" + (45).to_bytes(2, "little") + b"mysql_native_password\0"
            client.command(0x11, body)  # COM_CHANGE_USER without a proof: the answer is a switch
            client._finish_login(each.password, "mysql_native_password")
            user = f"{each.user}@%".encode()
            assert client.result("SELECT CURRENT_USER()")[-2] == bytes([len(user)]) + user, name
    wrong = proxy.account.user.encode() + b"\0\0\0" + (45).to_bytes(2, "little") + b"mysql_native_password\0"
    client.command(0x11, wrong)
    with pytest.raises(Err) as caught:
        client._finish_login("wrong", "mysql_native_password")
    assert caught.value.number == 1045


def test_a_wrong_scramble_is_followed_by_the_full_exchange(mariadb, start_proxy, tmp_path):
    """PyMySQL 1.0 answers a switch to caching_sha2_password with a scramble of 21 bytes of challenge."""
    path = str(tmp_path / "s")
    proxy = start_proxy(mariadb, HOLDWATER_SERVER_PLUGIN="caching_sha2_password", HOLDWATER_LISTEN_SOCKET=path)
    account = proxy.account
    with pymysql.connect(unix_socket=path, user=account.user, password=account.password) as connection:
        assert value(connection, "SELECT CURRENT_USER()") == f"{account.user}@%"
    with pytest.raises(pymysql.err.OperationalError) as caught:
        pymysql.connect(unix_socket=path, user=account.user, password="wrong")
    assert caught.value.args[0] == 1045
