// A session's connection to the server, and the conversation that opens it.
#pragma once

#include "protocol/handshake.hpp"
#include "protocol/proxy_header.hpp"
#include "proxy/net/stream_io.hpp"
#include "proxy/session/worker.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdwater::proxy {

struct server_link {
  std::shared_ptr<transport> stream;
  protocol::capabilities negotiated = 0;
  std::uint32_t connection_id = 0; // the server's
  std::chrono::steady_clock::time_point opened = std::chrono::steady_clock::now();
  std::uint64_t outage = 0; // state_board's number when it was opened: from an earlier one it is worthless
};

// What Holdwater can follow; anything else is not offered to clients and not asked of servers.
[[nodiscard]] protocol::capabilities supported_capabilities();

// Connects and reads the greeting; the profile learns it. The link is not logged in yet.
struct link_attempt {
  enum class outcome : std::uint8_t {
    opened,
    unreachable, // nothing was sent: `problem` says what was met
    refused,     // the server said no: `refusal` is its ERR payload
  };
  outcome what = outcome::unreachable;
  std::optional<server_link> link;
  protocol::greeting hello;
  std::string problem;
  protocol::byte_buffer refusal;
  protocol::byte_buffer ok; // log_in(): the server's OK payload
};
// With server.proxy_protocol the server is told of the client at the other end, if one is given: such a link
// is of use to that client only.
task<link_attempt> open_link(worker& home, wakeup& wake, const protocol::proxy_header* client = nullptr);

// Logs in over an opened attempt with a password that we know: `as` with its authentication replaced.
// On success `ok` is set; else what, problem or refusal.
task<> log_in(worker& home, wakeup& wake, link_attempt& attempt, const protocol::handshake_response& as,
              const std::string& password);

// Logs in once and leaves, so that the profile knows the server's greeting; a warning when the server was not
// met.
task<> learn_greeting(worker& home, wakeup& wake);

// Runs one statement of our own and reads its small answer. Values of the first row; nullopt as a whole when
// the statement failed or the link broke (then `broken` is set).
struct own_answer {
  bool ok = false;
  bool broken = false;
  std::vector<std::optional<std::string>> row;
  std::string error;
};
task<own_answer> ask_server(worker& home, wakeup& wake, server_link& link, const std::string& statement);

} // namespace holdwater::proxy
