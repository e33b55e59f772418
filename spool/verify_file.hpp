// Whether a spool's file is sound, told without a running program and without changing it.
#pragma once

#include "spool/data_key.hpp"
#include "spool/error.hpp"
#include "spool/unit.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace holdwater::spool {

struct file_report {
  std::string id;
  std::uint64_t pending = 0;
  std::uint64_t applied = 0; // and kept
  std::uint64_t dead = 0;
  seq last = 0;                   // that was given out
  std::vector<std::string> wrong; // what is not as it should be; empty: it is sound
};

// A failure when it cannot be looked at: it is not there, is no spool, a running program has
// it, or a key is missing (errc::wrong_key).
[[nodiscard]] result<file_report> verify_file(const std::string& path, const key_ring_ptr& given);

} // namespace holdwater::spool
