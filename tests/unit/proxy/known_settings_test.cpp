// What the servers take, measured on MariaDB 10.11 and MySQL 9.7.
#include "proxy/session/known_settings.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

using namespace holdwater;
using namespace holdwater::proxy;

namespace {

server_profile profile(bool mariadb) {
  server_profile made;
  made.version = {mariadb, mariadb ? 101114u : 90700u};
  made.collations = {{8, {"latin1_swedish_ci", "latin1", true}},
                     {45, {"utf8mb4_general_ci", "utf8mb4", true}},
                     {35, {"ucs2_general_ci", "ucs2", true}}};
  made.defaults.emplace().time_zone = "Europe/Berlin";
  made.time_zones = {"Asia/Tokyo"};
  made.variables["tmp_table_size"] = {"16777216", "16777216", true, {}};
  return made;
}

bool takes(std::string_view variable, std::string_view text, bool mariadb = true) {
  auto value = text;
  if (value.size() > 1 && value.front() == '\'') value = value.substr(1, value.size() - 2);
  spool::statement_context now;
  now.time_zone = "Africa/Cairo";
  now.lc_time_names = "en_US";
  return is_acceptable(variable, text, value, now, profile(mariadb));
}

} // namespace

TEST_CASE("a time zone is an offset, SYSTEM, or a name that the server has taken") {
  for (const auto text : {"'+05:00'", "'-12:59'", "'+13:00'", "'+5:00'", "'SYSTEM'", "'system'",
                          "'Europe/Berlin'", "'Asia/Tokyo'", "'Africa/Cairo'"}) {
    CAPTURE(text);
    CHECK(takes("time_zone", text));
  }
  for (const auto text : {"'nonsense'", "'Europe/Paris'", "'+14:30'", "'-13:00'", "'-00:00'", "'+05:60'",
                          "'+05'", "''", "'+5:0'", "'+aa:00'", "5"}) {
    CAPTURE(text);
    CHECK_FALSE(takes("time_zone", text));
  }
}

TEST_CASE("an sql_mode is a list of the flavour's own modes") {
  CHECK(takes("sql_mode", "''"));
  CHECK(takes("sql_mode", "'ansi_quotes,NO_BACKSLASH_ESCAPES'"));
  CHECK(takes("sql_mode", "TRADITIONAL"));
  CHECK(takes("sql_mode", "'ORACLE'"));
  CHECK_FALSE(takes("sql_mode", "'ORACLE'", false));
  CHECK(takes("sql_mode", "'TIME_TRUNCATE_FRACTIONAL'", false));
  for (const auto text :
       {"'wibble'", "'ANSI,'", "',ANSI'", "'ANSI, TRADITIONAL'", "'ANSI TRADITIONAL'", "4"}) {
    CAPTURE(text);
    CHECK_FALSE(takes("sql_mode", text));
  }
}

TEST_CASE("character sets and collations are the server's own, and clients speak none of the wide ones") {
  CHECK(takes("character_set_client", "latin1"));
  CHECK_FALSE(takes("character_set_client", "ucs2"));
  CHECK_FALSE(takes("character_set_client", "klingon"));
  CHECK(takes("character_set_results", "ucs2"));
  CHECK(takes("character_set_results", "NULL"));
  CHECK(takes("collation_connection", "'UTF8MB4_general_ci'"));
  CHECK_FALSE(takes("collation_connection", "utf8mb4_klingon_ci"));
}

TEST_CASE("switches, numbers and names have their spellings") {
  for (const auto text : {"1", "0", "ON", "'off'", "TRUE"}) CHECK(takes("foreign_key_checks", text));
  for (const auto text : {"'1'", "2", "banana", "'true'"}) CHECK_FALSE(takes("autocommit", text));
  CHECK(takes("auto_increment_increment", "5"));
  for (const auto text : {"'5'", "0", "65536", "-1"}) CHECK_FALSE(takes("auto_increment_offset", text));
  CHECK(takes("transaction_isolation", "'read-committed'"));
  CHECK_FALSE(takes("transaction_isolation", "'read committed'"));
  CHECK(takes("lc_time_names", "'de_DE'"));
  CHECK_FALSE(takes("lc_time_names", "'xx_YY'"));
  CHECK_FALSE(takes("lc_time_names", "''"));
}

TEST_CASE("what no unit carries is taken on trust, but for a text where a number belongs") {
  CHECK(takes("tmp_table_size", "5"));
  CHECK_FALSE(takes("tmp_table_size", "'5'"));
  CHECK(takes("max_join_size", "12345"));
}

TEST_CASE("any write may depend on a setting, since a trigger, a view or a generated column may") {
  for (const auto variable :
       {"group_concat_max_len", "div_precision_increment", "block_encryption_mode", "default_regex_flags",
        "explicit_defaults_for_timestamp", "system_versioning_asof", "enable_cascade_triggers",
        "max_join_size", "gtid_domain_id", "skip_replication", "wsrep_on"})
    CHECK(is_left_behind(variable));
  CHECK_FALSE(is_left_behind("sql_mode"));
  CHECK_FALSE(is_left_behind("wait_timeout"));
}

TEST_CASE("of a setting that units carry, a value is taken that every server takes as it is") {
  const struct {
    const char* variable;
    const char* given;
    const char* carried; // null: not at all
  } each[] = {{"div_precision_increment", "012", "12"},
              {"div_precision_increment", "31", nullptr},
              {"div_precision_increment", "-1", nullptr},
              {"div_precision_increment", "1e1", nullptr},
              {"group_concat_max_len", "18446744073709551615", "18446744073709551615"},
              {"group_concat_max_len", "18446744073709551616", nullptr},
              {"group_concat_max_len", "3", nullptr},
              {"max_sort_length", "64", "64"},
              {"sort_buffer_size", "1024", nullptr},
              {"sort_buffer_size", "16777216", "16777216"},
              {"default_week_format", "8", nullptr},
              {"block_encryption_mode", "AES-256-CBC", "aes-256-cbc"},
              {"block_encryption_mode", "aes-512-cbc", nullptr},
              {"block_encryption_mode", "aes-128-", nullptr},
              {"block_encryption_mode", "", nullptr},
              {"default_regex_flags", "dotall,Extra", "DOTALL,EXTRA"},
              {"default_regex_flags", "", ""},
              {"default_regex_flags", "DOTALL,", nullptr},
              {"updatable_views_with_limit", "no", "NO"},
              {"updatable_views_with_limit", "maybe", nullptr},
              {"windowing_use_high_precision", "off", "0"},
              {"check_constraint_checks", "TRUE", "1"},
              {"check_constraint_checks", "2", nullptr}};
  for (const auto& one : each) {
    CAPTURE(one.variable);
    CAPTURE(one.given);
    const auto carried = carried_value(one.variable, one.given, false);
    CHECK(carried == (one.carried ? std::optional<std::string>(one.carried) : std::nullopt));
  }
  CHECK(carried_value("sort_buffer_size", "1024", true) == "1024");
  CHECK(carried_value("group_concat_max_len", "4294967295", true) == "1073741824"); // as MariaDB has it then
}

TEST_CASE("a sql_mode is told in the server's order, and not when it stands for several") {
  CHECK(listed_sql_mode("strict_trans_tables,ANSI_QUOTES,ansi_quotes", true) ==
        "ANSI_QUOTES,STRICT_TRANS_TABLES");
  CHECK(listed_sql_mode("", false) == "");
  CHECK(listed_sql_mode("TIME_TRUNCATE_FRACTIONAL,HIGH_NOT_PRECEDENCE", false) ==
        "HIGH_NOT_PRECEDENCE,TIME_TRUNCATE_FRACTIONAL");
  CHECK_FALSE(listed_sql_mode("TRADITIONAL", true));
  CHECK_FALSE(listed_sql_mode("STRICT_TRANS_TABLES,ANSI", false));
  CHECK_FALSE(listed_sql_mode("ORACLE", false));
}
