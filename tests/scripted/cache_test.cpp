// What the cache keeps of a session's answers, and whom it gives them.
#include "proxy/cache/read_cache.hpp"
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
using protocol::server_status::autocommit;
using protocol::server_status::in_trans;

namespace {

constexpr std::string_view asked = "SELECT a FROM t";

// The server's answer, but for its end, which has one warning.
protocol::byte_buffer as_cached(const std::vector<std::string>& rows) {
  auto out = unfinished_result_set(rows);
  const auto sequence = static_cast<std::uint8_t>(3 + rows.size());
  protocol::append_ok(out, sequence, {.status = autocommit, .warnings = 1, .info = {}, .session_state = {}},
                      client_capabilities(), 0xfe);
  return out;
}

void is_answered(peer& client, const std::vector<std::string>& rows) {
  client.send_packet(0, query(asked));
  client.expect_bytes(as_cached(rows));
}

void is_refused(peer& client, std::string_view what = asked) {
  client.send_packet(0, query(what));
  expect_err(client.read_packet(), 3032, "HY000");
}

void says_ok(peer& client, std::string_view what) {
  client.send_packet(0, query(what));
  expect_ok(client.read_packet());
}

// A login in the outage.
peer arrive(stage& here, std::string_view account, const std::string& database) {
  auto client = here.connect();
  here.greet(client, std::string(account), std::string(password), database);
  expect_ok(client.read_packet());
  return client;
}

} // namespace

TEST_CASE("an answer is given again to the same account, database and settings, and to nobody else") {
  read_cache cache({}, "");
  stage here;
  here.keep_answers(cache);
  auto ends = here.log_in("shop");
  stage::exchange(ends, query(asked), result_set({"one", "two"}));
  here.publish(server_state::down);
  is_answered(ends.client, {"one", "two"});
  is_refused(ends.client, "SELECT a  FROM t");
  auto same = arrive(here, known_user, "shop");
  is_answered(same, {"one", "two"});
  auto other_account = arrive(here, other_known_user, "shop");
  is_refused(other_account);
  auto other_database = arrive(here, known_user, "till");
  is_refused(other_database);
  says_ok(other_database, "USE shop");
  is_answered(other_database, {"one", "two"});
  for (const char* setting :
       {"SET sql_mode = 'ANSI_QUOTES'", "SET time_zone = '+01:00'",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET group_concat_max_len = 5"}) {
    CAPTURE(setting);
    auto changed = arrive(here, known_user, "shop");
    is_answered(changed, {"one", "two"});
    says_ok(changed, setting);
    is_refused(changed);
  }
  CHECK(cache.hits == 7);
}

TEST_CASE("what a transaction reads after its own write is not kept") {
  read_cache cache({}, "");
  stage here;
  here.keep_answers(cache);
  auto ends = here.log_in("shop");
  stage::exchange_ok(ends, "BEGIN", autocommit | in_trans);
  stage::exchange_ok(ends, "INSERT INTO t VALUES ('mine')", autocommit | in_trans);
  stage::exchange(ends, query(asked), result_set({"mine"}));
  stage::exchange_ok(ends, "ROLLBACK");
  CHECK(cache.memory().count().entries == 0);
  stage::exchange(ends, query(asked), result_set({}));
  CHECK(cache.memory().count().entries == 1);
  here.publish(server_state::down);
  is_answered(ends.client, {});
}

TEST_CASE("an error that says that the answer is another now drops it, and one of a server on its way down "
          "does not") {
  read_cache cache({}, "");
  stage here;
  here.keep_answers(cache);
  auto ends = here.log_in("shop");
  stage::exchange(ends, query(asked), result_set({"one"}));
  for (const unsigned number : {1205u, 1317u, 1927u}) {
    protocol::byte_buffer framed;
    protocol::append_message(framed, 1, err(static_cast<std::uint16_t>(number), "HY000", "no"));
    stage::exchange(ends, query(asked), framed);
    here.publish(server_state::up);
    CHECK(cache.memory().count().entries == 1);
  }
  protocol::byte_buffer denied;
  protocol::append_message(denied, 1, err(1142, "42000", "SELECT command denied"));
  stage::exchange(ends, query(asked), denied);
  CHECK(cache.memory().count().entries == 0);
}

TEST_CASE("what comes above the rate of fills is only forwarded") {
  read_cache cache({}, "");
  stage here;
  here.settings().cache.fill_rate = 1;
  here.keep_answers(cache);
  auto ends = here.log_in("shop");
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i)
    stage::exchange(ends, query("SELECT a FROM t WHERE id = " + std::to_string(i)), result_set({"one"}));
  const auto passed = std::chrono::steady_clock::now() - start;
  const auto allowed =
      3 + static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(passed).count());
  here.publish(server_state::up);
  protocol::byte_buffer denied;
  protocol::append_message(denied, 1, err(1142, "42000", "SELECT command denied"));
  stage::exchange(ends, query("SELECT a FROM t WHERE id = 0"), denied);
  CHECK(cache.memory().count().entries == cache.memory().count().fills - 1); // that is noticed all the same
  CHECK(cache.memory().count().fills >= 2);
  CHECK(cache.memory().count().fills <= allowed);
}

TEST_CASE("an answer that comes in parts is kept whole, one that is cut is not") {
  read_cache cache({}, "");
  stage here;
  here.keep_answers(cache);
  auto ends = here.log_in("shop");
  const auto answer = result_set({"one", "two"});
  ends.client.send_packet(0, query(asked));
  ends.server.expect(0, query(asked));
  const auto first = protocol::byte_span(answer).first(20);
  ends.server.send(first);
  ends.client.expect_bytes(first);
  ends.server.send(protocol::byte_span(answer).subspan(20));
  ends.client.expect_bytes(protocol::byte_span(answer).subspan(20));
  stage::exchange_ok(ends, "USE till");
  ends.client.send_packet(0, query(asked));
  ends.server.expect(0, query(asked));
  ends.server.send(first);
  ends.client.expect_bytes(first);
  ends.server.close();
  ends.client.expect_closed(); // by then it was reported, and nothing else changes the state
  here.publish(server_state::down);
  auto client = arrive(here, known_user, "shop");
  is_answered(client, {"one", "two"});
  says_ok(client, "USE till");
  is_refused(client);
}
