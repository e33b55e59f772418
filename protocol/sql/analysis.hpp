// What a proxy must know of a statement's text, found by a lexer and a shallow parser: its kind, the tables
// that it touches, the session state that it changes, and what in it could mean something else if it ran
// later.
//
// The rule behind every doubtful case: what cannot be classified is `kind::unknown` or carries a hazard, and
// so is refused in an outage; it is never guessed to be harmless.
//
// Source: MySQL "SQL Statements", "Comments", "Language Structure", "Server SQL Modes"; MariaDB knowledge
// base "SQL Statements & Structure".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::protocol::sql {

// How the server would read the text: it decides quoting and which version comments are code.
struct dialect {
  enum class charset : std::uint8_t {
    utf8,     // all of Unicode's; as with euc, a byte below 0x80 is always a character of its own
    euc,      // ujis, euckr, gb2312: two bytes 0xa1 .. 0xfe
    sjis,     // sjis, cp932: second bytes 0x40 .. 0x7e, 0x80 .. 0xfc
    big5,     // big5: second bytes 0x40 .. 0x7e, 0xa1 .. 0xfe
    gbk,      // gbk: second bytes 0x40 .. 0x7e, 0x80 .. 0xfe
    gb18030,  // two or four bytes
    blank_a0, // latin1 and most sets of one byte: 0xa0, the no-break space, is white space
    blank_9a, // koi8r, koi8u: 0x9a is
    blank_ff, // cp850, cp852, cp866: 0xff is
    blank_ca, // macroman, macce: 0xca is
  };
  // The second byte of a character may look like a quote or a backslash.
  [[nodiscard]] bool has_low_second_bytes() const {
    return client_charset > charset::euc && client_charset < charset::blank_a0;
  }

  bool mariadb =
      false; // /*M! ... */ is code; the version that /*!nnnnn is compared with follows MariaDB's rule
  unsigned version = 0;     // major * 10000 + minor * 100 + patch
  bool ansi_quotes = false; // "x" is an identifier
  bool no_backslash_escapes = false;
  bool no_auto_value_on_zero = false; // a 0 for an AUTO_INCREMENT column is a value, not a wish for one
  charset client_charset = charset::utf8;

  friend bool operator==(const dialect&, const dialect&) = default;
};

enum class kind : std::uint8_t {
  empty,  // nothing but white space and comments
  select, // SELECT, TABLE, VALUES, WITH ... SELECT, parenthesised queries
  show,   // SHOW, DESCRIBE, EXPLAIN of a read, HELP
  insert,
  replace,
  update,
  erase, // DELETE
  set,
  use,
  begin, // BEGIN, START TRANSACTION
  commit,
  rollback, // the whole transaction
  savepoint,
  rollback_to_savepoint,
  release_savepoint,
  prepare,
  execute,
  deallocate,
  ddl, // CREATE, ALTER, DROP, RENAME, TRUNCATE, GRANT, REVOKE, ... : implicit commit
  call,
  load_data,
  lock_tables,
  unlock_tables,
  xa,
  handler,
  do_,
  kill,
  admin, // FLUSH, RESET, PURGE, ANALYZE, OPTIMIZE, CHECK, CHANGE MASTER, SHUTDOWN, INSTALL, ...
  unknown,
};
[[nodiscard]] std::string_view name_of(kind value); // "INSERT", "DDL", ...

// Things found in a statement. Several may hold.
enum class trait : std::uint32_t {
  none = 0,
  locking_read = 1u << 0,          // FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE
  into_target = 1u << 1,           // SELECT ... INTO OUTFILE / DUMPFILE / variable
  returning = 1u << 2,             // INSERT / REPLACE / DELETE ... RETURNING
  reads_user_variable = 1u << 3,   // @x
  writes_user_variable = 1u << 4,  // @x := ..., SET @x, SELECT INTO @x
  reads_system_variable = 1u << 5, // @@x
  temporary_table = 1u << 6,       // CREATE or DROP TEMPORARY TABLE
  named_lock = 1u << 7,            // GET_LOCK and its family
  session_function = 1u << 8,      // LAST_INSERT_ID, ROW_COUNT, FOUND_ROWS, CONNECTION_ID and their spellings
  deferred_hazard = 1u << 9,   // SYSDATE, SLEEP, BENCHMARK, LOAD_FILE, ...: would mean something else later
  unknown_function = 1u << 10, // a call of a function that is not a known built-in (stored, loadable)
  found_rows = 1u << 11,       // SQL_CALC_FOUND_ROWS
  select_source = 1u << 12,    // INSERT / REPLACE ... SELECT, CREATE ... SELECT
  upsert = 1u << 13,           // INSERT IGNORE or ON DUPLICATE KEY UPDATE
  multi_table = 1u << 14,      // UPDATE or DELETE over several tables
  sequence_access = 1u << 15,  // NEXT VALUE FOR, NEXTVAL, LASTVAL, SETVAL
  chain_or_release = 1u << 16, // COMMIT / ROLLBACK ... AND CHAIN / RELEASE
  read_only_transaction = 1u << 17, // START TRANSACTION READ ONLY
  random_value = 1u << 18,          // RAND, UUID: nobody has seen the value yet, so it may be made at replay
  clock_value = 1u << 19,           // NOW and its family: pinned by the unit's timestamp
  placeholder = 1u << 20,           // a ? outside of quotes
  partial = 1u << 21,               // the text ended inside a quote or comment
  release_connection = 1u << 22,    // COMMIT / ROLLBACK ... RELEASE; chain_or_release without it is AND CHAIN
  consistent_snapshot = 1u << 23,   // START TRANSACTION WITH CONSISTENT SNAPSHOT
  read_write_transaction = 1u << 24, // START TRANSACTION READ WRITE
  last_insert_id = 1u << 25,         // session_function: a plain LAST_INSERT_ID()
  connection_value = 1u << 26,       // session_function: any other one
  default_database = 1u << 27,       // DATABASE(), SCHEMA()
};
[[nodiscard]] constexpr trait operator|(trait a, trait b) {
  return static_cast<trait>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
constexpr trait& operator|=(trait& a, trait b) {
  return a = a | b;
}
[[nodiscard]] constexpr bool has(trait set, trait one) {
  return (static_cast<std::uint32_t>(set) & static_cast<std::uint32_t>(one)) != 0;
}

// A name as written; `unquoted()` gives the value of a quoted one. Views point into the text given to
// analyze().
struct name {
  std::string_view raw;
  [[nodiscard]] std::string unquoted() const;
  [[nodiscard]] bool empty() const { return raw.empty(); }
};

struct table_ref {
  name schema; // empty: the default database
  name table;
  bool written = false;
};

// One assignment of a SET statement, in the order written.
struct assignment {
  enum class target : std::uint8_t {
    session,          // SET x, SET SESSION x, SET LOCAL x, SET @@x, SET @@session.x
    global,           // SET GLOBAL, SET PERSIST, SET PERSIST_ONLY, SET @@global.x
    next_transaction, // SET TRANSACTION ...: no scope, holds for the next transaction only
    user_variable,    // SET @x
    names,            // SET NAMES cs [COLLATE co]; value is cs, extra is co
    character_set,    // SET CHARACTER SET cs / SET CHARSET cs
    other, // SET PASSWORD, SET ROLE, SET RESOURCE GROUP, SET STATEMENT ... FOR, what is not understood
  };
  target where = target::session;
  name variable;          // lower or upper case as written; for SET SESSION TRANSACTION: see `value`
  std::string_view value; // the expression's text, trimmed; DEFAULT as written
  std::string_view extra;
  bool literal = false; // a number, a string, NULL-free keyword like ON / OFF / DEFAULT / an identifier value
  bool default_value = false; // DEFAULT
};
// SET [SESSION] TRANSACTION ISOLATION LEVEL x / READ ONLY gives variable "transaction_isolation" /
// "transaction_read_only" with values such as "READ-COMMITTED", "1".
// The value of a literal with its quotes and escapes undone, e.g. 'a''b' is a'b.
[[nodiscard]] std::string literal_value(std::string_view text, const dialect& how);

// The shape of INSERT and REPLACE.
struct insert_shape {
  enum class source : std::uint8_t { none, values, set, select };
  source from = source::none;
  std::uint32_t rows = 0;    // VALUES: number of row constructors; SET: 1; SELECT: 0
  std::vector<name> columns; // as listed; empty when no list was given
  bool ignore = false;
  bool on_duplicate = false;
  std::size_t first_row = 0;    // offset in the text just behind VALUES, for cell_kinds()
  name returned;                // of INSERT ... VALUES or SET ... RETURNING one plain column: the column
  std::size_t returning_at = 0; // ... and the offset of RETURNING, behind which nothing else is
};

struct statement {
  enum kind kind = kind::empty;
  trait traits = trait::none;
  std::size_t offset = 0; // where its text lies in the whole, without the separating semicolons
  std::size_t size = 0;
  std::vector<table_ref> tables;
  std::vector<assignment> assignments; // of SET; of PREPARE one, `other`: the name and its text's expression
  std::vector<std::string_view> user_variables; // names that it reads, without the @, as written
  insert_shape insert;
  name subject; // USE: the database. PREPARE / EXECUTE / DEALLOCATE / SAVEPOINT ...: the name
  std::string_view
      hazard; // the word behind deferred_hazard, unknown_function, session_function or unknown, for messages

  [[nodiscard]] bool is_write() const {
    return kind == kind::insert || kind == kind::replace || kind == kind::update || kind == kind::erase;
  }
};

// Reusable: analyze() clears it but keeps its memory, so that the hot path does not allocate.
class analysis {
 public:
  analysis();
  ~analysis();
  analysis(analysis&&) noexcept; // a moved-from one may only be destroyed or assigned to
  analysis& operator=(analysis&&) noexcept;

  // Splits `text` at its semicolons and looks at every statement. Views in the result point into `text`.
  void analyze(std::string_view text, const dialect& how);

  [[nodiscard]] const std::vector<statement>&
  statements() const;                           // empty statements are left out unless alone
  [[nodiscard]] const statement& first() const; // there is always one
  [[nodiscard]] bool single() const;

 private:
  struct memory;

  void clear();
  statement& add();

  std::vector<statement> statements_; // never empty
  std::vector<statement> spare_;      // earlier ones, whose lists keep their memory
  std::unique_ptr<memory> memory_;
};

// True for SELECT, SHOW and the like whose repetition nobody can notice: no lock, no target, no variable
// written, no session function, no deferred hazard (SLEEP), no unknown function, no sequence.
[[nodiscard]] bool is_pure_read(const statement& one);
// Changes nothing that another session could see, and takes no lock. Its repetition may be noticed
// (ROW_COUNT(), @x := 1).
[[nodiscard]] bool only_reads(const statement& one);

// What each row of INSERT ... VALUES / SET gives for one column, to learn whether the server would make an
// id.
enum class cell : std::uint8_t {
  missing,    // the row has no such position
  generated,  // NULL, DEFAULT or (unless NO_AUTO_VALUE_ON_ZERO) 0: the server makes the value
  given,      // another literal
  expression, // anything else
};
// `position` counts from 0 in the column list as written (or in the table's order when there is no list).
// For INSERT ... SET, gives the one value assigned to the position-th listed column.
[[nodiscard]] std::vector<cell> cell_kinds(std::string_view text, const statement& one, std::size_t position,
                                           const dialect& how);

// Reads sql_mode's value ("ANSI_QUOTES,STRICT_TRANS_TABLES", "ANSI", "ORACLE", ...) into the flags that
// matter here.
void apply_sql_mode(dialect& how, std::string_view sql_mode);
// Maps a character set's name ("gbk") to the lexer's class.
[[nodiscard]] dialect::charset charset_class(std::string_view character_set);
// Both, of the session that a statement is meant in.
void apply_context(dialect& how, std::string_view sql_mode, std::string_view character_set_client);

} // namespace holdwater::protocol::sql
