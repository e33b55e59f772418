// What was found of plain reads, so that one that differs from an earlier one in its numbers only is not read
// again: an application's statements are few, and most of a point select's way through the proxy is being
// read.
//
// Invariant: only facts that no plain whole number in a statement decides are kept, of single SELECTs that
// are pure reads; a text with a comment is never known, since the number in one can make it code.
#pragma once

#include "protocol/sql/analysis.hpp"
#include "proxy/session/describe.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace holdwater::proxy {

class known_reads {
 public:
  // The facts of a statement that was remembered; null: it is not known. Valid until the next remember().
  [[nodiscard]] const command_facts* find(std::string_view text, const protocol::sql::dialect& how);
  // Of what find() was asked last: the same for texts that differ in their numbers only. 0: not known.
  [[nodiscard]] std::uint64_t seen() const { return seen_.size == 0 ? 0 : seen_.hash; }
  // After find() has not found it: what it is. Not every statement is taken.
  void remember(const command_facts& facts, const protocol::sql::dialect& how);

 private:
  static constexpr std::size_t longest = 248; // of a statement without its numbers
  static constexpr std::size_t places = 256;  // each for one statement

  struct shape {
    std::uint64_t hash = 0;
    std::uint16_t size = 0; // 0: none
    std::array<char, longest> text{};
  };
  struct entry {
    shape what;
    protocol::sql::dialect how;
    command_facts facts;
  };

  [[nodiscard]] bool look_at(std::string_view text);

  shape seen_; // by find()
  std::array<std::unique_ptr<entry>, places> entries_{};
};

} // namespace holdwater::proxy
