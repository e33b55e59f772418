// The folder of what must outlive the process.
#pragma once

#include <string>

namespace holdwater::proxy {

// Makes it if need be, and keeps others out. Returns what is wrong, empty when it can be used.
[[nodiscard]] std::string open_data_folder(const std::string& path);

} // namespace holdwater::proxy
