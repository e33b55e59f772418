// Cuts a file of SQL into its statements, the way the server's scanner would, without holding more of it in
// memory than the longest one.
//
// Invariant: what next() gives are the file's bytes between two semicolons that are no part of a literal or a
// comment, in the file's order, none left out but blanks and the comments before a statement. Of those the
// ones that begin with a mark are given too, as notes.
#pragma once

#include "protocol/sql/analysis.hpp"

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

class statement_reader {
 public:
  struct piece {
    std::string_view text;  // until the next call; empty: nothing between two semicolons
    std::uint64_t line = 0; // where it begins
  };
  enum class outcome : std::uint8_t {
    statement,
    note, // a comment before one, a line
    end,  // of the file
    open, // the file ends in the middle of the statement that begins there
    unreadable,
    too_long,
  };

  // `marks` are what a comment begins with that is a note.
  statement_reader(std::istream& from, std::vector<std::string_view> marks)
      : from_(from), marks_(std::move(marks)) {}

  [[nodiscard]] outcome next(const protocol::sql::dialect& how, piece& out);
  [[nodiscard]] std::uint64_t bytes() const { return read_ - (buffer_.size() - at_); } // passed so far
  [[nodiscard]] std::uint64_t line() const { return line_; }

 private:
  // False at the end of the file.
  bool read_more();
  enum class standing : std::uint8_t { comment, statement, end };
  [[nodiscard]] standing look();
  void skip_line();
  [[nodiscard]] outcome read_note(piece& out);
  void pass(std::size_t count);

  std::istream& from_;
  std::vector<std::string_view> marks_;
  std::string buffer_;
  std::size_t at_ = 0; // what is before it is done
  std::uint64_t read_ = 0;
  std::uint64_t line_ = 1;
  bool whole_ = false; // the file's end is in the buffer
};

} // namespace holdwater::proxy
