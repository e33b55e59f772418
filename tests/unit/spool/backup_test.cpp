// Backups: consistent while others write, and no way to lose or double a write by restoring one.
#include "replay_fixture.hpp"

#include "spool/backup.hpp"
#include "spool/verify_file.hpp"

#include <atomic>
#include <thread>

#include <sys/stat.h>

namespace holdwater::spool {
namespace {

using namespace test;

constexpr std::size_t many = 100'000;

std::uint64_t back_up(spool& queue, const std::string& path) {
  std::promise<result<void>> promise;
  queue.copy_to(path, [&](result<void> done) { promise.set_value(std::move(done)); });
  auto copied = promise.get_future().get();
  REQUIRE(copied);
  const auto size = finish_copy(path);
  REQUIRE(size);
  return *size;
}

// As a person does it: the backup in the place of what is there.
void restore(const temporary_folder& folder, std::unique_ptr<spool>& queue, const std::string& from) {
  queue.reset();
  for (const char* tail : {"", "-wal"}) std::filesystem::remove(folder.file() + tail);
  std::filesystem::copy(from, folder.file());
  queue = open_or_fail(options_in(folder));
}

// The server has a write of after the backup that the queue is restored from, and nobody else has the queue.
void fall_behind(replay_fixture& f) {
  back_up(*f.queue, f.folder.file("backup"));
  REQUIRE(append(*f.queue, make_unit("s2")));
  REQUIRE(replay_fixture::run(*f.make()).outcome == replay_outcome::drained);
  restore(f.folder, f.queue, f.folder.file("backup"));
  f.server.ledger->epoch = 0;
  CHECK(f.make()->attach().status == attach_status::ledger_ahead);
}

TEST_CASE("a backup is the queue as of one commit, while others write to it") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  const std::string filler(3000, 'x');
  for (int i = 0; i < 1500; ++i) queue->append(make_unit(filler), [](auto) {});
  const auto before = *append(*queue, make_unit("last before"));
  std::atomic<bool> ends{false};
  std::thread writer([&] {
    for (seq done = 1; !ends; ++done) {
      REQUIRE(append(*queue, make_unit(filler)));
      REQUIRE(queue->mark_applied(1, done));
    }
  });
  const auto size = back_up(*queue, folder.file("backup"));
  ends = true;
  writer.join();
  CHECK(size == std::filesystem::file_size(folder.file("backup")));
  struct stat found {};
  REQUIRE(::stat(folder.file("backup").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  CHECK_FALSE(std::filesystem::exists(folder.file("backup-wal")));
  const auto report = verify_file(folder.file("backup"), nullptr);
  REQUIRE(report);
  CHECK(report->wrong.empty());
  CHECK(report->last >= before);
  CHECK(report->pending + report->applied == report->last);
  CHECK(report->id == queue->id());
}

TEST_CASE("a copy is not written over what is there, and not after the end") {
  const temporary_folder folder;
  auto queue = open_or_fail(options_in(folder));
  back_up(*queue, folder.file("backup"));
  std::promise<bool> again;
  queue->copy_to(folder.file("backup"), [&](const result<void>& done) { again.set_value(done.has_value()); });
  CHECK_FALSE(again.get_future().get());
  queue->close();
  std::promise<bool> late;
  queue->copy_to(folder.file("late"), [&](const result<void>& done) { late.set_value(done.has_value()); });
  CHECK_FALSE(late.get_future().get());
}

TEST_CASE_FIXTURE(
    replay_fixture,
    "a restored queue takes no write before it has seen the ledger, which decides what is applied") {
  for (int i = 1; i <= 4; ++i) REQUIRE(append(*queue, make_unit("s" + std::to_string(i))));
  back_up(*queue, folder.file("backup"));
  REQUIRE(run(*make()).outcome == replay_outcome::drained); // after the backup: it knows nothing of it
  restore(folder, queue, folder.file("backup"));
  for (int round = 0; round < 2; ++round) {
    CHECK(queue->counts().pending == 4);
    CHECK(append(*queue, make_unit("too early")).error().code == errc::unconfirmed);
    CHECK(queue->trouble()->code == errc::unconfirmed);
    queue = nullptr;
    queue = open_or_fail(options_in(folder));
  }
  server.ledger->epoch = 0; // a person says that the other is gone
  REQUIRE(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == std::vector<std::string>{"s1", "s2", "s3", "s4"});
  CHECK_FALSE(queue->trouble());
  CHECK(*append(*queue, make_unit("s5")) == 5);
  REQUIRE(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == std::vector<std::string>{"s1", "s2", "s3", "s4", "s5"});
}

TEST_CASE_FIXTURE(replay_fixture,
                  "of a queue and its restored copy one is fenced, also when a person was wrong about it") {
  REQUIRE(append(*queue, make_unit("s1")));
  back_up(*queue, folder.file("backup"));
  const auto first = make();
  REQUIRE(first->attach().status == attach_status::ready);
  const temporary_folder elsewhere;
  std::filesystem::copy(folder.file("backup"), elsewhere.file());
  const auto copy = open_or_fail(options_in(elsewhere));
  const auto second = make(*copy);
  CHECK(second->attach().status == attach_status::fenced);
  server.ledger->epoch = 0; // but the first one runs
  REQUIRE(second->attach().status == attach_status::ready);
  CHECK(first->drain().outcome == replay_outcome::halted);
  CHECK(server.history().empty());
  CHECK(second->drain().outcome == replay_outcome::drained);
  CHECK(first->attach().status == attach_status::fenced);
  CHECK(server.history() == std::vector<std::string>{"s1"});
}

TEST_CASE_FIXTURE(replay_fixture,
                  "a dead letter of a restored queue gets no number that the ledger may have passed") {
  REQUIRE(append(*queue, make_unit("s1")));
  REQUIRE(queue->mark_dead(1, {1062, "23000", "Duplicate entry"}));
  fall_behind(*this);
  CHECK(queue->retry_dead(1).error().code == errc::unconfirmed);
  CHECK(queue->counts().last == 1);
  CHECK(make()->attach().status == attach_status::ledger_ahead);
  CHECK(queue->counts().dead == 1);
  REQUIRE(queue->discard_dead(1)); // gives out none
  CHECK(server.history() == std::vector<std::string>{"s2"});
}

TEST_CASE_FIXTURE(replay_fixture,
                  "a restored queue that lacks what the ledger has halts, and goes on taking nothing") {
  REQUIRE(append(*queue, make_unit("s1")));
  fall_behind(*this);
  CHECK(append(*queue, make_unit("another s2")).error().code == errc::unconfirmed);
  CHECK(server.history() == std::vector<std::string>{"s1", "s2"});
}

} // namespace
} // namespace holdwater::spool
