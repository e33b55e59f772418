// The PROXY protocol's header, from bytes: the examples of its specification, and what is no header.
#include "protocol/proxy_header.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace holdwater::protocol;
using namespace std::string_literals;

namespace {

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string line = "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n";

ip_endpoint at(std::string_view address, std::uint16_t port) {
  return {*parse_ip(address), port};
}

proxy_header whole(const std::string& bytes) {
  CAPTURE(bytes);
  const auto found = read_proxy_header(as_bytes(bytes));
  REQUIRE(found.has_value());
  REQUIRE(found->state == proxy_header_state::complete);
  return found->header;
}

bool is_malformed(const std::string& bytes) {
  const auto found = read_proxy_header(as_bytes(bytes));
  return found.has_error() && found.error() == errc::malformed_packet;
}

std::string binary(std::uint8_t version_and_command, std::uint8_t family, const std::string& body) {
  return signature + static_cast<char>(version_and_command) + static_cast<char>(family) +
         static_cast<char>(body.size() >> 8) + static_cast<char>(body.size() & 0xff) + body;
}

const std::string v4_body("\xc0\xa8\x00\x01\xc0\xa8\x00\x0b\xdc\x04\x01\xbb", 12);

} // namespace

TEST_CASE("the specification's line names both ends, and ends at its CR LF") {
  const auto header = whole(line + "GET / HTTP/1.1\r\n");
  CHECK(header.size == line.size());
  CHECK(header.source == at("192.168.0.1", 56324));
  CHECK(header.destination == at("192.168.0.11", 443));
}

TEST_CASE("the binary form names both ends") {
  const auto header = whole(binary(0x21, 0x11, v4_body) + "\x45");
  CHECK(header.size == 28);
  CHECK(header.source == at("192.168.0.1", 56324));
  CHECK(header.destination == at("192.168.0.11", 443));
}

TEST_CASE("IPv6 addresses are read in both forms, and a mapped one is IPv4") {
  const auto text = whole("PROXY TCP6 2001:db8::1 ::ffff:192.0.2.9 1 65535\r\n");
  CHECK(text.source == at("2001:db8::1", 1));
  CHECK(text.destination == at("192.0.2.9", 65535));
  const auto six = parse_ip("2001:db8::1")->bytes;
  const std::string body = std::string(six.begin(), six.end()) + std::string(16, '\1') + "\x12\x34\x00\x50"s;
  const auto header = whole(binary(0x21, 0x21, body));
  CHECK(header.source == at("2001:db8::1", 0x1234));
  CHECK(header.destination->port == 80);
}

TEST_CASE("LOCAL, UNKNOWN and unspecified families leave the connection's own addresses") {
  for (const auto& bytes : {binary(0x20, 0x00, ""), binary(0x20, 0x11, v4_body), binary(0x21, 0x00, ""),
                            binary(0x21, 0x12, v4_body), "PROXY UNKNOWN\r\n"s,
                            "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"s}) {
    const auto header = whole(bytes);
    CHECK(header.size == bytes.size());
    CHECK_FALSE(header.source);
    CHECK_FALSE(header.local);
  }
  CHECK(whole(binary(0x21, 0x31, std::string(216, 'p'))).local);
}

TEST_CASE("extensions behind the addresses are passed over") {
  const auto header = whole(binary(0x21, 0x11, v4_body + "\x04\x00\x03nop"s + "\x20\x00\x01z"s) + "rest");
  CHECK(header.size == 12 + 4 + 12 + 6 + 4);
  CHECK(header.source == at("192.168.0.1", 56324));
}

TEST_CASE("a header cut at any byte is incomplete, and never more is needed than it has") {
  for (const auto& bytes : {line, "PROXY UNKNOWN\r\n"s, binary(0x21, 0x11, v4_body), binary(0x20, 0, "")}) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CAPTURE(size);
      const auto found = read_proxy_header(as_bytes(std::string_view(bytes).substr(0, size)));
      REQUIRE(found.has_value());
      CHECK(found->state == proxy_header_state::incomplete);
    }
    CHECK(whole(bytes).size == bytes.size());
  }
}

TEST_CASE("what begins otherwise is no header") {
  for (const auto& bytes : {"\x20\x00\x00\x01\x85"s, "PROXX"s, "\r\n\r\r"s, "P\1\0\1"s}) {
    const auto found = read_proxy_header(as_bytes(bytes));
    REQUIRE(found.has_value());
    CHECK(found->state == proxy_header_state::absent);
  }
}

TEST_CASE("a line that is not exactly as specified is malformed") {
  for (const auto* rest :
       {"TCP4 192.168.0.1 192.168.0.11 56324\r\n", "TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n",
        "TCP4  192.168.0.1 192.168.0.11 56324 443\r\n", "TCP4 192.168.0.01 192.168.0.11 56324 443\r\n",
        "TCP4 192.168.0.256 192.168.0.11 56324 443\r\n", "TCP4 192.168.0.1 192.168.0.11 056324 443\r\n",
        "TCP4 192.168.0.1 192.168.0.11 65536 443\r\n", "TCP4 192.168.0.1 192.168.0.11 -1 443\r\n",
        "TCP6 192.168.0.1 192.168.0.11 56324 443\r\n", "TCP4 ::1 ::1 1 1\r\n", "TCP6 ::1::2 ::1 1 1\r\n",
        "TCP6 1:2:3:4:5:6:7 ::1 1 1\r\n", "UDP4 192.168.0.1 192.168.0.11 1 1\r\n", "UNKNOWNS\r\n",
        "TCP4 192.168.0.1 192.168.0.11 56324 443\n", "TCP4 1.2.3.4\r5.6.7.8 1 1\r\n"}) {
    CAPTURE(rest);
    CHECK(is_malformed("PROXY "s + rest));
  }
  CHECK(is_malformed("PROXY UNKNOWN " + std::string(100, 'x')));
  CHECK(is_malformed("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"));
  CHECK(whole("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n").size == 107);
}

TEST_CASE("a binary header with values that are not assigned, or too long, is malformed") {
  CHECK(is_malformed(binary(0x11, 0x11, v4_body)));
  CHECK(is_malformed(binary(0x22, 0x11, v4_body)));
  CHECK(is_malformed(binary(0x21, 0x41, v4_body)));
  CHECK(is_malformed(binary(0x21, 0x13, v4_body)));
  CHECK(is_malformed(binary(0x21, 0x11, v4_body.substr(1))));
  CHECK(is_malformed(binary(0x21, 0x21, v4_body)));
  CHECK(is_malformed(binary(0x21, 0x31, std::string(215, 'p'))));
  CHECK(whole(binary(0x21, 0x11, v4_body + std::string(longest_proxy_header - 28, '\0'))).size ==
        longest_proxy_header);
  CHECK(
      is_malformed(binary(0x21, 0x11, v4_body + std::string(longest_proxy_header - 27, '\0')).substr(0, 16)));
}

TEST_CASE("what is written reads back") {
  for (const auto version : {proxy_version::v1, proxy_version::v2}) {
    for (const auto& [from, to] : {std::pair{at("192.0.2.1", 40000), at("198.51.100.7", 3306)},
                                   std::pair{at("2001:db8::ff00:1", 1), at("::1", 6033)}}) {
      byte_buffer out;
      append_proxy_header(out, version, from, to);
      const auto header = whole(std::string(as_text(out)));
      CHECK(header.size == out.size());
      CHECK(header.source == from);
      CHECK(header.destination == to);
    }
    byte_buffer out;
    append_proxy_header(out, version, at("192.0.2.1", 1), at("::1", 2)); // no form for two families
    CHECK_FALSE(whole(std::string(as_text(out))).source);
  }
  byte_buffer out;
  append_proxy_header(out, proxy_version::v1, at("192.168.0.1", 56324), at("192.168.0.11", 443));
  CHECK(as_text(out) == line);
  out.clear();
  append_proxy_header(out, proxy_version::v2, at("192.168.0.1", 56324), at("192.168.0.11", 443));
  CHECK(as_text(out) == binary(0x21, 0x11, v4_body));
}

TEST_CASE("addresses are printed in their shortest form") {
  for (const auto* text : {"192.0.2.1", "::", "::1", "1::", "2001:db8::1", "2001:db8:0:1:1:1:1:1",
                           "fe80::1:0:0:1", "1:2:3:4:5:6:7:8"}) {
    CAPTURE(text);
    CHECK(print_ip(*parse_ip(text)) == text);
  }
  CHECK(print_ip(*parse_ip("2001:0DB8:0:0:1:0:0:1")) == "2001:db8::1:0:0:1");
  for (const auto* text : {"", ":", ":::", "1:2:3:4:5:6:7:8:9", "1::2:3:4:5:6:7:8", "g::", "12345::", "1.2.3",
                           "1.2.3.4.5", "1.2.3.", "::1.2.3", "1:2:"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_ip(text));
  }
}

TEST_CASE("networks contain what their prefix covers") {
  const auto list = network_list::parse("10.0.0.0/8, 192.0.2.128/25 2001:db8::/33,::1");
  REQUIRE(list);
  for (const auto* inside : {"10.255.0.1", "192.0.2.200", "2001:db8:7fff::1", "::1", "::ffff:10.1.1.1"})
    CHECK_MESSAGE(list->contains(*parse_ip(inside)), inside);
  for (const auto* outside : {"11.0.0.1", "192.0.2.127", "2001:db8:8000::1", "::2", "a00::"})
    CHECK_MESSAGE(!list->contains(*parse_ip(outside)), outside);
  CHECK_FALSE(list->contains_local());
  CHECK(network_list::parse("localhost")->contains_local());
  CHECK(network_list::parse("*")->contains(*parse_ip("203.0.113.1")));
  CHECK(network_list::parse("  ")->empty());
  std::string wrong;
  CHECK_FALSE(network_list::parse("10.0.0.0/8, 10.0.0.0/33", &wrong));
  CHECK(wrong == "10.0.0.0/33");
  CHECK_FALSE(network_list::parse("example.org"));
}
