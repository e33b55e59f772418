// The log: lines for people on stdout, "2026-01-31T12:00:00.123Z info    text". Everything else logs with
// spdlog itself.
//
// Invariant: one message is one line, whatever a server or a client put into it. What is logged holds no
// password and no statement text; the callers see to that.
#pragma once

#include <string>
#include <string_view>

namespace holdwater::proxy {

// `level` is one of log.level's values. May be called again to change the level.
void set_up_log(std::string_view level);

// The line that a message becomes, without its time and level: control characters are shown as \xNN.
[[nodiscard]] std::string one_line(std::string_view message);

} // namespace holdwater::proxy
