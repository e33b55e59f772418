#include "proxy/insert_ids/fill_values.hpp"

#include "proxy/insert_ids/table_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace holdwater::proxy {
namespace {

constexpr std::uint64_t digits_least = 6; // fewer hex digits would meet a row of a large table too often
constexpr std::uint64_t digits_most = 16;

template <std::size_t N>
bool one_of(const std::array<std::string_view, N>& list, std::string_view type) {
  return std::find(list.begin(), list.end(), type) != list.end();
}
constexpr std::array<std::string_view, 10> string_types{"char",     "varchar",   "binary",     "varbinary",
                                                        "tinytext", "text",      "mediumtext", "longtext",
                                                        "blob",     "mediumblob"};

std::uint64_t digits_of(const unique_column& column) {
  const auto room = column.prefix != 0 ? std::min(column.prefix, column.length) : column.length;
  return std::min(room, digits_most);
}

bool fillable(const unique_column& column) {
  if (column.generated || column.name.empty()) return false;
  if (column.nullable || column.type == "int" || column.type == "bigint" || column.type == "uuid")
    return true;
  return one_of(string_types, column.type) && digits_of(column) >= digits_least;
}

std::uint64_t low_bits(std::uint64_t seed, unsigned bits) {
  return seed & ((std::uint64_t{1} << bits) - 1);
}

std::string value_of(const unique_column& column, std::uint64_t seed) {
  if (column.nullable) return "NULL"; // NULLs do not meet in a unique index
  if (column.type == "int") return std::to_string(low_bits(seed, 31));
  if (column.type == "bigint") return std::to_string(low_bits(seed, 63));
  if (column.type == "uuid")
    return fmt::format("'{:08x}-0000-4000-8000-{:012x}'", seed >> 32, low_bits(seed, 48));
  const auto digits = digits_of(column);
  const auto shown = digits == digits_most ? seed : low_bits(seed, static_cast<unsigned>(digits) * 4);
  return fmt::format("'{:0{}x}'", shown, digits);
}

using index_columns = std::vector<unique_column>;

std::vector<index_columns> by_index(const std::vector<unique_column>& columns) {
  std::vector<index_columns> indexes;
  for (const auto& column : columns) {
    if (indexes.empty() || indexes.back().front().index != column.index) indexes.emplace_back();
    indexes.back().push_back(column);
  }
  return indexes;
}

// One distinct column makes the whole index distinct; a NULL does so without a chance of meeting anything.
const unique_column* pick(const index_columns& index) {
  for (const auto& column : index)
    if (column.nullable && fillable(column)) return &column;
  for (const auto& column : index)
    if (fillable(column)) return &column;
  return nullptr;
}

bool has_column(const std::vector<unique_column>& columns, std::string_view name) {
  return std::any_of(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
}

} // namespace

fill_plan plan_fill(const std::vector<unique_column>& columns, std::string_view id_column) {
  fill_plan plan;
  for (const auto& index : by_index(columns)) {
    if (has_column(index, id_column)) continue;
    const auto* chosen = pick(index);
    if (chosen == nullptr) {
      plan.obstacle =
          fmt::format("no distinct values can be made up for its unique index {}", quoted(index[0].index));
      return plan;
    }
    // A prefix shorter than another index's needs its own digits: the shortest one serves both.
    const auto known = std::find_if(plan.columns.begin(), plan.columns.end(),
                                    [&](const auto& column) { return column.name == chosen->name; });
    if (known == plan.columns.end())
      plan.columns.push_back(*chosen);
    else if (digits_of(*chosen) < digits_of(*known))
      *known = *chosen;
  }
  return plan;
}

std::string fill_plan::column_list() const {
  std::string text;
  for (const auto& column : columns) text += ", " + quoted(column.name);
  return text;
}

std::string fill_plan::values(std::uint64_t seed) const {
  std::string text;
  for (const auto& column : columns) text += ", " + value_of(column, seed);
  return text;
}

} // namespace holdwater::proxy
