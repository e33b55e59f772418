#include "proxy/own_writes/types_from_rows.hpp"

#include "protocol/column_types.hpp"
#include "protocol/fnv1a.hpp"
#include "proxy/own_writes/read_types.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

namespace holdwater::proxy {
namespace {

using boost::algorithm::icontains;
using boost::algorithm::iequals;
using boost::algorithm::to_lower_copy;
namespace wire = protocol::wire;
using family = column_type::family;
using otherwise = column_type::otherwise;
using spool::result_row;

// Of schema_rows::columns.
enum place : std::uint8_t {
  table_name_at,
  ordinal_at,
  name_at,
  data_type_at,
  column_type_at,
  nullable_at,
  default_at,
  extra_at,
  set_at,
  collation_at,
  characters_at,
  octets_at,
  precision_at,
  scale_at,
  fraction_at,
  expression_at,
};

std::uint64_t number(const result_row& row, std::size_t column) {
  std::uint64_t value = 0;
  const auto digits = cell_text(row, column);
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

struct known_name {
  std::string_view name;
  family what;
  std::uint8_t wire_type;
  std::uint8_t bytes = 0;
};
constexpr std::array known_names{known_name{"tinyint", family::integer, wire::type_tiny, 1},
                                 known_name{"smallint", family::integer, wire::type_short, 2},
                                 known_name{"mediumint", family::integer, wire::type_int24, 3},
                                 known_name{"int", family::integer, wire::type_long, 4},
                                 known_name{"bigint", family::integer, wire::type_longlong, 8},
                                 known_name{"decimal", family::decimal, wire::type_newdecimal},
                                 known_name{"char", family::characters, wire::type_string},
                                 known_name{"varchar", family::characters, wire::type_var_string},
                                 known_name{"tinytext", family::characters, wire::type_blob},
                                 known_name{"text", family::characters, wire::type_blob},
                                 known_name{"mediumtext", family::characters, wire::type_blob},
                                 known_name{"longtext", family::characters, wire::type_blob},
                                 known_name{"date", family::date, wire::type_date},
                                 known_name{"datetime", family::datetime, wire::type_datetime}};

// "varchar(10)" of varchar, "int(11) unsigned": nothing else is said of it.
bool is_bare(std::string_view type, std::string_view data_type) {
  if (!type.starts_with(data_type)) return false;
  type.remove_prefix(data_type.size());
  if (type.starts_with('(')) type.remove_prefix(std::min(type.find(')'), type.size() - 1) + 1);
  return type.empty() || type == " unsigned";
}

// MariaDB gives the text of an expression, MySQL the value.
void read_default(column_type& column, const result_row& row, bool mariadb) {
  const bool given = row.size() > default_at && row[default_at];
  auto text = cell_text(row, default_at);
  if (column.makes_id || !given || (mariadb && iequals(text, "NULL"))) {
    column.without = column.nullable ? otherwise::null : otherwise::nothing;
    return;
  }
  // Of an expression nobody knows whether the column takes it; of the present moment it is known.
  const bool now = column.takes_now && icontains(text, "current_timestamp");
  column.without = now ? otherwise::not_foretold : otherwise::nothing;
  if (now || icontains(cell_text(row, extra_at), "DEFAULT_GENERATED")) return;
  const bool quoted = mariadb && text.size() > 1 && text.front() == '\'' && text.back() == '\'';
  if (quoted) {
    text = text.substr(1, text.size() - 2);
    if (text.find_first_of("'\\") != text.npos) return;
  } else if (mariadb && text.find_first_not_of("-.0123456789") != text.npos) {
    return; // an expression
  }
  column.without = otherwise::constant;
  column.constant = std::move(text);
}

void read_family(column_type& column, const result_row& row) {
  const auto type = to_lower_copy(cell_text(row, data_type_at));
  const auto whole = to_lower_copy(cell_text(row, column_type_at));
  const auto known =
      std::find_if(known_names.begin(), known_names.end(), [&](const auto& one) { return one.name == type; });
  column.takes_now = type == "datetime" || type == "timestamp";
  if (known == known_names.end() || !is_bare(whole, type)) return;
  column.what = known->what;
  column.wire_type = known->wire_type;
  column.bytes = known->bytes;
  column.is_unsigned = whole.ends_with(" unsigned");
  column.digits = static_cast<unsigned>(number(row, precision_at));
  column.scale = static_cast<unsigned>(number(row, column.what == family::datetime ? fraction_at : scale_at));
  column.longest = number(row, characters_at);
  column.most_bytes = number(row, octets_at);
  column.padded = type == "char";
  column.character_set = cell_text(row, set_at);
}

// Nothing: rows of its table cannot be followed.
std::optional<column_type> column_from(const result_row& row, bool mariadb) {
  column_type out;
  const auto extra = cell_text(row, extra_at);
  const auto name = cell_text(row, name_at);
  const bool generated = !cell_text(row, expression_at).empty() || icontains(extra, "VIRTUAL GENERATED") ||
                         icontains(extra, "STORED GENERATED") || icontains(extra, "PERSISTENT");
  if (name.empty() || !is_ascii(name) || generated || icontains(extra, "INVISIBLE")) return std::nullopt;
  out.name = to_lower_copy(name);
  out.nullable = cell_text(row, nullable_at) == "YES";
  out.makes_id = icontains(extra, "auto_increment");
  out.follows_now = icontains(extra, "on update");
  read_family(out, row);
  read_default(out, row, mariadb);
  // whatever else the server says of it
  auto rest = to_lower_copy(extra);
  for (const std::string_view known : {"auto_increment", "default_generated"})
    if (const auto at = rest.find(known); at != rest.npos) rest.erase(at, known.size());
  const bool understood = out.follows_now || rest.find_first_not_of(' ') == rest.npos;
  return understood ? std::optional(std::move(out)) : std::nullopt;
}

// Of rows as they are.
class version_maker {
 public:
  void add(const result_row& row) {
    for (const auto& one : row) hash_.add(one ? "v" + std::to_string(one->size()) + ":" + *one : "n");
  }
  [[nodiscard]] std::uint64_t value() const { return hash_.value() | 1; }

 private:
  protocol::fnv1a hash_;
};

using rows_by_table = std::map<std::string, std::vector<const result_row*>>;

rows_by_table by_table(const std::vector<result_row>& rows, std::size_t at = 0) {
  rows_by_table out;
  for (const auto& row : rows) out[cell_text(row, at)].push_back(&row);
  return out;
}

// The columns and the key of a table whose rows can be followed, or neither.
void read_columns(table_type& out, const std::vector<const result_row*>& columns,
                  const std::vector<const result_row*>& indexes, bool mariadb) {
  std::uint64_t ordinal = 0;
  for (const auto* row : columns) {
    auto one = column_from(*row, mariadb);
    if (!one || number(*row, ordinal_at) != ++ordinal || out.find(one->name)) return out.columns.clear();
    out.columns.push_back(std::move(*one));
  }
  for (const auto* row : indexes) {
    if (cell_text(*row, 1) != "PRIMARY") continue;
    const auto at = out.find(cell_text(*row, 3));
    const bool whole = row->size() > 5 && !(*row)[5];
    if (at && whole && out.columns[*at].what == family::integer)
      out.key.push_back(*at);
    else
      return out.key.clear(), out.columns.clear();
  }
}

// A foreign key by which a change of another table changes rows of this one.
bool carries_changes(const result_row& reference) {
  const auto acts = [](const std::string& rule) { return rule != "RESTRICT" && rule != "NO ACTION"; };
  return acts(cell_text(reference, 2)) || acts(cell_text(reference, 3));
}

} // namespace

std::optional<std::size_t> table_type::find(std::string_view column) const {
  const auto sought = to_lower_copy(std::string(column));
  const auto at = std::find_if(columns.begin(), columns.end(),
                               [&](const column_type& one) { return one.name == sought; });
  if (at == columns.end()) return std::nullopt;
  return static_cast<std::size_t>(at - columns.begin());
}

std::vector<table_type> types_from(const std::string& schema, const schema_rows& rows) {
  std::set<std::string> triggered, checked, changed;
  for (const auto& row : rows.triggers) triggered.insert(cell_text(row, 1));
  for (const auto& row : rows.checks) checked.insert(cell_text(row, 0));
  for (const auto& row : rows.references) {
    if (!carries_changes(row)) continue;
    const auto child = cell_text(row, 1);
    // What it changes there goes on to where nobody knows.
    if (cell_text(row, 0) != schema || triggered.contains(child)) return {};
    changed.insert(child);
  }
  const auto columns = by_table(rows.columns);
  const auto indexes = by_table(rows.indexes);
  std::vector<table_type> out;
  for (const auto& row : rows.tables) {
    const auto name = cell_text(row, 0);
    if (cell_text(row, 1) != "BASE TABLE" || !is_ascii(name) || triggered.contains(name)) continue;
    auto& one = out.emplace_back();
    one.name = {schema, name};
    version_maker version;
    version.add(row);
    const auto own_columns = columns.find(name);
    const auto own_indexes = indexes.find(name);
    if (own_columns != columns.end())
      for (const auto* each : own_columns->second) version.add(*each);
    if (own_indexes != indexes.end())
      for (const auto* each : own_indexes->second) version.add(*each);
    one.version = version.value();
    const bool plain = cell_text(row, 2) == "InnoDB" && !icontains(cell_text(row, 3), "partitioned") &&
                       !checked.contains(name) && !changed.contains(name);
    if (plain && own_columns != columns.end() && own_indexes != indexes.end())
      read_columns(one, own_columns->second, own_indexes->second, rows.mariadb);
  }
  return out;
}

} // namespace holdwater::proxy
