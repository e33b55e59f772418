// The options as the HTTP port lists them.
#pragma once

#include "admin/control.hpp"
#include "proxy/config/option_table.hpp"

#include <optional>
#include <vector>

namespace holdwater::proxy {

// Of secrets only whether they are set.
[[nodiscard]] std::vector<admin::listed_option> list_options(options shown, std::optional<option_scope> only);

} // namespace holdwater::proxy
