// The one list of options. The file parser, the environment, the flags, the sample in conf/ and
// --check-config all read it; the defaults are those of `options` itself.
#pragma once

#include "proxy/config/option_value.hpp"
#include "proxy/config/options.hpp"

#include <span>
#include <string>
#include <string_view>

namespace holdwater::proxy {

// Whose an option is, where there are several services: one that is the process's is given once, at the top.
enum class option_scope { service, process };

struct option_row {
  std::string_view name; // as in the file: "section.key", or "key" at the top
  option_kind kind;
  option_range range;
  std::string_view environment; // a variable besides HOLDWATER_..., empty when there is none
  std::string_view flag;        // with its dashes, empty when there is none
  bool reloadable;              // may change while the program runs
  std::string_view sentence;
  option_field (*field)(options&);
  option_scope scope = option_scope::service;
};

[[nodiscard]] std::span<const option_row> option_table();

// Null when there is no such option.
[[nodiscard]] const option_row* find_option(std::string_view name);

// HOLDWATER_SPOOL_ENABLED for spool.enabled.
[[nodiscard]] std::string environment_name(const option_row& row);

// The default as the file writes it.
[[nodiscard]] std::string default_text(const option_row& row);

// The commented sample: every option with its default.
[[nodiscard]] std::string sample_file();

} // namespace holdwater::proxy
