"""Several writes in one text, in an outage: each is queued and has its own OK, or the text is refused whole."""
import pytest
from pymysql.constants import CLIENT

from lib.outage import bring_back
from lib.sql import error_number, run, value


@pytest.fixture
def away(proxy, server):
    connection = proxy.connect()
    for table in ("parent", "child"):
        run(connection, f"CREATE TABLE {table} (id INT AUTO_INCREMENT PRIMARY KEY, parent INT, s VARCHAR(20)) ENGINE=InnoDB")
        run(connection, f"INSERT INTO {table} (s) VALUES ('up')")
        proxy.wait_ids_reserved(table)
    server.stop()
    proxy.wait_state("down")
    return proxy


def connect(proxy, **options):
    return proxy.connect(client_flag=CLIENT.MULTI_STATEMENTS, **options)


def oks(connection, text):
    """(affected rows, insert id, warnings, info) of each answer."""
    seen = []
    with connection.cursor() as cursor:
        cursor.execute(text)
        while True:
            result = cursor._result
            seen.append((result.affected_rows, result.insert_id, result.warning_count, result.message.decode()))
            if not cursor.nextset():
                return seen


def rows(proxy, server, table):
    return server.run(f"SELECT id, parent, s FROM {table} WHERE s <> 'up' ORDER BY id", database=proxy.database)


def test_each_write_is_a_unit_with_an_ok_of_its_own(away, server):
    connection = connect(away)
    seen = oks(connection, "INSERT INTO parent (s) VALUES ('a; b'), ('c'); INSERT INTO child (parent, s) VALUES (LAST_INSERT_ID(), 'd');"
                           " UPDATE parent SET parent = 5 WHERE s = 'c' ; ")
    assert [one[0] for one in seen] == [2, 1, 1] and [one[2] for one in seen] == [1, 1, 1]
    parent, child = seen[0][1], seen[1][1]
    assert parent > 1 and child > 1 and seen[2][1] == 0
    assert ["unit 1" in seen[0][3], "unit 2" in seen[1][3], "unit 3" in seen[2][3]] == [True] * 3
    assert value(connection, "SELECT LAST_INSERT_ID()") == child
    assert away.health()["spool"]["pending"] == 3
    bring_back(away)
    assert rows(away, server, "parent") == ((parent, None, "a; b"), (parent + 1, 5, "c"))
    assert rows(away, server, "child") == ((child, parent, "d"),)
    assert [one[2] for one in oks(connection, "INSERT INTO parent (s) VALUES ('e'); DELETE FROM parent WHERE s = 'e'")] == [0, 0]


def test_a_text_with_anything_else_in_it_is_refused_whole(away, server):
    connection = connect(away)
    for text in ("INSERT INTO parent (s) VALUES ('a'); SELECT 1", "BEGIN; INSERT INTO parent (s) VALUES ('a'); COMMIT",
                 "INSERT INTO parent (s) VALUES ('a'); INSERT INTO parent (s) VALUES (SYSDATE())",
                 "INSERT INTO parent (s) VALUES ('a'); INSERT INTO parent (id) VALUES (1 + 1)",
                 "INSERT INTO parent (s) VALUES ('a'); INSERT INTO nowhere VALUES (1)",
                 "INSERT INTO parent (s) VALUES ('a'); DROP TABLE parent"):
        assert error_number(connection, text)[0] == 3032, text
    assert error_number(away.connect(client_flag=0), "INSERT INTO parent (s) VALUES ('a'); DELETE FROM parent")[0] == 3032
    assert away.health()["spool"]["pending"] == 0
    bring_back(away)
    assert rows(away, server, "parent") == ()


def test_user_variables_that_are_too_large_for_all_of_them(away):
    connection = connect(away)
    for name in "abcdefgh":  # each is kept as 120,000 hexadecimal digits, and goes with each write
        run(connection, f"SET @{name} = '{'x' * 60000}'")
    text = ";".join(["INSERT INTO parent (s) VALUES ('a')"] * 30)
    number, why = error_number(connection, text)
    assert number == 3032 and "spool.max_transaction_bytes" in why and "none of these" in why
    assert oks(connection, ";".join(["INSERT INTO parent (s) VALUES ('b')"] * 3))[2][2] == 1
    assert away.health()["spool"]["pending"] == 3


def test_in_a_transaction_all_of_them_are_collected(away, server):
    connection = connect(away, autocommit=False)
    seen = oks(connection, "INSERT INTO parent (s) VALUES ('a'); INSERT INTO child (parent, s) VALUES (LAST_INSERT_ID(), 'b')")
    assert [one[2] for one in seen] == [1, 1]
    oks(connection, "UPDATE parent SET parent = 1 WHERE s = 'a'; UPDATE parent SET parent = parent + 1 WHERE s = 'a'")
    assert away.health()["spool"]["pending"] == 0
    connection.commit()
    assert away.health()["spool"]["pending"] == 1
    bring_back(away)
    assert rows(away, server, "parent") == ((seen[0][1], 2, "a"),)
    assert rows(away, server, "child") == ((seen[1][1], seen[0][1], "b"),)
