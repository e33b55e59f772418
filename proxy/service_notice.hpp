// What the service manager is told: that we are ready, that we stop, and in a line what is so.
//
// Source: sd_notify(3), "Notes": a datagram to the socket that NOTIFY_SOCKET names.
#pragma once

#include <string_view>

namespace holdwater::proxy {

// "READY=1", "STOPPING=1", "STATUS=..."; several with newlines between them. Nothing happens without a
// service manager that wants to know.
void tell_service_manager(std::string_view what);

} // namespace holdwater::proxy
