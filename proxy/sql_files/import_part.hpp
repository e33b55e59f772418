// A part of an import on its way over the HTTP port.
//
// Format: 1, the source, how many units, and of each its position and its bytes (spool/unit_codec). Numbers
// and strings as in spool/byte_codec.
//
// Invariant: positions rise. With the source they are what a unit is known by, so that none is taken twice.
#pragma once

#include "spool/spool.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

struct import_part {
  // Where the units come from: a queue's id, "file.DIGEST", or "as.NAME". Empty: only to be checked.
  std::string source;
  std::vector<spool::imported_unit> units;
};

[[nodiscard]] std::string encode_part(const import_part& what);
// Nothing: it is none.
[[nodiscard]] std::optional<import_part> decode_part(std::string_view bytes);

} // namespace holdwater::proxy
