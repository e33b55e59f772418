"""Applications with a pool of connections go on through an outage: their check-outs and pings, new connections, writes in
transactions and alone. Afterwards the rows are on the server, with the ids that they were told. See lib/pools.py."""
import re
import time

import pytest
from conftest import LONG

from lib.pools import PROGRAMS, TABLES, Application, Missing, command_of
from lib.process import wait_until


@pytest.fixture
def open_application(root):
    opened = []

    def start(name, proxy):
        try:
            command = command_of(name, root)
        except Missing as why:
            pytest.skip(f"LEFT OUT: {why}")
        application = Application(command, proxy, proxy.account, proxy.database)
        opened.append(application)
        return application
    yield start
    for application in opened:
        application.close()


def wait_reserved(proxy):
    for table in ("orders", "items"):
        proxy.wait_ids_reserved(table, deadline_s=20)


def reserved(proxy, table):
    """How many ids the proxy has had for it."""
    found = re.findall(rf"reserved ids (\d+) to (\d+) of `{proxy.database}`.`{table}`", proxy.log_text())
    return sum(int(last) - int(first) + 1 for first, last in found)


@pytest.mark.limit(400)  # the first one may have to compile or to install
@pytest.mark.parametrize("name", PROGRAMS)
def test_an_application_with_a_pool_goes_on_through_an_outage(name, server, start_proxy, open_application):
    proxy = start_proxy(server)
    server.run(*TABLES, database=proxy.database)
    application = open_application(name, proxy)
    application.work("up")
    wait_reserved(proxy)
    server.stop()
    proxy.wait_state("down")
    for tag in ("down", "still down"):
        application.work(tag)
    server.start()
    application.work("coming back")
    proxy.wait_drained()
    application.work("up again")
    application.end()
    assert proxy.health()["spool"]["dead"] == 0, proxy.http("/spool/dead")
    application.check(server, proxy.database)


@pytest.mark.skipif(not LONG, reason="HOLDWATER_TEST_LONG is not 1")
@pytest.mark.limit(400)
@pytest.mark.parametrize("name", ["django"])
def test_an_application_goes_on_through_a_minute_without_its_server(name, server, start_proxy, open_application):
    """With the retries, checks and hold that an ordinary proxy has. An application writes all the time."""
    proxy = start_proxy(server, DB_RETRY_ATTEMPTS=3, DB_RETRY_DELAY=2, DB_CONNECTION_TIMEOUT=10, DB_CHECK_INTERVAL=30,
                        HOLDWATER_INSERT_IDS_BLOCK=20000)  # it writes as fast as it can
    server.run(*TABLES, database=proxy.database)
    application = open_application(name, proxy)
    rounds = 0

    def work_for(seconds):
        nonlocal rounds
        end_at = time.monotonic() + seconds
        while time.monotonic() < end_at:
            rounds += 1
            application.work(f"round {rounds}")
    work_for(1)
    for table in ("orders", "items"):  # a block of that size comes in several parts
        wait_until(lambda: reserved(proxy, table) > 15000, 30, f"ids are reserved for {table}")
    server.kill()
    work_for(60)
    assert proxy.state() == "down"
    server.start()
    proxy.wait_drained(120)
    work_for(2)
    application.end()
    print(f"{rounds} rounds, {len(application.orders)} orders and {len(application.items)} items, "
          f"{proxy.health()['spool']['last_seq']} of them queued units")
    assert proxy.health()["spool"]["dead"] == 0, proxy.http("/spool/dead")
    application.check(server, proxy.database)
