// Every parser survives every cut and random bytes. Each input is copied to memory of its exact size, so that
// a read past its end is seen by the address sanitizer.
#include "protocol/auth.hpp"
#include "protocol/command.hpp"
#include "protocol/handshake.hpp"
#include "protocol/messages.hpp"
#include "protocol/response_tracker.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <random>

using namespace holdwater::protocol;

namespace {

// Counts what was accepted, so that no call can be left out by the compiler.
std::size_t parse_everything(byte_span bytes, capabilities negotiated) {
  std::size_t accepted = 0;
  accepted += parse_ok(bytes, negotiated).has_value();
  accepted += parse_err(bytes, negotiated).has_value();
  accepted += parse_eof(bytes).has_value();
  accepted += parse_greeting(bytes).has_value();
  accepted += parse_handshake_response(bytes).has_value();
  accepted += parse_auth_switch(bytes).has_value();
  accepted += parse_change_user(bytes, negotiated).has_value();
  accepted += parse_query(bytes, negotiated).has_value();
  accepted += is_ssl_request(bytes);
  accepted += parse_server_version(as_text(bytes)).number;
  return accepted;
}

std::size_t authenticate_with(byte_span bytes) {
  greeting hello;
  hello.auth_plugin = plugin::caching_sha2_password;
  auth_client client("pw", true);
  client.start(hello);
  std::size_t accepted = client.feed(bytes).has_value();
  for (const std::string_view offered : {plugin::mysql_native_password, plugin::caching_sha2_password}) {
    authenticator asked("pw", std::string(offered), hello.salt, false);
    accepted += asked.start(offered, bytes) == authenticator::step::succeed;
    accepted += asked.feed(bytes) == authenticator::step::succeed;
  }
  return accepted;
}

std::size_t parse_exactly(byte_span bytes, capabilities negotiated) {
  const auto exact = std::make_unique<std::uint8_t[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), exact.get());
  const byte_span view(exact.get(), bytes.size());
  return parse_everything(view, negotiated) + authenticate_with(view);
}

} // namespace

TEST_CASE("every packet of the recorded answers can be cut anywhere, and given to any parser") {
  std::size_t accepted = 0;
  for (const test::answer& each : test::load_answers("mysql")) {
    byte_span rest = each.bytes;
    while (!rest.empty()) {
      const std::size_t size = packet_header_size + read_packet_header(rest.data()).payload_size;
      const byte_span payload = rest.subspan(packet_header_size, size - packet_header_size);
      for (std::size_t cut = 0; cut <= std::min<std::size_t>(payload.size(), 64); ++cut)
        accepted += parse_exactly(payload.first(cut), each.negotiated);
      rest = rest.subspan(size);
    }
  }
  CHECK(accepted > 0);
}

TEST_CASE("no parser reads past random bytes") {
  std::mt19937 random(test::test_seed());
  constexpr std::uint8_t interesting[] = {0, 1, 3, 0x0a, 0x11, 0x41, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
  constexpr std::uint8_t first_bytes[] = {0x00, 0x01, 0x03, 0x0a, 0x11, 0xfe, 0xff};
  for (int round = 0; round < 30000; ++round) {
    byte_buffer bytes(random() % 90);
    for (std::uint8_t& byte : bytes) byte = random() % 2 ? interesting[random() % 12] : random() % 256;
    if (!bytes.empty() && random() % 4 != 0) bytes.front() = first_bytes[random() % 7];
    const capabilities negotiated = static_cast<capabilities>(random()) << 32 | random();
    static_cast<void>(parse_exactly(bytes, negotiated));
  }
}
