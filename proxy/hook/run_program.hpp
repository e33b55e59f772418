// Runs a program without a shell, with a text on its standard input, and waits for its end.
//
// Invariant: when this returns, the child has ended and was reaped. It has none of our descriptors but the
// error output, and none of our environment but PATH, HOME, USER, LANG, LC_ALL and TZ: passwords and tokens
// are in there.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

// What went wrong, empty when it ended with 0. Past its time, or when it is told to, it is killed with all
// that is in its process group.
[[nodiscard]] std::string run_program(const std::string& path, std::string_view input,
                                      const std::vector<std::string>& environment,
                                      std::chrono::milliseconds timeout, const std::stop_token& end);

} // namespace holdwater::proxy
