#include "proxy/server/server_list.hpp"

#include "proxy/server/address.hpp"

namespace holdwater::proxy {

server_list::server_list(const options& settings) : places_(places_of_servers(settings)) {
  for (const auto& one : places_) addresses_.push_back(address_of(one, settings));
}

std::string server_list::names() const {
  std::string all;
  for (const auto& one : places_) all += (all.empty() ? "" : ", ") + one.name();
  return all;
}

} // namespace holdwater::proxy
