// What is remembered of the server across outages and restarts, so that clients can log in without it: its
// greeting, its collations by id, and the session context that a fresh connection has.
//
// It is kept as JSON in the data directory, replaced atomically (write, sync, rename).
#pragma once

#include "protocol/column_definition.hpp"
#include "protocol/handshake.hpp"
#include "proxy/server/default_changes.hpp"
#include "spool/unit.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace holdwater::proxy {

struct collation {
  std::string name;
  std::string character_set;
  bool is_default = false; // of its character set

  friend bool operator==(const collation&, const collation&) = default;
};

// A system variable as a fresh session of the account of MYSQL_USER has it.
struct system_variable {
  std::string shown;                       // as SHOW VARIABLES says it: ON, OFF, 151
  std::optional<std::string> value;        // as SELECT @@x does: 1, 0, 151; nothing: NULL
  bool integer = false;                    // SELECT @@x gives an integer
  protocol::column_definition described{}; // its column; of text, the length is in characters

  friend bool operator==(const system_variable&, const system_variable&) = default;
};
using system_variables = std::map<std::string, system_variable, std::less<>>; // by name in lower case

// An expression that drivers send on connect, and its value.
struct known_expression {
  std::string text; // as sql::spelled() has it
  std::optional<std::string> value;
  bool integer = false;
  protocol::column_definition described{};

  friend bool operator==(const known_expression&, const known_expression&) = default;
};

struct server_profile {
  protocol::greeting hello;
  protocol::server_version version;
  std::map<unsigned, collation> collations;         // by id
  std::optional<spool::statement_context> defaults; // of a fresh connection, database left empty
  std::set<std::string> time_zones;                 // named ones that it has taken, some of them
  system_variables variables;                       // empty: never learned
  std::vector<known_expression> expressions;

  [[nodiscard]] const collation* find(unsigned id) const;
  // What SET NAMES without COLLATE gives.
  [[nodiscard]] const collation* default_of(std::string_view character_set) const;
  // The server's built-in default, which MariaDB's character_set_collations (11.3) replaces at login and in
  // SET NAMES.
  [[nodiscard]] const collation* primary_of(std::string_view character_set) const;
  [[nodiscard]] const collation* named(std::string_view name) const;
  [[nodiscard]] const system_variable* find_variable(std::string_view name) const;
  [[nodiscard]] std::uint64_t largest_packet() const;                  // max_allowed_packet; 0: not known
  [[nodiscard]] unsigned id_of(std::string_view collation_name) const; // 0: not known
};

// The current profile, shared by all workers. Readers get an immutable snapshot.
class profile_store {
 public:
  // `path` empty keeps it in memory only.
  explicit profile_store(std::string path) : path_(std::move(path)) {}

  // Reads the file; a missing one is no error. Returns what is wrong with an unreadable one, empty otherwise.
  [[nodiscard]] std::string load();

  // Never null; empty until something was learned.
  [[nodiscard]] std::shared_ptr<const server_profile> get() const;
  [[nodiscard]] bool knows_greeting() const { return !get()->hello.server_version.empty(); }
  // Each keeps the rest and writes the file when something changed. Failures to write are logged.
  void learn_greeting(const protocol::greeting& hello);
  void learn_defaults(const spool::statement_context& defaults);
  void learn_time_zone(const std::string& name);
  void learn_collations(std::map<unsigned, collation> collations);
  void learn_variables(system_variables variables, std::vector<known_expression> expressions);
  [[nodiscard]] default_changes& changes() { return changes_; } // of the defaults

 private:
  void replace(std::shared_ptr<const server_profile> next); // under the lock

  std::string path_;
  default_changes changes_;
  mutable std::mutex mutex_;
  std::shared_ptr<const server_profile> current_ = std::make_shared<const server_profile>();
};

} // namespace holdwater::proxy
