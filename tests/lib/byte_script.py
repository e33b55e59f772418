"""What the byte comparison plays: statements and commands over all column types, flags and status bits."""
from lib.recorder import (CURSOR_EXISTS, DEPRECATE_EOF, LOCAL_FILES, OPTIONAL_METADATA, QUERY_ATTRIBUTES,  # noqa: F401
                          STMT_BULK, lenenc, typed)
import struct

COMMON_COLUMNS = {
    "t1": ("TINYINT", "-128", "127"), "t2": ("SMALLINT UNSIGNED ZEROFILL", "7", "65535"),
    "t3": ("MEDIUMINT", "-8388608", "1"), "t4": ("INT UNSIGNED", "0", "4294967295"),
    "t5": ("BIGINT", "-9223372036854775808", "5"), "t6": ("BIGINT UNSIGNED", "0", "18446744073709551615"),
    "d1": ("DECIMAL(65,30)", "-1.000000000000000000000000000001", "99999999999999999999999999999999999"),
    "d2": ("DECIMAL(5,0) UNSIGNED", "0", "99999"), "f1": ("FLOAT", "-1.5", "3.4e38"), "f2": ("DOUBLE", "-1e-300", "1e300"),
    "f3": ("FLOAT(7,3)", "1.125", "-3"), "da": ("DATE", "'0000-00-00'", "'9999-12-31'"),
    "dt": ("DATETIME(6)", "'0000-00-00 00:00:00'", "'2024-02-29 23:59:59.999999'"),
    "dn": ("DATETIME", "'1000-01-01 00:00:00'", "'2024-02-29 12:00:00'"),
    "ts": ("TIMESTAMP(3) NULL", "'2001-02-03 04:05:06.789'", "'2038-01-19 03:14:07'"),
    "ti": ("TIME(4)", "'-838:59:59'", "'12:34:56.7891'"), "tz": ("TIME", "'00:00:00'", "'838:59:59'"),
    "ye": ("YEAR", "1901", "0"), "b1": ("BIT(1)", "b'1'", "b'0'"), "b2": ("BIT(64)", "0xffffffffffffffff", "1"),
    "en": ("ENUM('a','ä','')", "'ä'", "''"), "se": ("SET('x','y','z')", "'x,z'", "''"),
    "c1": ("CHAR(10) CHARACTER SET latin1", "'\u00e4'", "''"), "c2": ("VARCHAR(20) CHARACTER SET utf8mb4", "'\U0001f600'", "'x'"),
    "c3": ("VARCHAR(20) CHARACTER SET ucs2 COLLATE ucs2_bin", "'\u20ac'", "''"), "c4": ("BINARY(4)", "0x00ff", "'abcd'"),
    "c5": ("VARBINARY(300)", "REPEAT(0x00ff, 150)", "''"), "x1": ("TINYTEXT", "REPEAT('t', 255)", "''"),
    "x2": ("TEXT", "REPEAT('t', 300)", "'x'"), "x3": ("MEDIUMTEXT", "REPEAT('t', 70000)", "'x'"), "x4": ("LONGTEXT", "'x'", "''"),
    "o1": ("TINYBLOB", "0x00", "''"), "o2": ("BLOB", "REPEAT(0xff, 251)", "''"), "o3": ("MEDIUMBLOB", "''", "0x01"),
    "o4": ("LONGBLOB", "''", "0x02"), "js": ("JSON", "'{\"a\": [1, null, \"\u00e4\"]}'", "'null'"),
    "g1": ("GEOMETRY", "ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('LINESTRING(0 0,1 1)')"),
    "g2": ("POINT", "ST_GeomFromText('POINT(-1 2.5)')", "ST_GeomFromText('POINT(0 0)')"),
    "au": ("INT NOT NULL AUTO_INCREMENT UNIQUE", "1", "NULL"), "nn": ("INT NOT NULL DEFAULT 3", "3", "DEFAULT")}
OWN_COLUMNS = {
    "mariadb": {"uu": ("UUID", "'123e4567-e89b-12d3-a456-426614174000'", "NULL"), "i6": ("INET6", "'::1'", "'2001:db8::'"),
                "i4": ("INET4", "'127.0.0.1'", "'0.0.0.0'"), "nc": ("VARCHAR(100) COMPRESSED", "REPEAT('z', 99)", "''")},
    "mysql": {"ve": ("VECTOR(3)", "STRING_TO_VECTOR('[1,2,3]')", "NULL"), "ng": ("GEOMETRYCOLLECTION", "NULL", "NULL")}}
OWN_COLUMNS["mariadb118"] = {**OWN_COLUMNS["mariadb"], "ve": ("VECTOR(3)", "VEC_FromText('[1,2,3]')", "VEC_FromText('[0,0,0]')")}


def columns_of(kind):
    return {**COMMON_COLUMNS, **OWN_COLUMNS[kind]}


def tables(kind):
    """Statements that make the tables, each time anew."""
    columns = columns_of(kind)
    definitions = ", ".join(f"{name} {what[0]}" for name, what in columns.items())
    yield "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'"
    yield "DROP TABLE IF EXISTS types, plain, trans, other, gone, indexed, counted"
    yield f"CREATE TABLE types ({definitions}) CHARACTER SET utf8mb4"
    for row in (1, 2):
        yield f"INSERT INTO types VALUES ({', '.join(what[row] for what in columns.values())})"
    yield f"INSERT INTO types ({', '.join(name for name in columns if name != 'au')}) VALUES (" + ", ".join(
        "9" if name == "nn" else "NULL" for name in columns if name != "au") + ")"
    yield "CREATE TABLE plain (a INT PRIMARY KEY AUTO_INCREMENT, b VARCHAR(30) DEFAULT 'q', KEY (b)) ENGINE=InnoDB"
    yield "INSERT INTO plain (a) VALUES (1), (2), (3)"
    yield "CREATE TABLE other (a INT, b TEXT) ENGINE=MyISAM"
    yield "DROP PROCEDURE IF EXISTS results"
    yield "CREATE PROCEDURE results(OUT p INT) BEGIN SELECT a FROM plain; SELECT 1/0; SET p = 7; SELECT * FROM types; END"
    yield "DROP PROCEDURE IF EXISTS late"
    yield "CREATE PROCEDURE late() BEGIN SELECT 1; SELECT * FROM missing; END"


# With a spool the proxy has asked for the value in between.
AFTER_LEARNING = "SELECT FOUND_ROWS(), ROW_COUNT(), @@sort_buffer_size"
TEXTS = [
    "SELECT * FROM types", "SELECT * FROM types WHERE 1 = 0", "SELECT 1, 'x', NULL, 1.5, 1e0, 0x41, b'11', DATE'2024-01-01'",
    "SELECT a AS alias, p.b, 1 + a FROM plain AS p", "SELECT * FROM plain WHERE b = 'none' OR a + 0 = 2",
    "SELECT t.x3, p.a FROM types t, plain p WHERE p.a + 0 > 1 ORDER BY t.au, p.a", "TABLE plain", "VALUES (1, 'x'), (2, 'y')",
    "SHOW COLUMNS FROM types", "SHOW CREATE TABLE types", "DESCRIBE plain", "EXPLAIN SELECT * FROM plain", "SHOW WARNINGS",
    "SELECT 1/0, CAST('x' AS SIGNED)", "SHOW WARNINGS", "SHOW COUNT(*) WARNINGS", "SELECT @@warning_count, @@error_count",
    "DO 1/0", "SHOW WARNINGS LIMIT 1", "SELEC", "SHOW ERRORS", "SELECT * FROM missing", "SELECT FROM", "",
    "INSERT INTO plain (b) VALUES ('x'), ('y')", "SELECT LAST_INSERT_ID(), ROW_COUNT()", "INSERT INTO plain (a) VALUES (1)",
    "INSERT IGNORE INTO plain (a) VALUES (1), (50)", "SHOW WARNINGS", "REPLACE INTO plain VALUES (1, 'r')",
    "INSERT INTO plain (a) VALUES (2) ON DUPLICATE KEY UPDATE b = 'dup'", "SELECT ROW_COUNT()",
    "UPDATE plain SET b = 'u' WHERE a IN (1, 2, 999)", "UPDATE plain SET b = 'u' WHERE a = 1", "DELETE FROM plain WHERE a = 50",
    "UPDATE plain SET a = LAST_INSERT_ID(a) WHERE a = 3", "SELECT LAST_INSERT_ID()",
    "SELECT SQL_CALC_FOUND_ROWS a FROM plain LIMIT 1", "SELECT FOUND_ROWS()",
    "SELECT SQL_CALC_FOUND_ROWS a FROM plain LIMIT 1", "SET @five = 2 + 3", "SELECT FOUND_ROWS(), ROW_COUNT(), @five",
    "SELECT a FROM plain", "SET sort_buffer_size = 262144 + 1024", AFTER_LEARNING,
    "SELECT 1/0", "SET lc_time_names = CONCAT('de', '_DE')", "SHOW WARNINGS", "SELECT MONTHNAME('2024-05-01')",
    "DO 1/0", "SET @x = 1", "SHOW WARNINGS", "SELECT 1/0", "USE information_schema", "SHOW WARNINGS", "SELECT DATABASE()",
    "SET autocommit = 0", "SELECT 1", "SELECT a FROM plain WHERE a = 1", "INSERT INTO plain (b) VALUES ('t')", "COMMIT", "ROLLBACK",
    "SET autocommit = 1", "BEGIN", "SELECT * FROM plain WHERE a = 1", "SAVEPOINT s", "UPDATE plain SET b = 's' WHERE a = 1",
    "ROLLBACK TO s", "RELEASE SAVEPOINT s", "COMMIT AND CHAIN", "ROLLBACK", "START TRANSACTION READ ONLY", "SELECT a FROM plain",
    "UPDATE plain SET b = 1", "COMMIT", "START TRANSACTION WITH CONSISTENT SNAPSHOT", "CREATE TABLE gone (a INT)", "SELECT 1",
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET TRANSACTION READ ONLY", "BEGIN", "COMMIT", "DROP TABLE gone",
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "SELECT '\\'", "SET sql_mode = 'ANSI_QUOTES'", "SELECT \"a\" FROM plain",
    "SET sql_mode = DEFAULT", "INSERT INTO plain (a) VALUES ('x')", "INSERT INTO plain (b) VALUES (REPEAT('x', 31))",
    "CREATE TEMPORARY TABLE gone (a INT)", "INSERT INTO gone VALUES (1), (2)", "SELECT * FROM gone", "DROP TEMPORARY TABLE gone",
    "CREATE TABLE IF NOT EXISTS plain (a INT)", "DROP TABLE IF EXISTS gone", "ALTER TABLE other ADD c INT", "TRUNCATE other",
    "ANALYZE TABLE plain", "CHECK TABLE other", "LOCK TABLES plain WRITE", "SELECT COUNT(*) FROM plain", "UNLOCK TABLES",
    "SELECT GET_LOCK('bytes', 0), RELEASE_LOCK('bytes')", "FLUSH TABLES", "SELECT 'a' 'b', \"c\" -- comment", "SELECT/*!1,*/2 /* x */",
    "PREPARE s FROM 'SELECT ?, a FROM plain'", "SET @p = 'v'", "EXECUTE s USING @p", "EXECUTE s", "DEALLOCATE PREPARE s",
    "EXECUTE s", "KILL QUERY 4294967295", "SELECT REPEAT('r', 16777300)", "SELECT a FROM plain PROCEDURE ANALYSE()",
    "CALL results(@out)", "SELECT @out", "CALL late()", "CALL nothing()", "HANDLER plain OPEN", "HANDLER plain READ FIRST",
    "HANDLER plain CLOSE", "SELECT a INTO @one FROM plain LIMIT 1", "SELECT a INTO @one FROM plain WHERE 1=0", "XA START 'x'", "XA END 'x'",
    "XA PREPARE 'x'", "XA ROLLBACK 'x'", "SET NAMES latin1", "SELECT '\u00e4'", "SELECT * FROM types", "SET NAMES utf8mb4",
    "SET CHARACTER SET utf8mb4", "SET character_set_results = NULL", "SELECT c1, c2, c3 FROM types", "SET NAMES DEFAULT",
    "SET GLOBAL max_connections = 10", "SET @@session.nothing = 1", "SELECT @@session.nothing", "RESET MASTER"]
OWN_TEXTS = {
    "mariadb": ["INSERT INTO plain (b) VALUES ('ret') RETURNING a, b", "DELETE FROM plain WHERE b = 'ret' RETURNING *",
                "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END", "SELECT 1 LIMIT ROWS EXAMINED 1", "SHOW PROCEDURE CODE late",
                "CREATE SEQUENCE gone", "SELECT NEXTVAL(gone)", "DROP SEQUENCE gone", "EXECUTE IMMEDIATE 'SELECT 1'",
                "SET STATEMENT sort_buffer_size = 100000 FOR SELECT @@sort_buffer_size", "ANALYZE FORMAT=JSON SELECT 'x' IS NULL"][:-1],
    "mysql": ["SELECT * FROM plain, LATERAL (SELECT 1) AS l", "EXPLAIN FORMAT=TREE SELECT a FROM plain WHERE a = 1",
              "SET PERSIST sort_buffer_size = 1", "SELECT JSON_VALUE('{\"a\":1}', '$.a')", "RESET BINARY LOGS AND GTIDS"]}
OWN_TEXTS["mariadb118"] = OWN_TEXTS["mariadb"]

TRACKED = [
    "SET session_track_system_variables = '*', session_track_schema = 1, session_track_state_change = 1, "
    "session_track_transaction_info = 'CHARACTERISTICS'",
    "SET sort_buffer_size = 300000", "SET NAMES latin1", "USE information_schema", "BEGIN", "COMMIT", "SET @x = 1",
    "START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT", "ROLLBACK", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET autocommit = 0", "SET autocommit = 1", "PREPARE s FROM 'SELECT 1'", "SELECT 1", "SET sql_mode = ''", "DO 1/0",
    "SET session_track_transaction_info = 'STATE'", "BEGIN", "COMMIT"]


def play(client, kind, database, learned=False):
    """The whole script, over a connection that has logged in; without what a proxy that learns a setting disturbs."""
    for statement in tables(kind):
        client.query(statement)
    for statement in TEXTS + OWN_TEXTS[kind]:
        if not (learned and statement == AFTER_LEARNING):
            client.query(statement)
    client.ask("use", 2, database.encode())
    commands(client, database)
    several(client)
    binary(client)
    if kind != "mysql" and client.capabilities & STMT_BULK:
        bulk(client)
    for statement in TRACKED:
        client.query(statement)
    client.ask("use", 2, database.encode())
    client.prepare("SET sort_buffer_size = ?")
    client.execute(typed(310000))
    client.ask("reset connection", 31)
    client.query("SELECT @x, @@autocommit, DATABASE(), @@sort_buffer_size")


def commands(client, database):
    client.ask("ping", 14)
    client.ask("use", 2, database.encode())
    client.ask("use nothing", 2, b"not_there")
    client.field_list("plain")
    client.field_list("types")
    client.ask("no multi statements", 27, b"\x01\x00")
    client.query("SELECT 1; SELECT 2")
    client.ask("multi statements", 27, b"\x00\x00")
    client.ask("set option, wrongly", 27, b"\x07\x00")
    client.ask("debug", 13)
    client.ask("kill nobody", 12, struct.pack("<I", 0x7FFFFFF0))
    client.ask("a command that is none", 0x77)
    client.ask("sleep", 0)
    client.ask("execute nothing", 23, struct.pack("<IBI", 4000, 0, 1))
    client.ask("reset nothing", 26, struct.pack("<I", 4000))


def several(client):
    client.ask("multi statements", 27, b"\x00\x00")
    for text in ("SELECT 1; SELECT a FROM plain; DO 1/0; INSERT INTO other (a) VALUES (1),(2); SELECT 1 WHERE 1=0",
                 "SELECT 1; SELEC; SELECT 2", "SELECT 1;", ";", "SET @a = 1; SET @b = @a + 1; SELECT @b",
                 "BEGIN; INSERT INTO plain (b) VALUES ('m'); SELECT 1; ROLLBACK", "CALL results(@o); SELECT @o"):
        client.query(text)
    if client.capabilities & LOCAL_FILES:
        client.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE other FIELDS TERMINATED BY ',' (a, b)")
        client.query("SELECT 5; LOAD DATA LOCAL INFILE 'x' INTO TABLE other FIELDS TERMINATED BY ',' (a, b); SELECT 6")
        client.query("SHOW WARNINGS")


def binary(client):
    attributes = client.capabilities & QUERY_ATTRIBUTES

    client.prepare("SELECT * FROM types")
    for _ in range(2):
        client.execute()
    client.execute(cursor=1, what="open a cursor")
    for rows in (1, 1, 5, 5):
        client.fetch(rows)
    client.ask("close the cursor", 26, struct.pack("<I", client.statement_id))
    client.fetch(1)
    client.prepare("SELECT ?, ?, a, b FROM plain WHERE a > ?")
    client.execute(typed(1, "text", -5))
    client.execute(typed(None, None, 1))
    client.execute(typed(2 ** 40, "\u00e4" * 200, 0), cursor=1)
    client.fetch(100)
    long_data(client)
    client.prepare("INSERT INTO plain (b) VALUES (?)")
    client.execute(typed("bound"))
    client.execute(typed(None))
    client.execute(typed("x" * 40))
    client.prepare("UPDATE plain SET b = ? WHERE a > 0")
    client.execute(typed("all"))
    for text in ("SELEC ?", "SELECT ? FROM missing", "SELECT 1; SELECT 2", "", "CALL results(?)", "CALL late()", "DO 1/0",
                 "SELECT 1/0", "BEGIN", "COMMIT", "SET autocommit = 1", "SHOW WARNINGS", "SELECT * FROM types WHERE au = ?"):
        client.prepare(text)
        if text.count("?") == 1:
            client.execute(typed(1))
        else:
            client.execute()
    client.prepare("SELECT * FROM plain")
    client.query("ALTER TABLE plain ADD z INT DEFAULT 4")
    client.execute()
    client.query("ALTER TABLE plain DROP z")
    client.execute()
    client.command(25, struct.pack("<I", client.statement_id))  # no answer
    client.ask("execute the closed", 23, struct.pack("<IBI", client.statement_id, 0, 1))
    if attributes:
        client.prepare("SELECT mysql_query_attribute_string('n')")
        client.ask("execute with an attribute", 23, struct.pack("<IBI", client.statement_id, 8, 1) + b"\x01\x00\x01" +
                   b"\xfd\x00" + lenenc("n") + lenenc("v"))
        client.ask("query with an attribute", 3, b"\x01\x01\x00\x01\xfd\x00" + lenenc("n") + lenenc("v") +
                   b"SELECT 1 AS attributed")


def long_data(client):
    client.prepare("SELECT LENGTH(?), ?, ? IS NULL")
    number = struct.pack("<I", client.statement_id)
    for piece in (b"abc", b"", b"d" * 100000):
        client.command(24, number + b"\0\0" + piece)
    parameters = b"\0\x01" + b"\xfc\x00\xfd\x00\xfd\x00" + lenenc("second") + lenenc("third")
    client.execute(parameters, what="execute with long data")
    client.command(24, number + b"\0\0lost")
    client.ask("reset the statement", 26, number)
    client.execute(typed("short", 1, None))


def bulk(client):
    client.prepare("INSERT INTO other (a, b) VALUES (?, ?)")
    rows = b"".join(b"\0" + struct.pack("<q", number) + b"\0" + lenenc("bulk") for number in range(5)) + b"\x01\x01"
    client.ask("execute in bulk", 0xFA, struct.pack("<IH", client.statement_id, 128) + b"\x08\x00\xfd\x00" + rows)
    client.ask("execute in bulk, wrongly", 0xFA, struct.pack("<IH", client.statement_id, 128) + b"\x08\x00")
    client.ask("execute the last prepared", 23, struct.pack("<IBI", 0xFFFFFFFF, 0, 1) + typed(8, "last"))
