"""Queued prepared statements, when they are applied many at a time: each keeps its values, their types, and its settings."""
import struct

from lib.outage import bring_back, go_away
from lib.sql import run
from lib.statements import COM_STMT_EXECUTE, LONGLONG, VARCHAR, Session, lenenc, packed_execute

TINY, LONG, FLOAT, DOUBLE, DATE, TIME, DATETIME, NEWDECIMAL, BLOB, UNSIGNED = 1, 3, 4, 5, 10, 11, 12, 246, 252, 0x8000
ROUNDS = 150
COLUMNS = ("id INT AUTO_INCREMENT PRIMARY KEY, no INT UNIQUE, a TINYINT, b BIGINT UNSIGNED, c FLOAT, d DOUBLE, e DATE, f DATETIME(6), "
           "g TIME(6), h DECIMAL(20,5), s VARCHAR(400), bin LONGBLOB, at DATETIME(6), changed INT NOT NULL DEFAULT 0")
INSERT = "INSERT INTO typed (no, a, b, c, d, e, f, g, h, s, bin, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NOW(6))"


def number(of):
    return (LONG, struct.pack("<i", of))


def values(no):
    """Other types and other sizes from round to round, NULL among them; a text and bytes of more than 250, now and then."""
    some = [
        (TINY, struct.pack("<b", no % 256 - 128)), (LONGLONG | UNSIGNED, struct.pack("<Q", 2 ** 64 - 1 - no)),
        (FLOAT, struct.pack("<f", no / 4)), (DOUBLE, struct.pack("<d", no * 1e300)),
        (DATE, b"\x04" + struct.pack("<HBB", 2000 + no % 50, 2, 28)),
        (DATETIME, b"\x07" + struct.pack("<HBBBBB", 2024, 2, 29, 23, 59, no % 60)),
        (TIME, b"\x0c" + struct.pack("<BIBBBI", no % 2, no % 30, 4, 5, 6, no)), (NEWDECIMAL, lenenc(b"-%d.25" % no)),
        (VARCHAR, lenenc(("ä€𝄞'\\?" * (60 if no % 11 == 0 else 1)).encode())),
        (BLOB, lenenc(bytes(range(256)) * (300 if no % 50 == 0 else 1)))]
    if no % 5 == 0:
        some[no % len(some)] = (some[no % len(some)][0], None)
    if no % 7 == 0:
        some[0] = (VARCHAR, lenenc(b"7"))
    return some


class Story:
    """Inserts, updates and deletes in turn, in two sessions with settings of their own, and one that is refused."""

    def __init__(self, proxy, first):
        self.first = first
        self.sessions = [Session(proxy), Session(proxy)]
        self.sessions[1].query("SET time_zone = '+05:00', sql_mode = ''")
        self.inserts, self.updates, self.deletes = ([one.prepare(words) for one in self.sessions] for words in (
            INSERT, "UPDATE typed SET changed = changed + ?, s = CONCAT(?, s) WHERE no = ?", "DELETE FROM typed WHERE no = ?"))

    def execute(self, which, statements, parameters):
        raw = self.sessions[which].raw
        raw.command(COM_STMT_EXECUTE, packed_execute(statements[which].id, parameters))
        raw.expect_ok()

    def play(self):
        for no in range(self.first, self.first + ROUNDS):
            which = no // 20 % 2
            self.execute(which, self.inserts, [number(no), *values(no - self.first)])
            if no % 3 == 0:
                self.execute(which, self.updates, [number(no), (VARCHAR, lenenc(b"%d: " % (no - self.first))), number(no)])
            if no % 10 == 0:
                self.execute(which, self.deletes, [number(no - 3)])
            if no % 4 == 0:
                self.sessions[which].query(f"UPDATE typed SET changed = changed * 2 WHERE no = {no}")

    def close(self):
        for one in self.sessions:
            one.close()


def status(server, name):
    return int(server.run(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])


def test_prepared_writes_are_applied_together_as_they_would_be_one_by_one(proxy, server):
    run(proxy.connect(), f"CREATE TABLE typed ({COLUMNS}) ENGINE=InnoDB")
    up = Story(proxy, 6000)
    up.play()
    proxy.wait_ids_reserved("typed")
    down = Story(proxy, 12000)
    go_away(proxy)
    down.play()
    down.execute(0, down.inserts, [number(12001), *values(1)])  # that number is taken
    down.execute(0, down.inserts, [number(20000), *values(2)])
    queued = proxy.health()["spool"]["pending"]
    assert queued > ROUNDS
    bring_back(proxy, dead=1)
    compared = "a, b, c, d, e, f, g, h, s, bin, changed - IF(no % 3 = 0, no * IF(no % 4 = 0, 2, 1), 0)"

    def rows(first):
        return server.run(f"SELECT no - {first}, {compared} FROM typed WHERE no BETWEEN {first} AND {first + ROUNDS - 1} ORDER BY no",
                          database=proxy.database)
    assert len(rows(6000)) > 100 and rows(12000) == rows(6000)
    ids, moments = zip(*server.run("SELECT id, at FROM typed WHERE no >= 12000 ORDER BY no", database=proxy.database))
    assert list(ids) == sorted(set(ids))
    ahead = [server.run(f"SELECT COUNT(*) FROM typed WHERE no >= 12000 AND at > UTC_TIMESTAMP(6) + INTERVAL {hours} HOUR",
                        database=proxy.database)[0][0] for hours in (4, 6)]
    assert ahead[0] > 50 and ahead[1] == 0 and len(set(moments)) > 100
    prepared, executed = status(server, "Com_stmt_prepare"), status(server, "Com_stmt_execute")
    assert executed >= ROUNDS and prepared < executed / 2, (prepared, executed)
    up.close()
    down.close()


def test_texts_that_stay_prepared_make_room_when_the_server_has_none(proxy, server):
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(50)) ENGINE=InnoDB")
    go_away(proxy)
    session = Session(proxy)
    for which in range(20):
        insert = session.prepare(f"INSERT INTO t (id, s) VALUES (?, CONCAT(?, '{which}'))")
        for again in range(3):
            session.raw.command(COM_STMT_EXECUTE, packed_execute(insert.id, [number(which * 3 + again), (VARCHAR, lenenc(b"text "))]))
            session.raw.expect_ok()
    session.close()
    server.start("--max-prepared-stmt-count=8")
    server.options = []
    proxy.wait_drained()
    server.run("SET GLOBAL max_prepared_stmt_count = 16382")
    assert server.run("SELECT id, s FROM t ORDER BY id", database=proxy.database) == tuple((id_, f"text {id_ // 3}") for id_ in range(60))


def test_a_user_variable_has_the_type_that_it_has_in_its_own_unit(proxy, server):
    """MySQL looks at it when a text is prepared."""
    run(proxy.connect(), "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(50)) ENGINE=InnoDB")
    sessions = [Session(proxy), Session(proxy)]
    inserts = [one.prepare("INSERT INTO t (id, s) VALUES (?, @x)") for one in sessions]
    sessions[0].query("SET @x = 5")
    sessions[1].query("SET @x = '007abc'")
    go_away(proxy)
    for id_ in range(8):
        raw = sessions[id_ % 2].raw
        raw.command(COM_STMT_EXECUTE, packed_execute(inserts[id_ % 2].id, [number(id_)]))
        raw.expect_ok()
    bring_back(proxy)
    found = server.run("SELECT s FROM t ORDER BY id", database=proxy.database)
    assert [s for s, in found] == ["5", "007abc"] * 4
    for one in sessions:
        one.close()
