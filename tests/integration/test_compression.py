"""The compressed protocol with clients and with the server, each side by itself, alone and over TLS."""
import os
import subprocess

import pytest

from lib.byte_script import play
from lib.compressed import FLAGS, CompressedRecorder
from lib.process import wait_until
from lib.proxy import Account
from lib.recorder import LENENC_AUTH, LOCAL_FILES, SESSION_TRACK
from lib.server import MySQL
from lib.sql import run, spooled_seq, value
from lib.wire import BASIC, BIGGEST, DEPRECATE_EOF, MULTI_STATEMENTS, Client
from test_bytes import assert_same

MIB = 1 << 20
MODERN = BASIC | MULTI_STATEMENTS | DEPRECATE_EOF | SESSION_TRACK | LOCAL_FILES | LENENC_AUTH | 1 << 18


def algorithms(server):
    return ["none", "zlib"] + (["zstd"] if server.kind == "mysql" else [])


def start_mixed(server, start_proxy, server_side, **settings):
    proxy = start_proxy(server, HOLDWATER_SERVER_COMPRESSION=server_side.replace("none", "off"),
                        HOLDWATER_INSERT_IDS_BLOCK=0, **settings)
    assert server_compresses(proxy.connect()) == (server_side != "none")
    return proxy


def server_compresses(connection):
    """What the server says of its own connection."""
    return run(connection, "SHOW SESSION STATUS LIKE 'Compression'")[0][1] == "ON"


def logged_in(end, account, database, how, capabilities=MODERN, **options):
    client = CompressedRecorder(end.host, end.port, how, **options)
    assert client.log_in(account.user, account.password, database, capabilities)
    return client


RECORDER, RECORDED = Account("recorder", "secret"), "recorder_bytes"


def recorded(end, server, account, how):
    server.run(f"DROP DATABASE IF EXISTS {RECORDED}", f"CREATE DATABASE {RECORDED}",
               f"GRANT ALL ON {RECORDED}.* TO {account.user}@`%`")
    client = logged_in(end, account, RECORDED, how)
    play(client, server.kind, RECORDED, True)
    client.close()
    return client.records


@pytest.mark.limit(180)
def test_every_byte_inside_is_the_servers_in_every_mix_of_compression(server, start_proxy):
    """Also the ids of the inner packets, which compressing servers count otherwise, are a plain connection's."""
    server.create_account(RECORDER.user, RECORDER.password, "mysql", rights="SELECT")
    Client(server.host, server.port).login(RECORDER.user, RECORDER.password)
    direct = recorded(server, server, RECORDER, "none")
    for server_side in algorithms(server):
        proxy = start_mixed(server, start_proxy, server_side, accounts=[RECORDER])
        for client_side in algorithms(server):
            try:
                assert_same(direct, recorded(proxy, server, RECORDER, client_side))
            except AssertionError as error:
                raise AssertionError(f"client {client_side}, server {server_side}: {error}") from error


@pytest.mark.limit(180)
def test_a_relayed_account_sees_the_same_bytes_with_compression_on_both_sides(server, start_proxy):
    server.create_account(RECORDER.user, RECORDER.password, "mysql", rights="SELECT")
    Client(server.host, server.port).login(RECORDER.user, RECORDER.password)
    direct = recorded(server, server, RECORDER, "none")
    for how in algorithms(server)[1:]:
        proxy = start_mixed(server, start_proxy, how)
        assert_same(direct[1:], recorded(proxy, server, RECORDER, how)[1:])  # a relayed login has a switch more


def test_the_servers_side_may_be_what_each_client_speaks(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_SERVER_COMPRESSION="as_client", HOLDWATER_INSERT_IDS_BLOCK=0)
    server.create_account(RECORDER.user, RECORDER.password, proxy.database)
    for _ in range(2):  # over new and kept connections
        for how in algorithms(server):
            for account in (proxy.account, RECORDER):
                client = logged_in(proxy, account, proxy.database, how)
                row = client.answer("SHOW SESSION STATUS LIKE 'Compression'")[-2]
                assert row == b"\x0bCompression" + (b"\x03OFF" if how == "none" else b"\x02ON"), (how, account.user)
                client.close()


def test_compression_is_offered_as_the_server_offers_it(any_server, start_proxy):
    ours, without = (start_proxy(any_server, HOLDWATER_CLIENT_COMPRESSION=on) for on in ("true", "false"))
    direct = Client(any_server.host, any_server.port).greet().capabilities  # which wants an account that may come from here
    both = FLAGS["zlib"] | FLAGS["zstd"]
    assert Client(ours.host, ours.port).greet().capabilities & both == direct & both != 0
    assert Client(without.host, without.port).greet().capabilities & both == 0


@pytest.mark.limit(120)
@pytest.mark.parametrize("size", [BIGGEST - 5, BIGGEST - 4, BIGGEST - 1, BIGGEST, BIGGEST + 1, BIGGEST + 4, 2 * BIGGEST])
def test_packets_around_16_mib_pass_compressed(server, start_proxy, size):
    """Sizes of the statement's packet on the way there, and of the row's on the way back; every other mix, to be short."""
    for server_side, client_side in (("zlib", "none"), ("none", "zlib"), (algorithms(server)[-1],) * 2):
        proxy = start_mixed(server, start_proxy, server_side)
        client = logged_in(proxy, proxy.account, proxy.database, client_side, BASIC, deadline_s=60, piece=BIGGEST)
        frame = b"SELECT LENGTH('')"
        client.command(3, frame[:-2] + b"z" * (size - 1 - len(frame)) + frame[-2:])
        packets = [client.expect_ok() for _ in range(5)]
        assert packets[3][1:] == str(size - 1 - len(frame)).encode()
        head = 1 + (3 if size - 4 < 1 << 24 else 8)  # the length-encoded length of the one column
        client.command(3, f"SELECT REPEAT('y', {size - head})".encode())
        packets = [client.expect_ok() for _ in range(5)]
        assert len(packets[3]) == size and packets[3][head:] == b"y" * (size - head)
        client.came = []
        assert client.answer("SELECT 1")[-2] == b"\x011", "the connection is in step"


def upload(client, rows, lines):
    """A result of so many rows, then a local file. Returns how many rows there are behind it."""
    client.command(3, f"SELECT id FROM t LIMIT {rows}; LOAD DATA LOCAL INFILE 'x' REPLACE INTO TABLE t; "
                      "SELECT COUNT(*) FROM t".encode())
    while client.expect_ok()[:1] != b"\xfb":
        pass
    for line in lines:
        client.write(line)
    client.write(b"")
    assert client.expect_ok()[0] == 0
    counted = [client.expect_ok() for _ in range(4)][2]
    client.came = []
    return counted


@pytest.mark.limit(120)
def test_local_files_pass_in_every_mix(server, start_proxy):
    """More packets than their numbers go round, and a first one that has the number of a command."""
    server.run("SET GLOBAL local_infile = ON")
    lines = [f"{number}\t{'r' * (number % 300)}\n".encode() for number in range(1000)]
    for server_side in algorithms(server):
        proxy = start_mixed(server, start_proxy, server_side)
        run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, s TEXT) ENGINE=InnoDB")
        for client_side in algorithms(server):
            client = logged_in(proxy, proxy.account, proxy.database, client_side)
            for rows in (0, 250, 251, 252):  # 251: the file's first packet is the 256th of the exchange
                assert upload(client, rows, lines) == b"\x041000"
            assert upload(client, 1, []) == b"\x041000"
            assert client.answer("DELETE FROM t")[0][0] == 0


def test_many_commands_sent_at_once_are_each_answered_by_their_own_numbers(server, start_proxy):
    for how in algorithms(server)[1:]:
        proxy = start_mixed(server, start_proxy, how)
        client = logged_in(proxy, proxy.account, proxy.database, how)
        ping, query = b"\x01\0\0\0\x0e", b"\x0e\0\0\0\x03DO '" + b"x" * 8 + b"'"
        client.outer, together = 0, b""
        for number in range(300):
            client.outer = 0
            together += client.frame(ping if number % 2 else query)
        client.socket.sendall(together)
        for _ in range(300):
            client.outer = 1
            assert client.expect_ok()[0] == 0 and client.sequence == 2


def test_a_change_of_user_and_a_kept_connection_stay_compressed(server, start_proxy):
    for how in algorithms(server)[1:]:
        other = Account("other", "secret")
        proxy = start_mixed(server, start_proxy, how, accounts=[other])
        server.create_account(other.user, other.password, proxy.database)
        kept = proxy.metric("holdwater_pool_reused_total")
        for _ in range(3):
            connection = proxy.connect()
            assert server_compresses(connection)
            connection.close()

        def reuses():
            connection = proxy.connect()
            assert server_compresses(connection)
            connection.close()
            return proxy.metric("holdwater_pool_reused_total") > kept
        wait_until(reuses, 30, "a kept connection is used again")
        client = logged_in(proxy, proxy.account, proxy.database, how)
        for account in (other, proxy.account):
            client.change_user(account, proxy.database)
            assert client.answer("SHOW SESSION STATUS LIKE 'Compression'")[-2] == b"\x0bCompression\x02ON"
            assert client.answer("SELECT CURRENT_USER()")[-2][1:].startswith(account.user.encode())


# --- the clients that people have

SCRIPT = """
CREATE TABLE IF NOT EXISTS t (id INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB;
REPLACE INTO t VALUES (1, REPEAT('a', 100)), (2, REPEAT('b', 70000)), (3, REPEAT('c', 3000000));
SELECT id, LENGTH(s), CRC32(s) FROM t ORDER BY id;
SELECT LENGTH('{long}');
SELECT a.COLUMN_NAME, b.CHARACTER_SET_NAME FROM information_schema.COLUMNS a JOIN information_schema.CHARACTER_SETS b
  WHERE a.TABLE_SCHEMA = 'information_schema' AND a.TABLE_NAME = 'COLUMNS' ORDER BY 1, 2;
SELECT s FROM t WHERE id = 2;
SELECT 'the end';
"""


def client_commands(server):
    """The command lines, by what they compress with."""
    if server.kind == "mariadb":
        return {"none": ["mariadb", "--no-defaults"], "zlib": ["mariadb", "--no-defaults", "--compress"]}
    tool = [MySQL.client(), "--no-defaults", "--max-allowed-packet=64M"]
    return {"none": tool, "zlib": [*tool, "--compression-algorithms=zlib"],
            "zstd": [*tool, "--compression-algorithms=zstd", "--zstd-compression-level=7"]}


def tls_options(server, on):
    if server.kind == "mariadb":
        return ["--ssl"] if on else ["--skip-ssl"]
    return ["--ssl-mode=REQUIRED"] if on else ["--ssl-mode=DISABLED", "--get-server-public-key"]


def tool(command, end, account, database, text, *more):
    done = subprocess.run([*command, f"--host={end.host}", f"--port={end.port}", f"--user={account.user}",
                           f"--password={account.password}", "--protocol=TCP", *more, "-NB", database], input=text,
                          capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.limit(180)
def test_the_command_lines_see_the_same_in_every_mix_with_and_without_tls(server, start_proxy):
    text = SCRIPT.replace("{long}", "x" * 900000)
    direct = None
    for server_side in algorithms(server):
        to_server = "required" if server.kind == "mysql" and server_side != "none" else "off"
        proxy = start_mixed(server, start_proxy, server_side, HOLDWATER_SERVER_TLS_MODE=to_server)
        direct = direct or tool(client_commands(server)["none"], server, proxy.account, proxy.database, text)
        assert direct.endswith("the end\n")
        for command in client_commands(server).values():
            for tls in (False, True):
                assert tool(command, proxy, proxy.account, proxy.database, text, *tls_options(server, tls)) == direct


def test_an_outage_is_survived_with_compression_on_both_sides(server, start_proxy):
    """The new server connection is compressed again, and what was queued meanwhile came in compressed."""
    how = algorithms(server)[-1]
    proxy = start_mixed(server, start_proxy, how)
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB")
    client = logged_in(proxy, proxy.account, proxy.database, how)
    assert client.answer("SET @a = 5")[0][0] == 0
    server.kill()
    proxy.wait_state("down")
    spooled_seq(connection, f"INSERT INTO t VALUES (100, '{'s' * 100000}')")
    assert client.answer(f"INSERT INTO t VALUES (101, '{'q' * 100000}')")[0][0] == 0
    server.start()
    proxy.wait_drained()
    assert client.answer("SELECT @a, GROUP_CONCAT(id ORDER BY id), SUM(LENGTH(s)) FROM t")[-2] == b"\x015\x07100,101\x06200000"
    assert server_compresses(connection)


def test_a_binary_log_is_read_over_compressed_connections(root, start_proxy):
    server = MySQL(root).start("--log-bin=bin", "--server-id=1")
    try:
        account = Account("replicator", "secret")
        server.run("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY, s TEXT) ENGINE=InnoDB",
                   *(f"INSERT INTO shop.t VALUES ({number}, REPEAT('x', 5000))" for number in range(100)))
        server.create_account(account.user, account.password, "shop")
        server.run(f"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {account.user}@`%`")
        name = server.run("SHOW BINARY LOGS")[0][0]
        reader = [os.path.join(MySQL.home(), "bin", "mysqlbinlog"), "--no-defaults", "--read-from-remote-server",
                  "--verbose", "--base64-output=DECODE-ROWS", f"--user={account.user}", f"--password={account.password}",
                  "--protocol=tcp"]

        def read(end, *how):
            done = subprocess.run([*reader, f"--host={end.host}", f"--port={end.port}", *how, name], capture_output=True)
            assert done.returncode == 0, done.stderr
            return done.stdout

        proxies = [start_proxy(server, database="shop", account=account, HOLDWATER_SERVER_COMPRESSION=side,
                               HOLDWATER_INSERT_IDS_BLOCK=0) for side in ("off", "zlib", "zstd")]
        server.run("FLUSH BINARY LOGS")
        direct = read(server)
        assert direct.count(b"INSERT INTO `shop`.`t`") == 100
        for proxy in proxies:
            for how in ("uncompressed", "zlib", "zstd"):
                assert read(proxy, f"--compression-algorithms={how}") == direct
    finally:
        server.destroy()


def test_what_is_no_compressed_packet_ends_its_session_and_no_other(server, start_proxy):
    proxy = start_mixed(server, start_proxy, "none")
    other = proxy.connect()
    for how in algorithms(server)[1:]:
        for bad in (b"\x14\0\0\0\x64\0\0" + b"this is no compressed data at all",
                    b"\xff\xff\xff\0\xff\xff\xff" + b"nor is this" * 1000):
            client = logged_in(proxy, proxy.account, proxy.database, how)
            client.socket.sendall(bad)
            assert client.is_closed()
    assert value(other, "SELECT 1") == 1


@pytest.mark.limit(120)
def test_a_bomb_and_a_lying_length_use_no_memory(server, start_proxy):
    """16 MiB of zeros in some kilobytes, again and again: it is unpacked as far as it is wanted, and no further."""
    proxy = start_mixed(server, start_proxy, "none")
    before = proxy.resident_bytes()
    clients = []
    for how in algorithms(server)[1:] * 10:
        client = logged_in(proxy, proxy.account, proxy.database, how, piece=BIGGEST)
        bomb = client.frame(b"\xff\xff\xff\0\x03" + bytes(BIGGEST - 5))
        client.socket.sendall(bomb[:len(bomb) // 2])
        clients.append(client)
    other = proxy.connect()
    assert value(other, "SELECT 1") == 1
    assert proxy.resident_bytes() - before < 100 * MIB
    for client in clients:
        client.close()
    assert value(other, "SELECT 1") == 1
