#include "protocol/proxy_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace holdwater::protocol {
namespace {

constexpr std::string_view text_signature = "PROXY";
constexpr std::string_view binary_signature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t longest_line = 107; // with its CR LF
constexpr std::size_t binary_head = 16;   // signature, version and command, family, length

constexpr std::uint8_t command_local = 0x0;
constexpr std::uint8_t command_proxy = 0x1;
constexpr std::uint8_t family_v4 = 0x1;
constexpr std::uint8_t family_v6 = 0x2;
constexpr std::uint8_t family_unix = 0x3;
constexpr std::uint8_t transport_stream = 0x1;
constexpr std::uint8_t transport_datagram = 0x2;

bool begins_alike(std::string_view text, std::string_view signature) {
  const auto common = std::min(text.size(), signature.size());
  return text.substr(0, common) == signature.substr(0, common);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc() && end == text.data() + text.size() && !text.empty() &&
                    (text.size() == 1 || text[0] != '0');
  return good ? std::optional(value) : std::nullopt;
}

// The words behind "PROXY TCP4 ": two addresses, two ports, one space between any two.
result<proxy_header> read_addresses(std::string_view rest, bool v6) {
  std::string_view words[4];
  for (auto& word : words) {
    const bool last = &word == &words[3];
    const auto space = rest.find(' ');
    if ((space == rest.npos) != last) return errc::malformed_packet;
    word = rest.substr(0, space);
    rest.remove_prefix(last ? rest.size() : space + 1);
  }
  const auto from = parse_ip(words[0]), to = parse_ip(words[1]);
  const auto from_port = parse_port(words[2]), to_port = parse_port(words[3]);
  if (!from || !to || from->v6 != v6 || to->v6 != v6 || !from_port || !to_port) return errc::malformed_packet;
  proxy_header header;
  header.source = {unmapped(*from), *from_port};
  header.destination = {unmapped(*to), *to_port};
  return header;
}

result<proxy_header_read> read_line(std::string_view text) {
  const auto end = text.substr(0, longest_line).find("\r\n");
  if (end == text.npos) {
    // a lone CR or LF does not end the line, and may not stand in it
    const auto cr = text.find('\r');
    const bool lone = text.find('\n') != text.npos || (cr != text.npos && cr + 1 < text.size());
    if (lone || text.size() >= longest_line) return errc::malformed_packet;
    return proxy_header_read{proxy_header_state::incomplete, {}};
  }
  const auto line = text.substr(0, end);
  if (line.find_first_of("\r\n") != line.npos) return errc::malformed_packet;
  result<proxy_header> header = proxy_header{};
  if (line.starts_with("PROXY TCP4 "))
    header = read_addresses(line.substr(11), false);
  else if (line.starts_with("PROXY TCP6 "))
    header = read_addresses(line.substr(11), true);
  else if (line != "PROXY UNKNOWN" && !line.starts_with("PROXY UNKNOWN "))
    return errc::malformed_packet;
  if (header.has_error()) return header.error();
  header->size = end + 2;
  return proxy_header_read{proxy_header_state::complete, *header};
}

ip_endpoint endpoint_at(byte_span addresses, std::size_t size, bool second) {
  ip_endpoint out;
  out.address.v6 = size == 16;
  std::copy_n(addresses.begin() + static_cast<std::ptrdiff_t>(second ? size : 0), size,
              out.address.bytes.begin());
  out.address = unmapped(out.address);
  const auto port = 2 * size + (second ? 2 : 0);
  out.port = static_cast<std::uint16_t>(addresses[port] << 8 | addresses[port + 1]);
  return out;
}

// `body` is what the length announces: the addresses, then extensions that are passed over.
result<proxy_header> read_body(std::uint8_t family, std::uint8_t transport, byte_span body) {
  constexpr std::size_t unix_size = 2UL * 108;
  const std::size_t size = family == family_v4 ? 4 : family == family_v6 ? 16 : 0;
  if (family > family_unix || transport > transport_datagram) return errc::malformed_packet;
  if (body.size() < (family == family_unix ? unix_size : size == 0 ? 0 : 2 * size + 4))
    return errc::malformed_packet;
  proxy_header header;
  if (transport != transport_stream) return header;
  header.local = family == family_unix;
  if (size == 0) return header;
  header.source = endpoint_at(body, size, false);
  header.destination = endpoint_at(body, size, true);
  return header;
}

result<proxy_header_read> read_binary(byte_span bytes) {
  if (bytes.size() > 12 && bytes[12] >> 4 != 2) return errc::malformed_packet;
  if (bytes.size() < binary_head) return proxy_header_read{proxy_header_state::incomplete, {}};
  const std::uint8_t command = bytes[12] & 0x0f;
  const std::size_t length = static_cast<std::size_t>(bytes[14]) << 8 | bytes[15];
  if (command > command_proxy || binary_head + length > longest_proxy_header) return errc::malformed_packet;
  if (bytes.size() < binary_head + length) return proxy_header_read{proxy_header_state::incomplete, {}};
  result<proxy_header> header = proxy_header{};
  if (command != command_local)
    header = read_body(bytes[13] >> 4, bytes[13] & 0x0f, bytes.subspan(binary_head, length));
  if (header.has_error()) return header.error();
  header->size = binary_head + length;
  return proxy_header_read{proxy_header_state::complete, *header};
}

void append_line(byte_buffer& out, const std::optional<ip_endpoint>& from,
                 const std::optional<ip_endpoint>& to) {
  std::string line = "PROXY UNKNOWN\r\n";
  if (from)
    line = fmt::format("PROXY {} {} {} {} {}\r\n", from->address.v6 ? "TCP6" : "TCP4",
                       print_ip(from->address), print_ip(to->address), from->port, to->port);
  out.insert(out.end(), line.begin(), line.end());
}

void append_binary(byte_buffer& out, const std::optional<ip_endpoint>& from,
                   const std::optional<ip_endpoint>& to) {
  const std::size_t size = !from ? 0 : from->address.v6 ? 16 : 4;
  const std::size_t length = from ? 2 * size + 4 : 0;
  const std::uint8_t family = size == 16 ? family_v6 : family_v4;
  out.insert(out.end(), binary_signature.begin(), binary_signature.end());
  out.push_back(from ? 0x20 | command_proxy : 0x20 | command_local);
  out.push_back(from ? static_cast<std::uint8_t>(family << 4 | transport_stream) : 0);
  out.push_back(0);
  out.push_back(static_cast<std::uint8_t>(length));
  if (!from) return;
  for (const auto* one : {&*from, &*to})
    out.insert(out.end(), one->address.bytes.begin(),
               one->address.bytes.begin() + static_cast<std::ptrdiff_t>(size));
  for (const auto* one : {&*from, &*to}) {
    out.push_back(static_cast<std::uint8_t>(one->port >> 8));
    out.push_back(static_cast<std::uint8_t>(one->port));
  }
}

} // namespace

result<proxy_header_read> read_proxy_header(byte_span bytes) {
  const auto text = as_text(bytes);
  if (bytes.empty()) return proxy_header_read{proxy_header_state::incomplete, {}};
  if (begins_alike(text, text_signature)) return read_line(text);
  if (begins_alike(text, binary_signature)) return read_binary(bytes);
  return proxy_header_read{};
}

// Both ends must be of one family: else nothing can be said.
void append_proxy_header(byte_buffer& out, proxy_version version, const std::optional<ip_endpoint>& source,
                         const std::optional<ip_endpoint>& destination) {
  const bool both = source && destination && source->address.v6 == destination->address.v6;
  const auto from = both ? source : std::nullopt;
  const auto to = both ? destination : std::nullopt;
  version == proxy_version::v1 ? append_line(out, from, to) : append_binary(out, from, to);
}

} // namespace holdwater::protocol
