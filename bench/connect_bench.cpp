// What a page of PHP does, over and over: connect, one query, close. Prints how often a second.
//
//   connect_bench HOST PORT USER PASSWORD DATABASE CLIENTS SECONDS STATEMENT
#include <mysql.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

struct target {
  std::string host, user, password, database, statement;
  unsigned port;
};

// Empty, or what went wrong.
std::string visit(const target& where) {
  MYSQL* connection = mysql_init(nullptr);
  if (connection == nullptr) return "out of memory";
  std::string problem;
  const bool done =
      mysql_real_connect(connection, where.host.c_str(), where.user.c_str(), where.password.c_str(),
                         where.database.c_str(), where.port, nullptr, 0) != nullptr &&
      mysql_real_query(connection, where.statement.data(), where.statement.size()) == 0;
  if (!done) problem = mysql_error(connection);
  if (MYSQL_RES* rows = done ? mysql_store_result(connection) : nullptr) mysql_free_result(rows);
  mysql_close(connection);
  return problem;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 9) {
    std::fprintf(stderr, "connect_bench HOST PORT USER PASSWORD DATABASE CLIENTS SECONDS STATEMENT\n");
    return 2;
  }
  const target where{argv[1], argv[3], argv[4], argv[5], argv[8], static_cast<unsigned>(std::atoi(argv[2]))};
  const int clients = std::atoi(argv[6]);
  const std::chrono::duration<double> length(std::atof(argv[7]));
  mysql_library_init(0, nullptr, nullptr);

  std::atomic<bool> failed{false};
  std::atomic<unsigned long> visits{0};
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int at = 0; at < clients; ++at)
    threads.emplace_back([&] {
      mysql_thread_init();
      unsigned long own = 0;
      while (!failed && std::chrono::steady_clock::now() - begin < length) {
        const auto problem = visit(where);
        if (!problem.empty() && !failed.exchange(true)) std::fprintf(stderr, "%s\n", problem.c_str());
        ++own;
      }
      visits += own;
      mysql_thread_end();
    });
  for (auto& one : threads) one.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%lu %.6f\n", visits.load(), took.count());
  return failed ? 1 : 0;
}
