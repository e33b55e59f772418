#include "tests/sim/server_session.hpp"

#include <algorithm>
#include <cctype>

namespace holdwater::sim {

moment calendar_now(); // kernel_clock.cpp

namespace {

using rows = std::vector<protocol::text_row>;

const std::map<std::string, std::string, std::less<>>& defaults() {
  static const auto* const all = new std::map<std::string, std::string, std::less<>>{
      {"sql_mode",
       "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION"},
      {"time_zone", "SYSTEM"},
      {"lc_messages", "en_US"},
      {"lc_time_names", "en_US"},
      {"auto_increment_increment", "1"},
      {"auto_increment_offset", "1"},
      {"foreign_key_checks", "1"},
      {"unique_checks", "1"},
      {"tx_isolation", "REPEATABLE-READ"},
      {"transaction_isolation", "REPEATABLE-READ"},
      {"collation_server", "utf8mb4_general_ci"},
      {"collation_database", "utf8mb4_general_ci"},
      {"collation_connection", "utf8mb4_general_ci"},
      {"character_set_client", "utf8mb4"},
      {"character_set_results", "utf8mb4"},
      {"character_set_connection", "utf8mb4"},
      {"character_set_server", "utf8mb4"},
      {"character_set_database", "utf8mb4"},
      {"wait_timeout", "28800"},
      {"interactive_timeout", "28800"},
      {"max_allowed_packet", "16777216"},
      {"hostname", "simulated"},
      {"port", "3306"},
      {"version", "10.11.14-MariaDB"},
      {"version_comment", "simulated"},
      {"lower_case_table_names", "0"},
      {"performance_schema", "0"},
      {"init_connect", ""},
      {"system_time_zone", "UTC"},
      {"innodb_snapshot_isolation", "0"},
      {"innodb_lock_wait_timeout", "50"},
      {"lock_wait_timeout", "50"},
      {"max_statement_time", "0"},
      {"check_constraint_checks", "1"},
      {"tx_read_only", "0"},
      {"innodb_read_only", "0"},
      {"insert_id", "0"},
      {"timestamp", "0"},
  };
  return *all;
}

bool has(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
         }) != text.end();
}

protocol::text_result_set table(std::vector<std::string> columns, rows values) {
  protocol::text_result_set set;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const bool integer =
        !values.empty() && values[0][i] && !values[0][i]->empty() && values[0][i]->size() < 18 &&
        std::all_of(values[0][i]->begin(), values[0][i]->end(), [](char c) { return c >= '0' && c <= '9'; });
    protocol::text_column column(columns[i], integer);
    if (!integer) column.described = {{}, 45, 1024, 0xfd, 0, 31, {}, {}, {}};
    set.columns.push_back(std::move(column));
  }
  set.rows = std::move(values);
  return set;
}

} // namespace

std::string server_session::value_of(const piece& variable) const {
  const auto& name = variable.value;
  if (name == "read_only") return home_.read_only ? "1" : "0";
  if (name == "autocommit") return autocommit_ ? "1" : "0";
  if (name == "last_insert_id") return std::to_string(last_insert_id_);
  if (const auto found = variables_.find(name); found != variables_.end()) return found->second;
  const auto found = defaults().find(name);
  return found == defaults().end() ? "?" : found->second;
}

void server_session::reset() {
  variables_.clear();
  user_variables_.clear();
  statements_.clear();
  autocommit_ = true;
  last_insert_id_ = 0;
}

server_session::done server_session::run_statement(const std::string& text,
                                                   const std::vector<piece>& values) {
  const auto all = with_values(pieces_of(text), values);
  const auto& first = all.front();
  const auto& next = all.size() > 1 ? all[1] : first;
  done what;
  if (has(text, "holdwater_ledger") && !has(text, "information_schema")) return ledger(all, text);
  if (first.is("select")) {
    what = select(text, all);
    what.tag = tag_in(all);
  } else if (first.is("show")) {
    return show(all);
  } else if (first.is("set")) {
    return set(all);
  } else if (first.is("begin") || (first.is("start") && next.is("transaction"))) {
    if (in_transaction_) what = commit();
    if (what.failed) return what;
    in_transaction_ = true;
  } else if (first.is("commit")) {
    return commit();
  } else if (first.is("rollback")) {
    const auto to = find_word(all, "to");
    if (to == all.size()) {
      roll_back();
      return what;
    }
    const auto& name = all[all[to + 1].is("savepoint") ? to + 2 : to + 1].value;
    while (!savepoints_.empty() && savepoints_.back().name != name) savepoints_.pop_back();
    if (savepoints_.empty())
      return what.failed = error{1305, "42000", "SAVEPOINT " + name + " does not exist"}, what;
    pending_.writes.resize(std::min(pending_.writes.size(), savepoints_.back().writes));
    pending_.ids = savepoints_.back().ids;
  } else if (first.is("savepoint")) {
    if (in_transaction_ || !autocommit_) {
      in_transaction_ = true;
      std::erase_if(savepoints_, [&](const savepoint& one) { return one.name == next.value; });
      savepoints_.push_back({next.value, pending_.writes.size(), pending_.ids});
    }
  } else if (first.is("release")) {
    std::erase_if(savepoints_, [&](const savepoint& one) { return one.name == all[2].value; });
  } else if (first.is("use")) {
    database_ = next.value;
  } else if (first.is("do")) {
    if (has(text, "last_insert_id")) last_insert_id_ = last_number(all);
  } else if (first.is("kill")) {
    const auto found = home_.sessions_.find(last_number(all));
    if (found == home_.sessions_.end() || found->second->user() != user_)
      return what.failed = error{1094, "HY000", "Unknown thread id"}, what;
    home_.observer_.happened("replay: a lost connection was ended by KILL");
    found->second->kill_soon();
  } else if (first.is("insert") || first.is("replace") || first.is("update") || first.is("delete")) {
    return write(all);
  } else {
    what.failed = error{1064, "42000", "You have an error in your SQL syntax near '" + text + "'"};
  }
  return what;
}

server_session::done server_session::set(const std::vector<piece>& all) {
  done what;
  for (std::size_t at = 1; at < all.size() && all[at].what != piece::kind::end; ++at) {
    if (all[at].is("session") || all[at].is("global") || all[at].is("local")) ++at;
    if (all[at].is("transaction")) return what; // levels mean nothing here: what is read is always the latest
    if (all[at].is("names")) {
      const auto& name = all[at + 1].value;
      variables_["character_set_client"] = variables_["character_set_results"] =
          variables_["character_set_connection"] = name;
      const auto collate = find_word(all, "collate", at);
      variables_["collation_connection"] = collate < all.size()
                                               ? all[collate + 1].value
                                               : name + (name == "latin1" ? "_swedish_ci" : "_general_ci");
      return what;
    }
    const auto& target = all[at];
    const bool is_user = target.what == piece::kind::user_variable;
    const auto name = target.value;
    if (!is_user && name != "autocommit" && name != "last_insert_id" && !defaults().contains(name))
      return what.failed = error{1193, "HY000", "Unknown system variable '" + name + "'"}, what;
    at += 2;                   // the name and '='
    if (all[at].is("=")) ++at; // ":="
    std::string value;
    bool by_default = false;
    for (; at < all.size() && !all[at].is(",") && all[at].what != piece::kind::end; ++at) {
      by_default = all[at].is("default");
      value += all[at].value;
    }
    if (is_user) {
      user_variables_[name] = value;
    } else if (name == "autocommit") {
      const bool on = value == "1" || value == "on";
      if (on && !autocommit_) what = commit();
      if (what.failed) return what;
      autocommit_ = on;
    } else if (name == "last_insert_id") {
      last_insert_id_ = std::stoull(value);
    } else if (by_default || ((name == "insert_id" || name == "timestamp") && value == "0")) {
      variables_.erase(name);
    } else {
      variables_[name] = value;
    }
  }
  return what;
}

server_session::done server_session::select(const std::string& text, const std::vector<piece>& all) {
  done what;
  if (has(text, "information_schema")) return information(text, all);
  const auto from = find_word(all, "from");
  if (from < all.size()) {
    if (all[from + 1].is("dual")) return what.rows = table({"1"}, {}), what;
    const bool table_is_ids = has(text, "orders");
    if (has(text, "limit 0")) return what.rows = table({"1"}, {}), what;
    if (table_is_ids && has(text, "between")) {
      const auto between = find_word(all, "between");
      const auto low = std::stoull(all[between + 1].value), high = std::stoull(all[between + 3].value);
      std::set<std::uint64_t> both = home_.data.ids();
      both.insert(pending_.ids.begin(), pending_.ids.end());
      const auto count = std::distance(both.lower_bound(low), both.upper_bound(high));
      if (has(text, "count(")) return what.rows = table({"COUNT(*)"}, {{std::to_string(count)}}), what;
      return what.rows = table({"1"}, count > 0 ? rows{{"1"}} : rows{}), what;
    }
    if (!autocommit_) in_transaction_ = true;
    const auto tag = tag_in(all);
    if (has(text, "counters")) {
      const auto id = last_number(all);
      auto count = home_.data.counter(id);
      for (const auto& one : pending_.writes) count += one.counter == id ? 1 : 0;
      return what.rows = table({"n", "tag"}, {{std::to_string(count), tag}}), what;
    }
    const auto client = tag.substr(0, tag.find('.'));
    return what.rows = table({"count", "tag"}, {{std::to_string(home_.data.rows_of(client)), tag}}), what;
  }
  std::vector<std::string> names;
  protocol::text_row row;
  int depth = 0;
  for (std::size_t at = 1; at < all.size() && all[at].what != piece::kind::end; ++at) {
    const auto& one = all[at];
    if (one.is("(")) ++depth;
    if (one.is(")")) --depth;
    if (depth > 0 || one.is(")") || one.is(",") || one.is("(")) continue;
    names.push_back(one.value);
    if (one.what == piece::kind::system_variable) {
      const auto value = value_of(one);
      if (value == "?")
        return what.failed = error{1193, "HY000", "Unknown system variable '" + one.value + "'"}, what;
      row.emplace_back(value);
    } else if (one.is("database")) {
      row.push_back(database_.empty() ? std::nullopt : std::optional(database_));
    } else if (one.is("connection_id")) {
      row.emplace_back(std::to_string(id_));
    } else if (one.is("current_user")) {
      row.emplace_back(user_ + "@%");
    } else if (one.is("current_role")) {
      row.emplace_back(std::nullopt);
    } else if (one.is("last_insert_id")) {
      row.emplace_back(std::to_string(last_insert_id_));
    } else if (one.is("unix_timestamp")) {
      row.emplace_back(std::to_string(calendar_now() / second));
    } else if (one.is("concat")) {
      row.emplace_back("simulated:3306 10.11.14-MariaDB");
    } else if (one.what == piece::kind::user_variable) {
      const auto found = user_variables_.find(one.value);
      row.push_back(found == user_variables_.end() ? std::nullopt : std::optional(found->second));
    } else if (one.what == piece::kind::number || one.what == piece::kind::text) {
      row.emplace_back(one.value);
    } else {
      return what.failed = error{1064, "42000", "The simulated server does not know: " + text}, what;
    }
  }
  what.rows = table(names, {row});
  return what;
}

server_session::done server_session::show(const std::vector<piece>& all) {
  done what;
  if (find_word(all, "variables") < all.size()) {
    rows found;
    for (const auto& [name, value] : defaults()) found.push_back({name, value_of({piece::kind::word, name})});
    what.rows = table({"Variable_name", "Value"}, found);
  } else if (find_word(all, "status") < all.size()) {
    what.rows = table({"Variable_name", "Value"},
                      {{"Uptime", std::to_string((machine::the().now() - home_.started_) / second)}});
  } else if (find_word(all, "processlist") < all.size()) {
    rows found;
    for (const auto& [id, one] : home_.sessions_)
      if (one->user() == user_) found.push_back({std::to_string(id), one->user(), one->peer()});
    what.rows = table({"Id", "User", "Host"}, found);
  } else {
    what.rows = table({"Query_ID", "Duration", "Query"}, {});
  }
  return what;
}

server_session::done server_session::information(const std::string& text, const std::vector<piece>& all) {
  done what;
  std::string schema, name;
  for (std::size_t at = 2; at < all.size(); ++at) {
    if (all[at].what != piece::kind::text || !all[at - 1].is("=")) continue;
    const auto& column = all[at - 2].value;
    if (has(column, "type") || has(column, "expression")) continue;
    (has(column, "schema") ? schema : name) = all[at].value;
  }
  const auto asked = [&](const char* table) { return name.empty() || name == table; };
  if (has(text, "select engine")) {
    what.rows = table({"engine"}, home_.data.ledger_table && schema == "app" ? rows{{"InnoDB"}} : rows{});
  } else if (has(text, "e.transactions")) {
    const bool known = name == "notes" || name == "counters" || name == "orders" || name == "journal";
    what.rows = table({"transactions", "trigger"},
                      known ? rows{{name == "journal" ? "NO" : "YES", std::nullopt}} : rows{});
  } else if (has(text, "collation")) {
    what.rows = table({"id", "name", "set", "default"}, {{"45", "utf8mb4_general_ci", "utf8mb4", "Yes"},
                                                         {"46", "utf8mb4_bin", "utf8mb4", ""},
                                                         {"8", "latin1_swedish_ci", "latin1", "Yes"},
                                                         {"63", "binary", "binary", "Yes"}});
  } else if (has(text, "information_schema.tables")) {
    const bool facts = has(text, "engine");
    rows found;
    for (const auto* one : {"counters", "journal", "notes", "orders"}) {
      if (!asked(one) || (schema != "app" && schema != "other")) continue;
      const bool ids = std::string_view(one) == "orders";
      if (facts)
        found.push_back({schema, one, std::string_view(one) == "journal" ? "MyISAM" : "InnoDB",
                         "2026-01-01 00:00:00",
                         ids ? std::optional(std::to_string(home_.data.next_id)) : std::nullopt});
      else
        found.push_back({one});
    }
    what.rows = facts ? table({"s", "t", "engine", "created", "auto"}, found) : table({"t"}, found);
  } else if (has(text, "information_schema.columns") && has(text, "data_type")) {
    what.rows = table({"c", "type", "length", "null", "extra"},
                      {{"id", "bigint", std::nullopt, "NO", "auto_increment"}});
  } else if (has(text, "information_schema.columns")) {
    what.rows = table({"t", "c", "position", "type", "extra"},
                      asked("orders") ? rows{{"orders", "id", "1", "bigint(20) unsigned", "auto_increment"}}
                                      : rows{});
  } else if (has(text, "information_schema.statistics")) {
    what.rows = table({"i", "c", "sub"}, asked("orders") ? rows{{"PRIMARY", "id", std::nullopt}} : rows{});
  } else {
    what.rows = table({"1"}, {});
  }
  return what;
}

} // namespace holdwater::sim
