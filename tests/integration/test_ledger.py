"""The ledger on the server: gone, ahead, behind, in another schema, and accounts that have no rights on it."""
import shutil

import pymysql
import pytest

from lib.process import wait_until
from lib.proxy import Account
from lib.sql import affected, run, spooled_seq, was_refused_for_outage


@pytest.fixture
def table(proxy):
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(20)) ENGINE=InnoDB")
    return proxy


def outage(proxy, server, *statements):
    """Writes in an outage; returns the seq of the last, with the server still away."""
    server.stop()
    proxy.wait_state("down")
    connection = proxy.connect()
    return [spooled_seq(connection, statement) for statement in statements][-1]


def ids(server, proxy):
    return [row[0] for row in server.run("SELECT id FROM t ORDER BY id", database=proxy.database)]


def applied(server, proxy, schema=None):
    return server.run(f"SELECT applied_seq FROM {schema or proxy.database}.holdwater_ledger")[0][0]


def test_a_ledger_row_that_is_gone_halts_replay_until_a_person_has_decided(table, server):
    outage(table, server, "INSERT INTO t VALUES (1, 'a')")
    server.start()
    table.wait_drained()
    last = table.health()["spool"]["applied_seq"]
    server.run(f"DELETE FROM {table.database}.holdwater_ledger")
    outage(table, server, "INSERT INTO t VALUES (2, 'b')")
    server.start()
    table.wait_state("halted")
    status, health = table.http("/health/")[0], table.health()
    assert status == 503 and "ledger" in health["spool"]["reason"], health["spool"]
    assert ids(server, table) == [1], "nothing is applied without a ledger"
    connection = table.connect()
    assert run(connection, "SELECT COUNT(*) FROM t") == ((1,),), "reads go on"
    (level, code, text), = run(connection, "SHOW WARNINGS")
    assert (level, code) == ("Note", 1105) and "queued" in text, "and say what they lack"
    run(connection, "SET ROLE NONE")
    was_refused_for_outage(connection, "INSERT INTO t VALUES (3, 'c')")
    server.run(f"INSERT INTO {table.database}.holdwater_ledger (spool_id, applied_seq, owner_epoch) "
               f"VALUES ('{health['spool']['id']}', {last}, 0)")
    table.json("/health/reconnect", "POST")
    table.wait_drained()
    assert ids(server, table) == [1, 2]


def test_a_ledger_row_that_is_ahead_halts_replay(table, server):
    outage(table, server, "INSERT INTO t VALUES (1, 'a')")
    server.start()
    table.wait_drained()
    server.run(f"UPDATE {table.database}.holdwater_ledger SET applied_seq = applied_seq + 5")
    outage(table, server, "INSERT INTO t VALUES (2, 'b')")
    server.start()
    table.wait_state("halted")
    assert table.http("/health/")[0] == 503
    assert ids(server, table) == [1]
    server.run(f"UPDATE {table.database}.holdwater_ledger SET applied_seq = applied_seq - 5")
    table.json("/health/reconnect", "POST")
    table.wait_drained()
    assert ids(server, table) == [1, 2]


@pytest.mark.limit(120)
def test_a_server_that_comes_back_as_an_older_copy_gets_the_missing_writes_again(table, server):
    """Failover to a lagging replica, or a restored backup: what was applied since is applied once more."""
    outage(table, server, "INSERT INTO t VALUES (1, 'a')")
    server.start()
    table.wait_drained()
    server.stop()
    table.wait_state("down")
    copy = server.data + ".older"
    shutil.copytree(server.data, copy)
    connection = table.connect()
    spooled_seq(connection, "INSERT INTO t VALUES (2, 'b')")
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t VALUES (3, 'c')")
    run(connection, "UPDATE t SET s = 'A' WHERE id = 1")
    run(connection, "COMMIT")
    server.start()
    table.wait_drained()
    assert ids(server, table) == [1, 2, 3]
    server.stop()
    table.wait_state("down")
    shutil.rmtree(server.data)
    shutil.move(copy, server.data)
    spooled_seq(connection, "INSERT INTO t VALUES (4, 'd')")
    server.start()
    table.wait_drained()
    assert ids(server, table) == [1, 2, 3, 4]
    assert server.run("SELECT s FROM t WHERE id = 1", database=table.database) == (("A",),)


@pytest.mark.limit(120)
def test_an_older_copy_that_nobody_saw_come_gets_no_new_write_before_the_missing_ones(server, start_proxy):
    """No client was there when it was exchanged, and the next check is far away: its connection ids give it away."""
    proxy = start_proxy(server, DB_CHECK_INTERVAL=600)
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(20)) ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO t VALUES (1, 'a')")

    def stop_and_notice():
        server.stop()
        proxy.http("/health/reconnect", "POST")
        proxy.wait_state("down")
    stop_and_notice()
    copy = server.data + ".older"
    shutil.copytree(server.data, copy)
    spooled_seq(proxy.connect(), "INSERT INTO t VALUES (2, 'missing')")
    server.start()
    proxy.wait_drained()
    for _ in range(40):
        server.run("SELECT 1")
    last = proxy.connect()
    run(last, "SELECT 1")
    last.close()
    reconnects = proxy.health()["database"]["reconnects"]
    server.stop()
    shutil.rmtree(server.data)
    shutil.move(copy, server.data)
    server.start()
    assert proxy.health()["database"]["reconnects"] == reconnects and proxy.state() == "up", "it was not looked at yet"
    assert affected(proxy.connect(), "UPDATE t SET s = 'found' WHERE id = 2") == 1
    proxy.wait_drained()
    assert server.run("SELECT id, s FROM t ORDER BY id", database=proxy.database) == ((1, "a"), (2, "found"))


def test_the_ledger_may_live_in_another_schema(server, start_proxy):
    schema = "elsewhere"
    server.run(f"DROP DATABASE IF EXISTS {schema}", f"CREATE DATABASE {schema}")
    proxy = start_proxy(server, HOLDWATER_LEDGER_TABLE=f"{schema}.holdwater_ledger")
    server.run(f"GRANT ALL ON {schema}.* TO '{proxy.account.user}'@'%'")
    wait_until(lambda: proxy.json("/health/reconnect", "POST") is not None and proxy.health()["spool"]["state"] == "accepting", 20,
               "the ledger is made")
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(20)) ENGINE=InnoDB")
    outage(proxy, server, "INSERT INTO t VALUES (1, 'a')")
    server.start()
    proxy.wait_drained()
    assert applied(server, proxy, schema) == 1
    assert server.run("SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'holdwater_ledger' "
                      f"AND table_schema = '{proxy.database}'") == ((0,),)


def test_an_account_that_may_not_make_the_ledger_is_told_and_nothing_is_queued(server, start_proxy):
    database = "no_ledger"
    server.run(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}",
               f"CREATE TABLE {database}.t (id INT PRIMARY KEY) ENGINE=InnoDB")
    poor = Account("poor", "secret")
    server.create_account(poor.user, poor.password, database, rights="SELECT, INSERT")
    proxy = start_proxy(server, account=poor, database=database, drained=False)
    wait_until(lambda: "denied" in proxy.health()["spool"]["reason"], 20, lambda: f"it says why: {proxy.health()['spool']}")
    assert proxy.health()["spool"]["state"] == "refusing"
    assert proxy.health()["status"] == "degraded", "the server is up, so writes go there"
    assert "denied" in proxy.log_text()
    connection = proxy.connect()
    run(connection, "INSERT INTO t VALUES (1)")  # a plain proxy with the server up
    server.stop()
    proxy.wait_state("down")
    was_refused_for_outage(connection, "INSERT INTO t VALUES (2)")
    server.start()
    wait_until(lambda: proxy.state() in ("up", "halted"), 30, "the server is met again")
    assert server.run(f"SELECT id FROM {database}.t") == ((1,),)


def test_rights_on_its_own_database_suffice(server, start_proxy):
    database = "own_only"
    server.run(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}")
    owner = Account("owner", "secret")
    server.create_account(owner.user, owner.password, database)
    grants = " ".join(row[0] for row in server.run(f"SHOW GRANTS FOR '{owner.user}'@'%'"))
    assert "ON *.*" not in grants.replace("GRANT USAGE ON *.*", ""), grants
    proxy = start_proxy(server, account=owner, database=database)
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20), at DATETIME(6)) ENGINE=InnoDB")
    run(connection, "INSERT INTO t (s) VALUES ('up')")
    proxy.wait_ids_reserved("t")
    server.stop()
    proxy.wait_state("down")
    run(connection, "SET time_zone = '+05:00', sql_mode = 'ANSI_QUOTES', @x = 'v'")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO \"t\" (s, at) VALUES (@x, NOW(6))")
        told = cursor.lastrowid
    server.start()
    proxy.wait_drained()
    assert proxy.health()["spool"]["dead"] == 0
    assert server.run(f"SELECT id, s FROM {database}.t WHERE s <> 'up'") == ((told, "v"),)


@pytest.mark.limit(300)
def test_poison_in_the_middle_of_a_backlog_stops_nothing_else(table, server):
    """More units than one batch takes, some of which the server refuses."""
    server.stop()
    table.wait_state("down")
    connection = table.connect()
    for number in range(600):
        key = 1 if number in (100, 101, 350, 599) else number + 1000
        run(connection, f"INSERT INTO t VALUES ({key}, 'x')")
    server.start()
    table.wait_drained(deadline_s=120)
    assert len(ids(server, table)) == 597
    letters = table.json("/spool/dead")["units"]
    assert len(letters) == 3 and all(letter["error_number"] == 1062 for letter in letters), letters
    with pytest.raises(pymysql.err.IntegrityError):
        run(connection, "INSERT INTO t VALUES (1, 'x')")


@pytest.mark.limit(300)
def test_an_account_that_may_not_use_the_ledger_is_listed_until_it_may(server, start_proxy):
    limited = Account("limited", "few-rights")
    proxy = start_proxy(server, accounts=[limited], DB_CONNECTION_TIMEOUT=20)  # nothing but its own checks is to have it look
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    server.create_account(limited.user, limited.password, proxy.database, rights="SELECT, INSERT")
    proxy.http("/health/reconnect", "POST")
    proxy.wait_drained()
    wait_until(lambda: "command denied" in proxy.log_text(), 10, "the log has the reason")
    health = proxy.health()
    assert health["spool"]["accounts_without_ledger"] == ["limited"] and health["status"] == "degraded", health
    assert health["spool"]["state"] == "accepting" and proxy.http("/health/")[0] == 200
    assert proxy.metric("holdwater_spool_accounts_without_ledger") == 1
    outage(proxy, server, "INSERT INTO t VALUES (1)")
    was_refused_for_outage(proxy.connect(limited), "INSERT INTO t VALUES (2)")
    server.start()
    proxy.wait_drained()
    reconnects = proxy.health()["database"]["reconnects"]
    assert proxy.health()["spool"]["accounts_without_ledger"] == ["limited"]
    server.run(f"GRANT UPDATE ON {proxy.database}.holdwater_ledger TO limited@`%`")
    wait_until(lambda: proxy.health()["spool"]["accounts_without_ledger"] == [], 150, "it is looked at again")
    health = proxy.health()
    assert health["database"]["reconnects"] == reconnects and health["status"] == "ok" and proxy.log_text().count("its writes cannot be spooled") == 2, "before it was made, and since"
    server.stop()
    proxy.wait_state("down")
    spooled_seq(proxy.connect(limited), "INSERT INTO t VALUES (3)")
    server.start()
    proxy.wait_drained()
    assert ids(server, proxy) == [1, 3]
