#include "spool/bound_parameters.hpp"

#include "spool/byte_codec.hpp"

#include <cmath>
#include <cstring>
#include <string_view>

namespace holdwater::spool {
namespace {

// Bytes of a number's value; 0 for what is no number.
std::size_t width_of(std::uint8_t type) {
  switch (type) {
  case MYSQL_TYPE_TINY: return 1;
  case MYSQL_TYPE_SHORT:
  case MYSQL_TYPE_YEAR: return 2;
  case MYSQL_TYPE_LONG:
  case MYSQL_TYPE_FLOAT: return 4;
  case MYSQL_TYPE_LONGLONG:
  case MYSQL_TYPE_DOUBLE: return 8;
  default: return 0;
  }
}

bool is_text(std::uint8_t type) {
  switch (type) {
  case MYSQL_TYPE_DECIMAL:
  case MYSQL_TYPE_NEWDECIMAL:
  case MYSQL_TYPE_JSON:
  case MYSQL_TYPE_TINY_BLOB:
  case MYSQL_TYPE_MEDIUM_BLOB:
  case MYSQL_TYPE_LONG_BLOB:
  case MYSQL_TYPE_BLOB:
  case MYSQL_TYPE_VAR_STRING:
  case MYSQL_TYPE_STRING: return true;
  default: return false;
  }
}

bool is_time(std::uint8_t type) {
  return type == MYSQL_TYPE_TIMESTAMP || (type >= MYSQL_TYPE_DATE && type <= MYSQL_TYPE_DATETIME);
}

// Types that the library does not bind go as ones that have the same bytes and the same meaning.
std::uint8_t type_to_bind(std::uint8_t type) {
  constexpr std::uint8_t mysql_bool = 244; // not in the library's list
  switch (type) {
  case MYSQL_TYPE_INT24: return MYSQL_TYPE_LONG;
  case MYSQL_TYPE_VARCHAR: return MYSQL_TYPE_VAR_STRING;
  case mysql_bool: return MYSQL_TYPE_TINY;
  default: return type;
  }
}

unsigned small_number(std::string_view bytes, std::size_t at, std::size_t width) {
  return static_cast<unsigned>(little_endian(bytes, at, width));
}

// 0, 4, 7 or 11 bytes: year (2), month, day; hour, minute, second; microseconds (4).
bool read_date(std::string_view bytes, MYSQL_TIME& out) {
  if (!bytes.empty() && bytes.size() != 4 && bytes.size() != 7 && bytes.size() != 11) return false;
  if (bytes.size() >= 4) {
    out.year = small_number(bytes, 0, 2);
    out.month = small_number(bytes, 2, 1);
    out.day = small_number(bytes, 3, 1);
  }
  if (bytes.size() >= 7) {
    out.hour = small_number(bytes, 4, 1);
    out.minute = small_number(bytes, 5, 1);
    out.second = small_number(bytes, 6, 1);
  }
  if (bytes.size() == 11) out.second_part = small_number(bytes, 7, 4);
  return true;
}

// 0, 8 or 12 bytes: sign, days (4), hour, minute, second; microseconds (4).
bool read_time(std::string_view bytes, MYSQL_TIME& out) {
  if (!bytes.empty() && bytes.size() != 8 && bytes.size() != 12) return false;
  out.time_type = MYSQL_TIMESTAMP_TIME;
  if (bytes.empty()) return true;
  out.neg = bytes[0] != 0 ? 1 : 0;
  out.day = small_number(bytes, 1, 4);
  out.hour = small_number(bytes, 5, 1);
  out.minute = small_number(bytes, 6, 1);
  out.second = small_number(bytes, 7, 1);
  if (bytes.size() == 12) out.second_part = small_number(bytes, 8, 4);
  return true;
}

// Infinities and what is no number have no form in SQL, and no place in a column.
bool is_number(std::uint8_t type, std::string_view bytes) {
  double value = 0;
  if (type == MYSQL_TYPE_DOUBLE) std::memcpy(&value, bytes.data(), sizeof value);
  float narrow = 0;
  if (type == MYSQL_TYPE_FLOAT) std::memcpy(&narrow, bytes.data(), sizeof narrow);
  return std::isfinite(value) && std::isfinite(narrow);
}

bool has_a_place(std::uint8_t type) {
  return type == MYSQL_TYPE_NULL || width_of(type) != 0 || is_time(type) || is_text(type);
}

// False: the type is not known, or the bytes are not one of its values.
bool bind(const parameter& one, MYSQL_BIND& as, MYSQL_TIME& time) {
  const auto type = type_to_bind(one.type);
  as.buffer_type = static_cast<enum_field_types>(type);
  as.is_unsigned = one.is_unsigned ? 1 : 0;
  if (!one.value) {
    static my_bool yes = 1;
    as.is_null = &yes; // the type stays: the server looks at it for NULL too
    return has_a_place(type);
  }
  if (is_time(type)) {
    as.buffer = &time;
    if (type == MYSQL_TYPE_TIME) return read_time(*one.value, time);
    time.time_type = type == MYSQL_TYPE_DATE ? MYSQL_TIMESTAMP_DATE : MYSQL_TIMESTAMP_DATETIME;
    return read_date(*one.value, time);
  }
  as.buffer = const_cast<char*>(one.value->data()); // the library only reads it
  as.buffer_length = one.value->size();
  as.length = &as.buffer_length;
  if (const auto width = width_of(type)) // little-endian here as there
    return one.value->size() == width && is_number(type, *one.value);
  return is_text(type);
}

// "Length-Encoded Integer".
void append_length(std::string& out, std::uint64_t value) {
  constexpr std::uint64_t one_byte = 0xfb, two_bytes = 0x10000, three_bytes = 0x1000000;
  constexpr char two_follow = '\xfc', three_follow = '\xfd', eight_follow = '\xfe';
  if (value < one_byte) return append_little_endian(out, value, 1);
  out += value < two_bytes ? two_follow : value < three_bytes ? three_follow : eight_follow;
  append_little_endian(out, value, value < two_bytes ? 2 : value < three_bytes ? 3 : 8);
}

} // namespace

bool can_be_bound(const parameter& one) {
  MYSQL_BIND as{};
  MYSQL_TIME time{};
  return bind(one, as, time);
}

std::string execution(std::uint32_t statement_id, const std::vector<parameter>& values) {
  constexpr std::uint64_t once = 1;
  constexpr char no_cursor = 0, types_follow = 1;
  constexpr unsigned unsigned_flag = 0x8000;
  std::string out;
  append_little_endian(out, statement_id, 4);
  out += no_cursor;
  append_little_endian(out, once, 4);
  if (values.empty()) return out;
  std::string nulls((values.size() + 7) / 8, '\0');
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!values[i].value) nulls[i / 8] = static_cast<char>(nulls[i / 8] | 1 << i % 8);
  out += nulls + types_follow;
  for (const auto& one : values)
    append_little_endian(out, type_to_bind(one.type) | (one.is_unsigned ? unsigned_flag : 0U), 2);
  for (const auto& one : values) {
    if (!one.value) continue;
    const auto type = type_to_bind(one.type);
    if (is_time(type))
      out += static_cast<char>(one.value->size());
    else if (width_of(type) == 0)
      append_length(out, one.value->size());
    out += *one.value;
  }
  return out;
}

bound_parameters::bound_parameters(const std::vector<parameter>& values)
    : binds_(values.size()), times_(values.size()) {
  for (std::size_t i = 0; i < values.size(); ++i) sound_ = bind(values[i], binds_[i], times_[i]) && sound_;
}

} // namespace holdwater::spool
