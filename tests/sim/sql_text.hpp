// Statements in pieces, as far as the simulated server understands them.
#pragma once

#include "tests/sim/machine.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace holdwater::sim {

struct piece {
  enum class kind { word, text, number, mark, user_variable, system_variable, end };
  kind what = kind::end;
  std::string value; // words in small letters, texts without their quotes, hex literals as the bytes they are

  [[nodiscard]] bool is(std::string_view word) const {
    return (what == kind::word || what == kind::mark) && value == word;
  }
};

// Ends with a piece of kind end. Comments are left out, but for MariaDB's own.
std::vector<piece> pieces_of(std::string_view statement);

// In place of each ?.
std::vector<piece> with_values(std::vector<piece> statement, const std::vector<piece>& values);

// Which write or read of which client it is: the first text like "3.17". Empty: none.
std::string tag_in(const std::vector<piece>& all);
// What a statement says, whether its values are bound or stand in it.
std::string digest_of(const std::vector<piece>& all);
std::size_t find_word(const std::vector<piece>& all, std::string_view word,
                      std::size_t from = 0);              // all.size(): none
std::uint64_t last_number(const std::vector<piece>& all); // 0: none
moment moment_in(const std::string& seconds);             // "1780000000.000123"

} // namespace holdwater::sim
