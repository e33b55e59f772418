// How the servers describe the columns of what is answered without them: types, lengths and flags, which
// binary rows are read by. No I/O.
//
// Source: the definitions that MariaDB 10.11 and MySQL 9.7 send (test_local_reads.py compares them).
#pragma once

#include "protocol/messages.hpp"
#include "protocol/sql/plain_reads.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/session/session_state.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace holdwater::proxy {

class local_columns {
 public:
  local_columns(const session_state& state, const server_profile& profile);

  // Text of at most so many characters, in the character set of the session's results.
  [[nodiscard]] protocol::column_definition text(std::size_t characters, std::uint16_t flags) const;
  [[nodiscard]] protocol::column_definition literal(const protocol::sql::plain_item& item) const;
  [[nodiscard]] protocol::column_definition null() const;
  [[nodiscard]] protocol::column_definition connection_id() const;
  [[nodiscard]] protocol::column_definition last_insert_id() const;
  [[nodiscard]] protocol::column_definition row_count() const;
  [[nodiscard]] protocol::column_definition user_variable(const std::optional<std::string>& value,
                                                          bool integer) const;
  [[nodiscard]] protocol::column_definition system_variable(const proxy::system_variable& fresh,
                                                            const std::optional<std::string>& value) const;
  // A column of SHOW VARIABLES.
  [[nodiscard]] protocol::column_definition shown(bool value) const;
  // The columns of SHOW WARNINGS, from 0; and that of SHOW COUNT(*) WARNINGS.
  [[nodiscard]] protocol::column_definition diagnostic(std::size_t column) const;
  [[nodiscard]] protocol::column_definition diagnostic_count() const;

  // An AUTO_INCREMENT column of a table, as RETURNING gives it; `type` as information_schema has it.
  [[nodiscard]] static protocol::text_column insert_id(const std::string& schema, const std::string& table,
                                                       const std::string& column, const std::string& type);

 private:
  [[nodiscard]] protocol::column_definition number(std::uint8_t type, std::uint32_t length,
                                                   std::uint16_t flags) const;

  bool mariadb_;
  std::uint16_t collation_;
  std::uint32_t longest_character_;
};

} // namespace holdwater::proxy
