// Carries out what the router decided, for one service or for the process, and says it in a reply.
#pragma once

#include "admin/control.hpp"
#include "admin/process.hpp"
#include "admin/router.hpp"

#include <functional>

namespace holdwater::admin {

// `done` is called exactly once: before this returns for a page, on any thread and at any time for the rest.
void carry_out(const action& what, control& on, std::function<void(reply)> done);
// Where no service was named: of the process, or of its one service.
void carry_out(const action& what, process& all, std::function<void(reply)> done);

} // namespace holdwater::admin
