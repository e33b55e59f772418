// A file that was made, removed or renamed is so after a power cut only once its folder was synced. SQLite
// syncs the folder of a new journal, but takes no notice when that fails.
#pragma once

#include "spool/error.hpp"

#include <string>

namespace holdwater::spool {

// Of the folder that the file is in.
[[nodiscard]] result<void> sync_folder_of(const std::string& file);

} // namespace holdwater::spool
