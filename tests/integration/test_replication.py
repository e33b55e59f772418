"""Dumps and binary logs through the proxy: the tools that copy a server, and a real replica."""
import os

import pytest

from lib.clients import tool
from lib.process import wait_until
from lib.proxy import Account
from lib.server import KINDS, MySQL
from lib.sql import run

REPLICATOR = Account("replicator", "secret")
DUMPS = {"mariadb": "mariadb-dump", "mysql": os.path.join(MySQL.home(), "bin", "mysqldump")}
CLIENTS = {"mariadb": "mariadb", "mysql": MySQL.client()}
BINLOGS = {"mariadb": "mariadb-binlog", "mysql": os.path.join(MySQL.home(), "bin", "mysqlbinlog")}
RIGHTS = {"mariadb": "REPLICATION SLAVE, REPLICATION SLAVE ADMIN, BINLOG MONITOR", "mysql": "REPLICATION SLAVE, REPLICATION CLIENT"}


def addressed(end, account):
    return ["--no-defaults", "--protocol=tcp", f"-h{end.host}", f"-P{end.port}", f"-u{account.user}", f"-p{account.password}"]


@pytest.mark.parametrize("kind", DUMPS)
def test_a_dump_is_the_same_and_restores_through_the_proxy(kind, servers, start_proxy):
    server = servers(kind)
    server.ensure_running()
    proxy = start_proxy(server, HOLDWATER_INSERT_IDS_BLOCK=0)
    server.run("DROP DATABASE IF EXISTS dumped", "CREATE DATABASE dumped CHARACTER SET utf8mb4",
               f"GRANT ALL ON dumped.* TO {proxy.account.user}@`%`", f"GRANT RELOAD ON *.* TO {proxy.account.user}@`%`")
    connection = proxy.connect(database="dumped")
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(50), b LONGBLOB, d DATETIME(6)) ENGINE=InnoDB")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO t (s, b, d) VALUES (%s, %s, '2024-02-29 12:00:00.5')",
                           [(f"ä€😀 {i}", bytes(range(256)) * 40) for i in range(300)])
    run(connection, "CREATE VIEW v AS SELECT id, s FROM t WHERE id < 10")
    run(connection, "CREATE PROCEDURE p() BEGIN SELECT COUNT(*) FROM t; END")
    options = ["--single-transaction", "--routines", "--skip-dump-date", "--hex-blob", "--no-tablespaces", *(["--set-gtid-purged=OFF"] if kind == "mysql" else []),
               "dumped"]
    direct, proxied = (tool([DUMPS[kind], *addressed(end, proxy.account), *options]) for end in (server, proxy))
    assert proxied == direct and "INSERT INTO" in direct
    server.run("DROP DATABASE dumped", "CREATE DATABASE dumped CHARACTER SET utf8mb4")
    tool([CLIENTS[kind], *addressed(proxy, proxy.account), "dumped"], proxied)
    assert tool([DUMPS[kind], *addressed(server, proxy.account), *options]) == direct
    server.run("DROP DATABASE dumped")


@pytest.fixture(params=list(DUMPS))
def source(request, root):
    """A server that writes a binary log."""
    server = KINDS[request.param](root).start("--log-bin=bin", "--server-id=1")
    server.run("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(40)) ENGINE=InnoDB",
               "INSERT INTO shop.t (s) VALUES ('first'), ('ä€😀')")
    server.create_account(REPLICATOR.user, REPLICATOR.password, "shop")
    server.run(f"GRANT {RIGHTS[server.kind]} ON *.* TO {REPLICATOR.user}@`%`")
    yield server
    server.destroy()


@pytest.fixture(params=["known", "relayed"])
def before_source(request, source, start_proxy):
    """A proxy that knows the replica's account, or relays it."""
    source.run("CREATE DATABASE ledger", f"GRANT ALL ON ledger.* TO {REPLICATOR.user}@`%`")
    if request.param == "known":
        return start_proxy(source, database="ledger", account=REPLICATOR, HOLDWATER_INSERT_IDS_BLOCK=0)
    source.create_account("owner", "pw", "ledger")
    return start_proxy(source, database="ledger", account=Account("owner", "pw"), HOLDWATER_INSERT_IDS_BLOCK=0)


@pytest.mark.limit(300)
def test_mysqlbinlog_reads_the_same_events_through_the_proxy(source, before_source):
    name = source.run("SHOW BINARY LOGS")[0][0]
    source.run("FLUSH BINARY LOGS")
    ask = ["--read-from-remote-server", "--verbose", "--base64-output=DECODE-ROWS", name]
    direct, proxied = (tool([BINLOGS[source.kind], *addressed(end, REPLICATOR), *ask]) for end in (source, before_source))
    assert proxied == direct and "CREATE TABLE shop.t" in direct


def replicate_from(end, replica):
    if replica.kind == "mariadb":
        replica.run(f"CHANGE MASTER TO MASTER_HOST='{end.host}', MASTER_PORT={end.port}, MASTER_USER='{REPLICATOR.user}', "
                    f"MASTER_PASSWORD='{REPLICATOR.password}', MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos", "START SLAVE")
    else:
        replica.run(f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='{end.host}', SOURCE_PORT={end.port}, "
                    f"SOURCE_USER='{REPLICATOR.user}', SOURCE_PASSWORD='{REPLICATOR.password}', SOURCE_CONNECT_RETRY=1, "
                    "SOURCE_SSL=0, GET_SOURCE_PUBLIC_KEY=1", "START REPLICA")


def status_of(replica):
    return replica.run("SHOW SLAVE STATUS" if replica.kind == "mariadb" else "SHOW REPLICA STATUS")


def rows_of(server):
    try:
        return server.run("SELECT id, s FROM shop.t ORDER BY id")
    except Exception as error:  # not there yet
        return str(error)


@pytest.mark.limit(300)
def test_a_replica_lives_behind_the_proxy(source, before_source, root):
    replica = KINDS[source.kind](root)
    try:
        replica.start("--server-id=2", "--relay-log=relay", "--skip-replica-start" if source.kind == "mysql" else "--skip-slave-start")
        replicate_from(before_source, replica)
        caught_up = lambda: rows_of(replica) == rows_of(source)  # noqa: E731
        wait_until(caught_up, 60, lambda: f"the first rows arrive: {status_of(replica)}")
        source.run("INSERT INTO shop.t (s) VALUES (REPEAT('x', 40)), ('later')")
        wait_until(caught_up, 30, lambda: f"later rows arrive: {status_of(replica)}")
        before_source.restart()  # the replica loses its connection, and comes back by itself
        source.run("INSERT INTO shop.t (s) VALUES ('after the proxy was killed')")
        wait_until(caught_up, 60, lambda: f"rows arrive again: {status_of(replica)}")
    finally:
        replica.destroy()
