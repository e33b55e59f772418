// A write in an outage on its way to the queue: the text that it is about, and what is to be queued and told.
#pragma once

#include "protocol/messages.hpp"
#include "proxy/session/errors.hpp"
#include "proxy/session/prepared_statements.hpp"
#include "spool/unit.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::spool {
struct statement_answer;
}

namespace holdwater::proxy {

class ticket;

// The current command's write, while the server is not up.
struct write_at_hand {
  std::string_view text;                   // of the statement, with its placeholders
  prepared_statement* statement = nullptr; // that it executes; null: it came as text
  bool bound = false;                      // values are bound to its placeholders, or will be
  std::string database;                    // its default one
  std::string filled;                      // what `text` points to when no one else keeps it
  std::string refusal;                     // why it cannot be executed without the server
};

// Why a write is not taken, and what its client is told.
struct write_refusal {
  client_error error = client_error::needs_server;
  std::string reason;
};

struct write_draft {
  spool::statement what;
  std::uint64_t rows = 0; // what the OK says that is given for it
  std::uint64_t insert_id = 0;
  std::optional<protocol::text_result_set> returned; // what it is answered with, of RETURNING
};

struct writes_draft {
  std::vector<spool::statement> what; // one, or one for each row of a bulk execute
  std::uint64_t rows = 0;
  std::uint64_t insert_id = 0; // the first one
  std::uint64_t bytes = 0;     // that they take in memory
  std::optional<protocol::text_result_set> returned;
};

// What is told of a unit when it is on the disk.
struct spooled_ok {
  std::uint64_t rows = 0;
  std::uint64_t insert_id = 0;
  bool commits = false;                                // the unit is a transaction
  const protocol::text_result_set* returned = nullptr; // not an OK, but this
  bool updates_duplicates = false;                     // ON DUPLICATE KEY UPDATE
};

// Several writes in one text; as many of the one as of the other.
struct several_drafts {
  std::vector<spool::statement> what;
  std::vector<spooled_ok> told;
};

inline constexpr const char* ruled_out = "a rule of the configuration keeps it from being queued";
inline constexpr const char* too_much_at_once =
    "the server is down, and so many writes of one command, with what each takes along, are more than "
    "spool.max_transaction_bytes";
inline constexpr const char* too_large_to_collect =
    "this transaction has grown too large to be collected while the server is down; this statement is not in "
    "it, what came before it still is";

} // namespace holdwater::proxy
