#include "tests/sim/proxy_process.hpp"

#include "proxy/program.hpp"
#include "tests/sim/network.hpp"

#include <csignal>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <unistd.h>

namespace holdwater::sim {
namespace {

// What the program logs is a part of what happened.
class note_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    machine::the().note("log: {}", std::string_view(message.payload.data(), message.payload.size()));
  }
  void flush_() override {}
};

int roll_bytes(sqlite3_vfs*, int count, char* into) {
  for (int i = 0; i < count; ++i) into[i] = static_cast<char>(machine::the().luck().roll());
  return count;
}

} // namespace

proxy_process::proxy_process(proxy::options settings, std::uint64_t seed)
    : settings_(std::move(settings)), disk_(static_cast<unsigned>(seed)) {
  settings_.net.backend = "epoll"; // the simulated machine has no io_uring
  disk_.install(true);
  auto* const vfs = sqlite3_vfs_find(disk_.name());
  vfs->xRandomness = roll_bytes;
  sqlite3_vfs_register(vfs, 1);
  disk_.before_sync = [this] {
    if (longest_sync > 0) machine::the().sleep(machine::the().luck().between(0, longest_sync));
  };
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("holdwater", std::make_shared<note_sink>()));
}

void proxy_process::start() {
  auto& here = machine::the();
  here.note("PROXY starts");
  ending_ = has_ended_ = false;
  process_ = here.new_process();
  here.spawn("proxy", process_, [this] { run(); });
}

void proxy_process::run() {
  // It is left as it is when the process is killed.
  auto* const it = new proxy::program(settings_, {}, {}, {});
  proxy::inherited_sockets none;
  if (const auto problem = it->start(none); !problem.empty()) {
    machine::the().note("PROXY does not start: {}", problem);
    if (!ending_) machine::the().fail("the proxy does not start: " + problem);
  } else {
    static_cast<void>(it->run());
  }
  delete it;
  has_ended_ = true;
  machine::the().wake_all(ended_);
}

void proxy_process::kill(bool loses_power) {
  if (!running()) return;
  auto& here = machine::the();
  here.note("PROXY is killed{}", loses_power ? ", and its machine loses power" : "");
  here.kill(process_);
  network::the().close_all(process_, true);
  process_ = 0;
  disk_.end_process();
  if (loses_power) disk_.lose_power();
}

void proxy_process::stop() {
  if (!running()) return;
  auto& here = machine::the();
  here.note("PROXY is told to stop");
  std::raise(SIGTERM);
  const auto until = here.now() + 120 * second;
  while (!has_ended_)
    if (!here.wait({&ended_}, until)) here.fail("the proxy does not stop");
  here.kill(process_); // nothing of it is left but ends of threads
  network::the().close_all(process_, false);
  process_ = 0;
  disk_.end_process();
}

std::string proxy_process::http(const std::string& method, const std::string& path) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(admin_port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string said;
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const auto request = fmt::format(
        "{} {} HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", method,
        path);
    ::send(socket, request.data(), request.size(), MSG_NOSIGNAL);
    pollfd watched{socket, POLLIN, 0};
    char some[4096];
    for (;;) {
      if (::poll(&watched, 1, 60'000) == 0) break;
      const auto got = ::recv(socket, some, sizeof some, 0);
      if (got <= 0) break;
      said.append(some, static_cast<std::size_t>(got));
    }
  }
  ::close(socket);
  const auto body = said.find("\r\n\r\n");
  return body == std::string::npos ? std::string() : said.substr(body + 4);
}

} // namespace holdwater::sim
