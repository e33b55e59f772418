#include "proxy/own_writes/lay_over.hpp"

#include "proxy/insert_ids/table_facts.hpp"

#include <charconv>

namespace holdwater::proxy {

namespace sql = protocol::sql;
namespace flag = protocol::column_flag;
using value_kind = sql::plain_value::kind;

namespace {

// Whether two conditions on columns of one table are about the same rows.
enum class match : std::uint8_t { same, other, doubtful };

class layer {
 public:
  layer(protocol::stored_rows& rows, const point_read& read) : rows_(rows), read_(read) {
    for (const auto& column : rows.columns())
      if (!typed_ && column.is_integer() && !column.special && is_key(column.original_name)) typed_ = &column;
  }

  laid_over lay(const row_writes& writes) {
    for (const auto& one : writes)
      if (!one->what || !take(*one)) return laid_over::unknown;
    return changed_ ? laid_over::changed : laid_over::untouched;
  }

 private:
  [[nodiscard]] bool is_key(std::string_view column) const {
    return compare_columns(column, read_.where.column) == name_match::same;
  }

  // Numbers that differ are of different rows only where the column holds whole numbers, and as little does a
  // text say of a column that is none.
  [[nodiscard]] match compare(std::string_view number, bool quoted) const {
    const bool certain = typed_ || (!quoted && !read_.where.quoted);
    if (!certain) return match::doubtful;
    if (number == read_.where.number) return match::same;
    return typed_ ? match::other : match::doubtful;
  }
  [[nodiscard]] match compare(const sql::point& where) const {
    return is_key(where.column) ? compare(where.number, where.quoted) : match::doubtful;
  }

  bool take(const row_write& one) {
    switch (one.what->what) {
    case sql::point_write::kind::erase: return erase(*one.what);
    case sql::point_write::kind::update: return update(*one.what);
    case sql::point_write::kind::insert: return insert(one);
    }
    return false;
  }

  // Whatever else the table has, these rows are gone; of others only a plain table says that they stay.
  bool erase(const sql::point_write& what) {
    switch (compare(what.where)) {
    case match::same:
      changed_ = changed_ || !rows_.rows.empty();
      rows_.rows.clear();
      return true;
    case match::other: return read_.plain_table;
    case match::doubtful: return false;
    }
    return false;
  }

  bool update(const sql::point_write& what) {
    const auto found = compare(what.where);
    if (!read_.plain_table || found == match::doubtful) return false;
    for (const auto& [column, value] : what.assigned) {
      const auto key = compare_columns(column, read_.where.column);
      if (key == name_match::doubtful) return false;
      if (key == name_match::different) continue;
      const bool stays =
          found == match::same && value.what == value_kind::integer && value.bytes == read_.where.number;
      if (!stays) return false; // the row moves
    }
    if (found == match::other || rows_.rows.empty()) return true;
    for (const auto& [column, value] : what.assigned)
      if (!assign(column, value)) return false;
    changed_ = true;
    return true;
  }

  bool assign(std::string_view to, const sql::plain_value& value) {
    const auto& columns = rows_.columns();
    for (std::size_t at = 0; at < columns.size(); ++at) {
      if (columns[at].original_name.empty()) return false; // an expression
      const auto same = compare_columns(columns[at].original_name, to);
      if (same == name_match::doubtful) return false;
      if (same == name_match::different) continue;
      const auto form = stored_form(columns[at], value, rows_.shape(), read_);
      if (!form) return false;
      for (auto& row : rows_.rows) row[at] = *form;
    }
    return true;
  }

  bool insert(const row_write& one) {
    if (!read_.plain_table || !typed_) return false;
    const auto& what = *one.what;
    std::optional<std::size_t> key;
    for (std::size_t at = 0; at < what.columns.size(); ++at) {
      const auto same = compare_columns(what.columns[at], read_.where.column);
      if (same == name_match::doubtful || (same == name_match::same && key)) return false;
      if (same == name_match::same) key = at;
    }
    for (std::size_t row = 0; row < what.rows.size(); ++row) {
      const auto number = key ? number_of(what.rows[row][*key]) : made_number(one, row);
      if (!number) return false;
      if (*number == read_.where.number && !add_row(what, row, *number)) return false;
    }
    return true;
  }

  // Of a value that the statement gives for the column.
  [[nodiscard]] std::optional<std::string> number_of(const sql::plain_value& given) const {
    const bool may_be_made = typed_->has(flag::auto_increment) && given.bytes == "0";
    if (given.what == value_kind::null || may_be_made) return std::nullopt;
    if (!stored_form(*typed_, given, protocol::row_shape::text, read_)) return std::nullopt;
    return given.bytes;
  }

  // The one that is reserved for the row.
  [[nodiscard]] std::optional<std::string> made_number(const row_write& one, std::size_t row) const {
    if (!typed_->has(flag::auto_increment) || one.insert_id == 0) return std::nullopt;
    return std::to_string(one.insert_id + row * one.increment);
  }

  // A row where none was.
  bool add_row(const sql::point_write& what, std::size_t from, const std::string& number) {
    if (!rows_.rows.empty()) return false;
    protocol::sent_row row;
    for (const auto& column : rows_.columns()) {
      std::optional<protocol::sent_value> form;
      if (is_key(column.original_name))
        form = stored_form(column, {value_kind::integer, number}, rows_.shape(), read_);
      for (std::size_t at = 0; at < what.columns.size() && !form; ++at) {
        const auto same = compare_columns(what.columns[at], column.original_name);
        if (same == name_match::doubtful) return false;
        if (same == name_match::same) form = stored_form(column, what.rows[from][at], rows_.shape(), read_);
      }
      if (!form) return false; // a default, or an expression
      row.push_back(std::move(*form));
    }
    rows_.rows.push_back(std::move(row));
    changed_ = true;
    return true;
  }

  protocol::stored_rows& rows_;
  const point_read& read_;
  const protocol::read_column* typed_ =
      nullptr; // the condition's column, where it is shown and holds whole numbers
  bool changed_ = false;
};

} // namespace

laid_over lay_over(protocol::stored_rows& rows, const point_read& read, const row_writes& writes) {
  return layer(rows, read).lay(writes);
}

} // namespace holdwater::proxy
