#include "proxy/privacy.hpp"

#include "protocol/secret.hpp"
#include "proxy/config/option_table.hpp"

#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdwater::proxy {
namespace {

bool names_a_password(std::string_view variable) {
  for (const auto& row : option_table())
    if (row.kind == option_kind::secret && (variable == row.environment || variable == environment_name(row)))
      return true;
  return false;
}

} // namespace

void keep_others_out(bool core_dumps) {
  ::umask(0077);
  if (!core_dumps && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    spdlog::warn("a crash may write passwords into a core dump: {}", std::strerror(errno));
}

void forget_passwords(char** variables) {
  for (; variables != nullptr && *variables != nullptr; ++variables) {
    const std::string_view entry(*variables);
    const auto equals = entry.find('=');
    if (equals == entry.npos || !names_a_password(entry.substr(0, equals))) continue;
    auto* const value = reinterpret_cast<std::uint8_t*>(*variables + equals + 1);
    protocol::wipe(std::span(value, entry.size() - equals - 1));
  }
}

std::string trouble_with_owner(const std::string& directory) {
  struct stat found {};
  if (::stat(directory.c_str(), &found) != 0) return std::strerror(errno);
  if (found.st_uid != ::geteuid() && found.st_uid != 0)
    return "it belongs to another user, who could exchange the files in it";
  if ((found.st_mode & S_IWOTH) != 0) return "everyone may write to it, and could exchange the files in it";
  return {};
}

} // namespace holdwater::proxy
