#include "proxy/config/reason_of.hpp"

#include <algorithm>
#include <string_view>

namespace holdwater::proxy {

std::string reason_of(const early_exit& ending) {
  constexpr std::string_view head = "holdwater: ";
  std::string out;
  for (std::string_view rest = ending.text; !rest.empty();) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.starts_with(head)) line.remove_prefix(head.size());
    if (!line.empty()) out.append(out.empty() ? "" : "; ").append(line);
  }
  return out;
}

} // namespace holdwater::proxy
