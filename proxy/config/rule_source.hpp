// The [[rule]] sections of the configuration file.
#pragma once

#include "proxy/config/options.hpp"

#include <toml.hpp>

#include <string>
#include <vector>

namespace holdwater::proxy {

// What is wrong goes to `errors`, each with file and line; a rule that is wrong is left out.
[[nodiscard]] std::vector<rule> read_rules(const toml::value& value, const std::string& path,
                                           std::vector<std::string>& errors);

} // namespace holdwater::proxy
