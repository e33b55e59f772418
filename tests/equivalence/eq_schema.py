"""The tables of the equivalence test: every type, key, trigger and default whose meaning a queued write could lose."""

NAMES = ("eqq0", "eqq1")  # of the queued side; the direct side has eqd0 and eqd1
AUTO_INCREMENT = ("ai", "wide", "parent", "child", "odd")

# Columns as the writer knows them: name -> kind (eq_values.py).
TYPED = {
    "ti": "int8", "tiu": "uint8", "si": "int16", "mi": "int24", "i": "int32", "bi": "int64", "biu": "uint64",
    "f": "float", "dbl": "double", "de": "decimal", "big": "bigdecimal", "da": "date", "tm": "time", "dtm": "datetime", "ts": "timestamp",
    "yr": "year", "c": "char", "vc": "text", "ci": "text", "vb": "binary", "bn": "binary8", "tx": "text", "lb": "blob", "en": "enum",
    "st": "set", "bt": "bit", "js": "json", "l1": "latin1", "gb": "gbk"}


def tables(mariadb):
    """(database, name, definition, rows to begin with), parents first."""
    bin_ci = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
    yield 0, "typed", """
        id INT PRIMARY KEY, ti TINYINT, tiu TINYINT UNSIGNED, si SMALLINT, mi MEDIUMINT, i INT DEFAULT 7, bi BIGINT, biu BIGINT UNSIGNED,
        f FLOAT, dbl DOUBLE, de DECIMAL(20,6), big DECIMAL(65,30), da DATE, tm TIME(6), dtm DATETIME(6), ts TIMESTAMP(6) NULL,
        yr YEAR, c CHAR(20) CHARACTER SET utf8mb4, vc VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci,
        ci VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, vb VARBINARY(200), bn BINARY(8), tx TEXT CHARACTER SET utf8mb4,
        lb LONGBLOB, en ENUM('', 'one', 'two', 'zwölf'), st SET('a', 'b', 'c', 'ü'), bt BIT(17), js JSON,
        l1 VARCHAR(100) CHARACTER SET latin1, gb VARCHAR(100) CHARACTER SET gbk""", [
        "INSERT INTO typed (id, i, vc, de) VALUES (1, 1, 'one', 1.5), (2, 2, 'two', 2.5), (3, 3, 'Three', -3), (4, NULL, NULL, NULL), "
        "(5, 5, 'five ', 0.000001), (6, 6, 'ÄÖÜ', 6), (7, 7, '😀', 7), (8, 8, '', 8)"]
    yield 0, "ai", """
        id INT AUTO_INCREMENT PRIMARY KEY, k INT UNIQUE, s VARCHAR(60) CHARACTER SET utf8mb4, n INT NOT NULL DEFAULT 7,
        made TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), changed DATETIME(3) DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP(3)""", [
        "INSERT INTO ai (id, k, s) VALUES (1, 1, 'first'), (2, 2, 'second'), (3, NULL, 'third')"]
    yield 0, "wide", "id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(50) CHARACTER SET utf8mb4, KEY (a)", [
        "INSERT INTO wide (id, a, b) VALUES (1, 1, 'x'), (2, 2, 'y')"]
    yield 0, "parent", "id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) CHARACTER SET utf8mb4, u INT UNIQUE", [
        "INSERT INTO parent (id, name, u) VALUES (1, 'p1', 1), (2, 'p2', 2), (3, 'p3', 3), (4, 'p4', 4)"]
    yield 0, "child", """
        id INT AUTO_INCREMENT PRIMARY KEY, p INT, note VARCHAR(40) CHARACTER SET utf8mb4,
        FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE""", [
        "INSERT INTO child (id, p, note) VALUES (1, 1, 'c1'), (2, 1, 'c2'), (3, 2, 'c3'), (4, NULL, 'c4')"]
    yield 0, "grand", "id INT PRIMARY KEY, c INT, FOREIGN KEY (c) REFERENCES child (id) ON DELETE SET NULL ON UPDATE CASCADE", [
        "INSERT INTO grand VALUES (1, 1), (2, 2), (3, 3), (4, NULL)"]
    yield 0, "strict_child", "id INT PRIMARY KEY, p INT NOT NULL, FOREIGN KEY (p) REFERENCES parent (id)", [
        "INSERT INTO strict_child VALUES (1, 3)"]
    yield 0, "gen", """
        id INT PRIMARY KEY, a INT, b VARCHAR(30) CHARACTER SET utf8mb4, twice INT AS (a * 2) STORED, up VARCHAR(30) AS (UPPER(b)) VIRTUAL,
        later DATETIME DEFAULT (NOW() + INTERVAL 1 DAY), word VARCHAR(60) DEFAULT (CONCAT('d', 1 + 1)), day VARCHAR(20) DEFAULT 'x',
        CHECK (a IS NULL OR a < 1000000)""", ["INSERT INTO gen (id, a, b, later) VALUES (1, 1, 'one', '2020-01-01'), (2, 2, 'two', '2020-01-01')"]
    yield 0, "log", "seq INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(200) CHARACTER SET utf8mb4, at DATETIME(6), mode VARCHAR(10)", []
    yield 0, "watched", "id INT PRIMARY KEY, n INT, s VARCHAR(50) CHARACTER SET utf8mb4, touched INT NOT NULL DEFAULT 0", [
        "INSERT INTO watched (id, n, s) VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c')"]
    yield 0, "uq", "a INT NOT NULL, b VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL, c INT, n INT NOT NULL DEFAULT 0, " \
        "PRIMARY KEY (a, b), UNIQUE KEY (c)", ["INSERT INTO uq VALUES (1, 'a', 1, 1), (1, 'b', 2, 2), (2, 'a', NULL, 3), (3, 'z', 9, 4)"]
    yield 0, "we``ird \"t\"", "`sel ect` INT PRIMARY KEY, `a.b` INT, `order` VARCHAR(20) CHARACTER SET utf8mb4, `ü` INT", [
        "INSERT INTO `we``ird \"t\"` VALUES (1, 1, 'x', 1), (2, 2, 'y', 2)"]
    yield 0, "odd", "x INT, id MEDIUMINT UNSIGNED NOT NULL AUTO_INCREMENT, y VARCHAR(20), PRIMARY KEY (x, id), KEY (id)", [
        "INSERT INTO odd (x, id, y) VALUES (1, 1, 'a'), (1, 2, 'b')"]
    yield 0, "pad", f"""
        id INT PRIMARY KEY, p CHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, v VARCHAR(10) CHARACTER SET utf8mb4
        COLLATE {bin_ci}, UNIQUE KEY (p), UNIQUE KEY (v)""", ["INSERT INTO pad VALUES (1, 'a', 'a'), (2, 'b', 'a '), (3, NULL, NULL)"]
    yield 0, "nopk", "a INT, b VARCHAR(20) CHARACTER SET utf8mb4", ["INSERT INTO nopk VALUES (1, 'x'), (1, 'x'), (2, 'y'), (3, NULL), (NULL, 'z')"]
    yield 0, "parts", "id INT PRIMARY KEY, n INT, s VARCHAR(20) CHARACTER SET utf8mb4", [
        "INSERT INTO parts VALUES (1, 1, 'a'), (2, 2, 'b'), (11, 3, 'c'), (12, 4, 'd')"]
    yield 0, "flat", "id INT PRIMARY KEY, n INT, s VARCHAR(20) CHARACTER SET utf8mb4", ["INSERT INTO flat VALUES (1, 1, 'a'), (2, 2, 'b')"]
    yield 1, "other", "id INT PRIMARY KEY, s VARCHAR(60) CHARACTER SET latin1, at TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6)", [
        "INSERT INTO other VALUES (1, 'o1', NULL), (2, 'o2', NULL)"]
    yield 1, "typed", "id INT PRIMARY KEY, i INT, vc VARCHAR(60) CHARACTER SET utf8mb4", ["INSERT INTO typed VALUES (1, 100, 'elsewhere')"]


TAILS = {"parts": " PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)"}
ENGINES = {"flat": "MyISAM"}

TRIGGERS = (
    "CREATE TRIGGER watched_bi BEFORE INSERT ON watched FOR EACH ROW SET NEW.touched = NEW.touched + 1, NEW.s = CONCAT(NEW.s, '+')",
    "CREATE TRIGGER watched_ai AFTER INSERT ON watched FOR EACH ROW INSERT INTO log (what, at, mode) "
    "VALUES (CONCAT('insert ', NEW.id, ' ', COALESCE(NEW.s, '-')), NOW(6), @@foreign_key_checks)",
    "CREATE TRIGGER watched_bu BEFORE UPDATE ON watched FOR EACH ROW SET NEW.touched = OLD.touched + 1",
    "CREATE TRIGGER watched_au AFTER UPDATE ON watched FOR EACH ROW INSERT INTO log (what, at, mode) "
    "VALUES (CONCAT('update ', OLD.id), NOW(6), @@time_zone)",
    "CREATE TRIGGER watched_ad AFTER DELETE ON watched FOR EACH ROW INSERT INTO log (what, at) VALUES (CONCAT('delete ', OLD.id), NOW(6))",
)
VIEWS = ("CREATE VIEW seen AS SELECT id, n, s FROM watched WHERE n < 1000 WITH CHECK OPTION",)
# What differs between two runs by nature: ids that a trigger's insert takes from a counter, which a batch that is rolled back moves.
NOT_COMPARED = {"log": {"seq"}}
ORDER = {"log": "seq"}


def quoted(name):
    return "`" + name.replace("`", "``") + "`"


def other_side(data):
    return data.replace(b"eqq", b"eqd")


def make(server, account):
    mariadb = server.kind != "mysql"
    for side in ("eqq", "eqd"):
        for at in range(len(NAMES)):
            server.run(f"CREATE DATABASE {side}{at} CHARACTER SET utf8mb4", f"GRANT ALL ON {side}{at}.* TO `{account.user}`@`%`")
        for at, name, columns, _ in tables(mariadb):
            shown = name.replace("``", "`")
            server.run(f"CREATE TABLE {quoted(shown)} ({columns}) ENGINE={ENGINES.get(name, 'InnoDB')}{TAILS.get(name, '')}",
                       database=f"{side}{at}")
        server.run(*TRIGGERS, *VIEWS, database=f"{side}0")
        for table in AUTO_INCREMENT:  # the ids that the generator names are below those that are reserved
            server.run(f"INSERT INTO {table} (id) VALUES (600000)" if table != "odd" else "INSERT INTO odd (x, id) VALUES (1, 600000)", database=f"{side}0")


def fill(server):
    """Both sides as in the beginning; the counters go on."""
    mariadb = server.kind != "mysql"
    for side in ("eqq", "eqd"):
        connection = server.admin()
        with connection.cursor() as cursor:
            cursor.execute("SET foreign_key_checks = 0, timestamp = 1600000000")
            everything = list(tables(mariadb))
            for at, name, _, _ in sorted(everything, key=lambda each: each[1] == "log"):
                cursor.execute(f"DELETE FROM {side}{at}.{quoted(name.replace('``', '`'))}")
            for at, name, _, rows in everything:
                cursor.execute(f"USE {side}{at}")
                for text in rows:
                    cursor.execute(text)
            cursor.execute(f"DELETE FROM {side}0.log")
        connection.close()


EXACT = {"float": "{0} * 1e0", "json": "CAST({0} AS CHAR)", "bit": "{0} + 0"}


def dump(server, side):
    """{table: (columns, rows)}; what can be compared of it, as bytes and without loss."""
    out = {}
    connection = server.admin(use_unicode=False, conv={})
    with connection.cursor() as cursor:
        cursor.execute("SET NAMES binary")
        cursor.execute("SET time_zone = '+00:00', sql_mode = ''")
        for at, name, _, _ in tables(server.kind != "mysql"):
            name = name.replace("``", "`")
            cursor.execute("SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = "
                           f"'{side}{at}' AND table_name = '{name}' ORDER BY ordinal_position")
            columns = [(row[0].decode(), row[1].decode()) for row in cursor.fetchall()]
            kept = [each for each in columns if each[0] not in NOT_COMPARED.get(name, ())]
            fields = ", ".join(EXACT.get(kind, "{0}").format(quoted(column)) for column, kind in kept)
            cursor.execute(f"SELECT {fields} FROM {side}{at}.{quoted(name)} ORDER BY {ORDER.get(name, '1')}")
            rows = [tuple(value.replace(b"eqd", b"eqq").replace(b"EQD", b"EQQ") if isinstance(value, bytes) else value for value in row)
                    for row in cursor.fetchall()]
            if name not in ORDER:
                rows.sort(key=repr)
            out[f"eqq{at}.{name}"] = ([column for column, _ in kept], rows)
    connection.close()
    return out
