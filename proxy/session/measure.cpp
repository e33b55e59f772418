// What is noted of a command that has been answered.
#include "protocol/statement_commands.hpp"
#include "proxy/log.hpp"
#include "proxy/session/session.hpp"

#include <spdlog/spdlog.h>

namespace holdwater::proxy {

void session::measure(const command_facts& facts, action what, steady_time began) {
  if (what == action::quit || what == action::ignore) return;
  const auto took = home_.deadlines().now() - began;
  home_.counts().command(kind_of(facts), course_of(what), took);
  if (what == action::refuse && spdlog::should_log(spdlog::level::debug))
    spdlog::debug("refused, account '{}': {}", login_.user, shown_command(facts));
  const auto limit = process().settings.log.slow_statement;
  if (took >= limit && limit.count() > 0) [[unlikely]]
    spdlog::warn("slow: {:.3f} s, {}, account '{}': {}", std::chrono::duration<double>(took).count(),
                 command_course_names[static_cast<std::size_t>(course_of(what))], login_.user,
                 shown_command(facts));
}

// One that passed through in parts is gone by now.
std::string session::shown_command(const command_facts& facts) {
  if (command_.code == protocol::command::query && !command_.spent) {
    if (const auto query = query_text()) return shown_statement(query->text, state_.dialect());
  } else if (protocol::executes_statement(command_.code)) {
    const auto* const one = state_.statements.find(command_.statement);
    if (one != nullptr) return shown_statement(one->text, state_.dialect());
  }
  return std::string(command_kind_names[static_cast<std::size_t>(kind_of(facts))]);
}

} // namespace holdwater::proxy
