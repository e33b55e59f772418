// What is a command and what is not, and what a command makes of its arguments.
#include "proxy/cli/arguments.hpp"

#include <doctest/doctest.h>

#include <string>
#include <variant>
#include <vector>

using namespace holdwater::proxy::cli;

namespace {

using words = std::vector<const char*>;

words whole(words given) {
  given.insert(given.begin(), "holdwater");
  return given;
}

bool commands(const words& given) {
  const auto all = whole(given);
  return is_command(static_cast<int>(all.size()), all.data());
}

std::variant<arguments, refusal> parsed(const words& given) {
  const auto all = whole(given);
  return parse(static_cast<int>(all.size()), all.data());
}

arguments taken(const words& given) {
  const auto out = parsed(given);
  const auto* wrong = std::get_if<refusal>(&out);
  REQUIRE_MESSAGE(wrong == nullptr, wrong->text);
  return std::get<arguments>(out);
}

refusal refused(const words& given) {
  const auto out = parsed(given);
  REQUIRE(std::holds_alternative<refusal>(out));
  return std::get<refusal>(out);
}

} // namespace

TEST_CASE("flags of the program alone are no command") {
  CHECK(!commands({}));
  CHECK(!commands({"--help"}));
  CHECK(!commands({"--version"}));
  CHECK(!commands({"--config", "status", "--check-config"}));
  CHECK(!commands({"--config=status", "--listen", "127.0.0.1:1", "--data-dir", "drain"}));
}

TEST_CASE("a command may come behind the flags that all of them have, and one that is none is one as well") {
  CHECK(commands({"status"}));
  CHECK(commands({"--service", "a", "status"}));
  CHECK(commands({"--config", "F", "status"}));
  CHECK(commands({"--config=F", "status"}));
  CHECK(commands({"--json", "status"}));
  CHECK(commands({"--json"}));
  CHECK(commands({"nosuch"}));
  CHECK(commands({"--jsno", "status"}));
  CHECK(commands({"--check-config", "nosuch"}));
}

TEST_CASE("a flag means the same before the command and behind it") {
  for (const auto& given : {words{"--service", "a", "--json", "--config", "F", "dead", "list"},
                            words{"dead", "--service", "a", "--json", "--config", "F", "list"},
                            words{"dead", "list", "--service", "a", "--json", "--config", "F"}}) {
    const auto out = taken(given);
    CHECK(out.what == verb::dead_list);
    CHECK(out.service == "a");
    CHECK(out.json);
    CHECK(out.config_file == "F");
  }
  CHECK(taken({"--service", "a", "spool", "verify", "DIR"}).service == "a");
  CHECK(taken({"config", "--json", "reload"}).json);
}

TEST_CASE("what is no command, or is half of one, is wrong usage") {
  for (const auto& given :
       {words{"nosuch"}, words{"--json"}, words{"--service", "a"}, words{"status", "--nonsense"},
        words{"spool"}, words{"dead", "retry"}, words{"--service", "a", "config", "reload"},
        words{"config", "reload", "--service", "a"}, words{"--listen", "x:1", "status"}})
    CHECK(refused(given).code == exit_usage);
  CHECK(refused({"statsu"})
            .text.starts_with("holdwater: there is no command statsu; did you mean status? The "));
  CHECK(
      refused({"spool", "lst"}).text.starts_with("spool: there is no command lst; did you mean list? The "));
}

TEST_CASE("a write's number is a whole one, from 1 on") {
  CHECK(taken({"dead", "retry", "3", "18446744073709551615"}).numbers ==
        std::vector<std::uint64_t>{3, 18446744073709551615U});
  CHECK(taken({"spool", "show", "7"}).numbers == std::vector<std::uint64_t>{7});
  for (const char* number : {"-1", "0", "00", "1.5", "0x3", "18446744073709551616", "three"}) {
    INFO(std::string(number));
    CHECK(refused({"dead", "retry", number}).code == exit_usage);
    CHECK(refused({"spool", "show", number}).code == exit_usage);
  }
}
