#include "proxy/session/services.hpp"

namespace holdwater::proxy {

services services::with(const options& others) const {
  return {others, board,      watch,      profile,      counters,       writes,     queue,
          ids,    client_tls, server_tls, password_key, proxy_networks, shed_pools, connections};
}

const account* services::find_account(std::string_view user) const {
  for (const auto& one : settings.accounts)
    if (one.user == user) return &one;
  return nullptr;
}

} // namespace holdwater::proxy
