"""Tables that keep what they were given after a ROLLBACK: a write that may reach one runs alone, and once."""
import pytest

from lib.proxy import Account
from lib.sql import run, spooled_seq
from lib.process import wait_until


def outage(proxy, server):
    proxy.wait_tables_known()
    server.stop()
    proxy.wait_state("down")


@pytest.mark.parametrize("rights", ["SELECT, UPDATE", "SELECT, UPDATE, SHOW VIEW"])
@pytest.mark.parametrize("engine", ["MyISAM", "InnoDB"])
def test_a_write_through_a_view_by_an_account_that_sees_no_table_behind_is_applied_once(server, start_proxy, engine, rights):
    """Also where another unit, refused, has its neighbours rolled back and run again."""
    guest = Account("guest", "pw")
    first = start_proxy(server)
    database = first.database
    server.run(f"CREATE TABLE m (n INT, k INT) ENGINE={engine}", "INSERT INTO m VALUES (1, 0), (2, 0), (4, 0)",
               "CREATE VIEW inner_v AS SELECT n, k FROM m", "CREATE VIEW v AS SELECT n, k FROM inner_v",
               "CREATE TABLE u (k INT PRIMARY KEY) ENGINE=InnoDB", "INSERT INTO u VALUES (3)", "DROP USER IF EXISTS guest",
               "CREATE USER guest@'%' IDENTIFIED BY 'pw'", "GRANT INSERT ON u TO guest@'%'", f"GRANT {rights} ON v TO guest@'%'",
               "GRANT SELECT, UPDATE ON holdwater_ledger TO guest@'%'", database=database)
    proxy = start_proxy(server, database=database, account=first.account, accounts=(guest,))
    connection = proxy.connect(account=guest, database=database)
    outage(proxy, server)
    for number in (1, 2):
        spooled_seq(connection, f"UPDATE v SET k = k + 1 WHERE n = {number}")
    refused = spooled_seq(connection, "INSERT INTO u VALUES (3)")
    spooled_seq(connection, "UPDATE v SET k = k + 1 WHERE n = 4")
    server.start()
    proxy.wait_drained()
    assert server.run("SELECT n, k FROM m ORDER BY n", database=database) == ((1, 1), (2, 1), (4, 1))
    assert [letter["seq"] for letter in proxy.json("/spool/dead")["units"]] == [refused]


def wait_for_lock(server):
    """InnoDB tells no news to who asks again within 0.1 s."""
    wait_until(lambda: server.run("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"), 30, "it waits for the row", every_s=0.3)


class WaitingUnit:
    """A queued UPDATE of all rows of t, in the drain, that needs one which somebody has locked."""

    def __init__(self, proxy, server, *tables, held="SELECT * FROM t FOR UPDATE"):
        server.run("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(30), n INT) ENGINE=InnoDB", "INSERT INTO t VALUES (1, ' a ', 0), (2, ' b ', 0)", *tables,
                   database=proxy.database)
        client = proxy.connect()
        outage(proxy, server)
        spooled_seq(client, "UPDATE t SET n = n + 1")
        proxy.stop()
        server.start()
        self.lock = server.admin(proxy.database)
        run(self.lock, "BEGIN")
        run(self.lock, held)
        proxy.start()
        wait_for_lock(server)


def test_a_unit_that_runs_alone_is_not_in_doubt_when_holdwater_is_stopped(proxy, server):
    unit = WaitingUnit(proxy, server, "CREATE TABLE log (id INT) ENGINE=MyISAM",
                       "CREATE TRIGGER logs AFTER UPDATE ON t FOR EACH ROW INSERT INTO log VALUES (NEW.id)")
    proxy.stop()
    run(unit.lock, "ROLLBACK")
    proxy.start()
    proxy.wait_drained()
    assert proxy.health()["spool"]["dead"] == 0, proxy.http("/spool/dead")
    assert server.run("SELECT id, n FROM t", database=proxy.database) == ((1, 1), (2, 1))
    assert server.run("SELECT id FROM log", database=proxy.database) == ((1,), (2,))


def test_a_unit_that_has_left_something_on_such_a_table_is_set_aside_when_holdwater_is_stopped(proxy, server):
    unit = WaitingUnit(proxy, server, "CREATE TABLE log (id INT) ENGINE=MyISAM",
                       "CREATE TRIGGER logs AFTER UPDATE ON t FOR EACH ROW INSERT INTO log VALUES (NEW.id)",
                       held="SELECT * FROM t WHERE id = 2 FOR UPDATE")
    proxy.stop()
    run(unit.lock, "ROLLBACK")
    proxy.start()
    proxy.wait_drained()
    assert server.run("SELECT n FROM t", database=proxy.database) == ((0,), (0,))
    assert server.run("SELECT id FROM log", database=proxy.database) == ((1,),)
    letters = proxy.json("/spool/dead")["units"]
    assert len(letters) == 1 and "may have been applied" in str(letters)


def test_a_column_that_is_named_like_such_a_table_makes_no_unit_run_alone(proxy, server):
    """The server is killed while the unit runs: what shares its fate with the ledger is in no doubt."""
    WaitingUnit(proxy, server, "CREATE TABLE name (id INT) ENGINE=MEMORY",
                "CREATE TRIGGER trims BEFORE UPDATE ON t FOR EACH ROW SET NEW.name = TRIM(NEW.name)")
    server.kill()
    server.start()
    proxy.wait_drained()
    assert proxy.health()["spool"]["dead"] == 0, proxy.http("/spool/dead")
    assert server.run("SELECT name, n FROM t", database=proxy.database) == (("a", 1), ("b", 1))


def test_versions_by_transaction_are_kept_through_a_view_and_a_trigger(mariadb, start_proxy):
    server, proxy = mariadb, start_proxy(mariadb)
    versioned = ("(id INT PRIMARY KEY, n INT, b BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, e BIGINT UNSIGNED GENERATED ALWAYS AS ROW END, "
                 "PERIOD FOR SYSTEM_TIME(b, e)) ENGINE=InnoDB WITH SYSTEM VERSIONING")
    server.run(f"CREATE TABLE h1 {versioned}", f"CREATE TABLE h2 {versioned}", "CREATE VIEW seen AS SELECT id, n FROM h1",
               "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB", "INSERT INTO h1 (id, n) VALUES (1, 0)",
               "CREATE TRIGGER follows AFTER INSERT ON t FOR EACH ROW INSERT INTO h2 (id, n) VALUES (1, NEW.id) ON DUPLICATE KEY UPDATE n = NEW.id",
               database=proxy.database)
    connection = proxy.connect()
    outage(proxy, server)
    for number in (1, 2, 3):
        spooled_seq(connection, f"UPDATE seen SET n = {number} WHERE id = 1")
    for number in (1, 2, 3):
        spooled_seq(connection, f"INSERT INTO t VALUES ({number})")
    server.start()
    proxy.wait_drained()
    for table, expected in (("h1", (0, 1, 2, 3)), ("h2", (1, 2, 3))):
        history = server.run(f"SELECT n FROM {table} FOR SYSTEM_TIME ALL ORDER BY n", database=proxy.database)
        assert history == tuple((n,) for n in expected), table
