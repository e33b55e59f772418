"""[[rule]]: what is different for some statements, by account, database, table or text."""
import datetime

import pymysql

from lib.process import wait_until
from lib.sql import error_number, run, spooled_seq, was_refused_for_outage

RULES = """
[[rule]]
table = "secrets"
cache = false
[[rule]]
table = "payments"
spool = false
[[rule]]
table = "visits"
times_are_now = true
[[rule]]
pattern = "%/* soon */%"
max_stale = 1
[[rule]]
pattern = "%/* impatient */%"
hold = 0.1
"""


def ruled(start_proxy, server, **settings):
    proxy = start_proxy(server, **settings)
    with open(proxy.config, "a") as file:
        file.write(RULES)
    proxy.restart()
    proxy.wait_drained()
    return proxy


def error_of(connection, statement):
    try:
        run(connection, statement)
        return ""
    except pymysql.err.MySQLError as error:
        return error.args[1]


def test_each_rule_holds_for_its_statements_alone(mariadb, start_proxy):
    proxy = ruled(start_proxy, mariadb)
    connection = proxy.connect()
    for name in ("plain", "secrets", "payments"):
        run(connection, f"CREATE TABLE {name} (id INT PRIMARY KEY) ENGINE=InnoDB")
    reads = ["SELECT * FROM plain", "SELECT * FROM secrets", "SELECT plain.id FROM plain JOIN secrets ON 1 = 0",
             "SELECT id FROM plain /* soon */"]
    for statement in reads:
        run(connection, statement)
    wait_until(lambda: proxy.json("/health/cache")["fills"] == 2, 20, "two are kept")
    proxy.wait_tables_known()
    mariadb.stop()
    proxy.wait_state("down")
    run(connection, reads[0])
    for statement in reads[1:3]:
        was_refused_for_outage(connection, statement)
    wait_until(lambda: "older than cache.max_stale" in error_of(connection, reads[3]), 20, "it is too old by its rule")
    run(connection, reads[0])
    spooled_seq(connection, "INSERT INTO plain VALUES (1)")
    number, text = error_number(connection, "INSERT INTO payments VALUES (1)")
    assert number == 3032 and "a rule of the configuration" in text
    run(connection, "BEGIN")
    run(connection, "INSERT INTO plain VALUES (2)")
    assert "a rule" in error_number(connection, "UPDATE payments SET id = 2")[1]
    run(connection, "COMMIT")
    several = proxy.connect(client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS)
    assert "a rule" in error_number(several, "INSERT INTO plain VALUES (3); DELETE FROM payments")[1]
    mariadb.start()
    proxy.wait_drained()
    run(connection, "INSERT INTO payments VALUES (7)")
    assert mariadb.run("SELECT COUNT(*) FROM plain", "SELECT id FROM payments", database=proxy.database)[-1] == (7,)


def test_a_rule_says_how_long_a_statement_is_held(mariadb, start_proxy):
    proxy = ruled(start_proxy, mariadb, DB_RETRY_ATTEMPTS=500)  # suspect for 100 s
    connection = proxy.connect()
    mariadb.stop()
    proxy.wait_state("suspect")
    was_refused_for_outage(connection, "SELECT * FROM t /* impatient */")
    assert proxy.state() == "suspect", "it was held for as long as any other"


def now(after_s=0, days=0, form="'%Y-%m-%d %H:%M:%S.%f'"):
    """A literal, as programs write the present time, or one a bit away from it."""
    return (datetime.datetime.utcnow() + datetime.timedelta(days=days, seconds=after_s)).strftime(form)


def test_a_rule_takes_times_in_the_text_for_now(server, start_proxy):
    """Where there is such a rule, what was asked a moment ago is asked again; without, or with other times, it is another question."""
    proxy = ruled(start_proxy, server)
    connection = proxy.connect()
    for name in ("visits", "plain"):
        run(connection, f"CREATE TABLE {name} (id INT PRIMARY KEY, until DATETIME(6)) ENGINE=InnoDB")
        run(connection, f"INSERT INTO {name} VALUES (1, '2099-01-01')")
    asked = "SELECT id FROM {} WHERE until > {} AND id = {}"
    for name in ("visits", "plain"):
        assert run(connection, asked.format(name, now(), 1)) == ((1,),)
    run(connection, asked.format("visits", now(days=-7, form="'%Y%m%d%H%M%S'"), 1))
    row = now()  # a time of the data, which is asked for again
    run(connection, f"INSERT INTO visits VALUES (2, {row})")
    exact = f"SELECT id FROM visits WHERE until = {row}"
    assert run(connection, exact) == ((2,),)
    assert run(connection, exact.replace(row, now())) == ()
    proxy.wait_tables_known()
    server.stop()
    proxy.wait_state("down")
    assert run(connection, exact) == ((2,),), "what was asked in the very same words goes first"
    for literal in (now(), now(form="'%Y-%m-%d %H:%M:%S'"), now(days=-7)):
        assert run(connection, asked.format("visits", literal, 1)) == ((1,),)
        (level, code, text), = run(connection, "SHOW WARNINGS")
        assert (level, code) == ("Note", 1105) and "from the cache" in text
    for statement in (asked.format("plain", now(), 1), asked.format("visits", now(), 2), asked.format("visits", now(after_s=-600), 1),
                      asked.format("visits", now(days=-6), 1), asked.format("visits", "'\0now'", 1)):
        was_refused_for_outage(connection, statement)
