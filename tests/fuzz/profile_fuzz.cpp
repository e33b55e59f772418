// The server's profile as the data directory keeps it: what can be read is kept, and read again it is the
// same.
#include "proxy/server/server_profile.hpp"
#include "tests/fuzz/check.hpp"
#include "tests/fuzz/memory_file.hpp"

#include <filesystem>

using namespace holdwater;
using fuzz::input;
using fuzz::memory_file;
using fuzz::must;

namespace {

// In memory where the system has such a folder: each save syncs.
std::string scratch_file() {
  const std::filesystem::path memory = "/dev/shm";
  const auto folder = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  return folder / ("holdwater-fuzz-" + std::to_string(::getpid()) + ".json");
}

void must_be_same(const proxy::server_profile& left, const proxy::server_profile& right) {
  must(left.hello.server_version == right.hello.server_version, "the version stays");
  must(left.hello.server_capabilities == right.hello.server_capabilities, "the capabilities stay");
  must(left.hello.character_set == right.hello.character_set, "the character set stays");
  must(left.hello.status == right.hello.status, "the status stays");
  must(left.hello.auth_plugin == right.hello.auth_plugin, "the plugin stays");
  must(left.version.number == right.version.number && left.version.mariadb == right.version.mariadb,
       "the version's number stays");
  must(left.collations == right.collations, "the collations stay");
  must(left.defaults == right.defaults, "the defaults stay");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const memory_file file(in.rest());
  proxy::profile_store read(file.path());
  if (const auto wrong = read.load(); !wrong.empty()) {
    must(!read.knows_greeting(), "of a file that is not readable nothing is taken");
    return 0;
  }
  const auto profile = read.get();
  const auto path = scratch_file();
  proxy::profile_store kept(path);
  kept.learn_greeting(profile->hello);
  kept.learn_collations(profile->collations);
  if (profile->defaults) kept.learn_defaults(*profile->defaults);
  proxy::profile_store again(path);
  const auto wrong = again.load();
  std::filesystem::remove(path);
  must(wrong.empty(), "a profile that was kept can be read");
  must_be_same(*again.get(), *profile);
  return 0;
}
