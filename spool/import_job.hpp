// Units from elsewhere on their way into the file: they, and how far their source has been taken, change in
// one commit. That is what makes an import that was cut, or is repeated, double nothing.
//
// The fact "import.SOURCE" is which positions were taken, as ranges that rise and do not touch: "1-4,7-7".
// Older versions have kept the highest alone: "4" is 1-4.
#pragma once

#include "spool/writer_queue.hpp"

#include <functional>
#include <string>
#include <vector>

namespace holdwater::spool {

struct packed_import {
  std::uint64_t position = 0;
  packed_unit packed;
  std::vector<table_name> tables;
};

// `show` is told each unit that was taken, after the commit.
[[nodiscard]] write_job import_job(const std::string& source, std::vector<packed_import> units,
                                   std::function<void(const std::vector<store::stored_row>&)> show,
                                   std::function<void(result<import_outcome>)> done);

} // namespace holdwater::spool
