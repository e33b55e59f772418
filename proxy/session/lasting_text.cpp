#include "proxy/session/lasting_text.hpp"

#include "protocol/sql/characters.hpp"

#include <boost/algorithm/hex.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace holdwater::proxy {

std::string quoted(std::string_view value, std::string_view character_set) {
  if (value.empty()) return "''";
  auto text = fmt::format("_{} 0x", character_set);
  boost::algorithm::hex_lower(value, std::back_inserter(text));
  return text;
}

std::string lasting_text(std::string_view literal, std::string_view value, std::string_view character_set) {
  const bool lasts = protocol::sql::is_ascii(literal) && literal.find_first_of("\"\\") == literal.npos;
  return lasts ? std::string(literal) : quoted(value, character_set);
}

bool is_number(std::string_view value) {
  return !value.empty() && value.size() < 20 &&
         std::all_of(value.begin(), value.end(), [](unsigned char c) { return c >= '0' && c <= '9'; });
}

bool is_decimal(std::string_view value) {
  const auto digits = [](std::string_view part) {
    return !part.empty() && part.size() <= 20 && part.find_first_not_of("0123456789") == part.npos;
  };
  if (value.starts_with('-')) value.remove_prefix(1);
  const auto point = value.find('.');
  return digits(value.substr(0, point)) && (point == value.npos || digits(value.substr(point + 1)));
}

} // namespace holdwater::proxy
