#include "proxy/session/local_columns.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace holdwater::proxy {

using protocol::column_definition;
using item_kind = protocol::sql::plain_item::kind;

namespace {

constexpr std::uint16_t not_null = 0x0001, is_unsigned = 0x0020, binary = 0x0080, no_default = 0x1000;
constexpr std::uint8_t type_long = 3, type_null = 6, type_longlong = 8, type_medium_blob = 250,
                       type_long_blob = 251, type_var_string = 253;
constexpr std::uint16_t binary_collation = 63;
constexpr std::size_t longest_name = 64; // of a database or a variable

// Bytes of the longest character, where that is not one.
constexpr std::array<std::pair<std::string_view, std::uint32_t>, 13> wide_charsets{{{"utf8mb4", 4},
                                                                                    {"utf8mb3", 3},
                                                                                    {"utf8", 3},
                                                                                    {"ujis", 3},
                                                                                    {"eucjpms", 3},
                                                                                    {"gb18030", 4},
                                                                                    {"big5", 2},
                                                                                    {"cp932", 2},
                                                                                    {"euckr", 2},
                                                                                    {"gb2312", 2},
                                                                                    {"gbk", 2},
                                                                                    {"sjis", 2},
                                                                                    {"binary", 1}}};

std::uint32_t longest_character_of(std::string_view character_set) {
  const auto found = std::find_if(wide_charsets.begin(), wide_charsets.end(),
                                  [&](const auto& one) { return one.first == character_set; });
  return found == wide_charsets.end() ? 1 : found->second;
}

} // namespace

local_columns::local_columns(const session_state& state, const server_profile& profile)
    : mariadb_(profile.version.mariadb),
      collation_(static_cast<std::uint16_t>(profile.id_of(state.results_collation()))),
      longest_character_(longest_character_of(state.context().character_set_results)) {
  constexpr unsigned first_uca1400 = 2048; // announced as the collation that every client knows instead
  if (mariadb_ && collation_ >= first_uca1400)
    collation_ =
        static_cast<std::uint16_t>(profile.id_of(state.context().character_set_results + "_unicode_ci"));
  if (collation_ == 0) collation_ = column_definition{}.collation;
}

column_definition local_columns::text(std::size_t characters, std::uint16_t flags) const {
  column_definition out;
  out.collation = collation_;
  out.length = static_cast<std::uint32_t>(characters) * longest_character_;
  out.flags = flags;
  out.decimals = mariadb_ ? 39 : 31; // "not fixed"
  return out;
}

column_definition local_columns::number(std::uint8_t type, std::uint32_t length, std::uint16_t flags) const {
  column_definition out;
  out.collation = binary_collation;
  out.length = length;
  out.type = type;
  out.flags = static_cast<std::uint16_t>(flags | binary);
  out.decimals = 0;
  return out;
}

column_definition local_columns::literal(const protocol::sql::plain_item& item) const {
  constexpr std::size_t digits_of_long = 10; // from so many on, MariaDB has a LONGLONG
  const auto length = static_cast<std::uint32_t>(item.value.size());
  if (item.what == item_kind::text) return text(item.value.size(), not_null);
  if (item.what == item_kind::boolean)
    return mariadb_ ? number(type_long, 5, not_null) : number(type_longlong, 1, not_null);
  if (mariadb_) return number(length < digits_of_long ? type_long : type_longlong, length, not_null);
  return number(type_longlong, length + (item.value.starts_with('-') ? 0 : 1), not_null);
}

column_definition local_columns::null() const {
  return number(type_null, 0, 0);
}

column_definition local_columns::connection_id() const {
  return mariadb_ ? number(type_long, 10, not_null | is_unsigned)
                  : number(type_longlong, 21, not_null | is_unsigned);
}

column_definition local_columns::last_insert_id() const {
  return number(type_longlong, 21, not_null | is_unsigned);
}

column_definition local_columns::row_count() const {
  return number(type_longlong, 21, not_null);
}

column_definition local_columns::user_variable(const std::optional<std::string>& value, bool integer) const {
  constexpr std::uint32_t medium = 0xffffff; // bytes
  if (integer) return number(type_longlong, mariadb_ ? 20 : 21, 0);
  auto out = value ? text(mariadb_ ? medium : std::size_t{medium} * longest_character_, 0) : text(0, binary);
  if (!value) out.collation = binary_collation;
  if (!value) out.length = medium;
  out.type = mariadb_ || out.length > medium ? type_long_blob : type_medium_blob;
  return out;
}

column_definition local_columns::system_variable(const proxy::system_variable& fresh,
                                                 const std::optional<std::string>& value) const {
  auto out = fresh.described;
  if (out.type != type_var_string) return out;
  // MariaDB announces the value's own length
  const auto characters = mariadb_ ? value.value_or("").size() : std::size_t{out.length};
  return text(characters, out.flags);
}

column_definition local_columns::shown(bool value) const {
  const auto flags = static_cast<std::uint16_t>(not_null | no_default);
  auto out = value ? text(mariadb_ ? 4096 : 1024, mariadb_ ? flags : 0) : text(longest_name, flags);
  out.decimals = 0;
  out.schema = mariadb_ ? "information_schema" : "performance_schema";
  out.table = mariadb_ ? "SESSION_VARIABLES" : "session_variables";
  out.original_name =
      mariadb_ ? (value ? "VARIABLE_VALUE" : "VARIABLE_NAME") : (value ? "Value" : "Variable_name");
  return out;
}

column_definition local_columns::diagnostic(std::size_t column) const {
  if (column == 0) return text(7, not_null);
  if (column == 1) return number(type_long, mariadb_ ? 4 : 5, not_null | is_unsigned);
  return text(512, not_null);
}

protocol::text_column local_columns::insert_id(const std::string& schema, const std::string& table,
                                               const std::string& column, const std::string& type) {
  constexpr std::uint16_t primary_key = 0x0002, auto_increment = 0x0200, part_of_key = 0x4000;
  constexpr std::array<std::pair<std::string_view, std::uint8_t>, 4> types{
      {{"tinyint", 1}, {"smallint", 2}, {"mediumint", 9}, {"int", 3}}};
  const auto texts = std::make_shared<const std::vector<std::string>>(std::vector{schema, table, column});
  column_definition out;
  out.collation = binary_collation;
  out.type = type_longlong;
  for (const auto& [name, number] : types)
    if (type.starts_with(name)) out.type = number;
  const auto width = type.find('(');
  out.length = width == type.npos
                   ? 20
                   : static_cast<std::uint32_t>(std::strtoul(type.c_str() + width + 1, nullptr, 10));
  out.flags = not_null | primary_key | auto_increment | part_of_key;
  if (type.find("unsigned") != type.npos) out.flags |= is_unsigned;
  out.decimals = 0;
  out.schema = (*texts)[0];
  out.table = (*texts)[1];
  out.original_name = (*texts)[2];
  protocol::text_column made(column, out);
  made.texts = texts;
  return made;
}

column_definition local_columns::diagnostic_count() const {
  return number(type_longlong, 21, is_unsigned);
}

} // namespace holdwater::proxy
