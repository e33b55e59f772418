#include "proxy/session/traffic.hpp"

#include <numeric>

namespace holdwater::proxy {

namespace {

template <class Enum>
constexpr std::size_t index(Enum value) {
  return static_cast<std::size_t>(value);
}

} // namespace

void duration_histogram::add(std::chrono::nanoseconds took) {
  const auto seconds = std::chrono::duration<double>(took).count();
  std::size_t at = 0;
  while (at < bounds_s.size() && seconds > bounds_s[at]) ++at;
  counts_[at].add();
  if (took.count() > 0) sum_ns_.add(static_cast<std::uint64_t>(took.count()));
}

void duration_histogram::read(reading& into) const {
  for (std::size_t at = 0; at < counts_.size(); ++at) into.counts[at] += counts_[at].get();
  into.sum_s += static_cast<double>(sum_ns_.get()) * 1e-9;
}

std::uint64_t duration_histogram::reading::total() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

double duration_histogram::reading::quantile_since(const reading& before, double share) const {
  const auto wanted = static_cast<double>(total() - before.total()) * share;
  if (wanted <= 0) return 0;
  double seen = 0;
  for (std::size_t at = 0; at < bounds_s.size(); ++at) {
    seen += static_cast<double>(counts[at] - before.counts[at]);
    if (seen >= wanted) return bounds_s[at];
  }
  return bounds_s.back();
}

command_kind kind_of(const command_facts& facts) {
  using protocol::command;
  using protocol::sql::kind;
  if (facts.code == command::stmt_execute) return command_kind::execute;
  if (facts.code == command::stmt_prepare) return command_kind::prepare;
  if (facts.code != command::query) return command_kind::other;
  switch (facts.kind) {
  case kind::select: return command_kind::select;
  case kind::show: return command_kind::show;
  case kind::insert: return command_kind::insert;
  case kind::replace: return command_kind::replace;
  case kind::update: return command_kind::update;
  case kind::erase: return command_kind::erase;
  case kind::set: return command_kind::set;
  case kind::begin:
  case kind::commit:
  case kind::rollback:
  case kind::savepoint:
  case kind::rollback_to_savepoint:
  case kind::release_savepoint: return command_kind::transaction;
  case kind::ddl: return command_kind::ddl;
  case kind::prepare: return command_kind::prepare;
  case kind::execute: return command_kind::execute;
  default: return command_kind::other;
  }
}

command_course course_of(action what) {
  switch (what) {
  case action::forward:
  case action::hold:
  case action::wait_for_drain:
  case action::put_on_server:
  case action::open_snapshot: return command_course::forward;
  case action::spool:
  case action::spool_several:
  case action::commit_collected: return command_course::queue;
  case action::begin_collected:
  case action::collect:
  case action::rollback_collected:
  case action::savepoint_collected: return command_course::collect;
  case action::answer_cached: return command_course::cache;
  case action::ask_replica: return command_course::replica;
  case action::refuse:
  case action::fail_transaction:
  case action::lose_transaction: return command_course::refuse;
  default: return command_course::local;
  }
}

duration_class class_of(command_kind kind) {
  switch (kind) {
  case command_kind::select:
  case command_kind::show: return duration_class::read;
  case command_kind::insert:
  case command_kind::replace:
  case command_kind::update:
  case command_kind::erase: return duration_class::write;
  default: return duration_class::other;
  }
}

void traffic::command(command_kind kind, command_course course, std::chrono::nanoseconds took) {
  commands_[index(kind)][index(course)].add();
  if (course == command_course::forward) forwarded_[index(class_of(kind))].add(took);
  if (course == command_course::queue) queued_.add(took);
}

void traffic::read(totals& into) const {
  for (std::size_t kind = 0; kind < commands_.size(); ++kind)
    for (std::size_t course = 0; course < commands_[kind].size(); ++course)
      into.commands[kind][course] += commands_[kind][course].get();
  for (std::size_t at = 0; at < forwarded_.size(); ++at) forwarded_[at].read(into.forwarded[at]);
  queued_.read(into.queued);
  held_.read(into.held);
}

std::uint64_t traffic::totals::of(command_course course) const {
  std::uint64_t sum = 0;
  for (const auto& one : commands) sum += one[index(course)];
  return sum;
}

} // namespace holdwater::proxy
