// The word table: an open-addressed hash of every known word, filled at compile time.
//
// Invariant: the table is at most half full, so that a look-up of an unknown name ends after a probe or two.
#include "protocol/sql/words.hpp"

#include "protocol/sql/function_names.hpp"

#include <array>
#include <cstddef>

namespace holdwater::protocol::sql {
namespace {

// In the order of `kw`, behind `none`.
constexpr std::string_view keyword_names =
    "ACTION AGGREGATE ALL ALTER ANALYZE AND AS ATOMIC AUTHORIZATION BACKUP BEGIN BINLOG BY CACHE CALL "
    "CHAIN CHANGE CHAR CHARACTER CHARSET CHECK CHECKSUM CLONE COLLATE COLUMNS COMMENT COMMIT "
    "COMMITTED CONNECTION CONSISTENT CREATE CROSS CURRVAL CYCLE DATA DEALLOCATE DEFAULT DEFINER "
    "DELAYED DELETE DESC DESCRIBE DISTINCT DO DROP DUAL DUPLICATE ERRORS EVENT EXCEPT EXECUTE EXISTS "
    "EXPLAIN EXTENDED FALSE FETCH FIELDS FLUSH FOR FORCE FORMAT FROM FULL FUNCTION GLOBAL GRANT GROUP "
    "HANDLER HAVING HELP HIGH_PRIORITY HISTORY IF IGNORE IMMEDIATE IMPORT IN INDEX INDEXES INNER "
    "INSERT INSTALL INSTANCE INTERSECT INTO ISOLATION JOIN JSON_TABLE KEY KEYS KILL LASTVAL LATERAL "
    "LEFT LEVEL LIKE LIMIT LOAD LOCAL LOCK LOW_PRIORITY MINUS MODE NAMES NATURAL NEXT NEXTVAL NO NOT "
    "NULL OF OFF OFFSET OJ ON ONLINE ONLY OPTIMIZE OR ORDER OUTFILE DUMPFILE PACKAGE PARTITION "
    "PARTITIONS PASSWORD PERSIST PERSIST_ONLY PORTION PREPARE PREVIOUS PROCEDURE PROFILE PROFILES "
    "PURGE QUICK READ RECURSIVE REFERENCES RELEASE RENAME REPAIR REPEATABLE REPLACE RESET RESOURCE "
    "RESTART RESTRICT RETURNING REVOKE RIGHT ROLE ROLLBACK ROW SAVEPOINT SCHEMA SELECT SERIALIZABLE "
    "SESSION SET SHARE SHOW SHUTDOWN SNAPSHOT SQL_CALC_FOUND_ROWS START STATEMENT STATUS STOP "
    "STRAIGHT_JOIN SYSTEM_TIME TABLE TABLES TEMPORARY TO TRANSACTION TRIGGER TRUE TRUNCATE "
    "UNCOMMITTED UNINSTALL UNION UNLOCK UPDATE USE USING VALUE VALUES VIEW WAIT WARNINGS WHERE WINDOW "
    "WITH WORK WRITE XA XML";

constexpr std::size_t slot_count = 4096;
constexpr std::size_t longest_word = 40;

struct slot {
  std::string_view text;
  word_info info;
};

constexpr unsigned char fold(char c) {
  return static_cast<unsigned char>(c) | 0x20u;
}

constexpr std::uint32_t hash_of(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ fold(c)) * 16777619u;
  return hash ^ (hash >> 15);
}

// Letters, digits, '_' and '$' stay apart when folded, except '@' and '[' and the like, which no word holds.
constexpr bool same_word(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (fold(a[i]) != fold(b[i])) return false;
  return true;
}

struct word_table {
  std::array<slot, slot_count> slots{};
  std::size_t used = 0;

  constexpr word_info& at(std::string_view text) {
    auto index = hash_of(text) % slot_count;
    while (!slots[index].text.empty() && !same_word(slots[index].text, text))
      index = (index + 1) % slot_count;
    used += slots[index].text.empty() ? 1 : 0;
    slots[index].text = text;
    return slots[index].info;
  }
};

// Calls use(word) for each blank-separated word of the list.
template <class Use>
constexpr void each_word(std::string_view list, Use use) {
  while (!list.empty()) {
    const auto end = list.find(' ') == std::string_view::npos ? list.size() : list.find(' ');
    if (end > 0) use(list.substr(0, end));
    list.remove_prefix(end == list.size() ? end : end + 1);
  }
}

constexpr void add_marks(word_table& table, std::string_view list, unsigned marks) {
  each_word(list, [&](std::string_view word) {
    auto& info = table.at(word);
    info.marks = info.marks | marks;
  });
}

constexpr void add_keywords(word_table& table) {
  std::uint8_t next = 1;
  each_word(keyword_names, [&](std::string_view word) { table.at(word).keyword = static_cast<kw>(next++); });
}

constexpr void add_functions(word_table& table) {
  for (const auto list : {names::before_parenthesis, names::numbers_and_strings, names::dates,
                          names::aggregates_and_windows, names::json, names::spatial})
    add_marks(table, list, mark::harmless);
  add_marks(table, names::glued, mark::harmless | mark::glued);
  add_marks(table, names::mariadb_only, mark::harmless | mark::only_mariadb);
  add_marks(table, names::mariadb_11_only, mark::harmless | mark::only_mariadb | mark::mariadb_11);
  add_marks(table, names::mariadb_11, mark::harmless | mark::mariadb_11);
  add_marks(table, names::mysql_only, mark::harmless | mark::only_mysql);
  add_marks(table, names::mariadb_glued, mark::harmless | mark::glued | mark::only_mariadb);
  add_marks(table, names::mysql_glued, mark::harmless | mark::glued | mark::only_mysql);
  add_marks(table, names::mysql_8, mark::harmless | mark::mysql_8);
  add_marks(table, names::geometries, mark::harmless | mark::geometry);
  add_marks(table, names::point, mark::harmless | mark::point);
}

constexpr void add_hazards(word_table& table) {
  add_marks(table, names::clock, mark::clock | mark::bare);
  add_marks(table, names::clock_glued, mark::clock | mark::glued);
  add_marks(table, names::clock_empty, mark::clock_empty);
  add_marks(table, "SYSDATE", mark::later | mark::clock | mark::bare | mark::glued);
  add_marks(table, names::random, mark::random);
  add_marks(table, names::random_mariadb, mark::random | mark::only_mariadb);
  add_marks(table, names::random_mariadb_11, mark::random | mark::only_mariadb | mark::mariadb_11);
  add_marks(table, names::session, mark::session);
  add_marks(table, names::session_mysql, mark::session | mark::only_mysql);
  add_marks(table, names::later, mark::later);
  add_marks(table, names::later_mariadb, mark::later | mark::only_mariadb);
  add_marks(table, names::later_mysql, mark::later | mark::only_mysql);
  add_marks(table, names::host, mark::host);
  add_marks(table, names::host_mysql, mark::host | mark::only_mysql);
  add_marks(table, names::host_glued, mark::host | mark::glued);
  add_marks(table, names::account_bare, mark::harmless | mark::bare);
  add_marks(table, names::locks, mark::named_lock);
  add_marks(table, names::sequences, mark::sequence | mark::only_mariadb);
  add_marks(table, names::not_alias, mark::not_alias);
}

constexpr word_table make_table() {
  word_table table;
  add_keywords(table);
  add_functions(table);
  add_hazards(table);
  return table;
}

constexpr word_table table = make_table();
static_assert(table.used * 2 <= slot_count);

} // namespace

word_info find_word(std::string_view text) {
  if (text.size() > longest_word) return {};
  auto index = hash_of(text) % slot_count;
  while (!table.slots[index].text.empty()) {
    if (same_word(table.slots[index].text, text)) return table.slots[index].info;
    index = (index + 1) % slot_count;
  }
  return {};
}

} // namespace holdwater::protocol::sql
