// Answers to reads that need no table, from what the session and the server's profile know: what drivers and
// pools ask on connect, on check-out and on ping must go on working in an outage. No I/O.
//
// Rule: an answer is what the server would have said, or there is none.
#pragma once

#include "protocol/messages.hpp"
#include "protocol/sql/analysis.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/session/session_state.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdwater::proxy {

// What the previous statement left for SHOW WARNINGS and ROW_COUNT(), when that is not what the session's own
// connection would say: one line at most, the error that was told or a Note of our own.
struct diagnostic {
  bool error = false; // or else a Note
  unsigned number = 0;
  std::string text;                 // empty: there is none
  bool apart = false;               // answered here or by replay: the connection knows nothing of it
  std::optional<std::int64_t> rows; // what ROW_COUNT() says; nothing: not known
  unsigned unseen = 0;              // warnings of the server's, whose words are not known

  [[nodiscard]] bool stands() const { return apart || !text.empty(); }
  void clear() {
    text.clear();
    apart = false;
    rows.reset();
    unseen = 0;
  }
};

struct local_facts {
  const session_state& state;
  const server_profile& profile;
  std::uint32_t connection_id = 0;
  std::optional<std::uint64_t> last_insert_id; // nothing: not known
  const diagnostic& said;
  bool prepared = false; // it is asked by a prepared statement
};

// Nothing: it needs the server. Precondition: `one` is the only statement of `text`.
[[nodiscard]] std::optional<protocol::text_result_set>
find_answer(std::string_view text, const protocol::sql::statement& one, const local_facts& known);

} // namespace holdwater::proxy
