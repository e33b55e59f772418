// Runs a program without a shell, with a text on its standard input, and waits for its end.
//
// Invariant: when this returns, the child has ended and was reaped. It has none of our descriptors but the
// error output.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

struct child_command {
  std::string program;
  std::vector<std::string> arguments; // with its name as the first
  std::vector<std::string> variables; // NAME=value, all that it has
  bool tells = false; // its error output is a part of what went wrong, instead of going to ours
};

// What went wrong, empty when it ended with 0. Past its time, or when it is told to, it is killed with all
// that is in its process group.
[[nodiscard]] std::string run_child(const child_command& what, std::string_view input,
                                    std::chrono::milliseconds timeout, const std::stop_token& end);
// The same of one without arguments, and with none of our variables but PATH, HOME, USER, LANG, LC_ALL and
// TZ: passwords and tokens are in the others.
[[nodiscard]] std::string run_program(const std::string& path, std::string_view input,
                                      const std::vector<std::string>& environment,
                                      std::chrono::milliseconds timeout, const std::stop_token& end);

} // namespace holdwater::proxy
