// A bound parameter as text.
#pragma once

#include "spool/unit.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace holdwater::spool {

// For people: 42, 'it''s', 2024-02-29 01:02:03, NULL. Bytes that are not text stay as they are; a value of
// more than 200 bytes is cut.
[[nodiscard]] std::string readable(const parameter& one);

// As a SQL literal of the same meaning, which is read alike in every sql_mode: numbers in digits, text in
// quotes when it is plain ASCII, in hexadecimal of `character_set`, which its bytes are in, when it is not.
// BLOBs are bytes.
[[nodiscard]] std::string literal(const parameter& one, std::string_view character_set);
// ... and of the same type: a DOUBLE 1 is 1e0, unless `in_limit`, and a DECIMAL stays one. In place of a
// value that is not bound.
[[nodiscard]] std::string exact_literal(const parameter& one, std::string_view character_set, bool in_limit);
[[nodiscard]] std::vector<std::string> literals(const std::vector<parameter>& all,
                                                std::string_view character_set);

} // namespace holdwater::spool
