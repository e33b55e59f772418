#include "proxy/spooling/write_queue.hpp"

#include "proxy/log.hpp"
#include "proxy/own_writes/own_writes.hpp"

#include <spdlog/spdlog.h>

namespace holdwater::proxy {

std::shared_ptr<ticket> write_queue::append(spool::unit what, std::function<void()> wake) {
  auto one = std::make_shared<ticket>(std::move(wake));
  auto effects = follower_ ? follower_->effects_of(what.statements) : write_effects();
  queue_.append(std::move(what),
                [this, one, effects = std::move(effects)](spool::result<spool::seq> outcome) {
                  if (follower_ && outcome) follower_->take(*outcome, effects);
                  appended(one, std::move(outcome));
                });
  return one;
}

void write_queue::appended(const std::shared_ptr<ticket>& one, spool::result<spool::seq> outcome) {
  if (outcome) {
    accepted_.fetch_add(1, std::memory_order_relaxed);
    one->number_ = *outcome;
    const std::lock_guard lock(mutex_);
    last_failure_.reset();
    if (one->move(ticket::phase::appending, ticket::phase::durable)) waiting_.emplace(*outcome, one);
  } else {
    one->failure_ = outcome.error();
    failed_.fetch_add(1, std::memory_order_relaxed);
    not_recorded(outcome.error());
    one->phase_.store(ticket::phase::failed, std::memory_order_release);
  }
  board_.leave_append();
  one->wake_();
}

void write_queue::not_recorded(const spool::failure& why) {
  const std::lock_guard lock(mutex_);
  last_failure_ = why;
  failed_at_ = std::chrono::steady_clock::now();
}

void write_queue::leave(ticket& one) {
  if (one.move(ticket::phase::appending, ticket::phase::acknowledged)) return; // it is not registered then
  one.move(ticket::phase::durable, ticket::phase::acknowledged);
  if (one.now() == ticket::phase::acknowledged) take(one.number());
}

std::shared_ptr<ticket> write_queue::take(spool::seq number) {
  const std::lock_guard lock(mutex_);
  const auto at = waiting_.find(number);
  if (at == waiting_.end()) return nullptr;
  auto one = std::move(at->second);
  waiting_.erase(at);
  return one;
}

std::optional<spool::failure> write_queue::recent_failure() const {
  constexpr std::chrono::seconds recent{30};
  const std::lock_guard lock(mutex_);
  if (!last_failure_ || std::chrono::steady_clock::now() - failed_at_ > recent) return std::nullopt;
  return last_failure_;
}

void write_queue::applied(spool::seq number, const std::vector<spool::statement_answer>& answers) {
  replayed_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    last_failure_.reset(); // what was applied makes room
  }
  const auto one = take(number);
  if (!one) return;
  one->answers_ = answers;
  if (one->move(ticket::phase::durable, ticket::phase::applied)) one->wake_();
}

bool write_queue::refused(spool::seq number, const spool::server_error& error) {
  if (follower_) follower_->distrust();
  const auto one = take(number);
  const bool waits = one && tell_refused(*one, error);
  if (waits && !error.in_doubt) return true; // or else a person has to look: it may have been carried out
  died_.fetch_add(1, std::memory_order_relaxed);
  spdlog::warn("unit {} is a dead letter: {} ({})", number,
               shown_error({error.number, error.sql_state, error.text}), error.number);
  return false;
}

// False when its client no longer waits.
bool write_queue::tell_refused(ticket& one, const spool::server_error& error) {
  one.error_ = error;
  if (!one.move(ticket::phase::durable, ticket::phase::refused)) return false;
  one.wake_();
  return true;
}

} // namespace holdwater::proxy
