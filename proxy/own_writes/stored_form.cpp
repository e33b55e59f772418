// What a column shows after a value was stored in it.
//
// Source: MySQL "Data Types" (integer ranges, CHAR and VARCHAR), "Protocol::ColumnDefinition41".
#include "proxy/own_writes/lay_over.hpp"

#include <algorithm>
#include <charconv>

namespace holdwater::proxy {

namespace sql = protocol::sql;
namespace type = protocol::column_type;
namespace flag = protocol::column_flag;
using value_kind = sql::plain_value::kind;

namespace {

constexpr std::uint16_t binary_collation = 63;

template <class T>
std::optional<T> parse(std::string_view digits) {
  T value{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

unsigned bits_of(const protocol::read_column& column) {
  return column.type == type::int24 ? 24 : 8 * static_cast<unsigned>(column.width());
}

// Its bits, when it is in the column's range.
std::optional<std::uint64_t> in_range(const protocol::read_column& column, std::string_view digits) {
  const auto bits = bits_of(column);
  if (column.has(flag::is_unsigned)) {
    const auto value = parse<std::uint64_t>(digits);
    if (!value || (bits < 64 && *value >> bits != 0)) return std::nullopt;
    return value;
  }
  const auto value = parse<std::int64_t>(digits);
  if (!value) return std::nullopt;
  const auto most = static_cast<std::int64_t>(~std::uint64_t{0} >> (65 - bits));
  if (*value > most || *value < -most - 1) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::optional<protocol::sent_value> integer_form(const protocol::read_column& column, std::string_view digits,
                                                 protocol::row_shape shape) {
  if (column.has(flag::zerofill)) return std::nullopt;
  const auto bits = in_range(column, digits);
  if (!bits) return std::nullopt;
  if (shape == protocol::row_shape::text) return std::string(digits);
  std::string bytes;
  for (std::size_t at = 0; at < column.width(); ++at) bytes += static_cast<char>(*bits >> (8 * at));
  return bytes;
}

bool is_plain_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\t'; });
}

std::optional<protocol::sent_value> text_form(const protocol::read_column& column, std::string_view text,
                                              const point_read& read) {
  const bool fixed = column.type == type::string;
  const bool is_text =
      fixed || column.type == type::var_string || column.type == type::varchar || column.type == type::blob;
  if (!is_text || column.has(flag::enumeration) || column.has(flag::set) ||
      column.collation == binary_collation)
    return std::nullopt;
  if (fixed && (read.pads_char || text.ends_with(' '))) return std::nullopt;
  const auto widest = read.widest_character(column.collation);
  if (widest == 0 || !is_plain_ascii(text) || text.size() > column.length / widest) return std::nullopt;
  return std::string(text);
}

} // namespace

std::optional<protocol::sent_value> stored_form(const protocol::read_column& column,
                                                const sql::plain_value& value, protocol::row_shape shape,
                                                const point_read& read) {
  if (column.special || value.what == value_kind::uncertain) return std::nullopt;
  if (value.what == value_kind::null) {
    if (column.has(flag::not_null)) return std::nullopt;
    return protocol::sent_value();
  }
  if (!column.is_integer()) return text_form(column, value.bytes, read);
  if (value.what == value_kind::text && sql::whole_number(value.bytes) != value.bytes) return std::nullopt;
  return integer_form(column, value.bytes, shape);
}

} // namespace holdwater::proxy
