#include "proxy/session/services.hpp"

namespace holdwater::proxy {

const account* services::find_account(std::string_view user) const {
  for (const auto& one : settings.accounts)
    if (one.user == user) return &one;
  return nullptr;
}

} // namespace holdwater::proxy
