#include "protocol/ip_address.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace holdwater::protocol {
namespace {

constexpr std::size_t groups_of_v6 = 8;

template <class T>
std::optional<T> number(std::string_view text, int base, std::size_t most_digits) {
  T value = 0;
  if (text.empty() || text.size() > most_digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<ip_address> parse_v4(std::string_view text) {
  ip_address out;
  for (std::size_t at = 0; at < 4; ++at) {
    const auto dot = at < 3 ? text.find('.') : text.size();
    if (dot == text.npos) return std::nullopt;
    const auto part = text.substr(0, dot);
    const auto value = number<unsigned>(part, 10, 3);
    if (!value || *value > 255 || (part.size() > 1 && part[0] == '0')) return std::nullopt;
    out.bytes[at] = static_cast<std::uint8_t>(*value);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return out;
}

// The groups of one side of "::"; the last one may be an IPv4 address.
bool read_groups(std::string_view text, std::vector<std::uint16_t>& out) {
  while (!text.empty()) {
    const auto colon = text.find(':');
    const auto part = text.substr(0, colon);
    if (colon == text.npos && part.find('.') != part.npos) {
      const auto v4 = parse_v4(part);
      if (!v4) return false;
      out.push_back(static_cast<std::uint16_t>(v4->bytes[0] << 8 | v4->bytes[1]));
      out.push_back(static_cast<std::uint16_t>(v4->bytes[2] << 8 | v4->bytes[3]));
      return true;
    }
    const auto value = number<std::uint16_t>(part, 16, 4);
    if (!value) return false;
    out.push_back(*value);
    if (colon == text.npos) return true;
    text.remove_prefix(colon + 1);
    if (text.empty()) return false; // ends with a single colon
  }
  return true;
}

std::optional<ip_address> parse_v6(std::string_view text) {
  std::vector<std::uint16_t> head, tail;
  const auto gap = text.find("::");
  const bool good = gap == text.npos
                        ? read_groups(text, head) && head.size() == groups_of_v6
                        : read_groups(text.substr(0, gap), head) && read_groups(text.substr(gap + 2), tail) &&
                              head.size() + tail.size() < groups_of_v6;
  if (!good) return std::nullopt;
  ip_address out;
  out.v6 = true;
  const auto put = [&](std::size_t group, std::uint16_t value) {
    out.bytes[2 * group] = static_cast<std::uint8_t>(value >> 8);
    out.bytes[2 * group + 1] = static_cast<std::uint8_t>(value);
  };
  for (std::size_t at = 0; at < head.size(); ++at) put(at, head[at]);
  for (std::size_t at = 0; at < tail.size(); ++at) put(groups_of_v6 - tail.size() + at, tail[at]);
  return out;
}

bool same_bits(const ip_address& a, const ip_address& b, unsigned bits) {
  const unsigned whole = bits / 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + whole, b.bytes.begin())) return false;
  return bits % 8 == 0 || (a.bytes[whole] ^ b.bytes[whole]) >> (8 - bits % 8) == 0;
}

} // namespace

std::optional<ip_address> parse_ip(std::string_view text) {
  return text.find(':') == text.npos ? parse_v4(text) : parse_v6(text);
}

ip_address unmapped(const ip_address& address) {
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!address.v6 || !std::equal(mapped.begin(), mapped.end(), address.bytes.begin())) return address;
  ip_address out;
  std::copy(address.bytes.begin() + mapped.size(), address.bytes.end(), out.bytes.begin());
  return out;
}

std::string print_ip(const ip_address& address) {
  const auto& b = address.bytes;
  if (!address.v6) return fmt::format("{}.{}.{}.{}", b[0], b[1], b[2], b[3]);
  const auto group = [&](std::size_t at) { return b[2 * at] << 8 | b[2 * at + 1]; };
  std::size_t gap = groups_of_v6, longest = 1; // a single zero is no run
  for (std::size_t at = 0; at < groups_of_v6; ++at) {
    std::size_t end = at;
    while (end < groups_of_v6 && group(end) == 0) ++end;
    if (end - at > longest) {
      gap = at;
      longest = end - at;
    }
  }
  std::string out;
  for (std::size_t at = 0; at < groups_of_v6; ++at) {
    if (at == gap) {
      out += "::";
      at += longest - 1;
      continue;
    }
    if (!out.empty() && !out.ends_with(':')) out += ':';
    out += fmt::format("{:x}", group(at));
  }
  return out;
}

std::optional<network_list> network_list::parse(std::string_view text, std::string* wrong) {
  constexpr std::string_view separators = ", \t";
  network_list out;
  for (;;) {
    const auto begin = text.find_first_not_of(separators);
    if (begin == text.npos) return out;
    text.remove_prefix(begin);
    const auto part = text.substr(0, text.find_first_of(separators));
    text.remove_prefix(part.size());
    if (part == "*" || part == "localhost") {
      out.local_ = true;
      if (part == "*")
        out.networks_.insert(out.networks_.end(), {{ip_address{false, {}}, 0}, {ip_address{true, {}}, 0}});
      continue;
    }
    const auto slash = part.find('/');
    const auto base = parse_ip(part.substr(0, slash));
    const unsigned bits = base && base->v6 ? 128 : 32;
    const auto prefix = slash == part.npos ? bits : number<unsigned>(part.substr(slash + 1), 10, 3);
    if (!base || !prefix || *prefix > bits) {
      if (wrong) *wrong = part;
      return std::nullopt;
    }
    out.networks_.push_back({*base, *prefix});
  }
}

bool network_list::contains(const ip_address& address) const {
  const auto plain = unmapped(address);
  return std::ranges::any_of(networks_, [&](const network& one) {
    return one.base.v6 == plain.v6 && same_bits(one.base, plain, one.prefix);
  });
}

} // namespace holdwater::protocol
