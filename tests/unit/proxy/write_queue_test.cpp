#include "proxy/spooling/write_queue.hpp"

#include <doctest/doctest.h>

#include <boost/system/errc.hpp>

using namespace holdwater;
using namespace holdwater::proxy;
using phase = ticket::phase;

namespace {

// Commits nothing until told to; the rest of the interface is not used here.
class held_spool final : public spool::spool {
 public:
  void append(holdwater::spool::unit, appended done) override { waiting = std::move(done); }
  void import(std::string, std::vector<holdwater::spool::imported_unit>,
              std::function<void(holdwater::spool::result<holdwater::spool::import_outcome>)>) override {}
  holdwater::spool::result<std::vector<holdwater::spool::unit>>
  read_pending(holdwater::spool::seq, std::size_t, std::size_t) override {
    return none();
  }
  holdwater::spool::result<std::vector<holdwater::spool::unit>>
  read_applied(holdwater::spool::seq, std::size_t, std::size_t) override {
    return none();
  }
  holdwater::spool::result<void> mark_applied(holdwater::spool::seq, holdwater::spool::seq) override {
    return {};
  }
  holdwater::spool::result<void> mark_refused(holdwater::spool::seq) override { return {}; }
  holdwater::spool::result<void> mark_dead(holdwater::spool::seq,
                                           const holdwater::spool::server_error&) override {
    return {};
  }
  holdwater::spool::result<void> mark_attempted(holdwater::spool::seq) override { return {}; }
  holdwater::spool::result<void> forget_attempt(holdwater::spool::seq) override { return {}; }
  holdwater::spool::result<bool> is_attempted(holdwater::spool::seq) override { return false; }
  holdwater::spool::result<holdwater::spool::dead_letters> read_dead(holdwater::spool::seq, std::size_t,
                                                                     std::size_t) override {
    return holdwater::spool::dead_letters{};
  }
  holdwater::spool::result<holdwater::spool::seq> retry_dead(holdwater::spool::seq) override {
    return holdwater::spool::seq{0};
  }
  holdwater::spool::result<void> check_keys(const holdwater::spool::key_ring_ptr&) override { return {}; }
  holdwater::spool::result<void> discard_dead(holdwater::spool::seq) override { return {}; }
  holdwater::spool::result<void> compact() override { return {}; }
  holdwater::spool::spool_counts counts() const override { return {}; }
  bool pending_on(const std::vector<holdwater::spool::table_name>&) const override { return false; }
  std::optional<holdwater::spool::failure> trouble() const override { return std::nullopt; }
  const std::string& id() const override { return name; }
  holdwater::spool::result<std::optional<std::string>> fact(std::string_view) override {
    return std::optional<std::string>{};
  }
  holdwater::spool::result<void> set_fact(std::string_view, std::string_view) override { return {}; }
  void set_limits(const holdwater::spool::spool_limits&) override {}
  holdwater::spool::result<void> set_keys(holdwater::spool::key_ring_ptr) override { return {}; }
  holdwater::spool::result<void> ledger_agrees() override { return {}; }
  void copy_to(std::string, std::function<void(holdwater::spool::result<void>)>) override {}
  void close() override {}

  appended waiting;

 private:
  static std::vector<holdwater::spool::unit> none() { return {}; }
  std::string name = "test";
};

struct fixture {
  held_spool queue;
  state_board board;
  write_queue writes{queue, board};
  int woken = 0;

  std::shared_ptr<ticket> append() {
    board.publish(server_state::draining);
    REQUIRE(board.enter_append());
    return writes.append({}, [this] { ++woken; });
  }
};

} // namespace

TEST_CASE_FIXTURE(fixture, "a unit is acknowledged only after it is durable") {
  const auto one = append();
  CHECK(one->now() == phase::appending);
  CHECK_FALSE(one->acknowledge());
  CHECK_FALSE(board.publish_up_if([] { return true; }));
  queue.waiting(spool::seq{7});
  CHECK(one->now() == phase::durable);
  CHECK(one->number() == 7);
  CHECK(woken == 1);
  CHECK(board.publish_up_if([] { return true; }));
  CHECK(one->acknowledge());
}

TEST_CASE_FIXTURE(fixture, "a failed append is told with its reason") {
  const auto one = append();
  queue.waiting(spool::failure{spool::errc::disk_full, "no room"});
  CHECK(one->now() == phase::failed);
  CHECK(one->failure().context == "no room");
  CHECK_FALSE(one->acknowledge());
}

TEST_CASE_FIXTURE(fixture, "a client that still waits gets the server's answer") {
  const auto one = append();
  queue.waiting(spool::seq{1});
  writes.applied(1, {{3, 0, 0, "info"}});
  CHECK(one->now() == phase::applied);
  REQUIRE(one->answers().size() == 1);
  CHECK(one->answers()[0].affected_rows == 3);
  CHECK_FALSE(one->acknowledge());
}

TEST_CASE_FIXTURE(fixture, "a refusal is the waiting client's error, and no dead letter") {
  const auto one = append();
  queue.waiting(spool::seq{1});
  CHECK(writes.refused(1, {1062, "23000", "Duplicate entry"}));
  CHECK(one->now() == phase::refused);
  CHECK(one->error().number == 1062);
}

TEST_CASE_FIXTURE(fixture, "a unit in doubt is told to a client that still waits, and stays a dead letter") {
  const auto one = append();
  queue.waiting(spool::seq{1});
  CHECK_FALSE(writes.refused(1, {0, "HY000", "in doubt on a non-transactional table", true}));
  CHECK(one->now() == phase::refused);
  CHECK(one->error().in_doubt);
}

TEST_CASE_FIXTURE(fixture, "a refusal after the spooled OK is a dead letter") {
  const auto one = append();
  queue.waiting(spool::seq{1});
  REQUIRE(one->acknowledge());
  CHECK_FALSE(writes.refused(1, {1062, "23000", "Duplicate entry"}));
  CHECK(one->now() == phase::acknowledged);
}

TEST_CASE_FIXTURE(fixture, "a refusal after the client has gone is a dead letter") {
  SUBCASE("gone while the unit was being made durable") {
    const auto one = append();
    writes.leave(*one);
    queue.waiting(spool::seq{1});
    CHECK_FALSE(writes.refused(1, {1062, "23000", "Duplicate entry"}));
  }
  SUBCASE("gone while it waited for the server") {
    const auto one = append();
    queue.waiting(spool::seq{1});
    writes.leave(*one);
    CHECK_FALSE(writes.refused(1, {1062, "23000", "Duplicate entry"}));
  }
}

TEST_CASE_FIXTURE(fixture, "a unit of nobody here is a dead letter when it is refused") {
  CHECK_FALSE(writes.refused(99, {1062, "23000", "Duplicate entry"}));
}
