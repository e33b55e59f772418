// What a value that is given for a column is when it is read back: known, or not.
//
// Rule: known is only what no setting, no rounding and no conversion can make another; the sql_mode is strict
// (is_strict()), so that anything else is refused by the server and not changed.
#pragma once

#include "protocol/packet.hpp"
#include "protocol/sql/point_statements.hpp"
#include "proxy/own_writes/table_type.hpp"
#include "spool/unit.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdwater::proxy {

struct cell {
  enum class state : std::uint8_t {
    known,    // value: the text of it, nothing for NULL
    untold,   // the server will take it, and what it makes of it is not known
    doubtful, // the server may refuse it
  };
  state what = state::doubtful;
  std::optional<std::string> value{};

  friend bool operator==(const cell&, const cell&) = default;
};

// Every word of the sql_mode is one that is understood here, and bad values are refused.
[[nodiscard]] bool is_strict(std::string_view sql_mode);
// The words are all understood: what is read is what is stored.
[[nodiscard]] bool is_plain_mode(std::string_view sql_mode);

// `context`: the one that the write is meant in.
[[nodiscard]] cell stored_value(const protocol::sql::given_value& given, const column_type& column,
                                const spool::statement_context& context);
[[nodiscard]] cell stored_value(const spool::parameter& bound, const column_type& column,
                                const spool::statement_context& context);
// When no value is given.
[[nodiscard]] cell default_value(const column_type& column);
// A value that was bound, as if it had been written. Never a placeholder.
[[nodiscard]] protocol::sql::given_value bound_value(const spool::parameter& one);

// An integer's digits in one form: "-7". Nothing: it is none, or not of the column's range.
[[nodiscard]] std::optional<std::string> canonical_integer(std::string_view text, const column_type& column);

// The integer that a column is compared with; only what compares as a number without rounding.
[[nodiscard]] std::optional<std::string> sought_integer(const protocol::sql::given_value& given,
                                                        const column_type& column);

// Whether these bytes, UTF-8 in the table, reach a client whose results are in that character set as they
// are.
[[nodiscard]] bool is_sent_as_is(std::string_view value, std::string_view character_set_results);

// As a result's row has it. Precondition: a known cell of the column, not NULL.
void append_text_value(protocol::byte_buffer& row, const std::string& value);
void append_binary_value(protocol::byte_buffer& row, const column_type& column, const std::string& value);

} // namespace holdwater::proxy
