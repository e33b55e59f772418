// The command line. The flags that set options come from the table; the rest are --config, --check-config,
// --version and --help.
#pragma once

#include "proxy/config/source.hpp"

#include <optional>
#include <string>

namespace holdwater::proxy {

struct command_line {
  source given;
  std::string config_file;
  bool check_only = false;
  bool show_version = false;
  std::optional<std::pair<std::string, int>> finished; // --help or a wrong flag: the text and the exit code
};

[[nodiscard]] command_line read_flags(int argc, const char* const* argv);

} // namespace holdwater::proxy
