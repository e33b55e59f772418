// First contact and each one after an outage: the ledger is found or made, checked, owned, and caught up
// with.
#include "spool/replay_engine.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <utility>

namespace holdwater::spool {
namespace {

constexpr char made_fact[] = "ledger.made"; // 1 once the row was there: missing later means gone
constexpr char say_when[] =
    "SET timestamp = 1, timestamp = DEFAULT"; // MariaDB's secure_timestamp may forbid it
constexpr char epoch_fact[] = "ledger.epoch"; // the highest that we have claimed

} // namespace

replayer::attach_report replay_engine::attach() {
  if (!ledger_.named()) return {attach_status::no_ledger, "no database is configured to keep the ledger in"};
  sessions_.drop_all(); // after an outage the same address may be another server
  epoch_ = 0;
  losses_ = 0;
  transactional_.clear();
  words_.clear();
  auto done = attach_once();
  while (!done && done.error().what == setback::kind::again && pause()) done = attach_once();
  if (done)
    if (auto agreed = queue_.ledger_agrees(); !agreed) done = spool_failed(agreed.error());
  if (done) done = run(true);
  if (done)
    return {attach_status::ready, {}, accounts_without_ledger(), false, std::exchange(applied_again_, 0)};
  epoch_ = 0; // drain() has nothing to go by
  switch (done.error().what) {
  case setback::kind::halted: return {done.error().status, done.error().reason};
  case setback::kind::stuck: return {attach_status::stuck, done.error().reason};
  case setback::kind::spool_failed:
    return {attach_status::spool_failed, "the spool failed: " + done.error().reason};
  case setback::kind::again:
  case setback::kind::unreachable:
  case setback::kind::stopped: break;
  }
  return {attach_status::unreachable, done.error().reason, {}, done.error().server_answers};
}

// A connection that is lost meanwhile, or "not now", says nothing of rights: replay will meet it again.
accounts_with_reasons replay_engine::accounts_without_ledger() {
  accounts_with_reasons found;
  for (const auto& account : options_.accounts) {
    if (account.user == owner()) continue;
    const auto why = try_ledger(account.user);
    const auto kind = why ? classify(*why) : error_class::transient;
    if (kind != error_class::refused && kind != error_class::withheld) continue;
    found.emplace_back(account.user, why_without_ledger(account.user, *why));
  }
  return found;
}

accounts_with_reasons replay_engine::look_again(const accounts_with_reasons& known) {
  accounts_with_reasons still;
  for (const auto& [account, reason] : known) {
    sessions_.drop(account); // what it may do was looked up at its login
    const auto why = try_ledger(account);
    const auto kind = why ? classify(*why) : error_class::transient;
    const bool sure = kind == error_class::refused || kind == error_class::withheld;
    if (why) still.emplace_back(account, sure ? why_without_ledger(account, *why) : reason);
  }
  return still;
}

std::string replay_engine::why_without_ledger(const std::string& account, const server_error& why) const {
  return "the account '" + account + "' cannot use the ledger " + ledger_.full_name() + ": " + why.text;
}

// All that a replay transaction does with the row, rolled back.
std::optional<server_error> replay_engine::try_ledger(const std::string& account) {
  auto session = sessions_.get(account);
  if (!session) return session.error();
  std::optional<server_error> why;
  if (auto said = (*session)->query(say_when); !said)
    why = said.error();
  else if (auto begun = (*session)->begin({}); !begun)
    why = begun.error();
  else if (auto row = read_guard(**session); !row)
    why = row.error();
  else if (auto moved = (*session)->query(ledger_.take_over(epoch_)); !moved)
    why = moved.error();
  end_transaction(account);
  return why;
}

progress<void> replay_engine::attach_once() {
  auto session = owners_session();
  if (!session) return session.error();
  if (auto said = (*session)->query(say_when); !said) {
    if (classify(said.error()) != error_class::refused) return attach_setback(said.error());
    return halted(attach_status::no_ledger, "the server does not let '" + owner() +
                                                "' say when a write was made: " + said.error().text);
  }
  if (auto ready = need_table(**session); !ready) return ready;
  auto row = take_ownership(**session);
  if (!row) {
    end_transaction(owner());
    return row.error();
  }
  epoch_ = row->epoch;
  return adopt(*row);
}

setback replay_engine::attach_setback(const server_error& error) {
  switch (classify(error)) {
  case error_class::transient: sessions_.end_lost(); return {setback::kind::again, error.text};
  case error_class::refused: return halted(attach_status::no_ledger, ledger_.full_name() + ": " + error.text);
  case error_class::not_now:
  case error_class::withheld: // the owner is who writes: then nobody can
  case error_class::connection_lost: break;
  }
  return unreachable(error, "attaching to the ledger");
}

progress<bool> replay_engine::has_table(replay_session& session) {
  auto engine = session.query(ledger_.look_up_engine());
  if (!engine) return attach_setback(engine.error());
  if (engine->rows.empty()) return false;
  const auto name = engine->rows.front().at(0).value_or("");
  if (::strcasecmp(name.c_str(), "InnoDB") == 0) return true;
  return halted(attach_status::no_ledger, ledger_.full_name() + " must be an InnoDB table, not " + name);
}

// Looked up before it is made, so that an account without the right to make tables can use one made for it.
progress<void> replay_engine::need_table(replay_session& session) {
  auto there = has_table(session);
  if (!there) return there.error();
  if (*there) return {};
  auto made = number_fact(made_fact);
  if (!made) return made.error();
  if (*made != 0)
    return halted(attach_status::ledger_gone, "the ledger table " + ledger_.full_name() + " is gone");
  if (auto done = session.query(ledger_.create()); !done) return attach_setback(done.error());
  there = has_table(session);
  if (!there) return there.error();
  if (*there) return {};
  return halted(attach_status::no_ledger, ledger_.full_name() + " was made and cannot be seen");
}

// Nothing: there was none, and now there is.
progress<std::optional<ledger_row>> replay_engine::find_row(replay_session& session) {
  if (auto begun = session.begin({}); !begun) return attach_setback(begun.error());
  auto row = read_guard(session);
  if (!row) return attach_setback(row.error());
  if (row->has_value()) return *row;
  auto made = number_fact(made_fact);
  if (!made) return made.error();
  if (*made != 0)
    return halted(attach_status::ledger_gone, "this spool's row in " + ledger_.full_name() + " is gone");
  if (auto done = session.query(ledger_.insert()); !done) return attach_setback(done.error());
  return std::optional<ledger_row>();
}

// The claim is noted in the spool first: a higher epoch found later was claimed by somebody else. Where a
// person has set the row's to 0, how far the other one had counted is not known, and two copies of a queue
// count alike: chance keeps their epochs apart.
progress<std::uint64_t> replay_engine::next_epoch(const std::optional<ledger_row>& row) {
  auto claimed = number_fact(epoch_fact);
  if (!claimed) return claimed.error();
  if (row && row->epoch > *claimed)
    return halted(attach_status::fenced,
                  "another owner has taken over this spool's row in " + ledger_.full_name() +
                      ": a copy of this queue runs elsewhere, or this is one (a restored backup)");
  const bool taken_over = row && row->epoch == 0;
  const auto epoch = *claimed + 1 + (taken_over ? std::random_device{}() : 0);
  if (auto done = set_fact(epoch_fact, epoch); !done) return done.error();
  return epoch;
}

progress<ledger_row> replay_engine::take_ownership(replay_session& session) {
  auto row = find_row(session);
  if (!row) return row.error();
  auto epoch = next_epoch(*row);
  if (!epoch) return epoch.error();
  if (auto done = session.query(ledger_.take_over(*epoch)); !done) return attach_setback(done.error());
  if (auto done = session.query("COMMIT"); !done) return attach_setback(done.error());
  if (auto done = set_fact(made_fact, 1); !done) return done.error();
  return ledger_row{*row ? (*row)->applied : 0, *epoch};
}

progress<std::uint64_t> replay_engine::number_fact(const char* key) {
  auto text = queue_.fact(key);
  if (!text) return spool_failed(text.error());
  std::uint64_t value = 0;
  if (*text) std::from_chars((*text)->data(), (*text)->data() + (*text)->size(), value);
  return value;
}

progress<void> replay_engine::set_fact(const char* key, std::uint64_t value) {
  if (auto done = queue_.set_fact(key, std::to_string(value)); !done) return spool_failed(done.error());
  return {};
}

} // namespace holdwater::spool
