#include "protocol/sql/plain_reads.hpp"

#include "protocol/sql/characters.hpp"
#include "protocol/sql/lexer.hpp"

#include <boost/algorithm/string/case_conv.hpp>

#include <algorithm>
#include <array>

namespace holdwater::protocol::sql {
namespace {

using boost::algorithm::to_lower_copy;
using boost::algorithm::to_upper_copy;

constexpr std::size_t most_tokens = 2000; // no driver asks for so much

constexpr std::array<std::string_view, 6> functions{"VERSION",       "DATABASE",       "SCHEMA",
                                                    "CONNECTION_ID", "LAST_INSERT_ID", "ROW_COUNT"};

// Words that MariaDB 10.11 or MySQL 9.7 takes for no alias (measured with all of their keywords).
constexpr std::string_view reserved =
    " ACCESSIBLE ADD ALL ALTER ANALYZE AND AS ASC ASENSITIVE BEFORE BETWEEN BIGINT BINARY BLOB BOTH BY "
    "CALL CASCADE CASE CHANGE CHAR CHARACTER CHECK COLLATE COLUMN CONDITION CONSTRAINT CONTINUE CONVERT "
    "CREATE CROSS CUBE CUME_DIST CURRENT_DATE CURRENT_ROLE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER "
    "CURSOR DATABASE DATABASES DAY_HOUR DAY_MICROSECOND DAY_MINUTE DAY_SECOND DEC DECIMAL DECLARE DEFAULT "
    "DELAYED DELETE DELETE_DOMAIN_ID DENSE_RANK DESC DESCRIBE DETERMINISTIC DISTINCT DISTINCTROW DIV "
    "DOUBLE DO_DOMAIN_IDS DROP DUAL EACH ELSE ELSEIF EMPTY ENCLOSED ESCAPED EXCEPT EXISTS EXIT EXPLAIN "
    "EXTERNAL FALSE FETCH FIRST_VALUE FLOAT FLOAT4 FLOAT8 FOR FORCE FOREIGN FROM FULLTEXT FUNCTION "
    "GENERATED GET GRANT GROUP GROUPING GROUPS HAVING HIGH_PRIORITY HOUR_MICROSECOND HOUR_MINUTE "
    "HOUR_SECOND IF IGNORE IGNORE_DOMAIN_IDS IN INDEX INFILE INNER INOUT INSENSITIVE INSERT INT INT1 INT2 "
    "INT3 INT4 INT8 INTEGER INTERSECT INTERVAL INTO IO_AFTER_GTIDS IO_BEFORE_GTIDS IS ITERATE JOIN "
    "JSON_TABLE KEY KEYS KILL LAG LAST_VALUE LATERAL LEAD LEADING LEAVE LEFT LIBRARY LIKE LIMIT LINEAR "
    "LINES LOAD LOCALTIME LOCALTIMESTAMP LOCK LONG LONGBLOB LONGTEXT LOOP LOW_PRIORITY "
    "MASTER_DEMOTE_TO_REPLICA MASTER_DEMOTE_TO_SLAVE MASTER_SSL_VERIFY_SERVER_CERT MATCH MAXVALUE "
    "MEDIUMBLOB MEDIUMINT MEDIUMTEXT MEMBER MIDDLEINT MINUTE_MICROSECOND MINUTE_SECOND MOD MODIFIES "
    "NATURAL NOT NO_WRITE_TO_BINLOG NTH_VALUE NTILE NULL NUMERIC OF OFFSET ON OPTIMIZE OPTIMIZER_COSTS "
    "OPTION OPTIONALLY OR ORDER OUT OUTER OUTFILE OVER PAGE_CHECKSUM PARSE_VCOL_EXPR PARTITION "
    "PERCENT_RANK PORTION PRECISION PRIMARY PROCEDURE PURGE QUALIFY RANGE RANK READ READS READ_WRITE REAL "
    "RECURSIVE REFERENCES REF_SYSTEM_ID REGEXP RELEASE RENAME REPEAT REPLACE REQUIRE RESIGNAL RESTRICT "
    "RETURN RETURNING REVOKE RIGHT RLIKE ROW ROWS ROW_NUMBER SCHEMA SCHEMAS SECOND_MICROSECOND SELECT "
    "SENSITIVE SEPARATOR SET SHOW SIGNAL SMALLINT SOUNDS SPATIAL SPECIFIC SQL SQLEXCEPTION SQLSTATE "
    "SQLWARNING SQL_BIG_RESULT SQL_CALC_FOUND_ROWS SQL_SMALL_RESULT SSL STARTING STATS_AUTO_RECALC "
    "STATS_PERSISTENT STATS_SAMPLE_PAGES STORED STRAIGHT_JOIN SYSTEM TABLE TABLESAMPLE TERMINATED THEN "
    "TINYBLOB TINYINT TINYTEXT TO TRAILING TRIGGER TRUE UNDO UNION UNIQUE UNLOCK UNSIGNED UPDATE USAGE "
    "USE USING UTC_DATE UTC_TIME UTC_TIMESTAMP VALUES VARBINARY VARCHAR VARCHARACTER VARYING VIRTUAL WHEN "
    "WHERE WHILE WINDOW WITH WRITE XOR YEAR_MONTH ZEROFILL ";

// The statement's tokens, and a place among them.
class tokens {
 public:
  tokens(std::string_view text, const dialect& how) : how_(how) {
    lexer in(text, how);
    for (auto one = in.next(); one.kind != token_kind::end && list_.size() < most_tokens; one = in.next())
      list_.push_back(one);
    sound_ = list_.size() < most_tokens && !in.partial() && !in.doubtful();
  }

  [[nodiscard]] bool sound() const { return sound_; }
  [[nodiscard]] bool at_end() const { return at_ >= list_.size(); }
  [[nodiscard]] const token& now(std::size_t ahead = 0) const {
    static const token nothing;
    return at_ + ahead < list_.size() ? list_[at_ + ahead] : nothing;
  }
  void advance() { ++at_; }
  [[nodiscard]] bool at_word(std::string_view word, std::size_t ahead = 0) const {
    return now(ahead).kind == token_kind::word && iequals(now(ahead).text, word);
  }
  bool accept(std::string_view word) {
    if (!at_word(word)) return false;
    advance();
    return true;
  }
  bool accept(char symbol) {
    if (!now().is(symbol)) return false;
    advance();
    return true;
  }
  // The text between two tokens, the second one included.
  [[nodiscard]] std::string_view between(std::size_t first, std::size_t last) const {
    const auto* begin = list_[first].text.data();
    return {begin, static_cast<std::size_t>(list_[last].text.data() + list_[last].text.size() - begin)};
  }
  [[nodiscard]] std::size_t place() const { return at_; }
  [[nodiscard]] const dialect& how() const { return how_; }

 private:
  std::vector<token> list_;
  std::size_t at_ = 0;
  dialect how_;
  bool sound_ = false;
};

bool is_plain_string(const token& one) {
  return one.kind == token_kind::string && one.quoted_ok &&
         (one.text.front() == '\'' || one.text.front() == '"');
}

// CAST('x' AS CHAR[(n)] [CHARACTER SET cs]) [COLLATE co]: the text, which no cast to CHAR changes unless it
// cuts it.
bool read_cast(tokens& in, plain_item& item) {
  if (!in.at_word("CAST") || !in.now(1).is('(') || !is_plain_string(in.now(2)) || !in.at_word("AS", 3) ||
      !in.at_word("CHAR", 4))
    return false;
  item.what = plain_item::kind::text;
  item.value = literal_value(in.now(2).text, in.how());
  for (int skipped = 0; skipped < 5; ++skipped) in.advance();
  if (in.accept('(')) {
    const auto size = in.now().text;
    if (!all_digits(size) || size.size() > 5 || item.value.size() > std::stoul(std::string(size)))
      return false;
    in.advance();
    if (!in.accept(')')) return false;
  }
  if (in.accept("CHARACTER")) {
    if (!in.accept("SET") || !in.now().named()) return false;
    in.advance();
  }
  if (!in.accept(')')) return false;
  if (!in.accept("COLLATE")) return true;
  if (!in.now().named()) return false;
  in.advance();
  return true;
}

bool read_function(tokens& in, plain_item& item) {
  if (in.now().kind != token_kind::word || !in.now(1).is('(') || !in.now(2).is(')')) return false;
  item.value = to_upper_copy(std::string(in.now().text));
  if (std::find(functions.begin(), functions.end(), item.value) == functions.end()) return false;
  item.what = plain_item::kind::function;
  for (int skipped = 0; skipped < 3; ++skipped) in.advance();
  return true;
}

bool read_system_variable(tokens& in, plain_item& item) {
  if (in.now().kind != token_kind::system_variable) return false;
  item.what = plain_item::kind::system_variable;
  auto variable = name{in.now().text.substr(2)}.unquoted();
  in.advance();
  if (in.now().is('.')) {
    in.advance();
    if (!iequals(variable, "session") && !iequals(variable, "local")) return false;
    if (!in.now().named()) return false;
    variable = name{in.now().text}.unquoted();
    in.advance();
  }
  item.value = to_lower_copy(variable);
  return true;
}

// The words up to where an alias, the next item or another clause begins.
void read_expression(tokens& in, plain_item& item) {
  item.what = plain_item::kind::expression;
  const auto first = in.place();
  for (std::size_t depth = 0; !in.at_end(); in.advance()) {
    if (depth == 0 && (in.now().is(',') || in.at_word("AS") || in.at_word("FROM") || in.at_word("LIMIT")))
      break;
    if (in.now().is('(')) ++depth;
    if (in.now().is(')') && depth > 0) --depth;
  }
  if (in.place() > first) item.value = spelled(in.between(first, in.place() - 1), in.how());
}

bool ends_item(const tokens& in) {
  return in.at_end() || in.now().is(',') || in.at_word("FROM") || in.at_word("LIMIT") || in.at_word("AS");
}

bool may_be_alias(const token& one) {
  if (one.kind == token_kind::quoted_name || is_plain_string(one)) return true;
  if (one.kind != token_kind::word || one.marked(mark::not_alias)) return false;
  return reserved.find(' ' + to_upper_copy(std::string(one.text)) + ' ') == reserved.npos;
}

bool read_known(tokens& in, plain_item& item) {
  const auto& first = in.now();
  const bool negative = first.is('-') && in.now(1).kind == token_kind::number && in.now(1).glued;
  const auto& value = in.now(negative ? 1 : 0);
  if (value.kind == token_kind::number && all_digits(value.text) && value.text.size() < 19) {
    item.what = plain_item::kind::integer;
    item.value = (negative ? "-" : "") + std::string(value.text);
    if (negative) in.advance();
    in.advance();
    return true;
  }
  if (is_plain_string(first)) {
    item.what = plain_item::kind::text;
    item.value = literal_value(first.text, in.how());
    in.advance();
    return true;
  }
  if (first.kind == token_kind::user_variable) {
    item.what = plain_item::kind::user_variable;
    item.value = first.text.substr(1);
    in.advance();
    return true;
  }
  if (in.accept("NULL")) return true;
  for (const auto& [word, digit] : {std::pair("TRUE", "1"), std::pair("FALSE", "0")}) {
    if (!in.accept(word)) continue;
    item.what = plain_item::kind::boolean;
    item.value = digit;
    return true;
  }
  return read_cast(in, item) || read_function(in, item) || read_system_variable(in, item);
}

// The servers leave blanks at its beginning away, and each its own control characters.
bool is_heading(std::string_view text) {
  return !text.starts_with(' ') && std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
}

bool read_item(tokens& in, plain_item& item) {
  const auto first = in.place();
  auto ahead = in;
  bool known = read_known(ahead, item) && (ends_item(ahead) || may_be_alias(ahead.now()));
  if (item.what == plain_item::kind::text && ahead.place() == first + 1) {
    if (ahead.now().kind == token_kind::string) known = false; // 'a' 'b' is one string
    if (!is_heading(item.value)) known = false;
  }
  if (known) {
    in = ahead;
  } else {
    item = {};
    read_expression(in, item);
  }
  if (in.place() == first) return false;
  item.heading = item.what == plain_item::kind::text && in.place() == first + 1
                     ? item.value
                     : std::string(in.between(first, in.place() - 1));
  const bool named = in.accept("AS");
  if (named || (!ends_item(in) && may_be_alias(in.now()))) {
    if (!may_be_alias(in.now())) return false;
    item.heading =
        in.now().kind == token_kind::word ? std::string(in.now().text) : name{in.now().text}.unquoted();
    in.advance();
  }
  return true;
}

// LIMIT n, which leaves the only row.
bool read_limit(tokens& in) {
  if (!in.accept("LIMIT")) return true;
  const auto count = in.now().text;
  if (!all_digits(count) || count.find_first_not_of('0') == count.npos) return false;
  in.advance();
  return true;
}

bool read_name_is(tokens& in, std::vector<std::string>& names) {
  if (!in.now().named() || !iequals(name{in.now().text}.unquoted(), "variable_name")) return false;
  in.advance();
  const auto take = [&] {
    if (!is_plain_string(in.now())) return false;
    names.push_back(to_lower_copy(literal_value(in.now().text, in.how())));
    in.advance();
    return true;
  };
  if (in.accept('=')) return take();
  if (!in.accept("IN") || !in.accept('(')) return false;
  do {
    if (!take()) return false;
  } while (in.accept(','));
  return in.accept(')');
}

bool read_variables(tokens& in, plain_show& show) {
  if (in.accept("LIKE")) {
    if (!is_plain_string(in.now())) return false;
    show.like = literal_value(in.now().text, in.how());
    in.advance();
  } else if (in.accept("WHERE")) {
    show.names.emplace();
    do {
      if (!read_name_is(in, *show.names)) return false;
    } while (in.accept("OR"));
  }
  return in.at_end();
}

char folded(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

} // namespace

std::optional<std::vector<plain_item>> read_plain_select(std::string_view text, const dialect& how) {
  tokens in(text, how);
  if (!in.sound() || !in.accept("SELECT")) return std::nullopt;
  std::vector<plain_item> items;
  do {
    if (!read_item(in, items.emplace_back())) return std::nullopt;
  } while (in.accept(','));
  if (in.accept("FROM") && !in.accept("DUAL")) return std::nullopt;
  if (!read_limit(in) || !in.at_end()) return std::nullopt;
  return items;
}

std::string spelled(std::string_view expression, const dialect& how) {
  lexer in(expression, how);
  std::string out;
  for (auto one = in.next(); one.kind != token_kind::end; one = in.next()) {
    if (!out.empty()) out += ' ';
    out += one.kind == token_kind::word ? to_upper_copy(std::string(one.text)) : std::string(one.text);
  }
  return out;
}

std::optional<plain_show> read_plain_show(std::string_view text, const dialect& how) {
  using subject = plain_show::subject;
  tokens in(text, how);
  if (!in.sound() || !in.accept("SHOW")) return std::nullopt;
  plain_show show;
  const bool counted = in.at_word("COUNT") && in.now(1).is('(') && in.now(2).is('*') && in.now(3).is(')');
  if (counted)
    for (int skipped = 0; skipped < 4; ++skipped) in.advance();
  if (in.accept("WARNINGS")) {
    show.what = counted ? subject::warning_count : subject::warnings;
  } else if (in.accept("ERRORS")) {
    show.what = counted ? subject::error_count : subject::errors;
  } else {
    if (!in.accept("SESSION")) in.accept("LOCAL");
    const bool understood = !counted && in.accept("VARIABLES") && read_variables(in, show);
    return understood ? std::optional(show) : std::nullopt;
  }
  if (!counted && !read_limit(in)) return std::nullopt;
  return in.at_end() ? std::optional(show) : std::nullopt;
}

// The last % is the only one that is ever gone back to: what it swallowed grows by a byte.
bool is_like(std::string_view name, std::string_view pattern) {
  std::size_t at = 0, in_pattern = 0;
  std::size_t swallowed = 0, behind_percent = std::string_view::npos;
  while (at < name.size()) {
    const bool left = in_pattern < pattern.size();
    if (left && pattern[in_pattern] == '%') {
      behind_percent = ++in_pattern;
      swallowed = at;
      continue;
    }
    const bool escaped = left && pattern[in_pattern] == '\\' && in_pattern + 1 < pattern.size();
    const char wanted = left ? pattern[in_pattern + (escaped ? 1 : 0)] : '\0';
    if (left && ((wanted == '_' && !escaped) || folded(wanted) == folded(name[at]))) {
      ++at;
      in_pattern += escaped ? 2 : 1;
    } else if (behind_percent != std::string_view::npos) {
      at = ++swallowed;
      in_pattern = behind_percent;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('%', in_pattern) == std::string_view::npos;
}

} // namespace holdwater::protocol::sql
