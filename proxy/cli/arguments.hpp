// The command line of the client: `holdwater status`, `holdwater dead list`, and so on. The flags of the
// program itself are in proxy/config/flags.
#pragma once

#include "proxy/config/source.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace holdwater::proxy::cli {

enum class verb : std::uint8_t {
  status,
  top,
  drain,
  reconnect,
  spool_list,
  spool_show,
  spool_export,
  spool_import,
  spool_verify,
  backup,
  dead_list,
  dead_retry,
  dead_discard,
  sessions,
  config_show,
  config_reload,
};

struct arguments {
  verb what = verb::status;
  bool json = false;
  std::string admin; // where the HTTP port is; empty: as the configuration has it
  std::string config_file;
  std::string token_file;
  std::string service;  // which one it is for, where there are several
  std::string key_file; // of spool verify
  std::string ca;       // of an HTTPS port: its authority, or the certificate itself
  std::vector<std::uint64_t> numbers;
  bool all = false;
  bool yes = false; // do not ask
  std::uint64_t after = 0;
  std::uint64_t limit = 100;
  std::uint64_t rounds = 0; // of top; 0: until it is stopped
  double timeout_s = 600;
  std::string file;    // to write to or to look at
  std::string account; // of spool import: whose the writes are that do not say so
  std::string source;  // likewise: what the file is remembered as
  bool only_check = false;
};

// What to print, and the exit code, when there is nothing to do.
struct refusal {
  std::string text;
  int code = 0;
};

// Whether it is a command, and not flags of the program's alone: an argument stands by itself, as no flag of
// the program's does, or one is a flag that only commands have.
[[nodiscard]] bool is_command(int argc, const char* const* argv);
[[nodiscard]] std::variant<arguments, refusal> parse(int argc, const char* const* argv);

// Exit codes: sysexits.h where it has one.
inline constexpr int exit_ok = 0;
inline constexpr int exit_degraded = 1; // status: served, but look. Others: it was not done, and why is said
inline constexpr int exit_down = 2;     // status: writes cannot be taken. spool verify: it is damaged
inline constexpr int exit_usage = 64;
inline constexpr int exit_unreachable = 69;
inline constexpr int exit_not_allowed = 77;

} // namespace holdwater::proxy::cli
