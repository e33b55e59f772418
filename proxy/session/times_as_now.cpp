#include "proxy/session/times_as_now.hpp"

#include "protocol/sql/lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>

namespace holdwater::proxy {
namespace {

using namespace std::chrono;
using moment = sys_time<milliseconds>;
using sql_lexer = protocol::sql::lexer;
using protocol::sql::token_kind;

constexpr milliseconds near = minutes(1);
constexpr std::string_view mark("\0now", 4);

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

long long number_of(std::string_view digits) {
  long long value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

// Cuts a fraction off; false when what follows the point is none.
bool without_fraction(std::string_view& text) {
  const auto point = text.find('.');
  if (point == text.npos) return true;
  const auto fraction = text.substr(point + 1);
  text = text.substr(0, point);
  return all_digits(fraction) && fraction.size() <= 9;
}

// Of "YYYYMMDDhhmmss", as if it were UTC.
std::optional<moment> date_of(std::string_view digits) {
  const auto part = [&](std::size_t at, std::size_t size) {
    return static_cast<unsigned>(number_of(digits.substr(at, size)));
  };
  const year_month_day date{year(static_cast<int>(part(0, 4))), month(part(4, 2)), day(part(6, 2))};
  if (!date.ok() || part(8, 2) > 23 || part(10, 2) > 59 || part(12, 2) > 59) return {};
  return sys_days(date) + hours(part(8, 2)) + minutes(part(10, 2)) + seconds(part(12, 2));
}

// "YYYY-MM-DD hh:mm:ss", and with a T, as fourteen digits.
std::optional<std::string> digits_of_date(std::string_view text) {
  constexpr std::string_view form = "dddd-dd-dd dd:dd:dd";
  if (text.size() != form.size()) return {};
  std::string digits;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == 'd') {
      if (!is_digit(text[i])) return {};
      digits += text[i];
    } else if (text[i] != form[i] && !(form[i] == ' ' && text[i] == 'T')) {
      return {};
    }
  }
  return digits;
}

// The whole days from now to it, when it is that time of the day within a minute.
std::optional<long long> days_from_now(moment at, moment now) {
  const auto days_away = round<days>(at - now);
  if (abs(at - now - days_away) > near) return {};
  return days_away.count();
}

std::optional<long long> days_from_now(std::string_view literal, moment now, seconds local) {
  if (!without_fraction(literal)) return {};
  std::optional<moment> date;
  if (const auto digits = digits_of_date(literal)) {
    date = date_of(*digits);
  } else if (all_digits(literal)) {
    if (literal.size() == 10) return days_from_now(moment(seconds(number_of(literal))), now);
    if (literal.size() == 13) return days_from_now(moment(milliseconds(number_of(literal))), now);
    if (literal.size() == 14) date = date_of(literal);
  }
  if (!date) return {};
  const auto found = days_from_now(*date, now);
  return found ? found : days_from_now(*date - local, now);
}

// What stands between the quotes of 'x' or "x"; all of a number.
std::string_view inside(std::string_view token) {
  if (token.size() < 2 || (token.front() != '\'' && token.front() != '"')) return token;
  return token.substr(1, token.size() - 2);
}

} // namespace

std::optional<std::string> times_as_now(std::string_view text, const protocol::sql::dialect& how,
                                        system_clock::time_point now, seconds local) {
  const auto at = floor<milliseconds>(now);
  std::string out;
  std::size_t kept = 0; // up to there the text is in `out`
  sql_lexer in(text, how);
  for (auto token = in.next(); token.kind != token_kind::end; token = in.next()) {
    if (token.kind != token_kind::string && token.kind != token_kind::number) continue;
    const auto days_away = days_from_now(inside(token.text), at, local);
    if (!days_away) continue;
    const auto offset = in.offset_of(token.text.data());
    out += text.substr(kept, offset - kept);
    out += mark;
    if (*days_away != 0) out += fmt::format("{:+}d", *days_away);
    kept = offset + token.text.size();
  }
  if (kept == 0) return {};
  out += text.substr(kept);
  return out;
}

std::optional<std::string> key_as_now(const client_command& of, std::string_view key,
                                      const std::optional<protocol::query_text>& query,
                                      const protocol::sql::dialect& how) {
  if (of.code != protocol::command::query || !of.rule.times_are_now.value_or(false) || !query) return {};
  const auto text = query->text;
  const auto now = system_clock::now();
  const auto timeless = times_as_now(text, how, now, zone_offset(now));
  if (!timeless) return {};
  // in place of the text's length, of four bytes: one that no text has
  return std::string(key.substr(0, key.size() - text.size() - 4)) + "\xff\xff\xff\xff" + *timeless;
}

seconds zone_offset(system_clock::time_point at) {
  const auto time = system_clock::to_time_t(at);
  std::tm local{};
  if (!localtime_r(&time, &local)) return {};
  return seconds(local.tm_gmtoff);
}

} // namespace holdwater::proxy
