#include "proxy/config/load_services.hpp"

#include "proxy/config/server_places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <utility>

namespace holdwater::proxy {
namespace {

// As it is for one service, before it is checked.
raw_options options_of(const service_source& said, const raw_options& top, problems& wrong) {
  auto out = top;
  out.values.data_dir = fmt::format("{}/{}", top.values.data_dir, said.name);
  const auto forget = [&](std::initializer_list<std::string_view> all) {
    for (const auto option : all) out.forget(option);
  };
  const auto says = [&](std::initializer_list<std::string_view> any) {
    return std::ranges::any_of(said.own.settings, [&](const setting& one) {
      return std::ranges::find(any, one.row->name) != any.end();
    });
  };
  forget({"listen", "listen_socket"}); // these two nobody shares
  // What would be another server's, or another account's, than the one that it names.
  if (says({"server.socket"})) forget({"server.host"});
  if (says({"server.host", "server.port"})) forget({"server.socket"});
  if (says({"server.port"}) && !says({"server.host"}) &&
      out.values.server.host.find_first_of("/,") != std::string::npos)
    wrong.errors.push_back(fmt::format("server.port is given without server.host, and the one above is {}",
                                       out.values.server.host));
  if (says({"cache.redis"})) forget({"cache.redis_password", "cache.redis_password_file"});
  if (says({"server.host", "server.port", "server.socket"}))
    forget({"server.replicas", "cache.redis_service"});
  if (says({"server.user"})) forget({"server.password", "server.password_file", "server.plugin"});
  for (const auto& one : said.own.settings) out.take(one, origin::service, wrong);
  if (!said.own.accounts.empty()) out.values.accounts.clear();
  for (const auto& one : said.own.accounts) out.take(one, wrong);
  if (!said.own.rules.empty()) out.values.rules = said.own.rules;
  return out;
}

std::string canonical(const std::string& path) {
  std::error_code error;
  auto out = std::filesystem::weakly_canonical(path, error).string();
  if (error) out = path;
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

// What only one of them can have.
class claims {
 public:
  explicit claims(problems& wrong) : wrong_(wrong) {}

  void take(const std::string& who, const std::string& where, const options& values) {
    if (values.listen.port != 0) take(who, where, "listen", print_endpoint(values.listen));
    if (!values.listen_socket.empty()) take(who, where, "listen_socket", canonical(values.listen_socket));
    take(who, where, "data_dir", canonical(values.data_dir));
    const auto& shared = values.cache.redis_service;
    if (shared.empty()) return;
    std::vector<std::string> places;
    for (const auto& one : places_of_servers(values)) places.push_back(one.name());
    std::ranges::sort(places);
    const auto [other, is_first] = names_.try_emplace(shared, who, places);
    if (!is_first && other->second.second != places)
      wrong_.errors.push_back(
          fmt::format("{}: cache.redis_service \"{}\" is that of {}, which has another server", where, shared,
                      other->second.first));
  }

 private:
  problems& wrong_;
  std::map<std::pair<std::string, std::string>, std::string> taken_; // option and value, by whom
  std::map<std::string, std::pair<std::string, std::vector<std::string>>>
      names_; // in Redis, of which servers

  void take(const std::string& who, const std::string& where, const char* option, const std::string& value) {
    const auto [other, is_first] = taken_.try_emplace({option, value}, who);
    if (!is_first)
      wrong_.errors.push_back(fmt::format("{}: {} {} is that of {}", where, option, value, other->second));
  }
};

void say_once(std::vector<std::string>& to, std::vector<std::string> more) {
  for (auto& one : more)
    if (std::ranges::find(to, one) == to.end()) to.push_back(std::move(one));
}

} // namespace

std::vector<service_options> load_services(const std::vector<service_source>& all, const raw_options& top,
                                           const std::string& file, problems& wrong) {
  std::vector<service_options> out;
  claims taken(wrong);
  if (all.size() > most_services)
    wrong.errors.push_back(
        fmt::format("{}: there are more than {} services", all[most_services].where, most_services));
  for (const char* const place : {"listen", "listen_socket"})
    if (const auto given = top.given.find(place); given != top.given.end())
      wrong.warnings.push_back(
          fmt::format("{}: is not used: each [[service]] has its own", given->second.where));
  for (const auto& said : all) {
    problems own;
    auto one = options_of(said, top, own);
    finish(one, option_part::service, file, own);
    if (one.from("listen") != origin::service)
      own.errors.emplace_back("listen is missing: each service has a port of its own");
    else if (one.values.listen.port == 0) // from one process to the next it would be anybody's
      own.errors.emplace_back("listen: a service has a port of its own, and 0 is any");
    for (auto& error : own.errors) // what has no place of its own
      if (!error.starts_with(file + ":")) error = fmt::format("{}: {}", said.where, error);
    say_once(wrong.errors, std::move(own.errors));
    say_once(wrong.warnings, std::move(own.warnings));
    taken.take(said.name, said.where, one.values);
    out.push_back({said.name, std::move(one.values)});
  }
  return out;
}

} // namespace holdwater::proxy
