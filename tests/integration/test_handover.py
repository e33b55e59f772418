"""The end of a Holdwater that is in no hurry, and the process that follows it: no transaction is cut, no client refused."""
import array
import contextlib
import fcntl
import os
import random
import signal
import socket
import stat
import threading
import time

import pymysql
import pytest

from lib.process import free_port, wait_until
from lib.sql import IN_DOUBT_OR_GONE, run, spooled_seq, value

CLIENTS = "holdwater-clients"  # what its port's socket is called


def table(proxy):
    run(proxy.connect(), "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v INT) ENGINE=InnoDB")


def has_ended(proxy):
    return proxy.child.poll() is not None


def is_gone(connection):
    """The proxy has closed it."""
    sock = connection._sock
    sock.settimeout(0)
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        sock.settimeout(60)


class Visitors:
    """Clients as applications that connect for each page have them: connect, ask, leave, without a pause. One that takes
    longer than that, as on a machine that is busy, may be cut off between two commands; no statement is."""

    def __init__(self, proxy, count=4, work=lambda connection: run(connection, "SELECT 1")):
        self.proxy, self.work = proxy, work
        self.served, self.failures, self.ends = 0, [], threading.Event()
        self.threads = [threading.Thread(target=self.visit, daemon=True) for _ in range(count)]

    def visit(self):
        while not self.ends.is_set():
            began = time.monotonic()
            try:
                connection = self.proxy.connect()
                self.work(connection)
                connection.close()
                self.served += 1
            except Exception as error:  # whatever it is, a client has met it
                if time.monotonic() - began < 0.9 or "2003" in repr(error):
                    self.failures.append(repr(error))

    def __enter__(self):
        for one in self.threads:
            one.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        for one in self.threads:
            one.join(120)

    def come(self, more):
        before = self.served
        wait_until(lambda: self.served >= before + more or self.failures, 30, f"{more} more visits")
        assert not self.failures, self.failures[:3]


class ServiceManager:
    """What systemd is to a service of Type=notify with FileDescriptorStoreMax: it hears notices, and keeps sockets."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(60)
        self.kept, self.heard = {}, []

    def hear(self):
        text, beside, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4))
        notice = text.decode()
        self.heard.append(notice)
        lines = dict(line.split("=", 1) for line in notice.splitlines())
        if lines.get("FDSTOREREMOVE") == "1":
            self.kept.pop(lines["FDNAME"], None)
        if lines.get("FDSTORE") == "1":
            (_, _, data), = beside
            descriptors = array.array("i")
            descriptors.frombytes(data)
            (received,) = descriptors
            self.kept[lines["FDNAME"]] = socket.socket(fileno=fcntl.fcntl(received, fcntl.F_DUPFD_CLOEXEC, 200))
            os.close(received)
        return notice

    def hear_until(self, notice):
        while notice not in self.heard:
            self.hear()

    def close(self):
        for one in self.kept.values():
            one.close()
        self.socket.close()


@pytest.fixture
def manager(tmp_path):
    one = ServiceManager(tmp_path)
    yield one
    one.close()


# --- an end in no hurry

def test_an_end_waits_for_transactions_and_parts_from_who_is_silent(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_STOP_TIMEOUT="60")
    table(proxy)
    busy, silent = proxy.connect(autocommit=False), proxy.connect()
    run(busy, "INSERT INTO t (v) VALUES (1)")
    run(silent, "SELECT 1")
    proxy.child.send_signal(signal.SIGTERM)
    wait_until(lambda: is_gone(silent), 20, "the silent one is parted from")
    assert not is_gone(busy) and not has_ended(proxy)
    with pytest.raises(IN_DOUBT_OR_GONE):
        proxy.connect()
    assert proxy.http("/readyz")[0] == 503 and proxy.http("/livez")[0] == 200
    run(busy, "INSERT INTO t (v) VALUES (2)")
    busy.commit()
    wait_until(lambda: has_ended(proxy), 20, "it ends with the last transaction")
    assert proxy.stop() == 0
    assert [v for v, in server.run(f"SELECT v FROM {proxy.database}.t ORDER BY id")] == [1, 2]


def test_an_end_waits_for_a_statement_under_way(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_STOP_TIMEOUT="60")
    table(proxy)
    connection, answers = proxy.connect(), []
    run(connection, "INSERT INTO t (v) VALUES (7)")
    holder = server.admin(proxy.database)
    run(holder, "BEGIN")
    run(holder, "SELECT * FROM t FOR UPDATE")
    asking = threading.Thread(target=lambda: answers.append(value(connection, "SELECT v FROM t FOR UPDATE")))
    asking.start()
    wait_until(lambda: server.run("SELECT 1 FROM information_schema.processlist WHERE info = 'SELECT v FROM t FOR UPDATE'"), 20, "the statement runs")
    proxy.child.send_signal(signal.SIGTERM)
    wait_until(lambda: proxy.http("/readyz")[0] == 503, 20, "it takes leave")
    assert not answers and not has_ended(proxy)
    run(holder, "ROLLBACK")
    asking.join(60)
    assert answers == [7]
    wait_until(lambda: has_ended(proxy), 20, "it ends")
    assert proxy.stop() == 0


def test_a_collected_transaction_of_an_outage_may_end(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_STOP_TIMEOUT="60")
    table(proxy)
    mariadb.stop()
    proxy.wait_state("down")
    connection = proxy.connect()
    run(connection, "BEGIN")
    run(connection, "INSERT INTO t (id, v) VALUES (100000, 1)")
    proxy.child.send_signal(signal.SIGTERM)
    wait_until(lambda: proxy.http("/readyz")[0] == 503, 20, "it takes leave")
    spooled_seq(connection, "COMMIT")
    wait_until(lambda: has_ended(proxy), 20, "it ends")
    assert proxy.stop() == 0
    mariadb.start()
    proxy.start()
    proxy.wait_drained()
    assert [v for v, in mariadb.run(f"SELECT v FROM {proxy.database}.t WHERE id = 100000")] == [1]


@pytest.mark.parametrize("hurry", ["stop_timeout", "a second signal"])
def test_an_end_does_not_wait_for_ever(mariadb, start_proxy, hurry):
    proxy = start_proxy(mariadb, HOLDWATER_STOP_TIMEOUT="0.5" if hurry == "stop_timeout" else "600")
    table(proxy)
    busy = proxy.connect(autocommit=False)
    run(busy, "INSERT INTO t (v) VALUES (1)")
    half = socket.create_connection((proxy.host, proxy.port))  # has not logged in
    proxy.child.send_signal(signal.SIGTERM)
    if hurry == "a second signal":
        wait_until(lambda: proxy.http("/readyz")[0] == 503, 20, "it takes leave")
        proxy.child.send_signal(signal.SIGTERM)
    wait_until(lambda: has_ended(proxy), 20, "it ends")
    assert proxy.stop() == 0
    half.close()
    assert not mariadb.run(f"SELECT v FROM {proxy.database}.t"), "what was not committed is not there"


# --- the process that follows

def test_a_restart_refuses_nobody_and_keeps_its_process(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_STOP_TIMEOUT="60")
    table(proxy)
    pid = proxy.child.pid
    lasting = proxy.connect(autocommit=False)
    run(lasting, "INSERT INTO t (v) VALUES (1)")
    with open(proxy.config, "w", encoding="utf-8") as file:
        file.write("max_connections = 777\n")
    with Visitors(proxy, work=lambda connection: run(connection, "INSERT INTO t (v) VALUES (2)")) as visitors:
        visitors.come(20)
        for _ in range(3):
            started = proxy.log_text().count(" listens on ")
            proxy.child.send_signal(signal.SIGUSR2)
            if lasting:
                wait_until(lambda: proxy.http("/readyz")[0] == 503, 20, "it takes leave")
                run(lasting, "INSERT INTO t (v) VALUES (3)")
                lasting.commit()
                lasting = None
            wait_until(lambda: proxy.log_text().count(" listens on ") > started, 30, lambda: f"the next one: {proxy.log_text()[-2000:]}")
            visitors.come(20)
    assert proxy.child.pid == pid and not has_ended(proxy)
    options = {one["name"]: one["value"] for one in proxy.json("/config")["options"]}
    assert options["max_connections"] == "777"
    counted = dict(server.run(f"SELECT v, COUNT(*) FROM {proxy.database}.t GROUP BY v"))
    assert counted == {1: 1, 2: visitors.served, 3: 1}


def test_a_restart_in_an_outage_loses_no_write_and_hands_on_a_unix_socket(mariadb, start_proxy, tmp_path):
    path = str(tmp_path / "holdwater.sock")
    proxy = start_proxy(mariadb, HOLDWATER_LISTEN_SOCKET=path)
    table(proxy)
    mariadb.stop()
    proxy.wait_state("down")
    next_id, lock = iter(range(100_000, 200_000)), threading.Lock()
    acknowledged = []

    def write(connection):
        with lock:
            mine = next(next_id)
        with pymysql.connect(unix_socket=path, user=proxy.account.user, password=proxy.account.password, database=proxy.database,
                             autocommit=True) as other:
            spooled_seq(other, f"INSERT INTO t VALUES ({mine}, 1)")
        acknowledged.append(mine)

    with Visitors(proxy, work=write) as visitors:
        visitors.come(10)
        restarts(proxy, lambda: proxy.child.send_signal(signal.SIGUSR2))
        visitors.come(10)
    mariadb.start()
    proxy.wait_drained()
    assert sorted(acknowledged) == [i for i, in mariadb.run(f"SELECT id FROM {proxy.database}.t ORDER BY id")]
    assert proxy.stop() == 0
    assert not os.path.exists(path)


def restarts(proxy, again):
    """again() brings a restart about; waits for the next one."""
    before = proxy.log_text().count(" listens on ")
    again()
    wait_until(lambda: proxy.log_text().count(" listens on ") > before, 30, lambda: f"the next one: {proxy.log_text()[-2000:]}")
    wait_until(proxy.is_live, 20, "it is live")


def listener(port):
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:  # the kernel has not closed what a killed process had
        return None


def test_a_handed_socket_in_the_way_of_another_address_is_let_go(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    proxy.kill()
    with wait_until(lambda: listener(proxy.port), 20, "the port is free") as one:
        far = socket.socket(fileno=fcntl.fcntl(one.fileno(), fcntl.F_DUPFD_CLOEXEC, 200))
    proxy.handed = [(far, CLIENTS)]
    proxy.launcher = ["bash", "-c", 'exec "${@/127.0.0.1:$PORT/0.0.0.0:$PORT}"', "bash"]
    proxy.settings["PORT"] = str(proxy.port)
    proxy.start(wait=False)
    far.close()  # nobody else keeps it
    wait_until(proxy.is_live, 20, "it is live")
    assert value(proxy.connect(), "SELECT 1") == 1


def test_signals_in_quick_succession_end_nothing_but_what_they_mean(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    luck = random.Random(1127)
    for _ in range(12):
        restarts(proxy, lambda: proxy.child.send_signal(signal.SIGUSR2))
        for _ in range(3):  # while the next one may not hear yet
            proxy.child.send_signal(luck.choice([signal.SIGUSR2, signal.SIGHUP]))
            time.sleep(luck.random() * 0.05)  # not a wait: how far the signals are apart
        wait_until(proxy.is_live, 20, "it lives on")
    assert not has_ended(proxy)
    wait_until(lambda: is_served(proxy), 20, "it serves")


def is_served(proxy):
    """Not who comes while the last of the restarts goes on, and is slow."""
    try:
        return value(proxy.connect(), "SELECT 1") == 1
    except IN_DOUBT_OR_GONE:
        return False


def test_an_end_may_overtake_a_restart(mariadb, start_proxy, tmp_path):
    path = str(tmp_path / "holdwater.sock")
    proxy = start_proxy(mariadb, HOLDWATER_STOP_TIMEOUT="60", HOLDWATER_LISTEN_SOCKET=path)
    table(proxy)
    busy = proxy.connect(autocommit=False)
    run(busy, "INSERT INTO t (v) VALUES (1)")
    proxy.child.send_signal(signal.SIGUSR2)
    wait_until(lambda: proxy.http("/readyz")[0] == 503, 20, "it takes leave")
    proxy.child.send_signal(signal.SIGTERM)
    wait_until(lambda: "not restarting" in proxy.log_text(), 20, "it hears")
    with pytest.raises(IN_DOUBT_OR_GONE):
        proxy.connect()
    busy.commit()
    wait_until(lambda: has_ended(proxy), 20, "it ends")
    assert proxy.stop() == 0 and not os.path.exists(path)
    assert [v for v, in mariadb.run(f"SELECT v FROM {proxy.database}.t")] == [1]


def test_who_is_busy_is_told_that_the_statement_was_not_executed(server, start_proxy):
    proxy = start_proxy(server, HOLDWATER_STOP_TIMEOUT="60")
    table(proxy)
    clients, done, met = [proxy.connect() for _ in range(4)], [], []
    held = proxy.connect(autocommit=False)  # so that it lasts
    run(held, "INSERT INTO t (v) VALUES (1)")

    def work(busy):
        before = time.monotonic()
        while True:
            began = time.monotonic()
            try:
                run(busy, "INSERT INTO t (v) VALUES (2)")
                done.append(1)
            except pymysql.err.MySQLError as error:
                met.append((error.args, time.monotonic() - before))
                return
            before = began
    at_work = [threading.Thread(target=work, args=(one,)) for one in clients]
    for one in at_work:
        one.start()
    wait_until(lambda: len(done) > len(clients), 20, "they work")
    proxy.child.send_signal(signal.SIGTERM)
    for one in at_work:
        one.join(60)
    clear = [args for args, _ in met if args[0] == 1053 and "not executed" in args[1]]
    # whom the machine gave no time for a second was parted from as one who is silent
    assert clear and len(clear) + sum(args[0] != 1053 and pause > 0.9 for args, pause in met) == len(clients), met
    held.commit()
    wait_until(lambda: has_ended(proxy), 20, "it ends")
    assert proxy.stop() == 0
    assert server.run(f"SELECT COUNT(*) FROM {proxy.database}.t WHERE v = 2")[0][0] == len(done)


def test_the_next_one_has_no_descriptor_that_it_did_not_ask_for(mariadb, start_proxy, tmp_path):
    path = str(tmp_path / "holdwater.sock")
    proxy = start_proxy(mariadb, HOLDWATER_LOG_FILE=tmp_path / "holdwater.log", HOLDWATER_LISTEN_SOCKET=path)

    def open_files():
        folder = f"/proc/{proxy.child.pid}/fd"
        for one in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # one that was closed since
                yield os.readlink(f"{folder}/{one}")
    logged = tmp_path / "holdwater.log"
    for _ in range(3):
        before = logged.read_text().count(" listens on ")
        proxy.child.send_signal(signal.SIGUSR2)
        wait_until(lambda: logged.read_text().count(" listens on ") > before, 30, "the next one")
        wait_until(proxy.is_live, 20, "it is live")
    assert sum(name.endswith("holdwater.log") for name in open_files()) == 1
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o777


def test_a_unix_socket_whose_file_is_gone_is_made_anew(mariadb, start_proxy, tmp_path):
    path = str(tmp_path / "holdwater.sock")
    proxy = start_proxy(mariadb, HOLDWATER_LISTEN_SOCKET=path)
    os.unlink(path)
    restarts(proxy, lambda: proxy.child.send_signal(signal.SIGUSR2))
    with pymysql.connect(unix_socket=path, user=proxy.account.user, password=proxy.account.password) as connection:
        assert value(connection, "SELECT 1") == 1


def test_there_is_no_restart_without_what_the_configuration_names(mariadb, start_proxy, tmp_path):
    proxy = start_proxy(mariadb)
    for text, word in ((f'[client_tls]\ncertificate = "{tmp_path}/none.pem"\nkey = "{tmp_path}/none.key"\n', "none"),
                       (f'[hook]\ncommand = "{tmp_path}/no-hook"\n', "no-hook")):
        with open(proxy.config, "w", encoding="utf-8") as file:
            file.write(text)
        before = proxy.log_text().count("not restarted")
        proxy.child.send_signal(signal.SIGUSR2)
        wait_until(lambda: proxy.log_text().count("not restarted") > before, 20, "it says why not")
        assert word in proxy.log_text()
    assert value(proxy.connect(), "SELECT 1") == 1


def test_there_is_no_restart_without_the_key_of_the_queue(mariadb, start_proxy, tmp_path):
    keys = tmp_path / "keys"

    def put(digits):
        keys.write_text(digits * 32 + "\n")
        keys.chmod(0o600)
    put("5a")
    proxy = start_proxy(mariadb, HOLDWATER_SPOOL_KEY_FILE=keys)
    table(proxy)
    mariadb.stop()
    proxy.wait_state("down")
    spooled_seq(proxy.connect(), "UPDATE t SET v = 1")
    put("6b")
    proxy.child.send_signal(signal.SIGUSR2)
    wait_until(lambda: "not restarted: " in proxy.log_text(), 20, "it says why not")
    assert "which is missing" in proxy.log_text() and proxy.is_live()
    put("5a")
    restarts(proxy, lambda: proxy.child.send_signal(signal.SIGUSR2))
    mariadb.start()
    proxy.wait_drained()


def test_there_is_no_restart_into_a_bad_configuration(mariadb, start_proxy):
    proxy = start_proxy(mariadb)
    with open(proxy.config, "w", encoding="utf-8") as file:
        file.write("nonsense = 1\n")
    connection = proxy.connect()
    proxy.child.send_signal(signal.SIGUSR2)
    wait_until(lambda: "not restarted" in proxy.log_text(), 20, "it says why not")
    assert "nonsense" in proxy.log_text()
    assert value(connection, "SELECT 1") == 1, "the session lives on"


def test_a_service_manager_keeps_the_socket_over_restarts_and_crashes(server, start_proxy, manager):
    proxy = start_proxy(server, NOTIFY_SOCKET=manager.path)
    manager.hear_until("READY=1")
    while CLIENTS not in manager.kept:
        manager.hear()
    for way in ("stop", "kill", "stop"):
        getattr(proxy, way)()
        waiting = socket.create_connection((proxy.host, proxy.port), 60)  # not refused
        proxy.handed = [(one, name) for name, one in manager.kept.items()]
        heard = len(manager.heard)
        proxy.start()
        while not any(notice.startswith("FDSTORE=1") for notice in manager.heard[heard:]):
            manager.hear()
        waiting.settimeout(60)
        assert waiting.recv(5)[4:] == b"\x0a", "it waited for the greeting"
        waiting.close()
        assert value(proxy.connect(), "SELECT 1") == 1
    manager.hear_until("STOPPING=1")


def test_a_socket_that_is_nowhere_to_listen_is_let_go(mariadb, start_proxy, manager):
    with socket.create_server(("127.0.0.1", free_port())) as stray:
        far = socket.socket(fileno=fcntl.fcntl(stray.fileno(), fcntl.F_DUPFD_CLOEXEC, 200))
        proxy = start_proxy(mariadb, NOTIFY_SOCKET=manager.path)
        while CLIENTS not in manager.kept:
            manager.hear()
        proxy.kill()
        manager.kept.pop(CLIENTS).close()
        manager.kept[CLIENTS] = far
        proxy.handed = [(far, CLIENTS)]
        before = len(manager.heard)
        proxy.start()
        while not any("FDSTOREREMOVE=1" in notice for notice in manager.heard[before:]):
            manager.hear()
        assert CLIENTS not in manager.kept
        assert "is closed: it is not at a place to listen at" in proxy.log_text()
        while CLIENTS not in manager.kept:
            manager.hear()
        assert value(proxy.connect(), "SELECT 1") == 1
        far.close()


def test_variables_of_another_process_are_not_ours(mariadb, start_proxy):
    proxy = start_proxy(mariadb, LISTEN_FDS="1", LISTEN_PID="1")
    assert value(proxy.connect(), "SELECT 1") == 1
    assert "handed over" not in proxy.log_text()
