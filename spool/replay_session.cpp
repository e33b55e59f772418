#include "spool/replay_session.hpp"

#include "spool/context_sql.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace holdwater::spool {
namespace {

// Short, so that stop() is heard while another transaction holds a row: a time-out only means to try again.
// Without autocommit, what is on its way when the server rolls back by itself (deadlock) is not committed
// either.
constexpr char session_defaults[] = "SET autocommit = 0, innodb_lock_wait_timeout = 2";
constexpr char wait_shortly[] = "SET innodb_lock_wait_timeout = 2";
constexpr char wait_as_clients_do[] = "SET innodb_lock_wait_timeout = DEFAULT";
constexpr char no_insert_id[] =
    "SET insert_id = 0"; // MariaDB takes 0 for none; MySQL would give out the id 0
constexpr char mariadb_defaults[] = "SET max_statement_time = 0";
// An old server that cannot is believed never to have such triggers.
constexpr char tell_of_changes[] = "SET session_track_state_change = 1";
// The server's errors are told from a SIGNAL's by their words.
constexpr char speak_english[] = "SET lc_messages = 'en_US'";
constexpr unsigned packet_too_large = 1153;
// Their answers have room in any socket's buffer, and so has what is sent.
constexpr std::size_t flight_statements = 64;
constexpr std::size_t flight_bytes = 64 << 10;

std::uint64_t number_of(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

// Too often true at worst.
bool makes_rows(std::string_view text) {
  const auto holds = [&](std::string_view word) {
    return std::search(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) {
             return std::tolower(static_cast<unsigned char>(a)) == b;
           }) != text.end();
  };
  return holds("insert") || holds("replace");
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Behind spaces and comments; a comment that the server may execute is left, and is no verb.
std::string_view first_word(std::string_view text) {
  while (!text.empty()) {
    if (is_space(text.front())) {
      text.remove_prefix(1);
    } else if (text.starts_with("/*") && !text.starts_with("/*!") && !text.starts_with("/*M!")) {
      const auto end = text.find("*/", 2);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    } else {
      break;
    }
  }
  return text.substr(0, text.find_first_of(" \t\n\v\f\r/`"));
}

// Certainly none that commits by itself.
bool changes_rows_only(const statement& what) {
  constexpr std::string_view verbs[] = {"insert", "replace", "update", "delete"};
  const auto word = first_word(what.text);
  return std::any_of(std::begin(verbs), std::end(verbs),
                     [&](std::string_view verb) { return boost::algorithm::iequals(word, verb); });
}

std::size_t size_of(const statement& what) {
  constexpr std::size_t beside = 3; // of each value: its type, whether it is NULL
  std::size_t size = what.parameters.empty() ? what.text.size() : 0;
  for (const auto& one : what.parameters) size += beside + (one.value ? one.value->size() : 0);
  return size;
}

// MySQL takes a user variable's type from when the text is prepared.
bool means_what_its_variables_mean(const statement& what, bool is_mariadb) {
  return !is_mariadb && !what.user_variables.empty() && !what.parameters.empty() &&
         what.text.find('@') != std::string::npos;
}

} // namespace

server_result<std::unique_ptr<replay_session>>
replay_session::open(const connector& connect, const credentials& account, const patience& how_long) {
  auto connection = connect(account);
  if (!connection) return connection.error();
  (*connection)->be_patient(how_long);
  std::unique_ptr<replay_session> session(new replay_session(std::move(*connection)));
  if (auto done = session->set_up(account.user); !done) return done.error();
  return session;
}

server_result<void> replay_session::set_up(const std::string& user) {
  if (auto done = send(session_defaults); !done) return done;
  is_mariadb_ = connection_->server_version().find("MariaDB") != std::string::npos;
  if (is_mariadb_)
    if (auto done = send(mariadb_defaults); !done) return done;
  for (const auto* what_old_servers_refuse : {tell_of_changes, speak_english})
    if (auto told = send(what_old_servers_refuse); is_lost(told)) return told;
  auto limits = query("SELECT CONNECTION_ID(), @@max_allowed_packet");
  if (!limits) return limits.error();
  if (limits->rows.empty()) return server_error{0, "", "the server did not tell the connection's id"};
  identity_ = {number_of(limits->rows[0].at(0)), user, ""};
  max_packet_ = number_of(limits->rows[0].at(1));
  auto self = find(identity_.id);
  if (!self) return self.error();
  if (*self) identity_ = **self;
  return {};
}

server_result<query_answer> replay_session::query(std::string_view text) {
  auto answer = connection_->query(text);
  broken_ = broken_ || is_lost(answer);
  return answer;
}

server_result<query_answer> replay_session::execute(const statement& what) {
  auto answer = connection_->execute(what.text, what.parameters);
  broken_ = broken_ || is_lost(answer);
  return answer;
}

server_result<void> replay_session::send(const std::string& text) {
  auto answer = query(text);
  if (!answer) return answer.error();
  return {};
}

server_result<void> replay_session::wait_longer() {
  waits_longer_ = true;
  return send(wait_as_clients_do);
}

server_result<void> replay_session::begin(const std::string& isolation) {
  if (waits_longer_)
    if (auto done = send(wait_shortly); !done) return done;
  waits_longer_ = false;
  if (isolation != isolation_) {
    if (const auto text = set_isolation(isolation); !text.empty())
      if (auto done = send(text); !done) return done;
    isolation_ = isolation;
  }
  return send("START TRANSACTION READ WRITE");
}

// Source: MySQL, MariaDB "ROLLBACK": warning 1196, some non-transactional changed tables couldn't be rolled
// back.
server_result<undone> replay_session::rollback() {
  auto done = query("ROLLBACK");
  if (!done) return done.error();
  const auto how = done->summary.warnings == 0 ? undone::wholly : undone::in_part;
  if (!open_insert_id_) return how;
  open_insert_id_ = false;
  if (is_mariadb_) {
    if (auto set = send(no_insert_id); !set) return set.error();
    return how;
  }
  auto left = query("SELECT @@insert_id");
  if (!left) return left.error();
  unused_insert_id_ = !left->rows.empty() && number_of(left->rows[0].at(0)) != 0;
  return how;
}

// What sets the session up for a statement, in order. The default database comes behind the character set
// that its name is written in.
std::vector<std::string> replay_session::context_texts(const statement& wanted) const {
  std::vector<std::string> texts;
  statement strange;
  for (auto& name : names_to_leave(wanted)) strange.user_variables.push_back({std::move(name), "NULL"});
  if (!strange.user_variables.empty()) texts.push_back(set_user_variables(strange));
  texts.push_back(set_context(context_, wanted));
  const auto& database = wanted.context.database;
  if (!database.empty() && (!context_ || context_->database != database))
    texts.push_back("USE " + quoted_name(database, wanted.context.character_set_client));
  statement variables;
  variables.user_variables = differing_variables(wanted);
  if (!variables.user_variables.empty()) texts.push_back(set_user_variables(variables));
  return texts;
}

// Of the variables that are set here those whose names cannot be said any more in the statement's character
// set: they go before it is taken.
std::vector<std::string> replay_session::names_to_leave(const statement& wanted) const {
  std::vector<std::string> out;
  if (!context_ || context_->character_set_client == wanted.context.character_set_client) return out;
  for (const auto& [name, here] : variables_)
    if (here.literal != "NULL" && !is_ascii(name) && here.character_set == context_->character_set_client)
      out.push_back(name);
  return out;
}

// First those that the statement's session has not: a name may be here in another case, or with another
// accent, which the server takes for the same one, so that what is as wanted is said anew behind them.
std::vector<user_variable> replay_session::differing_variables(const statement& wanted) const {
  std::vector<user_variable> out;
  for (const auto& [name, here] : variables_) {
    const auto is_it = [&name = name](const user_variable& one) { return one.name == name; };
    if (here.literal == "NULL" || std::ranges::any_of(wanted.user_variables, is_it)) continue;
    if (is_ascii(name) || here.character_set == wanted.context.character_set_client)
      out.push_back({name, "NULL"});
  }
  const bool unsure = std::ranges::any_of(variables_, [](const auto& one) { return !is_ascii(one.first); });
  for (const auto& one : wanted.user_variables)
    if (const auto here = variables_.find(one.name);
        unsure || here == variables_.end() || here->second.literal != one.literal)
      out.push_back(one);
  return out;
}

void replay_session::note_context(const statement& taken) {
  for (const auto& name : names_to_leave(taken)) variables_.erase(name);
  for (auto& one : differing_variables(taken))
    variables_[one.name] = {std::move(one.literal), taken.context.character_set_client};
  changed_ = changed_ || !suits(taken.context.settings);
  settings_ = taken.context.settings;
  untouched_ = false;
  auto database = taken.context.database;
  if (database.empty() && context_) database.swap(context_->database);
  context_ = taken.context;
  context_->database = std::move(database);
}

void replay_session::forget_context() {
  context_.reset();
  changed_ = changed_ || !settings_.empty(); // or some of them
  for (auto& [name, here] : variables_) {
    here.literal.clear();
    changed_ = changed_ || !is_ascii(name); // which character set to say it in is not known any more
  }
}

server_result<void> replay_session::take_context(const statement& wanted) {
  if (!context_ || *context_ != wanted.context || means_what_its_variables_mean(wanted, is_mariadb_))
    connection_->forget_prepared();
  for (const auto& text : context_texts(wanted))
    if (auto done = send(text); !done) {
      note_context(wanted); // its variables may be there
      forget_context();
      return done;
    }
  note_context(wanted);
  return {};
}

// What must not be sent at all.
std::optional<server_error> replay_session::refused_here(const statement& what) const {
  // The server would answer by closing the connection, which looks like an outage.
  if (max_packet_ != 0 && largest_packet(what) > max_packet_)
    return server_error{packet_too_large, "08S01", "Got a packet bigger than 'max_allowed_packet' bytes"};
  if (spoiled() && !what.insert_id && makes_rows(what.text))
    return server_error{0, "HY000", "it would take the insert id that an earlier statement left unused"};
  return std::nullopt;
}

server_result<query_answer> replay_session::run(const statement& what) {
  if (auto why = refused_here(what)) return *why;
  if (auto done = take_context(what); !done) return done.error();
  auto answer = what.parameters.empty() ? query(what.text) : execute(what);
  if (!answer) open_insert_id_ = what.insert_id.has_value() || open_insert_id_;
  if (!answer) return answer;
  changed_ = changed_ || answer->changed_session;
  if (auto noted = note_unused_insert_id(what, *answer); !noted) return noted.error();
  return answer;
}

// context_ goes ahead of the server here: what comes next is put together as if all of these had gone well.
std::size_t replay_session::launch(std::span<const statement* const> all) {
  flight next;
  for (const auto* what : all)
    if (!board(next, *what)) break;
  if (next.ends.empty()) return 0;
  if (next.changes_context) connection_->forget_prepared();
  connection_->send_each(next.steps);
  next.steps.clear();
  in_air_.push_back(std::move(next));
  return in_air_.back().ends.size();
}

// In a flight that changes the context nothing is executed that was prepared before it.
bool replay_session::board(flight& to, const statement& what) {
  if (to.ends.size() == flight_statements || !changes_rows_only(what) || refused_here(what)) return false;
  const bool same_context = context_ && *context_ == what.context;
  const bool bound = !what.parameters.empty();
  if (means_what_its_variables_mean(what, is_mariadb_)) return false;
  if (bound && (!same_context || to.changes_context || !connection_->can_send(what.text, what.parameters)))
    return false;
  if (!same_context && to.executes) return false;
  auto texts = context_texts(what);
  std::size_t bytes = size_of(what);
  for (const auto& text : texts) bytes += text.size();
  if (to.bytes + bytes > flight_bytes) return false;
  if (open_insert_id_ && !what.insert_id) {
    if (!is_mariadb_) return false; // whether a row took the id must be known first
    to.steps.push_back({no_insert_id});
    open_insert_id_ = false;
  }
  for (auto& text : texts) to.steps.push_back({std::move(text)});
  to.steps.push_back({what.text, bound ? &what.parameters : nullptr});
  to.bytes += bytes;
  to.executes = to.executes || bound;
  to.changes_context = to.changes_context || !same_context;
  note_context(what);
  open_insert_id_ = what.insert_id.has_value();
  to.ends.push_back(to.steps.size());
  to.last = &what;
  return true;
}

std::vector<server_result<query_answer>> replay_session::land() {
  const auto arriving = std::move(in_air_.front());
  in_air_.pop_front();
  auto answers = connection_->read_each(arriving.ends.back());
  std::vector<server_result<query_answer>> out;
  std::size_t at = 0;
  for (const auto end : arriving.ends) {
    while (at + 1 < end && answers.at(at)) ++at;
    out.push_back(std::move(answers[at]));
    if (!out.back()) {
      broken_ = broken_ || is_lost(answers.back());
      ground();
      return out;
    }
    changed_ = changed_ || out.back()->changed_session;
    ++at;
  }
  if (in_air_.empty() && open_insert_id_) {
    open_insert_id_ = false;
    if (auto noted = note_unused_insert_id(*arriving.last, *out.back()); !noted) out.back() = noted.error();
  }
  return out;
}

void replay_session::ground() {
  for (; !in_air_.empty(); in_air_.pop_front()) {
    if (broken_) continue;
    broken_ = is_lost(connection_->read_each(in_air_.front().ends.back()).back());
  }
  forget_context();
  open_insert_id_ = true; // what failed may have left its own; rollback() sees to it
}

// A set insert_id stays until a row takes it, whichever statement makes that row.
server_result<void> replay_session::note_unused_insert_id(const statement& what, const query_answer& answer) {
  if (!what.insert_id) return {};
  unused_insert_id_ = false; // this one took the place of any before
  if (answer.summary.insert_id == *what.insert_id) return {};
  auto left = query("SELECT @@insert_id");
  if (!left) return left.error();
  unused_insert_id_ = !left->rows.empty() && number_of(left->rows[0].at(0)) == *what.insert_id;
  return unused_insert_id_ && is_mariadb_ ? send(no_insert_id) : server_result<void>();
}

server_result<std::optional<connection_identity>> replay_session::find(std::uint64_t id) {
  auto list = query("SHOW PROCESSLIST"); // both flavours begin with Id, User, Host
  if (!list) return list.error();
  for (const auto& process : list->rows)
    if (process.size() >= 3 && number_of(process[0]) == id)
      return std::optional(connection_identity{id, process[1].value_or(""), process[2].value_or("")});
  return std::optional<connection_identity>();
}

server_result<presence> replay_session::kill(const char* what, const connection_identity& other) {
  auto found = find(other.id);
  if (!found) return found.error();
  if (!*found || (*found)->host != other.host || (*found)->user != other.user) return presence::gone;
  if (other.host.find(':') == std::string::npos)
    return presence::maybe_there; // no port: it could be anybody's
  if (auto done = send(what + std::to_string(other.id)); !done) return done.error();
  return presence::maybe_there;
}

server_result<presence> replay_session::end(const connection_identity& other) {
  return kill("KILL ", other);
}

server_result<presence> replay_session::end_statement_of(const connection_identity& other) {
  return kill("KILL QUERY ", other);
}

} // namespace holdwater::spool
