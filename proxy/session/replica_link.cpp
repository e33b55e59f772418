// A session's connection to a replica: opened as the client's account, restored.
#include "proxy/session/replica_reads.hpp"

#include "protocol/messages.hpp"
#include "protocol/statement_commands.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/session.hpp"
#include "spool/context_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>

namespace holdwater::proxy {

using protocol::byte_buffer;
using protocol::command;
using protocol::response_tracker;

namespace {

// How long an answer may not come before it is looked whether the replica still answers its checks.
constexpr std::chrono::milliseconds patience{500};

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// Of another kind or release it would answer some reads otherwise.
bool is_alike(std::string_view version, const server_profile& server) {
  constexpr unsigned of_release = 10000;
  const auto one = protocol::parse_server_version(version);
  return one.mariadb == server.version.mariadb &&
         one.number / of_release == server.version.number / of_release;
}

// An error that says that the account may not read that.
bool is_about_rights(unsigned number) {
  constexpr std::array<unsigned, 5> about{1044, 1142, 1143, 1227, 1370};
  return std::find(about.begin(), about.end(), number) != about.end();
}

} // namespace

replica_link::replica_link(replica& at, server_link opened)
    : from(at), link(std::move(opened)), number(next_number()), losses(at.losses()), database(link.database) {
  from.opened();
}

replica_link::~replica_link() {
  if (!link.stream->closed()) say_goodbye(link);
  from.closed();
}

// The replica cannot be spoken to.
void replica_reads::give_up(std::string_view what) {
  if (!link_) return;
  auto& one = link_->from;
  link_.reset();
  trouble_ = fmt::format("the server is down, and the connection to a replica was lost ({})", what);
  one.failed();
  one.not_reached(fmt::format("a session's: {}", what));
}

// It has answered with an error.
void replica_reads::decline(std::string_view text, unsigned number) {
  trouble_ = fmt::format("the server is down, and a replica says: {} ({})", text, number);
  forbidden_ = forbidden_ || is_about_rights(number);
  link_->from.failed();
}

bool replica_reads::is_good(const replica& wanted) {
  auto& stream = *link_->link.stream;
  const bool spoke = !stream.received().empty() ||
                     (stream.maybe_readable() && stream.receive() != transport::status::blocked);
  return &link_->from == &wanted && !spoke && !stream.closed() && link_->losses == wanted.losses() &&
         link_->link.outage == asker_.process().board.view().outage && link_->link.user == asker_.login_.user;
}

// A connection on which the session is restored. False: there is none, and the reason is noted.
task<bool> replica_reads::reach(replica& one) {
  idle_.clear();
  if (link_ && !is_good(one)) close();
  const auto& wanted = asker_.state_.database();
  if (link_ && wanted.empty() && !link_->database.empty()) close(); // none can be unselected
  if (!link_) {
    co_await open(one);
    if (!link_) co_return false;
  }
  if (link_->settings == asker_.state_.reading_version() + 1) co_return true;
  co_return co_await restore();
}

task<> replica_reads::open(replica& one) {
  auto& mine = asker_;
  auto login = mine.login_;
  login.database = mine.state_.database();
  if (!login.database.empty()) login.client_capabilities |= protocol::cap::connect_with_db;
  const auto database = login.database;
  auto attempt = co_await open_replica_link(mine.home_, mine.wake_, one.place(), mine.client_end_);
  attempt.for_plain_client = mine.client_->tls() == nullptr;
  attempt.client_compression = mine.client_compression_;
  if (attempt.what == link_attempt::outcome::opened)
    co_await proxy::log_in(mine.home_, mine.wake_, attempt, login, mine.known_->password);
  const bool alike = is_alike(attempt.hello.server_version, *mine.process().profile.get());
  if (attempt.what == link_attempt::outcome::opened && alike && mine.fits(*attempt.link)) {
    one.reached();
    link_.emplace(one, std::move(*attempt.link));
    co_return;
  }
  one.failed();
  if (attempt.cannot_prove) { // MySQL asks an account that it does not have for anything
    trouble_ = "the server is down, and a replica does not know this account as the server does";
    one.refused(login.user, database);
    co_return;
  }
  if (attempt.what == link_attempt::outcome::unreachable) {
    trouble_ = "the server is down, and no replica can be reached";
    one.not_reached(fmt::format("a session's {}", attempt.problem));
    co_return;
  }
  if (attempt.what == link_attempt::outcome::opened) {
    attempt.link->stream->close();
    trouble_ = alike ? "the server is down, and a replica does not speak as it did with this client"
                     : "the server is down, and a replica is of another kind or release than it";
    one.refused(login.user, database);
    co_return;
  }
  const auto error = protocol::parse_err(attempt.refusal, login.client_capabilities);
  const spool::server_error said{error ? error->number : 0u, "", std::string(error ? error->text : "")};
  trouble_ = fmt::format("the server is down, and a replica says: {} ({})", said.text, said.number);
  if (is_about_account(said))
    one.refused(login.user, database);
  else
    one.not_reached(fmt::format("a session's login: {} ({})", said.text, said.number));
}

// Also what the session has set since: each statement sets a value, whatever it was.
task<bool> replica_reads::restore() {
  auto& mine = asker_;
  const auto version = mine.state_.reading_version() + 1;
  auto steps = mine.state_.restore_statements();
  steps.emplace_back("SET autocommit = 1"); // else the first read's moment would be that of all
  for (const auto& step : steps) {
    const auto said = co_await ask_server(mine.home_, mine.wake_, link_->link, step,
                                          mine.process().settings.server.replica_timeout);
    if (said.broken) give_up("no answer to a setting");
    if (said.broken) co_return false;
    if (said.ok) continue;
    trouble_ = fmt::format("the server is down, and a replica does not take a setting of this session: {}",
                           said.error);
    link_->from.failed();
    link_->from.refused(mine.login_.user, mine.state_.database());
    close();
    co_return false;
  }
  link_->settings = version;
  co_return true;
}

task<bool> replica_reads::enter_database(const std::string& name) {
  if (name == link_->database || name.empty()) co_return true;
  auto& mine = asker_;
  const auto step = "USE " + spool::quoted_name(name, mine.state_.context().character_set_client);
  const auto said = co_await ask_server(mine.home_, mine.wake_, link_->link, step,
                                        mine.process().settings.server.replica_timeout);
  if (said.broken) give_up("no answer to USE");
  if (said.broken) co_return false;
  if (said.ok) {
    link_->database = name;
    co_return true;
  }
  trouble_ = fmt::format("the server is down, and a replica says: {}", said.error);
  link_->from.failed();
  link_->from.refused(mine.login_.user, name);
  co_return false;
}

// On this connection, if it is not yet. False: it is of no use here.
task<bool> replica_reads::prepare(prepared_statement& one) {
  auto& mine = asker_;
  if (one.at_replica.link == link_->number) co_return true;
  byte_buffer framed;
  protocol::append_prepare(framed, one.text);
  follower_.start(command::stmt_prepare, link_->link.negotiated);
  const auto stream = link_->link.stream;
  mine.home_.deadlines().set(mine.limit_, mine.process().settings.server.replica_timeout);
  const auto sent = co_await send_all(*stream, {mine.wake_, &mine.limit_}, framed);
  mine.limit_.clear();
  if (sent != io_status::done) give_up("it took no statement");
  if (sent != io_status::done) co_return false;
  const auto how = co_await pass_over_answer();
  if (how == trip::client_gone) close();
  if (how == trip::lost) give_up("no answer to a statement that was prepared");
  if (how != trip::answered) co_return false;
  if (follower_.ended_by() == response_tracker::ending::err) {
    decline(follower_.err().text, follower_.err().number);
    co_return false;
  }
  one.at_replica = {link_->number, follower_.statement_id(), false};
  if (one.is_what(follower_, mine.negotiated_)) co_return true;
  trouble_ = "the server is down, and at a replica this statement is not what it was when it was prepared";
  forget(one);
  one.at_replica = {};
  link_->from.failed();
  co_return false;
}

// All of an answer that the client does not see.
task<session_outcomes::trip> replica_reads::pass_over_answer() {
  auto& buffer = link_->link.stream->received();
  while (follower_.current() != response_tracker::state::complete) {
    if (buffer.empty()) {
      const auto how = co_await wait_for_answer();
      if (how != trip::answered) co_return how;
    }
    const auto belongs = follower_.feed(buffer.bytes());
    if (!belongs) co_return trip::lost; // not a MySQL server's words
    buffer.consume(*belongs);
  }
  co_return trip::answered;
}

// The replica's id takes the place of the client's, and types that it has not seen go along.
byte_buffer replica_reads::execution_of(prepared_statement& one) const {
  const auto& payload = asker_.command_.payload;
  byte_buffer out(payload.begin(), payload.end());
  if (one.parameters > 0) {
    const auto where = protocol::find_parameter_types(payload, one.parameters, link_->link.negotiated);
    if (where.understood && where.sent) { // which are kept
      one.at_replica.types_sent = true;
    } else if (where.understood && !one.at_replica.types_sent && !one.types.empty()) {
      out = protocol::with_parameter_types(payload, where, one.types);
      one.at_replica.types_sent = true;
    }
  }
  const auto id = protocol::id_bytes(one.at_replica.id);
  std::copy(id.begin(), id.end(), out.begin() + protocol::statement_id_at);
  return out;
}

// Until more of an answer is in the buffer. A long query is no failure: it ends when the replica does not
// answer its checks.
task<session_outcomes::trip> replica_reads::wait_for_answer() {
  auto& mine = asker_;
  const auto stream = link_->link.stream;
  mine.home_.deadlines().set(mine.limit_, patience);
  for (;;) {
    if (interrupted_) {
      mine.limit_.clear();
      co_return trip::lost;
    }
    switch (stream->closed() || stream->maybe_readable() ? stream->receive() : transport::status::blocked) {
    case transport::status::progress: mine.limit_.clear(); co_return trip::answered;
    case transport::status::closed: mine.limit_.clear(); co_return trip::lost;
    case transport::status::blocked: break;
    }
    if (mine.limit_.expired()) {
      mine.limit_.clear();
      if (mine.client_->peer_has_left()) co_return trip::client_gone;
      if (link_->from.losses() != link_->losses) co_return trip::lost;
      mine.home_.deadlines().set(mine.limit_, patience);
    }
    stream->arm_receive();
    co_await mine.wake_.wait();
    if (mine.stopping_) co_return trip::client_gone;
  }
}

void replica_reads::forget(const prepared_statement& closed) {
  if (link_ && closed.at_replica.link == link_->number) link_->closed.push_back(closed.at_replica.id);
}

void replica_reads::hang_up() {
  if (link_) link_->link.stream->hang_up();
}

// ... and is then told to the replica with the goodbye alone, or by the next command.
bool replica_reads::rest() {
  if (!link_) return false;
  auto& mine = asker_;
  if (mine.process().board.view().answers() || idle_.expired()) {
    idle_.clear();
    close();
    return false;
  }
  if (!idle_.set()) mine.home_.deadlines().set(idle_, mine.process().settings.pool.idle_timeout);
  mine.home_.wait_for_state(mine.wake_);
  return true;
}

} // namespace holdwater::proxy
