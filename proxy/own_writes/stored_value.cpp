#include "proxy/own_writes/stored_value.hpp"

#include "protocol/column_types.hpp"
#include "spool/parameter_text.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace holdwater::proxy {
namespace {

using kind = protocol::sql::given_value::kind;
namespace wire = protocol::wire;
using family = column_type::family;

constexpr std::array<std::string_view, 14> plain_modes{
    "STRICT_TRANS_TABLES",    "STRICT_ALL_TABLES",          "ONLY_FULL_GROUP_BY", "NO_ZERO_IN_DATE",
    "NO_ZERO_DATE",           "ERROR_FOR_DIVISION_BY_ZERO", "TRADITIONAL",        "NO_AUTO_CREATE_USER",
    "NO_ENGINE_SUBSTITUTION", "NO_BACKSLASH_ESCAPES",       "ANSI_QUOTES",        "PIPES_AS_CONCAT",
    "IGNORE_SPACE",           "NO_UNSIGNED_SUBTRACTION"};

template <class Visit>
bool all_words(std::string_view list, const Visit& visit) {
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    if (!visit(list.substr(0, end))) return false;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return true;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_utf8mb3(std::string_view set) {
  return set == "utf8mb3" || set == "utf8";
}

// How many characters; nothing: it is no UTF-8. `most`: bytes in the longest of them.
std::optional<std::uint64_t> count_utf8(std::string_view text, unsigned& most) {
  std::uint64_t count = 0;
  most = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const unsigned size = lead < 0x80                   ? 1
                          : lead >= 0xc2 && lead < 0xe0 ? 2
                          : lead >= 0xe0 && lead < 0xf0 ? 3
                          : lead >= 0xf0 && lead < 0xf5 ? 4
                                                        : 0;
    if (size == 0 || text.size() - at < size) return std::nullopt;
    std::uint32_t code = size == 1 ? lead : lead & (0xffu >> (size + 1));
    for (unsigned i = 1; i < size; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if ((next & 0xc0) != 0x80) return std::nullopt;
      code = code << 6 | (next & 0x3fu);
    }
    if ((size == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
        (size == 4 && (code < 0x10000 || code > 0x10ffff)))
      return std::nullopt;
    most = std::max(most, size);
    at += size;
  }
  return count;
}

// Bytes of the longest character that goes through a character set unchanged as UTF-8; 0: not even ASCII is
// sure.
unsigned utf8_room(std::string_view set) {
  if (set == "utf8mb4") return 4;
  if (is_utf8mb3(set)) return 3;
  return set == "latin1" || set == "ascii" ? 1 : 0;
}

// Of a collation's name: "utf8mb4_general_ci".
std::string_view character_set_of(std::string_view collation) {
  return collation.substr(0, std::min(collation.find('_'), collation.size()));
}

cell characters_of(const std::string& text, const column_type& column,
                   const spool::statement_context& context) {
  unsigned most = 0;
  const auto count = count_utf8(text, most);
  if (!count) return {};
  // a lone quirk of one byte sets: only ASCII passes through them
  for (const auto set :
       {std::string_view(context.character_set_client), character_set_of(context.collation_connection),
        std::string_view(column.character_set)})
    if (most > utf8_room(set)) return {};
  if (*count > column.longest || text.size() > column.most_bytes) return {};
  if (column.padded && text.ends_with(' ')) return {};
  return {cell::state::known, text};
}

cell integer_of(const std::string& text, const column_type& column) {
  auto digits = canonical_integer(text, column);
  if (!digits) return {};
  return {cell::state::known, std::move(*digits)};
}

cell decimal_of(std::string_view text, const column_type& column) {
  const bool minus = text.starts_with('-');
  if (minus) text.remove_prefix(1);
  const auto point = std::min(text.find('.'), text.size());
  auto whole = text.substr(0, point);
  const auto rest = point < text.size() ? text.substr(point + 1) : std::string_view();
  if (!is_digits(whole) || (point < text.size() && !is_digits(rest))) return {};
  while (whole.size() > 1 && whole.front() == '0') whole.remove_prefix(1);
  const auto before = whole == "0" ? 0 : whole.size();
  if (before > column.digits - column.scale || rest.size() > column.scale) return {};
  const bool zero = text.find_first_not_of("0.") == text.npos;
  if (minus && (zero || column.is_unsigned)) return {};
  auto out = (minus ? "-" : "") + std::string(whole);
  if (column.scale > 0) out += "." + std::string(rest) + std::string(column.scale - rest.size(), '0');
  return {cell::state::known, std::move(out)};
}

// "YYYY-MM-DD" of a day that there is, from the year 1000 on.
bool is_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  int parts[3] = {};
  const std::string_view all[] = {text.substr(0, 4), text.substr(5, 2), text.substr(8, 2)};
  for (int i = 0; i < 3; ++i) {
    if (!is_digits(all[i])) return false;
    std::from_chars(all[i].data(), all[i].data() + all[i].size(), parts[i]);
  }
  const std::chrono::year_month_day day{std::chrono::year(parts[0]),
                                        std::chrono::month(static_cast<unsigned>(parts[1])),
                                        std::chrono::day(static_cast<unsigned>(parts[2]))};
  return parts[0] >= 1000 && day.ok();
}

bool is_time(std::string_view text) {
  const auto below = [](std::string_view two, char most, char digit) {
    return is_digits(two) && (two[0] < most || (two[0] == most && two[1] <= digit));
  };
  return text.size() == 8 && text[2] == ':' && text[5] == ':' && below(text.substr(0, 2), '2', '3') &&
         below(text.substr(3, 2), '5', '9') && below(text.substr(6, 2), '5', '9');
}

cell datetime_of(const std::string& text, const column_type& column) {
  std::string_view left = text;
  if (left.size() < 19 || !is_day(left.substr(0, 10)) || left[10] != ' ' || !is_time(left.substr(11, 8)))
    return {};
  auto out = std::string(left.substr(0, 19));
  auto fraction = left.substr(19);
  if (!fraction.empty()) {
    if (fraction.front() != '.') return {};
    fraction.remove_prefix(1);
    if (!is_digits(fraction) || fraction.size() > column.scale) return {};
  }
  if (column.scale > 0) out += "." + std::string(fraction) + std::string(column.scale - fraction.size(), '0');
  return {cell::state::known, std::move(out)};
}

cell literal_of(const protocol::sql::given_value& given, const column_type& column,
                const spool::statement_context& context) {
  const bool number = given.what == kind::number;
  switch (column.what) {
  case family::integer: return integer_of(given.text, column); // '5' is a 5, too
  case family::decimal: return is_ascii(given.text) ? decimal_of(given.text, column) : cell{};
  case family::characters: return number ? cell{} : characters_of(given.text, column, context);
  case family::date: return !number && is_day(given.text) ? cell{cell::state::known, given.text} : cell{};
  case family::datetime: return number ? cell{} : datetime_of(given.text, column);
  case family::opaque: return {};
  }
  return {};
}

std::uint64_t number_in(std::string_view text) {
  if (text.starts_with('-')) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return static_cast<std::uint64_t>(value);
  }
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "2024-02-29 01:02:03.5": the fraction's missing digits are zeros.
void append_moment(protocol::payload_writer& write, const std::string& value, bool with_time) {
  const std::string_view text = value;
  const auto part = [&](std::size_t at, std::size_t size) {
    return at < text.size() ? number_in(text.substr(at, size)) : 0;
  };
  auto fraction = std::string(text.size() > 20 ? text.substr(20) : "");
  fraction.resize(6, '0');
  const auto micro = number_in(fraction);
  const bool time = with_time && (part(11, 2) != 0 || part(14, 2) != 0 || part(17, 2) != 0 || micro != 0);
  const std::uint8_t size = !time ? 4 : micro == 0 ? 7 : 11;
  write.integer(size, 1);
  write.integer(part(0, 4), 2);
  write.integer(part(5, 2), 1);
  write.integer(part(8, 2), 1);
  if (size == 4) return;
  for (const std::size_t at : {11, 14, 17}) write.integer(part(at, 2), 1);
  if (size == 11) write.integer(micro, 4);
}

} // namespace

bool is_plain_mode(std::string_view sql_mode) {
  return all_words(sql_mode, [](std::string_view one) {
    return std::find(plain_modes.begin(), plain_modes.end(), one) != plain_modes.end();
  });
}

bool is_strict(std::string_view sql_mode) {
  const auto other = [](std::string_view one) {
    return one != "STRICT_TRANS_TABLES" && one != "STRICT_ALL_TABLES";
  };
  return is_plain_mode(sql_mode) && !all_words(sql_mode, other);
}

cell stored_value(const protocol::sql::given_value& given, const column_type& column,
                  const spool::statement_context& context) {
  switch (given.what) {
  case kind::null: return column.nullable ? cell{cell::state::known, std::nullopt} : cell{};
  case kind::by_default: return default_value(column);
  case kind::moment: return column.takes_now ? cell{cell::state::untold} : cell{};
  case kind::number:
  case kind::text: return literal_of(given, column, context);
  case kind::placeholder:
  case kind::other: return {};
  }
  return {};
}

cell default_value(const column_type& column) {
  switch (column.without) {
  case column_type::otherwise::nothing: return {};
  case column_type::otherwise::null: return {cell::state::known, std::nullopt};
  case column_type::otherwise::not_foretold: return {cell::state::untold};
  case column_type::otherwise::constant: break;
  }
  // Whatever the server's own form of it, the same rules tell whether it is understood.
  spool::statement_context own;
  own.character_set_client = "utf8mb4";
  own.collation_connection = "utf8mb4_general_ci";
  const bool number = column.what == family::integer;
  auto found = literal_of({number ? kind::number : kind::text, column.constant}, column, own);
  return found.what == cell::state::known ? found : cell{cell::state::untold};
}

protocol::sql::given_value bound_value(const spool::parameter& one) {
  if (!one.value) return {kind::null};
  switch (one.type) {
  case wire::type_tiny:
  case wire::type_short:
  case wire::type_int24:
  case wire::type_long:
  case wire::type_longlong: return {kind::number, spool::literal(one, {})};
  case wire::type_decimal:
  case wire::type_newdecimal: return {kind::number, *one.value};
  case wire::type_varchar:
  case wire::type_var_string:
  case wire::type_string: return {kind::text, *one.value};
  case wire::type_date:
  case wire::type_datetime: {
    auto text = spool::literal(one, {});
    if (text.size() < 2 || text.front() != '\'') return {};
    return {kind::text, text.substr(1, text.size() - 2)};
  }
  default: return {};
  }
}

cell stored_value(const spool::parameter& bound, const column_type& column,
                  const spool::statement_context& context) {
  // In which form the server writes it into a text is the server's.
  const bool moment = bound.type == wire::type_date || bound.type == wire::type_datetime;
  if (moment && bound.value && column.what == family::characters) return {};
  return stored_value(bound_value(bound), column, context);
}

std::optional<std::string> canonical_integer(std::string_view text, const column_type& column) {
  const bool minus = text.starts_with('-');
  auto digits = minus ? text.substr(1) : text;
  if (!is_digits(digits) || column.what != family::integer) return std::nullopt;
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  std::uint64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (read.ec != std::errc()) return std::nullopt;
  const unsigned bits = 8u * column.bytes;
  const auto most = column.is_unsigned ? ~std::uint64_t{0} >> (64 - bits) : ~std::uint64_t{0} >> (65 - bits);
  if (value > most + (minus && !column.is_unsigned ? 1 : 0)) return std::nullopt;
  if (minus && column.is_unsigned && value != 0) return std::nullopt;
  return (minus && value != 0 ? "-" : "") + std::string(digits);
}

std::optional<std::string> sought_integer(const protocol::sql::given_value& given,
                                          const column_type& column) {
  constexpr std::size_t exact_as_real = 15; // digits: a string may be compared as a DOUBLE
  const bool text = given.what == kind::text && given.text.size() <= exact_as_real;
  if (given.what != kind::number && !text) return std::nullopt;
  return canonical_integer(given.text, column);
}

bool is_sent_as_is(std::string_view value, std::string_view character_set_results) {
  unsigned most = 0;
  return count_utf8(value, most) && most <= utf8_room(character_set_results);
}

void append_text_value(protocol::byte_buffer& row, const std::string& value) {
  protocol::payload_writer(row).lenenc_string(value);
}

void append_binary_value(protocol::byte_buffer& row, const column_type& column, const std::string& value) {
  protocol::payload_writer write(row);
  switch (column.what) {
  case family::integer: {
    const std::uint8_t width = column.bytes == 3 ? 4 : column.bytes;
    return write.integer(number_in(value) & (~std::uint64_t{0} >> (64 - 8 * width)), width);
  }
  case family::date: return append_moment(write, value, false);
  case family::datetime: return append_moment(write, value, true);
  default: return write.lenenc_string(value);
  }
}

} // namespace holdwater::proxy
