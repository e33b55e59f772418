// What the simulated server changes: writes, the ledger, transactions and the locks of rows.
#include "tests/sim/server_session.hpp"

#include <algorithm>

namespace holdwater::sim {

moment calendar_now(); // kernel_clock.cpp

std::optional<server_session::error> server_session::may_write() const {
  if (!home_.read_only) return std::nullopt;
  return error{
      1290, "HY000",
      "The MariaDB server is running with the --read-only option so it cannot execute this statement"};
}

// Waits while another has the row. The one who would close a circle gives way.
std::optional<server_session::error> server_session::lock(const std::string& row) {
  auto& here = machine::the();
  const auto patience =
      std::stoll(value_of({piece::kind::system_variable, "innodb_lock_wait_timeout"})) * second;
  const auto until = here.now() + patience;
  wanted_ = row;
  for (;;) {
    auto& owner = home_.locks_[row];
    if (owner == 0 || owner == id_) {
      owner = id_;
      held_.insert(row);
      wanted_.clear();
      return std::nullopt;
    }
    for (auto at = owner; at != 0;) {
      const auto found = home_.sessions_.find(at);
      if (found == home_.sessions_.end() || found->second->wanted_.empty()) break;
      at = home_.locks_[found->second->wanted_];
      if (at != id_) continue;
      wanted_.clear();
      roll_back();
      home_.observer_.happened("clients deadlock");
      return error{1213, "40001", "Deadlock found when trying to get lock; try restarting transaction"};
    }
    if (row.starts_with("ledger")) home_.observer_.happened("replay: the ledger's row is locked");
    const bool woken = here.wait({&home_.lock_released_}, until);
    wait_while_frozen();
    if (killed_) throw lost{};
    // A server notices a client that has left while it waits.
    if (!woken) {
      wanted_.clear();
      return error{1205, "HY000", "Lock wait timeout exceeded; try restarting transaction"};
    }
  }
}

server_session::done server_session::write(const std::vector<piece>& all) {
  done what;
  what.tag = tag_in(all);
  if (const auto no = may_write()) return what.failed = no, what;
  auto at = find_word(all, all.front().is("update")   ? "update"
                           : all.front().is("delete") ? "from"
                                                      : "into") +
            1;
  write_record record;
  record.tag = what.tag;
  record.digest = digest_of(all);
  record.schema = database_;
  record.table = all[at].value;
  if (all[at + 1].is(".")) {
    record.schema = all[at].value;
    record.table = all[at += 2].value;
  }
  if (!autocommit_) in_transaction_ = true;
  const auto refuse = [&](unsigned number, const char* state, const char* why) {
    if (!what.tag.empty()) home_.observer_.refused(what.tag, number);
    if (in_replay())
      home_.observer_.happened(pending_.writes.empty() ? "replay: a unit was refused alone"
                                                       : "replay: a batch was refused");
    what.failed = error{number, state, why};
    if (!in_transaction_) roll_back();
    return what;
  };
  for (const auto& one : all)
    if (one.what == piece::kind::text && one.value == "poison")
      return refuse(1062, "23000", "Duplicate entry 'poison'");
  if (!what.tag.empty() && home_.happens(home_.troubles.deadlock_one_in)) {
    roll_back();
    what.failed = error{1213, "40001", "Deadlock found when trying to get lock; try restarting transaction"};
    return what;
  }
  what.affected = 1;
  if (record.table == "counters") {
    record.counter = last_number(all);
    if (auto no = lock("counters." + std::to_string(record.counter))) {
      if (!in_transaction_) roll_back();
      return what.failed = no, what;
    }
    if (const auto no = may_write()) return what.failed = no, what;
  }
  if (record.table == "orders") {
    // One id for each row: the one it brings, or the next.
    const auto begin = find_word(all, "values");
    const auto column = find_word(all, "id");
    const bool brings = column < begin;
    what.affected = 0;
    int depth = 0;
    for (auto i = begin; i < all.size(); ++i) {
      if (all[i].is("(") && ++depth == 1) {
        const auto& value = all[i + 1];
        const bool given = brings && value.what == piece::kind::number;
        auto id = home_.data.next_id;
        if (given) {
          id = std::stoull(value.value);
        } else if (const auto forced = variables_.find("insert_id"); forced != variables_.end()) {
          id = std::stoull(forced->second);
          variables_.erase(forced);
        }
        if (home_.data.ids().contains(id) || pending_.ids.contains(id))
          return refuse(1062, "23000", "Duplicate entry for key 'PRIMARY'");
        home_.data.next_id = std::max(home_.data.next_id, id + 1);
        pending_.ids.insert(id);
        if (!given && what.insert_id == 0) what.insert_id = record.insert_id = last_insert_id_ = id;
        ++what.affected;
      }
      if (all[i].is(")")) --depth;
    }
  }
  record.context = {value_of({piece::kind::system_variable, "time_zone"}),
                    value_of({piece::kind::system_variable, "sql_mode"}),
                    value_of({piece::kind::system_variable, "character_set_client"}) + "/" +
                        value_of({piece::kind::system_variable, "collation_connection"}),
                    std::any_of(all.begin(), all.end(),
                                [](const piece& one) { return one.what == piece::kind::user_variable; })
                        ? user_variables_["x"]
                        : ""};
  record.account = user_;
  const auto pinned = variables_.find("timestamp");
  record.when = pinned == variables_.end() ? calendar_now() : moment_in(pinned->second);
  if (record.table == "journal") { // it does not roll back
    commit_record alone;
    if (!record.tag.empty()) alone.writes.push_back(record);
    home_.data.commit(alone);
    home_.observer_.committed(alone);
  } else if (!record.tag.empty()) {
    pending_.writes.push_back(std::move(record));
  }
  if (in_transaction_) return what;
  const auto ended = commit();
  if (ended.failed) what.failed = ended.failed;
  return what;
}

server_session::done server_session::ledger(const std::vector<piece>& all, const std::string& text) {
  done what;
  if (all.front().is("create")) {
    if (const auto no = may_write()) return what.failed = no, what;
    home_.data.ledger_table = true;
    return what;
  }
  if (!home_.data.ledger_table)
    return what.failed = error{1146, "42S02", "Table 'app.holdwater_ledger' doesn't exist"}, what;
  std::string spool;
  for (const auto& one : all)
    if (one.what == piece::kind::text) spool = one.value;
  if (auto no = lock("ledger." + spool)) {
    if (!in_transaction_) roll_back();
    return what.failed = no, what;
  }
  const auto committed = home_.data.ledger().find(spool);
  auto row = committed == home_.data.ledger().end() ? std::optional<ledger_values>() : committed->second;
  if (const auto mine = pending_.ledger.find(spool); mine != pending_.ledger.end()) row = mine->second;
  if (all.front().is("select")) {
    protocol::text_result_set set;
    set.columns = {protocol::text_column("applied_seq", true), protocol::text_column("owner_epoch", true)};
    if (row) set.rows.push_back({std::to_string(row->applied), std::to_string(row->epoch)});
    what.rows = std::move(set);
  } else if (const auto no = may_write()) {
    what.failed = no;
  } else if (all.front().is("insert")) {
    pending_.ledger[spool] = {};
    what.affected = 1;
  } else if (row) {
    const auto at = find_word(all, "set") + 3;
    (text.find("applied_seq") != std::string::npos ? row->applied : row->epoch) = std::stoull(all[at].value);
    pending_.ledger[spool] = *row;
    what.affected = 1;
  }
  if (!in_transaction_ && autocommit_) {
    const auto ended = commit();
    if (ended.failed) what.failed = ended.failed;
  }
  return what;
}

server_session::done server_session::commit() {
  done what;
  const bool writes = !pending_.writes.empty() || !pending_.ledger.empty();
  if (const auto no = may_write(); no && writes) return what.failed = no, what; // and it stays open
  const bool replays = !pending_.ledger.empty();
  commits_replay_ = replays && !pending_.writes.empty();
  if (writes && home_.happens(home_.troubles.dies_before_commit_one_in)) {
    if (replays) home_.observer_.happened("replay: the server died before a COMMIT");
    home_.die();
  }
  if (killed_) throw lost{};
  auto mine = std::move(pending_);
  roll_back();
  home_.data.commit(mine);
  committed_ = writes;
  if (!mine.writes.empty() || !mine.ledger.empty()) home_.observer_.committed(mine);
  if (writes && home_.happens(home_.troubles.dies_after_commit_one_in)) {
    if (replays) home_.observer_.happened("replay: the server died after a COMMIT");
    home_.die();
  }
  return what;
}

bool server_session::in_replay() const {
  return std::any_of(held_.begin(), held_.end(),
                     [](const std::string& row) { return row.starts_with("ledger"); });
}

void server_session::roll_back() {
  pending_ = {};
  savepoints_.clear();
  in_transaction_ = false;
  for (const auto& row : held_) home_.locks_.erase(row);
  const bool any = !held_.empty();
  held_.clear();
  if (any) machine::the().wake_all(home_.lock_released_);
}

} // namespace holdwater::sim
