// From a request to what is to be done about it, and for which service: a pure function, without I/O. Without
// services that have names there is one, and no path names it; with them, /services/NAME/... is each path of
// one.
//
// Invariant: no GET or HEAD changes anything; an action that does is reached by POST only, by the role that
// may, and nothing is told to or done for a foreign page in a browser (Host, Origin and Sec-Fetch-Site are
// checked: DNS rebinding, cross-site requests).
#pragma once

#include "admin/access.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace holdwater::admin {

// The parts of a request that matter here.
struct request {
  std::string method;
  std::string target;              // path and query, or absolute form
  std::optional<std::string> host; // the Host header
  std::optional<std::string> origin;
  std::optional<std::string> fetch_site{}; // what a browser says of the page that asks, and of how it asks
  std::optional<std::string> fetch_mode{};
};

struct reply {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::string allow{};       // the Allow header of a 405
  std::string retry_after{}; // of a 429, in seconds
  std::string location{};    // of a 308

  friend bool operator==(const reply&, const reply&) = default;
};

// A file of the dashboard, by its name.
struct show_asset {
  std::string_view name;
  friend bool operator==(const show_asset&, const show_asset&) = default;
};
// Which role the asker has.
struct show_role {
  role who;
  friend bool operator==(const show_role&, const show_role&) = default;
};
struct look_back {
  bool by_second = true;
  std::uint64_t after = 0;
  friend bool operator==(const look_back&, const look_back&) = default;
};
struct list_sessions {
  std::size_t limit = 0;
  friend bool operator==(const list_sessions&, const list_sessions&) = default;
};
// One page of what is known now.
enum class page { health, database, cache, live, ready, metrics };

struct show {
  page what;
  friend bool operator==(const show&, const show&) = default;
};
struct list_pending {
  std::uint64_t after = 0;
  std::size_t limit = 0;
  bool values = true; // the asker may see them
  friend bool operator==(const list_pending&, const list_pending&) = default;
};
struct list_dead {
  std::uint64_t after = 0;
  std::size_t limit = 0;
  bool values = true;
  friend bool operator==(const list_dead&, const list_dead&) = default;
};
struct sync_now {
  std::chrono::milliseconds timeout{};
  friend bool operator==(const sync_now&, const sync_now&) = default;
};
struct reconnect {
  friend bool operator==(const reconnect&, const reconnect&) = default;
};
struct clear_cache {
  friend bool operator==(const clear_cache&, const clear_cache&) = default;
};
struct retry_dead {
  std::uint64_t seq = 0;
  friend bool operator==(const retry_dead&, const retry_dead&) = default;
};
struct discard_dead {
  std::uint64_t seq = 0;
  friend bool operator==(const discard_dead&, const discard_dead&) = default;
};

struct export_pending {
  std::uint64_t after = 0;
  std::size_t limit = 0;
  friend bool operator==(const export_pending&, const export_pending&) = default;
};
struct back_up {
  friend bool operator==(const back_up&, const back_up&) = default;
};
struct read_backup {
  std::uint64_t number = 0;
  std::uint64_t after = 0; // bytes
  friend bool operator==(const read_backup&, const read_backup&) = default;
};
struct forget_backup {
  friend bool operator==(const forget_backup&, const forget_backup&) = default;
};
struct import_units {
  bool only_check = false;
  std::string bytes{}; // the request's body
  friend bool operator==(const import_units&, const import_units&) = default;
};
struct list_services {
  friend bool operator==(const list_services&, const list_services&) = default;
};
struct show_configuration {
  friend bool operator==(const show_configuration&, const show_configuration&) = default;
};
struct reload_configuration {
  friend bool operator==(const reload_configuration&, const reload_configuration&) = default;
};

using action =
    std::variant<show, export_pending, back_up, read_backup, forget_backup, import_units, show_configuration,
                 reload_configuration, show_asset, show_role, look_back, list_sessions, list_pending,
                 list_dead, list_services, sync_now, reconnect, clear_cache, retry_dead, discard_dead>;
struct for_service {
  std::string name;
  action what;
};
// An action that no service's name comes with is the process's, or, without names, its one service's.
using decision = std::variant<action, reply, for_service>;

// Whose body may be large.
[[nodiscard]] bool is_import(std::string_view target);

// `host_names` are the names, besides IP addresses and localhost, that Host may carry.
[[nodiscard]] decision route(const request& what, const std::vector<std::string>& host_names, role who,
                             const std::vector<std::string>& services = {});

// {"error": "..."} with its status.
[[nodiscard]] reply refuse(unsigned status, std::string_view why);

} // namespace holdwater::admin
