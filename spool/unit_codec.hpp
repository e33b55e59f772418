// A unit as bytes, for one blob of the spool.
//
// Invariant: decode(encode(u)) is u but for number and accepted_at, which the spool keeps beside the blob,
// and any other bytes are refused: lengths are checked before they are believed, and a CRC-32 covers all that
// precedes it. The format, with a worked example, is in README.md.
#pragma once

#include "spool/error.hpp"
#include "spool/unit.hpp"

#include <string>
#include <string_view>

namespace holdwater::spool {

// Each unit is written in the lowest format that can hold it.
inline constexpr std::uint8_t unit_format = 1;
inline constexpr std::uint8_t unit_format_extended =
    2; // a statement has bound parameters or a LAST_INSERT_ID()
inline constexpr std::uint8_t unit_format_with_settings = 3; // a context has settings

[[nodiscard]] std::string encode_unit(const unit& what);
[[nodiscard]] result<unit> decode_unit(std::string_view bytes);

// The written tables alone, for the index that is rebuilt at open without reading any statement.
[[nodiscard]] std::string encode_tables(const std::vector<table_name>& tables);
[[nodiscard]] result<std::vector<table_name>> decode_tables(std::string_view bytes);

// Every table that the unit writes, each once.
[[nodiscard]] std::vector<table_name> tables_of(const unit& what);

} // namespace holdwater::spool
