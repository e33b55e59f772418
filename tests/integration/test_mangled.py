"""Packets that were tampered with on their way (lib/mangler.py), between proxy and server and between client and proxy,
while clients write: the proxy neither ends, hangs, spins nor leaks, accounts for every write that was not tampered with,
and serves the next honest client at once.

    HOLDWATER_MANGLE_SECONDS=600 HOLDWATER_MANGLE_SEED=7 ... -k mangled      longer, and the same again
"""
import os
import random
import threading
import time
import zlib

import pymysql
import pytest

from conftest import LONG
from lib.mangler import Mangler
from lib.process import processor_seconds, wait_until
from lib.relay import Relay
from lib.sql import run, value

SECONDS = float(os.environ.get("HOLDWATER_MANGLE_SECONDS", "300" if LONG else "3"))
SEED = int(os.environ.get("HOLDWATER_MANGLE_SEED", random.SystemRandom().randrange(1 << 30)))
LIMIT = pytest.mark.limit(int(SECONDS) + 300)
UNKNOWN = {2003, 2006, 2013, 2014, 2027, 1835, 1156, 1158, 1159, 1160, 1161}
SLOTS = 1_000_000  # ids of one writer


class Writer(threading.Thread):
    """Inserts rows that name themselves, each with a checksum that the server verifies, and keeps what it was told."""

    def __init__(self, number, host, port, account, database, until):
        super().__init__(daemon=True)
        self.rng, self.next_id = random.Random(f"{SEED}-writer-{number}"), number * SLOTS
        self.where = {"host": host, "port": port, "user": account.user, "password": account.password, "database": database,
                      "autocommit": True, "connect_timeout": 3, "read_timeout": 3, "write_timeout": 3}
        self.until, self.units, self.connection = until, [], None
        self.ends_at = until + 60  # on a machine so busy that nothing was written by then
        self.start()

    def run(self):
        while time.monotonic() < self.until or (time.monotonic() < self.ends_at and not any(unit["told"] == "acked" for unit in self.units)):
            try:
                if self.connection is None:
                    self.connection = pymysql.connect(**self.where)
                self.write(self.rng.choice((1, 1, 3)))
            except Exception:  # whatever a client makes of mangled packets
                self.leave()
        self.leave()

    def leave(self):
        connection, self.connection = self.connection, None
        if connection is not None:
            try:
                connection._force_close()
            except Exception:
                pass  # of a client that is in disorder too

    def write(self, rows):
        ids = [self.next_id + at for at in range(rows)]
        self.next_id += rows
        unit = {"ids": ids, "told": "refused"}
        self.units.append(unit)
        with self.connection.cursor() as cursor:
            if rows > 1:
                cursor.execute("BEGIN")
            for at, number in enumerate(ids):
                body = f"w{number}-{self.rng.randrange(1 << 40)}"
                if rows == 1:
                    unit["told"] = "unknown"
                self.tell(unit, cursor, f"INSERT INTO w VALUES ({number}, '{body}', {zlib.crc32(f'{number}{body}'.encode())})")
            if rows > 1:
                unit["told"] = "unknown"
                self.tell(unit, cursor, "COMMIT")
            unit["told"] = "acked"
            if self.rng.random() < 0.2:
                cursor.execute("SELECT COUNT(*), MAX(body) FROM w")

    def tell(self, unit, cursor, statement):
        try:
            cursor.execute(statement)
        except pymysql.err.MySQLError as error:
            number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
            if 1000 <= number < 10000 and number not in UNKNOWN and type(error) is not pymysql.err.InternalError:
                unit["told"] = "refused"
            raise


def make_table(proxy):
    run(proxy.connect(), "CREATE TABLE w (id BIGINT, body VARCHAR(100), crc BIGINT, KEY (id), CHECK (crc = CRC32(CONCAT(id, body))))")
    proxy.wait_tables_known()


def check(proxy, server, mangler, writers, before):
    """All the claims of this file's first sentence."""
    for writer in writers:
        writer.join(100)
        assert not writer.is_alive(), "a writer hangs"
    assert proxy.child.poll() is None, f"the proxy ended with {proxy.child.returncode}"
    proxy.wait_drained(30)  # its own connections were tampered with too: the next check finds the server
    deadline = time.monotonic() + 30
    while True:  # at once, save for a greeting that was learned tampered: its client is told to connect again
        try:
            assert value(proxy.connect(read_timeout=30), "SELECT 41 + 1") == 42
            break
        except pymysql.err.MySQLError as refused:
            assert "connect again" in str(refused) and time.monotonic() < deadline, refused
    wait_until(lambda: proxy.metric("holdwater_client_connections") == 0, 20,
               lambda: f"connections of clients that have left: {proxy.metric('holdwater_client_connections')}")
    wait_until(lambda: sum(row[1] in (proxy.account.user, "unauthenticated user") for row in server.run("SHOW PROCESSLIST")) < 60, 20, "the server's connections have ended")
    used, started = processor_seconds(proxy.child.pid), time.monotonic()
    time.sleep(0.5)  # a stretch of time in which it should do nothing
    assert processor_seconds(proxy.child.pid) - used < 0.25 * (time.monotonic() - started), "it spins"
    assert proxy.resident_bytes() - before < 200 << 20
    account_for(proxy, server, mangler, writers)


def account_for(proxy, server, mangler, writers):
    there = {int(row[0]): int(row[1]) for row in server.run(f"SELECT id, COUNT(*) FROM {proxy.database}.w GROUP BY id")}
    wrong, told, excused = [], {"acked": 0, "refused": 0, "unknown": 0}, 0
    for unit in (unit for writer in writers for unit in writer.units):
        if not all(mangler.carried.get(number, True) for number in unit["ids"]):
            excused += 1
            continue
        told[unit["told"]] += 1
        counts = {there.get(number, 0) for number in unit["ids"]}
        allowed = {"acked": [{1}], "refused": [{0}], "unknown": [{0}, {1}]}[unit["told"]]
        if counts not in allowed:
            wrong.append((unit, counts))
    print(f"seed {SEED}: {told}, {excused} excused, tampered with: {mangler.counts}, "
          f"dead letters: {proxy.health()['spool']['dead']}")
    assert not wrong, wrong[:10]
    assert told["acked"] > 0 and sum(mangler.counts.values()) > 0


@LIMIT
def test_packets_mangled_between_proxy_and_server(server, start_proxy):
    mangler = Mangler(server.host, server.port, SEED)
    proxy = start_proxy(server, before=mangler)
    make_table(proxy)
    before = proxy.resident_bytes()
    mangler.mangling = True
    until = time.monotonic() + SECONDS
    writers = [Writer(number, proxy.host, proxy.port, proxy.account, proxy.database, until) for number in range(1, 7)]
    wait_until(lambda: time.monotonic() > until, SECONDS + 5, "the time is over", 0.1)
    mangler.calm()
    check(proxy, server, mangler, writers, before)
    mangler.close()


@LIMIT
def test_packets_mangled_between_client_and_proxy(mariadb, start_proxy):
    """With outages in between, so that what is queued was tampered with too."""
    relay = Relay(mariadb.host, mariadb.port)
    proxy = start_proxy(mariadb, before=relay)
    make_table(proxy)
    before = proxy.resident_bytes()
    mangler = Mangler(proxy.host, proxy.port, SEED)
    mangler.mangling = True
    until = time.monotonic() + SECONDS
    writers = [Writer(number, mangler.host, mangler.port, proxy.account, proxy.database, until) for number in range(1, 7)]
    while time.monotonic() < until:
        pause = time.monotonic() + 1.5
        wait_until(lambda: time.monotonic() > pause, 5, "", 0.1)
        relay.close()
        wait_until(lambda: proxy.state() == "down", 10, "it is down", 0.1)
        wait_until(lambda: time.monotonic() > pause + 2.5, 5, "", 0.1)
        relay.open()
        proxy.http("/health/reconnect", "POST")
    mangler.calm()
    check(proxy, mariadb, mangler, writers, before)
    for each in (mangler, relay):
        each.close()
