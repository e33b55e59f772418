"""Writes of every kind in a queue, for what is to give their effect elsewhere: other character sets, bound values, ids, pinned
times, user variables, quotes in every sql_mode."""
import struct

from lib.sql import run, spooled_seq
from lib.statements import COM_STMT_EXECUTE, Session, lenenc, packed_execute

DOUBLE, BLOB, STRING = 5, 252, 254


def queue_every_kind(server, proxy, more=lambda connection: None):
    """Makes a table `t` with one row, stops the server, and queues its writes; what `more` queues comes before the last one."""
    connection = proxy.connect()
    run(connection, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(60) CHARACTER SET utf8mb4, b BLOB, d DOUBLE, at DATETIME(6)) ENGINE=InnoDB")
    run(connection, "INSERT INTO t (s) VALUES ('up')")
    proxy.wait_ids_reserved("t")
    session = Session(proxy)
    server.stop()
    proxy.wait_state("down")
    latin = proxy.connect(charset="latin1")
    spooled_seq(latin, "INSERT INTO t (s, b) VALUES ('caf\xe9', x'00ff27')")
    connection = proxy.connect()
    spooled_seq(connection, "INSERT INTO t (s, at) VALUES ('caf\xe9; -- \\'', NOW(6))")
    run(connection, "SET sql_mode = 'NO_BACKSLASH_ESCAPES'")
    spooled_seq(connection, "INSERT INTO t (s) VALUES ('a\\')")
    run(connection, "SET time_zone = '+05:00', @x = 'from a variable', @nothing = ''")
    spooled_seq(connection, "INSERT INTO t (s, at) VALUES (CONCAT(@x, @nothing), NOW(6))")
    more(connection)
    statement = session.prepare("INSERT INTO t (s, b, d) VALUES (?, ?, ?)")
    session.raw.command(COM_STMT_EXECUTE, packed_execute(
        statement.id, [(STRING, lenenc("it's ?".encode())), (BLOB, lenenc(b"\x00'\\\xff")), (DOUBLE, struct.pack("<d", 0.1))]))
    session.raw.expect_ok()
    session.close()
