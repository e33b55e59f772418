// Framing and the integer and string encodings of payloads.
//
// Source: MySQL "Protocol Basics": "MySQL Packets", "Integer Types", "String Types".
#include "protocol/packet.hpp"

#include <algorithm>
#include <cassert>

namespace holdwater::protocol {
namespace {

constexpr std::uint8_t two_bytes_follow = 0xfc;
constexpr std::uint8_t three_bytes_follow = 0xfd;
constexpr std::uint8_t eight_bytes_follow = 0xfe;

} // namespace

std::uint8_t append_message(byte_buffer& out, std::uint8_t sequence, byte_span payload) {
  for (;;) {
    const std::size_t part = std::min(payload.size(), max_packet_payload);
    const std::size_t at = out.size();
    out.resize(at + packet_header_size);
    write_packet_header(out.data() + at, {static_cast<std::uint32_t>(part), sequence++});
    out.insert(out.end(), payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(part));
    payload = payload.subspan(part);
    if (part < max_packet_payload) return sequence;
  }
}

std::uint64_t payload_reader::integer(std::size_t width) {
  assert(width >= 1 && width <= 8);
  if (width > remaining()) [[unlikely]] {
    failed_ = true;
    return 0;
  }
  const auto* const from = bytes_.data() + at_;
  at_ += width;
  if (width == 1) return from[0];
  if (width == 2) return from[0] | static_cast<std::uint64_t>(from[1]) << 8;
  std::uint64_t value = 0;
  for (std::size_t i = width; i-- > 0;) value = value << 8 | from[i];
  return value;
}

std::uint64_t payload_reader::lenenc_integer() {
  const auto first = static_cast<std::uint8_t>(integer(1));
  switch (first) {
  case two_bytes_follow: return integer(2);
  case three_bytes_follow: return integer(3);
  case eight_bytes_follow: return integer(8);
  case 0xfb:
  case 0xff: failed_ = true; return 0;
  default: return first;
  }
}

std::string_view payload_reader::fixed_string(std::size_t size) {
  if (size > remaining()) {
    failed_ = true;
    return {};
  }
  const std::string_view value = as_text(bytes_.subspan(at_, size));
  at_ += size;
  return value;
}

std::string_view payload_reader::lenenc_string() {
  const std::uint64_t size = lenenc_integer();
  return fixed_string(size);
}

std::string_view payload_reader::null_terminated_string() {
  if (failed_) return {};
  const std::size_t size = as_text(bytes_.subspan(at_)).find('\0');
  if (size == std::string_view::npos) {
    failed_ = true;
    return {};
  }
  const std::string_view value = fixed_string(size);
  skip(1);
  return value;
}

std::string_view payload_reader::rest() {
  return fixed_string(remaining());
}

void payload_reader::skip(std::size_t size) {
  static_cast<void>(fixed_string(size));
}

void payload_writer::integer(std::uint64_t value, std::size_t width) {
  assert(width >= 1 && width <= 8);
  for (std::size_t i = 0; i < width; ++i) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void payload_writer::lenenc_integer(std::uint64_t value) {
  if (value < 0xfb) return integer(value, 1);
  const std::size_t width = value <= 0xffff ? 2 : value <= 0xffffff ? 3 : 8;
  integer(width == 2 ? two_bytes_follow : width == 3 ? three_bytes_follow : eight_bytes_follow, 1);
  integer(value, width);
}

void payload_writer::bytes(std::string_view value) {
  bytes(as_bytes(value));
}

void payload_writer::bytes(byte_span value) {
  out_.insert(out_.end(), value.begin(), value.end());
}

void payload_writer::lenenc_string(std::string_view value) {
  lenenc_integer(value.size());
  bytes(value);
}

void payload_writer::null_terminated_string(std::string_view value) {
  bytes(value);
  zeros(1);
}

void payload_writer::zeros(std::size_t count) {
  out_.insert(out_.end(), count, 0);
}

} // namespace holdwater::protocol
