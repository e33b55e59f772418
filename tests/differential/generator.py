"""Statements for the comparison with a server: from a grammar, and mutated at the places where a lexer may be fooled.

Everything follows from the random numbers that are given. Tables: t, u, x in the default database d1, t and w in d2.
"""
import os
import re

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLES = ["t", "u", "x", "d1.t", "d1.x", "d2.t", "d2.w", "`t`", "`d2`.`w`", "T", "d1 . u", "d2. w", ".t"]
COLUMNS = ["a", "b", "id", "t.a", "d1.t.b", "`a`", "u.b", "x.a"]
VARIABLES = ["@a", "@b", "@`a`", "@'b'", "@\"a\"", "@@autocommit", "@@session.sql_mode", "@@timestamp", "@@identity", "@"]
LITERALS = ["1", "0", "-1", "1.5", ".5", "1e2", "0x41", "x'41'", "b'01'", "0b1", "NULL", "TRUE", "'x'", "''", "'it''s'",
    "'a\\'b'", "'\\\\'",
            "\"x\"", "\"t\"", "\"a\\\"b\"", "N'x'", "_utf8mb4'x'", "_gbk x'bf5c'", "DATE '2024-02-29'", "{d '2024-01-01'}",
            "\\N", "1a", "'a' 'b'",
            "'/*'", "'--'", "';'", "'*/'", "DEFAULT", "'@a'", "_latin1\"x\"", "1.e1", "'x'\"y\"", "NOW()", "CURRENT_DATE"]
BODIES = ["DROP TABLE d1.m", "FOR UPDATE", "INTO @a", "; DELETE FROM d1.x", "UNION SELECT a FROM d2.w", ", d2.w",
    "LOCK IN SHARE MODE",
          "WHERE 1", "'", "\"", "`", ";", "--", "#", "SQL_CALC_FOUND_ROWS", "@a := 1,", "spoil(1),", "GET_LOCK('l', 0),",
          "NEXTVAL(sq),",
          "INTO OUTFILE '/nowhere/x'", "IGNORE", "t", "*", "SELECT", "1 +", "FROM d2.w", "LAST_INSERT_ID(5),",
          "ON DUPLICATE KEY UPDATE a = 1",
          "RETURNING a", ") SELECT 1 FROM d2.w (", ", a = (SELECT COUNT(*) FROM d2.w)", "JOIN d2.w", "SET @a = 1;", "COMMIT;"]
VERSIONS = ["", "40000", "50000", "50100", "50700", "50701", "80000", "80017", "90000", "90700", "90704", "99999", "100000",
    "100100", "101100",
            "101114", "110800", "999999", "5070", "0", "00000", "080000", "50000 ", "M", "!"]


def function_names():
    """All that the lexer takes for built-in; some are stored functions here, where the server has none."""
    with open(os.path.join(PROJECT, "protocol/sql/function_names.hpp")) as file:
        text = file.read()
    text = text.split("before_parenthesis", 1)[1].split("inline", 1)[1].split("not_alias", 1)[0]
    words = re.findall(r"[A-Z][A-Z0-9_]+", " ".join(re.findall(r'"([^"]*)"', text)))
    return sorted(set(words) - {"SLEEP", "BENCHMARK", "SELECT", "MASTER_POS_WAIT", "SOURCE_POS_WAIT", "MASTER_GTID_WAIT",
                                "WAIT_FOR_EXECUTED_GTID_SET", "WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS"})


FUNCTIONS = function_names()


def corpus():
    folder = os.path.join(PROJECT, "tests/fuzz/corpus/sql")
    texts = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            text = file.read()[3:]
        if len(text) < 400 and not re.search(rb"sleep|benchmark|wait|shutdown|kill", text, re.I):
            texts.append(text)
    return texts


CORPUS = corpus()


class Generator:
    def __init__(self, rng, mariadb):
        self.rng, self.mariadb, self.depth = rng, mariadb, 0
        self.plain = rng.random() < 0.6  # of parts that the server mostly takes

    def one_of(self, *options):
        chosen = self.rng.choice(options)
        return chosen() if callable(chosen) else chosen

    def maybe(self, text, chance=0.3):
        if self.rng.random() >= chance:
            return ""
        return " " + (text() if callable(text) else text)

    def some(self, make, most=3, separator=", "):
        return separator.join(make() for _ in range(self.rng.randrange(1, most + 1)))

    # --- parts

    def table(self):
        return self.rng.choice(TABLES[:-4] if self.plain else TABLES)

    def column(self):
        return self.rng.choice(["a", "b", "id", "`a`"] if self.plain else COLUMNS)

    def expression(self):
        self.depth += 1
        try:
            if self.depth > 4:
                return self.rng.choice(LITERALS)
            if self.plain:
                return self.one_of(
                    lambda: self.rng.choice(["1", "2", "NULL", "'x'", "'it''s'", "'a\\'b'", "1.5", "0x41", "NOW()", "\"x\"",
                    "_utf8mb4'x'", "N'x'"]), "1", "2", "'y'",
                    self.column, self.column, self.valid_call,
                    lambda: f"{self.expression()} {self.rng.choice(['+', '=', '<', 'AND', 'OR', '<=>'])} {self.expression()}",
                    lambda: f"({self.expression()})",
                    lambda: f"(SELECT {self.one_of('COUNT(*)', 'MAX(a)')} FROM {self.tables()})",
                    lambda: f"EXISTS ({self.query()})",
                    lambda: self.rng.choice(VARIABLES[:7]), lambda: f"{self.column()} IN (SELECT a FROM {self.table()})",
                    lambda: f"CASE WHEN {self.expression()} THEN 1 ELSE {self.expression()} END")
            return self.one_of(
                lambda: self.rng.choice(LITERALS), lambda: self.rng.choice(LITERALS), self.column, self.column,
                lambda: f"{self.expression()} {self.rng.choice(['+', '-', '=', '<', 'AND', 'OR', 'LIKE', '||', 'DIV', '<=>', '--', ':='])} {self.expression()}",
                lambda: f"({self.expression()})", self.call, self.call, lambda: self.rng.choice(VARIABLES),
                lambda: f"({self.query()})", lambda: f"EXISTS ({self.query()})", lambda: f"{self.column()} IN ({self.query()})",
                lambda: f"CASE WHEN {self.expression()} THEN {self.expression()} ELSE {self.expression()} END",
                lambda: f"{self.expression()} IS DISTINCT FROM {self.expression()}", lambda: f"{self.column()} BETWEEN 1 AND 2",
                lambda: f"CAST({self.expression()} AS CHAR)", lambda: f"TRIM(LEADING 'x' FROM {self.expression()})",
                lambda: f"EXTRACT(DAY FROM {self.expression()})", lambda: f"SUBSTRING({self.expression()} FROM 1 FOR 2)",
                lambda: f"INTERVAL 1 DAY + {self.expression()}", lambda: f"MATCH (b) AGAINST ('x')",
                lambda: f"{self.column()} COLLATE utf8mb4_bin", lambda: f"ROW(1, {self.expression()})",
                lambda: f"{self.variable_assign()}",
                lambda: f"JSON_VALUE('{{}}', '$.a' NULL ON EMPTY)", lambda: f"COUNT(*) OVER (PARTITION BY {self.column()})")
        finally:
            self.depth -= 1

    def variable_assign(self):
        return f"@a := {self.expression()}" if self.rng.random() < 0.3 else "1"

    def valid_call(self):
        return self.one_of(
            lambda: f"CONCAT({self.expression()}, 'x')", lambda: f"IF({self.expression()}, 1, 2)",
            lambda: f"COALESCE({self.expression()}, 1)", "RAND()", "UUID()",
            lambda: f"{self.one_of('spoil', 'd1.spoil', '`spoil`', 'd2 . spoil', 'd1.`spoil`')}(1)", "LAST_INSERT_ID()",
            "GET_LOCK('l', 0)", "NEXTVAL(sq)", "LAST_INSERT_ID(9)", "DATABASE()",
            lambda: f"{self.rng.choice(FUNCTIONS)}{self.one_of('', ' ', '/**/')}(1)",
            lambda: f"{self.rng.choice(FUNCTIONS)}(1)", lambda: f"`{self.rng.choice(FUNCTIONS)}`(1)",
            lambda: f"{self.rng.choice(FUNCTIONS).lower()} (1)", lambda: f"{self.rng.choice(FUNCTIONS)}()")

    def call(self):
        name = self.one_of(lambda: self.rng.choice(FUNCTIONS), lambda: self.rng.choice(FUNCTIONS),
                           "spoil", "d1.spoil", "`spoil`", "LAST_INSERT_ID", "GET_LOCK", "NEXTVAL", "CONCAT", "IF", "COUNT",
                           "NOW", "d2.spoil")
        name = self.one_of(name, name, name.lower(), f"`{name}`" if "`" not in name and "." not in name else name)
        blank = self.one_of("", "", "", " ", "/**/", "\n")
        if name == "GET_LOCK":
            return f"GET_LOCK{blank}('l', 0)"
        if name == "NEXTVAL":
            return self.one_of("NEXTVAL(sq)", "NEXT VALUE FOR sq", "sq.NEXTVAL", "d1.sq.nextval", "LASTVAL(sq)",
                "PREVIOUS VALUE FOR sq",
                               "SETVAL(sq, 100)", "NEXTVAL(d1.sq)", "next value for d1.sq")
        arguments = self.one_of(self.expression, self.expression, self.expression, "", lambda: self.some(self.expression), "*",
            "DISTINCT a")
        return f"{name}{blank}({arguments})"

    def alias(self):
        return self.maybe(lambda: self.one_of("AS y", "y", "`y`", "'y'", "AS 'y'", "\"y\"", "AS `for`", "z"), 0.4)

    def factor(self):
        if self.plain:
            return self.one_of(lambda: self.table() + self.maybe(lambda: self.one_of("y", "AS y", "`z`"), 0.2),
                lambda: self.table(), lambda: self.table(),
                               lambda: f"({self.query()}) AS {self.one_of('q', 'q2')}", lambda: f"({self.table()})")
        return self.one_of(
            lambda: self.table() + self.alias(), lambda: self.table() + self.alias(), lambda: self.table(),
            lambda: self.table(),
            lambda: f"({self.query()}) AS q", lambda: f"({self.table()})", lambda: f"({self.table()}, {self.table()} y)",
            lambda: f"{{ OJ {self.table()} LEFT OUTER JOIN u ON 1 }}", lambda: f"({self.table()} JOIN {self.table()} k)",
            lambda: f"{self.table()} USE INDEX (PRIMARY)", lambda: f"{self.table()} y FORCE INDEX FOR JOIN (PRIMARY)",
            lambda: f"{self.table()} PARTITION (p0) y", lambda: f"LATERAL ({self.query()}) AS l", "dual",
            lambda: "JSON_TABLE('[1]', '$[*]' COLUMNS (a INT PATH '$')) AS j",
            lambda: f"({self.table()} NATURAL JOIN {self.table()})")

    def tables(self):
        if self.plain:
            return self.factor() + self.one_of("", "", "", f" NATURAL JOIN {self.table()}",
                f" NATURAL LEFT JOIN {self.table()}")
        return self.factor() + "".join(
            self.one_of(", ", " JOIN ", " LEFT JOIN ", " STRAIGHT_JOIN ", " NATURAL JOIN ", " CROSS JOIN ", " INNER JOIN ") +
            self.factor() +
            self.one_of("", " ON 1", f" USING (a)", f" ON {self.expression()}") for _ in range(self.rng.choice([0, 0, 0, 1, 1,
            2])))

    def tail(self):
        return (self.maybe(lambda: f"WHERE {self.expression()}", 0.4) + self.maybe(lambda: f"GROUP BY {self.column()}", 0.1) +
                self.maybe("WITH ROLLUP", 0.02) + self.maybe(lambda: f"HAVING {self.expression()}", 0.05) +
                self.maybe("WINDOW w AS (ORDER BY a)", 0.02) +
                self.maybe(lambda: f"ORDER BY {self.column()}", 0.2) + self.maybe("LIMIT 1", 0.2) +
                self.maybe("OFFSET 1", 0.02) +
                self.maybe("PROCEDURE ANALYSE()", 0.01) +
                self.maybe(lambda: self.one_of("FOR UPDATE", "FOR SHARE", "LOCK IN SHARE MODE", "FOR UPDATE SKIP LOCKED",
                "FOR SHARE OF t NOWAIT"), 0.04) +
                self.maybe(lambda: self.one_of("INTO @a", "INTO OUTFILE '/nowhere/x'", "INTO @a, @b",
                "INTO DUMPFILE '/nowhere/x'"), 0.03))

    def select(self):
        return ("SELECT" + self.maybe(lambda: self.one_of("DISTINCT", "ALL", "SQL_CALC_FOUND_ROWS", "SQL_NO_CACHE",
            "HIGH_PRIORITY", "STRAIGHT_JOIN",
                                                          "/*+ SET_VAR(sort_buffer_size = 100000) */", "/*+ NO_ICP(t) */"),
                                                          0.15) + " " +
                self.one_of("*", "1", lambda: self.some(self.expression, 2), lambda: self.some(self.expression, 2), "t.*",
                "COUNT(*)") +
                self.maybe(lambda: f"FROM {self.tables()}", 0.8) + self.tail())

    def query(self):
        self.depth += 1
        try:
            if self.depth > 3:
                return self.one_of("SELECT 1", "SELECT a FROM d2.w", "TABLE u", "VALUES (1)", "VALUES ROW(1)")
            return self.one_of(
                self.select, self.select, self.select, self.select, lambda: f"TABLE {self.table()}{self.tail()}",
                lambda: "VALUES ROW(1, 2), ROW(3, 4)",
                lambda: f"VALUES (1), ({self.expression()})", lambda: f"({self.query()})", self.with_query,
                lambda: f"{self.query()} {self.one_of('UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT', 'MINUS')} {self.query()}",
                lambda: f"({self.query()}) UNION ({self.query()}) {self.tail()}")
        finally:
            self.depth -= 1

    def with_clause(self):
        return "WITH " + self.one_of("", "", "RECURSIVE ") + self.one_of(
            lambda: f"c AS ({self.query()})", lambda: f"t AS ({self.query()})",
            lambda: f"c (a) AS ({self.query()}), u AS (SELECT * FROM c)",
            lambda: f"c AS (SELECT 1 AS a UNION SELECT a + 1 FROM c WHERE a < 3)",
            lambda: f"x AS ({self.query()}), c AS (SELECT * FROM x)",
            lambda: f"`c` AS (WITH t AS ({self.query()}) SELECT * FROM t)")

    def with_query(self):
        return f"{self.with_clause()} SELECT {self.one_of('*', '1', 'a')} FROM {self.one_of('c', 'c, t', 't', 'x', 'c JOIN u', 'd1.t')}{self.tail()}"

    # --- statements

    def values(self):
        if self.plain:
            return self.one_of(
                lambda: f"(a, b) VALUES {self.some(lambda: f'({self.expression()}, {self.expression()})', 2)}",
                lambda: f"(id, a) {self.one_of('VALUES', 'VALUE')} (NULL, {self.expression()})",
                lambda: f"SET a = {self.expression()}", lambda: f"(a) SELECT a FROM {self.tables()}",
                lambda: f"(a, b) (SELECT a, b FROM {self.table()} WHERE {self.expression()})",
                lambda: f"VALUES (NULL, {self.expression()}, {self.expression()})", "() VALUES ()",
                lambda: f"(a) {self.with_clause()} SELECT a FROM {self.table()}",
                lambda: f"(a) VALUES (1), ({self.expression()})",
                lambda: "(a) VALUES ROW(1), ROW(2)", lambda: f"SELECT NULL, a, b FROM {self.table()}", lambda: "(a) TABLE d1.m")
        return self.one_of(
            lambda: f"{self.one_of('VALUES', 'VALUE')} {self.some(lambda: f'({self.some(self.expression, 3)})', 2)}",
            lambda: f"VALUES {self.some(lambda: f'(NULL, {self.expression()}, {self.expression()})', 2)}", "VALUES ()",
            lambda: f"SET {self.assignments()}",
            self.query, lambda: f"({self.query()})", "VALUES ROW(NULL, 1, 2), ROW(NULL, 2, 3)",
            lambda: f"SET a = {self.expression()}",
            lambda: f"SELECT NULL, a, b FROM {self.tables()}", lambda: f"TABLE {self.table()}")

    def assignments(self):
        return self.some(lambda: f"{self.column()} = {self.expression()}", 2)

    def insert(self):
        return (self.one_of("INSERT", "INSERT", "REPLACE") + self.maybe(lambda: self.one_of("IGNORE", "LOW_PRIORITY", "DELAYED",
            "HIGH_PRIORITY"), 0.2) +
                self.maybe("INTO", 0.8) + f" {self.table()}" + self.maybe("PARTITION (p0)", 0.03) +
                (" " if self.plain else self.one_of("", "", " (a, b)", " (a)", " ()", " (id, a, b)", " (t.a)", " (d1.t.a, b)") +
                " ") + self.values() +
                self.maybe(lambda: self.one_of("AS n", "AS n(p, q)"), 0.05) +
                self.maybe(lambda: f"ON DUPLICATE KEY UPDATE {self.assignments()}", 0.15) +
                self.maybe(lambda: f"RETURNING {self.one_of('id', '*', 'a, spoil(1)', '(SELECT 1)')}", 0.05))

    def update(self):
        return (self.maybe(self.with_clause, 0.05).lstrip() + " UPDATE" +
            self.maybe(lambda: self.one_of("IGNORE", "LOW_PRIORITY"), 0.1) + f" {self.tables()} SET {self.assignments()}" +
                self.maybe(lambda: f"WHERE {self.expression()}", 0.6) + self.maybe("ORDER BY a", 0.1) +
                self.maybe("LIMIT 1", 0.2)).lstrip()

    def delete(self):
        head = self.maybe(self.with_clause, 0.05).lstrip() + " DELETE" + self.maybe(lambda: self.one_of("IGNORE", "QUICK",
            "LOW_PRIORITY"), 0.1)
        body = self.one_of(
            lambda: f" FROM {self.table()}", lambda: f" FROM {self.table()}", lambda: f" FROM {self.table()} AS y",
            lambda: f" FROM {self.table()} y",
            lambda: f" {self.table()} FROM {self.tables()}", lambda: f" y, t FROM {self.table()} y JOIN t",
            lambda: f" y.* FROM {self.table()} AS y, u",
            lambda: f" FROM {self.table()} USING {self.tables()}", lambda: f" FROM y, t.* USING {self.table()} y JOIN t",
            lambda: f" FROM d1.t, x USING d1.t, x, d2.w",
            lambda: f" y FROM {self.table()} `Y`", lambda: f" HISTORY FROM {self.table()}",
            lambda: f" FROM {self.table()} FOR PORTION OF p FROM 1 TO 2")
        return (head + body + self.maybe(lambda: f"WHERE {self.expression()}", 0.6) + self.maybe("ORDER BY a", 0.1) +
            self.maybe("LIMIT 1", 0.2) +
                self.maybe("RETURNING a", 0.05)).lstrip()

    def show(self):
        return self.one_of(
            "SHOW TABLES", "SHOW WARNINGS", "SHOW STATUS LIKE 'Com_insert'", lambda: f"SHOW COLUMNS FROM {self.table()}",
            lambda: f"SHOW INDEX FROM {self.table()} WHERE {self.expression()}",
            lambda: f"SHOW CREATE TABLE {self.table()}", lambda: f"SHOW TABLES WHERE {self.expression()}",
            lambda: f"SHOW VARIABLES LIKE {self.expression()}",
            "SHOW FULL COLUMNS FROM t FROM d2", "SHOW KEYS IN u IN d1 WHERE 1",
            lambda: f"SHOW DATABASES WHERE {self.expression()}", "SHOW ENGINES", "SHOW COUNT(*) WARNINGS",
            "SHOW CREATE FUNCTION spoil", "SHOW FUNCTION STATUS LIKE 'spoil'", "SHOW TRIGGERS", "SHOW OPEN TABLES",
            "SHOW TABLE STATUS LIKE 't'", "HELP 'SELECT'",
            lambda: f"DESC {self.table()}", lambda: f"DESCRIBE {self.table()} a", "SHOW PROCESSLIST", "SHOW CREATE VIEW vw",
            "SHOW GRANTS", "SHOW PROFILES",
            "SHOW EXPLAIN FOR 1", "SHOW MASTER STATUS", "SHOW BINARY LOGS", "SHOW CREATE SEQUENCE sq",
            "SHOW COLLATION WHERE Id = 8", "SHOW CHARACTER SET", "SHOW PRIVILEGES")

    def explain(self):
        return (self.one_of("EXPLAIN", "EXPLAIN", "DESC", "DESCRIBE", "ANALYZE") + " " +
                self.one_of("", "", "", "EXTENDED ", "PARTITIONS ", "FORMAT=JSON ", "FORMAT = TREE ", "ANALYZE ",
                "ANALYZE FORMAT=TREE ", "INTO @a ", "FORMAT=JSON INTO @a ", "FOR SCHEMA d2 ") +
                self.one_of(self.query, self.insert, self.update, self.delete, self.with_query, lambda: f"FOR CONNECTION 1"))

    def other(self):
        return self.one_of(
            lambda: f"DO {self.expression()}", lambda: f"SET @a = {self.expression()}", "SET @@session.sql_safe_updates = 0",
            "USE d1", "BEGIN", "COMMIT", "ROLLBACK",
            lambda: f"SET STATEMENT max_statement_time = 1 FOR {self.query()}",
            lambda: f"SET STATEMENT max_statement_time = 1 FOR {self.insert()}",
            lambda: f"HANDLER {self.table()} OPEN", lambda: f"HANDLER {self.table()} READ FIRST",
            lambda: "CREATE TABLE d1.m2 AS SELECT 1", "CALL p()", "EXECUTE IMMEDIATE 'SELECT 1'",
            lambda: f"PREPARE p FROM '{self.table()}'", "CREATE TEMPORARY TABLE tt (a INT)", "TRUNCATE d1.x",
            "LOCK TABLES t READ", "", ";", "-- x", "/* x */", "BEGIN NOT ATOMIC SELECT 1; END",
            "DELIMITER //", lambda: f"SAVEPOINT {self.one_of('s', 't')}", "ANALYZE TABLE t", "CHECKSUM TABLE t", "FLUSH STATUS",
            "IF 1 THEN SELECT 1; END IF", "FOR i IN 1..2 DO SELECT 1; END FOR",
            "SIGNAL SQLSTATE '45000'", "GET DIAGNOSTICS @a = NUMBER", "LOAD DATA INFILE '/nowhere' INTO TABLE t",
            "IMPORT TABLE FROM 'x'", "RENAME TABLE m TO m3", "OPTIMIZE TABLE t")

    def statement(self):
        chosen = self.one_of(self.query, self.query, self.query, self.insert, self.insert, self.insert, self.update,
            self.update, self.delete, self.delete,
                             self.show, self.explain, self.other)
        if not isinstance(chosen, str):
            chosen = chosen()
        return chosen.encode()

    # --- what may fool a lexer

    def comment(self):
        body = self.rng.choice(BODIES)
        version = self.rng.choice(VERSIONS)
        return self.one_of(
            f"/* {body} */", f"/*{body}*/", f"/*!{version}{body}*/", f"/*!{version} {body} */", f"/*!{version} {body} */",
            f"/*M!{version} {body} */", f"/*m!{version} {body} */",
            f"-- {body}\n", f"--{body}\n", f"#{body}\n", f"/*! /* {body} */ */", f"/*!99999 /* {body} */ */",
            f"/*!50000 /*!40000 {body} */ */", f"/*+ {body} */", "/*", "*/", "/*!", "/*M!",
            f"/*!{version}", f"/* {body} * /", f"--\t{body}\r", f"--\x01{body}\n", f"-- {body}", f"# {body}", "/**/", "/*/",
            "/*/ */", f"/*! {body}", "--\n", "---1", "/* */ */",
            f"/*!{version}*/", f"/*!-- {body}\n */", f"/*!{version}-- */{body}\n*/", f"/*!{version} ' */ {body} ' */",
            f"/*!99999 ' */ {body}", f"/*!{version} # {body} */\n*/", f"/*!999999 /* */ {body} */").encode()

    def odd_bytes(self):
        return self.one_of(b"\0", b"\x1a", b"\xa0", b"\xa0", b"\x9a", b"\xca", b"\x0b", b"\x0c", b"\\", b"'", b'"', b"`", b"\xbf\x5c", b"\xbf'",
            b"\x81\x5c", b"\x95\x5c", b"\x95\\'", b"\xa1\x5c'", b"\xe0\x5c", b"\x81\x30\x81\x30", b"\xff", b"\x80",
                           b"\xc3", b"\xbf\x27 OR 1", b"\xe3\x81", b"\\'", b"''", b"$$", b"$a$", b"@", b"@@", b"{", b"}", b":",
                           b"?", b"\xef\xbb\xbf", b"\xe3\x80\x80", b"0x", b"1e", b"\x81\x60", b"\x81`", b"\xa1`", b"\xfe\xfe",
                           b"\x7f")

    def mutate(self, text):
        words = re.findall(rb"[\w@$\x80-\xff]+|\s+|[^\w\s]", text)
        at = self.rng.randrange(len(words) + 1)
        kind = self.rng.randrange(12)
        if kind <= 3:
            words.insert(at, self.comment())
        elif kind == 4 and words:
            version = self.rng.choice(VERSIONS)
            end = min(len(words), at + self.rng.randrange(1, 6))
            opening = self.one_of("/*!", "/*!", "/*M!") + version + " "
            words[at:end] = [opening.encode() + b"".join(words[at:end]) + b" */"]
        elif kind == 5:
            words.insert(at, self.odd_bytes())
        elif kind == 6 and words:
            del words[min(at, len(words) - 1)]
        elif kind == 7 and words:
            words.insert(at, self.rng.choice(words))
        elif kind == 8:
            words.insert(at, b" " + self.rng.choice(BODIES).encode() + b" ")
        elif kind == 9:
            other = re.findall(rb"[\w@$\x80-\xff]+|\s+|[^\w\s]", self.statement())
            words = words[:at] + [b" "] + other[self.rng.randrange(len(other) + 1):]
        elif kind == 10:
            words.append(self.one_of(b";", b" ; ", b";;", b"; " + self.statement(), b";\0", b"; -- x", b"; /*! SELECT 1 */",
                b"\\G", b"//"))
        elif kind == 11 and words:
            at = min(at, len(words) - 1)
            words[at] = self.one_of(words[at].upper(), words[at].lower(), b"'" + words[at] + b"'", b"`" + words[at] + b"`",
                b'"' + words[at] + b'"', b"(" + words[at] + b")")
        return b"".join(words)

    def next(self):
        text = self.rng.choice(CORPUS) if self.rng.random() < 0.15 else self.statement()
        for _ in range(self.rng.choice([0, 0, 0, 1, 1, 1, 2, 3])):
            text = self.mutate(text)
        return text
