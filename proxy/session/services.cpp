#include "proxy/session/services.hpp"

namespace holdwater::proxy {

services services::with(const options& others) const {
  return {.settings = others,
          .board = board,
          .watch = watch,
          .profile = profile,
          .counters = counters,
          .writes = writes,
          .queue = queue,
          .ids = ids,
          .client_tls = client_tls,
          .server_tls = server_tls,
          .password_key = password_key,
          .cache = cache,
          .warm = warm,
          .replicas = replicas,
          .own = own,
          .proxy_networks = proxy_networks,
          .shed_pools = shed_pools,
          .connections = connections};
}

const account* services::find_account(std::string_view user) const {
  for (const auto& one : settings.accounts)
    if (one.user == user) return &one;
  return nullptr;
}

} // namespace holdwater::proxy
