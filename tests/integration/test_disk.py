"""The disk under the spool fails: writes are refused with a clear error, traffic to the server goes on."""
import json
import os
import subprocess
import tempfile

import pymysql
import pytest

from conftest import make_database
from lib.process import wait_until
from lib.proxy import Proxy
from lib.relay import Relay
from lib.server import KINDS
from lib.sql import run, spooled_seq, value


@pytest.fixture
def small_disk():
    """A folder on a 3 MiB tmpfs; a machine that may not mount is told loudly."""
    folder = tempfile.mkdtemp(prefix="holdwater-small-")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", folder], capture_output=True, text=True)
    if done.returncode:
        os.rmdir(folder)
        pytest.skip(f"LOUD: no full disk was tested, this machine may not mount a tmpfs: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
    os.rmdir(folder)


def test_a_full_disk_refuses_writes_and_loses_none(server, start_proxy, small_disk):
    proxy = start_proxy(server, data=os.path.join(small_disk, "data"), HOLDWATER_SPOOL_COMPRESS="false")
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB")
    server.stop()
    proxy.wait_state("down")
    accepted, refusals = 0, 0
    for number in range(400):
        try:
            run(connection, f"INSERT INTO t VALUES ({number}, '{'x' * 50000}')")
            accepted += 1  # folding the WAL may have made room after a refusal
        except pymysql.err.MySQLError as error:
            refusals += 1
            assert error.args[0] not in (2006, 2013, 0), error.args
            status, body = proxy.http("/health/")
            refusing = json.loads(body)["spool"]["state"] == "refusing"
            if refusals >= 3 and refusing:
                break
    assert accepted > 5 and refusals >= 3
    assert status == 503 and refusing, body
    server.start()
    proxy.wait_drained()
    run(connection, "INSERT INTO t VALUES (100000, 'live')")
    assert server.run("SELECT COUNT(*) FROM t", database=proxy.database) == ((accepted + 1,),)


def fill(folder):
    """To the last byte; the file's path."""
    path = os.path.join(folder, "filler")
    with open(path, "ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass  # it is full, as wished
    return path


@pytest.fixture(params=["mariadb", "mysql"])
def server_with_little_room(request, root, small_disk):
    """Its temporary files are on the small disk."""
    os.chmod(small_disk, 0o777)
    server = KINDS[request.param](root).start(f"--tmpdir={small_disk}")
    yield server
    server.destroy()


def test_a_write_waits_while_the_disk_of_the_servers_temporary_files_is_full(server_with_little_room, start_proxy, small_disk, request):
    server = server_with_little_room
    relay = Relay(server.host, server.port)
    request.addfinalizer(relay.close)
    proxy = start_proxy(server, before=relay)
    connection = proxy.connect()
    run(connection, "CREATE TABLE many (s VARCHAR(500) CHARACTER SET latin1 COLLATE latin1_bin) ENGINE=InnoDB")
    run(connection, "CREATE TABLE sorted (s VARCHAR(500) CHARACTER SET latin1 COLLATE latin1_bin) ENGINE=InnoDB")
    server.run("SET GLOBAL sort_buffer_size = 65536", "INSERT INTO many VALUES (REPEAT('x', 400))",
               *["INSERT INTO many SELECT CONCAT(RAND(), REPEAT('y', 400)) FROM many"] * 10, database=proxy.database)
    proxy.wait_tables_known()
    relay.close()
    proxy.wait_state("down")
    for statement in ("INSERT INTO sorted SELECT s FROM many ORDER BY s", "INSERT INTO sorted VALUES ('behind')"):
        spooled_seq(connection, statement)
    filler = fill(small_disk)
    os.truncate(filler, os.path.getsize(filler) - (512 << 10))  # enough for what replay asks before it, not for the sort
    relay.open()
    wait_until(lambda: proxy.health()["database"]["why"].startswith("unit 1 of"), 30, lambda: f"stuck: {proxy.health()}")
    why = proxy.health()["database"]["why"]
    assert "Error writing file" in why and " 28 " in why and why.endswith("(3)"), why
    assert server.run("SELECT COUNT(*) FROM sorted", database=proxy.database) == ((0,),)
    os.remove(filler)
    proxy.wait_drained()
    assert server.run("SELECT COUNT(*) FROM sorted", database=proxy.database) == ((1025,),)
    assert proxy.health()["spool"]["dead"] == 0


def test_an_insert_whose_id_cannot_be_recorded_meets_a_full_disk(server, start_proxy, small_disk):
    proxy = start_proxy(server, data=os.path.join(small_disk, "data"), HOLDWATER_INSERT_IDS_BLOCK="10")
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, s TEXT) ENGINE=InnoDB")
    run(connection, "INSERT INTO t (s) VALUES ('up')")
    proxy.wait_ids_reserved("t")
    server.stop()
    proxy.wait_state("down")
    filler = fill(small_disk)
    with pytest.raises(pymysql.err.MySQLError) as refused:
        for _ in range(10):  # with a block of 10 each insert is recorded
            run(connection, "INSERT INTO t (s) VALUES ('queued')")
    assert refused.value.args[0] == 1021, refused.value.args
    assert proxy.health()["spool"]["state"] == "refusing"
    wait_until(lambda: "writes cannot be queued: " in proxy.log_text(), 60, "the log says so")
    os.remove(filler)
    wait_until(lambda: is_taken(connection, "INSERT INTO t (s) VALUES ('again')"), 60, "inserts are taken again")
    wait_until(lambda: "writes can be queued again" in proxy.log_text(), 60, "the log says so")
    assert proxy.health()["spool"]["state"] == "accepting"


def is_taken(connection, write):
    try:
        run(connection, write)
        return True
    except pymysql.err.MySQLError:
        return False


def test_queued_writes_are_applied_without_a_byte_of_room(server, start_proxy, small_disk):
    proxy = start_proxy(server, data=os.path.join(small_disk, "data"), HOLDWATER_SPOOL_COMPRESS="false")
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB")
    server.stop()
    proxy.wait_state("down")
    for number in range(2000):
        run(connection, f"INSERT INTO t VALUES ({number}, 'x')")
    filler = fill(small_disk)
    with pytest.raises(pymysql.err.MySQLError) as refused:
        for number in range(2000, 2050):
            run(connection, f"INSERT INTO t VALUES ({number}, '{'x' * 50000}')")
    assert refused.value.args[0] == 1021
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT COUNT(*) FROM t WHERE id < 2000", database=proxy.database) == ((2000,),)
    os.remove(filler)
    wait_until(lambda: proxy.health()["spool"]["state"] == "accepting", 10, "writes are taken again")


def test_a_full_disk_is_survived_by_a_restart(mariadb, start_proxy, small_disk):
    proxy = start_proxy(mariadb, data=os.path.join(small_disk, "data"))
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB")
    mariadb.stop()
    proxy.wait_state("down")
    seqs = [spooled_seq(connection, f"INSERT INTO t VALUES ({number}, 'x')") for number in range(10)]
    filler = fill(small_disk)
    proxy.kill()
    proxy.start(wait=False)
    mariadb.start()
    # it may serve or refuse to start while the disk is full; with room again, everything is there
    wait_until(lambda: proxy.child.poll() is not None or proxy.http("/livez")[0] == 200, 20, "it has started or given up")
    os.remove(filler)
    if proxy.child.poll() is not None:
        proxy.child = None
        proxy.start()
    proxy.wait_drained()
    assert len(seqs) == 10
    assert mariadb.run("SELECT COUNT(*) FROM t", database=proxy.database) == ((10,),)


def test_a_limit_on_the_spool_refuses_writes(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_SPOOL_MAX_BYTES=2 << 20, HOLDWATER_SPOOL_MAX_STATEMENT_BYTES=1 << 20,
                        HOLDWATER_SPOOL_COMPRESS="false")
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB")
    mariadb.stop()
    proxy.wait_state("down")
    accepted = 0
    with pytest.raises(pymysql.err.MySQLError) as caught:
        for number in range(1000):
            run(connection, f"INSERT INTO t VALUES ({number}, '{'x' * 60000}')")
            accepted += 1
    assert caught.value.args[0] == 1114 and "full" in str(caught.value.args[1]).lower(), caught.value.args
    assert 5 < accepted < 60
    mariadb.start()
    proxy.wait_drained()
    assert mariadb.run("SELECT COUNT(*) FROM t", database=proxy.database) == ((accepted,),)
    assert proxy.health()["spool"]["state"] == "accepting"


def test_a_limit_on_the_age_of_the_oldest_write_refuses_further_ones(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_SPOOL_MAX_AGE=2)
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    mariadb.stop()
    proxy.wait_state("down")
    run(connection, "INSERT INTO t VALUES (0)")
    wait_until(lambda: proxy.health()["spool"]["state"] == "refusing", 15, "the limit is reached")
    with pytest.raises(pymysql.err.MySQLError) as caught:
        run(connection, "INSERT INTO t VALUES (1)")
    assert caught.value.args[0] == 1114 and "longer than 2 s" in caught.value.args[1], caught.value.args
    assert proxy.http("/health/")[0] == 503
    mariadb.start()
    proxy.wait_drained()
    run(connection, "INSERT INTO t VALUES (2)")
    assert mariadb.run("SELECT id FROM t ORDER BY id", database=proxy.database) == ((0,), (2,))
    assert proxy.health()["spool"]["state"] == "accepting"


def refuses_writes_but_serves(proxy, server):
    """What a proxy without a usable spool does: it says so, and is a plain proxy; or it does not start, and says why."""
    proxy.start(wait=False)
    wait_until(lambda: proxy.child.poll() is not None or proxy.http("/livez")[0] == 200, 15, "it starts or ends")
    if proxy.child.poll() is not None:
        assert proxy.child.returncode != 0
        proxy.child = None
        return proxy.log_text()
    assert proxy.health()["spool"]["state"] == "refusing", proxy.health()
    wait_until(lambda: proxy.state() == "up", 15, "the server is reached")
    assert value(proxy.connect(), "SELECT 1") == 1
    return proxy.log_text() + str(proxy.health())


def test_a_spool_file_that_is_corrupt_is_not_touched(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_SPOOL_COMPRESS="false")
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB")
    mariadb.stop()
    proxy.wait_state("down")
    for number in range(50):
        run(connection, f"INSERT INTO t VALUES ({number}, '{'x' * 3000}')")
    assert proxy.stop() == 0
    mariadb.start()
    name = os.path.join(proxy.data, "spool.db")
    size = os.path.getsize(name)
    assert size > 100000, "this is the spool's file"
    with open(name, "r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * (size - 200))
    with open(name, "rb") as file:
        damaged = file.read()
    words = refuses_writes_but_serves(proxy, mariadb)
    assert "corrupt" in words.lower() or "malformed" in words.lower(), words
    with open(name, "rb") as file:
        assert file.read() == damaged, "the evidence was overwritten"


def test_a_spool_file_that_is_no_database_is_not_touched(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    assert proxy.stop() == 0
    name = os.path.join(proxy.data, "spool.db")
    with open(name, "wb") as file:
        file.write(b"this is somebody's letter\n" * 500)
    words = refuses_writes_but_serves(proxy, mariadb)
    assert words
    with open(name, "rb") as file:
        assert file.read().startswith(b"this is somebody's letter")


@pytest.mark.parametrize("why", ["a file stands there", "its parent is read-only"])
def test_a_data_directory_that_cannot_be_written_is_said_clearly(mariadb, root, why, tmp_path, request):
    database, account = make_database(mariadb)
    data = tmp_path / "data"
    if why == "a file stands there":
        data.write_text("not a folder")
    else:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,ro", "none", str(tmp_path)], capture_output=True)
        if done.returncode:
            pytest.skip("LOUD: no read-only disk was tested, this machine may not mount a tmpfs")
        request.addfinalizer(lambda: subprocess.run(["umount", "-l", str(tmp_path)], check=True))
    proxy = Proxy(root, mariadb, account, database, data=str(data))
    request.addfinalizer(proxy.close)
    words = refuses_writes_but_serves(proxy, mariadb)
    assert str(data) in words, f"the message does not name the folder: {words}"
