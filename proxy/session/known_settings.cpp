// Source: MySQL "Server System Variables", "Server SQL Modes", "MySQL Server Locale Support", "MySQL Server
// Time Zone Support"; MariaDB "SQL_MODE", "Server Locale", "Time Zones".
#include "proxy/session/known_settings.hpp"

#include "spool/context_sql.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <vector>

namespace holdwater::proxy {
namespace {

using boost::algorithm::iequals;

// Words between blanks, in the order of the servers' bits.
constexpr std::string_view mysql_modes =
    " REAL_AS_FLOAT PIPES_AS_CONCAT ANSI_QUOTES IGNORE_SPACE ONLY_FULL_GROUP_BY NO_UNSIGNED_SUBTRACTION "
    "NO_DIR_IN_CREATE ANSI NO_AUTO_VALUE_ON_ZERO NO_BACKSLASH_ESCAPES STRICT_TRANS_TABLES STRICT_ALL_TABLES "
    "NO_ZERO_IN_DATE NO_ZERO_DATE ALLOW_INVALID_DATES ERROR_FOR_DIVISION_BY_ZERO TRADITIONAL "
    "HIGH_NOT_PRECEDENCE NO_ENGINE_SUBSTITUTION PAD_CHAR_TO_FULL_LENGTH TIME_TRUNCATE_FRACTIONAL ";
constexpr std::string_view mariadb_modes =
    " REAL_AS_FLOAT PIPES_AS_CONCAT ANSI_QUOTES IGNORE_SPACE ONLY_FULL_GROUP_BY NO_UNSIGNED_SUBTRACTION "
    "NO_DIR_IN_CREATE POSTGRESQL ORACLE MSSQL DB2 MAXDB NO_KEY_OPTIONS NO_TABLE_OPTIONS NO_FIELD_OPTIONS "
    "MYSQL323 MYSQL40 ANSI NO_AUTO_VALUE_ON_ZERO NO_BACKSLASH_ESCAPES STRICT_TRANS_TABLES "
    "STRICT_ALL_TABLES NO_ZERO_IN_DATE NO_ZERO_DATE ALLOW_INVALID_DATES ERROR_FOR_DIVISION_BY_ZERO "
    "TRADITIONAL NO_AUTO_CREATE_USER HIGH_NOT_PRECEDENCE NO_ENGINE_SUBSTITUTION PAD_CHAR_TO_FULL_LENGTH "
    "EMPTY_STRING_IS_NULL SIMULTANEOUS_ASSIGNMENT TIME_ROUND_FRACTIONAL ";
constexpr std::string_view regex_flags = " DOTALL DUPNAMES EXTENDED EXTENDED_MORE EXTRA MULTILINE UNGREEDY ";
constexpr std::string_view cipher_modes = " ECB CBC CFB1 CFB8 CFB128 OFB ";
constexpr std::string_view modes_of_several =
    " ANSI TRADITIONAL POSTGRESQL ORACLE MSSQL DB2 MAXDB MYSQL323 MYSQL40 ";

constexpr std::string_view locales =
    " AR_AE AR_BH AR_DZ AR_EG AR_IN AR_IQ AR_JO AR_KW AR_LB AR_LY AR_MA AR_OM AR_QA AR_SA AR_SD AR_SY AR_TN "
    "AR_YE BE_BY BG_BG CA_ES CS_CZ DA_DK DE_AT DE_BE DE_CH DE_DE DE_LU EL_GR EN_AU EN_CA EN_GB EN_IN EN_NZ "
    "EN_PH EN_US EN_ZA EN_ZW ES_AR ES_BO ES_CL ES_CO ES_CR ES_DO ES_EC ES_ES ES_GT ES_HN ES_MX ES_NI ES_PA "
    "ES_PE ES_PR ES_PY ES_SV ES_US ES_UY ES_VE ET_EE EU_ES FI_FI FO_FO FR_BE FR_CA FR_CH FR_FR FR_LU GL_ES "
    "GU_IN HE_IL HI_IN HR_HR HU_HU ID_ID IS_IS IT_CH IT_IT JA_JP KO_KR LT_LT LV_LV MK_MK MN_MN MS_MY NB_NO "
    "NL_BE NL_NL NO_NO PL_PL PT_BR PT_PT RM_CH RO_RO RU_RU RU_UA SK_SK SL_SI SQ_AL SR_RS SV_FI SV_SE TA_IN "
    "TE_IN TH_TH TR_TR UK_UA UR_PK VI_VN ZH_CN ZH_HK ZH_TW ";

bool holds_word(std::string_view list, std::string_view word) {
  const bool plain = !word.empty() && word.find(' ') == word.npos;
  return plain && list.find(' ' + boost::algorithm::to_upper_copy(std::string(word)) + ' ') != list.npos;
}

// Words with commas in between.
bool is_list_of(std::string_view words, std::string_view value) {
  while (!value.empty()) {
    const auto end = std::min(value.find(','), value.size());
    if (!holds_word(words, value.substr(0, end))) return false;
    if (end + 1 == value.size()) return false; // a comma at the end: not for all of them
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return true;
}

bool is_sql_mode(std::string_view value, bool mariadb) {
  return is_list_of(mariadb ? mariadb_modes : mysql_modes, value);
}

// Of block_encryption_mode: aes-256-cbc.
bool is_cipher(std::string_view value) {
  constexpr std::string_view size = "aes-128-";
  for (const std::string_view key : {"aes-128-", "aes-192-", "aes-256-"})
    if (value.starts_with(key)) return holds_word(cipher_modes, value.substr(size.size()));
  return false;
}

int number_in(std::string_view digits) {
  int value = -1;
  const auto* const end = digits.data() + digits.size();
  const auto [at, problem] = std::from_chars(digits.data(), end, value);
  return problem == std::errc() && at == end ? value : -1;
}

// What every version takes: -12:59 to +13:00, and no -00:00.
bool is_offset(std::string_view zone) {
  const bool shaped = (zone.size() == 5 || zone.size() == 6) && (zone[0] == '+' || zone[0] == '-');
  if (!shaped || zone[zone.size() - 3] != ':') return false;
  const int hours = number_in(zone.substr(1, zone.size() - 4)),
            minutes = number_in(zone.substr(zone.size() - 2));
  if (hours < 0 || minutes < 0 || minutes > 59) return false;
  if (zone[0] == '-' && hours == 0 && minutes == 0) return false;
  return hours < 13 || (hours == 13 && minutes == 0 && zone[0] == '+');
}

bool is_time_zone(std::string_view value, const spool::statement_context& now,
                  const server_profile& profile) {
  if (!is_named_zone(value)) return iequals(value, "SYSTEM") || is_offset(value);
  if (value == now.time_zone) return true;
  if (profile.defaults && value == profile.defaults->time_zone) return true;
  return profile.time_zones.count(std::string(value)) != 0;
}

bool is_quoted(std::string_view text) {
  return !text.empty() && (text[0] == '\'' || text[0] == '"');
}

bool is_switch(std::string_view text, std::string_view value) {
  const bool quoted = is_quoted(text);
  if (value == "0" || value == "1") return !quoted;
  if (iequals(value, "on") || iequals(value, "off")) return true;
  return !quoted && (iequals(value, "true") || iequals(value, "false"));
}

bool is_step(std::string_view text) {
  const int step = number_in(text);
  return step >= 1 && step <= 65535;
}

} // namespace

std::string common_name(std::string variable) {
  boost::algorithm::to_lower(variable);
  return variable == "tx_isolation"   ? "transaction_isolation"
         : variable == "tx_read_only" ? "transaction_read_only"
                                      : variable;
}

bool is_of_context(std::string_view variable) {
  for (const std::string_view one :
       {"sql_mode", "time_zone", "lc_time_names", "auto_increment_increment", "auto_increment_offset",
        "foreign_key_checks", "unique_checks", "transaction_isolation", "transaction_read_only"})
    if (variable == one) return true;
  return variable.starts_with("character_set_") || variable.starts_with("collation_");
}

bool is_for_one_statement(std::string_view variable, std::string_view value) {
  return variable == "insert_id" || variable == "rand_seed1" || variable == "rand_seed2" ||
         variable == "gtid_seq_no" || (variable == "gtid_next" && !iequals(value, "AUTOMATIC"));
}

std::string as_told(std::string_view variable, std::string_view value) {
  auto text = std::string(value);
  if (variable == "time_zone" && is_offset(value)) {
    if (value.size() == std::string_view("+5:00").size()) text.insert(1, "0");
  } else if (variable == "time_zone" && iequals(value, "SYSTEM")) {
    text = "SYSTEM";
  } else if (variable == "lc_time_names" && value.size() == std::string_view("en_US").size()) {
    text =
        boost::algorithm::to_lower_copy(text.substr(0, 2)) + boost::algorithm::to_upper_copy(text.substr(2));
  } else if (variable.starts_with("character_set_") || variable.starts_with("collation_")) {
    boost::algorithm::to_lower(text);
    if (text == "null") text.clear();
  }
  return text;
}

std::optional<std::string> listed_sql_mode(std::string_view value, bool mariadb) {
  const auto all = mariadb ? mariadb_modes : mysql_modes;
  std::vector<std::size_t> places; // in `all`
  while (!value.empty()) {
    const auto mode = value.substr(0, value.find(','));
    if (!holds_word(all, mode) || holds_word(modes_of_several, mode)) return std::nullopt;
    places.push_back(all.find(' ' + boost::algorithm::to_upper_copy(std::string(mode)) + ' ') + 1);
    value.remove_prefix(std::min(mode.size() + 1, value.size()));
  }
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  std::string out;
  for (const auto at : places)
    out.append(out.empty() ? "" : ",").append(all.substr(at, all.find(' ', at) - at));
  return out;
}

bool is_client_charset(std::string_view character_set) {
  for (const auto* wide : {"ucs2", "utf16", "utf16le", "utf32"})
    if (iequals(character_set, wide)) return false;
  return true;
}

bool is_named_zone(std::string_view time_zone) {
  return !time_zone.empty() && time_zone[0] != '+' && time_zone[0] != '-' && !iequals(time_zone, "SYSTEM");
}

bool is_acceptable(std::string_view variable, std::string_view text, std::string_view value,
                   const spool::statement_context& now, const server_profile& profile) {
  const auto lower = boost::algorithm::to_lower_copy(std::string(value));
  if (variable == "time_zone") return is_time_zone(value, now, profile);
  if (variable == "sql_mode") return is_sql_mode(value, profile.version.mariadb);
  if (variable == "lc_time_names") return holds_word(locales, value) || value == now.lc_time_names;
  if (variable == "character_set_client" || variable == "character_set_connection")
    return profile.default_of(lower) && is_client_charset(lower);
  if (variable == "character_set_results") return lower == "null" || profile.default_of(lower);
  if (variable == "collation_connection") return profile.named(lower) != nullptr;
  if (variable == "auto_increment_increment" || variable == "auto_increment_offset") return is_step(text);
  if (variable == "foreign_key_checks" || variable == "unique_checks" || variable == "autocommit" ||
      variable == "transaction_read_only")
    return is_switch(text, value);
  if (variable == "transaction_isolation")
    return lower == "read-uncommitted" || lower == "read-committed" || lower == "repeatable-read" ||
           lower == "serializable";
  const auto* fresh = profile.find_variable(variable);
  return !fresh || !fresh->integer || !is_quoted(text) || lower == "on" || lower == "off";
}

std::optional<std::string> number_of(const std::optional<std::string>& set_to) {
  if (!set_to) return set_to;
  if (iequals(*set_to, "on") || iequals(*set_to, "true")) return "1";
  if (iequals(*set_to, "off") || iequals(*set_to, "false")) return "0";
  return set_to;
}

bool is_as_fresh(const system_variable& fresh, const std::optional<std::string>& value) {
  return (fresh.integer ? number_of(value) : value) == fresh.value;
}

std::optional<std::string> carried_value(std::string_view variable, std::string_view value, bool mariadb) {
  struct range {
    std::string_view variable;
    std::uint64_t lowest, highest; // that each version takes as it is
  };
  const std::uint64_t least_to_sort_in = mariadb ? 1024 : 32768;
  static constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();
  const range numbers[] = {
      {"cte_max_recursion_depth", 0, 4294967295}, {"default_week_format", 0, 7},
      {"div_precision_increment", 0, 30},         {"group_concat_max_len", 4, any},
      {"max_points_in_geometry", 3, 1048576},     {"max_recursive_iterations", 0, 4294967295},
      {"max_sort_length", 64, 8388608},           {"sort_buffer_size", least_to_sort_in, any},
  };
  for (const auto& one : numbers) {
    if (one.variable != variable) continue;
    std::uint64_t number = 0;
    const auto [at, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool whole = problem == std::errc() && at == value.data() + value.size();
    if (!whole || number < one.lowest || number > one.highest) return std::nullopt;
    constexpr std::uint64_t most_at_mariadb = 1 << 30;
    return std::to_string(mariadb && one.highest == any ? std::min(number, most_at_mariadb) : number);
  }
  auto word = std::string(value);
  if (variable == "block_encryption_mode") {
    boost::algorithm::to_lower(word);
    return is_cipher(word) ? std::optional(word) : std::nullopt;
  }
  boost::algorithm::to_upper(word);
  if (variable == "default_regex_flags")
    return is_list_of(regex_flags, word) ? std::optional(word) : std::nullopt;
  if (variable == "updatable_views_with_limit")
    return word == "YES" || word == "NO" ? std::optional(word) : std::nullopt;
  const auto on = number_of(std::string(value));
  return on == "0" || on == "1" ? on : std::nullopt;
}

bool is_left_behind(std::string_view variable) {
  static constexpr std::string_view others[] = {
      // which rows are found, or whether the statement is refused
      "character_set_collations",
      "default_collation_for_utf8mb4",
      "enable_cascade_triggers",
      "explicit_defaults_for_timestamp",
      "max_join_size",
      "old_mode",
      "sql_auto_is_null",
      "sql_big_selects",
      "system_versioning_asof",
      "system_versioning_insert_history",
      // what other servers get of it
      "gtid_domain_id",
      "server_id",
      "skip_replication",
      "wsrep_on",
  };
  return spool::is_carried_setting(variable) || std::ranges::find(others, variable) != std::end(others);
}

} // namespace holdwater::proxy
