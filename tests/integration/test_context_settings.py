"""What a trigger, a generated column, a view or the write itself reads of the session's settings goes with the write."""
import pytest

from lib.sql import error_number, run, spooled_seq

PRECISE = "SET SESSION div_precision_increment = 12"


@pytest.fixture
def tables(proxy, server):
    mode = "'0123456789abcdef'" if server.kind == "mysql" else None
    encrypted = "AES_ENCRYPT(NEW.s, 'key'" + (f", {mode})" if mode else ")")
    server.run(
        "CREATE TABLE triggered (a INT PRIMARY KEY, b INT, r VARCHAR(60)) ENGINE=InnoDB",
        "CREATE TRIGGER t1 BEFORE INSERT ON triggered FOR EACH ROW SET NEW.r = CONCAT(NEW.a / NEW.b)",
        "CREATE TABLE worked_out (a INT PRIMARY KEY, b INT, r DECIMAL(40,20) AS (a / b) STORED) ENGINE=InnoDB",
        "CREATE TABLE numbers (a INT PRIMARY KEY, s VARCHAR(300)) ENGINE=InnoDB",
        "INSERT INTO numbers VALUES (1, REPEAT('a', 300)), (2, REPEAT('b', 300)), (3, REPEAT('c', 300)), (4, REPEAT('d', 300))",
        "CREATE VIEW seventh AS SELECT a, a / 7 AS r FROM numbers",
        "CREATE TABLE viewed (a INT PRIMARY KEY, r VARCHAR(60)) ENGINE=InnoDB",
        "CREATE TABLE secret (a INT PRIMARY KEY, s VARCHAR(60), c VARBINARY(200)) ENGINE=InnoDB",
        f"CREATE TRIGGER t2 BEFORE INSERT ON secret FOR EACH ROW SET NEW.c = {encrypted}",
        "CREATE TABLE listed (a INT PRIMARY KEY, s TEXT) ENGINE=InnoDB",
        "SET sql_mode = ''",  # which the trigger keeps: what is cut is no error
        "CREATE TRIGGER t3 BEFORE INSERT ON listed FOR EACH ROW SET NEW.s = (SELECT GROUP_CONCAT(s) FROM numbers)",
        database=proxy.database)
    return proxy


def returns(proxy, server):
    server.start()
    proxy.wait_drained()
    assert proxy.health()["spool"]["dead"] == 0, proxy.http("/spool/dead")


def usual_and_precise(proxy, server, rest):
    """What the server itself makes of an insert into `viewed`, with its default and with the other setting."""
    connection = server.admin(proxy.database)
    run(connection, "INSERT INTO viewed " + rest.format(101))
    run(connection, PRECISE)
    run(connection, "INSERT INTO viewed " + rest.format(102))
    usual, precise = (r for r, in rows(proxy, server, "SELECT r FROM viewed WHERE a > 100 ORDER BY a"))
    assert len(usual) < len(precise)
    server.run("DELETE FROM viewed", database=proxy.database)
    return usual, precise


def outage(proxy, server):
    proxy.wait_tables_known()
    server.stop()
    proxy.wait_state("down")


def rows(proxy, server, query):
    return server.run(query, database=proxy.database)


def test_what_triggers_generated_columns_and_views_make_of_div_precision_increment(tables, server):
    connection = tables.connect()
    run(connection, PRECISE)
    outage(tables, server)
    for write in ("INSERT INTO triggered (a, b) VALUES (1, 7)", "INSERT INTO worked_out (a, b) VALUES (1, 7)",
                  "INSERT INTO viewed SELECT a, r FROM seventh WHERE a = 1", "INSERT INTO numbers VALUES (9, 1 / 7)"):
        spooled_seq(connection, write)
    returns(tables, server)
    assert rows(tables, server, "SELECT r FROM triggered") == (("0.142857142857",),)
    assert str(rows(tables, server, "SELECT r FROM worked_out")[0][0]).startswith("0.142857142857")
    assert rows(tables, server, "SELECT r FROM viewed")[0][0].startswith("0.142857142857")
    assert rows(tables, server, "SELECT s FROM numbers WHERE a = 9")[0][0].startswith("0.142857142857")


def test_a_trigger_encrypts_as_its_session_does(tables, server):
    if server.kind != "mysql":
        pytest.skip("MariaDB 10.11 has no block_encryption_mode")
    connection, other = tables.connect(), tables.connect()
    run(connection, "SET block_encryption_mode = 'aes-256-cbc'")
    outage(tables, server)
    spooled_seq(connection, "INSERT INTO secret (a, s) VALUES (1, 'text')")
    spooled_seq(other, "INSERT INTO secret (a, s) VALUES (2, 'text')")
    returns(tables, server)
    assert rows(tables, server, "SELECT CAST(AES_DECRYPT(c, 'key') AS CHAR) FROM secret WHERE a = 2") == (("text",),)
    query = "SELECT CAST(AES_DECRYPT(c, 'key', '0123456789abcdef') AS CHAR) FROM secret WHERE a = 1"
    assert server.run("SET block_encryption_mode = 'aes-256-cbc'", query, database=tables.database) == (("text",),)


def test_a_trigger_lists_as_much_as_in_its_session(tables, server):
    long, short = tables.connect(), tables.connect()
    run(long, "SET SESSION group_concat_max_len = 100000")
    run(short, "SET SESSION group_concat_max_len = 10")
    outage(tables, server)
    spooled_seq(long, "INSERT INTO listed (a) VALUES (1)")
    spooled_seq(short, "INSERT INTO listed (a) VALUES (2)")
    returns(tables, server)
    assert rows(tables, server, "SELECT a, LENGTH(s) FROM listed ORDER BY a") == ((1, 1203), (2, 10))


def test_the_next_unit_of_another_session_has_none_of_it(tables, server):
    write = "SELECT {}, r FROM seventh WHERE a = 1"
    usual, precise = usual_and_precise(tables, server, write)
    one, other = tables.connect(), tables.connect()
    run(one, PRECISE)
    outage(tables, server)
    for number in range(1, 9):
        spooled_seq(one if number % 2 else other, "INSERT INTO viewed " + write.format(number))
    returns(tables, server)
    assert dict(rows(tables, server, "SELECT a, r FROM viewed")) == {n: precise if n % 2 else usual for n in range(1, 9)}


def test_a_setting_that_changes_within_a_transaction_is_that_of_each_statement(tables, server):
    usual, precise = usual_and_precise(tables, server, "VALUES ({}, 1 / 7)")
    connection = tables.connect()
    outage(tables, server)
    for statement in ("BEGIN", "INSERT INTO viewed VALUES (1, 1 / 7)", PRECISE, "INSERT INTO viewed VALUES (2, 1 / 7)",
                      "SET SESSION div_precision_increment = 4", "INSERT INTO viewed VALUES (3, 1 / 7)"):
        run(connection, statement)
    spooled_seq(connection, "COMMIT")
    returns(tables, server)
    assert rows(tables, server, "SELECT a, r FROM viewed ORDER BY a") == ((1, usual), (2, precise), (3, usual))


def test_a_collected_transaction_goes_on_at_the_server_in_its_settings(tables, server):
    usual, precise = usual_and_precise(tables, server, "VALUES ({}, 1 / 7)")
    connection = tables.connect()
    run(connection, PRECISE)
    outage(tables, server)
    for statement in ("BEGIN", "INSERT INTO viewed VALUES (1, 1 / 7)", "SET SESSION div_precision_increment = 4",
                      "INSERT INTO viewed VALUES (2, 1 / 7)"):
        run(connection, statement)
    returns(tables, server)
    run(connection, "INSERT INTO viewed VALUES (3, 1 / 7)")
    run(connection, "COMMIT")
    assert rows(tables, server, "SELECT a, r FROM viewed ORDER BY a") == ((1, precise), (2, usual), (3, usual))


def test_a_value_that_not_every_server_takes_is_not_queued_under(tables, server):
    connection = tables.connect()
    run(connection, "SET SESSION div_precision_increment = 100")  # which the server makes its highest
    outage(tables, server)
    assert error_number(connection, "INSERT INTO triggered (a, b) VALUES (1, 7)")[0] == 3032
    run(connection, PRECISE)
    spooled_seq(connection, "INSERT INTO viewed VALUES (1, 1 / 7)")
    returns(tables, server)


def test_a_setting_that_equals_the_servers_global_value_goes_with_the_write(tables, server):
    """The server, started again, has another."""
    proxy = tables
    usual, precise = usual_and_precise(proxy, server, "SELECT {}, 1 / 7")
    server.run("SET GLOBAL div_precision_increment = 12")
    proxy.restart()
    proxy.wait_drained()
    chosen, default = proxy.connect(), proxy.connect()
    run(chosen, PRECISE)
    run(default, "SET SESSION div_precision_increment = DEFAULT")
    outage(proxy, server)
    spooled_seq(chosen, "INSERT INTO viewed SELECT 1, 1 / 7")
    spooled_seq(default, "INSERT INTO viewed SELECT 2, 1 / 7")
    returns(proxy, server)
    assert rows(proxy, server, "SELECT a, r FROM viewed ORDER BY a") == ((1, precise), (2, usual))


def test_memory_to_sort_in_goes_with_the_write_and_its_lack_stops_nobody(proxy, server):
    server.run("CREATE TABLE texts (a INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB", "INSERT INTO texts VALUES (1, 'b'), (2, 'a'), (3, 'c')",
               "CREATE TABLE sorted (a INT PRIMARY KEY, s LONGTEXT) ENGINE=InnoDB", database=proxy.database)
    roomy, small = proxy.connect(), proxy.connect()
    for connection, size in (roomy, 64 << 20), (small, 32 << 10):
        run(connection, f"SET SESSION sort_buffer_size = {size}")
        run(connection, "SET SESSION max_sort_length = 1000000")
    write = "INSERT INTO sorted SELECT a + {}, s FROM texts ORDER BY s"
    outage(proxy, server)
    spooled_seq(roomy, write.format(0))
    spooled_seq(small, write.format(10))
    spooled_seq(small, "INSERT INTO sorted VALUES (99, '')")
    server.start()
    proxy.wait_drained()
    found = [a for a, in rows(proxy, server, "SELECT a FROM sorted ORDER BY a")]
    assert found[:3] == [1, 2, 3] and found[-1] == 99
    assert proxy.health()["spool"]["dead"] == (0 if len(found) == 7 else 1)
