// The compressed protocol's packets: both libraries, both ways, cut and split everywhere, and what must not
// be believed.
#include "protocol/compression.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace holdwater::protocol;

namespace {

constexpr compression both[] = {compression::zlib, compression::zstd};

byte_buffer plain_bytes(std::size_t size, bool compressible) {
  std::mt19937 random(static_cast<unsigned>(size));
  byte_buffer out(size);
  for (std::size_t at = 0; at < size; ++at)
    out[at] = static_cast<std::uint8_t>(compressible ? "SELECT 1, "[at % 10] : random());
  return out;
}

byte_buffer packed(byte_span plain, compression how, std::uint8_t sequence = 0,
                   int level = default_zstd_level) {
  packet_compressor compressor;
  byte_buffer out;
  compressor.append(out, sequence, plain, how, level);
  return out;
}

// Everything that `in` holds, given in pieces of `in_piece` and taken in pieces of `room`.
result<byte_buffer> unpacked(byte_span in, compression how, std::size_t in_piece, std::size_t room) {
  packet_expander expander(how);
  byte_buffer out, part(room);
  while (!in.empty() || expander.has_pending()) {
    auto piece = in.first(std::min(in.size(), in_piece));
    while (!piece.empty() || expander.has_pending()) {
      const auto done = expander.feed(piece, part);
      if (done.has_error()) return done.error();
      out.insert(out.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(done->produced));
      piece = piece.subspan(done->consumed);
      in = in.subspan(done->consumed);
    }
  }
  return out;
}

} // namespace

TEST_CASE("the worked example is a stored ping") {
  const auto ping = test::from_hex("01 00 00 00 0e");
  CHECK(packed(ping, compression::zlib) == test::from_hex("05 00 00 00 00 00 00 01 00 00 00 0e"));
  CHECK(packed(ping, compression::zstd, 7) == test::from_hex("05 00 00 07 00 00 00 01 00 00 00 0e"));
}

TEST_CASE("what was packed comes out again, of every size, split at every read") {
  for (const auto how : both)
    for (const bool compressible : {true, false})
      for (const std::size_t size : {1, 49, 50, 51, 300, 70000}) {
        const auto plain = plain_bytes(size, compressible);
        const auto packet = packed(plain, how);
        CHECK(packet.size() <= compressed_header_size + size);
        for (const std::size_t in_piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, packet.size()})
          for (const std::size_t room : {std::size_t{1}, std::size_t{13}, std::size_t{16384}, size})
            if (size < 1000 || (in_piece > 7 && room > 13))
              CHECK(*unpacked(packet, how, in_piece, room) == plain);
      }
}

TEST_CASE("packets of 16 MiB and several behind each other come out whole") {
  for (const auto how : both) {
    byte_buffer all, wanted;
    packet_compressor compressor;
    for (const std::size_t size : {max_packet_payload, std::size_t{10}, std::size_t{100000}}) {
      const auto plain = plain_bytes(size, size != 100000);
      compressor.append(all, 0, plain, how, 1);
      wanted.insert(wanted.end(), plain.begin(), plain.end());
    }
    CHECK(*unpacked(all, how, 16384, 65536) == wanted);
  }
}

TEST_CASE("every level of zstd is read") {
  const auto plain = plain_bytes(200000, true);
  for (int level = 1; level <= largest_zstd_level; ++level)
    CHECK(*unpacked(packed(plain, compression::zstd, 0, level), compression::zstd, 5000, 5000) == plain);
}

TEST_CASE("a packet that is cut gives nothing more and no error") {
  for (const auto how : both) {
    const auto plain = plain_bytes(300, true);
    const auto packet = packed(plain, how);
    for (std::size_t cut = 0; cut < packet.size(); ++cut) {
      const auto out = unpacked(byte_span(packet).first(cut), how, cut + 1, 1000);
      REQUIRE(out.has_value());
      CHECK(out->size() <= plain.size());
    }
  }
}

TEST_CASE("each packet tells its own sequence id when its header is there") {
  packet_expander expander(compression::zlib);
  byte_buffer room(100), all = packed(plain_bytes(60, true), compression::zlib, 254);
  const auto second = packed(plain_bytes(60, true), compression::zlib, 255);
  all.insert(all.end(), second.begin(), second.end());
  std::string seen;
  for (byte_span in = all; !in.empty();) {
    const auto done = expander.feed(in.first(1), room);
    REQUIRE(done.has_value());
    if (done->began) seen += std::to_string(expander.sequence()) + " ";
    in = in.subspan(done->consumed);
  }
  CHECK(seen == "254 255 ");
}

TEST_CASE("lengths that are not the truth, and junk, are refused for good") {
  for (const auto how : both) {
    const auto plain = plain_bytes(300, true);
    for (const int change : {-1, 1}) {
      for (const std::size_t at : {std::size_t{0}, std::size_t{4}}) { // either length
        auto packet = packed(plain, how);
        packet[at] = static_cast<std::uint8_t>(packet[at] + change);
        packet.resize(packet.size() + 20);
        packet_expander expander(how);
        byte_buffer room(1000);
        bool failed = false;
        for (byte_span in = packet; !in.empty() && !failed;) {
          const auto done = expander.feed(in, room);
          failed = done.has_error();
          if (!failed) in = in.subspan(done->consumed);
          if (failed) CHECK(expander.feed(in, room).error() == errc::malformed_packet);
        }
        CHECK(failed);
      }
    }
    auto junk = test::from_hex("14 00 00 00 64 00 00");
    junk.resize(junk.size() + 20, 0x5a);
    CHECK(unpacked(junk, how, 100, 100).has_error());
  }
}

TEST_CASE("zlib is spoken where both are agreed on") {
  CHECK(compression_of(0) == compression::none);
  CHECK(compression_of(cap::compress) == compression::zlib);
  CHECK(compression_of(cap::zstd_compression) == compression::zstd);
  CHECK(compression_of(cap::zstd_compression | cap::compress) == compression::zlib);
}

TEST_CASE("a compressed statement is MySQL's example of one") {
  const auto statement =
      test::from_hex("2e 00 00 00 03 73 65 6c 65 63 74 20 22 30 31 32 33 34 35 36 37 38 39 30 31 32 "
                     "33 34 35 36 37 38 39 30 31 32 33 34 35 36 37 38 39 30 31 32 33 34 35 22");
  const auto packet =
      test::from_hex("22 00 00 00 32 00 00 78 9c d3 63 60 60 60 2e 4e cd 49 4d 2e 51 50 32 30 34 32 36 31 "
                     "35 33 b7 b0 c4 cd 52 02 00 0c d1 0a 6c");
  CHECK(*unpacked(packet, compression::zlib, 1, 1) == statement);
  CHECK(packed(statement, compression::zlib) == packet);
}

TEST_CASE("a packet that holds nothing is passed over") {
  const auto nothing = test::from_hex("00 00 00 00 00 00 00  05 00 00 00 00 00 00 01 00 00 00 0e");
  CHECK(*unpacked(nothing, compression::zlib, 1, 10) == test::from_hex("01 00 00 00 0e"));
  CHECK(unpacked(test::from_hex("00 00 00 00 05 00 00"), compression::zlib, 7, 10).has_error());
}

TEST_CASE("what is left inside the library comes out without more going in") {
  for (const auto how : both) {
    const auto plain = plain_bytes(70000, true);
    const auto packet = packed(plain, how);
    packet_expander expander(how);
    byte_buffer room(1), out;
    for (byte_span in = packet; !in.empty();) {
      const auto done = expander.feed(in, room); // one byte of room: the library takes much and gives little
      REQUIRE(done.has_value());
      out.insert(out.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(done->produced));
      in = in.subspan(done->consumed);
    }
    while (expander.has_pending()) {
      const auto done = expander.feed({}, room);
      REQUIRE(done.has_value());
      out.insert(out.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(done->produced));
    }
    CHECK(out == plain);
  }
}

TEST_CASE("a bomb stays within what its header announced") {
  // 16 MiB of zeros in some kilobytes, announced as 100 bytes
  for (const auto how : both) {
    auto packet = packed(byte_buffer(max_packet_payload, 0), how);
    packet[4] = 100;
    packet[5] = packet[6] = 0;
    CHECK(unpacked(packet, how, 1 << 20, 1 << 20).has_error());
  }
}
