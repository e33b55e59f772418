// What the spool's tests share: a folder that vanishes, units to append, an append that waits for its answer.
#pragma once

#include "spool/spool.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>

// A result prints as its error.
template <class T>
struct doctest::StringMaker<boost::system::result<T, holdwater::spool::failure>> {
  static String convert(const boost::system::result<T, holdwater::spool::failure>& what) {
    return what ? "success" : what.error().context.c_str();
  }
};

namespace holdwater::spool::test {

class temporary_folder {
 public:
  temporary_folder() {
    // In memory where there is such a place: these tests are about order, not about the disk.
    const bool in_memory = std::filesystem::is_directory("/dev/shm");
    auto name =
        (in_memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path()).string() +
        "/spool-test-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~temporary_folder() {
    std::error_code ignored; // a folder left in /tmp fails no test
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  [[nodiscard]] std::string file(const std::string& name = "spool.db") const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline statement make_statement(std::string text, std::string table = "t") {
  statement s;
  s.text = std::move(text);
  s.context.database = "app";
  s.context.sql_mode = "STRICT_TRANS_TABLES";
  s.context.character_set_client = "utf8mb4";
  s.context.collation_connection = "utf8mb4_general_ci";
  s.context.isolation = "REPEATABLE-READ";
  s.timestamp = std::chrono::microseconds(1'700'000'000'123'456);
  s.tables = {{"app", std::move(table)}};
  return s;
}

inline unit make_unit(std::string text, std::string table = "t", std::string account = "app") {
  unit u;
  u.account = std::move(account);
  u.accepted_at = std::chrono::microseconds(1'700'000'000'000'000);
  u.statements = {make_statement(std::move(text), std::move(table))};
  return u;
}

inline const std::string key_a(64, 'a');
inline const std::string key_b(64, 'b');

inline key_ring_ptr ring(const std::string& text) {
  auto made = key_ring::parse(text);
  if (!made) FAIL(made.error().context);
  return *made;
}

inline sqlite_spool_options options_in(const temporary_folder& folder) {
  sqlite_spool_options options;
  options.path = folder.file();
  options.reserve_bytes = 1 << 16;
  options.compress = false; // sizes are what the tests make them
  return options;
}

inline std::unique_ptr<spool> open_or_fail(const sqlite_spool_options& options) {
  auto opened = open_sqlite_spool(options);
  if (!opened) FAIL(opened.error().context);
  return std::move(*opened);
}

inline result<seq> append(spool& queue, unit what) {
  std::promise<result<seq>> promise;
  auto answer = promise.get_future();
  queue.append(std::move(what), [&](result<seq> given) { promise.set_value(std::move(given)); });
  return answer.get();
}

inline result<std::vector<dead_letter>> all_dead(spool& queue) {
  constexpr std::size_t any = 1 << 30;
  auto read = queue.read_dead(0, any, any);
  if (!read) return read.error();
  CHECK_FALSE(read->more);
  return std::move(read->letters);
}

inline std::vector<std::string> texts_of(const std::vector<unit>& units) {
  std::vector<std::string> texts;
  for (const auto& u : units)
    for (const auto& s : u.statements) texts.push_back(s.text);
  return texts;
}

} // namespace holdwater::spool::test
