// SQLite's C interface with owners and values: a connection, its statements, errors as `failure`. One thread
// at a time.
//
// Source: SQLite C interface, sqlite.org/c3ref.
#pragma once

#include "spool/error.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace holdwater::spool::sqlite {

struct close_database {
  void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
};
struct finalize_statement {
  void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
};
struct blob {
  std::string_view bytes;
};

class statement {
 public:
  statement() = default;
  explicit statement(sqlite3_stmt* prepared) : handle_(prepared) {}

  // Binds the values in their order and forgets those of the last run.
  template <class... Values>
  statement& with(const Values&... values) {
    sqlite3_reset(handle_.get());
    sqlite3_clear_bindings(handle_.get());
    int position = 0;
    (bind(++position, values), ...);
    return *this;
  }
  // True when there is a row; false at the end, after which it is ready for the next run.
  [[nodiscard]] result<bool> step();
  // For a statement without rows.
  [[nodiscard]] result<void> run();
  void reset() { sqlite3_reset(handle_.get()); }

  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  [[nodiscard]] std::string text(int column) const;

 private:
  void bind(int position, std::uint64_t value) {
    sqlite3_bind_int64(handle_.get(), position, static_cast<std::int64_t>(value));
  }
  void bind(int position, std::int64_t value) { sqlite3_bind_int64(handle_.get(), position, value); }
  void bind(int position, unsigned value) { sqlite3_bind_int64(handle_.get(), position, value); }
  void bind(int position, int value) { sqlite3_bind_int64(handle_.get(), position, value); }
  void bind(int position, std::string_view value);
  void bind(int position, const std::string& value) { bind(position, std::string_view(value)); }
  void bind(int position, const blob& value);

  std::unique_ptr<sqlite3_stmt, finalize_statement> handle_;
};

class database {
 public:
  database() = default;
  [[nodiscard]] static result<database> open(const std::string& path, const std::string& vfs);
  // Nothing is made and nothing is changed; errc::locked, at its first use, when somebody has it for himself.
  [[nodiscard]] static result<database> open_to_read(const std::string& path);

  [[nodiscard]] result<statement> prepare(std::string_view sql);
  [[nodiscard]] result<void> exec(const char* sql);
  // The first column of the first row; an empty text when there is none.
  [[nodiscard]] result<std::string> value(const char* sql);
  // Whether the contents are sound: errc::corrupt only when they could all be read, errc::io when not.
  [[nodiscard]] result<void> check_contents();
  // SQLite opens a file or its WAL for reading where the system refuses it for writing, and says so at a
  // write.
  [[nodiscard]] result<void> expect_writable() { return exec("BEGIN IMMEDIATE; ROLLBACK"); }
  [[nodiscard]] std::uint64_t changes() const {
    return static_cast<std::uint64_t>(sqlite3_changes64(handle_.get()));
  }
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }
  [[nodiscard]] failure why() const;

 private:
  [[nodiscard]] static result<database> open(const std::string& path, const std::string& vfs, int flags);

  std::unique_ptr<sqlite3, close_database> handle_;
};

[[nodiscard]] failure failure_of(sqlite3* db);

} // namespace holdwater::spool::sqlite
