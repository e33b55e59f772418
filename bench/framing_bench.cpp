// How long it takes to follow an answer to its end: the price of every byte that comes from the server.
#include "protocol/response_tracker.hpp"

#include <benchmark/benchmark.h>

#include <string>

namespace {

using namespace holdwater::protocol;

void append_packet(byte_buffer& out, std::uint8_t& sequence, const std::string& payload) {
  sequence = append_message(out, sequence, as_bytes(payload));
}

std::string cell(const std::string& text) {
  return static_cast<char>(text.size()) + text;
}

// As a server without CLIENT_DEPRECATE_EOF answers a SELECT.
byte_buffer answer(std::int64_t columns, std::int64_t rows) {
  const std::string end("\xfe\0\0\2\0", 5);
  byte_buffer out;
  std::uint8_t sequence = 1;
  append_packet(out, sequence, std::string(1, static_cast<char>(columns)));
  for (std::int64_t column = 0; column < columns; ++column)
    append_packet(out, sequence,
                  cell("def") + cell("shop") + cell("orders") + cell("orders") + cell("article") +
                      cell("article") + std::string("\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0", 13));
  append_packet(out, sequence, end);
  std::string row;
  for (std::int64_t column = 0; column < columns; ++column) row += cell("some text of a row");
  for (std::int64_t at = 0; at < rows; ++at) append_packet(out, sequence, row);
  append_packet(out, sequence, end);
  return out;
}

// Arguments: columns, rows.
void follow(benchmark::State& state) {
  const auto bytes = answer(state.range(0), state.range(1));
  response_tracker tracker;
  for (auto _ : state) {
    tracker.start(command::query, cap::protocol_41);
    const auto taken = tracker.feed(bytes);
    if (!taken || *taken != bytes.size() || tracker.current() != response_tracker::state::complete)
      return state.SkipWithError("the answer was not followed to its end");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(follow)
    ->ArgNames({"columns", "rows"})
    ->Args({1, 1})
    ->Args({10, 1})
    ->Args({10, 100})
    ->Args({10, 10000});

} // namespace
