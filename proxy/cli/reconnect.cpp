// The port answers when there is a connection. Whether what had stopped replay is mended shows a moment
// later, when the ledger was read and the next write was tried: until then the state is what it was.
#include "proxy/cli/reconnect.hpp"

#include "proxy/cli/show.hpp"
#include "proxy/cli/talk.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace holdwater::proxy::cli {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds patience{3000}; // for replay to say whether it goes on
constexpr milliseconds between_looks{50};
constexpr int looks_at_drain = 10; // by then it would have met the ledger

bool goes_on(const std::string& state) {
  return state == "up" || state == "draining";
}

// The health page once it is clear what came of it, or as it is when the patience is over.
std::optional<json::value> look_until_clear(const target& where, int& code) {
  boost::asio::io_context loop;
  boost::asio::steady_timer timer(loop);
  const auto until = steady_clock::now() + patience;
  std::uint64_t applied = 0;
  for (int drains = 0;;) {
    auto health = read_answer(where, "GET", "/health/", code);
    if (!health) return health;
    const auto state = text_at(at(*health, "database"), "state");
    if (state == "up" || steady_clock::now() >= until) return health;
    drains = state == "draining" ? drains + 1 : 0;
    const auto seq = static_cast<std::uint64_t>(number_at(at(*health, "spool"), "applied_seq"));
    if (drains == looks_at_drain || (drains > 1 && seq > applied)) return health;
    applied = seq;
    timer.expires_after(between_looks);
    timer.wait();
  }
}

std::string why_not(const json::value& database) {
  const auto state = text_at(database, "state");
  auto why = text_at(database, "why");
  if (why.empty()) why = text_at(database, "last_error");
  const auto what = state == "halted"                      ? std::string("replay has stopped still")
                    : is_true(at(database, "reads_go_on")) ? std::string("takes no writes still")
                                                           : "is " + state;
  return fmt::format("the server was reached, and {}{}{}", what, why.empty() ? "" : ": ", why);
}

} // namespace

int reconnect(const arguments& given, const target& where) {
  int code = exit_ok;
  const auto report = read_answer(where, "POST", "/health/reconnect", code, std::chrono::minutes(11));
  if (!report) return code;
  if (!is_true(at(*report, "done"))) {
    if (given.json) print(json::serialize(*report) + "\n");
    if (!given.json) complain(text_at(*report, "reason"));
    return 1;
  }
  const auto health = look_until_clear(where, code);
  if (!health) return code;
  const auto& database = at(*health, "database");
  const bool done = goes_on(text_at(database, "state"));
  const auto reason = done ? std::string() : why_not(database);
  const auto pending = static_cast<std::uint64_t>(number_at(at(*health, "spool"), "pending"));
  if (given.json)
    print(json::serialize(json::object{{"done", done}, {"reason", reason}}) + "\n");
  else if (!done)
    complain(reason);
  else
    print(pending == 0
              ? std::string("the server was reached\n")
              : fmt::format("the server was reached; {} queued write(s) are being applied\n", pending));
  return done ? exit_ok : 1;
}

} // namespace holdwater::proxy::cli
