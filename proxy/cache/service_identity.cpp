#include "proxy/cache/service_identity.hpp"

#include "protocol/ip_address.hpp"
#include "proxy/cache/key_digest.hpp"
#include "proxy/cache/key_writer.hpp"
#include "proxy/config/options.hpp"
#include "proxy/config/server_places.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

namespace holdwater::proxy {
namespace {

bool is_on_this_machine(const server_place& one) {
  static const auto loopback =
      protocol::network_list::parse("127.0.0.0/8 ::1").value_or(protocol::network_list());
  if (!one.socket.empty() || one.host == "localhost") return true;
  const auto address = protocol::parse_ip(one.host);
  return address && loopback.contains(protocol::unmapped(*address));
}

} // namespace

std::string service_identity(const options& settings, std::string_view machine) {
  std::string text;
  key_writer key(text);
  if (!settings.cache.redis_service.empty()) {
    key.text("service");
    key.text(settings.cache.redis_service);
  } else {
    key.text("places");
    auto places = places_of_servers(settings);
    std::ranges::sort(places, {}, &server_place::name);
    for (const auto& one : places) {
      key.text(one.name());
      key.text(is_on_this_machine(one) ? machine : std::string_view());
    }
  }
  constexpr std::size_t bytes = 16;
  std::string out;
  for (const unsigned char byte : digest_of(text).substr(0, bytes)) out += fmt::format("{:02x}", byte);
  return out;
}

std::string this_machine() {
  std::string id;
  std::ifstream("/etc/machine-id") >> id;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) name[0] = '\0';
  return id + " " + name.data();
}

} // namespace holdwater::proxy
