// What an OK tells of the session by CLIENT_SESSION_TRACK, for a reader.
//
// Source: MySQL "OK_Packet", section "Session State Information"; MariaDB "OK_Packet", "Session Change
// Types". Worked example: 01 05 04 74 65 73 74 says that the default database is "test" now.
#pragma once

#include "protocol/packet.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdwater::protocol {

struct session_change {
  enum class kind : std::uint8_t {
    variable = 0,        // a system variable: name and value
    schema = 1,          // the default database: value, empty when there is none any more
    state = 2,           // something changed, it does not say what
    gtids = 3,           // of the transaction that was committed: value
    characteristics = 4, // SQL that would begin such a transaction: value
    transaction = 5,     // its state, a letter for each fact: value
  };
  kind what = kind::variable;
  std::string_view name;
  std::string_view value;
};

// One change after the other, of ok_message::session_state or of several such blocks in a row. Kinds that are
// not known are passed over; what does not fit ends it, and failed() tells.
class session_change_reader {
 public:
  explicit session_change_reader(std::string_view block) : in_(as_bytes(block)) {}

  [[nodiscard]] std::optional<session_change> next(); // nothing: there is no further one
  [[nodiscard]] bool failed() const { return in_.failed() || variables_.failed(); }

 private:
  payload_reader in_;
  payload_reader variables_{byte_span()}; // of the entry that is being read
};

} // namespace holdwater::protocol
