// Options on their way: what the sources have said so far, and from where, before it is checked as a whole.
#pragma once

#include "proxy/config/options.hpp"
#include "proxy/config/source.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

// Where an option's value came from last; the order is the order of precedence.
enum class origin { by_default, file, variable, flag, service };

struct problems {
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

struct raw_options {
  struct given_option {
    origin from = origin::by_default;
    std::string where;
  };

  options values;
  std::map<std::string_view, given_option, std::less<>> given; // by option

  [[nodiscard]] origin from(std::string_view option) const;
  void take(const setting& one, origin where, problems& wrong);
  void take(const account_setting& one, problems& wrong);
  // As if nobody had said anything of it.
  void forget(std::string_view option);
};

// Which options are looked at.
enum class option_part { all, process, service };

// Brings in secrets from files and the defaults that hang on other options, and checks what no single value
// can tell. `file`: the one that was read, if any.
void finish(raw_options& raw, option_part part, const std::string& file, problems& wrong);

// The first line of a file, which is a password.
[[nodiscard]] std::string read_password(const std::string& path, std::string_view where, problems& wrong);

} // namespace holdwater::proxy
