// How long it takes to look at a statement's text: the price of every command that passes through.
//
// The aim: a point query of 60 bytes in well under 500 ns without an allocation, and a long INSERT in linear
// time.
#include "protocol/sql/analysis.hpp"

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

namespace {

std::atomic<std::size_t> allocations{0};

} // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace {

using namespace holdwater::protocol::sql;

dialect server() {
  dialect how;
  how.mariadb = true;
  how.version = 101100;
  return how;
}

void measure(benchmark::State& state, const std::string& text) {
  analysis found;
  const auto how = server();
  found.analyze(text, how);
  const auto before = allocations.load();
  for (auto _ : state) {
    found.analyze(text, how);
    benchmark::DoNotOptimize(found.first().kind);
  }
  state.counters["allocations"] = static_cast<double>(allocations.load() - before);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

void point_query(benchmark::State& state) {
  measure(state, "SELECT id, name, balance FROM accounts WHERE id = 123456 ;   ");
}
BENCHMARK(point_query);

void small_insert(benchmark::State& state) {
  measure(state, "INSERT INTO orders (customer, item, price, made) VALUES (17, 'a lamp', 12.50, NOW())");
}
BENCHMARK(small_insert);

void start_up(benchmark::State& state) {
  measure(state,
          "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci', @@session.sql_mode = CONCAT(@@sql_mode, ',X')");
}
BENCHMARK(start_up);

void long_insert(benchmark::State& state) {
  std::string text = "INSERT INTO t VALUES (0, '', 0)";
  for (std::int64_t row = 1; row < state.range(0); ++row) text += ", (12345, 'some text of a row', 0.75)";
  measure(state, text);
  state.SetComplexityN(state.range(0));
}
BENCHMARK(long_insert)->RangeMultiplier(10)->Range(10, 100000)->Complexity();

} // namespace
