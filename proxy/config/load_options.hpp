// From the command line, the environment and the file to `options`, or to a text and an exit code.
//
// Invariant: options that come back are complete and valid. Every error of every source is reported at once,
// each with its place: FILE:LINE, the variable's name or the flag.
#pragma once

#include "proxy/config/option_table.hpp"
#include "proxy/config/options.hpp"
#include "proxy/config/source.hpp"
#include "spool/data_key.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace holdwater::proxy {

// A [[service]]: its name, and all options as they are for it.
struct service_options {
  std::string name;
  options values;
};

// The program may start.
struct loaded_options {
  options values;                        // of the process; without services, of the one that it is
  std::vector<service_options> services; // in the file's order
  std::vector<std::string> warnings;     // to be logged once the log is set up
  std::string file;                      // that was read, empty when none
};

// The program ends now, having printed `text`: on stdout when `code` is 0, else on stderr.
struct early_exit {
  std::string text;
  int code = 0;
};

// A start that was refused for its configuration or its command line.
inline constexpr int exit_bad_configuration = 2;

using load_result = std::variant<loaded_options, early_exit>;

[[nodiscard]] load_result load_options(int argc, const char* const* argv, const environment& variables);

// The keys of data at rest. Null: none is configured.
[[nodiscard]] spool::result<spool::key_ring_ptr> keys_of(const options& settings);

// What holds a password or a key should not be. False also for what is not there.
[[nodiscard]] bool is_readable_by_everyone(const std::string& path);

// The process's own environment, from main's third argument or `environ`.
[[nodiscard]] environment environment_of(const char* const* variables);

// What a running program takes from newly loaded options. `values` is `running` with the reloadable changes;
// `needs_restart` names the options that changed and were left as they are.
struct reload_plan {
  options values;
  std::vector<std::string> changed;
  std::vector<std::string> needs_restart;
};
[[nodiscard]] reload_plan plan_reload(const options& running, const options& fresh,
                                      std::optional<option_scope> only = {});
// `running` gets the reloadable options of `fresh`.
void take_reloadable(options& running, const options& fresh);

} // namespace holdwater::proxy
