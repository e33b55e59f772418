// Which [[rule]]s of the configuration hold for a statement, and what they say. Pure.
#pragma once

#include "proxy/config/options.hpp"
#include "spool/unit.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

// What no rule says is as for any statement.
struct rule_effects {
  std::optional<bool> cache;
  std::optional<std::chrono::seconds> max_stale;
  std::optional<bool> spool;
  std::optional<std::chrono::milliseconds> hold;
  std::optional<bool>
      times_are_now; // a point in time in it that is the present one is no part of its cache key
};

struct ruled_statement {
  std::string_view account;
  std::string_view database; // the default one
  std::string_view text;
  std::vector<spool::table_name> tables; // that it names
};

// Each effect from the first rule that holds and says it.
[[nodiscard]] rule_effects effects_of(std::span<const rule> rules, const ruled_statement& one);

} // namespace holdwater::proxy
