// The compressed protocol: what client and server say after the login travels in packets of its own, each
// with a 7-byte header (3-byte little-endian length of what follows, 1-byte sequence id, 3-byte length of
// that once it is expanded; 0 means that it is stored as it is). The packets inside are cut anywhere.
//
// Source: MySQL "Compression" and "Compressed Packet" (zlib: a zlib stream a packet; zstd since 8.0.18: a
// zstd frame a packet), MariaDB "Compression" (zlib only).
// Worked example: 05 00 00 00 00 00 00 | 01 00 00 00 0e is COM_PING, stored.
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/error.hpp"
#include "protocol/packet.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace holdwater::protocol {

enum class compression : std::uint8_t { none, zlib, zstd };

inline constexpr capabilities compression_flags = cap::compress | cap::zstd_compression;
inline constexpr std::size_t compressed_header_size = 7;
inline constexpr int zlib_level = 6; // the servers' own
inline constexpr int least_zstd_level = 1;
inline constexpr int default_zstd_level = 3;
inline constexpr int largest_zstd_level = 22;

// What both ends speak that have agreed on these flags: servers take zlib where both are set.
[[nodiscard]] compression compression_of(capabilities agreed);

// Makes packets. Holds the libraries' working memory, so one serves many connections of a thread.
class packet_compressor {
 public:
  packet_compressor();
  ~packet_compressor();
  packet_compressor(const packet_compressor&) = delete;
  packet_compressor& operator=(const packet_compressor&) = delete;

  // Appends one packet that holds `plain`, stored if it does not become smaller. `level` is zstd's.
  // Precondition: 1 .. 0xffffff bytes, `how` is not none.
  void append(byte_buffer& out, std::uint8_t sequence, byte_span plain, compression how, int level);

 private:
  struct engines;
  std::size_t compress(std::span<std::uint8_t> out, byte_span plain, compression how, int level);

  std::unique_ptr<engines> engines_;
};

// One packet's expansion; see compression.cpp.
class expander;

// Reads packets as their bytes come, in bounded memory: nothing is kept of them but what the library needs to
// go on, and between two packets not even that. Of a packet no more comes out than its header announces.
class packet_expander {
 public:
  explicit packet_expander(compression how);
  ~packet_expander();
  packet_expander(const packet_expander&) = delete;
  packet_expander& operator=(const packet_expander&) = delete;

  struct progress {
    std::size_t consumed = 0; // of what came in
    std::size_t produced = 0; // into the room
    bool began = false;       // a packet's header is complete: sequence() is its own; nothing is produced yet
  };
  // Goes on until `in` or `room` is used up or a header or packet is complete. Zero progress: it wants more
  // of `in`. Errors: malformed_packet, and then for good. Precondition: `room` is not empty.
  [[nodiscard]] result<progress> feed(byte_span in, std::span<std::uint8_t> room);

  [[nodiscard]] std::uint8_t sequence() const { return header_[3]; } // of the packet that began last
  // More may come out without more going in.
  [[nodiscard]] bool has_pending() const { return in_packet_ && (missing_in_ == 0 || filled_room_); }

 private:
  [[nodiscard]] result<progress> take_header(byte_span in);
  [[nodiscard]] result<progress> take_stored(byte_span in, std::span<std::uint8_t> room);
  [[nodiscard]] result<progress> expand(byte_span in, std::span<std::uint8_t> room);
  void end_packet();

  compression how_;
  std::array<std::uint8_t, compressed_header_size> header_{};
  std::size_t header_seen_ = 0;
  std::size_t missing_in_ = 0;  // of the packet, as it travels
  std::size_t missing_out_ = 0; // of the packet, expanded
  bool in_packet_ = false;
  bool stored_ = false;
  bool filled_room_ = false; // the last expansion ended for want of room
  bool broken_ = false;
  std::unique_ptr<expander> engine_; // of the packet that is not whole yet
};

} // namespace holdwater::protocol
