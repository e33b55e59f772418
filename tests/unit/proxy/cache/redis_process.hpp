// A real redis-server of one test, on a unix socket in its folder. It keeps nothing.
#pragma once

#include "tests/unit/proxy/insert_ids/scratch_folder.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace holdwater::proxy::test {

class redis_process {
 public:
  explicit redis_process(std::vector<std::string> more = {}) : more_(std::move(more)) { start(); }
  ~redis_process() { kill(); }
  redis_process(const redis_process&) = delete;
  redis_process& operator=(const redis_process&) = delete;

  void start() {
    std::filesystem::remove(socket());
    std::vector<std::string> words{
        "redis-server", "--port", "0",          "--unixsocket", socket(),    "--save",         "",
        "--dir",        folder(), "--loglevel", "warning",      "--logfile", folder() + "/log"};
    words.insert(words.end(), more_.begin(), more_.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    process_ = ::fork();
    REQUIRE(process_ >= 0);
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!std::filesystem::exists(socket()) && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    REQUIRE_MESSAGE(std::filesystem::exists(socket()), "redis-server did not start: tests/install.sh test");
  }
  void kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }
  void freeze() const { ::kill(process_, SIGSTOP); }
  void thaw() const { ::kill(process_, SIGCONT); }

  [[nodiscard]] std::string socket() const { return folder_.file("redis.sock"); }

 private:
  [[nodiscard]] std::string folder() const { return std::filesystem::path(socket()).parent_path(); }

  scratch_folder folder_;
  std::vector<std::string> more_;
  pid_t process_ = 0;
};

} // namespace holdwater::proxy::test
