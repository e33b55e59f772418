#include "proxy/config/redis_url.hpp"

#include "proxy/config/options.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace holdwater::proxy {
namespace {

constexpr std::string_view form = "takes redis://[USER:PASSWORD@]HOST[:PORT][/DB] or unix:///PATH";
constexpr std::size_t longest_path = 107; // sockaddr_un

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    unsigned char byte = 0;
    const auto digits = text.substr(at + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2 || byte == 0)
      return std::nullopt;
    out += static_cast<char>(byte);
    at += 2;
  }
  return out;
}

bool read_login(std::string_view text, redis_url& out) {
  const auto colon = text.find(':');
  const auto user = decoded(text.substr(0, colon));
  const auto password = colon == text.npos ? std::string() : decoded(text.substr(colon + 1));
  if (!user || !password || text.empty()) return false;
  out.user = *user;
  out.password = *password;
  return true;
}

bool read_place(std::string_view text, redis_url& out) {
  auto host = text;
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const auto closed = text.find(']');
    if (closed == text.npos) return false;
    host = text.substr(1, closed - 1);
    const auto rest = text.substr(closed + 1);
    if (!rest.empty() && !rest.starts_with(':')) return false;
    if (!rest.empty()) port = rest.substr(1);
  } else if (const auto colon = text.find(':'); colon != text.npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port->find(':') != port->npos) return false;
  }
  if (host.empty() || host.find_first_of("[]\\") != host.npos) return false;
  out.host = host;
  if (!port) return true;
  const auto value = number_in<std::uint16_t>(*port);
  if (!value || *value == 0) return false;
  out.port = *value;
  return true;
}

} // namespace

std::string redis_url::name() const {
  auto out = socket;
  if (out.empty()) {
    const bool six = host.find(':') != host.npos;
    out = (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }
  return database == 0 ? out : out + ", database " + std::to_string(database);
}

std::variant<redis_url, no_redis_url> read_redis_url(std::string_view text) {
  const auto wrong = [](std::string_view why) { return no_redis_url{std::string(why)}; };
  redis_url out;
  if (text.starts_with("rediss://"))
    return wrong("TLS (rediss://) is not spoken: let a tunnel do it, and name its end here");
  const bool local = text.starts_with("unix://");
  if (!local && !text.starts_with("redis://")) return wrong(form);
  if (!std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; })) return wrong(form);
  text.remove_prefix(local ? 7 : 8);
  if (const auto login = text.rfind('@', local ? text.find('/') : text.find_first_of("/?#"));
      login != text.npos) {
    if (!read_login(text.substr(0, login), out)) return wrong("its user and password are not understood");
    text.remove_prefix(login + 1);
  }
  const auto rest = local ? text.find('?') : text.find('/');
  const auto place = text.substr(0, rest);
  auto database = rest == text.npos ? std::string_view() : text.substr(rest + 1);
  if (local && !database.empty()) {
    if (!database.starts_with("db=")) return wrong(form);
    database.remove_prefix(3);
  }
  if (local && (place.size() < 2 || place.front() != '/' || place.size() > longest_path))
    return wrong("it names no path of a unix socket, or one that is too long");
  if (local)
    out.socket = place;
  else if (!read_place(place, out))
    return wrong(form);
  if (database.empty()) return out;
  const auto number = number_in<std::uint16_t>(database);
  if (!number) return wrong("the database behind the place must be a number");
  out.database = *number;
  return out;
}

redis_url redis_of(const options& settings) {
  const auto read = read_redis_url(settings.cache.redis);
  auto out = std::get<redis_url>(read);
  if (out.password.empty()) out.password = settings.cache.redis_password;
  return out;
}

std::string why_not_redis(const options& settings) {
  const auto& cache = settings.cache;
  const auto read = read_redis_url(cache.redis);
  if (const auto* wrong = std::get_if<no_redis_url>(&read)) return wrong->why;
  if (!cache.enabled) return "cache.enabled is false, so nothing would be shared";
  const auto& url = std::get<redis_url>(read);
  if (!url.password.empty() && !cache.redis_password.empty())
    return "it holds a password, and cache.redis_password is given";
  if (!url.user.empty() && url.password.empty() && cache.redis_password.empty())
    return "it names a user, and no password";
  return {};
}

} // namespace holdwater::proxy
