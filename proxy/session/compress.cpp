// The compressed protocol, on both sides: it begins with the first command after the login. Each side decides
// for itself; neither learns what the other does.
#include "proxy/session/session.hpp"

namespace holdwater::proxy {

namespace cap = protocol::cap;
using protocol::compression;

// What the server does not offer its clients are not offered either: the greeting is its own.
protocol::capabilities compression_offers(const options& settings, const protocol::greeting& hello) {
  return settings.client_compression ? hello.server_capabilities & protocol::compression_flags : 0;
}

// For the whole of a login, its request for TLS too: MySQL's server reads no capabilities after that.
void ask_for_compression(protocol::handshake_response& login, const options& settings,
                         link_attempt& attempt) {
  const auto& wanted = settings.server.compression;
  const bool follows = wanted == "as_client";
  const bool zlib = follows ? attempt.client_compression == compression::zlib : wanted == "zlib";
  const bool zstd = follows ? attempt.client_compression == compression::zstd : wanted == "zstd";
  const auto asked = zlib ? cap::compress : zstd ? cap::zstd_compression : 0;
  login.client_capabilities |= asked & attempt.hello.server_capabilities;
  if (!follows) login.zstd_level = static_cast<std::uint8_t>(settings.server.compression_level);
  attempt.link->compression = protocol::compression_of(login.client_capabilities);
  attempt.link->zstd_level = login.zstd_level;
}

// Behind the OK of its login; whatever is logged in over the link later, it stays.
void begin_compression(server_link& link) {
  if (link.compression == compression::none || link.stream->compressed()) return;
  link.stream->add_compression(facing::server, link.compression, link.zstd_level);
}

// Whether what the client asks for makes sense; it is told when not.
task<bool> session::compressible(protocol::capabilities offered, std::uint8_t sequence) {
  client_compression_ = protocol::compression_of(login_.client_capabilities & offered);
  const int level = login_.zstd_level;
  if (client_compression_ != compression::zstd ||
      (level >= protocol::least_zstd_level && level <= protocol::largest_zstd_level))
    co_return true;
  co_return co_await deny(client_error::bad_handshake, "the compression level of zstd is from 1 to 22",
                          sequence);
}

// Behind the OK of its login.
void session::compress_client() {
  if (client_compression_ != compression::none && !client_->closed())
    client_->add_compression(facing::client, client_compression_, login_.zstd_level);
}

} // namespace holdwater::proxy
