#include "proxy/server/server_list.hpp"

#include "proxy/server/address.hpp"

namespace holdwater::proxy {

server_list::server_list(const options& settings)
    : places_(places_of_servers(settings)), tls_(address_of_server(settings).tls) {}

std::string server_list::names() const {
  std::string all;
  for (const auto& one : places_) all += (all.empty() ? "" : ", ") + one.name();
  return all;
}

spool::server_address server_list::address(std::size_t which) const {
  const auto& at = place(which);
  return {at.host, at.port, at.socket, tls_};
}

} // namespace holdwater::proxy
