"""Transactions while the server is caught up with: they are collected, and COMMIT waits for the server's answer."""
import threading

import pytest
from test_drain import BlockedDrain, blocked  # noqa: F401 (a fixture)

from lib.sql import error_number, run, spooled_seq, value, was_refused_for_outage, was_spooled


def collect(connection, *statements):
    run(connection, "BEGIN")
    for statement in statements:
        assert was_spooled(connection, statement), statement


def test_commit_gets_the_servers_real_answer(blocked):  # noqa: F811
    def transaction(connection):
        collect(connection, "INSERT INTO t VALUES (4, 40)", "UPDATE t SET n = n + 1 WHERE id > 1")
        return was_spooled(connection, "COMMIT")
    answered = blocked.meanwhile(transaction)
    blocked.wait_pending(2)
    blocked.release()
    assert answered.result(60) is False, "the server had committed it"
    blocked.proxy.wait_drained()
    assert blocked.rows() == ((1, 11), (2, 21), (3, 31), (4, 41))


def test_commit_gets_the_servers_real_error_and_nothing_is_left(blocked):  # noqa: F811
    def transaction(connection):
        collect(connection, "INSERT INTO t VALUES (4, 40)", "INSERT INTO t VALUES (2, 99)")
        failed = error_number(connection, "COMMIT")[0]
        run(connection, "INSERT INTO t VALUES (5, 50)")
        return failed
    answered = blocked.meanwhile(transaction)
    blocked.wait_pending(2)
    blocked.release()
    assert answered.result(60) == 1062
    blocked.proxy.wait_drained()
    assert blocked.rows() == ((1, 11), (2, 20), (3, 30), (5, 50))
    assert blocked.proxy.health()["spool"]["dead"] == 0


def test_a_read_waits_for_the_drain_and_sees_the_transactions_own_writes(blocked):  # noqa: F811
    collected = threading.Event()

    def transaction(connection):
        run(connection, "SET autocommit = 0")
        assert was_spooled(connection, "INSERT INTO t VALUES (4, 40)")
        collected.set()
        seen = value(connection, "SELECT SUM(n) FROM t")
        connection.rollback()
        return seen
    seen = blocked.meanwhile(transaction)
    assert collected.wait(60)
    blocked.release()
    assert seen.result(60) == 101
    blocked.proxy.wait_drained()
    assert blocked.rows() == ((1, 11), (2, 20), (3, 30))


@pytest.mark.limit(90)
def test_after_the_hold_commit_is_queued_and_a_read_is_refused(server, start_proxy):
    drain = BlockedDrain(server, start_proxy, DB_RETRY_ATTEMPTS=3, DB_RETRY_DELAY=0.4)

    def transaction(connection):
        collect(connection, "UPDATE t SET n = n + 5 WHERE id = 2")
        was_refused_for_outage(connection, "SELECT * FROM t")
        return spooled_seq(connection, "COMMIT")
    assert drain.meanwhile(transaction).result(60) >= 2
    drain.release()
    drain.proxy.wait_drained()
    assert drain.rows() == ((1, 11), (2, 25), (3, 30))
    drain.lock.close()
    drain.relay.close()
