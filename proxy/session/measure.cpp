// What is noted of a command that has been answered.
#include "proxy/session/session.hpp"

namespace holdwater::proxy {

// Precondition: the command's bytes are not spent yet, unless they were too many to be kept.
void session::measure(const command_facts& facts, action what, steady_time began) {
  if (what == action::quit || what == action::ignore) return;
  home_.counts().command(kind_of(facts), course_of(what), home_.deadlines().now() - began);
}

} // namespace holdwater::proxy
