// A bound parameter as text.
#pragma once

#include "spool/unit.hpp"

#include <string>

namespace holdwater::spool {

// For people: 42, 'it''s', 2024-02-29 01:02:03, NULL. Bytes that are not text stay as they are; a value of
// more than 200 bytes is cut.
[[nodiscard]] std::string readable(const parameter& one);

// As a SQL literal that any character set reads alike: numbers in digits, other values in quotes when they
// are plain ASCII letters, digits and punctuation, in hexadecimal when they are not.
[[nodiscard]] std::string literal(const parameter& one);

} // namespace holdwater::spool
