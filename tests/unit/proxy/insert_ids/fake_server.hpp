// A server of the tests' own: answers each statement by the first rule whose words occur in it, and keeps
// what it was asked. An unknown statement succeeds without rows.
#pragma once

#include "spool/mysql_connection.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace holdwater::tests {

class fake_server {
 public:
  using reply = spool::server_result<spool::query_answer>;
  using maker = std::function<reply(const std::string& sql)>;

  void on(std::string words, maker make) {
    const std::lock_guard lock(mutex_);
    rules_.insert(rules_.begin(), {std::move(words), std::move(make)}); // the newest rule wins
  }
  void on(std::string words, std::vector<spool::result_row> rows) {
    on(std::move(words), [rows](const std::string&) { return reply(spool::query_answer{rows, {}}); });
  }
  void fail_on(std::string words, spool::server_error error) {
    on(std::move(words), [error](const std::string&) { return reply(error); });
  }
  reply ask(const std::string& sql) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(sql);
    for (const auto& [words, make] : rules_)
      if (sql.find(words) != std::string::npos) return make(sql);
    return spool::query_answer{};
  }
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::size_t count(std::string_view words) const {
    std::size_t found = 0;
    for (const auto& sql : asked()) found += sql.find(words) != std::string::npos ? 1 : 0;
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, maker>> rules_;
  std::vector<std::string> asked_;
};

class fake_connection final : public spool::mysql_connection {
 public:
  explicit fake_connection(fake_server& server) : server_(server) {}
  spool::server_result<spool::query_answer> query(std::string_view text) override {
    return server_.ask(std::string(text));
  }
  spool::server_result<spool::query_answer> execute(std::string_view text,
                                                    const std::vector<spool::parameter>&) override {
    return server_.ask(std::string(text));
  }
  std::uint64_t connection_id() const override { return 1; }
  std::string server_version() const override { return "10.11.0-MariaDB"; }
  void be_patient(spool::patience) override {}

 private:
  fake_server& server_;
};

// An AUTO_INCREMENT counter: each INSERT of generated rows moves it, an explicit id too.
inline fake_server::reply insert_into_counter(std::uint64_t& counter, const std::string& sql) {
  const auto values = sql.find("VALUES ");
  std::uint64_t rows = 0;
  for (auto at = sql.find("(NULL", values); at != std::string::npos; at = sql.find("(NULL", at + 1)) ++rows;
  spool::query_answer answer;
  if (rows == 0) {
    const auto id = std::stoull(sql.substr(values + 8));
    if (id >= counter) counter = id + 1;
    answer.summary = {1, id, 0, {}};
    return answer;
  }
  answer.summary = {rows, counter, 0, {}};
  counter += rows;
  return answer;
}

// `shop`.`orders` with an AUTO_INCREMENT column `id`, as information_schema tells of it.
inline void give_orders_table(fake_server& server, std::uint64_t& counter) {
  server.on("information_schema.TABLES",
            std::vector<spool::result_row>{{"shop", "orders", "InnoDB", "2026", "1"}});
  server.on("COLUMN_TYPE",
            std::vector<spool::result_row>{{"orders", "id", "1", "int(11)", "auto_increment"}});
  server.on("information_schema.STATISTICS", std::vector<spool::result_row>{{"PRIMARY", "id", std::nullopt}});
  server.on("'Uptime'", std::vector<spool::result_row>{{"Uptime", "100"}});
  server.on("@@hostname", std::vector<spool::result_row>{{"db:3306 10.11", "5000", "0", "1"}});
  server.on("INSERT INTO", [&counter](const std::string& sql) { return insert_into_counter(counter, sql); });
  server.on("SELECT COUNT(*)", [](const std::string& sql) {
    const auto from = sql.find("BETWEEN ") + 8;
    const auto to = sql.find("AND ", from) + 4;
    const auto count = std::stoull(sql.substr(to)) - std::stoull(sql.substr(from)) + 1;
    return fake_server::reply(spool::query_answer{{{std::to_string(count)}}, {}});
  });
}

} // namespace holdwater::tests
