#include "tests/sim/wire_client.hpp"

#include "protocol/auth.hpp"
#include "protocol/messages.hpp"
#include "tests/sim/network.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace holdwater::sim {

using protocol::byte_buffer;
namespace cap = protocol::cap;

namespace {

// Longer than anything may take: a client that is left without an answer is a failure.
constexpr int longest_wait_ms = 400'000;

} // namespace

reply wire_client::lose() {
  close();
  return {};
}

void wire_client::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  received_.clear();
}

bool wire_client::send(const byte_buffer& bytes) {
  return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

bool wire_client::receive(std::size_t count) {
  while (received_.size() < count) {
    pollfd watched{socket_, POLLIN, 0};
    if (::poll(&watched, 1, longest_wait_ms) == 0) machine::the().fail("a client was left without an answer");
    char some[4096];
    const auto got = ::recv(socket_, some, sizeof some, 0);
    if (got <= 0) return false;
    received_.append(some, static_cast<std::size_t>(got));
  }
  return true;
}

bool wire_client::read_packet(byte_buffer& payload) {
  if (!receive(protocol::packet_header_size)) return false;
  const auto header = protocol::read_packet_header(reinterpret_cast<const std::uint8_t*>(received_.data()));
  const auto whole = protocol::packet_header_size + header.payload_size;
  if (!receive(whole)) return false;
  for (std::size_t i = 0; i < whole; ++i)
    hash_ = (hash_ ^ static_cast<std::uint8_t>(received_[i])) * 0x100000001b3ULL;
  payload.assign(received_.begin() + protocol::packet_header_size,
                 received_.begin() + static_cast<std::ptrdiff_t>(whole));
  received_.erase(0, whole);
  return true;
}

reply wire_client::connect(const std::string& user, const std::string& password, const std::string& database,
                           bool deprecate_eof) {
  close();
  socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(proxy_port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return lose();
  byte_buffer payload;
  if (!read_packet(payload)) return lose();
  reply said;
  if (!payload.empty() && payload[0] == 0xff) {
    const auto error = protocol::parse_err(payload, 0);
    said.what = reply::kind::error;
    said.number = error ? error->number : 0;
    close();
    return said;
  }
  const auto hello = protocol::parse_greeting(payload);
  if (!hello) machine::the().fail("the proxy's greeting cannot be read");
  protocol::handshake_response response;
  response.client_capabilities =
      (cap::long_flag | cap::connect_with_db | cap::protocol_41 | cap::transactions | cap::secure_connection |
       cap::multi_results | cap::ps_multi_results | cap::plugin_auth | cap::plugin_auth_lenenc_data |
       (deprecate_eof ? cap::deprecate_eof : 0)) &
      hello->server_capabilities;
  negotiated_ = response.client_capabilities;
  response.max_packet_size = 1 << 24;
  response.collation = 45;
  response.user = user;
  response.database = database;
  response.auth_plugin = std::string(protocol::plugin::mysql_native_password);
  response.auth_response = protocol::scramble_native(password, hello->salt);
  byte_buffer out;
  protocol::append_handshake_response(out, 1, response);
  if (!send(out)) return lose();
  for (;;) {
    if (!read_packet(payload) || payload.empty()) return lose();
    if (payload[0] != 0xfe) break;
    const auto request = protocol::parse_auth_switch(payload); // of a relayed account
    if (!request) machine::the().fail("the proxy's switch of plugins cannot be read");
    out.clear();
    const auto salt = std::string_view(request->data).substr(0, protocol::challenge_size);
    const auto proof = protocol::scramble_native(password, protocol::as_bytes(salt));
    protocol::append_message(out, 3, protocol::as_bytes(proof));
    if (!send(out)) return lose();
  }
  if (payload[0] == 0xff) {
    const auto error = protocol::parse_err(payload, negotiated_);
    said.what = reply::kind::error;
    said.number = error ? error->number : 0;
    said.text = error ? std::string(error->text) : "";
    close();
    return said;
  }
  said.what = reply::kind::ok;
  return said;
}

reply wire_client::command(std::uint8_t code, std::string_view rest) {
  byte_buffer payload{code}, out;
  payload.insert(payload.end(), rest.begin(), rest.end());
  protocol::append_message(out, 0, payload);
  if (!send(out)) return lose();
  return read_answer(code == 0x16);
}

reply wire_client::query(std::string_view text) {
  return command(0x03, text);
}

void wire_client::send_query(std::string_view text) {
  byte_buffer payload{0x03}, out;
  payload.insert(payload.end(), text.begin(), text.end());
  protocol::append_message(out, 0, payload);
  send(out);
}

reply wire_client::prepare(std::string_view text) {
  return command(0x16, text);
}

reply wire_client::execute(std::uint32_t statement, const std::vector<piece>& values) {
  byte_buffer rest;
  protocol::payload_writer write(rest);
  write.integer(statement, 4);
  write.integer(0, 1); // no cursor
  write.integer(1, 4);
  if (!values.empty()) {
    write.zeros((values.size() + 7) / 8); // none is NULL
    write.integer(1, 1);                  // types follow
    for (const auto& one : values) write.integer(one.what == piece::kind::number ? 8 : 253, 2);
    for (const auto& one : values) {
      if (one.what == piece::kind::number)
        write.integer(std::stoull(one.value), 8);
      else
        write.lenenc_string(one.value);
    }
  }
  return command(0x17, protocol::as_text(rest));
}

reply wire_client::read_answer(bool prepared) {
  hash_ = 0xcbf29ce484222325ULL;
  byte_buffer payload;
  if (!read_packet(payload) || payload.empty()) return lose();
  reply said;
  if (payload[0] == 0xff) {
    const auto error = protocol::parse_err(payload, negotiated_);
    if (!error) machine::the().fail("an error cannot be read");
    said.what = reply::kind::error;
    said.number = error->number;
    said.text = std::string(error->sql_state) + " " + std::string(error->text);
    said.hash = hash_;
    return said;
  }
  if (prepared) {
    protocol::payload_reader in(payload);
    in.skip(1);
    said.statement = static_cast<std::uint32_t>(in.integer(4));
    const auto columns = in.integer(2), parameters = in.integer(2);
    const bool has_eof = (negotiated_ & cap::deprecate_eof) == 0;
    for (const auto count : {parameters, columns})
      for (std::uint64_t i = 0; count > 0 && i < count + (has_eof ? 1 : 0); ++i)
        if (!read_packet(payload)) return lose();
    said.what = reply::kind::ok;
    return said;
  }
  if (payload[0] == 0x00) {
    const auto ok = protocol::parse_ok(payload, negotiated_);
    if (!ok) machine::the().fail("an OK cannot be read");
    said = {
        reply::kind::ok, 0, std::string(ok->info), ok->status, ok->warnings, ok->last_insert_id, 0, hash_};
    return said;
  }
  const auto columns = protocol::payload_reader(payload).lenenc_integer();
  const bool has_eof = (negotiated_ & cap::deprecate_eof) == 0;
  for (std::uint64_t i = 0; i < columns + (has_eof ? 1 : 0); ++i)
    if (!read_packet(payload)) return lose();
  for (;;) {
    if (!read_packet(payload) || payload.empty()) return lose();
    if (payload[0] == 0xff) {
      const auto error = protocol::parse_err(payload, negotiated_);
      said.what = reply::kind::error;
      said.number = error ? error->number : 0;
      return said;
    }
    if (payload[0] != 0xfe || payload.size() > 64) continue;
    said.what = reply::kind::rows;
    if (has_eof) {
      const auto eof = protocol::parse_eof(payload);
      said.warnings = eof ? eof->warnings : 0;
    } else {
      const auto ok = protocol::parse_ok(payload, negotiated_);
      said.warnings = ok ? ok->warnings : 0;
    }
    said.hash = hash_;
    return said;
  }
}

} // namespace holdwater::sim
