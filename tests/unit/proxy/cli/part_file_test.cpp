// What becomes of the file that was there, and of what an attempt has left.
#include "proxy/cli/part_file.hpp"

#include "tests/unit/proxy/cli/command.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using holdwater::proxy::cli::part_file;
using holdwater::proxy::cli::testing::temporary_folder;
namespace fs = std::filesystem;

namespace {

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

TEST_CASE("the file that was there is as it was until the new one is whole") {
  const temporary_folder in;
  const auto path = in.file("queue.sql");
  std::ofstream(path) << "before";
  {
    part_file given_up(path);
    CHECK(given_up.open().empty());
    CHECK(given_up.write("half").empty());
    CHECK(read(path) == "before");
  }
  CHECK(read(path) == "before");
  CHECK(!fs::exists(path + ".part"));
  part_file whole(path);
  CHECK(whole.open().empty());
  CHECK(whole.write("all of it").empty());
  CHECK(whole.replace().empty());
  CHECK(read(path) == "all of it");
  CHECK(fs::status(path).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(!fs::exists(path + ".part"));
}

TEST_CASE("a new file takes no name that is there, and two attempts do not meet") {
  const temporary_folder in;
  const auto path = in.file("backup");
  std::ofstream(path + ".part") << "left by one that was killed";
  part_file one(path);
  CHECK(one.open().empty());
  part_file other(path);
  CHECK(other.open().find("another one writes it") != std::string::npos);
  CHECK(one.write("x").empty());
  std::ofstream(path) << "meanwhile";
  CHECK(one.keep_as_new() == path + ": File exists");
  CHECK(read(path) == "meanwhile");
  fs::remove(path);
  CHECK(one.keep_as_new().empty());
  CHECK(read(path) == "x");
}
