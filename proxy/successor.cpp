#include "proxy/successor.hpp"

#include "proxy/hook/exec_words.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace holdwater::proxy {

namespace {

bool is_of_inheritance(std::string_view variable) {
  return std::any_of(inheritance_variables.begin(), inheritance_variables.end(), [&](std::string_view name) {
    return variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=';
  });
}

std::string said(std::string_view what, int error) {
  return fmt::format("{}: {}", what, std::strerror(error));
}

// A link that is turned to another release is followed anew, so it is the name that counts where it has a
// folder; of one that was looked up, the file.
std::string program_file(const std::string& name) {
  std::error_code unknown;
  auto file = std::filesystem::read_symlink("/proc/self/exe", unknown);
  if (name.find('/') != name.npos) {
    const auto named = std::filesystem::absolute(name, unknown);
    if (file.empty() || std::filesystem::equivalent(named, file, unknown)) return named.string();
  }
  return file.empty() ? name : file.string();
}

} // namespace

start_command start_command::of_this_process(int argc, char** argv, char** variables) {
  start_command out;
  out.program = program_file(argv[0]);
  out.arguments.assign(argv, argv + argc);
  for (; variables != nullptr && *variables != nullptr; ++variables)
    if (!is_of_inheritance(*variables)) out.variables.emplace_back(*variables);
  return out;
}

// Out of the way first, since a socket may already have another's place. Of all else that is open, the next
// one has nothing.
std::string become(const start_command& next, const std::vector<named_socket>& sockets) {
  std::vector<int> aside;
  std::string names;
  for (const auto& one : sockets) {
    const int far_away = std::max(64, first_inherited + static_cast<int>(sockets.size()));
    aside.push_back(::fcntl(one.descriptor, F_DUPFD_CLOEXEC, far_away));
    if (aside.back() < 0) return said("a listening socket cannot be handed over", errno);
    names += (names.empty() ? "" : ":") + one.name;
  }
  if (::close_range(first_inherited, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
    return said("what is open cannot be kept from the next one", errno);
  for (std::size_t i = 0; i < aside.size(); ++i)
    if (::dup2(aside[i], first_inherited + static_cast<int>(i)) < 0)
      return said("a listening socket cannot be handed over", errno);
  auto arguments = next.arguments;
  auto variables = next.variables;
  variables.push_back(fmt::format("LISTEN_PID={}", ::getpid()));
  variables.push_back(fmt::format("LISTEN_FDS={}", sockets.size()));
  variables.push_back("LISTEN_FDNAMES=" + names);
  ::execve(next.program.c_str(), exec_words(arguments).data(), exec_words(variables).data());
  auto problem = said(next.program, errno);
  // Better the same one again than none.
  ::execve("/proc/self/exe", exec_words(arguments).data(), exec_words(variables).data());
  return problem;
}

} // namespace holdwater::proxy
