// What an accepted write costs in CPU: in clear, compressed, sealed. Rounds are interleaved, and the
// process's own CPU time is taken, so that other work on the machine matters little. The files are in
// /dev/shm: the sync is not what is measured.
#include "spool/spool.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

namespace {

using namespace holdwater::spool;

double cpu_us() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

unit make_unit(std::size_t size, unsigned number) {
  unit what;
  what.account = "shop";
  what.statements.resize(1);
  auto& s = what.statements[0];
  s.text = "INSERT INTO orders (id, customer, article, quantity, note) VALUES ";
  while (s.text.size() < size) {
    number = number * 1664525 + 1013904223;
    s.text += "(NULL, " + std::to_string(number % 100'000) + ", 'article " + std::to_string(number >> 12) +
              "', " + std::to_string(number % 7) + ", 'to be delivered in the morning'), ";
  }
  s.text.resize(size);
  s.context = {"shop",
               "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION",
               "SYSTEM",
               "en_US",
               "utf8mb4",
               "utf8mb4_general_ci",
               "utf8mb4",
               "utf8mb4_general_ci",
               "utf8mb4_general_ci"};
  s.tables = {{"shop", "orders"}};
  return what;
}

struct contestant {
  const char* name;
  bool compress;
  bool sealed;
  std::vector<double> rounds{};
  std::uint64_t bytes = 0;
};

// CPU of so many writes, `together` in a commit.
void measure(contestant& one, std::size_t size, int writes, int together) {
  std::string folder = "/dev/shm/spool-cost-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) std::exit(1);
  sqlite_spool_options options;
  options.path = folder + "/spool.db";
  options.compress = one.compress;
  if (one.sealed) options.data_keys = *key_ring::parse(std::string(64, 'a'));
  {
    auto queue = open_sqlite_spool(options);
    if (!queue) std::exit(1);
    const auto begun = cpu_us();
    for (int done = 0; done < writes; done += together) {
      std::promise<void> last;
      for (int i = 0; i < together; ++i)
        (*queue)->append(make_unit(size, static_cast<unsigned>(done + i)), [&, i](const result<seq>& given) {
          if (!given) std::exit(1);
          if (i == together - 1) last.set_value();
        });
      last.get_future().wait();
    }
    one.rounds.push_back((cpu_us() - begun) / writes);
  }
  one.bytes = std::filesystem::file_size(options.path) / static_cast<unsigned>(writes);
  std::filesystem::remove_all(folder);
}

} // namespace

int main() {
  std::puts("size  together  how                  CPU us/write (median)  x plain  file bytes/write");
  for (const std::size_t size : {100, 400, 1000, 4000, 16000, 64000})
    for (const int together : {1, 16}) {
      contestant all[] = {{"in clear", false, false},
                          {"compressed", true, false},
                          {"sealed", false, true},
                          {"compressed, sealed", true, true}};
      for (int round = 0; round < 9; ++round)
        for (auto& one : all) measure(one, size, size > 10'000 ? 320 : 1600, together);
      double plain = 0;
      for (auto& one : all) {
        std::ranges::nth_element(one.rounds, one.rounds.begin() + 4);
        if (plain == 0) plain = one.rounds[4];
        std::printf("%5zu %6d     %-20s %10.1f %16.2f %12llu\n", size, together, one.name, one.rounds[4],
                    one.rounds[4] / plain, static_cast<unsigned long long>(one.bytes));
      }
    }
  return 0;
}
