// The sample file in conf/ is what the table prints, and says the truth about the defaults.
#include "proxy/config/load_options.hpp"
#include "proxy/config/option_table.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <unistd.h>

using namespace holdwater::proxy;

namespace {

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.is_open());
  return (std::ostringstream() << in.rdbuf()).str();
}

// "#key = value" without its #; prose starts with "# ".
std::string uncommented(const std::string& sample) {
  std::istringstream in(sample);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (line == "#[[account]]") break;
    out += line.starts_with('#') && !line.starts_with("# ") ? line.substr(1) : line;
    out += '\n';
  }
  return out;
}

} // namespace

TEST_CASE("the sample in conf/ is what the table prints (ninja holdwater_sample_config renews it)") {
  CHECK(content(HOLDWATER_SAMPLE) == sample_file());
}

TEST_CASE("every option of the sample reads back to its default") {
  const auto path =
      std::filesystem::temp_directory_path() / ("holdwater_sample_" + std::to_string(getpid()) + ".toml");
  std::ofstream(path) << uncommented(sample_file());
  const auto read = read_file(path.string());
  std::filesystem::remove(path);
  CHECK(read.errors == std::vector<std::string>{});
  CHECK(read.settings.size() == option_table().size());
  for (const auto& one : read.settings) {
    CAPTURE(one.where);
    options o;
    const bool nothing_set = one.text.empty() && one.row->range.least == 0;
    if (!nothing_set) CHECK(parse_option(one.row->kind, one.row->range, one.text, one.row->field(o)) == "");
    CHECK(print_option(one.row->kind, one.row->field(o)) == default_text(*one.row));
  }
}

TEST_CASE("names, variables and flags are each there once, and every option has a sentence") {
  std::set<std::string> names;
  for (const auto& row : option_table()) {
    CAPTURE(row.name);
    CHECK(names.emplace(row.name).second);
    CHECK(names.insert(environment_name(row)).second);
    if (!row.environment.empty()) CHECK(names.emplace(row.environment).second);
    if (!row.flag.empty()) CHECK(names.emplace(row.flag).second);
    CHECK(row.sentence.ends_with('.'));
    CHECK(find_option(row.name) == &row);
  }
}
