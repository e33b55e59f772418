// Small files of the data directory that must be whole after a crash: written beside, synced, renamed, and
// the folder synced.
#pragma once

#include <string>
#include <string_view>

namespace holdwater::proxy {

// The file is its owner's alone from its first byte on. Returns what is wrong, empty when it is on the disk;
// after a failure the file is as it was, or new and whole.
[[nodiscard]] std::string write_durably(const std::string& path, std::string_view content);

} // namespace holdwater::proxy
