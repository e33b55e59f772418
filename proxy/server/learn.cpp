#include "proxy/server/learn.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <charconv>

namespace holdwater::proxy {
namespace {

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void learn_defaults(spool::mysql_connection& connection, profile_store& profile, bool mariadb) {
  const auto answer = connection.query(fmt::format(
      "SELECT @@sql_mode, @@time_zone, @@lc_time_names, @@auto_increment_increment, @@auto_increment_offset, "
      "@@foreign_key_checks, @@unique_checks, @@{}, @@collation_server, @@collation_database",
      mariadb ? "tx_isolation" : "transaction_isolation"));
  if (!answer || answer->rows.size() != 1) {
    spdlog::warn("the server's defaults were not learned: {}", answer ? "no row" : answer.error().text);
    return;
  }
  const auto value = [&](std::size_t column) { return answer->rows[0].at(column).value_or(""); };
  spool::statement_context defaults;
  defaults.sql_mode = value(0);
  defaults.time_zone = value(1);
  defaults.lc_time_names = value(2);
  defaults.auto_increment_increment = number(value(3));
  defaults.auto_increment_offset = number(value(4));
  defaults.foreign_key_checks = value(5) == "1";
  defaults.unique_checks = value(6) == "1";
  defaults.isolation = value(7);
  defaults.collation_server = value(8);
  defaults.collation_database = value(9);
  profile.learn_defaults(defaults);
}

// MariaDB's newer collations have one name for several character sets: their full names, ids and defaults are
// in another table.
void learn_collations(spool::mysql_connection& connection, profile_store& profile, bool mariadb) {
  spool::server_result<spool::query_answer> answer = spool::server_error{};
  if (mariadb)
    answer = connection.query("SELECT id, full_collation_name, character_set_name, is_default "
                              "FROM information_schema.collation_character_set_applicability "
                              "WHERE id IS NOT NULL");
  if (!answer)
    answer = connection.query(
        "SELECT id, collation_name, character_set_name, is_default "
        "FROM information_schema.collations WHERE id IS NOT NULL AND character_set_name IS NOT NULL");
  if (!answer) {
    spdlog::warn("the server's collations were not learned: {}", answer.error().text);
    return;
  }
  std::map<unsigned, collation> known;
  for (const auto& row : answer->rows)
    known[static_cast<unsigned>(number(row.at(0).value_or("0")))] = {
        row.at(1).value_or(""), row.at(2).value_or(""), row.at(3) == "Yes"};
  profile.learn_collations(std::move(known));
}

} // namespace

void learn_from(spool::mysql_connection& connection, profile_store& profile) {
  const bool mariadb = protocol::parse_server_version(connection.server_version()).mariadb;
  learn_defaults(connection, profile, mariadb);
  learn_collations(connection, profile, mariadb);
  learn_variables(connection, profile);
}

std::optional<bool> globals_watch::look(spool::mysql_connection& connection) {
  const bool mariadb = protocol::parse_server_version(connection.server_version()).mariadb;
  asked_ = std::chrono::steady_clock::now();
  sets_ = profile_.changes().sets();
  const auto said = connection.query(fmt::format(
      "SELECT @@global.sql_mode, @@global.time_zone, @@global.lc_time_names, "
      "@@global.auto_increment_increment, @@global.auto_increment_offset, @@global.foreign_key_checks, "
      "@@global.unique_checks, @@global.{}, @@global.collation_server, @@global.autocommit, "
      "@@global.init_connect, @@global.max_allowed_packet",
      mariadb ? "tx_isolation" : "transaction_isolation"));
  if (is_lost(said)) return std::nullopt;
  if (!said || said->rows.size() != 1) return false; // learn_from() has said so
  said_ = said->rows[0];
  const bool others = known_ && known_ != said_;
  if (others || profile_.changes().unlearned()) return true;
  known_ = said_;
  profile_.changes().found_same(sets_, asked_);
  return false;
}

void globals_watch::learned() {
  if (known_ && known_ != said_)
    profile_.changes().found_others(sets_, asked_);
  else
    profile_.changes().found_same(sets_, asked_);
  known_ = said_;
}

} // namespace holdwater::proxy
