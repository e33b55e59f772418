#include "fixtures.hpp"

#include "spool/verify_file.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <mutex>
#include <thread>

#include <sys/stat.h>

namespace holdwater::spool {
namespace {

using test::all_dead;
using test::append;
using test::make_unit;
using test::open_or_fail;
using test::options_in;
using test::temporary_folder;
using test::texts_of;

constexpr std::size_t many = 1000;
constexpr std::size_t megabyte = 1 << 20;

TEST_CASE("units are numbered from 1 in the order of their appends and are there after a restart") {
  const temporary_folder folder;
  std::string id;
  {
    auto queue = open_or_fail(options_in(folder));
    id = queue->id();
    CHECK(id.size() == 32);
    for (seq n = 1; n <= 3; ++n) CHECK(*append(*queue, make_unit("s" + std::to_string(n))) == n);
  }
  auto queue = open_or_fail(options_in(folder));
  CHECK(queue->id() == id);
  auto units = queue->read_pending(0, many, megabyte);
  REQUIRE(units);
  CHECK(texts_of(*units) == std::vector<std::string>{"s1", "s2", "s3"});
  CHECK(units->at(2).number == 3);
  CHECK(units->at(2).accepted_at == make_unit("").accepted_at);
  CHECK(units->at(2).account == "app");
  CHECK(queue->counts().last == 3);
  CHECK(queue->counts().pending == 3);
  CHECK(queue->counts().applied == 0);
}

TEST_CASE("the file is for its owner alone") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  REQUIRE(append(*queue, make_unit("secret")));
  for (const char* name : {"spool.db", "spool.db-wal", "spool.db.reserve"}) {
    struct stat status {};
    REQUIRE(::stat(folder.file(name).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
}

TEST_CASE("reading stops at the limits but always gives one unit") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  for (int i = 0; i < 5; ++i) REQUIRE(append(*queue, make_unit(std::string(10'000, 'x'))));
  CHECK(queue->read_pending(0, 2, megabyte)->size() == 2);
  CHECK(queue->read_pending(0, many, 25'000)->size() == 2);
  CHECK(queue->read_pending(0, many, 1)->size() == 1);
  CHECK(queue->read_pending(4, many, megabyte)->at(0).number == 5);
  CHECK(queue->read_pending(5, many, megabyte)->empty());
}

TEST_CASE("what is bound to a statement, and its user variables, count against the limit of a read") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  auto bound = make_unit("INSERT INTO t VALUES (?)");
  bound.statements.front().parameters = {{253, false, false, std::string(10'000, 'x')}};
  auto variable = make_unit("INSERT INTO t VALUES (1)");
  variable.statements.front().user_variables = {{"x", std::string(10'000, '1')}};
  auto numbers = make_unit("INSERT INTO t VALUES (?)"); // each takes more than its four bytes
  numbers.statements.front().parameters.assign(200, {3, false, false, "1234"});
  for (const auto& one : {bound, variable, numbers}) {
    const auto last = queue->counts().last;
    for (int i = 0; i < 5; ++i) REQUIRE(append(*queue, one));
    CHECK(queue->read_pending(last, many, megabyte)->size() == 5);
    CHECK(queue->read_pending(last, many, 25'000)->size() == 2);
    REQUIRE(queue->mark_applied(last + 1, last + 5));
    CHECK(queue->read_applied(last, many, 25'000)->size() == 2);
  }
}

TEST_CASE("applied units leave the queue, stay readable, and their numbers are never given again") {
  const temporary_folder folder;
  {
    auto queue = open_or_fail(options_in(folder));
    for (int i = 0; i < 3; ++i) REQUIRE(append(*queue, make_unit("x")));
    REQUIRE(queue->mark_applied(1, 2));
    CHECK(queue->counts().applied == 2);
    CHECK(queue->counts().pending == 1);
    REQUIRE(queue->mark_applied(3, 3));
    CHECK(queue->counts().bytes == 0);
    CHECK_FALSE(queue->counts().oldest_pending);
  }
  auto queue = open_or_fail(options_in(folder));
  CHECK(queue->counts().applied == 3);
  CHECK(queue->read_applied(1, many, megabyte)->size() == 2);
  CHECK(*append(*queue, make_unit("y")) == 4);
}

TEST_CASE("dead letters are read part by part, bounded by their number and their bytes") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  const std::string large(1000, 'x');
  for (const auto& text : {std::string("a"), large, std::string("c"), large, large}) {
    const auto number = append(*queue, make_unit(text));
    REQUIRE(number);
    REQUIRE(queue->mark_dead(*number, {1062, "23000", "Duplicate entry"}));
  }
  const auto numbers = [&](seq after, std::size_t units, std::size_t bytes) {
    auto read = queue->read_dead(after, units, bytes);
    REQUIRE(read);
    std::vector<seq> out;
    for (const auto& one : read->letters) out.push_back(one.what.number);
    if (read->more) out.push_back(0);
    return out;
  };
  using seqs = std::vector<seq>;
  CHECK(numbers(0, 5, megabyte) == seqs{1, 2, 3, 4, 5});
  CHECK(numbers(0, 2, megabyte) == seqs{1, 2, 0});
  CHECK(numbers(2, 2, megabyte) == seqs{3, 4, 0});
  CHECK(numbers(3, 2, megabyte) == seqs{4, 5});
  CHECK(numbers(5, 2, megabyte).empty());
  CHECK(numbers(3, 5, 1500) == seqs{4, 0}); // two do not fit
  CHECK(numbers(1, 5, 1) == seqs{2, 0});    // the first comes in any case
  CHECK(numbers(4, 1, 1) == seqs{5});
}

TEST_CASE("a dead letter keeps its unit and reason, can be retried as a new unit, or discarded") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  for (const char* text : {"a", "b", "c"}) REQUIRE(append(*queue, make_unit(text)));
  const server_error why{1062, "23000", "Duplicate entry"};
  REQUIRE(queue->mark_dead(1, why));
  REQUIRE(queue->mark_dead(2, why));
  CHECK(queue->mark_dead(2, why).error().code == errc::not_found);
  auto dead = all_dead(*queue);
  REQUIRE(dead);
  REQUIRE(dead->size() == 2);
  CHECK(dead->at(0).what.statements[0].text == "a");
  CHECK(dead->at(0).number == 1062);
  CHECK(dead->at(0).sql_state == "23000");
  CHECK(dead->at(0).reason == "Duplicate entry");
  CHECK(queue->counts().dead == 2);
  CHECK(*queue->retry_dead(1) == 4);
  REQUIRE(queue->discard_dead(2));
  CHECK(queue->retry_dead(2).error().code == errc::not_found);
  CHECK(queue->discard_dead(1).error().code == errc::not_found);
  CHECK(queue->counts().dead == 0);
  CHECK(texts_of(*queue->read_pending(0, many, megabyte)) == std::vector<std::string>{"c", "a"});
  CHECK(queue->counts().pending == 2);
}

TEST_CASE("a refused unit is settled, pending or dead") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  for (const char* text : {"a", "b"}) REQUIRE(append(*queue, make_unit(text)));
  REQUIRE(queue->mark_refused(1));
  REQUIRE(queue->mark_dead(2, {}));
  REQUIRE(queue->mark_refused(2));
  CHECK(queue->mark_refused(2).error().code == errc::not_found);
  CHECK(all_dead(*queue)->empty());
  CHECK(queue->counts().applied == 2);
  CHECK(queue->counts().bytes == 0);
}

TEST_CASE("an attempt is remembered until the unit is applied") {
  const temporary_folder folder;
  {
    auto queue = open_or_fail(options_in(folder));
    REQUIRE(append(*queue, make_unit("a")));
    CHECK_FALSE(*queue->is_attempted(1));
    REQUIRE(queue->mark_attempted(1));
  }
  auto queue = open_or_fail(options_in(folder));
  CHECK(*queue->is_attempted(1));
  REQUIRE(queue->mark_applied(1, 1));
  CHECK_FALSE(*queue->is_attempted(1));
  CHECK(queue->is_attempted(9).error().code == errc::not_found);
}

TEST_CASE("pending_on folds case, and unknown tables mean any") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  CHECK_FALSE(queue->pending_on({{"app", "t"}}));
  REQUIRE(append(*queue, make_unit("a", "Orders")));
  CHECK(queue->pending_on({{"APP", "oRDERS"}}));
  CHECK_FALSE(queue->pending_on({{"app", "t"}, {"other", "orders"}}));
  REQUIRE(append(*queue, make_unit("b", "B\xc3\x9c"
                                        "CHER")));
  CHECK(queue->pending_on({{"app", "b\xc3\xbc"
                                   "cher"}}));
  auto unknown = make_unit("c");
  unknown.statements[0].tables.clear();
  REQUIRE(append(*queue, unknown));
  CHECK(queue->pending_on({{"app", "anything"}}));
  REQUIRE(queue->mark_applied(1, 3));
  CHECK_FALSE(queue->pending_on({{"app", "orders"}}));
}

TEST_CASE("pending_on and the oldest unit are known after a restart") {
  const temporary_folder folder;
  { REQUIRE(append(*open_or_fail(options_in(folder)), make_unit("a", "orders"))); }
  auto queue = open_or_fail(options_in(folder));
  CHECK(queue->pending_on({{"app", "orders"}}));
  CHECK_FALSE(queue->pending_on({{"app", "t"}}));
  CHECK(queue->counts().oldest_pending == make_unit("").accepted_at);
}

TEST_CASE("a write is refused when the spool is full, and taken again when there is room") {
  const temporary_folder folder;
  auto options = options_in(folder);
  options.max_bytes = 1000;
  auto queue = open_or_fail(options);
  REQUIRE(append(*queue, make_unit(std::string(500, 'x'))));
  CHECK_FALSE(queue->trouble());
  auto refused = append(*queue, make_unit(std::string(500, 'y')));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::full);
  REQUIRE(queue->mark_applied(1, 1));
  CHECK(*append(*queue, make_unit(std::string(500, 'z'))) == 2);
}

TEST_CASE("a write is refused when the oldest one has waited too long, and taken again when it is applied") {
  const temporary_folder folder;
  auto options = options_in(folder);
  options.max_age = std::chrono::hours(1);
  auto queue = open_or_fail(options);
  REQUIRE(append(*queue, make_unit("made long ago")));
  REQUIRE(queue->trouble());
  auto refused = append(*queue, make_unit("x"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::full);
  REQUIRE(queue->mark_applied(1, 1));
  CHECK_FALSE(queue->trouble());
  CHECK(append(*queue, make_unit("y")));
}

TEST_CASE("a writer that cannot keep up refuses instead of growing") {
  const temporary_folder folder;
  auto options = options_in(folder);
  options.queue_bytes = 20000;
  auto queue = open_or_fail(options);
  // The first completion keeps the writer busy while the others pile up.
  std::promise<void> release;
  auto released = release.get_future().share();
  std::promise<void> busy;
  queue->append(make_unit("first"), [&](const result<seq>&) {
    busy.set_value();
    released.wait();
  });
  busy.get_future().wait();
  std::mutex mutex;
  std::vector<errc> refusals;
  std::atomic<int> taken = 0;
  for (int i = 0; i < 100; ++i)
    queue->append(make_unit(std::string(1000, 'x')), [&](const result<seq>& given) {
      const std::lock_guard lock(mutex);
      if (given)
        ++taken;
      else
        refusals.push_back(static_cast<errc>(given.error().code.value()));
    });
  release.set_value();
  queue->close();
  CHECK(taken > 5);
  CHECK(taken < 20);
  CHECK(refusals == std::vector<errc>(static_cast<std::size_t>(100 - taken), errc::full));
}

TEST_CASE("appends of many threads get every number once, and completions come before the unit can be read") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  constexpr int threads = 4;
  constexpr int each = 200;
  std::mutex mutex;
  std::vector<seq> numbers;
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t)
    running.emplace_back([&] {
      for (int i = 0; i < each; ++i)
        queue->append(make_unit("x"), [&](const result<seq>& given) {
          const std::lock_guard lock(mutex);
          numbers.push_back(given ? *given : 0);
        });
    });
  for (seq seen = 0; seen < threads * each;) {
    auto units = queue->read_pending(seen, many, megabyte);
    REQUIRE(units);
    const std::lock_guard lock(mutex);
    for (const auto& u : *units) {
      CHECK(u.number == ++seen);
      CHECK(numbers.at(seen - 1) == seen);
    }
  }
  for (auto& thread : running) thread.join();
  CHECK(queue->counts().pending == threads * each);
}

TEST_CASE("what was queued before close is kept, what comes after is refused") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  std::atomic<int> kept = 0;
  for (int i = 0; i < 50; ++i)
    queue->append(make_unit("x"), [&](const result<seq>& given) { kept += given ? 1 : 0; });
  queue->close();
  CHECK(kept == 50);
  CHECK(append(*queue, make_unit("late")).error().code == errc::closed);
  CHECK(queue->mark_applied(1, 1).error().code == errc::closed);
  CHECK(queue->read_pending(0, 1, 1).error().code == errc::closed);
}

TEST_CASE("compaction drops applied units past the retention, oldest first, and says how far") {
  const temporary_folder folder;
  auto options = options_in(folder);
  std::atomic<std::int64_t> seconds = 1000;
  options.now = options.awake = [&] { return std::chrono::microseconds(seconds.load() * 1'000'000); };
  options.retention = std::chrono::seconds(60);
  auto queue = open_or_fail(options);
  for (int i = 0; i < 6; ++i) REQUIRE(append(*queue, make_unit("x")));
  REQUIRE(queue->mark_applied(1, 2));
  REQUIRE(queue->mark_dead(3, {}));
  seconds += 50;
  REQUIRE(queue->mark_applied(4, 4));
  REQUIRE(queue->compact());
  CHECK(queue->counts().dropped == 0);
  seconds += 20;
  REQUIRE(queue->compact());
  CHECK(queue->counts().dropped == 2);
  CHECK(queue->read_applied(0, many, megabyte)->at(0).number == 4);
  CHECK(queue->counts().pending == 2);
  CHECK(all_dead(*queue)->size() == 1);
  seconds += 1000;
  REQUIRE(queue->mark_refused(5));
  seconds += 1000;
  REQUIRE(queue->compact());
  CHECK(queue->counts().dropped == 4); // 5 was never applied: nobody misses it
  REQUIRE(queue->discard_dead(3));     // dropped later than what came after it
  seconds += 30;
  REQUIRE(queue->mark_applied(6, 6));
  seconds += 40;
  REQUIRE(append(*queue, make_unit("x")));
  REQUIRE(queue->compact());
  queue.reset();
  CHECK(verify_file(folder.file(), nullptr)->wrong.empty());
}

// Units 1, 2 and 3, a retention of a minute, and clocks of the test's own.
struct clocks_fixture {
  clocks_fixture() {
    options = options_in(folder);
    options.now = [this] { return std::chrono::microseconds(wall.load() * 1'000'000); };
    options.awake = [this] { return std::chrono::microseconds(awake.load() * 1'000'000); };
    options.boot = "first";
    options.retention = std::chrono::seconds(60);
    open();
    for (int i = 0; i < 3; ++i) REQUIRE(append(*queue, make_unit("x")));
  }
  void open() {
    queue.reset();
    queue = open_or_fail(options);
  }
  void pass(std::int64_t seconds) {
    wall += seconds;
    awake += seconds;
  }
  seq dropped() {
    REQUIRE(queue->compact());
    return queue->counts().dropped;
  }

  const temporary_folder folder;
  sqlite_spool_options options;
  std::atomic<std::int64_t> wall = 1'700'000'000, awake = 500;
  std::unique_ptr<spool> queue;
};

TEST_CASE_FIXTURE(clocks_fixture,
                  "a wall clock that jumps drops no unit before its time, and keeps none longer") {
  REQUIRE(queue->mark_applied(1, 1));
  wall += 3 * 86400;
  CHECK(dropped() == 0);
  REQUIRE(queue->mark_applied(2, 2));
  wall -= 40 * 86400;
  pass(30);
  REQUIRE(queue->mark_applied(3, 3));
  wall += 37 * 86400;
  pass(29);
  CHECK(dropped() == 0);
  pass(2);
  CHECK(dropped() == 2);
  pass(30);
  CHECK(dropped() == 3);
}

TEST_CASE_FIXTURE(clocks_fixture,
                  "a wall clock that jumps while the program is stopped drops no unit before its time") {
  REQUIRE(queue->mark_applied(1, 3));
  wall += 86400;
  pass(10);
  open();
  CHECK(dropped() == 0);
  wall -= 2 * 86400;
  open();
  CHECK(dropped() == 0);
  pass(51);
  CHECK(dropped() == 3);
}

TEST_CASE_FIXTURE(clocks_fixture, "while the machine is off, the wall clock tells what passes") {
  REQUIRE(queue->mark_applied(1, 3));
  options.boot = "second";
  awake = 3;
  wall += 59;
  open();
  CHECK(dropped() == 0);
  pass(2);
  CHECK(dropped() == 3);
}

TEST_CASE_FIXTURE(clocks_fixture,
                  "a machine that comes up with a clock of long ago keeps units for the retention") {
  REQUIRE(queue->mark_applied(1, 2));
  options.boot = "second";
  awake = 3;
  wall = 0;
  open();
  REQUIRE(queue->mark_applied(3, 3));
  wall = 1'700'000'100; // the network has told it
  CHECK(dropped() == 0);
  pass(61);
  CHECK(dropped() == 3);
}

TEST_CASE("compaction keeps at most so many bytes") {
  const temporary_folder folder;
  auto options = options_in(folder);
  options.retention_bytes = 5000;
  auto queue = open_or_fail(options);
  for (int i = 0; i < 1200; ++i)
    queue->append(make_unit(std::string(1000, 'x')), [](const result<seq>& given) { CHECK(given); });
  REQUIRE(append(*queue, make_unit("last")));
  REQUIRE(queue->mark_applied(1, 1201));
  REQUIRE(queue->compact());
  CHECK(queue->read_applied(0, 5000, 100 * megabyte)->size() < 6);
  CHECK(queue->counts().dropped > 1194);
}

TEST_CASE("facts are kept and replaced") {
  const temporary_folder folder;
  {
    auto queue = open_or_fail(options_in(folder));
    CHECK_FALSE(*queue->fact("a"));
    REQUIRE(queue->set_fact("a", "1"));
    REQUIRE(queue->set_fact("a", "2"));
  }
  CHECK(**open_or_fail(options_in(folder))->fact("a") == "2");
}

TEST_CASE("a second opener is told that the spool is in use") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  auto second = open_sqlite_spool(options_in(folder));
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::locked);
  CHECK(second.error().context.find(folder.file()) != std::string::npos);
  REQUIRE(append(*queue, make_unit("still mine")));
}

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void overwrite(const std::string& path, const std::string& with) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << with;
}

TEST_CASE("what is not a sound spool is refused and left as it was") {
  const temporary_folder folder;
  std::string sound;
  {
    auto queue = open_or_fail(options_in(folder));
    for (int i = 0; i < 200; ++i)
      queue->append(make_unit(std::string(500, 'x')), [](const result<seq>& given) { CHECK(given); });
  }
  sound = contents(folder.file());
  REQUIRE(sound.size() > 8192);
  auto torn = sound;
  torn.replace(4096, 4096, std::string(4096, '\x5a'));
  auto foreign = sound;
  foreign.replace(68, 4, "abcd"); // application_id
  for (const auto& bytes : {std::string("this is no database at all, only a text of some length"), torn,
                            foreign, sound.substr(0, sound.size() / 2)}) {
    overwrite(folder.file(), bytes);
    auto opened = open_sqlite_spool(options_in(folder));
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == errc::corrupt);
    CHECK(opened.error().context.find(folder.file()) != std::string::npos);
    CHECK(contents(folder.file()) == bytes);
  }
}

TEST_CASE("a WAL whose file is missing, empty or cut is left as it is, with the writes in it") {
  const temporary_folder folder;
  const auto copy = folder.file("copy.db");
  std::string wal;
  {
    auto queue = open_or_fail(options_in(folder));
    REQUIRE(append(*queue, make_unit("acknowledged")));
    wal = contents(folder.file("spool.db-wal")); // as kill -9 leaves it
    std::filesystem::copy_file(folder.file(), folder.file("sound.db"));
  }
  REQUIRE_FALSE(wal.empty());
  auto options = options_in(folder);
  options.path = copy;
  const auto sound = contents(folder.file("sound.db"));
  for (const int size : {-1, 0, 1, 2, 99}) {
    CAPTURE(size);
    const auto there = sound.substr(0, static_cast<std::size_t>(std::max(size, 0)));
    overwrite(copy + "-wal", wal);
    if (size >= 0) overwrite(copy, there);
    for (int round = 0; round < 2; ++round) {
      CHECK(verify_file(copy, nullptr).error().code == errc::corrupt);
      CHECK(open_sqlite_spool(options).error().code == errc::corrupt);
    }
    CHECK(std::filesystem::exists(copy) == (size >= 0));
    if (size >= 0) CHECK(contents(copy) == there);
    CHECK(contents(copy + "-wal") == wal);
  }
  std::filesystem::copy_file(folder.file("sound.db"), copy,
                             std::filesystem::copy_options::overwrite_existing);
  auto queue = open_or_fail(options);
  CHECK(queue->counts().pending == 1);
}

TEST_CASE("a file of a later version is refused") {
  const temporary_folder folder;
  { open_or_fail(options_in(folder)); }
  auto bytes = contents(folder.file());
  bytes[63] = 9; // user_version
  overwrite(folder.file(), bytes);
  CHECK(open_sqlite_spool(options_in(folder)).error().code == errc::wrong_version);
}

TEST_CASE("a folder that is not there is an error that names the file") {
  const temporary_folder folder;
  auto options = options_in(folder);
  options.path = folder.file("missing/spool.db");
  auto opened = open_sqlite_spool(options);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == errc::io);
  CHECK(opened.error().context.find("missing/spool.db") != std::string::npos);
}

} // namespace
} // namespace holdwater::spool
