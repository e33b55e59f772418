// The compressed protocol below the sessions: which side speaks it, the numbers of its packets and of those
// inside, packets in pieces, and peers that do not keep to it.
#include "protocol/compression.hpp"
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
using protocol::byte_buffer;
using protocol::byte_span;
using protocol::compression;
namespace cap = protocol::cap;

namespace {

byte_buffer framed(std::uint8_t sequence, byte_span payload) {
  byte_buffer out;
  protocol::append_message(out, sequence, payload);
  return out;
}

byte_buffer joined(byte_buffer first, const byte_buffer& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

byte_buffer packed(std::uint8_t number, byte_span plain, compression how = compression::zlib) {
  protocol::packet_compressor compressor;
  byte_buffer out;
  compressor.append(out, number, plain, how, protocol::default_zstd_level);
  return out;
}

// The content of the next compressed packet, which has that number.
byte_buffer unpack(peer& from, std::uint8_t number, compression how = compression::zlib) {
  auto packet = from.read(protocol::compressed_header_size);
  REQUIRE(packet[3] == number);
  const auto body = from.read(protocol::read_packet_header(packet.data()).payload_size);
  packet.insert(packet.end(), body.begin(), body.end());
  protocol::packet_expander expander(how);
  byte_buffer out, room(1 << 16);
  for (byte_span in = packet; !in.empty() || expander.has_pending();) {
    const auto done = expander.feed(in, room);
    REQUIRE(done.has_value());
    out.insert(out.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(done->produced));
    in = in.subspan(done->consumed);
  }
  return out;
}

void expect_inside(peer& from, std::uint8_t number, const byte_buffer& plain,
                   compression how = compression::zlib) {
  const auto got = unpack(from, number, how);
  REQUIRE(protocol::as_text(got) == protocol::as_text(plain));
}

// A known account's client that asks for `flags`, up to its response.
peer come_with(stage& here, protocol::capabilities flags, std::uint8_t level = 3) {
  auto client = here.connect();
  const auto hello = protocol::parse_greeting(client.read_packet().payload);
  REQUIRE(hello.has_value());
  CHECK((hello->server_capabilities & protocol::compression_flags) == protocol::compression_flags);
  auto response = stage::response_to(*hello, std::string(known_user), std::string(password));
  response.client_capabilities |= flags;
  response.zstd_level = level;
  byte_buffer out;
  protocol::append_handshake_response(out, 1, response);
  client.send(out);
  return client;
}

stage::pair log_in_with(stage& here, protocol::capabilities flags) {
  stage::pair ends;
  ends.client = come_with(here, flags);
  ends.server = here.accept();
  CHECK((here.serve_login(ends.server).client_capabilities & protocol::compression_flags) == 0);
  ends.client.expect(2, ok());
  return ends;
}

const auto statement =
    query("SELECT a FROM t /* ........................................................ */");
const auto answer = result_set({"one", std::string(200, 'x')});

// The command that was sent is plain at the server; its answer comes compressed, under that number.
void expect_exchange(stage::pair& ends, const byte_buffer& command, std::uint8_t number,
                     compression how = compression::zlib) {
  ends.server.expect(0, command);
  ends.server.send(answer);
  expect_inside(ends.client, number, answer, how);
}

} // namespace

TEST_CASE("a client compresses and the server never hears of it") {
  for (const auto flag : {cap::compress, cap::zstd_compression}) {
    const auto how = protocol::compression_of(flag);
    stage here;
    auto ends = log_in_with(here, flag);
    for (int time = 0; time < 3; ++time) {
      ends.client.send(packed(0, framed(0, statement), how));
      expect_exchange(ends, statement, 1, how);
    }
  }
}

TEST_CASE("a client that asks for both gets zlib") {
  stage here;
  auto ends = log_in_with(here, protocol::compression_flags);
  ends.client.send(packed(0, framed(0, statement)));
  expect_exchange(ends, statement, 1);
}

TEST_CASE("a statement over several packets, its header too, is answered with the number behind the last") {
  stage here;
  auto ends = log_in_with(here, cap::compress);
  const auto plain = framed(0, statement);
  byte_buffer out = packed(0, byte_span(plain).first(2));
  out = joined(out, packed(1, byte_span(plain).subspan(2, 3)));
  out = joined(out, packed(2, byte_span(plain).subspan(5)));
  ends.client.send_in_pieces(out);
  ends.server.expect(0, statement);
  const byte_span whole(answer);
  ends.server.send(whole.first(30));
  expect_inside(ends.client, 3, byte_buffer(whole.begin(), whole.begin() + 30));
  ends.server.send(whole.subspan(30));
  expect_inside(ends.client, 4, byte_buffer(whole.begin() + 30, whole.end()));
}

TEST_CASE("commands that come together, in packets of their own, are answered with numbers of their own") {
  stage here;
  auto ends = log_in_with(here, cap::compress);
  const auto one = query("SELECT 1"), two = query("SELECT 2");
  const auto second = framed(0, two);
  byte_buffer out = packed(0, framed(0, one));
  out = joined(out, packed(0, byte_span(second).first(6)));
  out = joined(out, packed(1, byte_span(second).subspan(6)));
  out = joined(out, packed(0, framed(0, one)));
  ends.client.send(out);
  expect_exchange(ends, one, 1);
  expect_exchange(ends, two, 2);
  expect_exchange(ends, one, 1);
}

TEST_CASE("a client that does not number its inner packets anew is understood all the same") {
  stage here;
  auto ends = log_in_with(here, cap::compress);
  for (const std::uint8_t inner : {0, 1, 200}) {
    ends.client.send(packed(0, framed(inner, statement)));
    expect_exchange(ends, statement, 1);
  }
}

TEST_CASE("two commands in one packet are both answered") {
  stage here;
  auto ends = log_in_with(here, cap::compress);
  ends.client.send(packed(0, joined(framed(0, query("SELECT 1")), framed(0, query("SELECT 2")))));
  expect_exchange(ends, query("SELECT 1"), 1);
  expect_exchange(ends, query("SELECT 2"), 2);
}

TEST_CASE("a server compresses and its client never hears of it") {
  for (const std::string how : {"zlib", "zstd"}) {
    const auto kind = how == "zlib" ? compression::zlib : compression::zstd;
    stage here;
    here.use_compression(how, 7);
    auto client = come_with(here, 0);
    auto server = here.accept();
    const auto login = here.serve_login(server);
    CHECK((login.client_capabilities & protocol::compression_flags) ==
          (how == "zlib" ? cap::compress : cap::zstd_compression));
    if (how == "zstd") CHECK(login.zstd_level == 7);
    client.expect(2, ok());
    for (int time = 0; time < 3; ++time) {
      client.send_packet(0, statement);
      expect_inside(server, 0, framed(0, statement), kind);
      // The server counts its inner packets anew with each flush; a plain client must not see that.
      const byte_span whole(answer);
      const auto head =
          protocol::packet_header_size + protocol::read_packet_header(whole.data()).payload_size;
      byte_buffer rest(whole.begin() + static_cast<std::ptrdiff_t>(head), whole.end());
      rest[3] = 77;
      server.send(packed(1, whole.first(head), kind));
      server.send_in_pieces(packed(2, rest, kind));
      client.expect_bytes(answer);
    }
  }
}

TEST_CASE("a server that does not offer compression is spoken to without") {
  stage here;
  here.use_compression("zlib");
  auto client = come_with(here, 0);
  auto server = here.accept(protocol::compression_flags);
  CHECK((here.serve_login(server).client_capabilities & protocol::compression_flags) == 0);
  client.expect(2, ok());
  client.send_packet(0, statement);
  server.expect(0, statement);
}

TEST_CASE("a connection that takes a lost one's place compresses again") {
  stage here;
  here.use_compression("zlib");
  auto client = come_with(here, cap::zstd_compression);
  auto server = here.accept();
  here.serve_login(server);
  client.expect(2, ok());
  for (int time = 0; time < 2; ++time) {
    client.send(packed(0, framed(0, statement), compression::zstd));
    expect_inside(server, 0, framed(0, statement));
    server.send(packed(1, answer));
    expect_inside(client, 1, answer, compression::zstd);
    if (time == 1) break;
    server.hang_up();
    client.send(packed(0, framed(0, statement), compression::zstd));
    server = here.accept();
    CHECK((here.serve_login(server).client_capabilities & cap::compress) != 0);
    expect_inside(server, 0, framed(0, statement));
    server.send(packed(1, answer));
    expect_inside(client, 1, answer, compression::zstd);
  }
}

TEST_CASE("a level that zstd has not is refused, as by a server") {
  for (const std::uint8_t level : {0, 23, 255}) {
    stage here;
    auto client = come_with(here, cap::zstd_compression, level);
    expect_err(client.read_packet(), 1043, "08S01");
    client.expect_closed();
  }
}

TEST_CASE("a client whose packets are not what they say loses its connection") {
  for (const std::string_view junk : {"\x14\0\0\0\x64\0\0 this is no zlib data at all", "\0\0\0\0\x64\0\0"}) {
    stage here;
    auto ends = log_in_with(here, cap::compress);
    ends.client.send(bytes(junk.size() > 7 ? junk : std::string_view("\0\0\0\0\x64\0\0", 7)));
    ends.client.expect_closed();
    ends.server.expect_closed();
  }
}

TEST_CASE("a server whose packets are not what they say is taken for lost") {
  stage here;
  here.use_compression("zlib");
  auto client = come_with(here, 0);
  auto server = here.accept();
  here.serve_login(server);
  client.expect(2, ok());
  client.send_packet(0, query("UPDATE t SET a = a + 1"));
  unpack(server, 0);
  server.send(bytes(std::string_view("\x05\0\0\1\x64\0\0 junk, and more", 22)));
  server.expect_closed();
  here.wait_for(server_state::suspect);
}
