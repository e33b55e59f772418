"""INSERT ... RETURNING of the id that the server would make, as Django and SQLAlchemy 2 send it to MariaDB, in an outage."""
import struct

import pytest

from lib.outage import bring_back, go_away
from lib.sql import affected, run, value, was_refused_for_outage
from lib.statements import COM_STMT_EXECUTE, Session, lenenc, packed_execute
from lib.wire import COM_QUERY, Err


@pytest.fixture(params=["mariadb", "mariadb118"])
def proxy(request, start_proxy):
    made = start_proxy(request.getfixturevalue(request.param))
    connection = made.connect()
    run(connection, "CREATE TABLE ai (id BIGINT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20) DEFAULT 'none', n INT) ENGINE=InnoDB")
    run(connection, "INSERT INTO ai (s) VALUES ('up') RETURNING ai.id")
    made.wait_ids_reserved("ai")
    return made


def rows(proxy, statement):
    return proxy.server.run(statement, database=proxy.database)


def test_the_id_is_returned_and_the_row_gets_it(proxy):
    connection = proxy.connect()
    go_away(proxy)
    told = {}
    for name, statement in {"a": "INSERT INTO `ai` (`s`) VALUES ('a') RETURNING `ai`.`id`",
                            "b": "INSERT INTO ai SET s = 'b' RETURNING id;",
                            "c": "REPLACE INTO ai (s, n) VALUES ('c', 1) /* and */ RETURNING id -- it"}.items():
        told[value(connection, statement)] = name
        assert run(connection, "SHOW WARNINGS")[0][1] == 1105
        assert value(connection, "SELECT LAST_INSERT_ID()") == max(told)
    several = [row[0] for row in run(connection, "INSERT INTO ai (s) VALUES ('d'), ('d'), ('d') RETURNING id")]
    assert len(several) == 3
    bring_back(proxy)
    assert dict(rows(proxy, "SELECT id, s FROM ai WHERE s <> 'up'")) == {**told, **dict.fromkeys(several, "d")}


def test_a_transaction_returns_ids_too(proxy):
    connection = proxy.connect(autocommit=False)
    go_away(proxy)
    parent = value(connection, "INSERT INTO ai (s) VALUES ('parent') RETURNING id")
    child = value(connection, f"INSERT INTO ai (s, n) VALUES ('child', {parent}) RETURNING id")
    connection.commit()
    bring_back(proxy)
    assert rows(proxy, "SELECT id, s, n FROM ai WHERE s <> 'up' ORDER BY id") == ((parent, "parent", None), (child, "child", parent))


def test_the_answer_looks_like_the_servers(proxy):
    session = Session(proxy)
    insert = session.prepare("INSERT INTO ai (s) VALUES (?) RETURNING id")

    def packets(code, payload):
        session.raw.command(code, payload)
        return [session.raw.expect_ok(), *(session.raw.read() for _ in range(4))]
    text = (COM_QUERY, b"INSERT INTO ai (s) VALUES ('x') RETURNING id")
    binary = (COM_STMT_EXECUTE, packed_execute(insert.id, [(0xFD, lenenc(b"x"))]))
    up = [packets(*text), packets(*binary)]
    go_away(proxy)
    down = [packets(*text), packets(*binary)]
    for one, other in zip(up, down):
        assert one[:2] == other[:2], "column count and definition"
        assert other[4] == b"\xfe\x01\x00" + struct.pack("<H", 2), "its end has the one warning"
    told = [int(down[0][3][1:]), struct.unpack_from("<q", down[1][3], 2)[0]]
    session.close()
    bring_back(proxy)
    assert set(told) < {row[0] for row in rows(proxy, "SELECT id FROM ai WHERE s = 'x'")}


def test_what_else_may_be_returned_is_refused(proxy):
    connection = proxy.connect()
    session = Session(proxy)
    go_away(proxy)
    for statement in ("INSERT INTO ai (s) VALUES ('x') RETURNING *", "INSERT INTO ai (s) VALUES ('x') RETURNING id, s",
                      "INSERT INTO ai (s) VALUES ('x') RETURNING s", "INSERT INTO ai (id, s) VALUES (70, 'x') RETURNING id",
                      "INSERT INTO ai (s) VALUES ('x') RETURNING id + 1", "INSERT IGNORE INTO ai (s) VALUES ('x') RETURNING id",
                      "INSERT INTO ai (s) SELECT 'x' RETURNING id", "DELETE FROM ai RETURNING id"):
        assert was_refused_for_outage(connection, statement)[0] == 3032, statement
    with pytest.raises(Err, match="RETURNING"):  # its answer would have to be described before the table is looked at
        session.prepare("INSERT INTO ai (s) VALUES (?) RETURNING id")
    session.close()
    assert affected(connection, "INSERT INTO ai (s) VALUES ('kept')") == 1
    bring_back(proxy)
    assert rows(proxy, "SELECT s FROM ai") == (("up",), ("kept",))
