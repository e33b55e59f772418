#include "proxy/log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <regex>

using namespace holdwater::proxy;

namespace {

// What `act` writes to stdout.
template <class F>
std::string stdout_of(F act) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::fflush(stdout);
  const int before = dup(STDOUT_FILENO);
  dup2(ends[1], STDOUT_FILENO);
  act();
  std::fflush(stdout);
  dup2(before, STDOUT_FILENO);
  close(before);
  close(ends[1]);
  char bytes[4096];
  const auto got = read(ends[0], bytes, sizeof bytes);
  close(ends[0]);
  return {bytes, static_cast<std::size_t>(got < 0 ? 0 : got)};
}

} // namespace

TEST_CASE("a line has its time in UTC with milliseconds, its level and its text") {
  const auto text = stdout_of([] {
    set_up_log("info");
    spdlog::debug("not shown");
    spdlog::info("ready");
    spdlog::warn("forged\n2026-01-01T00:00:00.000Z info    line");
  });
  CAPTURE(text);
  CHECK(std::regex_match(
      text, std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z info    ready\n"
                       "[-0-9T:.]+Z warning forged\\\\x0a2026-01-01T00:00:00.000Z info    line\n")));
}

TEST_CASE("each level of the option shows itself and what is graver") {
  for (const auto& [level, lines] :
       {std::pair{"trace", 5}, {"debug", 4}, {"info", 3}, {"warning", 2}, {"error", 1}}) {
    CAPTURE(level);
    const auto text = stdout_of([name = level] {
      set_up_log(name);
      spdlog::trace("t");
      spdlog::debug("d");
      spdlog::info("i");
      spdlog::warn("w");
      spdlog::error("e");
    });
    CHECK(std::count(text.begin(), text.end(), '\n') == lines);
  }
}
