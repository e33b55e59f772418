"""Writes from a grammar: each is a text with what the comparison has to know of it."""
import re

from eq_bound import Bound
from eq_schema import TYPED
from eq_values import RANGES, Values

CLOCK = re.compile(r"NOW|CURRENT|CURDATE|CURTIME|UTC_|LOCALTIME|SYSDATE|UNIX_TIMESTAMP\(\)|\bTIMESTAMP\(\)", re.IGNORECASE)
UPSERT = re.compile(r"IGNORE|ON DUPLICATE", re.IGNORECASE)
CLOCK_TABLES = re.compile(r"\b(ai|gen|watched|seen|other)\b")


class Write:
    """`rows`: how many an OK has to tell of, where that is certain. `generates`: its rows get ids that nobody named."""

    def __init__(self, text, rows=None, generates=False):
        self.text, self.rows, self.generates = text, rows, generates


class Writes(Bound):
    """`numbers` gives keys that are new in the whole round."""

    def __init__(self, rng, mode, numbers):
        self.rng, self.mode, self.numbers = rng, mode, numbers
        self.values = Values(rng, mode)
        self.inside = False
        self.pick, self.chance = self.values.pick, self.values.chance

    def new(self, table):
        self.numbers[table] = self.numbers.get(table, 1000) + 1
        return self.numbers[table]

    def old(self, table):
        """A key that may be there."""
        newest = self.numbers.get(table, 1000)
        return self.rng.randint(1, 4) if newest == 1000 or self.chance(0.4) else self.rng.randint(1001, newest)

    def name(self, word):
        if self.chance(0.75) and word.isascii() and word.isalnum():
            return word
        if "ANSI_QUOTES" in self.mode.sql_mode and self.chance(0.5):
            return '"' + word.replace('"', '""') + '"'
        if "MSSQL" in self.mode.sql_mode and "]" not in word and self.chance(0.5):
            return f"[{word}]"
        return "`" + word.replace("`", "``") + "`"

    def table(self, word, database=0):
        how = self.rng.random()
        name = self.name(word)
        return f"eqq{database}.{name}" if database or how < 0.12 else f"`eqq0` . {name}" if how < 0.16 else name

    # --- one write

    def next(self, live=False):
        while True:
            one = self.rng.choices(*self.kinds())[0]()
            if isinstance(one, str):
                one = Write(one)
            if self.inside and "flat" in one.text:
                continue
            if live and (CLOCK.search(one.text) or CLOCK_TABLES.search(one.text) or "DEFAULT" in one.text):
                continue
            if live and re.search(r"\b(wide|parent|child|odd)\b",
                one.text) and not one.generates and "INSERT" in one.text.upper():
                continue
            one.text = self.decorate(one.text)
            return one

    def kinds(self):
        kinds = {
            self.typed_insert: 14, self.typed_update: 8, self.ai_insert: 8, self.ai_upsert: 4, self.wide_insert: 4, self.family: 8, self.gen: 5,
            self.watched: 5, self.uq: 8, self.weird: 3, self.odd: 2, self.pad: 4, self.nopk: 4, self.parts: 2, self.several_tables: 4,
            self.from_select: 5, self.other: 4, self.flat: 1, self.view: 1, self.only_here: 3, self.delete: 3, self.typed_set: 3}
        return list(kinds), list(kinds.values())

    def columns(self):
        return self.rng.sample(list(TYPED), self.rng.randint(1, 6))

    def typed_insert(self):
        columns, count = self.columns(), self.pick(1, 1, 1, 2, 3)
        verb = self.pick("INSERT INTO", "INSERT INTO", "INSERT INTO", "insert into", "INSERT", "REPLACE INTO",
            "INSERT IGNORE INTO", "REPLACE", "INSERT LOW_PRIORITY INTO")
        rows = []
        for _ in range(count):
            key = self.new("typed") if self.chance(0.9) else self.old("typed")
            rows.append(f"({key}, {', '.join(self.values.of(TYPED[each]) for each in columns)})")
        text = f"{verb} {self.table('typed')} ({self.name('id')}, {', '.join(map(self.name, columns))}) {self.pick('VALUES', 'VALUES', 'VALUE', 'values')} {', '.join(rows)}"
        tail = ""
        if self.chance(0.12) and "IGNORE" not in verb and "REPLACE" not in verb:
            tail = self.on_duplicate(columns)
        plain = not tail and "IGNORE" not in verb and "REPLACE" not in verb
        return Write(text + tail, rows=count if plain else None)

    def on_duplicate(self, columns):
        column = columns[0]
        if not self.mode.mariadb and self.chance(0.3):
            return f" AS new_row ON DUPLICATE KEY UPDATE {column} = new_row.{column}"
        new = f"VALUES({column})" if self.chance(0.7) or not self.mode.mariadb else f"VALUE({column})"
        return f" ON DUPLICATE KEY UPDATE {column} = {self.pick(new, self.values.of(TYPED[column]), f'COALESCE({new}, {column})')}"

    def typed_set(self):
        columns = self.columns()
        return Write(f"INSERT INTO typed SET id = {self.new('typed')}, " + ", ".join(f"{each} {self.pick('=', ':=')} {self.values.of(TYPED[each])}" for each in columns), rows=1)

    def typed_update(self):
        assignments = ", ".join(f"{self.name(each)} = {self.new_value(each)}" for each in self.columns()[:3])
        where = self.pick(f"WHERE id = {self.old('typed')}", f"WHERE id IN ({self.old('typed')}, {self.old('typed')})",
            f"WHERE id BETWEEN 1 AND {self.old('typed')} ORDER BY id DESC LIMIT 2",
            f"WHERE vc = {self.values.quote(self.values.word(10))}", f"WHERE ci LIKE {self.values.quote(self.values.word(3) + '%')} ORDER BY id LIMIT 3", "WHERE i = 1 OR i IS NULL",
            f"WHERE id = {self.old('typed')} AND (de > 0 OR de IS NULL)", "ORDER BY vc, id LIMIT 1", f"WHERE id <=> {self.old('typed')}", "WHERE c = 'a'", "WHERE NOT i = 1 ORDER BY id LIMIT 2")
        return f"UPDATE {self.pick('', '', 'IGNORE ', 'LOW_PRIORITY ')}{self.table('typed')} SET {assignments} {where}"

    def new_value(self, column):
        kind = TYPED[column]
        if self.chance(0.3):
            if kind in RANGES:
                return self.pick(f"{column} + 1", f"{column} - 5", f"-{column}", f"{column} * 2", f"{column} DIV 2",
                    f"{column} + i", f"{column} / 4", f"COALESCE({column}, 1)", f"~{column}")
            if kind == "text":
                return self.pick(f"CONCAT({column}, {self.values.quote(self.values.word(5))})", f"UPPER({column})", "c", "vc",
                    f"{column} || 'x'", f"REPLACE({column}, 'a', 'b')", "l1", "gb",
                    f"IF({column} = {self.values.quote(self.values.word(4))}, 'eq', {column})", f"LENGTH({column})")
            if kind == "datetime":
                return self.pick("dtm + INTERVAL 1 DAY", "ts", "NOW(6)", "da", "COALESCE(dtm, NOW(6))",
                    "ADDTIME(NOW(6), '01:00:00')", "CAST(NOW() AS DATE)")
            if kind == "json":
                return self.pick("JSON_SET(js, '$.z', 1)", "JSON_ARRAY(js, i)", "js")
        return self.values.of(kind)

    # --- tables whose ids the server makes

    def ids(self, table, count):
        """What stands for the id in each row, None for no such column; and whether the server makes them."""
        how = self.rng.random()
        if how < 0.5:
            return None, True
        if how < 0.7:
            return ["NULL"] * count, True
        if how < 0.78:
            return ["DEFAULT"] * count, True
        if how < 0.86:
            return ["0"] * count, True
        if how < 0.97:
            return [str(500000 + self.new(table)) for _ in range(count)], False
        mixed = [self.pick("NULL", "0", str(500000 + self.new(table))) for _ in range(count)]
        return mixed, all(each in ("NULL", "0") for each in mixed)

    def insert_rows(self, table, columns, make, verb="INSERT INTO", tail=""):
        count = self.pick(1, 1, 1, 2, 4)
        ids, generates = self.ids(table, count)
        rows = []
        for at in range(count):
            rows.append(f"({', '.join(([ids[at]] if ids else []) + make())})")
        names = (["id"] if ids else []) + columns
        plain = verb.endswith("INSERT INTO") and not tail
        return Write(f"{verb} {self.table(table)} ({', '.join(map(self.name, names))}) VALUES {', '.join(rows)}{tail}",
            rows=count if plain else None, generates=generates)

    def ai_row(self):
        return [self.pick(str(self.new("ai key")), "NULL", str(self.new("ai key"))), self.values.text(60)]

    def ai_insert(self):
        if self.chance(0.1):
            return Write(f"INSERT INTO ai SET s = {self.values.text(50)}, n = {self.values.integer('int8')}", rows=1,
                generates=True)
        if self.chance(0.08):
            return Write(self.pick("INSERT INTO ai () VALUES ()",
                "INSERT INTO ai VALUES (NULL, NULL, DEFAULT, DEFAULT, DEFAULT, DEFAULT)", "INSERT INTO ai () VALUES (), ()",
                "INSERT ai VALUES (DEFAULT, NULL, 'x', 1, NOW(6), NULL)"), generates=True)
        if self.chance(0.1):
            return self.insert_rows("ai", ["k", "s", "n", "made"], lambda: self.ai_row() + ["3", self.values.datetime()])
        return self.insert_rows("ai", ["k", "s"], self.ai_row)

    def ai_upsert(self):
        key = self.old("ai key")
        return self.pick(
            f"INSERT INTO ai (k, s) VALUES ({key}, {self.values.text(30)}) ON DUPLICATE KEY UPDATE n = n + 1, s = VALUES(s)",
            f"INSERT IGNORE INTO ai (k, s) VALUES ({key}, 'ignored'), ({self.new('ai key')}, {self.values.text(30)})",
            Write(f"REPLACE INTO ai (k, s) VALUES ({key}, {self.values.text(30)})", generates=True),
            f"INSERT INTO ai (id, k, s) VALUES ({self.old('ai')}, {self.new('ai key')}, 'by id') ON DUPLICATE KEY UPDATE s = CONCAT(s, '!')",
            f"INSERT INTO ai (k) VALUES ({key}) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), n = 9",
            f"UPDATE ai SET n = n + 1, s = {self.values.text(40)} WHERE k = {key}", f"UPDATE ai SET s = s WHERE k = {key}",
            f"UPDATE ai SET n = n + 1 WHERE id = LAST_INSERT_ID()", f"DELETE FROM ai WHERE k = {key} LIMIT 1", f"UPDATE ai SET k = k + 100000 WHERE k > 3 ORDER BY k DESC LIMIT 2")

    def wide_insert(self):
        if self.mode.has_id and self.chance(0.4):
            return Write(f"INSERT INTO wide (a, b) VALUES (LAST_INSERT_ID(), {self.values.text(40)})", rows=1, generates=True)
        return self.insert_rows("wide", ["a", "b"], lambda: [self.values.integer("int32"), self.values.text(50)],
            self.pick("INSERT INTO", "INSERT INTO", "insert INTO"))

    def odd(self):
        return self.insert_rows("odd", ["x", "y"], lambda: [self.pick("1", "2", "3"), "'o'"])

    # --- keys

    def family(self):
        mode = self.mode
        parent, last = self.old("parent"), "LAST_INSERT_ID()" if mode.has_id else "NULL"
        return self.pick(
            self.insert_rows("parent", ["name", "u"], lambda: [self.values.text(40), str(self.new("u"))]),
            self.insert_rows("child", ["p", "note"], lambda: [self.pick("1", "2", "3", "NULL", str(parent)), "'of'"]),
            Write(f"INSERT INTO child (p, note) VALUES ({last}, 'last')", rows=1, generates=True),
            Write(f"INSERT INTO child (p, note) VALUES ({last}, 'a'), ({last}, 'b')", rows=2, generates=True),
            Write(f"INSERT INTO parent (id, name) VALUES ({self.new('parent')}, 'named')", rows=1),
            Write(f"DELETE FROM parent WHERE id = {parent}"), Write(f"UPDATE parent SET id = id + 100000 WHERE id = {parent}"), Write(f"DELETE FROM child WHERE id = {self.pick(1, 2, 3, 4)}"),
            Write(f"INSERT INTO grand VALUES ({self.new('grand')}, {self.pick(1, 2, 3, 4, 77)})",
                rows=1), Write(f"INSERT IGNORE INTO grand VALUES ({self.new('grand')}, 999), ({self.new('grand')}, 1)"),
            Write(f"REPLACE INTO parent (id, name) VALUES ({parent}, 'again')"), Write(f"UPDATE IGNORE child SET p = {self.pick(1, 2, 888)} WHERE p IS NOT NULL ORDER BY id LIMIT 2"),
            Write(f"INSERT INTO strict_child VALUES ({self.new('strict')}, {self.pick(1, 2, 3, parent)})",
                rows=1), Write("DELETE FROM parent ORDER BY id DESC LIMIT 1"),
            Write("UPDATE child JOIN parent ON child.p = parent.id SET child.note = parent.name WHERE parent.id < 3"))

    def uq(self):
        a, b = self.pick(1, 2, 3, self.new("uq")), self.values.quote(self.pick("a", "b", "A", "a ",
            "ä" if self.mode.can("ä") else "c", "z"))
        c = self.pick("NULL", "1", "2", "9", str(self.new("uq c")))
        row = f"({a}, {b}, {c})"
        return self.pick(
            f"INSERT INTO uq (a, b, c) VALUES {row}", f"INSERT IGNORE INTO uq (a, b, c) VALUES {row}, ({a}, {b}, NULL)", f"REPLACE INTO uq (a, b, c) VALUES {row}",
            f"INSERT INTO uq (a, b, c) VALUES {row} ON DUPLICATE KEY UPDATE n = n + VALUES(a), c = VALUES(c)", f"INSERT INTO uq (a, b, c) VALUES {row} ON DUPLICATE KEY UPDATE n = n + 1",
            f"UPDATE uq SET n = n + 1, c = n WHERE a = {a} AND b = {b}", f"UPDATE uq SET a = n, n = a WHERE a = {a}", f"DELETE FROM uq WHERE a = {a} AND b = {b}", f"UPDATE uq SET c = c + 1 ORDER BY c DESC",
            f"REPLACE INTO uq SET a = {a}, b = {b}, c = {c}, n = DEFAULT(n) + 5", f"UPDATE uq SET b = UPPER(b) WHERE b < 'c' ORDER BY a, b LIMIT 1", f"DELETE FROM uq WHERE b = {b} ORDER BY a LIMIT 1")

    def pad(self):
        word = self.values.quote(self.pick("a", "a ", "A", "b\t", "c", "", " ", "x  "))
        return self.pick(f"INSERT INTO pad VALUES ({self.new('pad')}, {word}, {word})",
            f"INSERT IGNORE INTO pad VALUES ({self.new('pad')}, {word}, NULL)", f"UPDATE pad SET v = {word} WHERE p = {word}",
            f"REPLACE INTO pad VALUES ({self.new('pad')}, NULL, {word})", f"DELETE FROM pad WHERE v = {word}", f"UPDATE pad SET p = CONCAT(p, ' ') WHERE id = {self.old('pad')}",
            f"INSERT INTO pad (id, v) SELECT {self.new('pad')}, CONCAT('[', p, ']') FROM pad WHERE id = 1")

    # --- special tables

    def gen(self):
        key, old = self.new("gen"), self.old("gen")
        a = self.values.integer("int16")
        return self.pick(
            Write(f"INSERT INTO gen (id, a, b) VALUES ({key}, {a}, {self.values.text(30)})",
                rows=1), Write(f"INSERT INTO gen (id) VALUES ({key})", rows=1),
            Write(f"INSERT INTO gen (id, a, later) VALUES ({key}, 5, DEFAULT), ({self.new('gen')}, 6, NOW())",
                rows=2), Write(f"UPDATE gen SET a = a + 1, b = {self.values.text(20)} WHERE id = {old}"),
            Write(f"INSERT INTO gen (id, a, twice) VALUES ({key}, 5, DEFAULT)",
                rows=1), Write(f"UPDATE gen SET word = DEFAULT, later = DEFAULT WHERE id = {old}"),
            Write(f"UPDATE gen SET day = DAYNAME('2024-01-01') WHERE up = {self.values.quote('ONE')}"), Write(f"INSERT INTO gen (id, a) VALUES ({key}, 2000000)"), Write(f"UPDATE gen SET a = twice WHERE id = {old}"),
            Write(f"REPLACE INTO gen (id, a, word) VALUES ({old}, 3, UPPER('w'))"), Write(f"INSERT INTO gen (id, b, day) VALUES ({key}, {self.values.text(30)}, DEFAULT(day))", rows=1))

    def watched(self):
        key, old = self.new("watched"), self.old("watched")
        return self.pick(
            f"INSERT INTO watched (id, n, s) VALUES ({key}, {self.values.integer('int32')}, {self.values.text(40)})", f"INSERT INTO watched (id, n) VALUES ({key}, 1), ({self.new('watched')}, 2)",
            f"UPDATE watched SET n = n + 1 WHERE id = {old}", "UPDATE watched SET s = CONCAT('u', s) ORDER BY id DESC LIMIT 2", f"DELETE FROM watched WHERE id = {old}",
            f"REPLACE INTO watched (id, n) VALUES ({old}, 4)", f"INSERT INTO watched (id, n) VALUES ({old}, 4) ON DUPLICATE KEY UPDATE n = n + 100", f"INSERT IGNORE INTO watched (id, n) VALUES ({old}, 5)")

    def weird(self):
        table, key = self.name('we`ird "t"'), self.new("weird")
        column, order, umlaut = self.name("a.b"), self.name("order") if "order" != "order" else "`order`", "`ü`" if self.mode.can("ü") else "`a.b`"
        return self.pick(
            f"INSERT INTO {table} ({self.name('sel ect')}, {column}, {order}) VALUES ({key}, 1, {self.values.text(20)})", f"UPDATE {table} SET {column} = 5, {umlaut} = 3 WHERE {self.name('sel ect')} = {self.old('weird')}",
            f"REPLACE INTO {table} VALUES ({key}, 2, 'r', 4)", f"DELETE FROM {table} WHERE {table}.{column} = 5 LIMIT 1", f"INSERT INTO eqq0.{table} SET {self.name('sel ect')} = {key}, {umlaut} = 9")

    def nopk(self):
        return self.pick(
            Write(f"INSERT INTO nopk VALUES ({self.values.integer('int32')}, {self.values.text(20)})",
                rows=1), Write(f"INSERT INTO nopk SELECT a, b FROM nopk ORDER BY a, b LIMIT 2"),
            Write("UPDATE nopk SET b = CONCAT(b, '.') WHERE a = 1 LIMIT 1"), Write("DELETE FROM nopk WHERE a = 1 ORDER BY b LIMIT 1"), Write("UPDATE nopk SET a = a + 1 WHERE b IS NOT NULL ORDER BY a, b LIMIT 2"),
            Write(f"INSERT INTO nopk (b) VALUES ({self.values.text(20)}), ({self.values.text(20)})",
                rows=2), Write("REPLACE INTO nopk VALUES (5, 'r')"), Write("DELETE FROM nopk WHERE a <=> NULL"))

    def parts(self):
        key = self.new("parts")
        return self.pick(f"INSERT INTO parts VALUES ({key}, 1, {self.values.text(20)})",
            f"INSERT INTO parts PARTITION (p1) VALUES ({key}, 2, 'p')", "UPDATE parts PARTITION (p0) SET n = n + 1", "DELETE FROM parts PARTITION (p1) WHERE n = 3",
            f"INSERT INTO parts PARTITION (p0) VALUES ({key}, 2, 'wrong')", f"UPDATE parts SET id = id + 20 WHERE id = {self.old('parts')}")

    def flat(self):
        key = self.new("flat")
        return self.pick(f"INSERT INTO flat VALUES ({key}, 1, {self.values.text(20)})",
            f"INSERT INTO flat VALUES ({key}, 1, 'm'), (1, 2, 'twice'), ({self.new('flat')}, 3, 'not')", "UPDATE flat SET n = n + 1",
            f"DELETE FROM flat WHERE id = {self.old('flat')}", f"REPLACE INTO flat (id, n) VALUES ({self.old('flat')}, 8)")

    def view(self):
        return self.pick("UPDATE seen SET n = n + 1 WHERE id = 1",
            f"INSERT INTO seen (id, n, s) VALUES ({self.new('watched')}, 3, 'v')", f"INSERT INTO seen VALUES ({self.new('watched')}, 5000, 'no')", "DELETE FROM seen WHERE n = 20")

    def other(self):
        table, key = self.table("other", 1), self.new("other")
        return self.pick(
            Write(f"INSERT INTO {table} (id, s) VALUES ({key}, {self.values.text(60)})",
                rows=1), Write(f"UPDATE {table} SET s = CONCAT(s, {self.values.text(20)}) WHERE id = {self.old('other')}"),
            Write(f"INSERT INTO {self.table('typed', 1)} VALUES ({self.new('typed1')}, 5, {self.values.text(50)})",
                rows=1), Write(f"UPDATE {self.table('typed', 1)}, {self.table('typed')} SET eqq1.typed.i = 3 WHERE eqq1.typed.id = eqq0.typed.id"),
            Write(f"DELETE FROM {table} WHERE id = {self.old('other')}"), Write(f"REPLACE INTO {table} (id, s, at) VALUES ({self.old('other')}, 'r', {self.values.datetime()})"))

    def several_tables(self):
        key = self.old("typed")
        return self.pick(
            f"UPDATE typed t JOIN uq u ON t.id = u.a SET t.i = u.n, u.n = u.n + 1 WHERE t.id = {key}", f"UPDATE typed, wide SET typed.vc = wide.b WHERE typed.id = wide.id", "DELETE uq FROM uq JOIN wide ON uq.a = wide.id WHERE uq.n > 5",
            f"DELETE FROM n, u USING nopk AS n JOIN uq AS u ON n.a = u.a WHERE u.n = 77", f"UPDATE typed SET i = (SELECT MAX(n) FROM uq) WHERE id = {key}", f"DELETE FROM typed WHERE id IN (SELECT a + 1005 FROM uq) AND i = 5",
            f"UPDATE typed LEFT JOIN other_missing o ON 1 = 0 SET typed.i = 1 WHERE typed.id = {key}" if self.chance(0.1) else f"UPDATE typed t LEFT JOIN uq u ON u.a = t.id SET t.vc = COALESCE(u.b, 'none') WHERE t.id = {key}",
            f"DELETE t1 FROM typed t1, typed t2 WHERE t1.id = t2.id + 1 AND t1.id = {key}", f"UPDATE typed a, (SELECT COUNT(*) c FROM uq) q SET a.bi = q.c WHERE a.id = {key}", f"DELETE IGNORE FROM parent WHERE id IN (SELECT p FROM child WHERE note = 'c3')")

    def from_select(self):
        key = self.new("typed")
        return self.pick(
            f"INSERT INTO typed (id, vc, i) SELECT {key}, vc, i FROM typed WHERE id = {self.old('typed')}", f"INSERT INTO typed (id, dtm, vc) SELECT {key}, NOW(6), CONCAT(@@session.time_zone) FROM eqq1.other WHERE id = 1",
            f"INSERT INTO typed (id, c, vb) SELECT {key}, c, c FROM typed WHERE id = 1", f"INSERT INTO typed (id, vc) WITH q AS (SELECT 'cte' w) SELECT {key}, w FROM q", f"INSERT INTO typed (id, tx) SELECT {key}, GROUP_CONCAT(vc ORDER BY id SEPARATOR '|') FROM typed WHERE id < 6",
            f"INSERT INTO typed (id, i) (SELECT {key}, 5)", f"INSERT IGNORE INTO typed (id, i) SELECT id, 9 FROM typed WHERE id < 4", f"REPLACE INTO typed (id, vc) SELECT {self.old('typed')}, MAX(b) FROM uq", f"INSERT INTO wide (a, b) SELECT a, b FROM nopk ORDER BY a LIMIT 1",
            f"INSERT INTO typed (id, i) SELECT a, n FROM uq WHERE a < 4 ORDER BY a, b LIMIT 1 ON DUPLICATE KEY UPDATE typed.i = typed.i + uq.n", f"INSERT INTO typed (id, i) SELECT {key}, 1 UNION SELECT {self.new('typed')}, 2", f"INSERT INTO typed (id, de, dbl) SELECT {key}, AVG(i), SUM(i) / 7 FROM typed WHERE id < 9",
            f"INSERT INTO typed (id, vc, dtm) SELECT {key}, DATE_FORMAT(NOW(), '%W %M'), FROM_UNIXTIME(1700000000)", f"INSERT INTO typed (id, tx) SELECT {key}, vc FROM typed WHERE vc = {self.values.quote(self.values.word(6))} LIMIT 1")

    def only_here(self):
        """What one flavour alone understands, or reads otherwise."""
        key = self.new("typed")
        both = [f"INSERT INTO typed (id /*!40101 , i */) VALUES ({key} /*!40101 , 41 */)",
            f"INSERT INTO typed (id /*!80000 , si */) VALUES ({key} /*!80000 , 80 */)", f"INSERT INTO typed (id, i) VALUES ({key}, 1 /*!999999 + 1 */)",
                f"INSERT INTO typed (id, i) VALUES ({key}, 1 /*M! + 1 */)", f"INSERT INTO typed (id, i) VALUES ({key}, 1 /*M!100100 + 2 */)", f"/*! INSERT */ INTO typed (id, i) VALUES ({key}, 6)", f"INSERT INTO typed (id, i) VALUES ({key}, 3-- 2\n)", f"INSERT INTO typed (id, i) VALUES ({key}, 3--2)",
                f"INSERT INTO typed (id, i) VALUES ({key}, 3# 2\n)", f"UPDATE typed SET i = 1 /*! , si = 2 */ WHERE id = {self.old('typed')}", f"INSERT INTO typed (id, vc) VALUES ({key}, {self.values.quote('a')} /* ' */)", f"INSERT INTO typed (id, i) VALUES ({key}, 1e0), ({self.new('typed')}, 1.)"]
        if self.mode.mariadb:
            both += [f"DELETE FROM typed WHERE id = {self.old('typed')} RETURNING id",
                Write("INSERT INTO ai (s) VALUES ('ret') RETURNING id",
                generates=True), f"INSERT INTO typed (id, vc) VALUES ({key}, 'x') RETURNING vc", f"SET STATEMENT sql_mode = '' FOR INSERT INTO typed (id, ti) VALUES ({key}, 1000)",
                     f"UPDATE typed SET i = i + 1, si = i WHERE id = {self.old('typed')}", f"INSERT INTO typed (id, i) VALUES ({key}, DEFAULT(i))", f"INSERT INTO typed (id, vc) VALUES ({key}, IGNORE)"]
        else:
            both += [f"INSERT INTO typed (id, i) VALUES ROW({key}, 1), ROW({self.new('typed')}, 2)",
                f"INSERT INTO typed (id, vc) TABLE nothing", f"INSERT INTO typed (id, i) SELECT * FROM (VALUES ROW({key}, 5)) q", f"UPDATE /*+ SET_VAR(sql_mode = '') */ typed SET ti = 1000 WHERE id = {self.old('typed')}",
                     f"INSERT /*+ SET_VAR(time_zone = '+05:00') */ INTO typed (id, dtm) VALUES ({key}, NOW())", f"WITH q AS (SELECT 1 a) UPDATE typed SET i = (SELECT a FROM q) WHERE id = {self.old('typed')}", f"INSERT INTO typed (id, vc) VALUES ({key}, $$dollar$$)"]
        return self.rng.choice(both)

    def delete(self):
        return self.pick(f"DELETE FROM typed WHERE id = {self.old('typed')}",
            f"DELETE FROM typed WHERE id > 1000 ORDER BY id LIMIT 1", f"DELETE QUICK FROM wide WHERE a = {self.values.integer('int16')}", f"DELETE LOW_PRIORITY IGNORE FROM uq WHERE c = 9",
            f"DELETE FROM typed WHERE vc = {self.values.text(20)} LIMIT 1", f"DELETE FROM grand WHERE id = {self.old('grand')}")

    def decorate(self, text):
        how = self.rng.random()
        if how < 0.80:
            return text
        ansi = self.pick("/* c */ ", "-- note\n", "# note\n", "/**/", "\n\t ", "/*! */ ", "/* ; ' */", "  ")
        return self.pick(ansi + text, text + ";", text + " ", text + " -- end", text + " # end", text + "/* x */;",
            text.replace(" ", "\n", 1), text.replace(" ", "/**/", 1), text.replace(" ", "  /* a */ ", 2))
