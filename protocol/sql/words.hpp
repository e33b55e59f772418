// The words that mean something to us: keywords that shape a statement, and names that may stand before a
// parenthesis. One look-up in a table made at compile time answers both questions, without allocation.
//
// Invariant: a name that is not in the table has no keyword and no mark, so a call of it is an unknown
// function.
//
// Source: MySQL "Keywords and Reserved Words", "Built-In Function and Operator Reference"; MariaDB knowledge
// base "Reserved Words", "Function and Operator Reference".
#pragma once

#include <cstdint>
#include <string_view>

namespace holdwater::protocol::sql {

// clang-format off
// Spelled as the manuals spell them. NULL_ has its underscore because NULL is a macro.
enum class kw : std::uint8_t {
  none,
  ACTION, AGGREGATE, ALL, ALTER, ANALYZE, AND, AS, ATOMIC, AUTHORIZATION,
  BACKUP, BEGIN, BINLOG, BY,
  CACHE, CALL, CHAIN, CHANGE, CHAR, CHARACTER, CHARSET, CHECK, CHECKSUM, CLONE, COLLATE, COLUMNS, COMMENT, COMMIT,
  COMMITTED, CONNECTION, CONSISTENT, CREATE, CROSS, CURRVAL, CYCLE,
  DATA, DEALLOCATE, DEFAULT, DEFINER, DELAYED, DELETE, DESC, DESCRIBE, DISTINCT, DO, DROP, DUAL, DUPLICATE,
  ERRORS, EVENT, EXCEPT, EXECUTE, EXISTS, EXPLAIN, EXTENDED,
  FALSE_, FETCH, FIELDS, FLUSH, FOR, FORCE, FORMAT, FROM, FULL, FUNCTION,
  GLOBAL, GRANT, GROUP,
  HANDLER, HAVING, HELP, HIGH_PRIORITY, HISTORY,
  IF, IGNORE, IMMEDIATE, IMPORT, IN, INDEX, INDEXES, INNER, INSERT, INSTALL, INSTANCE, INTERSECT, INTO, ISOLATION,
  JOIN, JSON_TABLE,
  KEY, KEYS, KILL,
  LASTVAL, LATERAL, LEFT, LEVEL, LIKE, LIMIT, LOAD, LOCAL, LOCK, LOW_PRIORITY,
  MINUS, MODE,
  NAMES, NATURAL, NEXT, NEXTVAL, NO, NOT, NULL_,
  OF, OFF, OFFSET, OJ, ON, ONLINE, ONLY, OPTIMIZE, OR, ORDER, OUTFILE, DUMPFILE,
  PACKAGE, PARTITION, PARTITIONS, PASSWORD, PERSIST, PERSIST_ONLY, PORTION, PREPARE, PREVIOUS, PROCEDURE, PROFILE,
  PROFILES, PURGE,
  QUICK,
  READ, RECURSIVE, REFERENCES, RELEASE, RENAME, REPAIR, REPEATABLE, REPLACE, RESET, RESOURCE, RESTART, RESTRICT,
  RETURNING, REVOKE, RIGHT, ROLE, ROLLBACK, ROW,
  SAVEPOINT, SCHEMA, SELECT, SERIALIZABLE, SESSION, SET, SHARE, SHOW, SHUTDOWN, SNAPSHOT, SQL_CALC_FOUND_ROWS,
  START, STATEMENT, STATUS, STOP, STRAIGHT_JOIN, SYSTEM_TIME,
  TABLE, TABLES, TEMPORARY, TO, TRANSACTION, TRIGGER, TRUE_, TRUNCATE,
  UNCOMMITTED, UNINSTALL, UNION, UNLOCK, UPDATE, USE, USING,
  VALUE, VALUES, VIEW,
  WAIT, WARNINGS, WHERE, WINDOW, WITH, WORK, WRITE,
  XA, XML,
  count_
};
// clang-format on

// What a word means before a parenthesis (or, with `bare`, also alone).
namespace mark {
inline constexpr std::uint32_t harmless =
    1u << 0; // an operator, a type or a built-in whose result is the same later
inline constexpr std::uint32_t clock = 1u << 1; // gives the statement's time
inline constexpr std::uint32_t clock_empty = 1u
                                             << 2; // gives the statement's time when called without arguments
inline constexpr std::uint32_t random = 1u << 3;   // gives a new value each time
inline constexpr std::uint32_t session = 1u << 4;  // gives what this session did before
inline constexpr std::uint32_t later = 1u
                                       << 5; // means something else, or does something else, when run later
inline constexpr std::uint32_t host =
    1u << 6; // gives a fact about this connection or server: a hazard in a write
inline constexpr std::uint32_t named_lock = 1u << 7; // GET_LOCK and its family
inline constexpr std::uint32_t sequence = 1u << 8;   // reads or moves a sequence
inline constexpr std::uint32_t bare = 1u << 9;       // needs no parenthesis
inline constexpr std::uint32_t glued = 1u << 10;     // a built-in only when the parenthesis follows at once
inline constexpr std::uint32_t only_mariadb = 1u << 11;
inline constexpr std::uint32_t only_mysql = 1u << 12;
inline constexpr std::uint32_t not_alias = 1u << 13;  // cannot be the alias of a table
inline constexpr std::uint32_t mariadb_11 = 1u << 14; // in MariaDB a built-in only from 11.8 on
inline constexpr std::uint32_t mysql_8 = 1u << 15;    // in MySQL a built-in only before 9
inline constexpr std::uint32_t geometry = 1u << 16;   // in MariaDB a built-in only with arguments
inline constexpr std::uint32_t point = 1u << 17;      // in MariaDB a built-in only with two arguments
inline constexpr std::uint32_t any_function =
    harmless | clock | clock_empty | random | session | later | host | named_lock | sequence;
} // namespace mark

struct word_info {
  kw keyword = kw::none;
  std::uint32_t marks = 0;
};

// Letter case does not matter.
[[nodiscard]] word_info find_word(std::string_view text);

} // namespace holdwater::protocol::sql
