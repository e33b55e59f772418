#include "proxy/hook/hooks.hpp"

#include "proxy/cli/http.hpp"
#include "proxy/config/http_url.hpp"
#include "proxy/config/start_checks.hpp"
#include "proxy/hook/run_program.hpp"

#include <fmt/format.h>

namespace holdwater::proxy {
namespace {

// The answer's text is nobody's: it is not read, and not logged, as little as the URL.
std::string post(const http_url& to, const hook_event& what, std::chrono::milliseconds timeout,
                 const std::stop_token& end) {
  cli::question asked{.method = "POST",
                      .path = to.target,
                      .body = what.json(),
                      .content_type = "application/json",
                      .patience = timeout,
                      .end = end,
                      .status_alone = true};
  const auto told = cli::ask({to.tls, to.host, to.port, {}, {}}, asked);
  if (told.status == 0) return told.body;
  if (told.status >= 200 && told.status < 300) return {};
  return fmt::format("{} answered {}", to.host, told.status);
}

} // namespace

std::string hooks::open(const options::hook_options& settings,
                        std::vector<std::pair<std::string, std::string>> common) {
  common_ = std::move(common);
  const auto& path = settings.command;
  if (!path.empty())
    if (const auto why = why_no_program(path); !why.empty()) return "hook.command: " + why;
  const auto run = [path, limit = settings.timeout](const hook_event& what, const std::stop_token& end) {
    return run_program(path, what.json(), what.environment(), limit, end);
  };
  if (!path.empty()) senders_.push_back(std::make_unique<event_sender>("hook.command", run));
  const auto url = read_http_url(settings.url);
  if (!url) return {};
  const auto send = [to = *url, limit = settings.timeout](const hook_event& what,
                                                          const std::stop_token& end) {
    return post(to, what, limit, end);
  };
  senders_.push_back(std::make_unique<event_sender>("hook.url", send));
  return {};
}

void hooks::start() {
  for (const auto& one : senders_) one->start();
}

void hooks::stop() {
  for (const auto& one : senders_) one->stop();
}

void hooks::tell(hook_event what) {
  for (const auto& [name, value] : common_) what.with(name, value);
  for (const auto& one : senders_) one->tell(what);
}

} // namespace holdwater::proxy
