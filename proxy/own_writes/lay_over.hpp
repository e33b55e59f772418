// A cached answer to a read by one column's number, with the rows as queued writes leave them. Pure.
//
// Rule: `changed` and `untouched` are said only where the server, given the rows of the answer and these
// writes, would show just this; whatever is in doubt is `unknown`.
#pragma once

#include "protocol/sql/point_statements.hpp"
#include "protocol/stored_rows.hpp"
#include "proxy/own_writes/written_rows.hpp"

#include <cstdint>
#include <functional>

namespace holdwater::proxy {

struct point_read {
  protocol::sql::point where;
  // What is written is what is there: a base table without triggers, generated columns, columns that are set
  // at each update, and foreign keys by which others change it.
  bool plain_table = false;
  bool pads_char = false; // PAD_CHAR_TO_FULL_LENGTH
  // Of a collation: how many bytes a character takes at most; 0: not one in which ASCII is as it is.
  std::function<unsigned(std::uint16_t)> widest_character;
};

enum class laid_over : std::uint8_t {
  untouched, // the writes are of other rows
  changed,   // `rows` is as they leave it
  unknown,   // `rows` is of no use
};
[[nodiscard]] laid_over lay_over(protocol::stored_rows& rows, const point_read& read,
                                 const row_writes& writes);

// What a column shows after the value was stored in it; nothing: that is not certain.
[[nodiscard]] std::optional<protocol::sent_value> stored_form(const protocol::read_column& column,
                                                              const protocol::sql::plain_value& value,
                                                              protocol::row_shape shape,
                                                              const point_read& read);

} // namespace holdwater::proxy
