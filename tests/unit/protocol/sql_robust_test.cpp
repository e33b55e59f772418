// Whatever the bytes are, the analysis ends, stays inside the text, and never takes a cut quote for a whole
// one.
#include "sql_describe.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <vector>

using namespace holdwater::protocol::sql;

namespace {

constexpr std::array<std::string_view, 14> texts{
    "INSERT INTO `a``b`.t (x, \"y\") VALUES (1, 'it''s'), (NULL, \"q\\\"\"), (NOW(), x'41') ON DUPLICATE KEY "
    "UPDATE x = 1",
    "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT * FROM c JOIN db.t USING (a) "
    "FOR UPDATE",
    "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin', @a := 1, @`b` = 'x', @@session.sql_mode = CONCAT(@@sql_mode, "
    "'y')",
    "DELETE a.*, `b` FROM t AS a JOIN u AS b ON a.x = b.x WHERE a.y IN (SELECT 'z;' FROM v) /* c */ -- d",
    "UPDATE t JOIN (SELECT * FROM u) AS d ON t.a = d.a SET t.b = 'c\\'' WHERE t.e = ? /*!50000 AND 1 */ "
    "/*M!100000 */",
    "SELECT EXTRACT(YEAR FROM a), SLEEP(1), `f`(2), db.g(3) FROM JSON_TABLE('[]', '$' COLUMNS (x INT PATH "
    "'$')) j, t",
    "CREATE DEFINER=`a`@`b` PROCEDURE p() BEGIN SELECT 'x'; INSERT INTO t VALUES (1); END",
    "BEGIN; INSERT INTO t SET a = 1, b = 'two;' ; COMMIT AND NO CHAIN; ROLLBACK TO SAVEPOINT `s`; ;",
    "EXPLAIN FORMAT=JSON SELECT NEXT VALUE FOR s, NEXTVAL(q) FROM { OJ a LEFT JOIN b ON 1 } USE INDEX FOR "
    "JOIN (i)",
    "PREPARE s FROM 'SELECT ?'; EXECUTE s USING @a; DEALLOCATE PREPARE s",
    "LOCK TABLES a AS `x` READ, b WRITE; UNLOCK TABLES; LOAD DATA INFILE 'x' INTO TABLE t",
    "SHOW FULL COLUMNS FROM t FROM `db` LIKE 'x%'; DESCRIBE db.t; ALTER TABLE t RENAME TO u",
    "INSERT INTO t VALUES ROW(1, 'a'), ROW(2, 'b') AS n (x, y) ON DUPLICATE KEY UPDATE x = n.x",
    "SET STATEMENT a=1 FOR SELECT 'b'; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY"};

std::vector<dialect> dialects() {
  std::vector<dialect> all{mysql(), mariadb()};
  for (const auto charset :
       {dialect::charset::sjis, dialect::charset::big5, dialect::charset::gbk, dialect::charset::gb18030}) {
    auto how = mysql();
    how.client_charset = charset;
    how.ansi_quotes = charset == dialect::charset::gbk;
    how.no_backslash_escapes = charset == dialect::charset::big5;
    all.push_back(how);
  }
  return all;
}

bool inside(std::string_view whole, std::string_view part) {
  if (part.empty()) return true;
  const std::less_equal<const char*> before;
  return before(whole.data(), part.data()) && before(part.data() + part.size(), whole.data() + whole.size());
}

// The text is copied to memory of just its size, so that a sanitizer sees every byte read behind it.
void look_at(std::string_view text, const dialect& how, analysis& found) {
  const auto exact = std::make_unique<char[]>(text.size());
  std::copy(text.begin(), text.end(), exact.get());
  const std::string_view copy(exact.get(), text.size());
  found.analyze(copy, how);
  REQUIRE_FALSE(found.statements().empty());
  std::size_t end = 0;
  for (const auto& one : found.statements()) {
    REQUIRE(one.offset >= end);
    end = one.offset + one.size;
    REQUIRE(end <= copy.size());
    for (const auto& table : one.tables)
      REQUIRE((inside(copy, table.table.raw) && inside(copy, table.schema.raw)));
    for (const auto variable : one.user_variables) REQUIRE(inside(copy, variable));
    REQUIRE(inside(copy, one.hazard.data() && one.hazard.size() > 7 ? one.hazard : std::string_view()));
    if (one.is_write()) static_cast<void>(cell_kinds(copy, one, 1, how));
    static_cast<void>(describe(one));
    for (const auto& each : one.assignments) static_cast<void>(literal_value(each.value, how));
  }
}

// The simplest reading of quotes and comments that these texts need.
bool ends_inside_quote(std::string_view text) {
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0) {
      if (c == '\'' || c == '"' || c == '`') quote = c;
    } else if (c == '\\' && quote != '`') {
      ++i;
    } else if (c == quote) {
      quote = 0;
    }
  }
  return quote != 0;
}

} // namespace

TEST_CASE("a text cut at any byte is read to its end, and a cut quote is partial") {
  analysis found;
  for (const auto text : texts)
    for (std::size_t size = 0; size <= text.size(); ++size) {
      const auto cut = text.substr(0, size);
      CAPTURE(cut);
      for (const auto& how : dialects()) look_at(cut, how, found);
      found.analyze(cut, mysql());
      const auto& last = found.statements().back();
      const bool swallowed = last.kind == kind::ddl || last.kind == kind::set || last.kind == kind::unknown;
      if (ends_inside_quote(cut) && !swallowed) CHECK(has(last.traits, trait::partial));
      if (ends_inside_quote(cut)) CHECK_FALSE(last.is_write());
      if (ends_inside_quote(cut)) CHECK_FALSE(is_pure_read(last));
    }
}

TEST_CASE("bytes changed at random are read to their end") {
  const auto seed = std::random_device{}();
  INFO("seed ", seed);
  MESSAGE("seed ", seed);
  std::mt19937 random(seed);
  constexpr std::string_view spice = "'\"`\\/*!-#;().,@?{}$\x81\x5c\xfe 0aeEnNxXbB\n";
  analysis found;
  for (int round = 0; round < 20000; ++round) {
    std::string text(texts[random() % texts.size()]);
    for (auto changes = 1 + random() % 6; changes > 0; --changes) {
      const auto at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, 1);
      else if (random() % 2 == 0)
        text[at] = spice[random() % spice.size()];
      else
        text.insert(at, 1, random() % 4 == 0 ? static_cast<char>(random()) : spice[random() % spice.size()]);
      if (text.empty()) text = ";";
    }
    const auto all = dialects();
    look_at(text, all[random() % all.size()], found);
  }
}

TEST_CASE("deep parentheses end in an unknown statement, not in a crash") {
  std::string text = "SELECT ";
  text.append(1000000, '(');
  CHECK(describe(text, mysql()) == "UNKNOWN");
  CHECK(describe("INSERT INTO t VALUES " + text.substr(7), mysql()) == "UNKNOWN | t!");
}

TEST_CASE("many rows are counted") {
  std::string text = "INSERT INTO t VALUES (1, ')')";
  for (int i = 1; i < 50000; ++i) text += ",(2,'x')";
  CHECK(describe(text, mysql()) == "INSERT | t! | values 50000");
}
