#include "proxy/own_writes/write_effects.hpp"

#include "protocol/sql/point_statements.hpp"

#include <algorithm>
#include <charconv>

namespace holdwater::proxy {
namespace {

namespace sql = protocol::sql;
using sql::given_value;

// One statement that writes one table.
class reader {
 public:
  reader(const spool::statement& one, const table_type& type, const sql::dialect& how)
      : one_(one), type_(type), how_(how) {}

  // False: which rows it changes is not known.
  bool read(const sql::statement& found, table_effect& out) {
    switch (found.kind) {
    case sql::kind::insert: return read_insert(found, out);
    case sql::kind::update:
    case sql::kind::erase: return read_change(out);
    default: return false;
    }
  }

 private:
  [[nodiscard]] given_value bound(const given_value& given) const {
    if (given.what != given_value::kind::placeholder) return given;
    return given.index < one_.parameters.size() ? bound_value(one_.parameters[given.index]) : given_value{};
  }

  [[nodiscard]] cell value_of(const given_value& given, const column_type& column) const {
    if (given.what == given_value::kind::placeholder && given.index < one_.parameters.size())
      return stored_value(one_.parameters[given.index], column, one_.context);
    return stored_value(given, column, one_.context);
  }

  // The positions of the columns that are named; all of them where none is.
  [[nodiscard]] std::optional<std::vector<std::size_t>> columns_of(const sql::insert_shape& shape) const {
    std::vector<std::size_t> places;
    if (shape.columns.empty())
      for (std::size_t i = 0; i < type_.columns.size(); ++i) places.push_back(i);
    for (const auto& name : shape.columns) {
      const auto at = type_.find(name.unquoted());
      if (!at || std::find(places.begin(), places.end(), *at) != places.end()) return std::nullopt;
      places.push_back(*at);
    }
    return places;
  }

  // The id that the nth row gets, where the server makes one.
  [[nodiscard]] cell made_id(std::size_t row, const column_type& column) const {
    if (!one_.insert_id) return {};
    const auto step = std::max<std::uint64_t>(one_.context.auto_increment_increment, 1);
    auto digits = canonical_integer(std::to_string(*one_.insert_id + row * step), column);
    if (!digits) return {};
    return {cell::state::known, std::move(*digits)};
  }

  [[nodiscard]] static bool asks_for_id(const given_value& given) {
    if (given.what == given_value::kind::null || given.what == given_value::kind::by_default) return true;
    const bool literal = given.what == given_value::kind::number || given.what == given_value::kind::text;
    const auto sign = static_cast<std::size_t>(given.text.starts_with('-'));
    return literal && given.text.size() > sign &&
           given.text.find_first_not_of('0', sign) == std::string::npos;
  }

  bool read_insert(const sql::statement& found, table_effect& out) {
    if (has(found.traits, sql::trait::upsert) || found.insert.on_duplicate) return false;
    const auto places = columns_of(found.insert);
    const auto rows = sql::read_inserted_rows(one_.text, found, how_);
    if (!places || !rows) return false;
    for (std::size_t i = 0; i < rows->size(); ++i)
      if (!read_row(i, *places, (*rows)[i], out)) return false;
    return true;
  }

  bool read_row(std::size_t number, const std::vector<std::size_t>& places,
                const std::vector<given_value>& values, table_effect& out) {
    if (values.size() != places.size()) return false;
    row_effect row;
    std::vector<const given_value*> given(type_.columns.size());
    for (std::size_t i = 0; i < places.size(); ++i) given[places[i]] = &values[i];
    bool doubtful = false;
    for (std::size_t i = 0; i < type_.columns.size(); ++i) {
      const auto& column = type_.columns[i];
      const bool made = column.makes_id && (!given[i] || asks_for_id(bound(*given[i])));
      auto one = made       ? made_id(number, column)
                 : given[i] ? value_of(*given[i], column)
                            : default_value(column);
      doubtful = doubtful || one.what == cell::state::doubtful;
      row.cells.emplace_back(i, std::move(one));
    }
    std::vector<std::string> key;
    for (const auto at : type_.key) {
      const auto& one = row.cells[at].second;
      if (one.what != cell::state::known || !one.value) return false;
      key.push_back(*one.value);
    }
    row.key = row_key(key);
    row.what = doubtful ? row_effect::kind::unclear : row_effect::kind::made;
    if (doubtful) row.cells.clear();
    out.rows.push_back(std::move(row));
    return true;
  }

  bool read_change(table_effect& out) {
    const auto change = sql::read_point_change(one_.text, how_);
    if (!change || change->table.unquoted() != type_.name.table) return false;
    row_effect row;
    auto where = change->where;
    for (auto& one : where) one.value = bound(one.value);
    const auto key = sought_key(where, type_);
    if (!key) return false;
    row.key = *key;
    row.what = change->erases ? row_effect::kind::erased : row_effect::kind::changed;
    if (!change->erases && !read_assignments(change->set, row)) return false;
    out.rows.push_back(std::move(row));
    return true;
  }

  bool read_assignments(const std::vector<sql::column_value>& set, row_effect& row) {
    bool doubtful = false;
    for (const auto& one : set) {
      const auto at = type_.find(one.column);
      if (!at || std::find(type_.key.begin(), type_.key.end(), *at) != type_.key.end()) return false;
      const auto again = std::any_of(row.cells.begin(), row.cells.end(),
                                     [&](const auto& known) { return known.first == *at; });
      auto value = value_of(one.value, type_.columns[*at]);
      doubtful = doubtful || again || value.what == cell::state::doubtful;
      row.cells.emplace_back(*at, std::move(value));
    }
    for (std::size_t i = 0; i < type_.columns.size(); ++i) {
      const auto given = std::any_of(row.cells.begin(), row.cells.end(),
                                     [&](const auto& known) { return known.first == i; });
      if (type_.columns[i].follows_now && !given) row.cells.emplace_back(i, cell{cell::state::untold});
    }
    if (doubtful) row.what = row_effect::kind::unclear;
    if (doubtful) row.cells.clear();
    return true;
  }

  const spool::statement& one_;
  const table_type& type_;
  const sql::dialect& how_;
};

} // namespace

std::string row_key(const std::vector<std::string>& values) {
  std::string key;
  for (const auto& one : values) key += one + ',';
  return key;
}

std::optional<std::string> sought_key(const std::vector<protocol::sql::column_value>& where,
                                      const table_type& type) {
  if (!type.followed() || where.size() != type.key.size()) return std::nullopt;
  std::vector<std::string> key(type.key.size());
  for (const auto& one : where) {
    const auto at = type.find(one.column);
    const auto place = at ? std::find(type.key.begin(), type.key.end(), *at) : type.key.end();
    if (place == type.key.end()) return std::nullopt;
    auto value = sought_integer(one.value, type.columns[*at]);
    auto& slot = key[static_cast<std::size_t>(place - type.key.begin())];
    if (!value || !slot.empty()) return std::nullopt;
    slot = std::move(*value);
  }
  return row_key(key);
}

void add_effects(const spool::statement& one, const sql::dialect& server, const find_type& find,
                 write_effects& out) {
  auto how = server;
  sql::apply_context(how, one.context.sql_mode, one.context.character_set_client);
  sql::analysis all;
  all.analyze(one.text, how);
  out.everything_unclear = out.everything_unclear || !all.single() || one.tables.empty();
  std::vector<table_type_ptr> types;
  types.reserve(one.tables.size());
  for (const auto& table : one.tables) types.push_back(find(table));
  const bool known =
      std::all_of(types.begin(), types.end(), [](const auto& type) { return type != nullptr; });
  if (!known) out.everything_unclear = true;
  if (out.everything_unclear) return;
  for (const auto& type : types) {
    auto& effect = out.tables.emplace_back();
    effect.table = type->name;
    effect.version = type->version;
    const bool readable = types.size() == 1 && type->followed() && is_strict(one.context.sql_mode);
    effect.all_unclear = !readable || !reader(one, *type, how).read(all.first(), effect);
    if (effect.all_unclear) effect.rows.clear();
  }
}

} // namespace holdwater::proxy
