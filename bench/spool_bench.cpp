// What an accepted write costs the process in CPU: in clear, compressed, sealed; alone in its commit, or with
// others. The files are in /dev/shm: the sync is not what is measured.
#include "spool/spool.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>

namespace {

using namespace holdwater::spool;

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

enum form { in_clear, compressed, sealed, compressed_and_sealed };

// Arguments: bytes of the statement, writes in a commit, form.
void accept(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const auto together = state.range(1);
  std::string folder = "/dev/shm/spool-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return state.SkipWithError("no folder in /dev/shm");
  sqlite_spool_options options;
  options.path = folder + "/spool.db";
  options.compress = state.range(2) == compressed || state.range(2) == compressed_and_sealed;
  if (state.range(2) >= sealed) options.data_keys = *key_ring::parse(std::string(64, 'a'));
  {
    auto queue = open_sqlite_spool(options);
    if (!queue) return state.SkipWithError("the queue does not open");
    unsigned number = 0;
    for (auto _ : state) {
      std::promise<bool> last;
      for (std::int64_t i = 1; i <= together; ++i)
        (*queue)->append(make_unit(size, ++number), [&, i](const result<seq>& given) {
          if (i == together || !given) last.set_value(given.has_value());
        });
      if (!last.get_future().get()) return state.SkipWithError("a write was not accepted");
    }
    state.SetItemsProcessed(state.iterations() * together);
    state.counters["file_bytes"] =
        static_cast<double>(std::filesystem::file_size(options.path)) / static_cast<double>(number);
  }
  std::filesystem::remove_all(folder);
}
BENCHMARK(accept)
    ->ArgNames({"bytes", "together", "form"})
    ->ArgsProduct({{100, 1000, 16000}, {1, 16}, {in_clear, compressed, sealed, compressed_and_sealed}})
    ->MeasureProcessCPUTime();

} // namespace
