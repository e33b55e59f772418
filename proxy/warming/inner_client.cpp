#include "proxy/warming/inner_client.hpp"

#include "protocol/auth.hpp"
#include "protocol/command.hpp"
#include "protocol/handshake.hpp"
#include "protocol/response_tracker.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace holdwater::proxy {

using protocol::byte_buffer;
namespace cap = protocol::cap;

namespace {

constexpr std::size_t room = 64UL * 1024;

// Without several statements in one text, files, compression and whatever else takes more of a client.
constexpr protocol::capabilities basic = cap::protocol_41 | cap::transactions | cap::secure_connection |
                                         cap::multi_results | cap::ps_multi_results | cap::plugin_auth |
                                         cap::deprecate_eof;
constexpr protocol::capabilities taken_over = cap::long_password | cap::long_flag | cap::no_schema |
                                              cap::odbc | cap::ignore_space | cap::mariadb_extended_metadata;

constexpr std::uint16_t utf8mb4_general_ci = 45, utf8mb4_0900_ai_ci = 255; // what clients log in with

inner_client::outcome lost() {
  return {"the connection was lost", true};
}

std::string refusal_in(protocol::byte_span payload) {
  const auto error = protocol::parse_err(payload, cap::protocol_41);
  return error ? fmt::format("{} {}", error->number, error->text) : "an error that cannot be read";
}

} // namespace

protocol::capabilities worth_repeating(protocol::capabilities negotiated) {
  return negotiated & taken_over;
}

inner_client::inner_client(int socket, const std::atomic<bool>& stopping)
    : socket_(socket), stopping_(stopping) {}

inner_client::~inner_client() {
  ::close(socket_);
}

inner_client::outcome inner_client::log_in(const known_asker& as, const std::string& password) {
  byte_buffer payload;
  std::uint8_t sequence = 0;
  if (!read_packet(payload, sequence)) return lost();
  if (!payload.empty() && payload[0] == 0xff) return {refusal_in(payload), false};
  const auto hello = protocol::parse_greeting(payload);
  if (!hello) return {hello.error().message(), true};
  protocol::auth_client proving(password, true);
  proving.start(*hello);

  protocol::handshake_response login;
  login.client_capabilities = negotiated_ = (basic | as.capabilities) & hello->server_capabilities;
  if (!as.database.empty()) login.client_capabilities |= cap::connect_with_db;
  login.max_packet_size = 1 << 24;
  const bool mariadb = protocol::parse_server_version(hello->server_version).mariadb;
  login.collation = as.collation != 0 ? as.collation : mariadb ? utf8mb4_general_ci : utf8mb4_0900_ai_ci;
  login.user = as.user;
  login.database = as.database;
  login.auth_plugin = proving.plugin();
  login.auth_response.assign(protocol::as_text(proving.reply()));
  byte_buffer out;
  protocol::append_handshake_response(out, static_cast<std::uint8_t>(sequence + 1), login);
  for (;;) {
    if (!send(out) || !read_packet(payload, sequence)) return lost();
    const auto next = proving.feed(payload);
    if (!next) return {next.error().message(), true};
    if (*next == protocol::auth_client::step::succeed) break;
    if (*next == protocol::auth_client::step::fail) return {refusal_in(payload), false};
    out.clear();
    if (*next == protocol::auth_client::step::send)
      protocol::append_message(out, static_cast<std::uint8_t>(sequence + 1), proving.reply());
  }
  for (const auto& setting : as.settings)
    if (auto done = ask(setting); !done.problem.empty()) return done;
  return {};
}

inner_client::outcome inner_client::ask(std::string_view statement) {
  byte_buffer command, out;
  protocol::append_query(command, negotiated_, statement);
  protocol::append_message(out, 0, command);
  if (!send(out)) return lost();
  protocol::response_tracker answer;
  answer.start(protocol::command::query, negotiated_);
  unread_.clear(); // nothing comes unasked
  while (answer.current() == protocol::response_tracker::state::in_progress) {
    if (!receive()) return lost();
    const auto taken = answer.feed(unread_);
    if (!taken || answer.current() == protocol::response_tracker::state::wants_local_file)
      return {"the answer cannot be followed", true};
    unread_.clear();
  }
  if (answer.ended_by() != protocol::response_tracker::ending::err) return {};
  return {fmt::format("{} {}", answer.err().number, answer.err().text), false};
}

void inner_client::leave() {
  constexpr std::array<std::uint8_t, 5> goodbye{1, 0, 0, 0,
                                                static_cast<std::uint8_t>(protocol::command::quit)};
  static_cast<void>(send(goodbye)); // who is gone needs no goodbye
}

// Commands are small against a socket's buffer.
bool inner_client::send(protocol::byte_span bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool inner_client::receive() {
  constexpr int a_moment_ms = 200;
  for (;;) {
    pollfd one{socket_, POLLIN, 0};
    const int ready = ::poll(&one, 1, a_moment_ms);
    if (stopping_.load(std::memory_order_relaxed) || (ready < 0 && errno != EINTR)) return false;
    if (ready <= 0) continue;
    const auto before = unread_.size();
    unread_.resize(before + room);
    const auto got = ::recv(socket_, unread_.data() + before, room, 0);
    unread_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    return got > 0;
  }
}

bool inner_client::read_packet(byte_buffer& payload, std::uint8_t& sequence) {
  while (unread_.size() < protocol::packet_header_size)
    if (!receive()) return false;
  const auto header = protocol::read_packet_header(unread_.data());
  const auto size = protocol::packet_header_size + header.payload_size;
  while (unread_.size() < size)
    if (!receive()) return false;
  const auto end = unread_.begin() + static_cast<std::ptrdiff_t>(size);
  payload.assign(unread_.begin() + protocol::packet_header_size, end);
  unread_.erase(unread_.begin(), end);
  sequence = header.sequence;
  return true;
}

} // namespace holdwater::proxy
