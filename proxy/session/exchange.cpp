// Forwarding: a command's trip to the server and its answer's way back, byte for byte, in bounded memory.
// What its end means is in conclude.cpp.
#include "proxy/server/monitor.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/session.hpp"

#include "protocol/message_walker.hpp"
#include "protocol/statement_commands.hpp"

namespace holdwater::proxy {

namespace sql = protocol::sql;

using protocol::answer_kind;
using protocol::byte_span;
using protocol::command;
using protocol::response_tracker;

namespace {

// How long a statement may wait for its first byte before the monitor is asked whether the server answers at
// all.
constexpr std::chrono::seconds patience{1};

// How often a server connection may be lost over one command before its client is told. One that is closed
// by each statement is no outage: the checks are answered.
constexpr unsigned most_links_lost = 10;

// An answer to COM_STMT_PREPARE up to the statement's id, with its packet's header.
constexpr std::size_t prepared_head = protocol::packet_header_size + 5;

// Before the client has its answer, and logs in anew.
void tell_of_changed_logins(services& process, bool sets_globals) {
  process.counters.server_changes.fetch_add(1, std::memory_order_release);
  if (!sets_globals) return;
  process.profile.changes().set_seen();
  process.watch.ask_for_check();
}

} // namespace

task<session::verdict> session::forward(const command_facts& facts) {
  const bool needs_link = home_.shares_links() && process().board.view().state == server_state::up;
  if (command_.code == command::change_user && (link_ || !needs_link)) co_return co_await change_user();
  check_idle_link(); // costs nothing unless the server has said something since
  if (client_->closed()) co_return verdict::end_session;
  if (command_.links_lost > most_links_lost) co_return co_await give_up_server();
  if (!link_) { // connecting took its time: the server's state may be another by now
    const auto linked = co_await ensure_link();
    co_return link_ ? verdict::decide_again : linked;
  }
  command_.single = facts.single;
  command_.changes_logins = facts.changes_logins;
  command_.sets_globals = facts.changes_logins &&
                          (!facts.single || facts.kind == sql::kind::set || facts.kind == sql::kind::execute);
  command_.finds_rows = facts.finds_rows;
  command_.repeatable = facts.repeatable;
  command_.stays = facts.stays_in_transaction;
  // Its first SELECT has failed. What tells of the failure is not disturbed.
  if (link_->start.found_rows_are_old() && facts.single && (facts.write || facts.kind == sql::kind::select))
    link_->start.owe(forget_found_rows(*link_));
  if (!to_learn_.empty() && !with_statement(facts).looks_back) {
    co_await learn_variables();
    co_return verdict::decide_again; // in another sql_mode it is perhaps another statement
  }
  if (id_owed_) {
    const bool told = co_await tell_insert_id();
    if (!told) co_return verdict::decide_again;
  }
  if (state_.statements.mapped() && protocol::names_statement(command_.code)) {
    const auto done = co_await ready_statement();
    if (done) co_return *done;
  }
  kill_plan kill;
  if (facts.kills) {
    rewritten_.clear();
    kill = plan_kill();
    const bool server_knows = kill.order.what == kill_order::course::pass || !rewritten_.empty();
    if (facts.single && (kill.order.what == kill_order::course::unknown ||
                         kill.order.what == kill_order::course::local || !server_knows)) {
      rewritten_.clear();
      co_return co_await kill_without_server(kill);
    }
  }
  const auto how = co_await exchange_with_server(facts);
  limit_.clear();
  if (facts.finds_rows && link_ && how == trip::answered &&
      tracker_.ended_by() != response_tracker::ending::err)
    link_->start.found_rows();
  if (facts.kills) settle_kill(kill, how == trip::answered);
  rewritten_.clear();
  co_return co_await conclude(how, facts);
}

task<session::verdict> session::give_up_server() {
  if (!command_.is_answered()) {
    forget_unsent();
    co_return verdict::next_command;
  }
  const bool told =
      co_await answer_error(client_error::needs_server,
                            "the server closes each connection before it answers; nothing was carried out");
  co_return told ? verdict::next_command : verdict::end_session;
}

task<session::trip> session::exchange_with_server(const command_facts& facts) {
  const auto kind = protocol::answer_of(command_.code);
  // COM_STMT_EXECUTE: the cursor types are the lowest three bits behind the statement's id
  const bool cursor = command_.payload.size() > 5 && (command_.payload[5] & 7) != 0;
  tracker_.start(command_.code, link_->negotiated, cursor);
  if (hides_changes() && kind != answer_kind::stream) tracker_.hide_changes();
  if (outlives_reset(command_.code)) link_->tainted = true;
  translated_.clear();
  if (protocol::names_statement(command_.code)) follow_statement();
  begin_copy(facts);
  // A kept connection's reset goes along with a plain command.
  const bool along = command_.whole && !command_.collected && translated_.empty() && rewritten_.empty() &&
                     kind != answer_kind::nothing && kind != answer_kind::stream &&
                     link_->compression == protocol::compression::none;
  if (link_->start.unsaid() && !along) {
    const bool settled = co_await settle(home_, wake_, *link_);
    if (!settled) co_return trip::not_sent;
  }
  // The server may have gone away while something was asked of it for this command.
  if (link_->outage != process().board.view().outage) co_return trip::not_sent;
  auto sent = trip::answered;
  if (!command_.whole)
    sent = co_await stream_command();
  else if (command_.collected || !translated_.empty() || !rewritten_.empty()) {
    const auto& other = rewritten_.empty() ? translated_ : rewritten_;
    const byte_span payload = other.empty() ? command_.payload : byte_span(other);
    sent = co_await send_framed(payload);
  } else {
    auto bytes = client_->received().bytes().first(command_.wire_size);
    // Nearly always the server takes it at once.
    const bool all =
        !link_->start.unsaid() && link_->stream->send(bytes) == transport::status::progress && bytes.empty();
    if (!all) sent = co_await send_command(bytes);
  }
  if (sent != trip::answered) co_return sent;
  if (kind == answer_kind::nothing) co_return trip::answered;
  if (kind == answer_kind::stream) co_return co_await tunnel();
  if (command_.noted) co_return co_await relay_noted_answer();
  co_return co_await relay_answer();
}

// The rest of it; all of it, when something is to be said before.
task<session::trip> session::send_command(byte_span bytes) {
  protocol::byte_buffer both;
  if (link_->start.unsaid()) [[unlikely]] {
    const auto words = link_->start.say(command_.finds_rows);
    both.reserve(words.size() + bytes.size());
    both.assign(words.begin(), words.end());
    both.insert(both.end(), bytes.begin(), bytes.end());
    bytes = both;
  }
  const bool sent = co_await send_to_server(bytes);
  co_return sent ? trip::answered : trip::not_sent;
}

task<session::trip> session::send_framed(byte_span payload) {
  protocol::byte_buffer framed;
  command_.sequence = static_cast<std::uint8_t>(protocol::append_message(framed, 0, payload) - 1);
  const bool sent = co_await send_to_server(framed);
  co_return sent ? trip::answered : trip::not_sent;
}

// False when the connection is lost, or the server does not take the bytes and was declared down a hold ago.
task<bool> session::send_to_server(byte_span bytes) {
  const auto stream = link_->stream;
  std::optional<steady_time> doomed;
  limit_.clear();
  while (!bytes.empty()) {
    const auto moved = stream->send(bytes);
    if (moved == transport::status::closed) co_return false;
    if (moved == transport::status::progress) continue;
    if (!limit_.set() && !limit_.expired()) home_.deadlines().set(limit_, patience);
    if (limit_.expired() && !keep_waiting(doomed)) co_return false;
    stream->arm_send();
    co_await wake_.wait();
    if (stopping_) co_return false;
  }
  co_return true;
}

// Another server has taken the place of the connection's, and can be asked: right after the move it is not
// yet.
bool session::is_replaced() {
  return process().board.has_moved_since(link_->outage) && process().board.view().state != server_state::down;
}

// The patience is over once more: asks for a check, or, in an outage, allows one hold more. False after that,
// and when another server has taken the place of the one that is waited for.
bool session::keep_waiting(std::optional<steady_time>& doomed) {
  if (is_replaced()) return false;
  const bool outage = link_->outage != process().board.view().outage;
  if (!outage) process().watch.ask_for_check();
  std::chrono::milliseconds left = patience;
  if (outage) {
    const auto now = home_.deadlines().now();
    if (!doomed) doomed = now + std::max<std::chrono::milliseconds>(process().settings.hold(), patience);
    if (now >= *doomed) return false;
    left = std::min(left, std::chrono::ceil<std::chrono::milliseconds>(*doomed - now));
  }
  home_.deadlines().set(limit_, left);
  return true;
}

// A command larger than the buffer passes through it. Its bytes are gone then, so it cannot be decided anew.
task<session::trip> session::stream_command() {
  protocol::message_walker walker;
  auto& buffer = client_->received();
  bool server_takes_it = true;
  command_.wire_size = 0;
  command_.spent = true;
  while (!walker.complete()) {
    if (buffer.empty()) {
      const bool got = co_await receive_from_client();
      if (!got) co_return trip::client_gone;
    }
    const auto part = buffer.bytes().first(walker.feed(buffer.bytes()));
    if (command_.code == command::stmt_prepare &&
        collected_.size() < process().settings.session.max_remembered_statement_bytes)
      collected_.insert(collected_.end(), part.begin(), part.end());
    if (server_takes_it) server_takes_it = co_await send_to_server(part);
    if (stopping_ || client_->closed()) co_return trip::client_gone;
    buffer.consume(part.size());
  }
  command_.sequence = walker.sequence();
  if (server_takes_it) co_return trip::answered;
  // A server that refuses a packet for its size says so and hangs up while it is still being sent: its last
  // words are the answer, when there are any.
  const auto heard = link_->stream->receive();
  co_return heard == transport::status::progress ? trip::answered : trip::discarded;
}

// The answers to what was sent before the client's first command over this connection.
task<session::trip> session::await_start() {
  while (link_->start.unanswered()) {
    const auto next = link_->start.take_answers(*link_);
    if (next == fresh_start_progress::step::failed) co_return trip::lost;
    if (next == fresh_start_progress::step::done) break;
    const auto waited = co_await wait_for_answer();
    if (waited != trip::answered) co_return waited;
  }
  co_return trip::answered;
}

// The answer passes through the server's buffer to the client.
task<session::trip> session::relay_answer() {
  const auto held = link_->stream; // outlives the link
  auto& stream = *held;
  auto& buffer = stream.received();
  const bool renamed = command_.code == command::stmt_prepare && state_.statements.mapped();
  bool passed_some = false;
  shown_.clear();
  std::size_t needed = renamed ? prepared_head : 1;
  if (link_->start.unanswered()) [[unlikely]] {
    const auto begun = co_await await_start();
    if (begun != trip::answered) co_return begun;
  }
  for (;;) {
    while (buffer.size() < needed) {
      const auto waited = co_await wait_for_answer();
      if (waited != trip::answered) co_return waited != trip::client_gone&& passed_some ? trip::cut : waited;
    }
    const auto belongs = tracker_.feed(buffer.bytes());
    if (!belongs) co_return passed_some ? trip::cut : trip::lost; // not a MySQL server's words
    if (tracker_.current() == response_tracker::state::wants_local_file && wants_file_unasked())
      co_return passed_some ? trip::cut : trip::lost;
    if (!passed_some && tracker_.current() == response_tracker::state::complete && refused_for_now()) {
      buffer.consume(*belongs); // the connection lives on
      co_return trip::not_now;
    }
    if (!passed_some && tracker_.current() == response_tracker::state::complete && is_cut_off_harmlessly())
      co_return trip::lost;
    if (copy_.lasting) copy_answer(buffer.bytes().first(*belongs));
    if (renamed && !passed_some) rename_statement();
    if (command_.changes_logins) [[unlikely]]
      tell_of_changed_logins(process(), command_.sets_globals);
    auto shown = buffer.bytes().first(*belongs);
    if (tracker_.hides()) [[unlikely]]
      shown = without_changes(shown);
    if (!shown.empty()) {
      auto left = shown; // nearly always the client takes it at once
      if (client_->send(left) != transport::status::progress || !left.empty()) {
        const bool sent = co_await send_to_client(left);
        if (!sent) co_return trip::client_gone;
      }
      passed_some = true;
      shown_.clear();
    }
    buffer.consume(*belongs);
    needed = tracker_.starved() ? buffer.size() + 1 : 1;
    if (tracker_.current() == response_tracker::state::complete) break;
    if (tracker_.current() == response_tracker::state::wants_local_file) {
      const auto uploaded = co_await upload_local_file();
      if (uploaded != trip::answered) co_return uploaded;
      tracker_.resume_after_file();
    }
  }
  co_return trip::answered;
}

// What the client gets for the bytes that the tracker has just taken, which may be nothing yet. A few of them
// wait for the OK behind them, which is there, so that both are sent at once. An OK that is lost before it is
// whole has not been shown: its statement is as good as unanswered.
byte_span session::without_changes(byte_span taken) {
  constexpr std::size_t most_waiting = 8UL * 1024;
  if (tracker_.shown_due()) {
    tracker_.append_shown(shown_);
    return shown_;
  }
  if (tracker_.holding()) return {};
  if (!tracker_.before_telling() || taken.size() > most_waiting) return taken;
  shown_.assign(taken.begin(), taken.end());
  return {};
}

// Until the server's next bytes are in its buffer. A statement that is still in flight when the server is
// declared down waits one hold longer, then is in doubt. When another one takes its place, it is in doubt at
// once: what the old one says now, the new one does not have. Only rows of a read go on.
task<session::trip> session::wait_for_answer() {
  auto& stream = *link_->stream;
  std::optional<steady_time> doomed;
  home_.deadlines().set(limit_, patience);
  for (;;) {
    const auto heard =
        stream.closed() || stream.maybe_readable() ? stream.receive() : transport::status::blocked;
    const bool moved =
        process().board.has_moved_since(link_->outage) && !(command_.finds_rows && tracker_.in_rows());
    if (moved &&
        (heard == transport::status::progress || (heard == transport::status::blocked && is_replaced())))
      co_return trip::lost;
    switch (heard) {
    case transport::status::progress: co_return trip::answered;
    case transport::status::closed:
      if (!stream.withdraw()) co_return trip::lost;
      co_return command_.spent ? trip::discarded : trip::not_sent;
    case transport::status::blocked: break;
    }
    // A server ends what waits for a lock when its client is gone, so it must hear of it.
    if (limit_.expired() && client_->peer_has_left()) co_return trip::client_gone;
    if (limit_.expired() && !keep_waiting(doomed)) co_return trip::lost;
    stream.arm_receive();
    co_await wake_.wait();
    if (stopping_) co_return trip::client_gone;
  }
}

// COM_BINLOG_DUMP and its like: both directions as they come (a replica acknowledges events), until someone
// hangs up. A binary log's events end with an ERR or, for a client that does not wait for more of them, an
// EOF.
task<session::trip> session::tunnel() {
  spend_command();
  const bool has_end = command_.code == command::binlog_dump || command_.code == command::binlog_dump_gtid;
  const auto pass = [this](transport& from, transport& to, bool watched) -> task<bool> {
    if (from.received().empty() && (from.closed() || from.maybe_readable()) &&
        from.receive() == transport::status::closed)
      co_return false;
    auto bytes = from.received().bytes();
    if (watched) {
      const auto belongs = tracker_.feed(bytes);
      if (!belongs) co_return false; // not a MySQL server's words
      bytes = bytes.first(*belongs);
    }
    bool sent = false;
    if (&to == client_.get())
      sent = co_await send_to_client(bytes);
    else
      sent = co_await send_to_server(bytes);
    from.received().consume(bytes.size());
    co_return sent;
  };
  while (!stopping_) {
    bool alive = co_await pass(*client_, *link_->stream, false);
    if (alive) alive = co_await pass(*link_->stream, *client_, has_end);
    if (!alive) break;
    if (has_end && tracker_.current() == response_tracker::state::complete) co_return trip::answered;
    if (client_->maybe_readable() || link_->stream->maybe_readable()) continue;
    client_->arm_receive();
    link_->stream->arm_receive();
    co_await wake_.wait();
  }
  co_return trip::client_gone;
}

} // namespace holdwater::proxy
