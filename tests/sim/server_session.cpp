#include "tests/sim/server_session.hpp"

#include "protocol/auth.hpp"
#include "protocol/command.hpp"
#include "protocol/packet_builder.hpp"
#include "protocol/statement_values.hpp"

#include <algorithm>
#include <sys/socket.h>

namespace holdwater::sim {

using protocol::byte_buffer;
using protocol::byte_span;
namespace cap = protocol::cap;

namespace {

constexpr protocol::capabilities common_capabilities =
    cap::found_rows | cap::long_flag | cap::connect_with_db | cap::local_files | cap::protocol_41 |
    cap::interactive | cap::transactions | cap::secure_connection | cap::multi_statements |
    cap::multi_results | cap::ps_multi_results | cap::plugin_auth | cap::plugin_auth_lenenc_data |
    cap::deprecate_eof | cap::ignore_space;

std::uint64_t hash_of(byte_span bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const auto one : bytes) hash = (hash ^ one) * 0x100000001b3ULL;
  return hash;
}

piece as_piece(const protocol::bound_value& one) {
  constexpr std::uint8_t type_longlong = 8;
  if (one.what == protocol::bound_value::kind::null) return {piece::kind::word, "null"};
  if (one.type != type_longlong) return {piece::kind::text, std::string(one.bytes)};
  return {piece::kind::number,
          std::to_string(protocol::payload_reader(protocol::as_bytes(one.bytes)).integer(8))};
}

} // namespace

void server_session::run() {
  try {
    if (!log_in()) return;
    for (;;) command(read_packet());
  } catch (const lost&) {
    roll_back();
  }
}

void server_session::wait_while_frozen() {
  while (home_.frozen_) machine::the().wait({&home_.thaw_});
}

void server_session::kill_soon() {
  killed_ = true;
  ::shutdown(descriptor_, SHUT_RDWR);
  machine::the().wake_all(home_.lock_released_);
}

void server_session::hang_up() {
  throw lost{};
}

std::string server_session::receive(std::size_t count) {
  std::string all;
  while (all.size() < count) {
    char some[4096];
    const auto got = ::recv(descriptor_, some, std::min(sizeof some, count - all.size()), 0);
    wait_while_frozen();
    if (got <= 0 || killed_) throw lost{};
    all.append(some, static_cast<std::size_t>(got));
  }
  return all;
}

byte_buffer server_session::read_packet() {
  byte_buffer payload;
  for (;;) {
    const auto head = receive(protocol::packet_header_size);
    const auto header = protocol::read_packet_header(reinterpret_cast<const std::uint8_t*>(head.data()));
    const auto body = receive(header.payload_size);
    payload.insert(payload.end(), body.begin(), body.end());
    sequence_ = static_cast<std::uint8_t>(header.sequence + 1);
    if (header.payload_size < protocol::max_packet_payload) return payload;
  }
}

void server_session::send(const byte_buffer& bytes) {
  if (::send(descriptor_, bytes.data(), bytes.size(), 0) < 0) throw lost{};
}

bool server_session::log_in() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  protocol::greeting hello;
  hello.server_version = home_.greets_as_mysql ? "8.0.42" : "5.5.5-10.11.14-MariaDB";
  hello.connection_id = static_cast<std::uint32_t>(id_);
  for (auto& one : salt_) one = static_cast<std::uint8_t>('a' + home_.luck_.below(26));
  hello.salt = salt_;
  hello.server_capabilities = common_capabilities | (home_.greets_as_mysql ? cap::long_password : 0);
  hello.character_set = 45;
  hello.status = protocol::server_status::autocommit;
  hello.auth_plugin = protocol::plugin::mysql_native_password;
  byte_buffer out;
  if (home_.sessions_.size() >= home_.most_connections) {
    protocol::append_err(out, 0, {1040, {}, "Too many connections"}, 0);
    send(out);
    return false;
  }
  if (::getpeername(descriptor_, reinterpret_cast<sockaddr*>(&address), &size) == 0)
    peer_ = "127.0.0.1:" + std::to_string(network::the().find_as<stream>(descriptor_)->other_port);
  protocol::append_greeting(out, 0, hello);
  send(out);
  const auto payload = read_packet();
  const auto said = protocol::parse_handshake_response(payload);
  if (!said) return false;
  negotiated_ = said->client_capabilities & hello.server_capabilities;
  std::string proof = said->auth_response;
  if (said->auth_plugin != protocol::plugin::mysql_native_password) {
    out.clear();
    protocol::append_auth_switch(out, sequence_,
                                 {std::string(protocol::plugin::mysql_native_password),
                                  std::string(protocol::as_text(byte_span(salt_))) + '\0'});
    send(out);
    const auto again = read_packet();
    proof.assign(protocol::as_text(again));
  }
  out.clear();
  if (!proves(said->user, proof)) {
    protocol::append_err(out, sequence_, {1045, "28000", "Access denied for user '" + said->user + "'"},
                         negotiated_);
    send(out);
    return false;
  }
  user_ = said->user;
  reset();
  database_ = said->database;
  home_.sessions_[id_] = this;
  protocol::append_ok(out, sequence_, {.status = status(), .info = {}, .session_state = {}}, negotiated_);
  send(out);
  return true;
}

bool server_session::proves(const std::string& user, std::string_view proof) const {
  return std::any_of(home_.accounts_.begin(), home_.accounts_.end(), [&](const account_entry& one) {
    return one.user == user && proof == protocol::scramble_native(one.password, salt_);
  });
}

std::uint16_t server_session::status() const {
  std::uint16_t now = 0;
  if (autocommit_) now |= protocol::server_status::autocommit;
  if (in_transaction_) now |= protocol::server_status::in_trans;
  return now;
}

void server_session::answer(const done& what) {
  wait_while_frozen();
  byte_buffer out;
  if (what.failed) {
    machine::the().note("says {} {}", what.failed->number, what.failed->text.substr(0, 60));
    protocol::append_err(
        out, sequence_,
        {static_cast<std::uint16_t>(what.failed->number), what.failed->state, what.failed->text},
        negotiated_);
  } else if (what.rows) {
    protocol::append_text_result_set(out, sequence_, *what.rows, status(), 0, negotiated_);
  } else {
    protocol::append_ok(out, sequence_,
                        {.affected_rows = what.affected,
                         .last_insert_id = what.insert_id,
                         .status = status(),
                         .info = {},
                         .session_state = {}},
                        negotiated_);
  }
  if (!what.tag.empty()) home_.observer_.answered(what.tag, hash_of(out));
  if (out.size() > 1 && home_.happens(home_.troubles.cut_answer_one_in)) {
    out.resize(1 + home_.luck_.below(out.size() - 1));
    send(out);
    hang_up();
  }
  send(out);
}

void server_session::command(const byte_buffer& payload) {
  using protocol::command;
  const auto code = static_cast<protocol::command>(payload.at(0));
  const auto rest = byte_span(payload).subspan(1);
  if (code == command::quit) throw lost{};
  auto& troubles = home_.troubles;
  auto& here = machine::the();
  if (home_.happens(troubles.late_one_in)) here.sleep(home_.luck_.between(millisecond, 50 * millisecond));
  if (home_.happens(troubles.lost_before_one_in)) hang_up();
  wait_while_frozen();
  done what;
  commits_replay_ = committed_ = false;
  switch (code) {
  case command::query: what = run_statement(std::string(protocol::as_text(rest)), {}); break;
  case command::init_db: database_ = protocol::as_text(rest); break;
  case command::ping: break;
  case command::reset_connection: roll_back(), reset(); break;
  case command::change_user: return change_user(payload);
  case command::stmt_prepare: return prepare(protocol::as_text(rest));
  case command::stmt_execute: what = execute_prepared(payload); break;
  case command::stmt_close:
    statements_.erase(static_cast<std::uint32_t>(protocol::payload_reader(rest).integer(4)));
    return;
  case command::stmt_reset: break;
  default: what.failed = error{1047, "08S01", "Unknown command"};
  }
  wait_while_frozen();
  if (killed_ || home_.happens(troubles.lost_after_one_in) ||
      (committed_ && home_.happens(troubles.lost_at_commit_one_in))) {
    if (commits_replay_) home_.observer_.happened("replay: COMMIT in doubt");
    hang_up();
  }
  if (home_.happens(troubles.very_late_one_in))
    here.sleep(home_.luck_.between(100 * millisecond, 8 * second));
  answer(what);
}

void server_session::prepare(std::string_view text) {
  const auto all = pieces_of(text);
  prepared made;
  made.text = text;
  made.parameters = static_cast<std::uint16_t>(
      std::count_if(all.begin(), all.end(), [](const piece& one) { return one.is("?"); }));
  byte_buffer out;
  protocol::append_prepared(out, sequence_, next_statement_, made.parameters, {}, status(), negotiated_);
  statements_[next_statement_++] = std::move(made);
  send(out);
}

server_session::done server_session::execute_prepared(byte_span payload) {
  protocol::payload_reader in(payload.subspan(1));
  const auto found = statements_.find(static_cast<std::uint32_t>(in.integer(4)));
  done what;
  if (found == statements_.end()) {
    what.failed = error{1243, "HY000", "Unknown prepared statement handler"};
    return what;
  }
  auto& one = found->second;
  const auto rows = protocol::read_values(payload, one.parameters, one.types, negotiated_, {});
  if (!rows || rows->empty()) {
    what.failed = error{1210, "HY000", "Incorrect arguments to EXECUTE"};
    return what;
  }
  one.types.clear();
  std::vector<piece> values;
  for (const auto& value : rows->front()) {
    values.push_back(as_piece(value));
    one.types.push_back(value.type);
    one.types.push_back(value.is_unsigned ? 0x80 : 0);
  }
  return run_statement(one.text, values);
}

void server_session::change_user(byte_span payload) {
  const auto said = protocol::parse_change_user(payload, negotiated_);
  byte_buffer out;
  if (!said || !proves(said->user, said->auth_response)) {
    protocol::append_err(out, sequence_, {1045, "28000", "Access denied"}, negotiated_);
    send(out);
    return hang_up();
  }
  roll_back();
  reset();
  user_ = said->user;
  database_ = said->database;
  answer({});
}

} // namespace holdwater::sim
