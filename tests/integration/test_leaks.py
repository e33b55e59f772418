"""Connections that come and go leave nothing in the proxy: no memory, no descriptor, no thread.

Memory is the allocator's own count (holdwater_heap_bytes), which shows some bytes a connection where the resident size does
not. With a sanitizer, whose allocator does not count, its leak detection looks instead, when the proxy ends.
"""
import os
import socket
import ssl
import struct
import threading

import pytest

from conftest import LONG
from lib.process import wait_until
from lib.proxy import Account, binary
from lib.sanitizer import sanitizer_of
from lib.wire import (BASIC, COM_PING, COM_QUERY, COM_QUIT, COM_STMT_PREPARE, CONNECT_WITH_DB, MULTI_STATEMENTS, SSL, Client, Err)

COUNT = 100_000 if LONG else 2_000  # connections
THREADS = 4
CROWD = 16  # threads at first, so that the buffers for so many are there
GROWTH_MOST = 16  # bytes a connection, where one that leaked its session would leave thousands
SLACK = 64 << 10  # of caches that are not yet full


class Visitors:
    """All kinds of clients before one proxy, each kind a method; `known` has its password in the proxy, `stranger` not."""

    def __init__(self, proxy, stranger):
        self.proxy, self.known, self.stranger = proxy, proxy.account, stranger
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    def client(self):
        return Client(self.proxy.host, self.proxy.port)

    def enter(self, account, encrypted=False, **options):
        client = self.client()
        if encrypted:
            client.greet()
            client.write(struct.pack("<IIB23x", BASIC | SSL, 1 << 28, 45))
            client.socket = self.tls.wrap_socket(client.socket)
            client.greet = lambda: client.greeting
            options["capabilities"] = BASIC | SSL
        client.login(account.user, account.password, self.proxy.database, **options)
        return client

    def asks_and_leaves(self):
        client = self.enter(self.known)
        client.result("SELECT 1, 'two'")
        client.command(COM_QUIT)
        client.close()

    def relayed(self):
        client = self.enter(self.stranger)
        client.result("SELECT 1")
        client.close()

    def encrypted(self):
        client = self.enter(self.known, encrypted=True)
        client.result("SELECT 2")
        client.close()

    def relayed_encrypted(self):
        self.enter(self.stranger, encrypted=True).close()

    def refused(self):
        for account in (Account(self.known.user, "wrong"), Account(self.stranger.user, "wrong"), Account("nobody", "x")):
            with pytest.raises(Err):
                self.enter(account)

    def unknown_database(self):
        client = self.client()
        with pytest.raises(Err):
            client.login(self.known.user, self.known.password, "no_such_database")
        client.close()

    def leaves_a_transaction(self):
        client = self.enter(self.known, capabilities=BASIC | MULTI_STATEMENTS)
        client.query("SET @x = 'some value', sql_mode = ''")
        client.query("BEGIN")
        client.query("INSERT INTO t VALUES (0)")
        client.command(COM_STMT_PREPARE, b"SELECT ?, id FROM t WHERE id = ?")
        client.expect_ok()
        client.close()

    def vanishes(self):
        client = self.enter(self.known)
        client.command(COM_QUERY, b"SELECT SLEEP(0.001)")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def says_nothing(self):
        self.client().close()
        client = self.client()
        client.greet()
        client.close()

    def talks_nonsense(self):
        client = self.client()
        client.socket.sendall(b"GET / HTTP/1.0\r\n\r\n")
        client.socket.shutdown(socket.SHUT_WR)
        client.is_closed()
        client.close()

    def hangs_up_in_tls(self):
        client = self.client()
        client.greet()
        client.write(struct.pack("<IIB23x", BASIC | SSL | CONNECT_WITH_DB, 1 << 28, 45))
        client.socket.sendall(b"\x16\x03\x01\x02")
        client.close()

    def pings_much(self):
        client = self.enter(self.known)
        for _ in range(5):
            client.command(COM_PING)
            client.expect_ok()
        client.close()

    def kinds(self):
        """As often as they are named: the costly ones are fewer."""
        return ([self.asks_and_leaves] * 6 + [self.relayed, self.refused, self.leaves_a_transaction, self.vanishes] * 2 +
                [self.encrypted, self.relayed_encrypted, self.unknown_database, self.says_nothing, self.talks_nonsense,
                 self.hangs_up_in_tls, self.pings_much])


def visit(visitors, count, at_once=THREADS):
    """`count` visits by several threads."""
    kinds, troubles = visitors.kinds(), []

    def run(first):
        try:
            for at in range(first, count, at_once):
                kinds[at % len(kinds)]()
        except Exception as trouble:  # told by the test's own thread
            troubles.append((kinds[at % len(kinds)].__name__, trouble))
    threads = [threading.Thread(target=run, args=(first,)) for first in range(at_once)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not troubles, troubles


def settled(proxy):
    """Waits until no client and no kept connection is left; what the proxy holds then."""
    pid = proxy.child.pid
    wait_until(lambda: proxy.metric("holdwater_client_connections") == 0 and proxy.health()["pool"]["idle"] == 0, 30,
               lambda: f"everybody has left: {proxy.health()['pool']}, {proxy.metric('holdwater_client_connections')} clients")
    sizes = []

    def steady():
        sizes.append(proxy.metric("holdwater_heap_bytes"))
        return len(sizes) > 3 and sizes[-1] == sizes[-3]
    wait_until(steady, 10, lambda: f"its memory is steady: {sizes}", every_s=0.1)
    descriptors = []

    def at_rest():  # the question itself holds one for a moment
        descriptors.append(len(os.listdir(f"/proc/{pid}/fd")))
        return len(descriptors) > 5 and len(set(descriptors[-5:])) == 1
    wait_until(at_rest, 10, lambda: f"its descriptors stay as they are: {descriptors}", every_s=0.1)
    return {"heap": sizes[-1], "descriptors": descriptors[-1],
            "threads": len(os.listdir(f"/proc/{pid}/task"))}


@pytest.mark.limit(3000 if LONG else 400)
def test_connections_of_all_kinds_leave_no_memory_no_descriptor_and_no_thread(mariadb, start_proxy):
    proxy = start_proxy(mariadb, HOLDWATER_POOL_IDLE_TIMEOUT="0.2", HOLDWATER_WORKERS="2")
    mariadb.run("CREATE TABLE t (id INT) ENGINE=InnoDB", database=proxy.database)
    stranger = Account(f"stranger{proxy.port}", "relayed")
    mariadb.create_account(stranger.user, stranger.password, proxy.database)
    proxy.wait_tables_known()
    visitors = Visitors(proxy, stranger)
    visit(visitors, COUNT // 4, CROWD)  # fills what is cached
    before = settled(proxy)
    visit(visitors, COUNT)
    after = settled(proxy)
    grown = {what: after[what] - before[what] for what in before}
    print(f"{COUNT} visits: {before}, then {after}")
    assert grown["descriptors"] <= 0 and grown["threads"] <= 0, f"{before}, then {after}"
    if sanitizer_of(binary()):
        return
    assert before["heap"] > 0 and grown["heap"] < COUNT * GROWTH_MOST + SLACK, f"{before}, then {after}"
    assert proxy.stop() == 0
