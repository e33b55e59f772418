// One text prepared on a connection of libmysqlclient, to be executed with values. Between sending and the
// answer the caller decides how long to wait.
//
// Source: MySQL C API "C API Prepared Statement Functions"; MariaDB Connector/C "non-blocking API".
#pragma once

#include "spool/library_steps.hpp"
#include "spool/mysql_connection.hpp"

#include <mysql.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::spool {

class prepared_text {
 public:
  [[nodiscard]] static server_result<std::unique_ptr<prepared_text>>
  make(MYSQL* connection, std::string_view text, const socket_wait& wait);

  [[nodiscard]] const std::string& text() const { return text_; }
  // Of the types that it was executed with before. MySQL (9.7) keeps those, and converts values of others to
  // them: '007' behind a number would be stored as 7.
  [[nodiscard]] bool takes(const std::vector<parameter>& values) const;
  // Whether send() takes the values: it was executed with their types, gives no rows, and they go in one
  // packet.
  [[nodiscard]] bool can_send(const std::vector<parameter>& values) const;
  // Sends the execution and awaits nothing; the answer is read as that of a query.
  [[nodiscard]] bool send(const std::vector<parameter>& values);
  // What the server answered is left in the connection, as after a query without rows; rows are discarded.
  [[nodiscard]] server_result<void> execute(const std::vector<parameter>& values, const socket_wait& wait);

 private:
  struct close_statement {
    void operator()(MYSQL_STMT* handle) const noexcept { mysql_stmt_close(handle); }
  };
  using statement_handle = std::unique_ptr<MYSQL_STMT, close_statement>;

  prepared_text(statement_handle handle, std::string_view text) : handle_(std::move(handle)), text_(text) {}
  [[nodiscard]] server_error error() const;
  [[nodiscard]] server_result<void> send_long_data(const std::vector<parameter>& values);

  struct bound_type {
    std::uint8_t type;
    bool is_unsigned, is_null;
    friend bool operator==(const bound_type&, const bound_type&) = default;
  };
  [[nodiscard]] static std::vector<bound_type> types_of(const std::vector<parameter>& values);

  statement_handle handle_;
  std::string text_;
  std::optional<std::vector<bound_type>> executed_; // with these
};

} // namespace holdwater::spool
