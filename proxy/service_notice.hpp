// What the service manager is told: that we are ready, that we stop, and in a line what is so.
//
// Source: sd_notify(3), "Notes": a datagram to the socket that NOTIFY_SOCKET names; "FDSTORE=1", "BARRIER=1".
#pragma once

#include <string_view>

namespace holdwater::proxy {

// "READY=1", "STOPPING=1", "STATUS=..."; several with newlines between them. Nothing happens without a
// service manager that wants to know.
void tell_service_manager(std::string_view what);
[[nodiscard]] bool has_service_manager();
// It keeps the listening socket over restarts, if it may, and hands it to the next process
// (inherited_sockets.hpp).
void leave_with_service_manager(int descriptor, std::string_view name);
// It closes those that it has kept under that name. Waits, for a bounded time, until that is so.
void take_from_service_manager(std::string_view name);

} // namespace holdwater::proxy
