#include "fake_server.hpp"
#include "proxy/insert_ids/id_keeper.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

using namespace holdwater::proxy;
using namespace holdwater::tests;
namespace sql = holdwater::protocol::sql;
using namespace std::chrono_literals;

namespace {

class counted_connection final : public holdwater::spool::mysql_connection {
 public:
  counted_connection(fake_server& server, std::atomic<int>& open) : inner_(server), open_(open) { ++open_; }
  ~counted_connection() override { --open_; }
  holdwater::spool::server_result<holdwater::spool::query_answer> query(std::string_view text) override {
    return inner_.query(text);
  }
  holdwater::spool::server_result<holdwater::spool::query_answer>
  execute(std::string_view text, const std::vector<holdwater::spool::parameter>& values) override {
    return inner_.execute(text, values);
  }
  std::uint64_t connection_id() const override { return 1; }
  std::string server_version() const override { return inner_.server_version(); }
  void be_patient(holdwater::spool::patience) override {}

 private:
  fake_connection inner_;
  std::atomic<int>& open_;
};

struct scene {
  std::string folder = (std::filesystem::temp_directory_path() / "holdwater-keeper-XXXXXX").string();
  std::string made = mkdtemp(folder.data());
  fake_server server;
  std::uint64_t counter = 7;
  std::atomic<int> connects{0};
  std::atomic<int> open{0};
  std::atomic<bool> refuse{false};
  id_book book{folder + "/ids.db", 50};
  id_keeper keeper;

  explicit scene(keeper_pace pace = {})
      : keeper(
            book, "shop", [this] { return connect(); }, pace) {
    give_orders_table(server, counter);
    keeper.start();
  }
  ~scene() {
    keeper.stop();
    std::filesystem::remove_all(folder);
  }
  holdwater::spool::server_result<std::unique_ptr<holdwater::spool::mysql_connection>> connect() {
    ++connects;
    if (refuse) return holdwater::spool::server_error{2003, "HY000", "refused"};
    return {boost::system::in_place_value, std::make_unique<counted_connection>(server, open)};
  }
  void insert_seen() {
    if (book.saw_insert("shop", "orders")) keeper.look();
  }
  id_plan plan() {
    const std::string text = "INSERT INTO orders (note) VALUES ('a')";
    sql::analysis found;
    found.analyze(text, {});
    return book.plan("shop", "orders", text, found.first(), {}, 1, 1);
  }
  bool has_ids() { return plan().what == id_plan::answer::reserved; }
};

bool comes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

} // namespace

TEST_CASE(
    "a table that an insert was seen for gets a block, and keeps its connection only while it is used") {
  scene s({60s, 60s, 10s, 1ms});
  s.insert_seen();
  s.keeper.server_is_up();
  CHECK(comes_true([&] { return s.has_ids(); }));
  CHECK(comes_true([&] { return s.open == 0; }));
}

TEST_CASE("an insert seen while the server is up is served at once") {
  scene s;
  s.keeper.server_is_up();
  REQUIRE(comes_true([&] { return s.server.count("information_schema.TABLES") > 0; }));
  s.insert_seen();
  CHECK(comes_true([&] { return s.has_ids(); }));
}

TEST_CASE("a server that is away is left alone") {
  scene s;
  s.insert_seen();
  s.keeper.look();
  s.keeper.server_is_up();
  REQUIRE(comes_true([&] { return s.has_ids(); }));
  s.keeper.server_is_away();
  REQUIRE(comes_true([&] { return s.open == 0; }));
  const auto before = s.connects.load();
  s.keeper.look();
  s.keeper.stop();
  CHECK(s.connects == before);
}

TEST_CASE("a server that cannot be reached is tried again after a while, and at once when it is newly up") {
  scene s({60s, 60s, 60s, 10s});
  s.refuse = true;
  s.insert_seen();
  s.keeper.server_is_up();
  REQUIRE(comes_true([&] { return s.connects == 1; }));
  s.refuse = false;
  s.keeper.look();
  s.keeper.server_is_up(); // says nothing new
  CHECK_FALSE(s.has_ids());
  s.keeper.server_is_away();
  s.keeper.server_is_up();
  CHECK(comes_true([&] { return s.has_ids(); }));
  CHECK(s.connects == 2);
}

TEST_CASE("after the server's return no id is handed out before the look at it has succeeded") {
  scene s({60s, 1ms, 60s, 10s});
  const auto comes = [&] {
    s.book.server_is_coming();
    s.book.server_is_up();
    s.keeper.server_is_up();
  };
  const auto goes = [&] {
    s.book.server_is_away();
    s.keeper.server_is_away();
  };
  s.insert_seen();
  comes();
  REQUIRE(comes_true([&] { return s.has_ids(); }));
  goes();
  CHECK(s.has_ids());
  s.refuse = true;
  const auto before = s.connects.load();
  comes();
  REQUIRE(comes_true([&] { return s.connects > before + 1; })); // it tries again soon
  CHECK_FALSE(s.has_ids());
  goes();
  CHECK_FALSE(s.has_ids());
  s.refuse = false;
  comes();
  CHECK(comes_true([&] { return s.has_ids(); }));
}

TEST_CASE("a definition that changes is read anew") {
  scene s({1ms, 1ms, 10s, 10s});
  s.keeper.server_is_up();
  const auto readings = [&] { return s.server.count("information_schema.TABLES"); };
  REQUIRE(comes_true([&] { return readings() > 3; }));
}
