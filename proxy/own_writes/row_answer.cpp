#include "proxy/own_writes/row_answer.hpp"

#include "protocol/column_types.hpp"
#include "protocol/stored_rows.hpp"
#include "proxy/own_writes/stored_value.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>

namespace holdwater::proxy {
namespace {

using boost::algorithm::iequals;
namespace wire = protocol::wire;
using family = column_type::family;
using state = pending_row::state;
using protocol::byte_buffer;
using protocol::byte_span;

constexpr std::uint8_t null_byte = 0xfb;

// Of a value in a binary row; 0: its length stands before it.
std::size_t binary_size(std::uint8_t wire_type) {
  switch (wire_type) {
  case wire::type_tiny: return 1;
  case wire::type_short:
  case wire::type_year: return 2;
  case wire::type_int24:
  case wire::type_long:
  case wire::type_float: return 4;
  case wire::type_longlong:
  case wire::type_double: return 8;
  default: return 0;
  }
}

// The server says of the column what is known of it.
bool agrees(const protocol::defined_column& said, const table_type& type, const column_type& column) {
  if (said.schema != type.name.schema || said.original_table != type.name.table ||
      !iequals(said.original_name, column.name))
    return false;
  if (column.what == family::opaque) return true;
  const bool nullable = (said.flags & wire::flag_not_null) == 0;
  const bool number = column.what == family::integer || column.what == family::decimal;
  if (said.type != column.wire_type || nullable != column.nullable || (said.flags & wire::flag_zerofill) != 0)
    return false;
  if (number && ((said.flags & wire::flag_unsigned) != 0) != column.is_unsigned) return false;
  return column.what != family::decimal || said.decimals == column.scale;
}

class row_maker {
 public:
  explicit row_maker(const row_question& asked) : asked_(asked) {}

  // What the shape says of the columns.
  bool take_shape(const protocol::stored_parts& shape) {
    if (shape.head.columns != asked_.columns.size()) return false;
    for (const auto at : asked_.columns) sizes_.push_back(binary_size(asked_.type.columns[at].wire_type));
    if (!shape.head.defined)
      return std::none_of(asked_.columns.begin(), asked_.columns.end(),
                          [this](std::size_t at) { return asked_.type.columns[at].what == family::opaque; });
    const auto said = protocol::read_definitions(shape.definitions, shape.head.columns, asked_.negotiated);
    if (!said) return false;
    for (std::size_t i = 0; i < said->size(); ++i) {
      if (!agrees((*said)[i], asked_.type, asked_.type.columns[asked_.columns[i]])) return false;
      sizes_[i] = binary_size((*said)[i].type);
    }
    return true;
  }

  // The row that the server gave, if any; where there is none, all values have to be in `row`.
  std::optional<byte_buffer> make(const pending_row& row, std::optional<byte_span> before) {
    std::vector<byte_span> kept(asked_.columns.size());
    std::vector<bool> nulls(asked_.columns.size());
    if (before && !split(*before, kept, nulls)) return std::nullopt;
    byte_buffer values;
    for (std::size_t i = 0; i < asked_.columns.size(); ++i) {
      const auto given = std::find_if(row.cells.begin(), row.cells.end(),
                                      [&](const auto& one) { return one.first == asked_.columns[i]; });
      if (given == row.cells.end()) {
        if (!before) return std::nullopt;
        values.insert(values.end(), kept[i].begin(), kept[i].end());
        continue;
      }
      if (given->second.what != cell::state::known) return std::nullopt;
      nulls[i] = !given->second.value;
      if (!append(values, asked_.type.columns[asked_.columns[i]], given->second.value)) return std::nullopt;
    }
    return asked_.binary ? with_head(nulls, values) : values;
  }

 private:
  bool split(byte_span before, std::vector<byte_span>& kept, std::vector<bool>& nulls) const {
    if (asked_.binary) {
      auto found = protocol::split_binary_row(before, sizes_);
      if (!found) return false;
      kept = std::move(found->values);
      nulls = std::move(found->nulls);
      return true;
    }
    auto found = protocol::split_text_row(before, asked_.columns.size());
    if (!found) return false;
    kept = std::move(*found);
    return true;
  }

  bool append(byte_buffer& values, const column_type& column, const std::optional<std::string>& value) const {
    if (!value) {
      if (!asked_.binary) values.push_back(null_byte);
      return true;
    }
    if (column.what == family::characters && !is_sent_as_is(*value, asked_.character_set_results))
      return false;
    if (asked_.binary)
      append_binary_value(values, column, *value);
    else
      append_text_value(values, *value);
    return true;
  }

  static byte_buffer with_head(const std::vector<bool>& nulls, const byte_buffer& values) {
    byte_buffer out(1 + (nulls.size() + 9) / 8);
    for (std::size_t i = 0; i < nulls.size(); ++i)
      if (nulls[i]) out[1 + (i + 2) / 8] |= static_cast<std::uint8_t>(1u << ((i + 2) % 8));
    out.insert(out.end(), values.begin(), values.end());
    return out;
  }

  const row_question& asked_;
  std::vector<std::size_t> sizes_;
};

bool same_columns(const protocol::stored_parts& a, const protocol::stored_parts& b) {
  return a.head.columns == b.head.columns && a.head.defined == b.head.defined &&
         a.head.definitions == b.head.definitions &&
         std::equal(a.definitions.begin(), a.definitions.end(), b.definitions.begin(), b.definitions.end());
}

} // namespace

std::optional<std::vector<std::size_t>> selected_columns(const protocol::sql::point_read& read,
                                                         const table_type& type) {
  std::vector<std::size_t> places;
  if (read.columns.empty())
    for (std::size_t i = 0; i < type.columns.size(); ++i) places.push_back(i);
  for (const auto& name : read.columns) {
    const auto at = type.find(name);
    if (!at) return std::nullopt;
    places.push_back(*at);
  }
  return places;
}

std::optional<byte_buffer> answer_row(const row_question& asked, const pending_row& row) {
  const auto shape = protocol::read_stored_parts(asked.shape, 0);
  row_maker maker(asked);
  if (!shape || !maker.take_shape(*shape)) return std::nullopt;
  const auto base =
      asked.base.empty() ? std::nullopt : protocol::read_stored_parts(asked.base, 1); // a key has one row
  const bool known_before = base && same_columns(*base, *shape);
  std::vector<byte_buffer> rows;
  const auto take = [&](std::optional<byte_buffer> made) {
    if (made) rows.push_back(std::move(*made));
    return made.has_value();
  };
  switch (row.what) {
  case state::erased: break;
  case state::whole:
    if (row.first && base && !base->rows.empty()) return std::nullopt; // the server may refuse it
    if (!take(maker.make(row, std::nullopt))) return std::nullopt;
    break;
  case state::changed:
    if (!known_before) return std::nullopt;
    if (!base->rows.empty() && !take(maker.make(row, base->rows.front()))) return std::nullopt;
    break;
  case state::untouched:
  case state::unclear: return std::nullopt;
  }
  byte_buffer out;
  protocol::store_with_rows(*shape, rows, out);
  return out;
}

} // namespace holdwater::proxy
