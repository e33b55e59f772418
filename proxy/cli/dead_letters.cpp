#include "proxy/cli/dead_letters.hpp"

#include "proxy/cli/show.hpp"
#include "proxy/cli/talk.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

namespace holdwater::proxy::cli {
namespace {

namespace json = boost::json;

struct dead_listing {
  std::vector<std::uint64_t> numbers; // the oldest first
  bool truncated = false;
};

std::uint64_t count_at(const json::value& in, const char* key) {
  return static_cast<std::uint64_t>(number_at(in, key));
}

std::optional<dead_listing> list_dead(const target& where, std::uint64_t after, int& code) {
  const auto told = read_answer(where, "GET", fmt::format("/spool/dead?after={}&limit=1000", after), code);
  if (!told) return std::nullopt;
  dead_listing out;
  if (const auto* units = at(*told, "units").if_array())
    for (const auto& one : *units) out.numbers.push_back(count_at(one, "seq"));
  out.truncated = is_true(at(*told, "truncated"));
  return out;
}

class decider {
 public:
  decider(const arguments& given, const target& where)
      : given_(given), where_(where), discards_(given.what == verb::dead_discard) {}

  int run() {
    if (given_.all) return decide_all();
    if (!confirmed(given_.numbers.size())) return 1;
    for (const auto number : given_.numbers)
      if (!decide(number)) break;
    return code_;
  }

 private:
  const arguments& given_;
  const target& where_;
  const bool discards_;
  int code_ = exit_ok; // the worst until now

  // False: it is of no use to go on.
  bool decide(std::uint64_t number) {
    const auto path = fmt::format("/spool/dead/{}/{}", number, discards_ ? "discard" : "retry");
    const auto done = act(given_, where_, path, [&](const json::value& report) {
      return discards_ ? fmt::format("discarded {}\n", number)
                       : fmt::format("queued again: {}, as number {}\n", number, count_at(report, "seq"));
    });
    code_ = std::max(code_, done);
    return done == exit_ok || done == 1;
  }

  // Those that are there now, and no others: what is refused meanwhile nobody has seen yet, and what is
  // retried may come back. Numbers rise, so they are the first ones.
  int decide_all() {
    const auto health = read_answer(where_, "GET", "/health/", code_);
    if (!health) return code_;
    const auto& spool = at(*health, "spool");
    const auto newest = count_at(spool, "last_seq");
    auto left = count_at(spool, "dead");
    if (left > 0 && !confirmed(left)) return 1;
    for (std::uint64_t after = 0; left > 0;) {
      const auto listed = list_dead(where_, after, code_);
      if (!listed) return code_;
      for (const auto number : listed->numbers) {
        if (left == 0 || number > newest) return code_;
        if (!decide(number)) return code_;
        after = number;
        --left;
      }
      if (!listed->truncated || listed->numbers.empty()) return code_;
    }
    return code_;
  }

  // A script says --yes.
  [[nodiscard]] bool confirmed(std::uint64_t writes) const {
    if (!discards_ || given_.yes) return true;
    if (::isatty(STDIN_FILENO) != 1) return complain("discarding is for good: say --yes"), false;
    fmt::print(stderr, "Give {} write(s) up for good? Their clients were told that they are written. [y/N] ",
               writes);
    std::string said;
    std::getline(std::cin, said);
    return said == "y" || said == "Y" || said == "yes";
  }
};

const json::value* find_unit(const json::value& listing, std::uint64_t number) {
  const auto* units = at(listing, "units").if_array();
  if (!units) return nullptr;
  for (const auto& one : *units)
    if (count_at(one, "seq") == number) return &one;
  return nullptr;
}

} // namespace

int decide_dead(const arguments& given, const target& where) {
  return decider(given, where).run();
}

int show_one(const arguments& given, const target& where) {
  const auto number = given.numbers.front();
  int code = exit_ok;
  const auto pending = read_answer(where, "GET", fmt::format("/spool?after={}&limit=1", number - 1), code);
  if (!pending) return code;
  const auto dead = read_answer(where, "GET", fmt::format("/spool/dead?after={}&limit=1", number - 1), code);
  if (!dead) return code;
  for (const auto* listing : {&*pending, &*dead})
    if (const auto* one = find_unit(*listing, number)) {
      print(given.json ? json::serialize(*one) + "\n" : show_unit(*one));
      return exit_ok;
    }
  complain(fmt::format("number {} neither waits nor is a dead letter", number));
  return 1;
}

} // namespace holdwater::proxy::cli
