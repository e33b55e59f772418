#include "proxy/session/session.hpp"

#include "protocol/statement_commands.hpp"
#include "proxy/server/monitor.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/known_reads.hpp"
#include "proxy/session/own_reads.hpp"
#include "proxy/session/replica_reads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

namespace holdwater::proxy {

using protocol::command;

namespace {

// How long a client may take to send a command that is collected: at most spool.max_statement_bytes.
constexpr std::chrono::seconds collect_limit{120};

// The least that a server's wait_timeout can be: a connection lost before that was not lost to it.
constexpr std::chrono::seconds shortest_timeout{1};

// MySQL forgets the login's character set at a COM_RESET_CONNECTION, and takes its own.
void take_server_names(session_state& state, const server_profile* profile, protocol::sql::analysis& found) {
  const auto* own = profile ? profile->named(state.context().collation_server) : nullptr;
  if (!own || profile->version.mariadb) return;
  const auto text = fmt::format("SET NAMES {} COLLATE {}", own->character_set, own->name);
  found.analyze(text, state.dialect());
  state.assign_here(found.first());
}

} // namespace

session::session(worker& home, stream_socket::native_handle_type client, std::optional<bool> accepted,
                 bool inner)
    : home_(home), inner_(inner),
      client_(std::make_shared<transport>(home.loop().sockets(), client, wake_, accepted)) {
  state_.statements.set_limit(process().settings.session.max_remembered_statement_bytes);
  if (process().replicas) replicas_ = std::make_shared<replica_reads>(*this);
  if (process().own) own_ = std::make_shared<own_reads>(*this);
}

// The life of a session.
task<> session::run() {
  const auto soon = [weak = weak_from_this(), &loop = home_.loop()](auto what) {
    return [what, weak, &home = loop] {
      home.post([what, weak] {
        if (const auto self = weak.lock()) what(*self);
      });
    };
  };
  record_ = process().connections->enter(soon([](session& mine) { mine.stop(); }), soon([](session& mine) {
                                           if (mine.replicas_) mine.replicas_->interrupt();
                                         }));
  connection_id_ = record_->id;
  bool goes_on = co_await log_in();
  entered_ = goes_on;
  rests_since_ = home_.deadlines().now();
  while (goes_on) {
    goes_on = co_await read_command();
    if (goes_on && is_unwelcome()) {
      co_await answer_error(client_error::stopping, "Holdwater is stopping: the statement was not executed");
      goes_on = false;
    }
    if (!goes_on) give_back_link();
    if (goes_on) goes_on = co_await serve_command();
  }
  if (own_) own_->end_session();
  if (quits_) give_back_link();
  leave_lent_link();
  leave_server();
  if (replicas_) replicas_->close();
  client_->close();
}

// Both ends are hung up; the coroutine notices and ends in order.
void session::stop() {
  stopping_ = true;
  client_->hang_up();
  if (link_) link_->stream->hang_up();
  if (greeted_) greeted_->link->stream->hang_up();
  if (replicas_) replicas_->hang_up();
  wake_.notify();
}

void session::take_leave() {
  if (!entered_ && home_.leaving() == leave_taking::all) return stop();
  wake_.notify();
}

// Between two commands: whether nothing is lost by ending here. What a transaction has done would be, and
// what lives on the server's connection alone is only given up by who has been silent.
bool session::may_leave() const {
  const auto how = home_.leaving();
  if (how == leave_taking::none) return false;
  if (!client_->received().bytes().empty() || state_.in_transaction() || state_.collected.open())
    return false;
  const std::chrono::seconds silence(state_.unrestorable().empty() ? 1 : 3);
  return home_.deadlines().now() - rests_since_ >= silence;
}

// The end has come to those that are busy: a clear word is better than a connection that is lost.
bool session::is_unwelcome() const {
  return home_.leaving() == leave_taking::all && !state_.in_transaction() && !state_.collected.open() &&
         state_.unrestorable().empty() && command_.code != command::quit;
}

// Until the next command is at the front of the client's buffer, whole or as much of it as is ever buffered.
// Meanwhile both sides are watched: a server that hangs up is noticed before the next statement is sent to
// it.
task<bool> session::read_command() {
  limit_.clear();
  if (look_at_command() && client_->turn_is_over()) { // it has sent many ahead
    client_->arm_receive();
    co_await wake_.wait();
  }
  bool moved = false; // the client has sent a part of a command
  while (!look_at_command()) {
    if (client_->closed() || stopping_ || limit_.expired()) co_return false;
    if (client_->maybe_readable()) {
      const auto got = client_->receive();
      if (got == transport::status::progress) {
        moved = true;
        continue;
      }
      if (got == transport::status::closed) co_return false;
    }
    if (may_leave()) co_return false;
    check_idle_link();
    if (client_->closed()) co_return false; // what was lost with the server's connection cannot be restored
    if (!link_ && !known_) co_return false; // a relayed account cannot log in again without its client
    client_->received().rest();
    if (link_) link_->stream->received().rest();
    if (link_ && home_.shares_links() && lend_link()) {
      co_await learn_the_rest();
      continue;
    }
    if (std::exchange(moved, false)) // nearly always the command is there, and nobody has to wait for it
      home_.deadlines().set(limit_, pace("net_read_timeout", process().settings.net_read_timeout));
    const bool rests = replicas_ && replicas_->rest();
    client_->arm_receive();
    co_await wake_.wait();
    if (rests) home_.forget_state(wake_);
  }
  limit_.clear();
  if (home_.shares_links()) lend_limit_.clear();
  co_return true;
}

bool session::look_at_command() {
  const auto bytes = client_->received().bytes();
  if (bytes.size() < protocol::packet_header_size) return false;
  const auto header = protocol::read_packet_header(bytes.data());
  const auto wire_size = protocol::packet_header_size + header.payload_size;
  const bool whole = bytes.size() >= wire_size && header.payload_size < protocol::max_packet_payload;
  if (!whole && !client_->received().at_limit()) return false;
  command_.sequence = header.sequence;
  command_.whole = whole;
  command_.wire_size = whole ? wire_size : bytes.size();
  command_.payload =
      bytes.subspan(protocol::packet_header_size, command_.wire_size - protocol::packet_header_size);
  command_.code = command_.payload.empty() ? command::sleep : static_cast<command>(command_.payload[0]);
  return true;
}

// One command, from the decision to the answer. False ends the session.
task<bool> session::serve_command() {
  held_ = false;
  if (lent_ != 0) take_back_link();
  bool unwanted = false;
  if (sent_away_) unwanted = co_await server_sent_away();
  if (unwanted) co_return false;
  const auto began = home_.deadlines().now();
  auto next = verdict::decide_again;
  while (next == verdict::decide_again) {
    drop_stale_link();
    if (known_) state_.follow_defaults(process().profile.changes(), process().writes ? &to_learn_ : nullptr);
    if (state_.collected.open()) co_await settle_collected();
    if (stale_ && !state_.collected.open() && !(link_ && state_.in_transaction())) stale_ = false;
    // What is answered from here on is not what the old connection, should it live, would go on with.
    if (link_ && held_out() && server_is_suspect()) drop_link();
    if (stopping_ || client_->closed()) co_return false;
    const auto server = command_.decided_in = process().board.view();
    const bool here =
        transaction_lost_ || stale_ || state_.collected.open() || server.state != server_state::up;
    if (here && !command_.whole && !command_.spent) { // it may be answered without the server
      next = co_await collect_command();
      if (next != verdict::decide_again) break;
    }
    const auto facts = describe(!here);
    if (here && !command_.sought && (may_seek(facts, server) || (own_ && own_->may_show(facts, server)))) {
      co_await seek_behind_memory();
      continue;
    }
    const auto chosen = decide(facts, look_around(facts, server));
    next = co_await act(chosen, facts);
    if (next != verdict::decide_again) measure(facts, chosen.what, began);
  }
  hold_limit_.clear();
  state_.statements.keep_unseen_types(command_, negotiated_);
  spend_command();
  if (own_) own_->end_command();
  command_ = {};
  rests_since_ = home_.deadlines().now();
  co_return next == verdict::next_command && !stopping_ && !client_->closed();
}

task<session::verdict> session::act(const decision& chosen, const command_facts& facts) {
  const bool later = chosen.what == action::hold || chosen.what == action::wait_for_drain;
  if (chosen.what != action::forward && !later) state_.statements.keep_unseen_types(command_, negotiated_);
  switch (chosen.what) {
  case action::forward: command_.noted = chosen.note; co_return co_await forward(facts);
  case action::open_snapshot: co_return co_await open_snapshot();
  case action::spool: co_return co_await spool_write();
  case action::collect: co_return co_await collect_write();
  case action::spool_several: co_return co_await spool_several();
  case action::commit_collected: co_return co_await commit_collected();
  case action::rollback_collected: co_return co_await rollback_collected();
  case action::put_on_server: co_return co_await put_on_server();
  case action::ask_replica: co_return co_await replicas_->ask(facts);
  case action::hold: co_await hold_while(&session::suspicion_stands); co_return verdict::decide_again;
  case action::wait_for_drain:
    co_await hold_while(&session::server_is_draining);
    co_return verdict::decide_again;
  default: co_return co_await carry_out(chosen) ? verdict::next_command : verdict::end_session;
  }
}

// The actions that need no server.
task<bool> session::carry_out(const decision& chosen) {
  switch (chosen.what) {
  case action::answer_ok: transaction_lost_ = false; co_return co_await answer_ok();
  case action::begin_collected: co_return co_await begin_collected();
  case action::savepoint_collected: co_return co_await savepoint_collected();
  case action::fail_transaction: co_return co_await fail_transaction(chosen.error, chosen.reason);
  case action::answer_read: co_return co_await answer_read();
  case action::answer_cached: co_return co_await answer_cached();
  case action::prepare_locally: co_return co_await prepare_locally();
  case action::deallocate_locally: co_return co_await deallocate_locally();
  case action::reset_statement: co_return co_await reset_statement();
  case action::keep_long_data: keep_long_data(); co_return true;
  case action::set_locally: co_return co_await set_locally();
  case action::use_locally: co_return co_await use_locally();
  case action::kill_locally: co_return co_await kill_locally();
  case action::reset_locally:
    if (replicas_) replicas_->close();
    transaction_lost_ = false;
    login_.database = state_.database();
    state_.begin(login_, process().profile.get());
    take_server_names(state_, process().profile.get().get(), home_.analysis());
    last_insert_id_ = 0;
    said_.clear();
    co_return co_await answer_ok();
  case action::ignore: forget_unsent(); co_return true;
  case action::refuse:
    process().counters.commands_refused.fetch_add(1, std::memory_order_relaxed);
    co_return co_await answer_error(chosen.error, chosen.reason);
  case action::lose_transaction: co_return co_await tell_lost_transaction();
  default: quits_ = true; co_return false; // quit
  }
}

command_facts session::describe(bool up) {
  if (command_.code == command::stmt_prepare && command_.payload.size() > 1) {
    const auto before = looked_at_;
    looked_at_ = 0;
    notice_words(protocol::as_text(command_.payload.subspan(1)));
    looks_prepared_ = looks_prepared_ || looked_at_ != 0;
    looked_at_ = std::max(before, looked_at_);
  }
  if (command_.code == command::stmt_execute && looks_prepared_) looked_at_ = process().connections->now();
  auto facts = describe_command(command_.code);
  if (command_.code == command::query) {
    const auto query = query_text();
    if (!query) { // its attributes alone are larger than what is ever buffered
      command_facts unseen{.code = command::query, .understood = false};
      unseen.untraceable = unseen.written.any = true;
      unseen.written.only_adds = false;
      return unseen;
    }
    const bool alone = !state_.more_statements.value_or((negotiated_ & protocol::cap::multi_statements) != 0);
    const bool plain = up && command_.whole && !said_.stands() && // else its words matter
                       process().settings.rules.empty();          // which look at its numbers, too
    if (const auto* known = plain ? known_read(query->text) : nullptr) return *known;
    facts = describe_query(query->text, command_.whole, alone, state_, home_.analysis());
    const bool looked = notice_ids(query->text);
    if (plain && !looked) home_.reads().remember(facts, state_.dialect());
  }
  apply_rules(facts);
  if (command_.code == command::stmt_execute || facts.kind == protocol::sql::kind::execute)
    facts.kills = executes_kill();
  if (facts.kind == protocol::sql::kind::execute) {
    const auto name = lower_name(home_.analysis().first().subject);
    const auto* one = state_.statements.find(std::string_view(name));
    facts.changes_logins = one ? one->facts.changes_logins : !state_.restorable();
  }
  if (!up) look_at_write(facts);
  if (up && said_.apart && protocol::executes_statement(command_.code)) {
    const auto* one = state_.statements.find(protocol::statement_id_of(command_.payload));
    if (one && one->kept && one->facts.looks_back) {
      home_.analysis().analyze(one->text, state_.dialect());
      facts.asks_back = has(home_.analysis().first().traits, protocol::sql::trait::connection_value);
    }
  }
  return facts;
}

// While idle, the server may only hang up; a word of farewell (an ERR packet) before it means the same.
void session::check_idle_link() {
  if (!link_) return;
  auto& stream = *link_->stream;
  const bool spoke = !stream.received().empty(); // behind its last answer, or out of turn
  if (spoke || (stream.maybe_readable() && stream.receive() != transport::status::blocked)) {
    const auto age = std::chrono::steady_clock::now() - link_->opened;
    if (!process().writes && age >= shortest_timeout) sent_away_ = link_->opened;
    drop_link();
  } else
    stream.arm_receive();
}

void session::drop_link() {
  if (!link_) return;
  ++command_.links_lost;
  if (record_->doomed.load(std::memory_order_acquire)) { // a KILL ended it: the client goes with it
    link_.reset();
    return client_->close();
  }
  if (state_.in_transaction()) transaction_lost_ = true;
  if (state_.collected.reading()) state_.collected.forget();
  process().watch.ask_for_check();
  state_.status = static_cast<std::uint16_t>(state_.status & ~protocol::server_status::in_trans);
  link_->stream->close();
  link_.reset();
  state_.statements.lost_connection();
  if (known_) state_.lose_defaults(process().profile.changes());
  // A direct client would lose its connection now, and with it what cannot be restored.
  if (!state_.restorable()) client_->close();
}

// The end of a session that has nothing against its server. A goodbye is passed on; a client that vanished
// vanishes there too, and is counted as aborted: without a word of TLS either, since a server takes a client
// that has sent something for one that is still there, and goes on with its statement.
void session::leave_server() {
  if (!link_) return;
  if (quits_)
    say_goodbye(*link_);
  else
    link_->stream->vanish();
  link_.reset();
}

// Takes the command's bytes out of the client's buffer: what follows is the client's next word.
void session::spend_command() {
  if (!client_->closed()) client_->received().consume(command_.wire_size);
  command_.wire_size = 0;
  command_.payload = {};
  command_.spent = true;
  if (!collected_.empty()) collected_ = {};
}

// A command larger than the buffer, while the server may not be there to stream it to: it is read whole.
task<session::verdict> session::collect_command() {
  message whole;
  const auto statement = protocol::statement_id_of(command_.payload); // should it name one
  state_.statements.keep_unseen_types(command_, negotiated_);
  home_.deadlines().set(limit_, collect_limit);
  const auto status = co_await read_message(
      *client_, {wake_, &limit_}, process().settings.spool.max_statement_bytes, whole, excess::swallow);
  limit_.clear();
  command_.sequence = whole.sequence;
  command_.wire_size = 0;
  if (status == io_status::too_large) {
    process().counters.commands_refused.fetch_add(1, std::memory_order_relaxed);
    command_.spent = true;
    if (command_.code == command::stmt_send_long_data) { // it has no answer: the execute is told
      lose_long_data(statement);
      co_return verdict::next_command;
    }
    const bool told = co_await answer_error(
        client_error::packet_too_large, "this statement is too large to be kept until the server takes it");
    co_return told ? verdict::next_command : verdict::end_session;
  }
  if (status != io_status::done) co_return verdict::end_session;
  collected_ = std::move(whole.payload);
  command_.payload = collected_;
  command_.whole = command_.collected = true;
  command_.types_seen = false; // more of them may be here
  co_return verdict::decide_again;
}

} // namespace holdwater::proxy
