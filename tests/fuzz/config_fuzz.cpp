// The configuration file: each error names its place, and what was read prints as a file that reads the same.
#include "proxy/config/source.hpp"
#include "tests/fuzz/check.hpp"
#include "tests/fuzz/memory_file.hpp"

using namespace holdwater::proxy;
using holdwater::fuzz::input;
using holdwater::fuzz::memory_file;
using holdwater::fuzz::must;

namespace {

std::string read_into(options& values, const setting& one) {
  return parse_option(one.row->kind, one.row->range, one.text, one.row->field(values));
}

void prints_as_read(const setting& one) {
  options values;
  if (!read_into(values, one).empty()) return;
  const auto printed = print_option(one.row->kind, one.row->field(values));
  const memory_file file(std::string(one.row->name) + " = " + printed + "\n");
  const auto again = read_file(file.path());
  must(again.errors.empty() && again.settings.size() == 1, "a printed option can be read");
  options values_again;
  must(read_into(values_again, again.settings.front()).empty(), "a printed option has a good value");
  must(print_option(one.row->kind, one.row->field(values_again)) == printed,
       "a printed option reads the same");
}

void look_at_source(const source& read, const std::string& path) {
  for (const auto& account : read.accounts) must(!account.values.user.empty(), "an account has a user");
  for (const auto& one : read.settings) {
    must(one.row != nullptr && one.where.starts_with(path), "a setting has its option and its place");
    prints_as_read(one);
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const memory_file file(in.rest());
  const auto read = read_file(file.path());
  for (const auto& error : read.errors) must(error.starts_with(file.path()), "an error names its file");
  look_at_source(read, file.path());
  for (const auto& one : read.services) {
    must(!one.name.empty() && one.own.services.empty() && one.where.starts_with(file.path()),
         "a service has its name and its place");
    look_at_source(one.own, file.path());
    for (const auto& each : one.own.settings)
      must(each.row->scope == option_scope::service, "what is the process's is no service's");
  }
  return 0;
}
