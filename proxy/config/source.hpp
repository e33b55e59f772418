// What a source of options (file, environment, flags) said, before it is read into `options`: every source
// becomes the same list, so that values are checked, and refused, in one place.
#pragma once

#include "proxy/config/option_table.hpp"

#include <map>
#include <string>
#include <vector>

namespace holdwater::proxy {

// A process's environment variables.
using environment = std::map<std::string, std::string>;

struct setting {
  const option_row* row;
  std::string text;
  std::string where; // "holdwater.toml:3: spool.enabled", "MYSQL_PORT" or "--listen"
};

struct account_setting {
  account values;
  std::string password_file;
  std::string where; // "holdwater.toml:12: [[account]]"
};

struct service_source;

struct source {
  std::vector<setting> settings;
  std::vector<account_setting> accounts; // from a file only
  std::vector<rule> rules;               // as well
  std::vector<service_source> services;  // as well
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

struct service_source { // [[service]]
  std::string name;
  source own;        // its settings, accounts and rules
  std::string where; // "holdwater.toml:20: [[service]] orders"
};

// Never fails outright: a file that cannot be read or parsed is an error in the list.
[[nodiscard]] source read_file(const std::string& path);

// Takes the variables that the table knows; a HOLDWATER_... that it does not know is a warning. A variable
// that is set but empty counts as not set.
[[nodiscard]] source read_environment(const environment& variables);

// "; did you mean X?" for the nearest candidate, or nothing when none is near.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

} // namespace holdwater::proxy
