// Which server the answers in a shared Redis are of. Two Holdwaters have the same identity only if they are
// before the same server.
#pragma once

#include <string>
#include <string_view>

namespace holdwater::proxy {

struct options;

// 32 hex digits: of cache.redis_service where it is given, else of the servers' places as they are
// configured. A place that is another server on each machine (a unix socket, a loopback address) counts
// together with `machine`.
[[nodiscard]] std::string service_identity(const options& settings, std::string_view machine);

// What no other machine (or container) has, as far as the system tells: its id and its name.
[[nodiscard]] std::string this_machine();

} // namespace holdwater::proxy
