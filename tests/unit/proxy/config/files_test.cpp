// The samples: every file in valid/ is taken, every file in invalid/ is refused with the messages in its "#!
// " lines, which are LINE: MESSAGE, or ": MESSAGE" where no line is to blame. No message shows a password.
#include "proxy/config/load_options.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace holdwater::proxy;

namespace {

std::vector<std::string> files_in(const char* folder) {
  std::vector<std::string> out;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(HOLDWATER_TEST_FILES "/") + folder))
    out.push_back(entry.path().string());
  std::ranges::sort(out);
  REQUIRE_FALSE(out.empty());
  return out;
}

load_result load(const std::string& file) {
  const char* const argv[] = {"holdwater", "--config", file.c_str()};
  return load_options(3, argv, {});
}

options loaded(const std::string& file) {
  auto result = load(std::string(HOLDWATER_TEST_FILES "/valid/") + file);
  REQUIRE(std::holds_alternative<loaded_options>(result));
  return std::get<loaded_options>(std::move(result)).values;
}

// The lines that the loader must print for this file.
std::string expected_text(const std::string& file) {
  const std::string mark = "#! ";
  std::ifstream in(file);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(mark)) continue;
    line.erase(0, mark.size());
    out += line.starts_with(": ") ? "holdwater: " + line.substr(2) : "holdwater: " + file + ":" + line;
    out += '\n';
  }
  return out;
}

} // namespace

TEST_CASE("every valid sample is taken") {
  for (const auto& file : files_in("valid")) {
    CAPTURE(file);
    CHECK(std::holds_alternative<loaded_options>(load(file)));
  }
}

TEST_CASE("every invalid sample is refused with its file, line and reason") {
  for (const auto& file : files_in("invalid")) {
    CAPTURE(file);
    const auto result = load(file);
    REQUIRE(std::holds_alternative<early_exit>(result));
    CHECK(std::get<early_exit>(result).code == exit_bad_configuration);
    CHECK(std::get<early_exit>(result).text == expected_text(file));
    CHECK(std::get<early_exit>(result).text.find("never shown") == std::string::npos);
  }
}

TEST_CASE("a full file sets what it names and leaves the rest") {
  const auto o = loaded("full.toml");
  CHECK(o.listen == endpoint{"::1", 7000});
  CHECK(o.workers == 4);
  CHECK(o.retry_delay == std::chrono::milliseconds(500));
  CHECK(o.hold() == std::chrono::milliseconds(1500));
  CHECK(o.server.host == "db.internal");
  CHECK(o.server.port == 3307);
  CHECK(o.server.password == "s\"ecret");
  CHECK(o.spool.max_bytes == 2ULL << 30);
  CHECK(o.spool.max_statement_bytes == 65536);
  CHECK(o.spool.retention == std::chrono::hours(1));
  CHECK(o.spool.retention_bytes == options{}.spool.retention_bytes);
  CHECK(o.cache.warm == std::vector<std::string>{"SELECT * FROM menu", "SELECT *\nFROM prices"});
  CHECK(o.cache.warm_interval == std::chrono::minutes(1));
  CHECK(o.admin.listen == endpoint{"0.0.0.0", 8001});
  CHECK(o.accounts == std::vector<account>{{"shop", "one"}, {"guest", ""}});
  rule wanted{"report", {}, "shop.payments", "SELECT %", false, std::chrono::seconds(60), false, {}};
  wanted.hold = std::chrono::milliseconds(1500);
  wanted.times_are_now = true;
  CHECK(o.rules == std::vector<rule>{wanted});
}

TEST_CASE("sections may be written as dotted keys or inline tables") {
  const auto o = loaded("dotted.toml");
  CHECK_FALSE(o.spool.enabled);
  CHECK(o.server.host == "db");
  CHECK(o.server.port == 3308);
}
