// What the hooks are told of: the server's states, dead letters, and whether writes are taken.
#include "proxy/service/service.hpp"

#include "admin/server.hpp"
#include "proxy/log.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace holdwater::proxy {
namespace {

// Between replay and the queue of waiting clients: a refusal that no client waits for is a dead letter.
class dead_letter_watch final : public spool::replay_observer {
 public:
  dead_letter_watch(spool::replay_observer& next, hooks& told) : next_(next), told_(told) {}

  void applied(spool::seq number, const std::vector<spool::statement_answer>& answers) override {
    next_.applied(number, answers);
  }
  bool refused(spool::seq number, const spool::server_error& error) override {
    const bool answered = next_.refused(number, error);
    if (answered) return true;
    hook_event what("dead_letter");
    what.with("number", number).with("error", std::uint64_t{error.number});
    what.with_flag("in_doubt", error.in_doubt);
    what.with_reason("reason", without_values({error.number, error.sql_state, error.text}));
    told_.tell(std::move(what));
    return false;
  }

 private:
  spool::replay_observer& next_;
  hooks& told_;
};

} // namespace

std::string service::open_hooks() {
  std::vector<std::pair<std::string, std::string>> common{{"server", servers_.present().name()},
                                                          {"queue", spool_ ? spool_->id() : "off"}};
  if (!name_.empty()) common.emplace_back("service", name_);
  return hooks_.open(settings_.hook, std::move(common));
}

spool::replay_observer& service::observer_of_replay() {
  if (settings_.hook.command.empty() && settings_.hook.url.empty()) return *writes_;
  dead_letters_ = std::make_unique<dead_letter_watch>(*writes_, hooks_);
  return *dead_letters_;
}

// All that have come since the last one that was told. On the main loop.
void service::tell_changes() {
  const auto past = monitor_->past();
  const auto known = std::find_if(past.rbegin(), past.rend(), [this](const state_history::change& one) {
    return one.at == told_.at && one.state == told_.state && one.reads == told_.reads;
  });
  const auto counts = spool_ ? spool_->counts() : spool::spool_counts{};
  for (auto one = known.base(); one != past.end(); ++one) {
    hook_event what("state", one->at);
    what.with("from", name_of(told_.state)).with("to", name_of(one->state)).with("why", one->why);
    what.with("since", told_.at).with_flag("reads_go_on", one->reads);
    what.with("pending", counts.pending).with("dead", counts.dead);
    hooks_.tell(std::move(what));
    if (one->state == server_state::halted) {
      hook_event halted("halted", one->at);
      halted.with("reason", one->why).with("pending", counts.pending).with("dead", counts.dead);
      hooks_.tell(std::move(halted));
    }
    told_ = *one;
  }
}

// Each second, on the main loop. What does not last for two looks is not told: to the log, and the hooks.
void service::watch_spool() {
  const auto now = spool_snapshot(monitor_->look());
  const bool lasts = now.state == seen_state_;
  seen_state_ = now.state;
  if (!lasts || now.state == spool_state_ || now.state == "off") return;
  spool_state_ = now.state;
  if (now.state == "refusing")
    spdlog::warn("writes cannot be queued: {}", now.reason);
  else
    spdlog::info("writes can be queued again");
  hook_event what("spool");
  what.with("state", now.state).with("reason", now.reason).with("pending", now.pending);
  what.with("dead", now.dead).with("bytes", now.bytes).with("limit_bytes", now.limit_bytes);
  hooks_.tell(std::move(what));
}

} // namespace holdwater::proxy
