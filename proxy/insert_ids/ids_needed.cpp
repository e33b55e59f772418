#include "proxy/insert_ids/ids_needed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace holdwater::proxy {
namespace {

using protocol::sql::cell;
using protocol::sql::insert_shape;

id_need unknown(std::string reason) {
  return {id_need::answer::unknown, 0, std::move(reason)};
}
id_need generated(std::uint64_t rows) {
  return {id_need::answer::rows, rows, {}};
}

struct column_place {
  bool doubtful = false;
  std::optional<std::size_t> position; // nothing: the statement does not name the column
};

column_place place_in_list(const std::vector<protocol::sql::name>& columns, std::string_view column) {
  column_place place;
  for (std::size_t i = 0; i < columns.size(); ++i) switch (compare_columns(columns[i].unquoted(), column)) {
    case name_match::same: return {false, i};
    case name_match::doubtful: place.doubtful = true; break;
    case name_match::different: break;
    }
  return place;
}

column_place place_of(const table_facts& facts, const insert_shape& shape) {
  if (!shape.columns.empty()) return place_in_list(shape.columns, facts.column);
  if (facts.hidden || shape.from == insert_shape::source::set) return {};
  return {false, facts.position};
}

id_need need_of(const std::vector<cell>& cells, const table_facts& facts, bool listed) {
  const auto count = [&](cell kind) { return std::count(cells.begin(), cells.end(), kind); };
  const auto total = static_cast<std::ptrdiff_t>(cells.size());
  if (count(cell::given) == total) return {id_need::answer::none, 0, {}};
  if (count(cell::expression) > 0)
    return unknown(
        fmt::format("the value for the AUTO_INCREMENT column {} is an expression", quoted(facts.column)));
  // VALUES () leaves every column to its default.
  const auto made = count(cell::generated) + (listed ? 0 : count(cell::missing));
  if (made == total) return generated(cells.size());
  if (count(cell::given) > 0)
    return unknown(fmt::format("some rows give a value for {} and some do not", quoted(facts.column)));
  return unknown("a row has fewer values than there are columns");
}

} // namespace

id_need ids_needed(const table_facts& facts, std::string_view text, const protocol::sql::statement& one,
                   const protocol::sql::dialect& how) {
  const auto& shape = one.insert;
  if (!facts.makes_ids()) return {id_need::answer::none, 0, {}};
  if (shape.from == insert_shape::source::select)
    return unknown("how many ids a SELECT's rows would take is not known");
  if (shape.from == insert_shape::source::none || shape.rows == 0)
    return unknown("its rows cannot be counted");
  const auto place = place_of(facts, shape);
  if (place.doubtful)
    return unknown(fmt::format("whether a listed column is {} cannot be told", quoted(facts.column)));
  if (!place.position) return generated(shape.rows);
  const auto cells = cell_kinds(text, one, *place.position, how);
  if (cells.size() != shape.rows) return unknown("its rows cannot be counted");
  return need_of(cells, facts, !shape.columns.empty());
}

} // namespace holdwater::proxy
