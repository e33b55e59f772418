// Commands, from their arguments to what they print, at a real port with a queue that is none behind it.
#include "admin/server.hpp"
#include "proxy/cli/arguments.hpp"
#include "tests/unit/admin/fake_control.hpp"
#include "tests/unit/proxy/cli/command.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace holdwater;
using namespace holdwater::proxy::cli;
using namespace holdwater::proxy::cli::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

// Dead letters by their number, and a server that is as it is told to be. The port's thread asks.
class queue final : public holdwater::admin::testing::fake_control {
 public:
  struct contents {
    std::set<std::uint64_t> dead;
    std::uint64_t last = 0;
    std::uint64_t unyielding = 0; // up to here nothing can be decided
    std::uint64_t pending = 0;
    admin::database_health database{.state = "up"};
    unsigned looks_until_mended = 0; // 0: never
    std::string mended_state = "up";
  };

  void be(contents what) {
    const std::lock_guard lock(mutex_);
    is_ = std::move(what);
  }
  [[nodiscard]] std::set<std::uint64_t> dead_now() const {
    const std::lock_guard lock(mutex_);
    return is_.dead;
  }

  [[nodiscard]] admin::health snapshot() const override {
    const std::lock_guard lock(mutex_);
    admin::health out{.status = "ok", .database = is_.database};
    out.spool.pending = is_.pending;
    out.spool.dead = is_.dead.size();
    out.spool.last_seq = is_.last;
    if (is_.looks_until_mended == 0) return out;
    if (--is_.looks_until_mended == 0) is_.database.state = is_.mended_state;
    return out;
  }
  void list_dead(std::uint64_t after, std::size_t most,
                 std::function<void(admin::dead_listing, std::string)> done) override {
    admin::dead_listing out;
    for (const auto number : dead_now()) {
      if (number <= after) continue;
      out.truncated = out.units.size() == most;
      if (out.truncated) break;
      admin::listed_dead_letter one;
      one.unit.seq = number;
      one.unit.account = "app";
      out.units.push_back(one);
    }
    done(std::move(out), {});
  }
  void retry_dead(std::uint64_t seq, completion done) override {
    const std::lock_guard lock(mutex_);
    if (!take(seq)) return done({false, "it cannot be", 0});
    is_.dead.insert(++is_.last); // and it is refused again at once
    done({true, {}, is_.last});
  }
  void discard_dead(std::uint64_t seq, completion done) override {
    const std::lock_guard lock(mutex_);
    done(take(seq) ? admin::action_report{true, {}, seq} : admin::action_report{false, "it cannot be", 0});
  }

 private:
  mutable std::mutex mutex_;
  mutable contents is_;

  bool take(std::uint64_t seq) { return seq > is_.unyielding && is_.dead.erase(seq) == 1; }
};

std::set<std::uint64_t> up_to(std::uint64_t number) {
  std::set<std::uint64_t> out;
  for (std::uint64_t one = 1; one <= number; ++one) out.insert(one);
  return out;
}

struct holdwater_port {
  queue on;
  holdwater::admin::testing::fake_process all;
  asio::io_context io;
  std::optional<admin::server> server;
  std::string place;
  std::jthread thread; // last: it ends first

  explicit holdwater_port(admin::settings how = {}, const std::string& name = "") : all({&on}, {name}) {
    server.emplace(io, all, admin::endpoint{"127.0.0.1", 0}, std::move(how));
    const auto bound = server->start();
    REQUIRE(bound.has_value());
    place = fmt::format("http://127.0.0.1:{}", *bound);
    thread = std::jthread([this] { io.run(); });
  }
  ~holdwater_port() { server->stop(); }
};

outcome ask(const holdwater_port& port, std::vector<std::string> words) {
  words.insert(words.end(), {"--admin", port.place});
  return run_command(std::move(words));
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

} // namespace

TEST_CASE("--all decides about every dead letter, also past what is listed at once") {
  holdwater_port port;
  port.on.be({.dead = up_to(1503), .last = 1600});
  const auto listed = ask(port, {"dead", "list", "--limit", "1000"});
  CHECK(says(listed.said, "... and more: "));
  CHECK(lines(ask(port, {"dead", "retry", "--all"}).said) == 1503);
  CHECK(port.on.dead_now().size() == 1503); // they came back, and were not tried for ever
  CHECK(*port.on.dead_now().begin() == 1601);
  const auto all = ask(port, {"dead", "discard", "--all", "--yes"});
  CHECK(all.code == exit_ok);
  CHECK(lines(all.said) == 1503);
  CHECK(port.on.dead_now().empty());
  CHECK(ask(port, {"dead", "discard", "--all", "--yes"}).code == exit_ok);
}

TEST_CASE("dead letters that cannot be decided about do not keep those behind them") {
  holdwater_port port;
  port.on.be({.dead = up_to(1010), .last = 1010, .unyielding = 2});
  const auto some = ask(port, {"dead", "discard", "--all", "--yes"});
  CHECK(some.code == 1);
  CHECK(lines(some.said) == 1008);
  CHECK(port.on.dead_now() == up_to(2));
  port.on.be({.dead = up_to(1010), .last = 1010, .unyielding = 1000});
  const auto few = ask(port, {"dead", "discard", "--all", "--yes"});
  CHECK(few.code == 1);
  CHECK(lines(few.said) == 10);
  CHECK(port.on.dead_now() == up_to(1000));
}

TEST_CASE("a dead letter is shown, however many are before it") {
  holdwater_port port;
  port.on.be({.dead = up_to(1003), .last = 1003});
  CHECK(says(ask(port, {"spool", "show", "1001"}).said, "number 1001, account app"));
  CHECK(lines(ask(port, {"dead", "list", "--after", "1001"}).said) == 5); // two, of two lines each
  port.on.be({.dead = {499, 501}, .last = 1001});
  CHECK(says(ask(port, {"spool", "show", "500"}).complained, "neither waits nor is a dead letter"));
}

TEST_CASE("a write that is queued again is told by its new number") {
  holdwater_port port;
  port.on.be({.dead = {3}, .last = 4});
  CHECK(ask(port, {"dead", "retry", "3"}).said == "queued again: 3, as number 5\n");
}

TEST_CASE("a service that is not there is wrong usage, and no state of one that is") {
  const holdwater_port port({}, "shop");
  for (const auto& words : {std::vector<std::string>{"status", "--service", "nope"},
                            {"--service", "nope", "status"},
                            {"dead", "list", "--service", "nope"}}) {
    const auto told = ask(port, words);
    CHECK(told.code == exit_usage);
    CHECK(says(told.complained, "there is no service of that name; there are shop"));
  }
  CHECK(ask(port, {"--service", "shop", "status"}).code == exit_ok);
}

TEST_CASE("reconnect says what came of it, and not only that there is a connection") {
  holdwater_port port;
  CHECK(ask(port, {"reconnect"}).said == "the server was reached\n");
  port.on.be({.database = {.state = "halted", .last_error = "connect: refused", .why = "its row is gone"}});
  const auto halted = ask(port, {"reconnect"});
  CHECK(halted.code == 1);
  CHECK(halted.said.empty());
  CHECK(halted.complained ==
        "holdwater: the server was reached, and replay has stopped still: its row is gone\n");
  port.on.be({.database = {.state = "down", .reads_go_on = true, .why = "unit 7 of 'bob': Access denied"}});
  const auto stuck = ask(port, {"reconnect", "--json"});
  CHECK(stuck.code == 1);
  CHECK(stuck.said == R"({"done":false,"reason":"the server was reached, and takes no writes still: )"
                      R"(unit 7 of 'bob': Access denied"})"
                      "\n");
}

TEST_CASE("reconnect waits for replay to go on, which takes a moment") {
  holdwater_port port;
  port.on.be({.database = {.state = "halted"}, .looks_until_mended = 5});
  CHECK(ask(port, {"reconnect"}).code == exit_ok);
  port.on.be(
      {.pending = 9, .database = {.state = "halted"}, .looks_until_mended = 2, .mended_state = "draining"});
  CHECK(ask(port, {"reconnect"}).said == "the server was reached; 9 queued write(s) are being applied\n");
}

TEST_CASE("an address and a token that are given need no configuration that can be read") {
  admin::settings how;
  how.access = {"operate-token-for-tests", ""};
  const holdwater_port port(how);
  const temporary_folder in;
  const auto token = in.file("token"), configuration = in.file("holdwater.toml");
  std::ofstream(token) << "operate-token-for-tests\n";
  std::ofstream(configuration) << "[admin]\ntoken_file = \"/nonexistent/token\"\n";
  CHECK(ask(port, {"status", "--token-file", token, "--config", configuration}).code == exit_ok);
  const auto without = ask(port, {"status", "--config", configuration});
  CHECK(without.code == exit_usage);
  CHECK(without.complained ==
        fmt::format("holdwater: {}:2: admin.token_file: /nonexistent/token cannot be read\n", configuration));
}
