// Several writes in one text, in an outage: each is a unit of its own and has its own OK, as on a server with
// autocommit; in a transaction all of them are collected. Whether all of them may run later is looked at
// before the first one is queued, so that a text is refused whole.
#include "proxy/server/state_board.hpp"
#include "proxy/session/session.hpp"

#include <utility>

namespace holdwater::proxy {

namespace sql = protocol::sql;

// What each of the writes needs to mean later what it means now; LAST_INSERT_ID() in one is the id of those
// before it. Nothing: `why` tells why none of them is taken. Nothing is suspended in here.
std::optional<several_drafts> session::make_several(write_refusal& why) {
  several_drafts all;
  std::uint64_t bytes = 0;
  const auto known_id = state_.known_last_insert_id;
  const auto whole = query_text()->text;
  std::vector<std::string_view> texts;
  for (const auto& one : analyze_command().statements()) texts.push_back(whole.substr(one.offset, one.size));
  write_ = {};
  write_.database = state_.database();
  for (const auto text : texts) {
    write_.text = text;
    auto draft = make_one_of_several(why);
    if (!draft) break;
    if (!add_within(process().settings.spool.max_transaction_bytes, bytes, std::move(draft->what),
                    all.what)) {
      why.reason = too_much_at_once;
      break;
    }
    all.told.push_back({draft->rows, draft->insert_id});
    if (draft->insert_id != 0) state_.known_last_insert_id = draft->insert_id;
  }
  state_.known_last_insert_id = known_id; // the answers tell
  if (all.what.size() == texts.size()) return all;
  why.reason += "; none of these statements was carried out";
  return std::nullopt;
}

std::optional<write_draft> session::make_one_of_several(write_refusal& why) {
  const bool write = analyze_write();
  const auto& one = home_.analysis().first();
  auto what = write ? why_not_spoolable(one, state_, write_.database) : "something that is no plain write";
  if (what.empty() && has(one.traits, sql::trait::returning)) what = "RETURNING";
  if (what.empty() && !ruled(write_.text, write_.database).spool.value_or(true)) what = ruled_out;
  if (what.empty()) what = state_.context_gap();
  if (what.empty()) what = state_.setting_left_behind();
  if (what.empty()) return make_write({}, why);
  why.reason = "the server is down, and one of several statements cannot run later: " + what;
  return std::nullopt;
}

task<session::verdict> session::spool_several() {
  const bool collects = state_.collected.open() || !state_.autocommit();
  if (!collects && !process().board.enter_append()) co_return verdict::decide_again;
  write_refusal why;
  auto drafts = make_several(why);
  if (!drafts && collects && decided_otherwise()) co_return verdict::decide_again;
  if (drafts && collects && !may_collect(drafts->what)) {
    drafts.reset();
    why.error = client_error::transaction_full;
    why.reason = too_large_to_collect;
  }
  if (!drafts) {
    if (!collects) process().board.leave_append();
    process().counters.commands_refused.fetch_add(1, std::memory_order_relaxed);
    const bool told = co_await answer_error(why.error, why.reason);
    co_return told ? verdict::next_command : verdict::end_session;
  }
  co_return co_await take_several(*drafts, collects);
}

// One after the other; behind one that fails none is taken, as on a server. The gate to the queue is kept for
// the next one while this one goes through it, so that the server cannot be up in between.
task<session::verdict> session::take_several(several_drafts& drafts, bool collects) {
  bool gate = !collects;
  bool id_unknown = false; // of an upsert behind the last id that is told
  for (std::size_t at = 0; at < drafts.what.size(); ++at)
    id_unknown = drafts.told[at].insert_id == 0 && (id_unknown || drafts.what[at].insert_id);
  auto next = verdict::next_command;
  for (std::size_t at = 0; at < drafts.what.size(); ++at) {
    more_follows_ = at + 1 < drafts.what.size();
    told_error_ = false;
    if (collects) {
      const bool told = co_await collect_statement(drafts.what[at], drafts.told[at]);
      next = told ? verdict::next_command : verdict::end_session;
    } else if (gate) {
      gate = more_follows_ && process().board.enter_append();
      std::vector<spool::statement> one;
      one.push_back(std::move(drafts.what[at]));
      auto unit = make_unit(std::move(one));
      next = co_await append_unit(unit, drafts.told[at]);
    } else {
      const std::string halted = "replay has halted and needs a person";
      co_await answer_error(client_error::writes_not_accepted, halted);
    }
    ++command_.sequence; // of what was told
    if (told_error_ || next != verdict::next_command) break;
  }
  if (id_unknown) state_.known_last_insert_id.reset();
  if (gate) process().board.leave_append();
  more_follows_ = false;
  co_return next;
}

} // namespace holdwater::proxy
