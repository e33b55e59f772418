// The command that a session is at.
#pragma once

#include "protocol/command.hpp"
#include "protocol/packet.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/rules.hpp"

#include <cstddef>
#include <cstdint>

namespace holdwater::proxy {

// The command at the front of the client's buffer.
struct client_command {
  protocol::command code = protocol::command::sleep;
  std::uint8_t sequence = 0;    // of its (last seen) packet: the answer begins one above
  protocol::byte_span payload;  // with the command byte; its beginning when not whole
  bool whole = true;            // payload is all of it
  bool collected = false;       // payload is in a buffer of its own, the client's buffer holds nothing of it
  bool single = true;           // no second statement in it
  bool changes_logins = false;  // it may change how the next login goes ...
  bool sets_globals = false;    // ... by setting a global variable
  bool finds_rows = false;      // a SELECT that sets FOUND_ROWS() and does not ask for it
  bool repeatable = false;      // as described, it may be sent again when its answer was lost ...
  bool stays = false;           // ... and cannot commit an open transaction
  bool as_text = false;         // it executes what is done here as if its text had come, which write_ has
  bool spent = false;           // its bytes have passed through and are gone: it cannot be decided anew
  bool types_seen = false;      // of an execute: they are on their way to a server, or kept
  bool noted = false;           // what it reads lacks queued writes ...
  bool marked = false;          // ... and its answer has said so
  bool sought = false;          // its answer was looked for on the cache's disk
  bool asked_replica = false;   // a replica was asked
  bool awaited_replica = false; // a verdict on the replicas was waited for
  rule_effects rule;            // what the configuration says of it
  server_view decided_in;       // the server, when it was decided last
  unsigned links_lost = 0;      // server connections that were lost over it
  std::uint64_t shape = 0;      // of a text: the same for those that differ in numbers only; 0: not known
  std::uint32_t statement = 0;  // the client's id of the prepared statement that it was sent for
  std::size_t wire_size = 0;    // bytes in the client's buffer that belong to it

  [[nodiscard]] bool is_answered() const { // the client waits for one
    return protocol::answer_of(code) != protocol::answer_kind::nothing;
  }
};

} // namespace holdwater::proxy
