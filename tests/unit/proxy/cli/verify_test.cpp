// What the exit code of spool verify says of a file.
#include "proxy/cli/arguments.hpp"
#include "spool/spool.hpp"
#include "tests/unit/proxy/cli/command.hpp"

#include <filesystem>
#include <fstream>

using namespace holdwater;
using namespace holdwater::proxy::cli;
using namespace holdwater::proxy::cli::testing;
namespace fs = std::filesystem;

namespace {

int code_of(const std::string& path) {
  return run_command({"spool", "verify", path}).code;
}

void overwrite(const std::string& path, std::streamoff at, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(at);
  file << bytes;
}

} // namespace

TEST_CASE("a file that is damaged is told from one that cannot be looked at, wherever the damage is") {
  const temporary_folder in;
  const auto path = in.file("spool.db");
  auto opened = spool::open_sqlite_spool({path});
  REQUIRE(opened.has_value());
  CHECK(code_of(path) == 1); // in use
  (*opened)->close();
  opened->reset();
  CHECK(code_of(path) == exit_ok);

  const auto damaged = [&](const char* name, auto change) {
    const auto copy = in.file(name);
    fs::copy_file(path, copy);
    change(copy);
    return code_of(copy);
  };
  CHECK(damaged("header", [](const auto& copy) { overwrite(copy, 0, std::string(100, 'x')); }) == exit_down);
  CHECK(damaged("cut", [](const auto& copy) { fs::resize_file(copy, fs::file_size(copy) / 2); }) ==
        exit_down);
  CHECK(damaged("further", [](const auto& copy) { overwrite(copy, 4096, std::string(4096, 'x')); }) ==
        exit_down);
  CHECK(damaged("text", [](const auto& copy) { std::ofstream(copy) << std::string(5000, 'x'); }) ==
        exit_down);
  CHECK(code_of(in.file("nowhere")) == 1);
}
