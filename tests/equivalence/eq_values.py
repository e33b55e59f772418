"""Literals and expressions of every kind of column, in the words of a session's mode."""

CODECS = {"utf8mb4": "utf-8", "utf8mb3": "utf-8", "latin1": "cp1252", "gbk": "gbk", "cp932": "cp932", "binary": "utf-8",
    "koi8r": "koi8-r",
          "latin2": "iso8859-2", "cp1251": "cp1251", "euckr": "euc_kr", "big5": "big5"}

PLAIN = ["", " ", "a", "a  ", "it's", 'say "hi"', "back\\slash", "end\\", "\\'", "100%_", "line\nfeed", "tab\tcr\r", "nul\0in",
    "\x1aeof", "`tick`",
         "-- no", "/* no */", "/*! no */", "a;b", "NULL", "?", ":p", "x" * 59, "0x41", "Mixed Case", "#hash", "{d}", "ab'c\"d`e\\f", "-0", "1e3"]
FOREIGN = ["é", "Größe", "ÿ", "表示", "縗", "ソ表", "誠許", "ü", "Ж", "привет", "ß", "ſ", "ÄÖ", "中文字", "한", "ą", "€", "¥", "漢'字", "é\\"]
WIDE = ["😀", "𝄞 clef", "👩‍👩‍👧", "e\u0301", "\u200fabc", "𠀋", "a\u00a0b", "ﬁ", "İ"]
RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "int24": (-8388608, 8388607), "int32": (-2**31,
    2**31 - 1),
          "int64": (-2**63, 2**63 - 1), "uint64": (0, 2**64 - 1)}


class Mode:
    """What of a session's settings decides how its texts are written."""

    def __init__(self, mariadb, charset="utf8mb4"):
        self.mariadb, self.charset, self.sql_mode = mariadb, charset, set()
        self.variables = []  # names of user variables that have a value
        self.has_id = False

    def encode(self, text):
        return text.encode(CODECS[self.charset], "surrogateescape" if self.charset in ("utf8mb4", "binary") else "replace")

    def can(self, text):
        try:
            text.encode(CODECS[self.charset])
            return True
        except UnicodeEncodeError:
            return False


class Values:
    def __init__(self, rng, mode):
        self.rng, self.mode = rng, mode

    def pick(self, *all_of):
        return self.rng.choice(all_of)

    def chance(self, share):
        return self.rng.random() < share

    # --- strings

    def word(self, most=200):
        pool = self.rng.random()
        if pool < 0.45:
            text = self.rng.choice(PLAIN)
        elif pool < 0.75:
            text = self.rng.choice(FOREIGN)
        elif pool < 0.88:
            text = self.rng.choice(WIDE)
        elif pool < 0.97:
            text = "".join(self.rng.choice(PLAIN + FOREIGN) for _ in range(3))
        else:
            text = "long " + "xyz'" * 12
        text = text[:most]
        return text if self.mode.can(text) else "".join(c for c in text if self.mode.can(c)) or "a"

    def quote(self, text, mark=None):
        quotes = ["'"] if "ANSI_QUOTES" in self.mode.sql_mode or "ORACLE" in self.mode.sql_mode else ["'", "'", '"']
        mark = mark or self.rng.choice(quotes)
        plain = "NO_BACKSLASH_ESCAPES" in self.mode.sql_mode
        out = []
        for c in text:
            if c == mark:
                out.append(c * 2 if plain or self.chance(0.5) else "\\" + c)
            elif plain:
                out.append(c)
            elif c == "\\":
                out.append("\\\\")
            elif c in "\n\t\r\0\x1a" and self.chance(0.6):
                out.append({"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", "\x1a": "\\Z"}[c])
            elif c in "%_" and self.chance(0.1):
                out.append("\\" + c)  # stays as it is, backslash and all
            elif c.isalpha() and c.isascii() and c not in "bntrZ0u" and self.chance(0.02):
                out.append("\\" + c)
            else:
                out.append(c)
        return mark + "".join(out) + mark

    def text(self, most=200):
        word, how = self.word(most), self.rng.random()
        data = self.mode.encode(word)
        if how < 0.62:
            return self.quote(word)
        if how < 0.68:
            return self.pick("X'%s'", "x'%s'") % data.hex()
        if how < 0.72 and data:
            return "0x" + data.hex()
        if how < 0.77:
            return f"_utf8mb4 x'{word.encode(errors='replace').hex()}'"
        if how < 0.80:
            return f"_utf8mb4 0x{word.encode(errors='replace').hex() or '61'} COLLATE utf8mb4_bin"
        if how < 0.83:
            return "_latin1" + self.pick("'\xe9'", " x'e9e4'", "'abc'") if self.mode.charset == "latin1" else "_latin1 x'e9fc'"
        if how < 0.86:
            return f"N{self.quote('n ascii', chr(39))}" if self.mode.charset == "utf8mb4" else self.quote("n")
        if how < 0.89:
            return f"{self.quote(word, chr(39))} {self.quote(self.word(10), chr(39))}"  # one string in two pieces
        if how < 0.92:
            return self.pick("_binary'a\0b'", "_binary x'00ff10'", "b'1100001'", "0b01100010")
        if how < 0.96:
            return self.string_expression()
        return self.pick("NULL", "DEFAULT", "''", "TRUE", "12.50", "CURRENT_DATE") if self.chance(0.5) else "NULL"

    def string_expression(self):
        a, b = self.quote(self.word(20)), self.quote(self.word(10))
        mode = self.mode
        choices = [
            f"CONCAT({a}, {b})", f"UPPER({a})", f"LOWER({a})", f"REVERSE({a})", f"SUBSTRING({a}, 2)", f"SUBSTRING({a} FROM 2 FOR 3)",
            f"LPAD({a}, 12, '*-')", f"REPEAT({b}, 3)", f"REPLACE({a}, 'a', {b})", f"HEX({a})", f"CONCAT_WS('-', {a}, NULL, {b})",
            f"TRIM(BOTH ' ' FROM {a})", f"LEFT({a}, 3)", f"CHAR(77, 121, 83 USING utf8mb4)", "CHAR(0xe9 USING latin1)", f"QUOTE({a})",
            f"CONVERT({a} USING utf8mb4)", f"CAST({a} AS CHAR(5))", f"ELT(2, 'x', {a})", f"INSERT({a}, 1, 1, {b})", f"SOUNDEX('Hello')",
            f"MD5({a})", f"SHA2({a}, 256)", f"CHARSET({a})", f"COLLATION({a})", f"COLLATION(CONCAT({a}, {b}))", f"COERCIBILITY({a})",
            f"IF({a} = {b}, 'same', 'other')", f"STRCMP({a}, {b})", f"{a} LIKE '%a%'", f"{a} LIKE 'a|%' ESCAPE '|'", f"CONV('ff', 16, 10)",
            "FORMAT(1234567.891, 2)", "FORMAT(1234567.891, 2, 'de_DE')", "MONTHNAME('2024-03-01')", "DAYNAME('2024-03-01')",
            "DATE_FORMAT('2024-03-01', '%W %M %b %a')", "DATE_FORMAT(NOW(6), '%Y-%m-%d %H:%i:%s.%f')", "DATABASE()", "SCHEMA()",
            f"TO_BASE64({a})", "FROM_BASE64('w6k=')", "UNHEX('c3a9')", "BIN(5)", "OCT(9)", f"LENGTH({a})", f"CHAR_LENGTH({a})", f"ORD({a})",
            f"CASE WHEN {a} IS NULL THEN 'n' WHEN 1 THEN {b} END", f"COALESCE(NULL, {a})", f"NULLIF({a}, {b})", f"ASCII({a})",
            f"JSON_OBJECT('k', {self.quote('v')})", f"HEX(WEIGHT_STRING({a}))", f"{a} REGEXP '^[a-m]'", f"INSTR({a}, 'a')", f"LOCATE('b', {a})",
            f"{a} || {b}", f"NOT 1 BETWEEN 2 AND 3", "NOT 2 BETWEEN 1 AND 3", "'5' + '6'", "'abc' + 1", "MAKE_SET(5, 'a', 'b', 'c')",
            "EXPORT_SET(5, 'Y', 'N', ',', 4)", "TIME_FORMAT('10:11:12', '%h %p')", "GET_FORMAT(DATE, 'EUR')", "INET_NTOA(3232235777)",
            "(SELECT CONCAT(MAX(vc), COUNT(*)) FROM eqq1.typed)", f"SUBSTRING_INDEX('a.b.c', '.', 2)", "CRC32('x')", "'a' 'b'", "CONCAT ('x')",
            "EXTRACT(YEAR_MONTH FROM '2024-05-06')", "SEC_TO_TIME(3661.5)", "MAKETIME(10, 11, 12.5)", "UTC_TIMESTAMP(6)", "RAND(7)", "PI()"]
        if mode.variables and self.chance(0.5):
            name = self.rng.choice(mode.variables)
            choices = [name, name, f"CONCAT({name}, {b})", f"CHARSET({name})", f"COLLATION({name})", f"HEX({name})",
                       f"{name} + 0", f"IFNULL({name}, 'unset')", f"LENGTH({name})", f"CAST({name} AS CHAR)", f"CONCAT({name} + 1)",
                       f"{name} = {a}", f"{name} / 3", f"CONCAT({name} IS NULL)"]
        elif mode.has_id and self.chance(0.15):
            return self.pick("LAST_INSERT_ID()", "CONCAT('id ', LAST_INSERT_ID())", "LAST_INSERT_ID() + 1")
        if mode.mariadb:
            choices += ["REGEXP_REPLACE('abc', 'B', 'x')", "NVL(NULL, 'nvl')", "TO_CHAR(NOW(), 'YYYY-MM-DD')",
                "JSON_QUERY('{\"a\":[1]}', '$.a')"]
        else:
            choices += ["REGEXP_REPLACE('abc', 'B', 'x')", "JSON_UNQUOTE(JSON_EXTRACT('{\"a\": \"b\"}', '$.a'))",
                "BIN_TO_UUID(x'000102030405060708090a0b0c0d0e0f')"]
        return self.rng.choice(choices)

    # --- numbers

    def integer(self, kind):
        low, high = RANGES[kind]
        how = self.rng.random()
        value = self.pick(0, 1, low, high, 5, 9, 100, self.rng.randint(low, high), high // 2)
        if how < 0.45:
            return str(value)
        if how < 0.55:
            return self.quote(str(value))
        if how < 0.60 and 0 <= value:
            return self.pick(hex(value), bin(value), "+" + str(value), f"{value}.4", f"{value}e0")
        if how < 0.64:
            return self.pick("TRUE", "FALSE", "b'101'", "x'05'", "0x05 + 0", "'5'", "' 6 '", "7.5", "'7.5'", "1e1", "-0")
        if how < 0.68:
            return self.pick(str(high + 1), str(low - 1), "'12abc'", "''", "99999999999999999999999")
        if how < 0.72 and self.mode.variables:
            return self.rng.choice(self.mode.variables)
        if how < 0.74 and self.mode.has_id:
            return "LAST_INSERT_ID()"
        if how < 0.86:
            return self.pick("1 + 2 * 3", "7 DIV 2", "7 MOD 4", "7 % 4", "-7 DIV 2", "5 / 2", "10 / 4", "1 << 3", "~0 & 7",
                "6 ^ 3", "5 | 2",
                "ABS(-4)", "SIGN(-2)", "FLOOR(2.7)", "CEILING(2.1)", "ROUND(2.5)", "ROUND(3.5e0)", "TRUNCATE(2.79, 1)", "POW(2, 3)", "LENGTH('abc')",
                "3 > 2", "NOT 0", "!1", "NOT NULL", "1 IN (1, 2)", "2 BETWEEN 1 AND 3", "NOT 1 BETWEEN 2 AND 3", "INTERVAL(23, 1, 15, 17, 30)", "GREATEST(1, 5, 3)",
                "LEAST(4, 2)", "COALESCE(NULL, 8)", "IF(1, 2, 3)", "CASE 1 WHEN 1 THEN 11 ELSE 12 END", "YEAR('2024-05-06')", "DAYOFWEEK('2024-01-01')",
                "WEEK('2024-01-01', 3)", "TO_DAYS('2024-01-01')", "UNIX_TIMESTAMP('2024-06-01 12:00:00') % 100", "DATEDIFF('2024-01-05', '2024-01-01')", "HOUR('10:11:12')",
                "1 / 0", "5 % 0", "CAST('12' AS UNSIGNED)", "CAST(-1 AS UNSIGNED) % 100", "BIT_COUNT(7)", "(SELECT COUNT(*) FROM eqq1.other)",
                "UNIX_TIMESTAMP() % 10", "SECOND(NOW(6))", "MICROSECOND(NOW(6)) % 100", "ROUND(RAND(3) * 100)", "CRC32('a') % 100", "1 XOR 0", "1 && 0", "0 <=> NULL",
                "CAST(2 - 3 AS SIGNED)", "CAST(1 AS UNSIGNED) - 2")
        return self.pick("NULL", "DEFAULT", "NULL", "3")

    def real(self):
        return self.pick("0", "1.5", "-1.5", "0.1", "1e10", "1.7976931348623157e300", "-2.5E-3", "3.4028234e38", "1e-40", "'2.5'",
            "1/3", "'abc'", "1e400", ".5", "5.",
                         "123456789.123456789", "0.1 + 0.2", "0.1e0 + 0.2e0", "SQRT(2)", "EXP(1)", "LN(10)", "RAND(42)", "NULL", "-0e0", "16777217", "PI()", "1e0 / 3",
                         "SIN(1)", "9007199254740993", "'1e5'", "0x10", "NOW() + 0", "NOW(3) + 0")

    def decimal(self):
        return self.pick("0", "1.005", "-0.000001", "99999999999999.999999", "1e3", "'12.3456789'", "1/3", "2/3", "-7.5", ".5",
            "5.", "1E-7", "0.1 + 0.2", "12345678901234567890.5",
                         "'1,5'", "ROUND(2.345, 2)", "10 / 3", "NULL", "DEFAULT", "1.0000000", "00012.50", "123456789012345678901234567890.123456789012345678901234567890",
                         "CAST(1.239 AS DECIMAL(5,2))", "-1.5 DIV 1", "5.5 % 2", "NOW(6) + 0", "0x1F", "'  3.5 '")

    # --- times

    def date(self):
        return self.pick("'2024-02-29'", "'2023-02-28'", "DATE '2024-03-31'", "{d '2020-01-02'}", "'1000-01-01'", "'9999-12-31'",
            "20240506", "'24-5-6'", "'2024.05.06'",
            "'0000-00-00'", "'2024-00-00'", "'2023-02-30'", "CURDATE()", "CURRENT_DATE", "CURRENT_DATE()", "UTC_DATE()", "NOW()", "CURDATE() - INTERVAL 1 MONTH", "NULL",
            "STR_TO_DATE('03,05,2024', '%d,%m,%Y')", "LAST_DAY('2024-02-01')", "DATE_ADD('2024-01-31', INTERVAL 1 MONTH)", "MAKEDATE(2024, 60)", "FROM_DAYS(739000)", "DEFAULT",
            "'2024-05-06 23:59:59.9'", "DATE(NOW(6))", "'20240506'", "0", "'x'")

    def time(self):
        return self.pick("'10:11:12'", "'10:11:12.123456'", "'-838:59:59'", "'838:59:59.000000'", "TIME '01:02:03.5'",
            "{t '04:05:06'}", "'1 02:03:04'", "101112", "'00:00:00'",
            "CURTIME(6)", "CURRENT_TIME", "CURRENT_TIME(3)", "UTC_TIME(2)", "SEC_TO_TIME(5000)", "TIMEDIFF('10:00:00', '12:30:00')", "NOW(6)", "NULL", "ADDTIME('01:00:00', '00:30:00.5')",
            "'99:99:99'", "'10:11:12.9999999'", "MAKETIME(1, 2, 3)", "DEFAULT", "'-00:00:01.5'")

    def datetime(self):
        return self.pick("'2024-02-29 12:13:14'", "'2024-02-29 12:13:14.123456'", "'2024-02-29T12:13:14'",
            "TIMESTAMP '2020-01-02 03:04:05.6'", "{ts '2020-01-02 03:04:05'}",
            "20240506070809", "'2024-03-31 02:30:00'", "'2024-10-27 02:30:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'0000-00-00 00:00:00'", "'2024-12-31 23:59:59.9999999'",
            "NOW()", "NOW(6)", "NOW(3)", "CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP(6)", "CURRENT_TIMESTAMP()", "LOCALTIME", "LOCALTIMESTAMP(2)", "UTC_TIMESTAMP()", "UTC_TIMESTAMP(6)",
            "NOW() - INTERVAL 1 HOUR", "NOW(6) + INTERVAL 1 MICROSECOND", "FROM_UNIXTIME(1700000000)", "FROM_UNIXTIME(1711846800.25)", "FROM_UNIXTIME(UNIX_TIMESTAMP())", "CURDATE()",
            "CONVERT_TZ('2024-06-01 12:00:00', '+00:00', '+05:30')", "CONVERT_TZ(NOW(), @@session.time_zone, '+00:00')", "TIMESTAMPADD(DAY, 1, '2024-02-28')", "CAST('2024-01-01' AS DATETIME(3))",
            "TIMESTAMP('2024-01-01', '10:00:00')", "ADDTIME('2024-01-01 00:00:00', '1 1:1:1.000002')", "STR_TO_DATE('2024 1 2', '%Y %c %e')", "NULL", "DEFAULT", "'2024-01-01 10:00:00+02:00'",
            "SYSDATE()", "'2023-02-30 10:00:00'", "UNIX_TIMESTAMP()", "CURTIME()")

    # --- the rest

    def of(self, kind):
        if kind in RANGES:
            return self.integer(kind)
        if kind in ("float", "double"):
            return self.real()
        if kind in ("decimal", "bigdecimal"):
            return self.decimal()
        if kind in ("date", "time"):
            return getattr(self, kind)()
        if kind in ("datetime", "timestamp"):
            return self.datetime()
        if kind == "year":
            return self.pick("2024", "'2024'", "99", "'70'", "0", "'0'", "'00'", "1901", "2155", "NULL", "YEAR(NOW())", "1900",
                "69")
        if kind == "enum":
            return self.pick("'one'", "'two'", "'TWO'", "1", "2", "'2'", "''", "0", "NULL", "'none'",
                self.quote("zwölf" if self.mode.can("zwölf") else "one"), "4", "'one '")
        if kind == "set":
            return self.pick("'a'", "'a,b'", "'b,a,b'", "5", "''", "0", "'a,d'", "NULL",
                self.quote("ü,a" if self.mode.can("ü") else "c"), "15", "b'11'")
        if kind == "bit":
            return self.pick("b'10101'", "b'0'", "5", "x'01ffff'", "0x1ffff", "'a'", "TRUE", "131071", "NULL", "0b11", "131072",
                "B'1'")
        if kind == "json":
            return self.pick("'{\"a\": 1, \"b\": [1, 2.50, null, true, \"x\"]}'", "'[]'",
                "'\"é\"'" if self.mode.can("é") else "'1'", "'null'", "NULL", "JSON_ARRAY(1, 'a', NULL, TRUE)",
                "JSON_OBJECT('k', 1.50, 'd', NOW(6))", "'{bad'", "JSON_SET('{\"a\": 1}', '$.b', 'x')", "'1e2'", "JSON_MERGE_PATCH('{\"a\":1}', '{\"b\":2}')", "'{\"a\": \"\\\\u00e9\"}'",
                "JSON_OBJECT('t', TRUE, 'n', CAST('2.50' AS DECIMAL(10,3)))", "JSON_QUOTE('x')")
        if kind in ("binary", "binary8", "blob"):
            data = bytes(self.rng.randrange(256) for _ in range(self.pick(0, 1, 3, 8)))
            return self.pick(f"x'{data.hex()}'", f"X'{data.hex()}'", f"_binary x'{data.hex()}'", "'abc'", "0x00",
                self.quote(self.word(8)), "b'1'", "NULL", f"UNHEX('{data.hex()}')", "12",
                "0x" + (data.hex() or "00"), "CAST('x' AS BINARY(4))", "INET6_ATON('::1')", "COMPRESS('abc')" if self.chance(0.3) else "x'00'", "'nul\\0'")
        return self.text(20 if kind == "char" else 60)
