// Framing: a packet is a 4-byte header (3-byte little-endian payload length, 1-byte sequence id) and its
// payload. A payload of 0xffffff bytes is continued by the next packet; a logical message ends with the first
// shorter one, which may be empty.
//
// Source: MySQL "Protocol Basics / MySQL Packets".
// Worked example: 01 00 00 00 0e is sequence id 0 with the one-byte payload 0e, COM_PING.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::protocol {

using byte_span = std::span<const std::uint8_t>;
using byte_buffer = std::vector<std::uint8_t>;

inline constexpr std::size_t packet_header_size = 4;
inline constexpr std::size_t max_packet_payload = 0xffffff;

struct packet_header {
  std::uint32_t payload_size = 0; // bytes, 0 .. 0xffffff
  std::uint8_t sequence = 0;
};

// Reads the header at the front of `bytes`. Precondition: bytes.size() >= packet_header_size.
[[nodiscard]] inline packet_header read_packet_header(const std::uint8_t* bytes) {
  return {static_cast<std::uint32_t>(bytes[0] | bytes[1] << 8 | bytes[2] << 16), bytes[3]};
}

inline void write_packet_header(std::uint8_t* out, packet_header header) {
  out[0] = static_cast<std::uint8_t>(header.payload_size);
  out[1] = static_cast<std::uint8_t>(header.payload_size >> 8);
  out[2] = static_cast<std::uint8_t>(header.payload_size >> 16);
  out[3] = header.sequence;
}

// Appends `payload` to `out` as one logical message, split at 0xffffff bytes. Returns the next sequence id.
std::uint8_t append_message(byte_buffer& out, std::uint8_t sequence, byte_span payload);

// Reads little-endian integers and strings from a payload. A read past the end returns zero or an empty
// string and makes failed() true for good, so that a parser checks once, at its end.
class payload_reader {
 public:
  explicit payload_reader(byte_span bytes) : bytes_(bytes) {}

  std::uint64_t integer(std::size_t width); // width 1 .. 8 bytes, little-endian
  std::uint64_t lenenc_integer();           // "length-encoded integer"; 0xfb (NULL) and 0xff fail
  std::string_view fixed_string(std::size_t size);
  std::string_view lenenc_string();
  std::string_view null_terminated_string(); // a missing terminator fails
  std::string_view rest();
  void skip(std::size_t size);

  [[nodiscard]] std::size_t remaining() const { return failed_ ? 0 : bytes_.size() - at_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  byte_span bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

// Appends the same encodings to a buffer.
class payload_writer {
 public:
  explicit payload_writer(byte_buffer& out) : out_(out) {}

  void integer(std::uint64_t value, std::size_t width); // width 1 .. 8
  void lenenc_integer(std::uint64_t value);
  void bytes(std::string_view value);
  void bytes(byte_span value);
  void lenenc_string(std::string_view value);
  void null_terminated_string(std::string_view value);
  void zeros(std::size_t count);

 private:
  byte_buffer& out_;
};

[[nodiscard]] inline std::string_view as_text(byte_span bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline byte_span as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

} // namespace holdwater::protocol
