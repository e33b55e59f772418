#include "proxy/log.hpp"

#include "protocol/sql/analysis.hpp"
#include "proxy/log_scope.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <regex>
#include <sys/stat.h>
#include <thread>

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
    CHECK(set_up_log({}).empty());
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
      options::log_options how;
      how.level = name;
      CHECK(set_up_log(how).empty());
      spdlog::trace("t");
      spdlog::debug("d");
      spdlog::info("i");
      spdlog::warn("w");
      spdlog::error("e");
    });
    CHECK(std::count(text.begin(), text.end(), '\n') == lines);
  }
}

TEST_CASE("a JSON line is one object, whatever is in the message") {
  const auto text = stdout_of([] {
    options::log_options how;
    how.format = "json";
    CHECK(set_up_log(how).empty());
    spdlog::warn("say \"x\"\n\\ \xff caf\xc3\xa9");
    spdlog::warn("caf\xc3\xa9");
    CHECK(set_up_log({}).empty());
  });
  CAPTURE(text);
  CHECK(text.find(R"(","level":"warning","message":"say \"x\"\u000a\\ \\xff caf\\xc3\\xa9"})"
                  "\n") != std::string::npos);
  CHECK(text.find("\"message\":\"caf\xc3\xa9\"}\n") != std::string::npos);
  CHECK(text.starts_with("{\"time\":\"2"));
}

TEST_CASE("a file is cut at its size, is its owner's alone, and a wrong one leaves the log as it was") {
  const auto folder = std::filesystem::temp_directory_path() / ("holdwater_log_" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const auto rights = ::umask(0077); // as the program's own
  const auto text = stdout_of([&] {
    options::log_options how;
    how.file = folder / "a.log";
    how.file_max_bytes = 1024;
    how.file_count = 3;
    how.to_stdout = false;
    CHECK(set_up_log(how).empty());
    for (int i = 0; i < 100; ++i) spdlog::info("a line of some length, number {}", i);
    how.file = "/proc/nowhere/a.log";
    CHECK_FALSE(set_up_log(how).empty());
    spdlog::info("still there");
    CHECK(set_up_log({}).empty());
  });
  ::umask(rights);
  CHECK(text.empty());
  CHECK(std::filesystem::exists(folder / "a.log"));
  CHECK(std::filesystem::exists(folder / "a.2.log"));
  CHECK_FALSE(std::filesystem::exists(folder / "a.3.log"));
  CHECK(std::filesystem::file_size(folder / "a.1.log") <= 1024);
  CHECK((std::filesystem::status(folder / "a.log").permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  std::filesystem::remove_all(folder);
}

TEST_CASE("what is said of statements and of errors follows the option") {
  const holdwater::protocol::sql::dialect how;
  const std::string_view statement = "INSERT INTO t VALUES ('secret')";
  const server_words duplicate{1062, "23000", "Duplicate entry 'secret' for key 'a'"};
  const server_words refusals[] = {{1644, "45000", "secret"},
                                   {1644, "22003", "secret"},
                                   {4711, "45000", "secret"},
                                   {1645, "0K000", "secret"}};
  options::log_options said;
  CHECK(set_up_log(said).empty());
  CHECK(shown_statement(statement, how) == "INSERT INTO t VALUES (?)");
  for (const auto& one : refusals) CHECK(shown_error(one).find("secret") == std::string::npos);
  CHECK(shown_error(duplicate) == "Duplicate entry '...'");
  said.statements = "none";
  CHECK(set_up_log(said).empty());
  CHECK(shown_statement(statement, how) == "INSERT");
  CHECK(shown_error(duplicate) == "Duplicate entry '...'");
  said.statements = "full";
  CHECK(set_up_log(said).empty());
  CHECK(shown_statement(statement, how) == statement);
  CHECK(shown_error(duplicate) == "Duplicate entry 'secret' for key 'a'");
  for (const auto& one : refusals) CHECK(shown_error(one) == "secret");
  CHECK(without_values(refusals[0]).find("secret") == std::string::npos);
  CHECK(set_up_log({}).empty());
}

TEST_CASE("a thread's lines say for which service it works, and so do those of the threads that it starts") {
  const auto lines = [](const char* format) {
    return stdout_of([&] {
      options::log_options how;
      how.format = format;
      CHECK(set_up_log(how).empty());
      const std::string name = "orders";
      {
        const log_scope ours(name);
        spdlog::info("one\nline");
        std::thread(in_log_scope([] { spdlog::info("started"); })).join();
        std::thread([] { spdlog::info("nobody's"); }).join();
      }
      spdlog::info("the process's");
    });
  };
  const auto human = lines("human");
  CAPTURE(human);
  CHECK(
      std::regex_match(human, std::regex("\\S+ info    orders: one\\\\x0aline\n\\S+ info    orders: started\n"
                                         "\\S+ info    nobody's\n\\S+ info    the process's\n")));
  const auto json = lines("json");
  CHECK(json.find(R"("level":"info","service":"orders","message":"started"})") != json.npos);
  CHECK(json.find(R"("level":"info","message":"the process's"})") != json.npos);
}
