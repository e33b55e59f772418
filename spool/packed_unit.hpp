// A unit as the file takes it, made by the thread that brings it.
#pragma once

#include "spool/store.hpp"

namespace holdwater::spool {

// What a unit costs beside its bytes: its rows, their keys and index entries, its seal; rounded up.
inline constexpr std::uint64_t unit_overhead = 160;
inline constexpr std::uint64_t most_unit_bytes = 900ULL << 20; // SQLite's limit of a blob is a billion

// One that is too large has more than `most_unit_bytes`.
[[nodiscard]] packed_unit pack(const unit& what, bool compressed);

} // namespace holdwater::spool
