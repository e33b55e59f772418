// Source: MySQL "Server System Variables", "InnoDB Startup Options"; MariaDB "Server System Variables".
// transaction_read_only is not among them: it is the default of sessions, each of which may choose.
#include "proxy/server/read_only.hpp"

#include "protocol/handshake.hpp"

#include <array>
#include <span>

namespace holdwater::proxy {
namespace {

constexpr unsigned unknown_variable = 1193;
constexpr std::array<const char*, 3> variables{"read_only", "innodb_read_only", "super_read_only"};

spool::server_result<std::string> first_set(spool::mysql_connection& connection,
                                            std::span<const char* const> names) {
  std::string question = "SELECT ";
  for (const auto* name : names) question += std::string(name == names[0] ? "" : ", ") + "@@global." + name;
  const auto said = connection.query(question);
  if (!said) return said.error();
  if (said->rows.size() != 1) return std::string();
  for (std::size_t at = 0; at < names.size(); ++at) {
    const auto value = said->rows[0].at(at).value_or("0");
    if (value != "0" && value != "OFF") return std::string(names[at]);
  }
  return std::string();
}

} // namespace

spool::server_result<std::string> read_only_option(spool::mysql_connection& connection) {
  const std::span<const char* const> all(variables);
  const bool mariadb = protocol::parse_server_version(connection.server_version()).mariadb;
  auto found = first_set(connection, mariadb ? all.first(2) : all);
  if (!found && found.error().number == unknown_variable) found = first_set(connection, all.first(1));
  return found;
}

bool means_no_room(const spool::server_error& error) {
  return error.number == 1040 || error.number == 1203 || error.number == 1226;
}

} // namespace holdwater::proxy
