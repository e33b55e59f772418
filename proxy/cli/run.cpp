#include "proxy/cli/run.hpp"

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/dead_letters.hpp"
#include "proxy/cli/export_file.hpp"
#include "proxy/cli/http.hpp"
#include "proxy/cli/import_file.hpp"
#include "proxy/cli/reconnect.hpp"
#include "proxy/cli/save_backup.hpp"
#include "proxy/cli/show.hpp"
#include "proxy/cli/talk.hpp"
#include "proxy/cli/verify.hpp"
#include "proxy/config/load_options.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <optional>
#include <poll.h>
#include <thread>
#include <unistd.h>

namespace holdwater::proxy::cli {
namespace {

namespace json = boost::json;

// A second, or until a line is typed. True: go on.
bool wait_for_line() {
  pollfd typed{STDIN_FILENO, POLLIN, 0};
  return ::poll(&typed, ::isatty(STDIN_FILENO) == 1 ? 1 : 0, 1000) == 0;
}

class client {
 public:
  client(arguments given, target where) : given_(std::move(given)), where_(std::move(where)) {}

  int run() {
    if (const int code = find_service(); code != exit_ok) return code;
    switch (given_.what) {
    case verb::status: return status();
    case verb::top: return top();
    case verb::drain: return drain();
    case verb::reconnect: return reconnect(given_, where_);
    case verb::spool_list:
      return list(fmt::format("/spool?after={}&limit={}", given_.after, given_.limit), show_units);
    case verb::spool_show: return show_one(given_, where_);
    case verb::spool_export: return export_all(given_, where_);
    case verb::dead_list:
      return list(fmt::format("/spool/dead?after={}&limit={}", given_.after, given_.limit), show_dead);
    case verb::dead_retry:
    case verb::dead_discard: return decide_dead(given_, where_);
    case verb::sessions: return list(fmt::format("/sessions?limit={}", given_.limit), show_sessions);
    case verb::config_show: return list("/config", show_config);
    case verb::config_reload: return act(given_, where_, "/config/reload", show_reload);
    case verb::backup: return save_backup(given_, where_);
    case verb::spool_import: return import_file(given_, where_);
    case verb::spool_verify: break; // needs no port
    }
    return exit_usage;
  }

 private:
  arguments given_;
  target where_;
  std::mutex mutex_; // of the drawing thread, which nobody wakes but the end
  std::condition_variable_any never_;

  // Sets whom each request is for. Which service that is need not be said where there is one.
  int find_service() {
    if (given_.what == verb::config_reload) return exit_ok;
    if (!given_.service.empty()) {
      if (given_.service.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") != std::string::npos)
        return complain("no service can have the name that --service or HOLDWATER_SERVICE says"), exit_usage;
      where_.base = "/services/" + given_.service;
      return exit_ok;
    }
    if (given_.what == verb::status || given_.what == verb::config_show) return exit_ok; // are of all, then
    const auto told = ask(where_, "GET", "/services");
    if (told.status == 404) return exit_ok; // an older one
    int code = exit_ok;
    const auto value = read_answer(told, code);
    if (!value) return code;
    std::vector<std::string> names;
    if (const auto* all = at(*value, "services").if_array())
      for (const auto& one : *all) names.push_back(text_at(one, "name"));
    if (names.size() == 1 && !names.front().empty()) where_.base = "/services/" + names.front();
    if (names.size() <= 1) return exit_ok;
    complain(fmt::format("there are several services: say which one with --service or HOLDWATER_SERVICE: {}",
                         fmt::join(names, ", ")));
    return exit_usage;
  }

  // The answer as JSON; nothing when there is none, and then why has been said and `code` is set.
  std::optional<json::value> get(const std::string& method, const std::string& path, int& code,
                                 std::chrono::milliseconds patience = std::chrono::seconds(30)) {
    return read_answer(where_, method, path, code, patience);
  }

  void give(const json::value& value, const std::string& text) {
    print(given_.json ? json::serialize(value) + "\n" : text);
  }

  int list(const std::string& path, std::string (*show)(const json::value&)) {
    int code = exit_ok;
    const auto value = get("GET", path, code);
    if (value) give(*value, show(*value));
    return code;
  }

  static int code_of(const json::value& health) {
    const auto status = text_at(health, "status");
    return status == "ok" ? exit_ok : status == "degraded" ? exit_degraded : exit_down;
  }

  int status() {
    int code = exit_ok;
    const auto value = get("GET", "/health/", code);
    if (!value) return code;
    std::string text;
    if (const auto* all = at(*value, "services").if_object())
      for (const auto& [name, one] : *all)
        text += fmt::format("{}[{}]\n{}", text.empty() ? "" : "\n", std::string(name), show_status(one));
    give(*value, text.empty() ? show_status(*value) : text);
    return code_of(*value);
  }

  int top() {
    const bool terminal = ::isatty(STDOUT_FILENO) == 1;
    int code = exit_ok;
    for (std::uint64_t round = 1;; ++round) {
      const auto health = get("GET", "/health/", code);
      const auto history = health ? get("GET", "/history", code) : std::nullopt;
      if (!history) return code;
      if (given_.json)
        print(json::serialize(json::object{{"health", *health}, {"samples", at(*history, "samples")}}) +
              "\n");
      else
        print((terminal ? "\x1b[H\x1b[2J" : "") + show_status(*health) + show_traffic(*history));
      if (round == given_.rounds || !wait_for_line()) return code_of(*health);
    }
  }

  // The answer comes at the end; meanwhile the bar is drawn beside it.
  int drain() {
    const std::jthread drawing([this](const std::stop_token& end) { draw(end); });
    return act(given_, where_, fmt::format("/health/sync?timeout={}", given_.timeout_s),
               [](const auto&) { return "drained: nothing waits\n"; });
  }

  void draw(const std::stop_token& end) {
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    std::unique_lock lock(mutex_);
    std::uint64_t most = 0;
    std::string before;
    while (!end.stop_requested() && !given_.json) {
      const auto told = ask(where_, "GET", "/health/");
      boost::system::error_code failed;
      const auto health = json::parse(told.body, failed);
      if (told.status == 0 || failed) return;
      const auto& spool = at(health, "spool");
      most = std::max({most, static_cast<std::uint64_t>(number_at(spool, "peak_pending"))});
      auto line = show_progress(health, most);
      if (most > 0 && line != before)
        fmt::print(stderr, "{}{}{}", terminal ? "\r" : "", line, terminal ? "\x1b[K" : "\n");
      before = std::move(line);
      never_.wait_for(lock, end, std::chrono::milliseconds(500), [] { return false; });
    }
    if (terminal && most > 0) fmt::print(stderr, "\r\x1b[K");
  }
};

std::string first_line(const std::string& path, bool& read) {
  std::ifstream in(path);
  std::string line;
  read = static_cast<bool>(std::getline(in, line));
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

// What it would say is not all said here.
bool needs_configuration(const arguments& given) {
  if (given.admin.empty()) return true;
  if (given.config_file.empty()) return false;
  return given.token_file.empty() || (given.admin.starts_with("https:") && given.ca.empty());
}

// Where the port is and how to get in: what is said here beats what the program's own configuration says.
std::optional<target> find_target(const arguments& given, const environment& variables, int& code) {
  target out;
  std::vector<const char*> flags{"holdwater"};
  if (!given.config_file.empty()) flags.insert(flags.end(), {"--config", given.config_file.c_str()});
  auto loaded = load_options(static_cast<int>(flags.size()), flags.data(), variables);
  if (const auto* values = std::get_if<loaded_options>(&loaded)) {
    const auto& admin = values->values.admin;
    const bool everywhere = admin.listen.host == "0.0.0.0" || admin.listen.host == "::";
    out = {admin.tls, everywhere ? "127.0.0.1" : admin.listen.host, std::to_string(admin.listen.port),
           admin.token.empty() ? admin.read_token : admin.token,
           admin.certificate.empty() ? values->values.data_dir + "/tls_certificate.pem" : admin.certificate};
  } else if (needs_configuration(given)) {
    std::fputs(std::get<early_exit>(loaded).text.c_str(), stderr);
    code = exit_usage;
    return std::nullopt;
  }
  if (!given.admin.empty() && !read_target(given.admin, out)) {
    complain("--admin: " + given.admin + " is no http://HOST:PORT");
    code = exit_usage;
    return std::nullopt;
  }
  if (!given.ca.empty()) out.ca = given.ca;
  if (given.token_file.empty()) return out;
  bool read = false;
  out.token = first_line(given.token_file, read);
  if (read) return out;
  complain(given.token_file + " cannot be read");
  code = exit_usage;
  return std::nullopt;
}

} // namespace

int run(int argc, const char* const* argv, const environment& variables) {
  std::signal(SIGPIPE, SIG_DFL);
  auto read = parse(argc, argv);
  if (const auto* wrong = std::get_if<refusal>(&read)) {
    std::fputs(wrong->text.c_str(), wrong->code == exit_ok ? stdout : stderr);
    return wrong->code;
  }
  auto& given = std::get<arguments>(read);
  if (const auto found = variables.find("HOLDWATER_SERVICE");
      given.service.empty() && found != variables.end())
    given.service = found->second;
  if (given.what == verb::spool_verify) return verify(given, variables);
  int code = exit_ok;
  auto where = find_target(given, variables, code);
  if (!where) return code;
  code = client(std::move(given), std::move(*where)).run();
  if (code != exit_ok || print_fault().empty()) return code;
  complain(print_fault());
  return 1;
}

} // namespace holdwater::proxy::cli
