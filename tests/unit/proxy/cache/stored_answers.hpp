// Small stored answers, that are well formed.
#pragma once

#include "protocol/stored_answer.hpp"

#include <string>

namespace holdwater::proxy::test {

// The stored answer to the preparing of a statement that differs by one byte.
inline std::string stored(char mark) {
  std::string out("\2\0\0\0\0", 5);
  return out.append(8, mark);
}

} // namespace holdwater::proxy::test
