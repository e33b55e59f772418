"""KILL by the ids that clients know: it means the session that has the id, and never another."""
import threading

import pymysql
import pytest

from lib.process import wait_until
from lib.proxy import Account
from lib.sql import error_number, run, value
from lib.statements import LONGLONG, Session
from lib.wire import Err
from test_pool import connection_id, leave


@pytest.fixture
def proxy(server, start_proxy):
    return start_proxy(server, HOLDWATER_WORKERS=1)


def is_gone(connection):
    try:
        run(connection, "SELECT 1")
        return False
    except pymysql.err.MySQLError:
        return True


def asleep(server, account):
    return server.run("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%' AND "
                      f"user = '{account.user}'")[0][0] == 1


@pytest.mark.parametrize("form", ["KILL {}", "KILL CONNECTION {}", "SELECT 1; KILL {}", None])
def test_the_greetings_id_ends_the_session_that_has_it(proxy, form):
    victim, killer = proxy.connect(), proxy.connect(client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS)
    used = connection_id(victim)
    if form is None:
        if proxy.server.kind == "mysql":
            pytest.skip("this server has no COM_PROCESS_KILL")
        killer.kill(victim.thread_id())
    else:
        with killer.cursor() as cursor:
            cursor.execute(form.format(victim.thread_id()))
            while cursor.nextset():
                pass
    wait_until(lambda: is_gone(victim), 10, "the session is ended")
    wait_until(lambda: used not in [row[0] for row in run(killer, "SHOW PROCESSLIST")], 10, "its server connection too")


def by_id(client, kill, number):
    return client.execute(client.prepare(f"{kill} {number}"), [])


def by_id_with_a_value(client, kill, number):
    return client.execute(client.prepare(f"{kill} ?"), [(LONGLONG, number)])


def by_name(client, kill, number):
    client.query(f"PREPARE k FROM '{kill} {number}'")
    return client.query("EXECUTE k")


def by_name_with_a_value(client, kill, number):
    client.query(f"PREPARE k FROM '{kill} ?'")
    client.query(f"SET @victim = {number}")
    return client.query("EXECUTE k USING @victim")


@pytest.fixture(params=[by_id, by_id_with_a_value, by_name, by_name_with_a_value])
def how(request, proxy):
    if request.param in (by_id_with_a_value, by_name_with_a_value) and proxy.server.kind == "mysql":
        pytest.skip("MySQL takes no placeholder in a KILL")
    return request.param


@pytest.mark.parametrize("whose", ["greeting", "server"])
def test_a_prepared_kill_ends_the_session_that_has_the_id(proxy, how, whose):
    victim = proxy.connect()
    used = connection_id(victim)
    killer = Session(proxy)
    how(killer, "KILL", victim.thread_id() if whose == "greeting" else used)
    wait_until(lambda: is_gone(victim), 10, "the session is ended")
    with pytest.raises(Err) as refused:
        how(killer, "KILL", victim.thread_id())
    assert refused.value.number == 1094
    looking = proxy.connect()
    wait_until(lambda: used not in [row[0] for row in run(looking, "SHOW PROCESSLIST")], 10, "its server connection too")


def test_a_prepared_kill_does_not_hit_who_has_the_servers_id_now(proxy, how):
    first = proxy.connect()
    used = connection_id(first)
    killer = Session(proxy)
    leave(proxy, first)
    stranger = proxy.connect()
    with pytest.raises(Err) as refused:
        how(killer, "KILL", used)
    assert refused.value.number == 1094 and connection_id(stranger) == used


def test_in_an_outage_a_prepared_kill_ends_a_session(server, proxy):
    victims = [proxy.connect(), proxy.connect()]
    killer = Session(proxy)
    statement = killer.prepare(f"KILL {victims[0].thread_id()}")
    killer.query(f"PREPARE k FROM 'KILL {victims[1].thread_id()}'")
    server.stop()
    proxy.wait_state("down")
    killer.execute(statement, [])
    wait_until(lambda: is_gone(victims[0]), 10, "the session is ended")
    killer.query("EXECUTE k")
    wait_until(lambda: is_gone(victims[1]), 10, "the session is ended")


def test_kill_query_ends_the_statement_and_not_the_session(server, proxy):
    victim, said = kill_asleep(server, proxy, "KILL QUERY")
    assert said and value(victim, "SELECT 1") == 1


def kill_asleep(server, proxy, kill):
    """Kills a session whose statement sleeps; the session, and what its client was told."""
    victim, killer = proxy.connect(), proxy.connect()
    said = []
    sleeper = threading.Thread(target=lambda: said.append(slept(victim)))
    sleeper.start()
    wait_until(lambda: asleep(server, proxy.account), 10, "it sleeps")
    run(killer, f"{kill} {victim.thread_id()}")
    sleeper.join(60)
    return victim, said


def slept(connection):
    try:
        return value(connection, "SELECT SLEEP(60)")
    except pymysql.err.MySQLError as error:
        return error.args[0]


def test_a_killed_statement_is_not_repeated_and_its_client_goes(server, proxy):
    victim, said = kill_asleep(server, proxy, "KILL")
    assert said[0] != 0 and is_gone(victim)
    assert proxy.state() == "up"


def test_a_dead_id_is_unknown(proxy):
    victim, killer = proxy.connect(), proxy.connect()
    gone = victim.thread_id()
    leave(proxy, victim)
    assert error_number(killer, f"KILL {gone}") == (1094, f"Unknown thread id: {gone}")


def test_the_servers_id_of_a_connection_that_went_to_another_session_hits_nobody(proxy):
    killer, first = proxy.connect(), proxy.connect()
    used = connection_id(first)
    leave(proxy, first)
    assert error_number(killer, f"KILL {used}")[0] == 1094
    stranger = proxy.connect()
    assert value(stranger, "SELECT 1") == 1
    assert error_number(killer, f"KILL {used}") == (1094, f"Unknown thread id: {used}")
    assert not is_gone(stranger)
    run(killer, "SHOW PROCESSLIST")
    run(killer, f"KILL {used}")
    wait_until(lambda: is_gone(stranger), 10, "who looked first may kill it")


def test_another_accounts_session_is_the_servers_decision(server, proxy):
    server.create_account("stranger", "secret", proxy.database)
    victim, killer = proxy.connect(), proxy.connect(account=Account("stranger", "secret"))
    assert error_number(killer, f"KILL {victim.thread_id()}")[0] == 1095
    assert not is_gone(victim)


def test_in_an_outage_an_account_ends_its_own_sessions_only(server, proxy):
    victim, killer = proxy.connect(), proxy.connect()
    used = connection_id(victim)
    server.stop()
    proxy.wait_state("down")
    assert error_number(killer, f"KILL {used}")[0] == 3032
    run(killer, f"KILL {victim.thread_id()}")
    wait_until(lambda: is_gone(victim), 10, "the session is ended")
    assert error_number(killer, f"KILL {victim.thread_id()}")[0] == 1094
