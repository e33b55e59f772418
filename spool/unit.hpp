// A unit: what is applied atomically, one autocommit statement or one whole transaction, with all that replay
// needs to give each statement the meaning that it had when its client sent it.
//
// Source: the fields follow what a statement-based binary log event carries (MySQL "Query_event").
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdwater::spool {

using seq = std::uint64_t; // from 1, without gaps

// One of the variables that is_carried_setting() knows, as the session has it.
struct session_setting {
  std::string name;  // in lower case
  std::string value; // as the server prints it in @@x

  friend bool operator==(const session_setting&, const session_setting&) = default;
};

// The session state that a statement's meaning depends on. Strings are values as the server prints them in
// @@x.
struct statement_context {
  std::string database; // default database, empty for none
  std::string sql_mode;
  std::string time_zone; // "SYSTEM", "+02:00", "Europe/Berlin"
  std::string lc_time_names;
  std::string character_set_client;
  std::string collation_connection;  // sets character_set_connection too
  std::string character_set_results; // empty for NULL
  std::string collation_database;    // as @@collation_database, informational when the server derives it
  std::string collation_server;
  std::uint64_t auto_increment_increment = 1;
  std::uint64_t auto_increment_offset = 1;
  bool foreign_key_checks = true;
  bool unique_checks = true;
  std::string isolation;                 // "REPEATABLE-READ", ...
  std::vector<session_setting> settings; // those that are not as in a fresh session, by name

  friend bool operator==(const statement_context&, const statement_context&) = default;
};

// A user variable that the statement reads: set before it.
struct user_variable {
  std::string name;
  std::string literal; // SQL text of its value, e.g. 42, 'x', NULL, x'00ff'

  friend bool operator==(const user_variable&, const user_variable&) = default;
};

struct table_name {
  std::string schema;
  std::string table;

  friend auto operator<=>(const table_name&, const table_name&) = default;
};

// A value bound to a ? of a statement, typed as the client typed it.
//
// Source: MySQL "Binary Protocol Value" (of COM_STMT_EXECUTE).
// Worked example: the LONG 42 has type 3 and the value 2a 00 00 00; the VAR_STRING "ab" type 253 and the
// value 61 62; DATE 2024-02-29 type 10 and the value e8 07 02 1d.
struct parameter {
  std::uint8_t type = 0; // MYSQL_TYPE_...
  bool is_unsigned = false;
  bool long_data = false; // came by COM_STMT_SEND_LONG_DATA and may exceed a packet
  std::optional<std::string>
      value; // little-endian, or a string's, number's or date's bytes without their length; nothing: NULL

  friend bool operator==(const parameter&, const parameter&) = default;
};

// Whether replay can bind it: its type is known, and its bytes are one of the type's values.
[[nodiscard]] bool can_be_bound(const parameter& one);

struct statement {
  std::string text;                  // bytes as the client sent them, in character_set_client
  std::vector<parameter> parameters; // one for each ? of a prepared statement; empty: the text has none
  statement_context context;
  std::chrono::microseconds timestamp{0};      // since the epoch: what NOW() says
  std::optional<std::uint64_t> insert_id;      // the first id to give out, where the server would make one
  std::optional<std::uint64_t> last_insert_id; // what LAST_INSERT_ID() says, when it is asked
  std::vector<user_variable> user_variables;
  std::vector<table_name> tables; // written ones, with the schema filled in

  friend bool operator==(const statement&, const statement&) = default;
};

struct unit {
  seq number = 0;                           // given by the spool
  std::string account;                      // user name of the account that wrote it
  std::chrono::microseconds accepted_at{0}; // since the epoch
  std::vector<statement> statements;        // at least one

  friend bool operator==(const unit&, const unit&) = default;
};

} // namespace holdwater::spool
