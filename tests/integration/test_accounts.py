"""Who may log in, how, and when: known accounts by the proxy itself, others by relay."""
import pymysql
import pytest

from lib.proxy import Account
from lib.sql import error_number, run, value
from lib.wire import Client, Err


def refused(proxy, account):
    with pytest.raises(pymysql.err.MySQLError) as caught:
        proxy.connect(account)
    return caught.value.args


def stranger_of(server, proxy):
    """An account that the server knows and the proxy does not."""
    account = Account("stranger", "who-am-i")
    server.create_account(account.user, account.password, proxy.database)
    return account


def test_a_known_account_logs_in_with_the_servers_plugin(proxy, server):
    connection = proxy.connect()
    assert value(connection, "SELECT CURRENT_USER()") == f"{proxy.account.user}@%"
    assert value(connection, "SELECT DATABASE()") == proxy.database


def test_a_known_account_logs_in_with_either_plugin(proxy):
    for plugin in ("mysql_native_password", "caching_sha2_password"):
        client = Client(proxy.host, proxy.port)
        client.login(proxy.account.user, proxy.account.password, proxy.database, plugin=plugin)
        assert client.result("SELECT 7")[-2] == b"\x017"


def test_a_wrong_password_is_denied_as_the_server_would(proxy, server):
    number, text = refused(proxy, Account(proxy.account.user, "wrong"))
    assert number == 1045 and "Access denied" in text and proxy.account.user in text
    number, _ = refused(proxy, Account(proxy.account.user, ""))
    assert number == 1045
    assert value(proxy.connect(), "SELECT 1") == 1


def test_an_unknown_user_is_denied_as_the_server_would(proxy, server):
    said = refused(proxy, Account("nobody-knows-me", "x"))
    if len(said) == 1:  # MySQL asks strangers for a plugin as a decoy, one that PyMySQL may not have
        assert "plugin" in said[0].lower()
    else:  # MariaDB's decoy is one of its accounts, of whatever plugin
        assert said[0] in (1045, 1698) and "Access denied" in said[1]


def test_a_known_account_is_told_that_its_database_is_missing(proxy):
    with pytest.raises(pymysql.err.MySQLError) as caught:
        proxy.connect(database="not_there")
    assert caught.value.args[0] in (1044, 1049)


def test_an_account_that_the_proxy_does_not_know_is_relayed(proxy, server):
    stranger = stranger_of(server, proxy)
    connection = proxy.connect(stranger)
    assert value(connection, "SELECT CURRENT_USER()") == "stranger@%"
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY)")
    run(connection, "INSERT INTO t VALUES (1)")
    assert refused(proxy, Account("stranger", "wrong"))[0] == 1045


def test_a_relayed_account_gets_a_clear_error_in_an_outage(proxy, server):
    stranger = stranger_of(server, proxy)
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY)")
    before = proxy.connect(stranger)
    server.stop()
    proxy.wait_state("down")
    number, text = refused(proxy, stranger)
    assert text and number not in (1045, 2013), f"{number}: {text}"
    with pytest.raises(pymysql.err.MySQLError):
        run(before, "INSERT INTO t VALUES (1)")  # not spooled
    assert proxy.health()["spool"]["pending"] == 0
    server.start()
    proxy.wait_drained()
    assert value(proxy.connect(stranger), "SELECT COUNT(*) FROM t") == 0


def test_a_known_account_logs_in_during_an_outage_even_after_the_proxy_restarted(proxy, server):
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY)")
    greeting = Client(proxy.host, proxy.port).greet()
    server.stop()
    proxy.wait_state("down")
    run(proxy.connect(), "INSERT INTO t VALUES (1)")
    proxy.restart()
    proxy.wait_state("down")
    after = Client(proxy.host, proxy.port).greet()
    assert (after.version, after.plugin, after.charset) == (greeting.version, greeting.plugin, greeting.charset)
    run(proxy.connect(), "INSERT INTO t VALUES (2)")
    assert refused(proxy, Account(proxy.account.user, "wrong"))[0] == 1045
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT id FROM t ORDER BY id", database=proxy.database) == ((1,), (2,))


def test_units_are_replayed_with_their_writers_rights(server, start_proxy):
    """Promise 7: the second account may not write into the first one's table, in an outage neither."""
    limited = Account("limited", "few-rights")
    proxy = start_proxy(server, accounts=[limited])
    run(proxy.connect(), "CREATE TABLE mine (id INT PRIMARY KEY, who VARCHAR(80))")
    run(proxy.connect(), "CREATE TABLE shared (id INT PRIMARY KEY, who VARCHAR(80))")
    server.create_account("limited", limited.password, proxy.database, rights="SELECT")
    server.run(f"GRANT INSERT ON {proxy.database}.shared TO limited@`%`",
               f"GRANT UPDATE ON {proxy.database}.holdwater_ledger TO limited@`%`")
    proxy.http("/health/reconnect", "POST")  # looks anew at who may use the ledger
    proxy.wait_drained()
    server.stop()
    proxy.wait_state("down")
    run(proxy.connect(), "INSERT INTO shared VALUES (1, CURRENT_USER())")
    run(proxy.connect(limited), "INSERT INTO shared VALUES (2, CURRENT_USER())")
    run(proxy.connect(limited), "INSERT INTO mine VALUES (1, 'stolen')")
    run(proxy.connect(), "INSERT INTO mine VALUES (2, CURRENT_USER())")
    server.start()
    proxy.wait_drained()
    user = f"{proxy.account.user}@%"
    assert server.run("SELECT * FROM shared ORDER BY id", database=proxy.database) == ((1, user), (2, "limited@%"))
    assert server.run("SELECT * FROM mine", database=proxy.database) == ((2, user),)
    dead = proxy.http("/spool/dead")[1].decode()
    assert "stolen" in dead and "1142" in dead


def test_an_account_without_the_ledger_is_told_so_and_stops_nobody(server, start_proxy):
    limited = Account("ledgerless", "few-rights")
    proxy = start_proxy(server, accounts=[limited])
    run(proxy.connect(), "CREATE TABLE shared (id INT PRIMARY KEY)")
    server.create_account(limited.user, limited.password, proxy.database, rights="INSERT, SELECT")
    proxy.http("/health/reconnect", "POST")
    proxy.wait_drained()
    server.stop()
    proxy.wait_state("down")
    with pytest.raises(pymysql.err.MySQLError) as caught:
        run(proxy.connect(limited), "INSERT INTO shared VALUES (1)")
    assert "ledger" in caught.value.args[1]
    run(proxy.connect(), "INSERT INTO shared VALUES (2)")
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT id FROM shared", database=proxy.database) == ((2,),)


def test_thousands_of_wrong_passwords_do_not_block_the_proxys_host(mariadb, start_proxy):
    """A server blocks a host after max_connect_errors broken handshakes; the proxy must not collect them."""
    mariadb.run("SET GLOBAL max_connect_errors = 5")
    proxy = start_proxy(mariadb)
    for _ in range(30):
        Client(proxy.host, proxy.port).close()  # goes away within the handshake
        with pytest.raises(Err):
            Client(proxy.host, proxy.port).login("ghost", "boo")
    assert value(proxy.connect(), "SELECT 1") == 1
    mariadb.run("SET GLOBAL max_connect_errors = 100")
    assert error_number(proxy.connect(), "SELEC")[0] == 1064
