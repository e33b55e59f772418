// Reads at a replica: which may be asked there, and how an answer passes through. Only its status and its
// count of warnings are Holdwater's, and the id of a statement that is prepared.
#include "proxy/session/replica_reads.hpp"

#include "protocol/answer_end.hpp"
#include "protocol/sql/lasting_reads.hpp"
#include "protocol/statement_commands.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/session.hpp"
#include "spool/spool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using protocol::byte_span;
using protocol::command;
using protocol::response_tracker;

namespace {

constexpr std::uint16_t of_the_answer =
    protocol::server_status::no_index_used | protocol::server_status::no_good_index_used |
    protocol::server_status::query_was_slow | protocol::server_status::session_state_changed;
constexpr std::string_view interrupted_text = "Query execution was interrupted"; // as a server says it

} // namespace

replica_reads::replica_reads(session& asker) : asker_(asker), idle_(asker.wake_) {}

// ----------------------------------------------------------------------------------------------------
// whether

bool replica_reads::may_ask(const command_facts& facts, const server_view& server) {
  const auto& mine = asker_;
  if (!mine.known_ || !mine.reads_are_away(server) || !is_askable(facts)) return false;
  if (mine.command_.asked_replica && forbidden_) return false;
  return (candidate() || may_wait()) && asker_.asker_of_reads();
}

bool replica_reads::is_askable(const command_facts& facts) const {
  const auto& mine = asker_;
  const auto& collected = mine.state_.collected;
  if (!facts.lasting || !facts.single || !mine.command_.whole || !collected.empty()) return false;
  if (mine.command_.code == command::stmt_prepare) return true; // its answer holds no data
  if (mine.command_.code == command::stmt_execute &&
      (!mine.executes_plainly() || mine.write_.statement->types_missed))
    return false;
  if (mine.state_.locks_reads() || tells_of_the_server(facts)) return false;
  return asker_.process().settings.cache.after_write != "refuse" || !reads_what_is_queued();
}

// What a replica would say of itself.
bool replica_reads::tells_of_the_server(const command_facts& facts) const {
  auto& mine = asker_;
  const auto executes = mine.command_.code == command::stmt_execute;
  if (!executes && facts.kind != sql::kind::show && facts.reads_tables) return false;
  const auto query = executes ? std::nullopt : mine.query_text();
  const std::string_view text = executes ? std::string_view(mine.write_.statement->text)
                                : query  ? query->text
                                         : std::string_view();
  auto& found = mine.home_.analysis();
  found.analyze(text, mine.state_.dialect());
  return sql::tells_of_one_server(text, found.first(), mine.state_.dialect());
}

bool replica_reads::goes_before_cache(const command_facts& facts, const server_view& server) {
  return (asker_.command_.asked_replica && forbidden_) || may_ask(facts, server);
}

// The one that the session has a connection to goes on to be asked.
replica* replica_reads::candidate() const {
  const auto& mine = asker_;
  const auto& list = *asker_.process().replicas;
  const auto tried = mine.command_.asked_replica ? tried_ : 0;
  const std::chrono::seconds oldest =
      mine.command_.rule.max_stale.value_or(asker_.process().settings.cache.max_stale);
  if (link_ && (tried & list.bit_of(link_->from)) == 0 && link_->losses == link_->from.losses() &&
      link_->from.state() == replica_state::usable && list.is_fresh_enough(link_->from, oldest))
    return &link_->from;
  return list.choose({mine.login_.user, mine.state_.database(), tried, oldest});
}

bool replica_reads::may_wait() const {
  return !asker_.command_.awaited_replica && asker_.process().replicas->undecided();
}

// In the first moments of an outage.
task<> replica_reads::await_verdict() {
  auto& mine = asker_;
  auto& clock = mine.home_.deadlines();
  const auto until = clock.now() + mine.process().settings.server.replica_timeout;
  while (!candidate() && mine.process().replicas->undecided() && clock.now() < until && !mine.stopping_ &&
         !mine.client_->closed()) {
    clock.set(mine.limit_, deadline_list::tick);
    mine.client_->arm_receive();
    co_await mine.wake_.wait();
  }
  mine.limit_.clear();
}

std::string_view replica_reads::trouble() const {
  if (asker_.command_.asked_replica && !trouble_.empty()) return trouble_;
  return "the server is down, no replica answers this read, and nothing is cached to answer it from";
}

// ----------------------------------------------------------------------------------------------------
// how

task<session_outcomes::verdict> replica_reads::ask(const command_facts& facts) {
  auto& mine = asker_;
  interrupted_ = false;
  if (!std::exchange(mine.command_.asked_replica, true)) {
    tried_ = 0;
    trouble_.clear();
    forbidden_ = false;
  }
  auto* const one = candidate();
  if (!one) {
    mine.command_.awaited_replica = true;
    co_await await_verdict();
    co_return verdict::decide_again;
  }
  tried_ |= mine.process().replicas->bit_of(*one);
  selects_ = facts.kind == sql::kind::select;
  note_ = lacks();
  auto* const executed = mine.command_.code == command::stmt_execute ? mine.write_.statement : nullptr;
  const auto database = executed ? executed->made_in->database : mine.state_.database();
  bool ready = co_await reach(*one);
  if (ready && !(executed && executed->at_replica.link == link_->number))
    ready = co_await enter_database(database);
  if (ready && executed) ready = co_await prepare(*executed);
  if (!ready || mine.process().board.view().answers()) co_return verdict::decide_again;

  asking_ = true;
  auto how = co_await send(executed);
  if (how == trip::answered) how = co_await pass_answer();
  asking_ = false;
  if (how != trip::answered) close_statement();
  switch (how) {
  case trip::answered:
    conclude(executed);
    one->answered();
    co_return verdict::next_command;
  case trip::cut: co_return co_await conclude_cut();
  case trip::client_gone: close(); co_return verdict::end_session;
  case trip::not_now: break; // it has said why
  default:
    if (interrupted_) co_return co_await conclude_interrupted();
    give_up("no answer to a read");
    break;
  }
  co_return verdict::decide_again;
}

// Precondition: the worker's analysis holds the statement.
std::string_view replica_reads::lacks() const {
  const auto* queue = asker_.process().queue;
  if (!queue || queue->counts().pending == 0) return {};
  return missing_writes(reads_what_is_queued(), true);
}

bool replica_reads::reads_what_is_queued() const {
  const auto* queue = asker_.process().queue;
  const auto tables = tables_of(asker_.home_.analysis().first(), asker_.write_.database, false);
  return queue && !tables.empty() && queue->pending_on(tables);
}

task<session_outcomes::trip> replica_reads::send(prepared_statement* executed) {
  auto& mine = asker_;
  const auto stream = link_->link.stream;
  mine.home_.deadlines().set(mine.limit_, mine.process().settings.server.replica_timeout);
  const waiter how{mine.wake_, &mine.limit_};
  auto status = io_status::done;
  const auto closed = std::exchange(link_->closed, {});
  for (const auto id : closed) { // each by itself: behind a command a compressed packet holds nothing
    protocol::byte_buffer framed;
    protocol::append_close(framed, id);
    if (status == io_status::done) status = co_await send_all(*stream, how, framed);
  }
  const bool reads = mine.command_.code != command::stmt_prepare;
  if (reads && status == io_status::done) { // each time: a function in a view can take it back
    protocol::byte_buffer setting, framed;
    protocol::append_query(setting, link_->link.negotiated, "SET SESSION TRANSACTION READ ONLY");
    protocol::append_message(framed, 0, setting);
    status = co_await send_all(*stream, how, framed);
  }
  protocol::byte_buffer framed;
  if (executed) {
    const auto payload = execution_of(*executed);
    protocol::append_message(framed, 0, payload);
  } else {
    protocol::append_message(framed, 0, mine.command_.payload);
  }
  if (status == io_status::done) status = co_await send_all(*stream, how, framed);
  mine.limit_.clear();
  if (mine.stopping_) co_return trip::client_gone;
  if (status != io_status::done) co_return trip::lost;
  if (reads) {
    follower_.start(command::query, link_->link.negotiated);
    const auto took = co_await pass_over_answer();
    if (took != trip::answered) co_return took;
    if (follower_.ended_by() == response_tracker::ending::err) co_return trip::lost;
  }
  const bool cursor = false;
  follower_.start(mine.command_.code, link_->link.negotiated, cursor);
  left_ = warnings_ = 0;
  statement_ = 0;
  begun_ = full_ = false;
  co_return trip::answered;
}

// What comes before the first row is held back, as long as the buffer has room for it: an error may come
// instead, or nothing.
task<session_outcomes::trip> replica_reads::pass_answer() {
  auto& mine = asker_;
  const auto stream = link_->link.stream;
  auto& buffer = stream->received();
  bool passed = false;
  std::size_t seen = 0; // bytes at the buffer's front that may go on
  for (;;) {
    const bool known = take_packets(seen);
    if (full_) {
      close();
      co_return trip::not_now;
    }
    if (!known) co_return passed ? trip::cut : trip::lost; // not a MySQL server's words
    const bool complete = follower_.current() == response_tracker::state::complete;
    if (complete && !passed && follower_.ended_by() == response_tracker::ending::err) {
      decline(follower_.err().text, follower_.err().number);
      buffer.consume(seen);
      co_return trip::not_now;
    }
    if (seen > 0 && (complete || passed || follower_.rows() > 0 || buffer.at_limit())) {
      const auto bytes = buffer.bytes().first(seen);
      const bool sent = co_await mine.send_to_client(bytes);
      if (!sent) co_return trip::client_gone;
      buffer.consume(seen);
      seen = 0;
      passed = true;
    }
    if (complete) break;
    const auto waited = co_await wait_for_answer();
    if (waited == trip::lost) co_return passed ? trip::cut : trip::lost;
    if (waited != trip::answered) co_return waited;
  }
  buffer.rest();
  co_return trip::answered;
}

// As many whole packets as there are behind `seen`; of one that is larger than the buffer, what has come.
// False: what came is no answer.
bool replica_reads::take_packets(std::size_t& seen) {
  auto& buffer = link_->link.stream->received();
  while (follower_.current() == response_tracker::state::in_progress) {
    const auto rest = buffer.bytes().subspan(seen);
    const bool begins = left_ == 0;
    if (rest.empty() || (begins && rest.size() < protocol::packet_header_size)) return true;
    const std::size_t size =
        begins ? protocol::packet_header_size + protocol::read_packet_header(rest.data()).payload_size
               : left_;
    const bool whole = size <= rest.size();
    if (begins && !whole && !(seen == 0 && buffer.at_limit())) return true;
    const auto part = rest.first(std::min(size, rest.size()));
    const bool in_rows = follower_.in_rows();
    const auto taken = follower_.feed(part);
    if (!taken || *taken != part.size()) return false;
    left_ = static_cast<std::uint32_t>(size - part.size());
    if (begins && whole)
      mark(seen + protocol::packet_header_size, part.subspan(protocol::packet_header_size), in_rows);
    if (full_) return true;
    seen += part.size();
  }
  return follower_.current() == response_tracker::state::complete;
}

// A packet that the tracker has taken, whose payload is `at` bytes behind the buffer's front. `in_rows`:
// before it.
void replica_reads::mark(std::size_t at, byte_span payload, bool in_rows) {
  const auto end = follower_.ended_by();
  const bool complete = follower_.current() == response_tracker::state::complete;
  if (complete && end == response_tracker::ending::err) return;
  const bool prepares = asker_.command_.code == command::stmt_prepare;
  if (!std::exchange(begun_, true)) {
    if (prepares) full_ = !open_statement(at);
    if (!prepares && selects_) asker_.state_.read_here(asker_.process().writes != nullptr);
  }
  const bool ends = complete && (end == response_tracker::ending::ok || end == response_tracker::ending::eof);
  if (!ends && (in_rows || !protocol::is_eof(payload))) return;
  const auto where = protocol::find_answer_end(payload);
  if (!where) return;
  const auto said = static_cast<std::uint16_t>(payload[where->status] | payload[where->status + 1] << 8);
  overwrite(at + where->status, static_cast<std::uint16_t>(asker_.told_status() | (said & of_the_answer)));
  if (!ends || prepares) return;
  warnings_ = follower_.ok().warnings;
  overwrite(at + where->warnings, 1);
}

void replica_reads::overwrite(std::size_t at, std::uint16_t value) {
  const std::array<std::uint8_t, 2> bytes{static_cast<std::uint8_t>(value),
                                          static_cast<std::uint8_t>(value >> 8)};
  link_->link.stream->received().overwrite(at, bytes);
}

// The head of an answer to COM_STMT_PREPARE has come. False: there is no room to remember the statement.
bool replica_reads::open_statement(std::size_t at) {
  auto& mine = asker_;
  prepared_statement one;
  one.text = mine.write_.text;
  one.parameters = follower_.parameter_count();
  one.facts = describe_prepared(one.text, mine.state_, mine.home_.analysis());
  one.at_replica = {link_->number, follower_.statement_id(), false};
  const auto id = mine.state_.statements.opened_here(std::move(one), mine.state_.preparing());
  if (!id) {
    trouble_ = "the server is down, and this statement is too large to be remembered for it";
    return false;
  }
  statement_ = *id;
  link_->link.stream->received().overwrite(at + protocol::statement_id_at, protocol::id_bytes(*id));
  return true;
}

// One whose answer did not come to its end.
void replica_reads::close_statement() {
  if (const auto id = std::exchange(statement_, 0); id != 0) {
    asker_.state_.statements.closed(id);
    asker_.state_.statements.failed_to_open();
  }
}

void replica_reads::conclude(prepared_statement* executed) {
  auto& mine = asker_;
  mine.said_.clear();
  if (mine.command_.code == command::stmt_prepare) {
    if (auto* const one = mine.state_.statements.find(statement_))
      one->definitions = follower_.definitions_hash();
  } else if (follower_.ended_by() != response_tracker::ending::err) {
    auto note = std::string("Holdwater: the server is down; this answer is from a replica");
    if (const auto behind = link_->from.behind()) note += fmt::format(", {} s behind", behind->count());
    note += note_;
    if (warnings_ > 0) note += fmt::format("; it had {} warning(s) of the replica's", warnings_);
    mine.said_ = {.number = note_number, .text = std::move(note), .apart = true};
    // A client that caches definitions has taken these for the statement's: what the server would leave out
    // is another's.
    if (executed && follower_.defined() && (mine.negotiated_ & protocol::cap::mariadb_cache_metadata) != 0)
      executed->definitions = ~executed->definitions;
  }
  // a function that a view calls has changed the session there
  if (!follower_.session_state().empty() || follower_.changes_untold()) close();
}

// The client has seen a part of the answer, as whole packets but for one that is larger than the buffer.
task<session_outcomes::verdict> replica_reads::conclude_cut() {
  auto& mine = asker_;
  const bool may_say = left_ == 0 && follower_.in_rows() && !mine.client_->closed();
  const auto sequence = follower_.next_sequence();
  if (interrupted_) close();
  give_up("lost in the middle of an answer");
  if (!may_say) co_return verdict::end_session;
  const auto what = interrupted_ ? client_error::interrupted : client_error::answer_cut;
  const std::string_view text =
      interrupted_ ? interrupted_text : "the replica was lost in the middle of this result";
  const bool told = co_await mine.answer_error_at(sequence, what, text);
  co_return told ? verdict::next_command : verdict::end_session;
}

// The replica ends what it does when it notices that nobody waits.
task<session_outcomes::verdict> replica_reads::conclude_interrupted() {
  close();
  const bool told = co_await asker_.answer_error(client_error::interrupted, interrupted_text);
  co_return told ? verdict::next_command : verdict::end_session;
}

void replica_reads::interrupt() {
  if (!asking_) return;
  interrupted_ = true;
  asker_.wake_.notify();
}

} // namespace holdwater::proxy
