#include "spool/parameter_text.hpp"

#include "spool/byte_codec.hpp"
#include "spool/context_sql.hpp"

#include <fmt/format.h>
#include <mysql.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace holdwater::spool {
namespace {

constexpr std::size_t longest_shown = 200; // bytes

std::string integer(std::string_view bytes, bool is_unsigned) {
  const auto value = little_endian(bytes, 0, bytes.size());
  if (is_unsigned) return std::to_string(value);
  const auto shift = 64 - 8 * std::min<std::size_t>(bytes.size(), 8);
  return shift == 64 ? "0" : std::to_string(static_cast<std::int64_t>(value << shift) >> shift);
}

template <class Real>
Real value_of(std::string_view bytes) {
  Real value = 0;
  std::memcpy(&value, bytes.data(), std::min(sizeof value, bytes.size()));
  return value;
}

// With an exponent it is a double; without one the server would take it for a decimal, or an integer, which
// alone may stand in a LIMIT.
std::string real_literal(double value, bool in_limit) {
  auto text = fmt::format("{}", value);
  const bool whole = text.find_first_not_of("-0123456789") == text.npos;
  return text.find('e') != text.npos || (whole && in_limit) ? text : text + "e0";
}

// [-+]digits[.digits], and little enough of them for the server to take it for one.
bool is_decimal(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  const auto digits = [&] {
    const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(end);
    return end;
  };
  const auto before = digits();
  std::size_t after = 1;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    after = digits();
  }
  return text.empty() && before > 0 && after > 0 && before + after <= 65;
}

std::string fraction(std::string_view bytes, std::size_t at) {
  const auto micros = bytes.size() > at ? little_endian(bytes, at, 4) : 0;
  return micros == 0 ? std::string() : fmt::format(".{:06}", micros);
}

std::string date(std::string_view bytes) {
  return fmt::format("{:04}-{:02}-{:02}", little_endian(bytes, 0, 2), little_endian(bytes, 2, 1),
                     little_endian(bytes, 3, 1));
}

// Clients leave out a time that is midnight; the server puts it into a text all the same.
std::string date_and_time(std::string_view bytes) {
  return fmt::format("{} {:02}:{:02}:{:02}", date(bytes), little_endian(bytes, 4, 1),
                     little_endian(bytes, 5, 1), little_endian(bytes, 6, 1)) +
         fraction(bytes, 7);
}

std::string time_of_day(std::string_view bytes) {
  const auto hours = little_endian(bytes, 1, 4) * 24 + little_endian(bytes, 5, 1);
  return fmt::format("{}{:02}:{:02}:{:02}", little_endian(bytes, 0, 1) != 0 ? "-" : "", hours,
                     little_endian(bytes, 6, 1), little_endian(bytes, 7, 1)) +
         fraction(bytes, 8);
}

// Empty for what is no number.
std::string number(const parameter& one) {
  switch (one.type) {
  case MYSQL_TYPE_TINY:
  case MYSQL_TYPE_SHORT:
  case MYSQL_TYPE_YEAR:
  case MYSQL_TYPE_INT24:
  case MYSQL_TYPE_LONG:
  case MYSQL_TYPE_LONGLONG: return integer(*one.value, one.is_unsigned);
  case MYSQL_TYPE_FLOAT: return fmt::format("{}", value_of<float>(*one.value));
  case MYSQL_TYPE_DOUBLE: return fmt::format("{}", value_of<double>(*one.value));
  default: return {};
  }
}

std::string text_of(const parameter& one) {
  switch (one.type) {
  case MYSQL_TYPE_DATE: return date(*one.value);
  case MYSQL_TYPE_DATETIME:
  case MYSQL_TYPE_TIMESTAMP: return date_and_time(*one.value);
  case MYSQL_TYPE_TIME: return time_of_day(*one.value);
  default: return *one.value;
  }
}

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '\'' && c != '\\'; });
}

bool is_blob(std::uint8_t type) {
  return type == MYSQL_TYPE_BLOB || type == MYSQL_TYPE_TINY_BLOB || type == MYSQL_TYPE_MEDIUM_BLOB ||
         type == MYSQL_TYPE_LONG_BLOB;
}

} // namespace

std::string readable(const parameter& one) {
  if (!one.value) return "NULL";
  if (auto digits = number(one); !digits.empty()) return digits;
  const auto whole = text_of(one);
  std::string text = "'";
  for (const char c : std::string_view(whole).substr(0, longest_shown)) text.append(c == '\'' ? 2 : 1, c);
  return text + (whole.size() > longest_shown ? "..." : "'");
}

std::string literal(const parameter& one, std::string_view character_set) {
  if (!one.value) return "NULL";
  if (auto digits = number(one); !digits.empty()) return digits;
  const auto text = text_of(one);
  if (is_blob(one.type)) return hex_literal(text, {});
  return is_plain(text) ? "'" + text + "'" : hex_literal(text, character_set);
}

std::string exact_literal(const parameter& one, std::string_view character_set, bool in_limit) {
  if (!one.value) return "NULL";
  if (one.type == MYSQL_TYPE_FLOAT) return real_literal(value_of<float>(*one.value), in_limit);
  if (one.type == MYSQL_TYPE_DOUBLE) return real_literal(value_of<double>(*one.value), in_limit);
  const bool decimal = one.type == MYSQL_TYPE_DECIMAL || one.type == MYSQL_TYPE_NEWDECIMAL;
  return decimal && is_decimal(*one.value) ? *one.value : literal(one, character_set);
}

std::vector<std::string> literals(const std::vector<parameter>& all, std::string_view character_set) {
  std::vector<std::string> texts;
  texts.reserve(all.size());
  for (const auto& one : all) texts.push_back(literal(one, character_set));
  return texts;
}

} // namespace holdwater::spool
