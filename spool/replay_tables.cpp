// What is known of the tables that a unit writes: whether it may share a transaction with others.
//
// The account and MYSQL_USER are both asked, since either may see what the other does not: an account with a
// right on a view alone does not see the table behind it.
#include "spool/replay_engine.hpp"
#include "spool/unit_codec.hpp"

#include <algorithm>
#include <iterator>

namespace holdwater::spool {

bool replay_engine::ends_batch(const unit& what) const {
  if (last_of_batch_.empty()) return false;
  return std::ranges::any_of(tables_of(what),
                             [this](const auto& name) { return last_of_batch_.contains(name); });
}

progress<bool> replay_engine::is_transactional(const unit& what) {
  const auto tables = tables_of(what);
  if (tables.empty()) return false; // not known: assume the worse
  for (const auto& name : tables) {
    auto transactional = is_transactional(what, name);
    if (!transactional || !*transactional) return transactional;
  }
  return true;
}

// A table that cannot be seen and a name that is no UTF-8 count as not transactional: all that costs is
// running alone. So do one whose trigger may lead to a table that is not, and a view on one.
progress<bool> replay_engine::is_transactional(const unit& of, const table_name& name) {
  const seen_table as_seen{of.account, name};
  if (const auto known = transactional_.find(as_seen); known != transactional_.end()) return known->second;
  transactional_[as_seen] = false; // while its text is followed
  auto rows = look_up(of, look_up_table(name));
  if (!rows) return not_known(as_seen, rows.error());
  const auto table = told_of_table(*rows);
  if (table.counts_transactions) last_of_batch_.insert(name);
  bool transactional = table.transactional;
  if (table.view) {
    auto all = is_of_transactional(of, name, *table.view);
    if (!all) return not_known(as_seen, all.error());
    transactional = *all;
  }
  if (transactional && !table.triggers.empty()) {
    auto words = look_up_words(of);
    if (!words) return not_known(as_seen, words.error());
    const auto lead_to = [&](const lasting_words& wanted) {
      return std::ranges::any_of(table.triggers, [&](const auto& text) { return may_last(text, wanted); });
    };
    if (lead_to((*words)->lasting)) transactional = false;
    if (lead_to((*words)->counting)) last_of_batch_.insert(name);
  }
  return transactional_[as_seen] = transactional;
}

progress<bool> replay_engine::is_of_transactional(const unit& of, const table_name& view,
                                                  const std::optional<std::string>& text) {
  const auto tables = tables_of_view(text);
  if (!tables) return false;
  for (const auto& one : *tables) {
    auto transactional = is_transactional(of, one);
    if (!transactional || !*transactional) return transactional;
    if (last_of_batch_.contains(one)) last_of_batch_.insert(view);
  }
  auto words = look_up_words(of);
  if (!words) return words.error();
  return !may_last_by_call(text, (*words)->lasting);
}

setback replay_engine::not_known(const seen_table& table, const setback& why) {
  transactional_.erase(table);
  return why;
}

progress<const replay_engine::leading_words*> replay_engine::look_up_words(const unit& of) {
  if (const auto known = words_.find(of.account); known != words_.end()) return &known->second;
  auto lasting = look_up(of, look_up_lasting_tables());
  if (!lasting) return lasting.error();
  auto counting = look_up(of, look_up_counting_tables());
  if (!counting) return counting.error();
  std::vector<result_row> texts;
  if (!lasting->empty() || !counting->empty())
    for (const auto& text : look_up_texts()) {
      auto some = look_up(of, text);
      if (!some) return some.error();
      std::ranges::move(*some, std::back_inserter(texts));
    }
  return &(words_[of.account] = {words_that_last(*lasting, texts), words_that_last(*counting, texts)});
}

// Of an error in words that are not the server's: it does not pass, as the server's own would.
progress<bool> replay_engine::may_be_signalled(const unit& of) {
  auto rows = look_up(of, look_up_chosen_numbers());
  if (!rows) return rows.error();
  return !rows->empty();
}

// What both see. What the server refuses to tell is nothing.
progress<std::vector<result_row>> replay_engine::look_up(const unit& of, const std::string& text) {
  auto session = session_for(of);
  if (!session) return session.error();
  auto rows = look_up(**session, of, text);
  if (!rows || of.account == owner()) return rows;
  auto owners = owners_session();
  if (!owners) return owners.error();
  auto more = look_up(**owners, of, text);
  if (!more) return more;
  end_transaction(owner()); // MySQL has opened one, and would show the same next time
  std::ranges::move(*more, std::back_inserter(*rows));
  return rows;
}

progress<std::vector<result_row>> replay_engine::look_up(replay_session& session, const unit& of,
                                                         const std::string& text) {
  auto answer = session.query(text);
  if (answer) return std::move(answer->rows);
  const auto kind = classify(answer.error());
  if (kind == error_class::refused) return std::vector<result_row>();
  sessions_.drop(session.identity().user);
  if (kind == error_class::withheld) return stuck(of, answer.error());
  return unreachable(answer.error(), "looking up a table's engine");
}

} // namespace holdwater::spool
