// One option's text, as a flag or a variable gives it: a value that is taken prints as one that reads the
// same, and one that is not taken leaves the option as it was.
#include "proxy/config/option_table.hpp"
#include "proxy/config/source.hpp"
#include "tests/fuzz/check.hpp"
#include "tests/fuzz/memory_file.hpp"

using namespace holdwater::proxy;
using holdwater::fuzz::input;
using holdwater::fuzz::memory_file;
using holdwater::fuzz::must;

namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void look_at_option(const option_row& row, std::string_view text) {
  options values;
  const auto before = print_option(row.kind, row.field(values));
  const auto wrong = parse_option(row.kind, row.range, text, row.field(values));
  const auto printed = print_option(row.kind, row.field(values));
  if (!wrong.empty()) return must(printed == before, "a wrong value leaves the option as it was");
  if (!is_ascii(text)) return; // a file has to be UTF-8, a flag does not
  const memory_file file(std::string(row.name) + " = " + printed + "\n");
  const auto read = read_file(file.path());
  must(read.errors.empty() && read.settings.size() == 1, "a printed option can be read");
  options again;
  must(parse_option(row.kind, row.range, read.settings.front().text, row.field(again)).empty(),
       "a printed option has a good value");
  must(print_option(row.kind, row.field(again)) == printed, "a printed option reads the same");
}

void look_at_endpoint(std::string_view text) {
  endpoint read;
  if (!parse_endpoint(text, read).empty()) return;
  endpoint again;
  must(parse_endpoint(print_endpoint(read), again).empty(), "a printed address can be read");
  must(again.host == read.host && again.port == read.port, "a printed address reads the same");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto table = option_table();
  const auto& row = table[in.number(1) % table.size()];
  const auto text = in.rest();
  look_at_option(row, text);
  look_at_endpoint(text);
  return 0;
}
