// What a start needs besides sound values: the files that they name. Commands, which only want to know where
// the port is, need none of them, and may not be allowed to read them.
#pragma once

#include "proxy/config/options.hpp"

#include <string>
#include <vector>

namespace holdwater::proxy {

// What is wrong, each with its option: of a service its certificates, keys, authorities and the hook's
// program, of the process what its HTTP port has of that.
[[nodiscard]] std::vector<std::string> why_no_service(const options& values);
[[nodiscard]] std::vector<std::string> why_no_port(const options& values);

// Why a file cannot be run, empty when it can.
[[nodiscard]] std::string why_no_program(const std::string& path);

} // namespace holdwater::proxy
