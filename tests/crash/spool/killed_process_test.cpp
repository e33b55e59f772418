// A process that appends is killed at random moments: what it said was acknowledged is there, once, in order.
#include "tests/unit/spool/fixtures.hpp"

#include <csignal>
#include <random>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace holdwater::spool {
namespace {

using namespace test;

std::string text_of(seq number) {
  return "unit " + std::to_string(number) + std::string(number % 3000, 'x');
}

// The child: appends without waiting and writes each acknowledged number to the pipe. Never returns.
[[noreturn]] void append_until_killed(const sqlite_spool_options& options, int to) {
  auto opened = open_sqlite_spool(options);
  if (!opened) ::_exit(2);
  auto& queue = **opened;
  for (seq next = queue.counts().last + 1;; ++next) {
    std::promise<void> taken;
    queue.append(make_unit(text_of(next)), [&taken, to, next](const result<seq>& given) {
      const seq number = given ? *given : 0;
      if (::write(to, &number, sizeof number) != sizeof number) ::_exit(3);
      if (next % 8 == 0) taken.set_value();
    });
    if (next % 8 == 0) {
      taken.get_future().wait();
      if (!queue.mark_applied(1, next / 2)) ::_exit(4);
    }
  }
}

// All numbers that the child wrote until it was killed after `most` of them.
std::vector<seq> run_and_kill(const sqlite_spool_options& options, std::size_t most) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) append_until_killed(options, ends[1]);
  ::close(ends[1]);
  std::vector<seq> numbers;
  seq number = 0;
  while (::read(ends[0], &number, sizeof number) == sizeof number) {
    numbers.push_back(number);
    if (numbers.size() == most) ::kill(child, SIGKILL);
  }
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGKILL);
  return numbers;
}

TEST_CASE("a killed process leaves every acknowledged unit once, without gaps, and no lock") {
  constexpr unsigned seed = 424242;
  MESSAGE("seed ", seed);
  std::mt19937 random(seed);
  const temporary_folder folder;
  seq acknowledged = 0;
  for (int round = 0; round < 20; ++round) {
    auto options = options_in(folder); // in clear, then with one key, then with another
    if (round >= 7) options.data_keys = ring(round < 13 ? key_a : key_b + "," + key_a);
    const auto numbers = run_and_kill(options, 1 + random() % 200);
    REQUIRE_FALSE(numbers.empty());
    auto queue = open_or_fail(options);
    for (const auto number : numbers) acknowledged = std::max(acknowledged, number);
    CHECK(queue->counts().last >= acknowledged);
    seq next = 1;
    for (const bool applied : {true, false})
      while (true) {
        auto units = applied ? queue->read_applied(next - 1, 500, 1 << 24)
                             : queue->read_pending(next - 1, 500, 1 << 24);
        REQUIRE(units);
        if (units->empty()) break;
        for (const auto& u : *units) {
          REQUIRE(u.number == next);
          REQUIRE((u.statements.at(0).text == text_of(next)));
          ++next;
        }
      }
    CHECK(next == queue->counts().last + 1);
    acknowledged = queue->counts().last;
  }
}

} // namespace
} // namespace holdwater::spool
