#include "fake_server.hpp"

#include <algorithm>
#include <utility>

namespace holdwater::spool::test {
namespace {

constexpr std::uint64_t most_steps = 2000; // an endless replay ends in an error that a test sees
// Statements of other connections; more than one needs to ask the ledger.
constexpr std::uint64_t thaw_after = 16;

server_error lost() {
  return {2013, "HY000", "Lost connection to server during query"};
}
bool begins(const std::string& text, const char* with) {
  return text.rfind(with, 0) == 0;
}
bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

std::uint64_t number_after(const std::string& text, const std::string& mark) {
  return std::stoull(text.substr(text.find(mark) + mark.size()));
}

query_answer one_row(std::vector<std::string> values) {
  query_answer answer;
  auto& next = answer.rows.emplace_back();
  for (auto& value : values) next.emplace_back(std::move(value));
  return answer;
}

// The last hex literal of the text: the table's name in a look-up.
std::string last_name(const std::string& text) {
  const auto from = text.rfind("x'") + 2;
  std::string name;
  for (auto i = from; text[i] != '\''; i += 2)
    name.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return name;
}

} // namespace

class fake_connection final : public mysql_connection {
 public:
  fake_connection(fake_server& server, std::uint64_t id) : server_(server), id_(id) {}
  ~fake_connection() override {
    auto& s = server_.sessions_.at(id_);
    if (s.open) server_.end(s);
  }
  server_result<query_answer> query(std::string_view text) override {
    return server_.query(id_, std::string(text));
  }
  server_result<query_answer> execute(std::string_view text, const std::vector<parameter>& values) override {
    auto shown = std::string(text);
    for (const auto& one : values) shown += " <" + one.value.value_or("NULL") + ">";
    prepared_.insert(std::string(text));
    return query(shown);
  }
  bool can_send(std::string_view text, const std::vector<parameter>&) const override {
    return prepared_.contains(std::string(text));
  }
  void forget_prepared() override { prepared_.clear(); }
  std::uint64_t connection_id() const override { return id_; }
  std::string server_version() const override { return "10.11-MariaDB"; }
  void be_patient(patience) override {}

 private:
  fake_server& server_;
  std::uint64_t id_;
  std::set<std::string> prepared_;
};

server_result<std::unique_ptr<mysql_connection>> fake_server::connect(const credentials& who) {
  thaw();
  if (!reachable || steps_ > most_steps) return server_error{2003, "HY000", "Can't connect"};
  if (const auto found = shut_out.find(who.user); found != shut_out.end()) {
    ++logins_refused;
    return server_error{found->second, "28000", "Access denied for user '" + who.user + "'"};
  }
  const auto id = sessions_.size() + 1;
  sessions_[id].user = who.user;
  return std::unique_ptr<mysql_connection>(std::make_unique<fake_connection>(*this, id));
}

server_result<query_answer> fake_server::query(std::uint64_t id, const std::string& text) {
  ++steps_;
  texts_.push_back(text);
  thaw();
  auto& s = sessions_.at(id);
  if (!s.open || !s.alive || steps_ > most_steps) return server_error{2006, "HY000", "Server has gone away"};
  for (const auto& p : plans_)
    if (p.step == steps_) return make_trouble(p.kind, id, text);
  if (text == "COMMIT" && ++commits_ == slow_commit) {
    s.committing = true;
    return make_trouble(trouble_kind::lost_thawing, id, text);
  }
  return execute(id, text);
}

server_result<query_answer> fake_server::make_trouble(trouble_kind kind, std::uint64_t id,
                                                      const std::string& text) {
  auto& s = sessions_.at(id);
  switch (kind) {
  case trouble_kind::lost_after: static_cast<void>(execute(id, text)); [[fallthrough]];
  case trouble_kind::lost_before:
    end(s);
    s.open = false;
    return lost();
  case trouble_kind::lost_stuck:
    static_cast<void>(execute(id, text));
    s.open = false;
    return lost();
  case trouble_kind::lost_thawing:
    s.open = false;
    thawing_.push_back({id, text, steps_ + thaw_after});
    return lost();
  case trouble_kind::deadlock: roll_back(s); return server_error{1213, "40001", "Deadlock found"};
  case trouble_kind::lock_wait: return server_error{1205, "HY000", "Lock wait timeout exceeded"};
  case trouble_kind::read_only:
    return server_error{1290, "HY000",
                        "running with the --read-only option so it cannot execute this statement"};
  case trouble_kind::shutdown:
    if (begins(text, "myisam")) static_cast<void>(execute(id, text)); // the part that it had done stays
    end(s);
    s.open = false;
    return server_error{1053, "08S01", "Server shutdown in progress"};
  }
  return lost();
}

// A frozen server does what waited in its sockets, then finds the client gone.
void fake_server::thaw() {
  for (auto next = thawing_.begin(); next != thawing_.end();) {
    if (next->at_step > steps_) {
      ++next;
      continue;
    }
    const auto due = *next;
    next = thawing_.erase(next);
    if (sessions_.at(due.id).alive) static_cast<void>(execute(due.id, due.text));
    end(sessions_.at(due.id));
  }
}

server_result<query_answer> fake_server::execute(std::uint64_t id, const std::string& text) {
  auto& s = sessions_.at(id);
  if (begins(text, "SELECT CONNECTION_ID()")) return one_row({std::to_string(id), "16777216"});
  if (begins(text, "SELECT IF(t.table_type")) return table_and_triggers(last_name(text), s.user);
  if (has(text, "information_schema") && !begins(text, "SELECT engine")) return names_and_texts(text);
  if (begins(text, "SHOW PROCESSLIST")) return process_list();
  if (begins(text, "KILL ")) {
    auto& killed = sessions_.at(number_after(text, "KILL "));
    if (!killed.committing) end(killed);
    return query_answer{};
  }
  if (begins(text, "START TRANSACTION")) {
    if (s.in_transaction) commit(s);
    s.in_transaction = true;
    return query_answer{};
  }
  if (text == "COMMIT") return commit(s), query_answer{};
  if (text == "ROLLBACK") return roll_back(s), query_answer{};
  if (begins(text, "SET autocommit = 0")) s.autocommit = false;
  if (has(text, " insert_id = ")) s.insert_id = number_after(text, " insert_id = ");
  if (has(text, "timestamp = 1,") && secure_timestamp)
    return server_error{1290, "HY000", "running with the --secure-timestamp=YES option"};
  if (begins(text, "SET session_track") && !tells_changes)
    return server_error{1193, "HY000", "Unknown system variable 'session_track_state_change'"};
  if (begins(text, "SET ") && !refused_setting.empty() && has(text, refused_setting.c_str()))
    return server_error{1193, "HY000", "Unknown system variable"};
  if (begins(text, "SET ") || begins(text, "USE ")) return query_answer{};
  if (has(text, "holdwater_ledger") || begins(text, "SELECT engine")) return ledger_statement(s, text);
  return write(s, text);
}

query_answer fake_server::table_and_triggers(const std::string& table, const std::string& user) const {
  query_answer answer;
  if (unseen.contains(table)) return answer;
  if (const auto view = views.find(table); view != views.end()) {
    answer.rows = {{"view", std::nullopt}, {"is of", view->second}};
    return answer;
  }
  answer.rows.push_back({non_transactional.contains(table) ? "NO" : "YES", std::nullopt});
  if (const auto found = triggers.find(table); found != triggers.end() && !blind.contains(user))
    answer.rows.push_back({"trigger", found->second});
  return answer;
}

query_answer fake_server::names_and_texts(const std::string& text) const {
  query_answer answer;
  if (begins(text, "SELECT t.table_name"))
    for (const auto& name : non_transactional) answer.rows.push_back({name});
  if (chooses_numbers && has(text, "mysql_errno")) answer.rows.push_back({"1"});
  if (begins(text, "SELECT event_object_table"))
    for (const auto& [name, body] : triggers) answer.rows.push_back({name, body});
  return answer;
}

bool fake_server::row_locked_by_other(const session& s) const {
  return std::any_of(sessions_.begin(), sessions_.end(),
                     [&](const auto& other) { return &other.second != &s && other.second.locks_row; });
}

server_result<query_answer> fake_server::ledger_statement(session& s, const std::string& text) {
  if (begins(text, "SELECT engine")) return table_exists ? one_row({ledger_engine}) : query_answer{};
  if (accounts_off_ledger.contains(s.user)) return server_error{1142, "42000", "command denied"};
  if (begins(text, "CREATE TABLE")) {
    if (!may_create) return server_error{1142, "42000", "CREATE command denied"};
    table_exists = true;
    return query_answer{};
  }
  if (!table_exists) return server_error{1146, "42S02", "Table doesn't exist"};
  if (row_locked_by_other(s)) return server_error{1205, "HY000", "Lock wait timeout exceeded"};
  s.in_transaction = s.in_transaction || !s.autocommit;
  s.locks_row = s.in_transaction;
  if (has(text, "FOR UPDATE"))
    return ledger ? one_row({std::to_string(ledger->applied), std::to_string(ledger->epoch)})
                  : query_answer{};
  if (read_only) return server_error{1290, "HY000", "The server is running with the --read-only option"};
  if (ledger_is_full) return server_error{1021, "HY000", "Disk full"};
  if (begins(text, "INSERT")) s.inserts_row = true;
  if (has(text, "SET applied_seq = ")) s.new_applied = number_after(text, "SET applied_seq = ");
  if (has(text, "SET owner_epoch = ")) s.new_epoch = number_after(text, "SET owner_epoch = ");
  if (!s.in_transaction) commit(s);
  query_answer answer;
  answer.in_transaction = s.in_transaction;
  return answer;
}

server_result<query_answer> fake_server::write(session& s, const std::string& text) {
  authors_[text].insert(s.user);
  if (read_only) return server_error{1290, "HY000", "The server is running with the --read-only option"};
  if (no_writes_for.contains(text))
    return server_error{1290, "HY000", "The server is running with the --read-only option"};
  if (no_room_for.contains(text)) return server_error{no_room_error, "HY000", no_room_text};
  if (refused.contains(text)) return server_error{1062, "23000", "Duplicate entry"};
  if (!s.autocommit && !begins(text, "ddl")) s.in_transaction = true;
  if (begins(text, "ddl")) commit(s); // commits by itself
  const bool found = !s.changed_by.empty() && s.changed_by != text;
  const auto done = found ? text + " behind " + s.changed_by : text;
  query_answer answer;
  answer.summary.insert_id = std::exchange(s.insert_id, 0) + (other_id.contains(text) ? 1000 : 0);
  answer.changed_session = tells_changes && change_session.contains(text);
  if (answer.changed_session) s.changed_by = text;
  if (begins(text, "logged")) history_.push_back("log of " + done); // its trigger's row stays
  if (begins(text, "myisam") || !s.in_transaction)
    history_.push_back(done);
  else
    s.done.push_back(done);
  answer.summary.affected_rows = 1;
  answer.in_transaction = s.in_transaction;
  return answer;
}

query_answer fake_server::process_list() const {
  query_answer list;
  for (const auto& [id, s] : sessions_)
    if (s.alive) list.rows.push_back({std::to_string(id), s.user, "127.0.0.1:" + std::to_string(40000 + id)});
  return list;
}

void fake_server::commit(session& s) {
  history_.insert(history_.end(), s.done.begin(), s.done.end());
  if (s.inserts_row) ledger = ledger_values{};
  if (s.new_applied) ledger->applied = *s.new_applied;
  if (s.new_epoch) ledger->epoch = *s.new_epoch;
  roll_back(s);
}

void fake_server::roll_back(session& s) {
  s.done.clear();
  s.new_applied.reset();
  s.new_epoch.reset();
  s.inserts_row = s.in_transaction = s.locks_row = false;
}

void fake_server::end(session& s) {
  roll_back(s);
  s.alive = false;
}

void fake_server::rewind(std::uint64_t applied, std::size_t history_size) {
  ledger->applied = applied;
  history_.resize(history_size);
}

} // namespace holdwater::spool::test
