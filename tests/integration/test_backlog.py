"""A backlog that does not fit into memory: it is queued and applied within a bounded amount of it."""
import threading

import pytest

from conftest import LONG
from lib.process import anonymous_bytes
from lib.sql import run

UNITS = 300_000 if LONG else 20_000
SIZE = 2000  # bytes of each, so that all of them are 600 or 40 MB
WRITERS = 8


def memory_of(proxy):
    """In MB."""
    return proxy.resident_bytes(anonymous_bytes) / 2**20


@pytest.mark.limit(900 if LONG else 360)
def test_a_backlog_is_queued_and_applied_in_bounded_memory(server, start_proxy):
    # rows that reads could show have a bound of their own, 32 MiB (proxy/own_writes/README.md)
    proxy = start_proxy(server, HOLDWATER_SPOOL_MAX_BYTES=2_000_000_000, HOLDWATER_SPOOL_COMPRESS="false",
                        HOLDWATER_CACHE_OWN_WRITES="false")
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(3000)) ENGINE=InnoDB")
    server.stop()
    proxy.wait_state("down")
    before = memory_of(proxy)

    def write(first):
        connection = proxy.connect()
        for number in range(first, UNITS, WRITERS):
            run(connection, f"INSERT INTO t VALUES ({number}, '{'x' * SIZE}')")
        connection.close()
    writers = [threading.Thread(target=write, args=(first,)) for first in range(WRITERS)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert proxy.health()["spool"]["pending"] == UNITS
    queued = memory_of(proxy) - before
    proxy.kill()  # what is read back at the start is bounded too
    proxy.start()
    assert proxy.health()["spool"]["pending"] == UNITS
    server.start()
    proxy.wait_drained(deadline_s=600 if LONG else 240)
    assert server.run("SELECT COUNT(*), SUM(LENGTH(s)) FROM t", database=proxy.database) == ((UNITS, UNITS * SIZE),)
    applied = memory_of(proxy)
    assert queued < 12 and applied < 40, (queued, applied, UNITS * SIZE / 1e6)
