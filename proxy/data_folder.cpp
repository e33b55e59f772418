#include "proxy/data_folder.hpp"

#include "proxy/privacy.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace holdwater::proxy {

std::string open_data_folder(const std::string& path) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (failed) return fmt::format("the data directory {} cannot be made: {}", path, failed.message());
  if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0)
    return fmt::format("the data directory {} cannot be used: {}", path, std::strerror(errno));
  if (::chmod(path.c_str(), 0700) != 0)
    spdlog::warn("the data directory {} may be read by others: {}", path, std::strerror(errno));
  const auto problem = trouble_with_owner(path);
  if (problem.empty()) return {};
  // A container's root often has a directory of its host's user.
  if (::geteuid() != 0) return fmt::format("the data directory {} cannot be used: {}", path, problem);
  spdlog::warn("the data directory {}: {}", path, problem);
  return {};
}

} // namespace holdwater::proxy
