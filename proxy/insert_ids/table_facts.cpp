#include "proxy/insert_ids/table_facts.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <locale>

namespace holdwater::proxy {
namespace {

struct integer_type {
  std::string_view name;
  unsigned bits;
};
constexpr std::array<integer_type, 5> integer_types{
    {{"tinyint", 8}, {"smallint", 16}, {"mediumint", 24}, {"int", 32}, {"bigint", 64}}};

bool ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string lower(std::string_view text) {
  return boost::algorithm::to_lower_copy(std::string(text), std::locale::classic());
}

} // namespace

bool table_facts::same_definition(const table_facts& other) const {
  return name == other.name && engine == other.engine && created == other.created && column == other.column &&
         column_type == other.column_type && position == other.position && hidden == other.hidden;
}

std::uint64_t largest_id(std::string_view column_type) {
  const auto word = column_type.substr(0, column_type.find_first_of(" ("));
  const bool is_unsigned = column_type.find("unsigned") != std::string_view::npos;
  for (const auto& type : integer_types)
    if (boost::algorithm::iequals(type.name, word, std::locale::classic()))
      return std::numeric_limits<std::uint64_t>::max() >> (64 - type.bits + (is_unsigned ? 0 : 1));
  return 0;
}

std::string obstacle(const table_facts& facts) {
  // Elsewhere a rolled-back row would stay, or the counter would go back.
  if (!boost::algorithm::iequals(facts.engine, "InnoDB", std::locale::classic()))
    return fmt::format("ids are reserved on InnoDB tables only, this one's engine is {}", facts.engine);
  if (largest_id(facts.column_type) == 0)
    return fmt::format("ids are not reserved for a column of type {}", facts.column_type);
  return {};
}

std::string quoted(std::string_view name) {
  std::string text = "`";
  for (const char c : name) text.append(c == '`' ? 2 : 1, c);
  return text += '`';
}

std::string quoted(const spool::table_name& name) {
  return quoted(name.schema) + '.' + quoted(name.table);
}

spool::table_name lookup_name(std::string_view schema, std::string_view table, bool folded) {
  if (folded) return {lower(schema), lower(table)};
  return {std::string(schema), std::string(table)};
}

name_match compare_columns(std::string_view left, std::string_view right) {
  if (boost::algorithm::iequals(left, right, std::locale::classic())) return name_match::same;
  return ascii(left) && ascii(right) ? name_match::different : name_match::doubtful;
}

} // namespace holdwater::proxy
