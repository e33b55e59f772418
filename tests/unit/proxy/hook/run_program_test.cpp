// Real programs: their input, their environment, their end.
#include "proxy/hook/run_program.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

class script {
 public:
  explicit script(const std::string& text) {
    folder_ = (std::filesystem::temp_directory_path() / "hook-test-XXXXXX").string();
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
    std::ofstream(path()) << "#!/bin/sh\nout=" << file("out") << "\n" << text << "\n";
    std::filesystem::permissions(path(), std::filesystem::perms::owner_all);
  }
  ~script() {
    std::error_code ignored; // a folder left in /tmp fails no test
    std::filesystem::remove_all(folder_, ignored);
  }
  script(const script&) = delete;
  script& operator=(const script&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] std::string path() const { return file("hook"); }
  [[nodiscard]] std::string said() const {
    std::ifstream in(file("out"));
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
  }
  [[nodiscard]] std::string run(std::string_view input = {}, std::chrono::milliseconds timeout = 20s) const {
    return run_program(path(), input, {"HOLDWATER_EVENT=test"}, timeout, {});
  }

 private:
  std::string folder_;
};

// It may be gone, or wait to be reaped by whoever inherits it.
bool lives(const std::string& process) {
  std::ifstream status("/proc/" + process + "/stat");
  std::string number, name, state;
  status >> number >> name >> state;
  return status && state != "Z" && state != "X";
}

} // namespace

TEST_CASE("it gets its input and its variables, and none of ours") {
  ::setenv("HOLDWATER_TEST_SECRET", "a password", 1);
  const script one("cat > $out; env >> $out; ls /proc/self/fd | wc -l >> $out");
  const std::string input(300'000, 'x'); // more than a pipe would hold
  CHECK(one.run(input).empty());
  const auto said = one.said();
  CHECK(said.starts_with(input));
  CHECK(said.find("HOLDWATER_EVENT=test") != said.npos);
  CHECK(said.find("a password") == said.npos);
  CHECK(said.ends_with("\n4\n")); // 0, 1, 2, and ls' own
}

TEST_CASE("it need not read, and its end is told") {
  CHECK(script("exit 0").run("unread").empty());
  CHECK(script("exit 7").run() == "it ended with 7");
  CHECK(script("kill -9 $$").run() == "it died of signal 9");
  CHECK(run_program("/nowhere/hook", {}, {}, 1s, {}).starts_with("it cannot be run: "));
}

TEST_CASE("past its time it is killed with its children") {
  const script one("sleep 600 & echo $! > $out; wait");
  CHECK(one.run({}, 1s).starts_with("it was killed, since its time"));
  const auto child = one.said();
  REQUIRE(!child.empty());
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (lives(child.substr(0, child.size() - 1)) && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  CHECK_FALSE(lives(child.substr(0, child.size() - 1)));
}

TEST_CASE("when Holdwater ends it is killed") {
  const script one("sleep 600");
  std::stop_source end;
  std::jthread ends([&] { end.request_stop(); });
  CHECK(run_program(one.path(), {}, {}, 1h, end.get_token()) == "it was killed, since Holdwater ends");
}
