// A write in an outage: it becomes a unit with everything that gives it its meaning, it is durable before its
// OK, and while the server is being caught up with, its client may still get the server's own answer.
#include "proxy/insert_ids/insert_ids.hpp"
#include "proxy/server/monitor.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/local_columns.hpp"
#include "proxy/session/session.hpp"
#include "proxy/spooling/write_queue.hpp"
#include "spool/context_sql.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
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

std::string queued_write_note(spool::seq number) {
  return fmt::format(
      "Holdwater: the server is down; this write is queued as unit {} and will be applied when it is back",
      number);
}

std::string queued_transaction_note(spool::seq number) {
  return fmt::format("Holdwater: the server is down; this transaction is queued as unit {} and will be "
                     "applied when it is back",
                     number);
}

// What replay says of a unit whose client still waits, when the server has not said it.
std::string not_applied_text(const spool::server_error& why, bool transaction) {
  const std::string_view what = transaction ? "transaction" : "write";
  if (!why.in_doubt) return fmt::format("the queued {} cannot be applied: {}", what, why.text);
  return fmt::format("it is not known whether the {} was carried out ({}); it is kept as a dead letter", what,
                     why.text);
}

std::uint64_t number_behind(std::string_view word, std::string_view info) {
  std::uint64_t number = 0;
  if (const auto at = info.find(word); at != info.npos)
    std::from_chars(info.data() + at + word.size(), info.data() + info.size(), number);
  return number;
}

// What a client with CLIENT_FOUND_ROWS is told; replay's connections have not that flag. A row that a
// duplicate left as it was counts 1 then: of ON DUPLICATE KEY UPDATE, and with it each row's first count.
std::uint64_t rows_found(const spool::statement_answer& said, bool updates_duplicates) {
  if (said.info.starts_with("Rows matched: ")) return number_behind("Rows matched: ", said.info);
  if (!updates_duplicates) return said.affected_rows;
  if (said.info.empty()) return std::max<std::uint64_t>(said.affected_rows, 1);
  return number_behind("Records: ", said.info) + number_behind("Duplicates: ", said.info);
}

std::uint64_t rows_to_claim(const sql::statement& write, std::uint64_t assumed) {
  return write.insert.rows > 0 ? write.insert.rows : assumed;
}

} // namespace

// An autocommit write: a unit of its own.
task<session::verdict> session::spool_write() {
  if (!process().board.enter_append()) co_return verdict::decide_again;
  write_refusal why;
  auto draft = make_writes(why);
  if (!draft) {
    process().board.leave_append();
    if (server_is_draining() && !held_out()) { // soon the server can be asked
      co_await hold_while(&session::server_is_draining);
      co_return verdict::decide_again;
    }
    process().counters.commands_refused.fetch_add(1, std::memory_order_relaxed);
    const bool told = co_await answer_error(why.error, why.reason);
    co_return told ? verdict::next_command : verdict::end_session;
  }
  const spooled_ok promised{draft->rows, draft->insert_id, false,
                            draft->returned ? &*draft->returned : nullptr};
  auto unit = make_unit(std::move(draft->what));
  co_return co_await append_unit(unit, promised);
}

// Precondition: look_at_write() found a write that may run later. Nothing is suspended in here.
std::optional<writes_draft> session::make_writes(write_refusal& why) {
  auto executions = read_bound_values(why.reason);
  if (!executions) return std::nullopt;
  const auto most = process().settings.spool.max_transaction_bytes;
  writes_draft all;
  for (auto& values : *executions) {
    auto one = make_write(std::move(values), why);
    if (!one) return std::nullopt;
    all.rows += one->rows;
    if (all.insert_id == 0) all.insert_id = one->insert_id;
    if (one->returned && command_.code == protocol::command::stmt_bulk_execute) {
      why.reason = "the server is down, and a bulk execute with RETURNING needs it";
      return std::nullopt;
    }
    if (!add_within(most, all.bytes, std::move(one->what), all.what)) {
      why.reason = too_much_at_once;
      return std::nullopt;
    }
    all.returned = std::move(one->returned);
  }
  if (write_.statement) state_.statements.drop_long_data(*write_.statement); // it is in the draft
  return all;
}

// What a write needs to mean later what it means now; nothing when it would need ids that are not there.
std::optional<write_draft> session::make_write(bound_values values, write_refusal& why) {
  const auto shape = shape_of_write(values);
  auto& found = home_.analysis();
  found.analyze(shape, state_.dialect());
  const auto& write = found.first();
  write_draft draft;
  draft.rows = rows_to_claim(write, process().settings.spool.assume_affected_rows);

  auto& one = draft.what;
  one.text = write_.text;
  const bool returns = !write.insert.returned.empty();
  if (returns) one.text.resize(write.insert.returning_at - (shape.size() - one.text.size()));
  one.parameters = std::move(values);
  one.context = state_.context();
  one.context.database = write_.database;
  one.timestamp = now_since_epoch();
  one.tables = tables_of(write, write_.database, true);
  // a unit without a default database runs behind one that has one
  if (write_.database.empty() && has(write.traits, sql::trait::default_database)) {
    why.reason =
        "the server is down, and DATABASE() cannot be told later to a session without a default database";
    return std::nullopt;
  }
  auto variables = state_.variables_for(write);
  if (!variables) {
    why.reason =
        "the server is down, and the session's user variables, which a trigger may read, are too large to "
        "be queued with each write";
    return std::nullopt;
  }
  one.user_variables = std::move(*variables);
  const auto profile = process().profile.get();
  const auto most = profile ? profile->largest_packet() : 0;
  if (most != 0 && spool::largest_packet(one) > most) {
    why.reason = fmt::format(
        "the server is down, and it takes no packet of more than {} bytes (max_allowed_packet)", most);
    return std::nullopt;
  }
  const bool inserts = write.kind == sql::kind::insert || write.kind == sql::kind::replace;
  const auto last_id = state_.known_last_insert_id; // a trigger may read it; for none replay says 0
  if (last_id.value_or(0) != 0 || has(write.traits, sql::trait::last_insert_id)) one.last_insert_id = last_id;
  if (!inserts) return draft;
  const auto& into = one.tables.front();
  const auto plan =
      process().ids->plan(into.schema, into.table, shape, write, state_.dialect(),
                          one.context.auto_increment_increment, one.context.auto_increment_offset);
  if (returns &&
      (plan.what != id_plan::answer::reserved || plan.column != write.insert.returned.unquoted())) {
    why.reason = "the server is down, and RETURNING asks for more than the id that is reserved";
    return std::nullopt;
  }
  if (returns) {
    const auto step = std::max<std::uint64_t>(one.context.auto_increment_increment, 1);
    draft.returned.emplace();
    draft.returned->columns.push_back(
        local_columns::insert_id(into.schema, into.table, plan.column, plan.type));
    for (std::uint64_t row = 0; row < draft.rows; ++row)
      draft.returned->rows.push_back({std::to_string(plan.first + row * step)});
  }
  switch (plan.what) {
  case id_plan::answer::refused:
    why.reason = fmt::format("the server is down, and {}", plan.reason);
    if (plan.not_recorded) {
      why.error = error_of_append(plan.not_recorded->code);
      process().writes->not_recorded(*plan.not_recorded);
    }
    return std::nullopt;
  case id_plan::answer::reserved: draft.insert_id = plan.first; [[fallthrough]];
  case id_plan::answer::upsert:
    one.insert_id = plan.first;
    if (draft.insert_id == 0) state_.known_last_insert_id.reset(); // if a row is made, it is its id
    break;
  case id_plan::answer::none_needed: break;
  }
  return draft;
}

// Precondition: at least one statement.
spool::unit session::make_unit(std::vector<spool::statement> statements) const {
  spool::unit unit;
  unit.account = known_->user;
  unit.accepted_at = now_since_epoch();
  unit.statements = std::move(statements);
  return unit;
}

// Hands the unit over and answers for it. Precondition: state_board::enter_append() was true.
task<session::verdict> session::append_unit(spool::unit& what, const spooled_ok& promised) {
  auto wake = [weak = weak_from_this(), &loop = home_.loop()] {
    loop.post([weak] {
      if (const auto self = weak.lock()) self->wake_.notify();
    });
  };
  auto told = promised;
  if ((negotiated_ & protocol::cap::found_rows) != 0) {
    home_.analysis().analyze(what.statements.front().text, state_.dialect());
    told.updates_duplicates = home_.analysis().first().insert.on_duplicate;
  }
  const auto one = process().writes->append(std::move(what), std::move(wake));
  const ticket_holder holder(*process().writes, one);
  if (!co_await wait_for_ticket(*one)) co_return verdict::end_session;
  co_return co_await answer_ticket(*one, told);
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
    home_.deadlines().set(hold_limit_, hold_time());
  }
  while (unsettled()) {
    if (stopping_ || client_->closed()) co_return false;
    home_.wait_for_state(wake_);
    co_await wake_.wait();
    home_.forget_state(wake_);
  }
  co_return true;
}

task<session::verdict> session::answer_ticket(ticket& one, const spooled_ok& promised) {
  [[maybe_unused]] const bool first = one.acknowledge(); // or the replay was faster: now() tells
  bool goes_on = true, told = false;
  if (one.now() == phase::failed) co_return co_await answer_failed_append(one.failure(), promised.commits);
  if (one.now() == phase::refused && one.error().number == 0) { // our words, not the server's
    const bool unknown = one.error().in_doubt;
    auto& counters = process().counters;
    (unknown ? counters.writes_in_doubt : counters.commands_refused).fetch_add(1, std::memory_order_relaxed);
    const auto text = not_applied_text(one.error(), promised.commits);
    told = co_await answer_error(unknown ? client_error::outcome_unknown : client_error::needs_server, text);
    co_return told && !(promised.commits && unknown) ? verdict::next_command : verdict::end_session;
  }
  if (one.now() == phase::refused) {
    protocol::byte_buffer out;
    const auto& said = one.error();
    said_ = {.error = true, .number = said.number, .text = said.text, .apart = true, .rows = -1};
    told_error_ = true;
    protocol::append_err(out, static_cast<std::uint8_t>(command_.sequence + 1),
                         {static_cast<std::uint16_t>(said.number), said.sql_state, said.text}, negotiated_);
    told = co_await answer(out);
    co_return told ? verdict::next_command : verdict::end_session;
  }
  if (promised.commits) goes_on = follow_commit();
  if (promised.returned) {
    const bool here = one.now() != phase::applied;
    if (here) process().counters.writes_spooled.fetch_add(1, std::memory_order_relaxed);
    const auto note = here ? queued_write_note(one.number()) : std::string();
    told = co_await answer_returned(*promised.returned, note);
  } else if (one.now() == phase::applied && promised.commits) {
    told = co_await answer_ok();
  } else if (one.now() == phase::applied && !one.answers().empty()) {
    told = co_await answer_applied(one.answers(), promised.updates_duplicates);
  } else {
    process().counters.writes_spooled.fetch_add(1, std::memory_order_relaxed);
    const auto note =
        promised.commits ? queued_transaction_note(one.number()) : queued_write_note(one.number());
    told = co_await answer_noted(note, promised.rows, promised.insert_id);
  }
  if (promised.insert_id != 0) keep_insert_id(promised.insert_id);
  co_return told&& goes_on ? verdict::next_command : verdict::end_session;
}

// As the server has answered it; a bulk execute's rows are told in one.
task<bool> session::answer_applied(const std::vector<spool::statement_answer>& said,
                                   bool updates_duplicates) {
  const bool found = (negotiated_ & protocol::cap::found_rows) != 0;
  protocol::ok_message ok{.status = told_status(), .info = said.back().info, .session_state = {}};
  for (const auto& one : said) {
    ok.affected_rows += found ? rows_found(one, updates_duplicates) : one.affected_rows;
    ok.warnings = static_cast<std::uint16_t>(ok.warnings + one.warnings);
    if (ok.last_insert_id == 0) ok.last_insert_id = one.insert_id;
  }
  protocol::byte_buffer out;
  said_ = {.apart = true, .unseen = ok.warnings};
  if (said.size() == 1) said_.rows = static_cast<std::int64_t>(ok.affected_rows);
  protocol::append_ok(out, static_cast<std::uint8_t>(command_.sequence + 1), ok, negotiated_);
  if (ok.last_insert_id != 0) last_insert_id_ = ok.last_insert_id;
  id_owed_ = id_owed_ || (ok.last_insert_id != 0 && link_);
  co_return co_await answer(out);
}

task<session::verdict> session::answer_failed_append(const spool::failure& why, bool commits) {
  process().counters.commands_refused.fetch_add(1, std::memory_order_relaxed);
  const auto which = error_of_append(why.code);
  const bool unknown = why.code == spool::errc::in_doubt;
  const auto text = fmt::format("the server is down and the {} could not be queued: {}{}",
                                commits ? "transaction" : "write", why.context,
                                commits && !unknown ? "; it was rolled back" : "");
  const bool told = co_await answer_error(which, text);
  co_return told && !(commits && unknown) ? verdict::next_command : verdict::end_session;
}

} // namespace holdwater::proxy
