// A write in an outage: it becomes a unit with everything that gives it its meaning, it is durable before its
// OK, and while the server is being caught up with, its client may still get the server's own answer.
#include "proxy/insert_ids/insert_ids.hpp"
#include "proxy/server/monitor.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/session.hpp"
#include "proxy/spooling/write_queue.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <chrono>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using phase = ticket::phase;

namespace {

std::chrono::microseconds now_since_epoch() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

// A session that stops waiting, however it does, leaves its ticket so that a refusal makes a dead letter.
class ticket_holder {
 public:
  ticket_holder(write_queue& queue, std::shared_ptr<ticket> one) : queue_(queue), one_(std::move(one)) {}
  ~ticket_holder() { queue_.leave(*one_); }
  ticket_holder(const ticket_holder&) = delete;
  ticket_holder& operator=(const ticket_holder&) = delete;

 private:
  write_queue& queue_;
  std::shared_ptr<ticket> one_;
};

std::uint64_t rows_to_claim(const sql::statement& write, std::uint64_t assumed) {
  return write.insert.rows > 0 ? write.insert.rows : assumed;
}

} // namespace

task<session::verdict> session::spool_write() {
  if (!process().board.enter_append()) co_return verdict::decide_again;
  std::string refusal;
  auto draft = make_unit(refusal);
  if (!draft) {
    process().board.leave_append();
    process().counters.commands_refused.fetch_add(1, std::memory_order_relaxed);
    co_return co_await answer_error(client_error::needs_server, refusal) ? verdict::next_command
                                                                         : verdict::end_session;
  }
  auto wake = [weak = weak_from_this(), &loop = home_.loop()] {
    loop.post([weak] {
      if (const auto self = weak.lock()) self->wake_.notify();
    });
  };
  const auto one = process().writes->append(std::move(draft->what), std::move(wake));
  const ticket_holder holder(*process().writes, one);
  if (!co_await wait_for_ticket(*one)) co_return verdict::end_session;
  co_return co_await answer_ticket(*one, *draft) ? verdict::next_command : verdict::end_session;
}

// Precondition: the command is a single write that may run later. Nothing is suspended in here.
std::optional<session::unit_draft> session::make_unit(std::string& refusal) {
  const auto text = query_text()->text;
  auto& found = home_.analysis();
  found.analyze(text, state_.dialect());
  const auto& write = found.first();
  unit_draft draft;
  draft.rows = rows_to_claim(write, process().settings.spool.assume_affected_rows);

  spool::statement one;
  one.text = text;
  one.context = state_.context();
  one.timestamp = now_since_epoch();
  one.tables = tables_of(write, state_.database(), true);
  for (const auto name : write.user_variables)
    if (const auto* value = state_.user_variable(name))
      one.user_variables.push_back({sql::name{name}.unquoted(), *value});
  const bool inserts = write.kind == sql::kind::insert || write.kind == sql::kind::replace;
  if (inserts) {
    const auto& into = one.tables.front();
    const auto plan =
        process().ids->plan(into.schema, into.table, text, write, state_.dialect(),
                            one.context.auto_increment_increment, one.context.auto_increment_offset);
    switch (plan.what) {
    case id_plan::answer::refused:
      refusal = fmt::format("the server is down, and {}", plan.reason);
      return std::nullopt;
    case id_plan::answer::reserved: draft.insert_id = plan.first; [[fallthrough]];
    case id_plan::answer::upsert: one.insert_id = plan.first; break;
    case id_plan::answer::none_needed: break;
    }
  }
  draft.what.account = known_->user;
  draft.what.accepted_at = one.timestamp;
  draft.what.statements.push_back(std::move(one));
  return draft;
}

// Until the unit is settled for its client: at once when the server is away; while units are being applied,
// until the server has answered or the hold is over. False when nobody waits any more.
task<bool> session::wait_for_ticket(ticket& one) {
  const auto unsettled = [&] {
    if (one.now() == phase::appending) return true;
    return one.now() == phase::durable && process().board.view().state == server_state::draining &&
           !held_out();
  };
  if (!held_) {
    held_ = true;
    home_.deadlines().set(hold_limit_, process().settings.hold());
  }
  while (unsettled()) {
    if (stopping_ || client_->closed()) co_return false;
    home_.wait_for_state(wake_);
    co_await wake_.wait();
    home_.forget_state(wake_);
  }
  co_return true;
}

task<bool> session::answer_ticket(ticket& one, const unit_draft& draft) {
  [[maybe_unused]] const bool first = one.acknowledge(); // or the replay was faster: now() tells
  switch (one.now()) {
  case phase::failed: co_return co_await answer_failed_append(one.failure());
  case phase::refused: {
    protocol::byte_buffer out;
    const auto& said = one.error();
    protocol::append_err(out, static_cast<std::uint8_t>(command_.sequence + 1),
                         {static_cast<std::uint16_t>(said.number), said.sql_state, said.text}, negotiated_);
    co_return co_await answer(out);
  }
  case phase::applied:
    if (!one.answers().empty()) {
      const auto& said = one.answers().front();
      protocol::byte_buffer out;
      last_spooled_ = 0;
      protocol::append_ok(out, static_cast<std::uint8_t>(command_.sequence + 1),
                          {said.affected_rows,
                           said.insert_id,
                           state_.status,
                           static_cast<std::uint16_t>(said.warnings),
                           said.info,
                           {}},
                          negotiated_);
      co_return co_await answer(out);
    }
    [[fallthrough]];
  default: break;
  }
  process().counters.writes_spooled.fetch_add(1, std::memory_order_relaxed);
  co_return co_await answer_spooled(one.number(), draft.rows, draft.insert_id);
}

task<bool> session::answer_failed_append(const spool::failure& why) {
  process().counters.commands_refused.fetch_add(1, std::memory_order_relaxed);
  const auto which = why.code == spool::errc::disk_full  ? client_error::disk_full
                     : why.code == spool::errc::full     ? client_error::spool_full
                     : why.code == spool::errc::in_doubt ? client_error::outcome_unknown
                                                         : client_error::writes_not_accepted;
  const auto text = fmt::format("the server is down and the write could not be queued: {}", why.context);
  co_return co_await answer_error(which, text);
}

} // namespace holdwater::proxy
