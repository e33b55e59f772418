// Source: MySQL "SET Syntax for Variable Assignment"; MariaDB "SET", "timestamp", "insert_id".
#include "spool/context_sql.hpp"

#include <boost/algorithm/hex.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace holdwater::spool {
namespace {

using text_field = std::string statement_context::*;

// character_set_results is left alone: it changes no data, and the errors we keep for people are to be
// readable. collation_database follows from the default database. Isolation has a statement of its own,
// before BEGIN.
constexpr std::pair<const char*, text_field> text_variables[] = {
    {"character_set_client", &statement_context::character_set_client},
    {"collation_connection", &statement_context::collation_connection},
    {"collation_server", &statement_context::collation_server},
    {"time_zone", &statement_context::time_zone},
    {"lc_time_names", &statement_context::lc_time_names},
    {"sql_mode", &statement_context::sql_mode},
};
using number_field = std::uint64_t statement_context::*;
constexpr std::pair<const char*, number_field> number_variables[] = {
    {"auto_increment_increment", &statement_context::auto_increment_increment},
    {"auto_increment_offset", &statement_context::auto_increment_offset},
};
using flag_field = bool statement_context::*;
constexpr std::pair<const char*, flag_field> flag_variables[] = {
    {"foreign_key_checks", &statement_context::foreign_key_checks},
    {"unique_checks", &statement_context::unique_checks},
};

// What any account may set on both servers' versions, in order. Where a setting needs a right, acts on
// another one or on what the connection did before, no unit carries it.
constexpr std::string_view carried_settings[] = {
    "block_encryption_mode",
    "check_constraint_checks",
    "cte_max_recursion_depth",
    "default_regex_flags",
    "default_week_format",
    "div_precision_increment",
    "group_concat_max_len",
    "max_points_in_geometry",
    "max_recursive_iterations",
    "max_sort_length",
    "old_passwords",
    "sort_buffer_size",
    "standard_compliant_cte",
    "updatable_views_with_limit",
    "windowing_use_high_precision",
};

// An empty value was never told, except for sql_mode, whose empty value is a mode like any other.
std::string text_value(const char* name, const std::string& value) {
  if (value.empty()) return std::string_view(name) == "sql_mode" ? "''" : "DEFAULT";
  return hex_literal(value);
}

class assignments {
 public:
  void add(std::string_view name, std::string_view value) {
    text_ += fmt::format("{}{} = {}", text_.empty() ? "SET " : ", ", name, value);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void add_variables(assignments& out, const std::optional<statement_context>& current,
                   const statement_context& to) {
  const auto differs = [&](auto field) { return !current || (*current).*field != to.*field; };
  for (const auto& [name, field] : text_variables)
    if (differs(field)) out.add(name, text_value(name, to.*field));
  for (const auto& [name, field] : number_variables)
    if (differs(field)) out.add(name, std::to_string(to.*field));
  for (const auto& [name, field] : flag_variables)
    if (differs(field)) out.add(name, to.*field ? "1" : "0");
}

std::string setting_value(const std::string& value) {
  const bool number = !value.empty() && value.find_first_not_of("0123456789") == value.npos;
  return number ? value : hex_literal(value);
}

void add_settings(assignments& out, const std::vector<session_setting>& from,
                  const std::vector<session_setting>& to) {
  for (const auto& one : from)
    if (std::ranges::find(to, one.name, &session_setting::name) == to.end()) out.add(one.name, "DEFAULT");
  for (const auto& one : to)
    if (std::ranges::find(from, one) == from.end()) out.add(one.name, setting_value(one.value));
}

// Whether the byte begins a character whose second byte may look like ASCII.
// Source: MySQL "Asian Character Sets"; of gb18030's four bytes none is a backtick.
bool begins_pair(char c, std::string_view character_set) {
  const auto byte = static_cast<unsigned char>(c);
  if (character_set == "gbk" || character_set == "gb18030") return byte >= 0x81 && byte <= 0xfe;
  if (character_set == "big5") return byte >= 0xa1 && byte <= 0xf9;
  if (character_set == "sjis" || character_set == "cp932")
    return (byte >= 0x81 && byte <= 0x9f) || (byte >= 0xe0 && byte <= 0xfc);
  return false;
}

std::string timestamp_value(std::chrono::microseconds time) {
  constexpr std::int64_t million = 1'000'000;
  if (time.count() <= 0) return "DEFAULT";
  return fmt::format("{}.{:06}", time.count() / million, time.count() % million);
}

} // namespace

std::string hex_literal(std::string_view bytes, std::string_view character_set) {
  auto text = character_set.empty() ? std::string("x'") : fmt::format("_{} x'", character_set);
  boost::algorithm::hex_lower(bytes, std::back_inserter(text));
  return text + "'";
}

std::string quoted_name(std::string_view name, std::string_view character_set) {
  std::string text = "`";
  for (std::size_t at = 0; at < name.size(); ++at) {
    text.append(name[at] == '`' ? 2 : 1, name[at]);
    if (begins_pair(name[at], character_set) && at + 1 < name.size()) text += name[++at];
  }
  return text + "`";
}

std::string set_context(const std::optional<statement_context>& current, const statement& wanted) {
  assignments out;
  add_variables(out, current, wanted.context);
  add_settings(out, current ? current->settings : std::vector<session_setting>(), wanted.context.settings);
  out.add("timestamp", timestamp_value(wanted.timestamp));
  if (wanted.insert_id) out.add("insert_id", std::to_string(*wanted.insert_id));
  if (wanted.last_insert_id) out.add("last_insert_id", std::to_string(*wanted.last_insert_id));
  return out.take();
}

std::string set_settings(const std::vector<session_setting>& from, const std::vector<session_setting>& to) {
  assignments out;
  add_settings(out, from, to);
  return out.take();
}

bool is_carried_setting(std::string_view name) {
  return std::ranges::find(carried_settings, name) != std::end(carried_settings);
}

void put_setting(std::vector<session_setting>& settings, std::string_view name,
                 std::optional<std::string> value) {
  std::erase_if(settings, [&](const auto& one) { return one.name == name; });
  if (!value) return;
  const auto place = std::ranges::lower_bound(settings, name, {}, &session_setting::name);
  settings.insert(place, {std::string(name), std::move(*value)});
}

std::string set_user_variables(const statement& wanted) {
  assignments out;
  for (const auto& variable : wanted.user_variables)
    out.add("@" + quoted_name(variable.name), variable.literal);
  return out.take();
}

std::string set_isolation(std::string_view isolation) {
  for (const char* level : {"READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"}) {
    std::string dashed(level);
    for (char& c : dashed)
      if (c == ' ') c = '-';
    if (isolation == level || isolation == dashed)
      return fmt::format("SET SESSION TRANSACTION ISOLATION LEVEL {}", level);
  }
  return {};
}

std::uint64_t largest_packet(const statement& what) {
  constexpr std::uint64_t head = 32;  // of COM_STMT_EXECUTE
  constexpr std::uint64_t extra = 12; // of each value: its type, length and NULL bit
  std::uint64_t values = head;
  for (const auto& one : what.parameters)
    values += extra + (one.value && !one.long_data ? one.value->size() : 0);
  std::uint64_t variables = head; // of the SET that gives them
  for (const auto& one : what.user_variables) variables += extra + one.name.size() + one.literal.size();
  return std::max<std::uint64_t>({what.text.size() + 1, what.parameters.empty() ? 0 : values,
                                  what.user_variables.empty() ? 0 : variables});
}

} // namespace holdwater::spool
