#include "admin/router.hpp"
#include "admin/json_text.hpp"
#include "admin/origin.hpp"
#include "admin/query.hpp"
#include "admin/utf8.hpp"

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace holdwater::admin {
namespace {

constexpr std::size_t usual_limit = 100;
constexpr std::size_t largest_limit = 1000;
constexpr std::uint64_t largest_seq = std::numeric_limits<std::int64_t>::max(); // that a queue can hold
constexpr std::chrono::seconds usual_sync_timeout{30};
constexpr std::chrono::seconds longest_sync_timeout{600};

enum class verb { get, post };

// What a handler gets: the {seq} of the path, where it has one, and the parameters.
struct arguments {
  std::uint64_t seq = 0;
  query& parameters;
  role who{};
};

// Where services have names: whose a page is.
enum class scope { service, both, process };

struct path_rule {
  verb method;
  std::string_view path; // {seq} stands for a number
  action (*make)(arguments);
  bool shows_values = false; // of statements: for those only who may operate
  scope whose = scope::service;
};

template <page What>
action make_show(arguments) {
  return show{What};
}

action make_index(arguments) {
  return show_asset{"index.html"};
}
action make_style(arguments) {
  return show_asset{"dashboard.css"};
}
action make_script(arguments) {
  return show_asset{"dashboard.js"};
}
action make_tools(arguments) {
  return show_asset{"tools.js"};
}
action make_icon(arguments) {
  return show_asset{"dashboard.svg"};
}
action make_role(arguments a) {
  return show_role{a.who};
}
template <bool BySecond>
action make_look_back(arguments a) {
  return look_back{BySecond, a.parameters.count("after", 0, 0, std::numeric_limits<std::uint64_t>::max())};
}
action make_list_sessions(arguments a) {
  return list_sessions{a.parameters.count("limit", usual_limit, 1, largest_limit)};
}
action make_list_pending(arguments a) {
  const auto after = a.parameters.count("after", 0, 0, largest_seq);
  return list_pending{after, a.parameters.count("limit", usual_limit, 1, largest_limit),
                      a.who == role::operate};
}
action make_list_dead(arguments a) {
  const auto after = a.parameters.count("after", 0, 0, largest_seq);
  return list_dead{after, a.parameters.count("limit", usual_limit, 1, largest_limit), a.who == role::operate};
}
action make_export(arguments a) {
  const auto after = a.parameters.count("after", 0, 0, largest_seq);
  return export_pending{after, a.parameters.count("limit", largest_limit, 1, largest_limit)};
}
action make_backup(arguments) {
  return back_up{};
}
action make_read_backup(arguments a) {
  constexpr auto any = std::numeric_limits<std::uint64_t>::max();
  const auto number = a.parameters.count("number", 0, 0, any);
  return read_backup{number, a.parameters.count("after", 0, 0, any)};
}
action make_forget_backup(arguments) {
  return forget_backup{};
}
action make_import(arguments a) {
  return import_units{a.parameters.count("check", 0, 0, 1) == 1};
}
action make_overview(arguments) {
  return show_asset{"overview.js"};
}
action make_list_services(arguments) {
  return list_services{};
}
action make_configuration(arguments) {
  return show_configuration{};
}
action make_reload(arguments) {
  return reload_configuration{};
}
action make_sync(arguments a) {
  return sync_now{a.parameters.seconds("timeout", usual_sync_timeout, longest_sync_timeout)};
}
action make_reconnect(arguments) {
  return reconnect{};
}
action make_clear_cache(arguments) {
  return clear_cache{};
}
action make_retry(arguments a) {
  return retry_dead{a.seq};
}
action make_discard(arguments a) {
  return discard_dead{a.seq};
}

constexpr std::string_view services_path = "/services";
constexpr std::string_view import_path = "/spool/import";
constexpr std::string_view overview_page = "overview.html"; // at "/", where services have names

constexpr std::array rules{
    path_rule{verb::get, "/health", make_show<page::health>, false, scope::both},
    path_rule{verb::get, "/health/database", make_show<page::database>},
    path_rule{verb::get, "/health/cache", make_show<page::cache>},
    path_rule{verb::post, "/health/sync", make_sync},
    path_rule{verb::post, "/health/reconnect", make_reconnect},
    path_rule{verb::post, "/health/cache/clear", make_clear_cache},
    path_rule{verb::get, "/livez", make_show<page::live>, false, scope::both},
    path_rule{verb::get, "/readyz", make_show<page::ready>, false, scope::both},
    path_rule{verb::get, "/metrics", make_show<page::metrics>, false, scope::both},
    path_rule{verb::get, "/", make_index, false, scope::both},
    path_rule{verb::get, "/dashboard.css", make_style, false, scope::both},
    path_rule{verb::get, "/dashboard.js", make_script, false, scope::both},
    path_rule{verb::get, "/tools.js", make_tools, false, scope::both},
    path_rule{verb::get, "/dashboard.svg", make_icon, false, scope::both},
    path_rule{verb::get, "/overview.js", make_overview, false, scope::process},
    path_rule{verb::get, "/role", make_role, false, scope::both},
    path_rule{verb::get, services_path, make_list_services, false, scope::process},
    path_rule{verb::get, "/history", make_look_back<true>},
    path_rule{verb::get, "/history/day", make_look_back<false>},
    path_rule{verb::get, "/sessions", make_list_sessions},
    path_rule{verb::get, "/spool", make_list_pending},
    path_rule{verb::get, "/spool/export", make_export, true},
    path_rule{verb::post, "/spool/backup", make_backup},
    path_rule{verb::get, "/spool/backup/bytes", make_read_backup, true},
    path_rule{verb::post, "/spool/backup/forget", make_forget_backup},
    path_rule{verb::post, import_path, make_import},
    path_rule{verb::get, "/spool/dead", make_list_dead},
    path_rule{verb::get, "/config", make_configuration, false, scope::both},
    path_rule{verb::post, "/config/reload", make_reload, false, scope::process},
    path_rule{verb::post, "/spool/dead/{seq}/retry", make_retry},
    path_rule{verb::post, "/spool/dead/{seq}/discard", make_discard},
};

// A target's parts. The absolute form names its own host, which then counts (RFC 9112, 3.2.2).
struct target_parts {
  std::string_view path;    // without a closing slash
  std::string_view service; // that it names, empty: none
  bool is_folder = false;   // it has that slash
  std::string_view parameters;
  std::optional<std::string> host;
};

target_parts split(const request& what) {
  constexpr std::string_view scheme = "http://";
  std::string_view rest = what.target;
  target_parts out{.host = what.host};
  if (rest.starts_with(scheme)) {
    rest.remove_prefix(scheme.size());
    const auto slash = std::min(rest.find_first_of("/?"), rest.size());
    out.host = rest.substr(0, slash);
    rest.remove_prefix(slash);
  }
  const auto mark = std::min(rest.find('?'), rest.size());
  out.path = rest.substr(0, mark);
  out.parameters = rest.substr(std::min(mark + 1, rest.size()));
  out.is_folder = out.path.ends_with('/');
  if (out.path.size() > 1 && out.is_folder) out.path.remove_suffix(1);
  return out;
}

// Takes /services/NAME off.
void take_service(target_parts& parts) {
  auto rest = parts.path;
  if (!rest.starts_with(services_path)) return;
  rest.remove_prefix(services_path.size());
  if (rest.size() < 2 || rest[0] != '/') return;
  rest.remove_prefix(1);
  const auto end = std::min(rest.find('/'), rest.size());
  if (end == 0) return;
  parts.service = rest.substr(0, end);
  parts.path = end == rest.size() ? std::string_view("/") : rest.substr(end);
}

// Whether `path` is the rule's; fills `seq` where the rule has one.
bool matches(std::string_view rule, std::string_view path, std::uint64_t& seq) {
  constexpr std::string_view hole = "{seq}";
  const auto at = rule.find(hole);
  if (at == rule.npos) return rule == path;
  const auto tail = rule.substr(at + hole.size());
  if (path.size() <= at + tail.size() || !path.starts_with(rule.substr(0, at)) || !path.ends_with(tail))
    return false;
  const auto number = parse_count(path.substr(at, path.size() - at - tail.size()));
  seq = number.value_or(0);
  return seq != 0;
}

const path_rule* find_rule(std::string_view path, std::uint64_t& seq) {
  for (const auto& rule : rules)
    if (matches(rule.path, path, seq)) return &rule;
  return nullptr;
}

bool allows(verb rule, std::string_view method) {
  return rule == verb::post ? method == "POST" : method == "GET" || method == "HEAD";
}

reply method_not_allowed(verb rule) {
  const std::string_view allowed = rule == verb::post ? "POST" : "GET, HEAD";
  auto out = refuse(405, fmt::format("this page takes {}", allowed));
  out.allow = allowed;
  return out;
}

std::optional<reply> refuse_stranger(const request& what, const target_parts& parts,
                                     const std::vector<std::string>& host_names) {
  if (parts.host && !host_is_ours(*parts.host, host_names))
    return refuse(403,
                  "the Host header must be an IP address, localhost, or a name given in admin.host_names");
  if (what.origin && !same_origin(*what.origin, parts.host.value_or("")))
    return refuse(403, "a page of another origin may not ask for this");
  // A link on another site may lead here; nothing else there may ask.
  const bool foreign = what.fetch_site && *what.fetch_site != "same-origin" && *what.fetch_site != "none";
  const bool follows_link = what.method == "GET" && what.fetch_mode && *what.fetch_mode == "navigate";
  if (foreign && !follows_link) return refuse(403, "a page of another site may not ask for this");
  return std::nullopt;
}

// A page's paths are relative to the folder that it is in; where that is, the asker knows best.
reply to_folder(std::string_view service) {
  auto out = refuse(308, "this page is a folder");
  out.location = fmt::format("{}/", service);
  return out;
}

// Why the page is not to be had there; nothing when it is.
std::optional<reply> refuse_place(const path_rule* rule, const target_parts& parts,
                                  const std::vector<std::string>& services) {
  const bool names = !services.empty();
  if (!parts.service.empty() && std::ranges::find(services, parts.service) == services.end())
    return refuse(
        404, names ? fmt::format("there is no service of that name; there are {}", fmt::join(services, ", "))
                   : "the services here have no names: ask without /services/NAME");
  if (!rule) return refuse(404, "there is no such page");
  if (!names) return std::nullopt;
  if (parts.service.empty() && rule->whose == scope::service)
    return refuse(404, fmt::format("there are several services: ask for {}/NAME{}, where NAME is one of {}",
                                   services_path, rule->path, fmt::join(services, ", ")));
  if (!parts.service.empty() && rule->whose == scope::process)
    return refuse(404, fmt::format("this is of all services: ask for {}", rule->path));
  return std::nullopt;
}

} // namespace

decision route(const request& what, const std::vector<std::string>& host_names, role who,
               const std::vector<std::string>& services) {
  auto parts = split(what);
  if (auto refused = refuse_stranger(what, parts, host_names)) return *std::move(refused);
  if (who == role::nobody) return refuse(401, "this needs a token: admin.token or admin.read_token");
  take_service(parts);
  std::uint64_t seq = 0;
  const auto* const rule = find_rule(parts.path, seq);
  if (auto refused = refuse_place(rule, parts, services)) return *std::move(refused);
  if (!allows(rule->method, what.method)) return method_not_allowed(rule->method);
  const bool guarded = rule->method == verb::post || rule->shows_values;
  if (guarded && who != role::operate) return refuse(403, "this needs admin.token");
  query parameters(parts.parameters);
  auto made = rule->make({seq, parameters, who});
  if (const auto wrong = parameters.error(); !wrong.empty()) return refuse(400, wrong);
  if (!parts.service.empty()) {
    if (rule->path == "/" && !parts.is_folder) return to_folder(parts.service);
    return for_service{std::string(parts.service), std::move(made)};
  }
  if (rule->path == "/" && !services.empty()) return show_asset{overview_page};
  return made;
}

bool is_import(std::string_view target) {
  request what;
  what.target = target;
  auto parts = split(what);
  take_service(parts);
  return parts.path == import_path;
}

reply refuse(unsigned status, std::string_view why) {
  return {.status = status, .body = pretty(boost::json::object{{"error", printable(why)}})};
}

} // namespace holdwater::admin
