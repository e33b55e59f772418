// How long a client may take: to go on with a command that it has begun, and to take an answer. As long as
// its server would wait for it, so that nobody is cut off whom a direct connection would have kept, and not
// for ever, so that a client that neither reads nor leaves holds nothing of ours or the server's.
//
// While nothing is asked of it a client may be silent as long as it likes: an idle connection is the server's
// to end (wait_timeout), and one whose client is gone is found by the system (tcp_keepalive).
#include "proxy/server/server_profile.hpp"
#include "proxy/session/session.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

namespace holdwater::proxy {

using protocol::byte_span;
using std::chrono::milliseconds;

namespace {

// Of a session that has set the variable to what only the server knows.
constexpr std::chrono::hours unknown_pace{1};

milliseconds seconds_in(std::string_view text) {
  unsigned long seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds(std::min(seconds, 365ul * 24 * 3600)); // the servers' own maximum
}

} // namespace

// The longest of what is configured here, the server's global value and the session's own.
milliseconds session::pace(std::string_view name, milliseconds least) const {
  const auto set = state_.setting(name);
  if (set) return set->empty() ? unknown_pace : std::max(least, seconds_in(*set));
  const auto profile = home_.process().profile.get();
  const auto* const global = profile ? profile->find_variable(name) : nullptr;
  return global && global->value ? std::max(least, seconds_in(*global->value)) : least;
}

// False: the client is gone, or was given up since it has taken nothing for so long.
task<bool> session::send_to_client(byte_span bytes) {
  while (!bytes.empty()) {
    const auto moved = client_->send(bytes);
    if (moved == transport::status::closed) co_return false;
    if (moved == transport::status::progress) {
      if (pace_limit_.set()) pace_limit_.clear();
      continue;
    }
    if (!pace_limit_.set())
      home_.deadlines().set(pace_limit_, pace("net_write_timeout", process().settings.net_write_timeout));
    client_->arm_send();
    co_await wake_.wait();
    if (pace_limit_.expired()) give_up_client("took nothing of an answer");
    if (pace_limit_.expired() || stopping_) co_return false;
  }
  co_return true;
}

// More of what the client has begun to send. False as above.
task<bool> session::receive_from_client() {
  home_.deadlines().set(pace_limit_, pace("net_read_timeout", process().settings.net_read_timeout));
  const auto got = co_await receive_some(*client_, {wake_, &pace_limit_});
  if (got == io_status::timed_out) give_up_client("did not go on with what it had begun to send");
  pace_limit_.clear();
  co_return got == io_status::done;
}

void session::give_up_client(std::string_view why) {
  process().counters.clients_given_up.fetch_add(1, std::memory_order_relaxed);
  spdlog::info("a client of account '{}' at {} {} for longer than a server waits: its connection is closed",
               login_.user, client_address(), why);
  client_->hang_up();
}

} // namespace holdwater::proxy
