// Source: posix_spawn(3), memfd_create(2), pidfd_open(2), eventfd(2).
#include "proxy/hook/run_program.hpp"

#include "proxy/hook/exec_words.hpp"
#include "proxy/write_whole.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace holdwater::proxy {
namespace {

class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

std::string failed(std::string_view what, int error = errno) {
  return fmt::format("{}: {}", what, std::strerror(error));
}

// A file in memory: unlike a pipe, the child need not read it.
bool fill(int fd, std::string_view text) {
  return write_whole(fd, text) && ::lseek(fd, 0, SEEK_SET) == 0;
}

class spawn_settings {
 public:
  spawn_settings(int input, int errors) {
    ::posix_spawn_file_actions_init(&files_);
    ::posix_spawn_file_actions_adddup2(&files_, input, STDIN_FILENO);
    ::posix_spawn_file_actions_addopen(&files_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (errors >= 0) ::posix_spawn_file_actions_adddup2(&files_, errors, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1);
    ::posix_spawnattr_init(&how_);
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    for (const int one : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGUSR2, SIGCHLD}) sigaddset(&usual, one);
    ::posix_spawnattr_setsigmask(&how_, &none);
    ::posix_spawnattr_setsigdefault(&how_, &usual);
    ::posix_spawnattr_setpgroup(&how_, 0);
    ::posix_spawnattr_setflags(&how_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~spawn_settings() {
    ::posix_spawn_file_actions_destroy(&files_);
    ::posix_spawnattr_destroy(&how_);
  }
  spawn_settings(const spawn_settings&) = delete;
  spawn_settings& operator=(const spawn_settings&) = delete;

  // 0, or what went wrong.
  int spawn(child_command what, pid_t& child) {
    return ::posix_spawn(&child, what.program.c_str(), &files_, &how_, exec_words(what.arguments).data(),
                         exec_words(what.variables).data());
  }

 private:
  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t how_{};
};

// True when the child has ended, within its time and before we were told to end.
bool wait_for(int child, std::chrono::milliseconds timeout, int told) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd both[] = {{child, POLLIN, 0}, {told, POLLIN, 0}};
    const int found = ::poll(both, 2, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (found < 0 && errno != EINTR) return false;
    if (found > 0 && both[1].revents != 0) return false;
    if (found > 0 && both[0].revents != 0) return true;
  }
}

// The last part of it, in brackets.
std::string said_at(int file) {
  std::array<char, 2000> text{};
  const auto size = file < 0 ? 0 : ::lseek(file, 0, SEEK_END);
  const auto from = std::max<::off_t>(size - static_cast<::off_t>(text.size()), 0);
  const auto got = size > 0 ? ::pread(file, text.data(), text.size(), from) : 0;
  if (got <= 0) return {};
  const std::string_view all(text.data(), static_cast<std::size_t>(got));
  return fmt::format(" ({})", all.substr(0, all.find_last_not_of('\n') + 1));
}

std::string outcome_of(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status)) return fmt::format("it ended with {}", WEXITSTATUS(status));
  return fmt::format("it died of signal {}", WTERMSIG(status));
}

} // namespace

std::string run_program(const std::string& path, std::string_view input,
                        const std::vector<std::string>& environment, std::chrono::milliseconds timeout,
                        const std::stop_token& end) {
  child_command what{path, {path}, {}};
  for (const char* one : {"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ"})
    if (const char* value = std::getenv(one)) what.variables.push_back(fmt::format("{}={}", one, value));
  what.variables.insert(what.variables.end(), environment.begin(), environment.end());
  return run_child(what, input, timeout, end);
}

std::string run_child(const child_command& what, std::string_view input, std::chrono::milliseconds timeout,
                      const std::stop_token& end) {
  const descriptor text(::memfd_create("holdwater-event", MFD_CLOEXEC));
  if (text.get() < 0 || !fill(text.get(), input)) return failed("its input cannot be made");
  const descriptor told(::eventfd(0, EFD_CLOEXEC));
  if (told.get() < 0) return failed("eventfd");
  const std::stop_callback wakes(end, [&told] { static_cast<void>(::eventfd_write(told.get(), 1)); });
  pid_t child = 0;
  const descriptor errors(what.tells ? ::memfd_create("holdwater-errors", MFD_CLOEXEC) : -1);
  spawn_settings settings(text.get(), errors.get());
  if (const int error = settings.spawn(what, child); error != 0) return failed("it cannot be run", error);
  const descriptor watched(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  const bool ended = watched.get() >= 0 && wait_for(watched.get(), timeout, told.get());
  if (!ended) ::kill(-child, SIGKILL);
  int status = 0;
  pid_t reaped = 0;
  while ((reaped = ::waitpid(child, &status, 0)) < 0 && errno == EINTR) {
  }
  if (ended && reaped < 0) return failed("how it ended is not known");
  if (const auto outcome = ended ? outcome_of(status) : std::string(); !outcome.empty())
    return outcome + said_at(errors.get());
  if (ended) return {};
  return end.stop_requested() ? "it was killed, since Holdwater ends"
                              : "it was killed, since its time was over";
}

} // namespace holdwater::proxy
