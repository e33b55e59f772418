"""Clients that come and go by the ten thousand leave nothing behind, in an outage neither: test_leaks.py looks closer, with the
server there."""
import itertools
import os
import socket
import struct
import threading

import pytest

from conftest import LONG
from lib.binary import COM_STMT_EXECUTE, execute_payload, prepare
from lib.process import wait_until
from lib.sql import run
from lib.wire import COM_QUERY, COM_QUIT, Client, Err

CONNECTIONS = 100_000 if LONG else 1_600  # with the server there; a fifth more in an outage
THREADS = 8


def vanish(client):
    """Without a word: the other side sees a reset."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def ask(client, text):
    client.command(COM_QUERY, text.encode())
    client.expect_ok()


def part_properly(client, login):
    login()
    ask(client, "SET @a = 1")
    client.command(COM_QUIT)


def vanish_after_a_statement(client, login):
    login()
    ask(client, "SET NAMES latin1")
    vanish(client)


def vanish_before_the_answer(client, login):
    login()
    client.command(COM_QUERY, b"SELECT REPEAT('x', 100000) FROM t")
    vanish(client)


def vanish_before_the_login(client, login):
    client.greet()
    vanish(client)


def be_refused(client, login):
    with pytest.raises(Err):
        login("wrong")


def vanish_in_a_transaction(client, login):
    login()
    ask(client, "BEGIN")
    ask(client, "UPDATE t SET s = 'never' WHERE id = 1")
    vanish(client)


def vanish_with_a_prepared_statement(client, login):
    login()
    ask(client, "BEGIN")
    client.command(COM_STMT_EXECUTE, execute_payload(prepare(client, "UPDATE t SET s = ? WHERE id = 1"), ["never"]))
    client.expect_ok()
    vanish(client)


def end_within_a_packet(client, login):
    login()
    client.socket.sendall(struct.pack("<I", 5000)[:4] + b"\x03SELECT 'half of")


WAYS = [part_properly, vanish_after_a_statement, vanish_before_the_answer, vanish_before_the_login, be_refused,
        vanish_in_a_transaction, vanish_with_a_prepared_statement, end_within_a_packet]


def come_and_go(proxy, count):
    numbers, wrong = itertools.count(), []

    def work():
        for number in iter(lambda: next(numbers), None):
            if number >= count or wrong:
                return
            way = WAYS[number % len(WAYS)]
            try:
                client = Client(proxy.host, proxy.port)
                way(client, lambda password=proxy.account.password:
                    client.login(proxy.account.user, password, proxy.database))
                client.close()
            except Exception as error:  # pylint: disable=broad-except  # told below, with its way
                wrong.append(f"{way.__name__}: {error!r}")
    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong, wrong


def wait_until_alone(proxy, server):
    wait_until(lambda: proxy.metric("holdwater_client_connections") == 0, 60, "no client is connected any more")
    if proxy.state() == "up":
        wait_until(lambda: len(server.run("SHOW PROCESSLIST")) - proxy.health()["pool"]["idle"] < 10, 60,
                   "the server's connections are gone or kept for others")


def files_open(proxy):
    return len(os.listdir(f"/proc/{proxy.child.pid}/fd"))


@pytest.mark.limit(1500 if LONG else 480)
def test_clients_that_come_and_go_in_every_way_leave_nothing_behind(proxy, server):
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(10)) ENGINE=InnoDB")
    run(proxy.connect(), "INSERT INTO t VALUES (1, 'a')")
    come_and_go(proxy, CONNECTIONS // 10)  # what is kept on purpose is there then: the pool, the cache
    wait_until_alone(proxy, server)
    files, memory = files_open(proxy), proxy.resident_bytes()

    def check(when):
        wait_until_alone(proxy, server)
        wait_until(lambda: files_open(proxy) < files + 20, 60, lambda: f"{when}: {files} files, then {files_open(proxy)}")
        grown = proxy.resident_bytes() - memory
        assert grown < 16 << 20, f"{when}: {grown} bytes more"
        print(f"{when}: {grown} bytes more, {files_open(proxy) - files} files more")
    come_and_go(proxy, CONNECTIONS)
    check("the server was there")
    server.kill()
    proxy.wait_state("down")
    come_and_go(proxy, CONNECTIONS // 5)
    check("it was away")
    server.start()
    proxy.wait_drained()
    check("it is there again")
    assert server.run("SELECT s FROM t", database=proxy.database) == (("a",),)
