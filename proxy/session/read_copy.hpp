// What a session has in hand of the read cache: on the way in, what the server answers to the present
// command; on the way out, what is answered to it without the server.
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/packet.hpp"
#include "proxy/cache/memory_tier.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace holdwater::proxy {

// Who asks, as a part of the key.
struct asker {
  std::uint64_t version = 0; // of the settings that it was made of
  protocol::capabilities negotiated = 0;
  std::string user;
  std::string digest; // empty: the settings are not all known
};

struct read_copy {
  bool lasting = false;        // this answer might be kept
  bool wanted = false;         // it is to be
  protocol::byte_buffer bytes; // what has come of it, when it comes in parts
  cache_moment since{0}; // what is read now was true then or later: the transaction's or command's begin
  std::array<asker, 2> askers; // of text, and of what is prepared
  bool wrote = false;          // the transaction has written, or is not in the session's isolation
};

struct cached_read {
  protocol::byte_buffer stored; // empty: there is none
  std::string note;             // what SHOW WARNINGS tells of it
  std::string refusal;          // why there is none, empty: nothing is known
  bool untouched = false;       // no queued write changes the row that is read
  bool opens = false;           // with autocommit = 0 it begins a transaction
};

} // namespace holdwater::proxy
