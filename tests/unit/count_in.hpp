#pragma once

#include <cstddef>
#include <string>

namespace holdwater {

// How often `part` begins in `text`.
inline std::size_t count_in(const std::string& text, const std::string& part) {
  std::size_t out = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++out;
  return out;
}

} // namespace holdwater
