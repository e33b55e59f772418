#include "proxy/config/server_places.hpp"

#include "proxy/config/options.hpp"

#include <charconv>

namespace holdwater::proxy {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool read_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

std::optional<server_place> parse_place(std::string_view text, std::uint16_t usual) {
  server_place one;
  one.port = usual;
  if (text.starts_with('/')) {
    one.socket = text;
    one.host = "localhost";
    return one;
  }
  auto host = text;
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const auto closed = text.find(']');
    if (closed == text.npos) return std::nullopt;
    host = text.substr(1, closed - 1);
    const auto rest = text.substr(closed + 1);
    if (!rest.empty() && !rest.starts_with(':')) return std::nullopt;
    if (!rest.empty()) port = rest.substr(1);
  } else if (const auto colon = text.find(':'); colon != text.npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (host.empty() || host.find_first_of(" []\t") != host.npos) return std::nullopt;
  if (port && !read_port(*port, one.port)) return std::nullopt;
  one.host = host;
  return one;
}

} // namespace

std::string server_place::name() const {
  if (!socket.empty()) return socket;
  const bool six = host.find(':') != host.npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<std::vector<server_place>> parse_places(std::string_view list, std::string* wrong,
                                                      std::uint16_t port) {
  std::vector<server_place> out;
  if (trimmed(list).empty()) return out;
  for (bool more = true; more;) {
    const auto comma = list.find(',');
    more = comma != list.npos;
    const auto text = trimmed(list.substr(0, comma));
    if (more) list.remove_prefix(comma + 1);
    auto one = parse_place(text, port);
    if (!one || out.size() == most_replicas) {
      if (wrong) *wrong = text;
      return std::nullopt;
    }
    out.push_back(std::move(*one));
  }
  return out;
}

std::vector<server_place> places_of_servers(const options& settings) {
  const auto& server = settings.server;
  if (server.socket.empty() && server.host.find(',') != server.host.npos)
    return parse_places(server.host, nullptr, server.port).value_or(std::vector<server_place>());
  return {{server.host, server.port, server.socket}};
}

} // namespace holdwater::proxy
