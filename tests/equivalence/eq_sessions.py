"""What the sessions of a round do, before the outage, in it, and afterwards: decided by the seed alone, whatever is answered."""
import random
import re
from dataclasses import dataclass, field

from eq_bound import LONG_DATA
from eq_values import Mode, Values
from eq_writes import CLOCK, CLOCK_TABLES, UPSERT, Write, Writes

FOUND_ROWS = 2
EMPTY = re.compile(r"(x|b|n|_\w+ ?)?(''|\"\")( ?''| ?\"\")*( COLLATE \w+)?", re.IGNORECASE)
LOGIN_CHARSETS = (("utf8mb4", 45), ("utf8mb4", 45), ("utf8mb4", 46), ("utf8mb4", 224), ("latin1", 8), ("latin1", 47), ("gbk", 28),
    ("cp932", 95), ("binary", 63))
SQL_MODES = ("", "", "STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES",
    "ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
             "ANSI", "PIPES_AS_CONCAT", "HIGH_NOT_PRECEDENCE", "NO_AUTO_VALUE_ON_ZERO", "NO_UNSIGNED_SUBTRACTION", "PAD_CHAR_TO_FULL_LENGTH",
             "IGNORE_SPACE", "TRADITIONAL", "ALLOW_INVALID_DATES", "NO_ZERO_DATE,NO_ZERO_IN_DATE", "STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO,PIPES_AS_CONCAT",
             "REAL_AS_FLOAT", "ONLY_FULL_GROUP_BY", "ERROR_FOR_DIVISION_BY_ZERO,STRICT_TRANS_TABLES", "STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES,ANSI_QUOTES")
MARIADB_MODES = ("SIMULTANEOUS_ASSIGNMENT", "EMPTY_STRING_IS_NULL", "TIME_ROUND_FRACTIONAL", "ORACLE", "MSSQL",
    "EMPTY_STRING_IS_NULL,STRICT_TRANS_TABLES")
MYSQL_MODES = ("TIME_TRUNCATE_FRACTIONAL",)
IMPLIED = {"ANSI": ("PIPES_AS_CONCAT", "ANSI_QUOTES", "IGNORE_SPACE"), "ORACLE": ("PIPES_AS_CONCAT", "ANSI_QUOTES"),
    "MSSQL": ("PIPES_AS_CONCAT", "ANSI_QUOTES")}
CHARSETS = ("utf8mb4", "utf8mb4", "latin1", "gbk", "cp932", "utf8mb3", "binary", "koi8r", "latin2", "cp1251", "euckr", "big5")
ZONES = ("'+00:00'", "'+05:30'", "'-09:00'", "'SYSTEM'", "'+13:00'", "'Europe/Berlin'", "'-00:30'")
LOCALES = ("'de_DE'", "'en_US'", "'fr_FR'", "'ja_JP'", "'ru_RU'")
ISOLATIONS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "READ UNCOMMITTED")
UNCARRIED = ("group_concat_max_len = 10", "div_precision_increment = 8", "max_sort_length = 8", "sql_select_limit = 1",
    "default_week_format = 3",
             "lc_messages = 'de_DE'", "updatable_views_with_limit = 0",
             "character_set_results = latin1", "character_set_results = NULL", "collation_server = 'latin1_swedish_ci'", "innodb_lock_wait_timeout = 3",
             "last_insert_id = 4711", "sql_notes = 0", "wait_timeout = 1000", "sql_warnings = 1")
MARIADB_UNCARRIED = ("default_regex_flags = 'DOTALL,EXTENDED'", "max_recursive_iterations = 1",
    "explicit_defaults_for_timestamp = 0", "old_mode = 'NO_PROGRESS_INFO'", "sql_if_exists = 1",
                     "check_constraint_checks = 0", "standard_compliant_cte = 0", "column_compression_threshold = 1", "timestamp = 1600000000")
MYSQL_UNCARRIED = ("default_collation_for_utf8mb4 = utf8mb4_general_ci", "cte_max_recursion_depth = 2",
    "windowing_use_high_precision = 0", "print_identified_with_as_hex = 1",
                   "max_execution_time = 100000", "timestamp = 1600000000")
STATE = ("SELECT @@sql_mode, @@time_zone, @@character_set_client, @@collation_connection, @@character_set_connection",
    "SELECT @@lc_time_names, @@auto_increment_increment, @@auto_increment_offset",
         "SELECT @@foreign_key_checks, @@unique_checks, @@autocommit", "SELECT @@{isolation}", "SELECT LAST_INSERT_ID()", "SELECT DATABASE()")


@dataclass
class Step:
    session: int
    do: str  # connect, query, prepare, execute, bulk, long, close, reset, init_db, reset_connection
    text: bytes = b""
    name: str = ""  # of a prepared statement, or of the database
    values: list = field(default_factory=list)
    types: bool = True
    writes: list = field(default_factory=list)  # of each write in it
    asks: bool = False
    savepoint: tuple = ()  # (what, name)
    live: bool = False
    place: int = 0


class Session:
    def __init__(self, rng, number, mariadb, numbers):
        self.rng, self.number, self.mariadb = rng, number, mariadb
        self.mode = Mode(mariadb)
        self.values = Values(rng, self.mode)
        self.writes = Writes(rng, self.mode, numbers)
        self.prepared, self.named, self.made = {}, {}, 0
        self.autocommit = True
        self.savepoints = 0
        self.pick, self.chance = self.values.pick, self.values.chance

    def step(self, do, text="", **more):
        return Step(self.number, do, text if isinstance(text, bytes) else self.mode.encode(text), **more)

    def query(self, text, **more):
        return self.step("query", text, **more)

    def connect(self):
        charset, number = self.rng.choice(LOGIN_CHARSETS)
        if number == 224 or (number == 46 and self.chance(0.5)):
            number = 45
        self.mode.charset = charset
        return self.step("connect", name="eqq0", values=[number, self.chance(0.2)])

    # --- settings

    def setting(self, live=False):
        kind = self.rng.choices(("mode", "names", "zone", "variable", "charset", "locale", "ids", "checks", "isolation",
            "uncarried", "database", "several", "autocommit"),
                                (20, 10, 10, 25, 6, 4, 4, 6, 3, 4, 3, 3, 3))[0]
        return self.set_variable(live) if kind == "variable" else getattr(self, "set_" + kind)()

    def set_mode(self):
        chosen = self.rng.choice(SQL_MODES + (MARIADB_MODES if self.mariadb else MYSQL_MODES))
        step = self.query(self.pick("SET sql_mode = '{}'", "SET SESSION sql_mode = '{}'", "SET @@sql_mode = '{}'",
            "SET @@session.sql_mode := '{}'", "set local SQL_MODE='{}'").format(chosen))
        if self.chance(0.08) and chosen:
            step = self.query(f"SET sql_mode = CONCAT(@@sql_mode, ',{chosen}')")
            self.mode.sql_mode |= set(chosen.split(","))
            return step
        if self.chance(0.05):
            step, chosen = self.query("SET sql_mode = DEFAULT"), "STRICT_TRANS_TABLES"
        self.mode.sql_mode = set(chosen.split(",")) - {""}
        for word in list(self.mode.sql_mode):
            self.mode.sql_mode |= set(IMPLIED.get(word, ()))
        return step

    def set_names(self):
        charset = self.rng.choice(CHARSETS)
        suffix = self.pick("", "", f" COLLATE {charset}_bin") if charset not in ("binary",) else ""
        step = self.query(self.pick(f"SET NAMES {charset}", f"SET NAMES '{charset}'") + suffix)
        self.mode.charset = charset
        return step

    def set_charset(self):
        charset = self.rng.choice(CHARSETS)
        text = self.pick(f"SET CHARACTER SET {charset}", f"SET character_set_client = {charset}",
            f"SET character_set_connection = {charset}", f"SET collation_connection = {charset}_bin" if charset != "binary" else "SET collation_connection = utf8mb4_unicode_ci",
                         "SET collation_connection = 'latin1_german2_ci'", "SET collation_connection = utf8mb4_general_ci", "SET CHARSET DEFAULT" if self.chance(0.2) else "SET character_set_connection = latin1", "SET NAMES DEFAULT")
        step = self.query(text)
        if "CHARACTER SET" in text or "set_client" in text:
            self.mode.charset = charset
        if text == "SET NAMES DEFAULT":
            self.mode.charset = "utf8mb4"
        return step

    def set_zone(self):
        return self.query(self.pick("SET time_zone = ", "SET SESSION time_zone = ",
            "SET @@time_zone = ") + self.rng.choice(ZONES))

    def set_locale(self):
        return self.query("SET lc_time_names = " + self.rng.choice(LOCALES))

    def set_ids(self):
        return self.query(self.pick("SET auto_increment_increment = 5, auto_increment_offset = 2",
            "SET auto_increment_increment = 1, auto_increment_offset = 1", "SET auto_increment_increment = DEFAULT, auto_increment_offset = DEFAULT"))

    def set_checks(self):
        return self.query(self.pick("SET foreign_key_checks = 0", "SET foreign_key_checks = ON", "SET FOREIGN_KEY_CHECKS=1",
            "SET unique_checks = 0", "SET unique_checks = 1", "SET @@session.foreign_key_checks = OFF"))

    def set_isolation(self):
        return self.query("SET SESSION TRANSACTION ISOLATION LEVEL " + self.rng.choice(ISOLATIONS))

    def set_uncarried(self):
        return self.query("SET SESSION " + self.rng.choice(UNCARRIED + (MARIADB_UNCARRIED if self.mariadb else MYSQL_UNCARRIED)))

    def set_database(self):
        if self.chance(0.5):
            return self.step("init_db", name=self.pick("eqq1", "eqq0", "eqq0"))
        return self.query("USE " + self.pick("eqq1", "`eqq0`", "eqq0"))

    def set_several(self):
        self.mode.sql_mode = set()
        return self.query("SET sql_mode = '', time_zone = '+02:00', @both = 5, foreign_key_checks = 1")

    def set_autocommit(self):
        self.autocommit = True
        return self.query("SET autocommit = 1")

    def set_variable(self, live=False):
        name = self.pick("@a", "@b", "@`odd name`", "@'quoted'", "@A", "@long_name.x", "@n1", "@n2")
        word = self.values.word(40)
        if live:  # an expression's value is lost with the connection, and the session with it
            name, value = self.pick("@live1", "@live2", "@a"), self.pick(self.values.quote(word, "'"), "5", "-7", "1.50", "NULL",
                "x'e9ff00'", "18446744073709551615")
            self.mode.variables += [] if name in self.mode.variables else [name]
            return self.query(f"SET {name} = {value}")
        value = self.pick(self.values.quote(word), self.values.quote(word), self.values.text(30), "5", "-7", "1.50", "1e3",
            "NULL", "TRUE", "x'e9ff00'", "0x41", "b'1000001'", "18446744073709551615", "-9223372036854775808", "0.1e0",
                          "12345678901234567890.123456789", "_latin1 x'e9'", "_utf8mb4 x'c3a9' COLLATE utf8mb4_bin", "DATE '2024-02-29'", "TIMESTAMP '2024-02-29 01:02:03.5'", "N'n'", "1 + 1", "''", "'12abc'", "_binary 'x'", "'007'", ".5", "5.", "-0",
                          "+3", "- 5", "FALSE", "'a' 'b'", "(5)", "9223372036854775808", "0b11", "99999999999999999999999", "1e-5", "'é'" if self.mode.can("é") else "'e'")
        if self.mariadb and EMPTY.fullmatch(value):
            value = "5"  # NULL under EMPTY_STRING_IS_NULL, when it is said again
        if name not in self.mode.variables:
            self.mode.variables.append(name)
        return self.query(f"SET {name} {self.pick('=', ':=')} {value}")

    # --- writes

    def write(self, live=False):
        if not live and self.autocommit and self.chance(0.06):
            return self.multi()
        one = self.writes.next(live)
        if one.generates or UPSERT.search(one.text):
            self.mode.has_id = one.generates
        return self.query(one.text, writes=[one])

    def multi(self):
        parts = []
        for _ in range(self.pick(2, 2, 3)):
            one = self.writes.next()
            one.text = one.text.rstrip("; \n")
            if "--" in one.text or "#" in one.text or "/*" in one.text or "RETURNING" in one.text:
                continue
            one.data = self.mode.encode(one.text)
            parts.append(one)
        if len(parts) < 2:
            return self.write()
        return self.step("query", self.mode.encode(self.pick(";", "; ", " ;\n")).join(one.data for one in parts), writes=parts)

    def prepared_write(self, live=False):
        """Prepares one, or executes one that is there; a list of steps."""
        steps = []
        if not self.prepared or self.chance(0.3):
            self.made += 1
            name = f"s{self.made}"
            text, kinds, generates = self.writes.template()
            if live and ("NOW" in text or "ai" in text or "watched" in text or "other" in text or generates):
                text, kinds, generates = "INSERT INTO typed (id, vc, lb) VALUES (?, ?, ?)", ["new typed", "text", "blob"], False
            self.prepared[name] = (kinds, generates, text)
            steps.append(self.step("prepare", text, name=name))
            if self.chance(0.2):
                return steps
        name = self.rng.choice(list(self.prepared))
        kinds, generates, text = self.prepared[name]
        if live and ("NOW" in text or "ai" in text or "watched" in text or "other" in text or "wide" in text):
            return steps
        values = [self.writes.bound(kind) for kind in kinds]
        for at, (_, value) in enumerate(values):
            if value is LONG_DATA and live:
                values[at] = (253, None)
            elif value is LONG_DATA:
                for piece in range(self.pick(1, 1, 2)):
                    data = self.pick(self.mode.encode(self.values.word(50)),
                        bytes(range(256)) if kinds[at] == "blob" else b"ascii", b"", b"y" * 3000)
                    steps.append(self.step("long", data, name=name, values=[at]))
        zero = b"" if "NO_AUTO_VALUE_ON_ZERO" in self.mode.sql_mode else b"\0\0\0\0"
        mark = Write(text, generates=generates and ("(id, k" not in text or values[0][1] in (None, zero)))
        steps.append(self.step("execute", name=name, values=values, writes=[mark]))
        if mark.generates:
            self.mode.has_id = True
        if self.chance(0.08):
            steps.append(self.step("execute", name=name, values=[(kind, value) for kind, value in ((kind, self.same_type(kind,
                value)) for kind, value in values)], types=False, writes=[mark]))
        if self.chance(0.04):
            steps.append(self.step(self.pick("close", "reset"), name=name))
            if steps[-1].do == "close":
                del self.prepared[name]
        return steps

    def same_type(self, kind, value):
        """Without types in the packet: another value of the same type, or NULL."""
        if value is LONG_DATA or value is None:
            return None
        return None if self.chance(0.3) and kind != 8 else value

    def named_write(self):
        """PREPARE and EXECUTE as text."""
        one = self.writes.next()
        if "?" in one.text or "RETURNING" in one.text:
            one = self.writes.next()
        name = self.pick("p1", "p2", "`P 3`")
        if self.named.get(name) and self.chance(0.6):
            text, count, prepared = self.named[name]
            names = [self.rng.choice(self.mode.variables) for _ in range(count)] if self.mode.variables else []
            if len(names) == count:
                using = f" USING {', '.join(names)}" if count else ""
                return [self.query(f"EXECUTE {name}{using}", writes=[prepared])]
        if self.chance(0.5):
            text, count = self.pick((f"UPDATE typed SET vc = ?, i = i + 1 WHERE id = {self.writes.old('typed')}", 1),
                (f"UPDATE typed SET tx = ? WHERE id = {self.writes.old('typed')}", 1), ("INSERT INTO nopk VALUES (5, ?)",
                1), ("DELETE FROM nopk WHERE b = ? OR b = ?", 2))
            one.generates, one.rows = False, None
        else:
            text, count = one.text, 0
        one.text = text
        self.named[name] = (text, count, one)
        return [self.query(f"PREPARE {name} FROM {self.values.quote(text, chr(39))}")]

    def ask(self):
        isolation = "tx_isolation" if self.mariadb and self.chance(0.5) else "transaction_isolation" if not self.mariadb else "tx_isolation"
        texts = list(STATE)
        if self.mode.variables:
            texts.append("SELECT " + ", ".join(f"{name}" for name in self.mode.variables))
        return self.query(self.rng.choice(texts).format(isolation=isolation), asks=True)

    def last_asks(self):
        steps = [self.query(text.format(isolation="tx_isolation" if self.mariadb else "transaction_isolation"),
            asks=True) for text in STATE]
        if self.mode.variables:
            for name in self.mode.variables:
                steps.append(self.query(f"SELECT HEX({name}), IF({name} IS NULL, 0, CONCAT(CHARSET({name}), COLLATION({name}), COERCIBILITY({name}))), {name} + 0, {name} IS NULL", asks=True))
        return steps

    def transaction(self, live=False, ends=True):
        """A list of steps from BEGIN to its end."""
        steps, names = [], []
        if self.chance(0.25):
            steps.append(self.query("SET autocommit = 0"))
        else:
            steps.append(self.query(self.pick("BEGIN", "START TRANSACTION", "begin work", "START TRANSACTION READ WRITE",
                "/* x */ BEGIN", "START TRANSACTION WITH CONSISTENT SNAPSHOT")))
        if "ORACLE" in self.mode.sql_mode and not steps[-1].text.startswith(b"SET"):
            steps[-1] = self.query("START TRANSACTION")  # BEGIN begins a block there
        autocommit = not steps[-1].text.startswith(b"SET")
        for _ in range(self.rng.randint(1, 6)):
            how = self.rng.random()
            if how < 0.55:
                steps.append(self.write_in_transaction(live))
            elif how < 0.68:
                steps += [each for each in self.prepared_write(live)]
            elif how < 0.78:
                self.savepoints += 1
                name = self.pick("a", "B", "`c d`", f"s{self.savepoints}")
                names.append(name)
                steps.append(self.query(f"SAVEPOINT {name}", savepoint=("set", name.strip("`").lower())))
            elif how < 0.88 and names:
                name = self.rng.choice(names)
                what = self.pick("to", "to", "release")
                text = self.pick(f"ROLLBACK TO {name}", f"ROLLBACK TO SAVEPOINT {name}",
                    f"ROLLBACK WORK TO {name}") if what == "to" else f"RELEASE SAVEPOINT {name}"
                steps.append(self.query(text, savepoint=(what, name.strip("`").lower())))
            elif how < 0.94:
                steps.append(self.set_variable(live) if live or self.chance(0.6) else self.setting(live))
            else:
                steps.append(self.ask())
        if ends:
            steps.append(self.query(self.pick("COMMIT", "COMMIT", "COMMIT", "COMMIT WORK", "ROLLBACK", "commit;",
                "COMMIT AND NO CHAIN NO RELEASE")))
        if not autocommit or self.chance(0.02):
            steps.append(self.query("SET autocommit = 1"))
        return steps

    def write_in_transaction(self, live):
        """MyISAM keeps what is rolled back, and Holdwater forgets it."""
        kept, self.autocommit = self.autocommit, False
        self.writes.inside = True
        try:
            return self.write(live)
        finally:
            self.autocommit, self.writes.inside = kept, False

    def next(self, live=False):
        """The next thing that this session does, a list of steps."""
        how = self.rng.random()
        if how < 0.46:
            return [self.write(live)]
        if how < 0.58:
            return self.prepared_write(live)
        if how < 0.63 and not live:
            return self.named_write()
        if how < 0.78:
            return [self.setting(live)]
        if how < 0.84:
            return [self.ask()]
        if how < 0.985:
            return self.transaction(live)
        if how < 0.99:
            self.mode.variables, self.mode.sql_mode, self.prepared, self.named, self.autocommit, self.mode.has_id = [], set(), {}, {}, True, False
            return [self.step("reset_connection")]
        return [self.ask()]


def is_timeless(step):
    """What is not told of a transaction that goes on at the server: the moments of what was collected, ids of rows that were not counted."""
    told = re.compile(r"DEFAULT|\b(wide|parent|child|odd)\b")
    return not any(CLOCK.search(each.text) or CLOCK_TABLES.search(each.text) or told.search(each.text) for each in step.writes)


def plan(seed, mariadb, size):
    """(before, outage, after): lists of steps."""
    rng = random.Random(f"equivalence {seed}")
    numbers, sessions = {}, []

    def new():
        sessions.append(Session(random.Random(f"equivalence {seed} session {len(sessions)}"), len(sessions), mariadb, numbers))
        return sessions[-1].connect()
    before, outage, after = [], [], []
    for _ in range(5):
        before.append(new())
    for _ in range(size // 8):
        before += rng.choice(sessions).next(live=True)
    for one in rng.sample(sessions, 1):  # open when the server goes away
        if rng.random() < 0.6:
            steps = one.transaction(live=True, ends=False)
            before += [each for each in steps if b"autocommit = 1" not in each.text]
    for _ in range(4):
        outage.append(new())
    waiting = {one: [] for one in sessions}
    whole = dict(waiting)
    while len(outage) < size:
        one = rng.choice(sessions)
        if not waiting[one]:
            whole[one] = one.next()
            waiting[one] = list(whole[one])
        for _ in range(rng.randint(1, 3)):
            if waiting[one]:
                outage.append(waiting[one].pop(0))
    for one in sessions:  # each ends what it has begun, some when the server is back
        later = rng.random() < 0.5 and all(is_timeless(each) for each in whole[one])
        (after if later else outage).extend(waiting[one])
    for one in sessions:  # what is bound to older statements depends on the types of their executions
        after += [one.query("ROLLBACK"), one.query("SET autocommit = 1")]
        one.prepared = {}
    for _ in range(size // 12):
        after += rng.choice(sessions).next(live=True)
    for one in sessions:
        after += one.last_asks()
    for steps, live in ((before, True), (outage, False), (after, True)):
        for each in steps:
            each.live = live
    for place, each in enumerate(before + outage + after):
        each.place = place
    return before, outage, after
