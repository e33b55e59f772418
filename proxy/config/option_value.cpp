#include "proxy/config/option_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <optional>
#include <span>

namespace holdwater::proxy {
namespace {

struct unit_of_size {
  std::string_view name;
  unsigned shift;
};
constexpr std::array<unit_of_size, 4> units_of_size{{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}}};
constexpr std::array<std::string_view, 5> log_levels{"trace", "debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 2> log_formats{"human", "json"};
constexpr std::array<std::string_view, 3> statement_policies{"none", "shape", "full"};
constexpr std::array<std::string_view, 3> client_tls_modes{"off", "preferred", "required"};
constexpr std::array<std::string_view, 6> server_tls_modes{"off",      "as_client", "preferred",
                                                           "required", "verify_ca", "verify_identity"};
constexpr std::array<std::string_view, 2> tls_versions{"1.2", "1.3"};
constexpr std::array<std::string_view, 2> pool_modes{"session", "transaction"};
constexpr std::array<std::string_view, 3> net_backends{"auto", "epoll", "io_uring"};
constexpr std::array<std::string_view, 3> proxy_versions{"off", "v1", "v2"};
constexpr std::array<std::string_view, 4> compression_names{"off", "as_client", "zlib", "zstd"};
constexpr std::array<std::string_view, 2> after_writes{"serve", "refuse"};
constexpr std::array<std::string_view, 3> auth_plugins{"mysql_native_password", "caching_sha2_password",
                                                       "client_ed25519"};

// The words that an option takes; none when it takes any text.
std::span<const std::string_view> words_of(option_kind kind) {
  switch (kind) {
  case option_kind::log_level: return log_levels;
  case option_kind::log_format: return log_formats;
  case option_kind::statement_policy: return statement_policies;
  case option_kind::client_tls_mode: return client_tls_modes;
  case option_kind::server_tls_mode: return server_tls_modes;
  case option_kind::tls_version: return tls_versions;
  case option_kind::net_backend: return net_backends;
  case option_kind::pool_mode: return pool_modes;
  case option_kind::proxy_version: return proxy_versions;
  case option_kind::compression_name: return compression_names;
  case option_kind::after_write: return after_writes;
  case option_kind::auth_plugin: return auth_plugins;
  default: return {};
  }
}

std::optional<std::uint64_t> whole_number(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> size_in_bytes(std::string_view text) {
  unsigned shift = 0;
  for (const auto& unit : units_of_size) {
    if (!text.ends_with(unit.name)) continue;
    shift = unit.shift;
    text.remove_suffix(unit.name.size());
    if (text.ends_with(' ')) text.remove_suffix(1);
    break;
  }
  const auto count = whole_number(text);
  if (!count || (*count << shift) >> shift != *count) return std::nullopt;
  return *count << shift;
}

std::optional<std::uint64_t> span_in_ms(std::string_view text) {
  constexpr double longest_s = 1e12; // past any range, and safe to convert
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(value) || value < 0 || value > longest_s) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(value * 1000));
}

std::string print_bytes(std::uint64_t value) {
  for (const auto& unit : units_of_size) {
    const auto count = value >> unit.shift;
    if (value != 0 && count << unit.shift == value) return fmt::format("\"{}{}\"", count, unit.name);
  }
  return fmt::format("{}", value);
}

std::string print_span(std::uint64_t ms) {
  auto text = fmt::format("{}.{:03}", ms / 1000, ms % 1000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// TOML's basic string.
std::string print_text(std::string_view text) {
  std::string out = "\"";
  for (const unsigned char c : text) {
    if (c == '"' || c == '\\') {
      out += fmt::format("\\{}", static_cast<char>(c));
    } else if (c < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", c);
    } else {
      out += static_cast<char>(c);
    }
  }
  return out + '"';
}

template <class T>
concept counted = std::unsigned_integral<T> && !std::same_as<T, bool>;

template <class T>
constexpr std::uint64_t largest_of() {
  if constexpr (counted<T>) {
    return std::numeric_limits<T>::max();
  } else {
    return static_cast<std::uint64_t>(T::max().count());
  }
}

std::string out_of_range(std::uint64_t value, option_range range, std::string (*print)(std::uint64_t)) {
  if (value < range.least) return fmt::format("must be at least {}", print(range.least));
  if (value > range.most) return fmt::format("must be at most {}", print(range.most));
  return {};
}

std::string print_number(std::uint64_t value) {
  return fmt::format("{}", value);
}

// Reads into one type of field.
struct reader {
  option_kind kind;
  option_range range;
  std::string_view text;

  std::string operator()(std::string* field) const {
    if (text.find('\0') != text.npos) return "must not hold a NUL character";
    const bool may_be_empty = kind == option_kind::auth_plugin && text.empty();
    if (const auto words = words_of(kind);
        !words.empty() && !may_be_empty && std::ranges::find(words, text) == words.end())
      return fmt::format("expected one of {}", fmt::join(words, ", "));
    if (text.size() < range.least) return "must not be empty";
    if (text.size() > range.most) return fmt::format("must not be longer than {} characters", range.most);
    *field = text;
    return {};
  }

  // A list in a file comes with a NUL behind each text, since a text may have several lines.
  std::string operator()(std::vector<std::string>* field) const {
    const char between = text.find('\0') == text.npos ? '\n' : '\0';
    field->clear();
    for (auto rest = text; !rest.empty();) {
      const auto end = std::min(rest.find(between), rest.size());
      auto one = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (between == '\n' && one.ends_with('\r')) one.remove_suffix(1);
      if (!one.empty() || between == '\0') field->emplace_back(one);
    }
    return {};
  }

  std::string operator()(bool* field) const {
    const bool yes = text == "true" || text == "1" || text == "yes" || text == "on";
    const bool no = text == "false" || text == "0" || text == "no" || text == "off";
    if (!yes && !no) return "expected true or false";
    *field = yes;
    return {};
  }

  std::string operator()(endpoint* field) const { return parse_endpoint(text, *field); }

  template <counted T>
  std::string operator()(T* field) const {
    if (kind == option_kind::file_mode) return take_mode(field);
    const bool sized = kind == option_kind::bytes;
    const auto value = sized ? size_in_bytes(text) : whole_number(text);
    if (!value)
      return sized ? "expected a number of bytes, such as 1048576 or \"1MiB\"" : "expected a whole number";
    auto wrong = out_of_range(*value, limits<T>(), sized ? print_bytes : print_number);
    if (wrong.empty()) *field = static_cast<T>(*value);
    return wrong;
  }

  template <class Rep, class Period>
  std::string operator()(std::chrono::duration<Rep, Period>* field) const {
    using span = std::chrono::duration<Rep, Period>;
    const auto ms = span_in_ms(text);
    if (!ms) return "expected a number of seconds";
    auto wrong = out_of_range(*ms, range, print_span);
    if (!wrong.empty()) return wrong;
    const auto exact = std::chrono::milliseconds(*ms);
    if (std::chrono::duration_cast<span>(exact) != exact) return "expected whole seconds";
    *field = std::chrono::duration_cast<span>(exact);
    return {};
  }

  template <class T>
  std::string take_mode(T* field) const {
    const auto value = whole_number(text, 8);
    if (!value || *value > 0777) return "expected access rights in octal, such as \"0770\"";
    *field = static_cast<T>(*value);
    return {};
  }

  template <class T>
  option_range limits() const {
    return {range.least, std::min(range.most, largest_of<T>())};
  }
};

struct printer {
  option_kind kind;

  std::string operator()(const std::string* field) const { return print_text(*field); }
  std::string operator()(const std::vector<std::string>* field) const {
    std::string out;
    for (const auto& one : *field) out += (out.empty() ? "" : ", ") + print_text(one);
    return "[" + out + "]";
  }
  std::string operator()(const bool* field) const { return *field ? "true" : "false"; }
  std::string operator()(const endpoint* field) const { return print_text(print_endpoint(*field)); }
  template <counted T>
  std::string operator()(const T* field) const {
    if (kind == option_kind::file_mode) return fmt::format("\"{:04o}\"", *field);
    return kind == option_kind::bytes ? print_bytes(*field) : print_number(*field);
  }
  template <class Rep, class Period>
  std::string operator()(const std::chrono::duration<Rep, Period>* field) const {
    return print_span(static_cast<std::uint64_t>(std::chrono::milliseconds(*field).count()));
  }
};

// The host part and the port part; nothing when the brackets or the colon are not where they must be.
std::optional<std::pair<std::string_view, std::string_view>> split_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') != host.ends_with(']')) return std::nullopt;
  if (host.starts_with('[')) {
    host = host.substr(1, host.size() - 2);
    if (host.find_first_of("[]") != host.npos || host.find(':') == host.npos) return std::nullopt;
  } else if (host.find(':') != host.npos) {
    return std::nullopt;
  }
  return std::pair{host, text.substr(colon + 1)};
}

} // namespace

std::string parse_option(option_kind kind, option_range range, std::string_view text, option_field field) {
  return std::visit(reader{kind, range, text}, field);
}

std::string print_option(option_kind kind, option_field field) {
  return std::visit([&](const auto* value) { return printer{kind}(value); }, field);
}

std::string parse_endpoint(std::string_view text, endpoint& out) {
  const auto parts = split_endpoint(text);
  if (!parts || parts->first.empty() || parts->first.find_first_of(" \t\r\n/@") != text.npos)
    return "expected HOST:PORT, with an IPv6 address in brackets";
  const auto port = whole_number(parts->second);
  if (!port || *port > std::numeric_limits<std::uint16_t>::max())
    return "expected a port from 0 to 65535 after the colon";
  out = {std::string(parts->first), static_cast<std::uint16_t>(*port)};
  return {};
}

std::string print_endpoint(const endpoint& address) {
  const bool ipv6 = address.host.find(':') != address.host.npos;
  return fmt::format("{}{}{}:{}", ipv6 ? "[" : "", address.host, ipv6 ? "]" : "", address.port);
}

} // namespace holdwater::proxy
