// Units from elsewhere: each once, all of a part or nothing, also over a restart and a failed disk.
#include "fixtures.hpp"

#include "spool/backup.hpp"

#include <vector>

namespace holdwater::spool {
namespace {

using namespace test;

std::vector<imported_unit> units(std::initializer_list<std::uint64_t> positions, std::size_t filler = 0) {
  std::vector<imported_unit> out;
  for (const auto position : positions)
    out.push_back({position, make_unit("s" + std::to_string(position) + std::string(filler, 'x'))});
  return out;
}

result<import_outcome> take(spool& queue, const std::string& source, std::vector<imported_unit> what) {
  std::promise<result<import_outcome>> promise;
  queue.import(source, std::move(what),
               [&](result<import_outcome> done) { promise.set_value(std::move(done)); });
  return promise.get_future().get();
}

std::vector<std::string> pending(spool& queue) {
  std::vector<std::string> out;
  const auto all = queue.read_pending(0, 1000, 1 << 20);
  REQUIRE(all);
  for (const auto& one : *all) out.push_back(one.statements.front().text);
  return out;
}

TEST_CASE("what was taken from a source is not taken again, by whichever part it comes") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  REQUIRE(append(*queue, make_unit("own")));
  auto first = take(*queue, "a", units({2, 3}));
  REQUIRE(first);
  CHECK(first->taken == 2);
  CHECK(first->last == 3);
  CHECK(queue->counts().pending == 3);
  CHECK(queue->pending_on({{"app", "t"}}));
  queue = nullptr;
  queue = open_or_fail(options_in(folder));
  const auto second = take(*queue, "a", units({3, 7}));
  REQUIRE(second);
  CHECK(second->taken == 1);
  CHECK(second->skipped == 1);
  const auto third = take(*queue, "a", units({3, 7}));
  REQUIRE(third);
  CHECK(third->taken == 0);
  CHECK(third->skipped == 2);
  CHECK(third->last == 0);
  REQUIRE(take(*queue, "b", units({3})));
  CHECK(pending(*queue) == std::vector<std::string>{"own", "s2", "s3", "s7", "s3"});
  CHECK(*append(*queue, make_unit("behind")) == 6);
}

TEST_CASE("what was left out of an import is taken when it comes, and nothing twice") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  REQUIRE(take(*queue, "a", units({2, 4, 9})));
  CHECK(take(*queue, "a", units({1, 2, 3, 4, 5}))->taken == 3);
  CHECK(*queue->fact("import.a") == "1-5,9-9");
  CHECK(take(*queue, "a", units({1, 2, 3, 4, 5, 9}))->skipped == 6);
  CHECK(take(*queue, "a", units({8, 10}))->taken == 2);
  CHECK(*queue->fact("import.a") == "1-5,8-10");
  CHECK(take(*queue, "a", units({6, 7, 8}))->taken == 2);
  CHECK(*queue->fact("import.a") == "1-10");
  CHECK(pending(*queue).size() == 10);
}

TEST_CASE("what an older version took is known, and a fact that makes no sense stops an import") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  REQUIRE(queue->set_fact("import.a", "3"));
  CHECK(take(*queue, "a", units({1, 2, 3, 4}))->taken == 1);
  CHECK(*queue->fact("import.a") == "1-4");
  for (const char* bad : {"", "x", "1-", "3-1", "1-2,", "1-2;4-5", "1,2"}) {
    REQUIRE(queue->set_fact("import.b", bad));
    CHECK_FALSE_MESSAGE(take(*queue, "b", units({1})), bad);
  }
  CHECK(pending(*queue) == std::vector<std::string>{"s4"});
}

TEST_CASE("a part that does not fit is not taken at all, and leaves no trace") {
  const temporary_folder folder;
  auto options = options_in(folder);
  options.max_bytes = 20'000;
  auto queue = open_or_fail(options);
  REQUIRE(take(*queue, "a", units({1})));
  const auto refused = take(*queue, "a", units({2, 3, 4}, 9000));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::full);
  CHECK(pending(*queue) == std::vector<std::string>{"s1"});
  const auto taken = take(*queue, "a", units({2, 3, 4}));
  REQUIRE(taken);
  CHECK(taken->taken == 3);
  queue->close();
  CHECK_FALSE(take(*queue, "a", units({5})));
}

TEST_CASE("a restored queue takes nothing from elsewhere either, and knows what it had taken") {
  const temporary_folder folder, elsewhere;
  auto queue = open_or_fail(options_in(folder));
  REQUIRE(take(*queue, "a", units({1, 2})));
  std::promise<result<void>> copied;
  queue->copy_to(elsewhere.file(), [&](result<void> done) { copied.set_value(std::move(done)); });
  REQUIRE(copied.get_future().get());
  REQUIRE(finish_copy(elsewhere.file()));
  auto restored = open_or_fail(options_in(elsewhere));
  CHECK(take(*restored, "a", units({3})).error().code == errc::unconfirmed);
  REQUIRE(restored->ledger_agrees());
  CHECK(take(*restored, "a", units({2, 3}))->taken == 1);
}

} // namespace
} // namespace holdwater::spool
