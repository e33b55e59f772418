#include "spool/replay_session.hpp"

#include "spool/context_sql.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace holdwater::spool {
namespace {

// Short, so that stop() is heard while another transaction holds a row: a time-out only means to try again.
constexpr char session_defaults[] = "SET autocommit = 1, innodb_lock_wait_timeout = 2";
constexpr char mariadb_defaults[] = "SET max_statement_time = 0";
constexpr unsigned packet_too_large = 1153;

std::uint64_t number_of(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

// Bytes of the largest packet that running it takes, or a little more.
std::uint64_t largest_packet(const statement& what) {
  constexpr std::uint64_t head = 32;  // of COM_STMT_EXECUTE
  constexpr std::uint64_t extra = 12; // of each value: its type, length and NULL bit
  std::uint64_t values = head;
  for (const auto& one : what.parameters)
    values += extra + (one.value && !one.long_data ? one.value->size() : 0);
  return std::max<std::uint64_t>(what.text.size() + 1, what.parameters.empty() ? 0 : values);
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
  if (!answer && classify(answer.error()) == error_class::connection_lost) broken_ = true;
  return answer;
}

server_result<query_answer> replay_session::execute(const statement& what) {
  auto answer = connection_->execute(what.text, what.parameters);
  if (!answer && classify(answer.error()) == error_class::connection_lost) broken_ = true;
  return answer;
}

server_result<void> replay_session::send(const std::string& text) {
  auto answer = query(text);
  if (!answer) return answer.error();
  return {};
}

server_result<void> replay_session::begin(const std::string& isolation) {
  if (isolation != isolation_) {
    if (const auto text = set_isolation(isolation); !text.empty())
      if (auto done = send(text); !done) return done;
    isolation_ = isolation;
  }
  return send("START TRANSACTION READ WRITE");
}

server_result<void> replay_session::rollback() {
  return send("ROLLBACK");
}

server_result<void> replay_session::use(const statement_context& wanted) {
  if (wanted.database.empty() || (context_ && context_->database == wanted.database)) return {};
  return send("USE " + quoted_name(wanted.database, wanted.character_set_client));
}

// The default database comes last: its name is written in the statement's own charset.
server_result<void> replay_session::take_context(const statement& wanted) {
  if (!context_ || *context_ != wanted.context) connection_->forget_prepared();
  auto done = send(set_context(context_, wanted));
  if (done) done = use(wanted.context);
  if (!done) {
    context_.reset();
    return done;
  }
  const auto database =
      wanted.context.database.empty() && context_ ? context_->database : wanted.context.database;
  context_ = wanted.context;
  context_->database = database;
  const auto variables = set_user_variables(wanted);
  return variables.empty() ? server_result<void>() : send(variables);
}

server_result<query_answer> replay_session::run(const statement& what) {
  // The server would answer by closing the connection, which looks like an outage.
  if (max_packet_ != 0 && largest_packet(what) > max_packet_)
    return server_error{packet_too_large, "08S01", "Got a packet bigger than 'max_allowed_packet' bytes"};
  if (spoiled() && !what.insert_id && makes_rows(what.text))
    return server_error{0, "HY000", "it would take the insert id that an earlier statement left unused"};
  if (auto done = take_context(what); !done) return done.error();
  auto answer = what.parameters.empty() ? query(what.text) : execute(what);
  if (!answer) return answer;
  if (auto noted = note_unused_insert_id(what, *answer); !noted) return noted.error();
  return answer;
}

// A set insert_id stays until a row takes it, whichever statement makes that row.
server_result<void> replay_session::note_unused_insert_id(const statement& what, const query_answer& answer) {
  if (!what.insert_id) return {};
  unused_insert_id_ = false; // this one took the place of any before
  if (answer.summary.insert_id == *what.insert_id) return {};
  auto left = query("SELECT @@insert_id");
  if (!left) return left.error();
  unused_insert_id_ = !left->rows.empty() && number_of(left->rows[0].at(0)) == *what.insert_id;
  // MariaDB takes 0 for none; MySQL would give out the id 0.
  return unused_insert_id_ && is_mariadb_ ? send("SET insert_id = 0") : server_result<void>();
}

server_result<std::optional<connection_identity>> replay_session::find(std::uint64_t id) {
  auto list = query("SHOW PROCESSLIST"); // both flavours begin with Id, User, Host
  if (!list) return list.error();
  for (const auto& process : list->rows)
    if (process.size() >= 3 && number_of(process[0]) == id)
      return std::optional(connection_identity{id, process[1].value_or(""), process[2].value_or("")});
  return std::optional<connection_identity>();
}

server_result<presence> replay_session::end(const connection_identity& other) {
  auto found = find(other.id);
  if (!found) return found.error();
  if (!*found || (*found)->host != other.host || (*found)->user != other.user) return presence::gone;
  if (other.host.find(':') == std::string::npos)
    return presence::maybe_there; // no port: it could be anybody's
  if (auto done = send("KILL " + std::to_string(other.id)); !done) return done.error();
  return presence::maybe_there;
}

} // namespace holdwater::spool
