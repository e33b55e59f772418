// The [[service]] sections of the configuration file, each with what the rest says for all of them.
#pragma once

#include "proxy/config/load_options.hpp"
#include "proxy/config/raw_options.hpp"

#include <string>
#include <vector>

namespace holdwater::proxy {

// Each gets a descriptor for the port and one for the unix socket from the process that was there before.
inline constexpr std::size_t most_services = 32;

// `top`: what file, environment and flags say outside of these sections, and is each one's where it says
// nothing else.
[[nodiscard]] std::vector<service_options> load_services(const std::vector<service_source>& all,
                                                         const raw_options& top, const std::string& file,
                                                         problems& wrong);

} // namespace holdwater::proxy
