// Carries out what the router decided, and says it in a reply.
#pragma once

#include "admin/control.hpp"
#include "admin/router.hpp"

#include <functional>

namespace holdwater::admin {

// `done` is called exactly once: before this returns for a page, on any thread and at any time for the rest.
void carry_out(const action& what, control& on, std::function<void(reply)> done);

} // namespace holdwater::admin
