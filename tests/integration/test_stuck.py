"""Units that the server refuses for now, to one account or for want of room, while it takes all others' writes."""
import time

import pymysql
import pytest

from lib.command_line import CommandLine
from lib.process import wait_until
from lib.proxy import Account
from lib.relay import Relay
from lib.sql import run, spooled_seq, value
from test_metrics import series

BOB = Account("bob", "bobs-first")


@pytest.fixture
def cut_off(start_proxy, listener, request):
    """A proxy that knows bob, too, and whose way to the server can be cut."""
    def start(server, **settings):
        relay = Relay(server.host, server.port)
        request.addfinalizer(relay.close)
        proxy = start_proxy(server, before=relay, accounts=[BOB], HOLDWATER_HOOK_URL=f"http://127.0.0.1:{listener.port}/", **settings)
        server.create_account(BOB.user, BOB.password, proxy.database)
        run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(99)) ENGINE=InnoDB")
        run(proxy.connect(), "INSERT INTO t VALUES (1, '')")
        proxy.http("/health/reconnect", "POST")  # bob may use the ledger from now on
        proxy.wait_drained()
        proxy.wait_tables_known()
        server.settle()
        return proxy, relay
    return start


def change_password(server, password):
    server.run(f"ALTER USER bob@`%` {server.identified(server.account_plugins[0], password)}")


def note(letter):
    return f"UPDATE t SET s = CONCAT(s, '{letter}') WHERE id = 1"


def noted(server, proxy):
    return server.run("SELECT s FROM t WHERE id = 1", database=proxy.database)[0][0]


def in_an_outage(proxy, relay, *writes):
    """Queues them, each for an account, with the way to the server cut."""
    relay.close()
    proxy.wait_state("down")
    for account, statement in writes:
        spooled_seq(proxy.connect(account), statement)


def refused_logins(server):
    return int(server.run("SHOW GLOBAL STATUS LIKE 'Aborted_connects'")[0][1])


def wait_stuck(proxy, unit):
    wait_until(lambda: proxy.health()["database"]["why"].startswith(f"unit {unit} of"), 30, lambda: f"stuck: {proxy.health()}")


def stays_stuck(proxy, listener, checks=4):
    """Nothing but the one state is seen, counted and told while it lasts; each check is followed by a try."""
    wait_until(lambda: listener.states() and listener.states()[-1] == ("draining", "down"), 20, "it is told")
    before, told, lines = proxy.health(), len(listener.events), proxy.log_text().count("\n")
    assert proxy.http("/health/")[0] == 200 and before["status"] == "degraded"
    passed = series(proxy, "holdwater_checks_total", result="passed")

    def looked_at():
        now = proxy.health()
        assert now["database"]["state"] == "down" and now["database"]["reads_go_on"] and now["spool"]["state"] == "accepting", now
        assert now["database"]["reconnects"] == before["database"]["reconnects"]
        assert now["database"]["since"] == before["database"]["since"]
        assert now["database"]["last_error"] == now["database"]["why"] == before["database"]["why"]
        return series(proxy, "holdwater_checks_total", result="passed") >= passed + checks
    wait_until(looked_at, 30, f"{checks} checks")
    assert len(listener.events) == told, listener.events[told:]
    assert not listener.of("halted") and proxy.log_text().count("\n") == lines
    return before["database"]["why"]


@pytest.mark.limit(120)
def test_a_changed_password_stops_at_the_accounts_unit_and_it_goes_on_when_it_is_mended(cut_off, server, listener):
    proxy, relay = cut_off(server)
    in_an_outage(proxy, relay, (None, note("a")), (BOB, note("b")), (None, note("c")), (BOB, note("d")))
    change_password(server, "another")
    refused = refused_logins(server)
    relay.open()
    wait_stuck(proxy, 2)
    began = time.monotonic()
    reason = stays_stuck(proxy, listener)
    assert "unit 2 of 'bob'" in reason and "Access denied" in reason and "1045" in reason
    assert 4 <= refused_logins(server) - refused <= 4 + time.monotonic() - began, "one at each check, besides those of the beginning"
    assert noted(server, proxy) == "a"
    connection = proxy.connect()
    assert value(connection, "SELECT s FROM t") == "a", "reads go on"
    spooled_seq(connection, note("x"))
    reconnects = proxy.health()["database"]["reconnects"]
    change_password(server, BOB.password)
    proxy.wait_drained()
    assert noted(server, proxy) == "abcdx"
    health = proxy.health()
    assert health["database"]["reconnects"] == reconnects + 1 and health["spool"]["dead"] == 0 and health["spool"]["reason"] == ""
    wait_until(lambda: proxy.health()["status"] == "ok", 10, lambda: f"nothing of it is left: {proxy.health()}")
    wait_until(lambda: listener.states()[-1][1] == "up", 20, "its end is told")
    assert listener.states()[-3:] == [("draining", "down"), ("down", "draining"), ("draining", "up")]
    spooled_again = proxy.connect(BOB)
    run(spooled_again, note("e"))
    assert noted(server, proxy) == "abcdxe"


@pytest.mark.limit(120)
def test_an_account_that_was_dropped_stops_it_until_it_is_made_again(cut_off, server, listener):
    proxy, relay = cut_off(server)
    in_an_outage(proxy, relay, (BOB, note("b")), (None, note("c")))
    server.run("DROP USER bob@`%`")
    relay.open()
    wait_stuck(proxy, 1)
    reason = stays_stuck(proxy, listener, checks=2)
    assert reason.startswith("unit 1 of 'bob': Access denied") and reason.isprintable(), reason
    server.create_account(BOB.user, BOB.password, proxy.database)
    proxy.wait_drained()
    assert noted(server, proxy) == "bc" and proxy.health()["spool"]["dead"] == 0


@pytest.mark.limit(120)
def test_a_person_who_has_mended_it_need_not_wait_for_the_next_try(cut_off, server, listener):
    proxy, relay = cut_off(server, DB_CHECK_INTERVAL=600)
    for path in ("/health/reconnect", "/health/sync"):
        relay.close()
        proxy.http("/health/reconnect", "POST")
        in_an_outage(proxy, relay, (BOB, note("b")), (None, note("c")))
        change_password(server, "another")
        relay.open()
        wait_until(lambda: "Access denied" in proxy.health()["database"]["why"], 30, "it is stuck")
        reconnects = proxy.health()["database"]["reconnects"]
        wait_until(lambda: listener.states()[-1] == ("draining", "down"), 20, "it is told")
        told = len(listener.of("state"))
        refused = refused_logins(server)
        proxy.http("/health/reconnect", "POST")
        wait_until(lambda: refused_logins(server) > refused + 1, 10, "it has attached, and tried the unit")
        code, _, wrong = CommandLine(proxy)("reconnect")
        assert code == 1 and "takes no writes still: unit " in wrong and "Access denied" in wrong
        assert proxy.state() == "down" and len(listener.of("state")) == told, "asking in vain is no news"
        change_password(server, BOB.password)
        if path == "/health/reconnect":
            assert CommandLine(proxy)("reconnect")[0] == 0
        else:
            proxy.http(path, "POST")
        proxy.wait_drained()
        assert proxy.health()["database"]["reconnects"] == reconnects + 1
    assert noted(server, proxy) == "bcbc" and proxy.health()["spool"]["dead"] == 0


@pytest.mark.limit(120)
def test_a_full_table_stops_it_and_it_goes_on_when_there_is_room(cut_off, mariadb, listener):
    proxy, relay = cut_off(mariadb)
    mariadb.run("CREATE TABLE filler (id INT) ENGINE=InnoDB", "CREATE TABLE limited (id INT) ENGINE=InnoDB", "INSERT INTO filler VALUES (1)",
                "CREATE TRIGGER has_no_room BEFORE INSERT ON limited FOR EACH ROW IF EXISTS (SELECT 1 FROM filler) THEN "
                "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'; END IF", database=proxy.database)
    proxy.wait_tables_known()
    in_an_outage(proxy, relay, (None, note("a")), (BOB, "INSERT INTO limited VALUES (1)"), (None, note("b")))
    relay.open()
    wait_stuck(proxy, 2)
    reason = stays_stuck(proxy, listener)
    assert "unit 2 of 'bob'" in reason and "full" in reason and "1114" in reason
    assert noted(mariadb, proxy) == "a"
    mariadb.run("DELETE FROM filler", database=proxy.database)
    proxy.wait_drained()
    assert noted(mariadb, proxy) == "ab"
    assert mariadb.run("SELECT COUNT(*) FROM limited", database=proxy.database) == ((1,),)
    assert proxy.health()["spool"]["dead"] == 0


def fill(server, proxy):
    maker = proxy.connect()
    run(maker, "SET max_heap_table_size = 16384")
    run(maker, "CREATE TABLE m (id INT PRIMARY KEY, s CHAR(200)) ENGINE=MEMORY")
    connection = server.admin(proxy.database)
    with pytest.raises(pymysql.err.OperationalError) as full:
        for number in range(100_000):
            run(connection, f"INSERT INTO m VALUES ({number}, 'x')")
    assert full.value.args[0] == 1114


@pytest.mark.limit(120)
def test_a_full_table_that_does_not_roll_back_stops_nothing(cut_off, mariadb):
    """What its triggers may have done by then is not known: it is not sent again. MySQL gives a table in memory a counter of ids,
    for which inserts into it are not queued."""
    proxy, relay = cut_off(mariadb)
    fill(mariadb, proxy)
    proxy.wait_tables_known()
    in_an_outage(proxy, relay, (None, note("a")), (BOB, "INSERT INTO m VALUES (1000000, 'mine')"), (None, note("b")))
    relay.open()
    proxy.wait_drained()
    assert noted(mariadb, proxy) == "ab"
    letters = proxy.json("/spool/dead")["units"]
    assert len(letters) == 1 and "full" in str(letters[0]) and "part of it may have been applied" in str(letters[0])
    assert mariadb.run("SELECT COUNT(*) FROM m WHERE s = 'mine'", database=proxy.database) == ((0,),)


def test_the_owners_own_password_is_an_outage_as_ever(cut_off, server):
    proxy, relay = cut_off(server)
    in_an_outage(proxy, relay, (BOB, note("b")))
    plugin = server.account_plugins[0]
    server.run(f"ALTER USER `{proxy.account.user}`@`%` {server.identified(plugin, 'another')}")
    relay.open()
    refused = refused_logins(server)

    def refused_often():
        assert proxy.state() == "down"
        return refused_logins(server) >= refused + 4
    wait_until(refused_often, 20, "it has tried some times")
    spooled_seq(proxy.connect(), note("c"))
    server.run(f"ALTER USER `{proxy.account.user}`@`%` {server.identified(plugin, proxy.account.password)}")
    proxy.wait_drained()
    assert noted(server, proxy) == "bc"


def test_an_outage_meanwhile_changes_nothing(cut_off, server):
    proxy, relay = cut_off(server)
    in_an_outage(proxy, relay, (BOB, note("b")))
    change_password(server, "another")
    relay.open()
    wait_stuck(proxy, 1)
    relay.close()
    proxy.http("/health/reconnect", "POST")
    wait_until(lambda: not proxy.health()["database"]["reads_go_on"], 20, "the server is gone")
    spooled_seq(proxy.connect(), note("c"))
    relay.open()
    wait_stuck(proxy, 1)
    assert noted(server, proxy) == ""
    change_password(server, BOB.password)
    proxy.wait_drained()
    assert noted(server, proxy) == "bc"


@pytest.mark.limit(120)
def test_rights_on_the_ledger_that_were_taken_away_stop_it_until_they_are_given_back(cut_off, server, listener):
    proxy, relay = cut_off(server)
    in_an_outage(proxy, relay, (BOB, note("b")), (None, note("c")))
    server.run(f"REVOKE ALL ON {proxy.database}.* FROM bob@`%`", f"GRANT SELECT, UPDATE ON {proxy.database}.t TO bob@`%`")
    relay.open()
    wait_stuck(proxy, 1)
    assert "unit 1 of 'bob'" in stays_stuck(proxy, listener, checks=2)
    server.run(f"GRANT SELECT, UPDATE ON {proxy.database}.holdwater_ledger TO bob@`%`")
    proxy.wait_drained()
    assert noted(server, proxy) == "bc" and proxy.health()["spool"]["dead"] == 0
