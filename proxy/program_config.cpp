// The configuration of the running process: what it is, and reading it anew.
#include "proxy/program.hpp"

#include "admin/server.hpp"
#include "proxy/config/reason_of.hpp"
#include "proxy/log.hpp"
#include "proxy/service/listed_options.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

namespace holdwater::proxy {
namespace {

// What changes and what would have to wait for a restart, of all services, each under its name.
struct whole_plan {
  std::vector<std::string> changed, needs_restart;

  void add(const std::string& service, const reload_plan& one) {
    const auto named = [&](const std::string& option) {
      return service.empty() ? option : service + ": " + option;
    };
    for (const auto& option : one.changed) changed.push_back(named(option));
    for (const auto& option : one.needs_restart) needs_restart.push_back(named(option));
  }
};

const service_options* find_service(const std::vector<service_options>& all, const std::string& name) {
  const auto found = std::ranges::find(all, name, &service_options::name);
  return found == all.end() ? nullptr : &*found;
}

std::string listed(const std::vector<std::string>& all, const char* none) {
  return all.empty() ? none : fmt::format("{}", fmt::join(all, ", "));
}

} // namespace

std::vector<admin::listed_option> program::configuration() const {
  return list_options(settings_, option_scope::process);
}

// All of them, or none: what one has sealed with a fresh key needs it from then on, so all are asked before.
std::string program::use_keys(const std::vector<service_options>& fresh) {
  std::vector<std::pair<service*, const service_options*>> to_change;
  for (const auto& one : services_) {
    const auto* next = find_service(fresh, one->name());
    if (next == nullptr || next->values.spool.key == one->settings().spool.key) continue;
    if (const auto problem = one->why_not_keys(next->values); !problem.empty()) return said_by(*one, problem);
    to_change.emplace_back(one.get(), next);
  }
  std::vector<service*> changed;
  for (const auto& [one, next] : to_change) {
    if (auto problem = one->use_keys(next->values); !problem.empty()) {
      for (auto* before : changed)
        if (const auto other = before->use_keys(before->settings()); !other.empty())
          problem += "; " + said_by(*before, other);
      return said_by(*one, problem);
    }
    changed.push_back(one);
  }
  return {};
}

// Nothing is taken when anything is wrong. On the main loop.
admin::reload_report program::reload() {
  if (!load_again_) return {false, "it was not started from a configuration", {}, {}};
  const auto refused = [](const std::string& why) {
    spdlog::error("the configuration was not reloaded: {}", why);
    return admin::reload_report{false, why, {}, {}};
  };
  auto loaded = load_again_();
  if (const auto* wrong = std::get_if<early_exit>(&loaded)) return refused(reason_of(*wrong));
  auto& read = std::get<loaded_options>(loaded);
  for (const auto& warning : read.warnings) spdlog::warn("{}", warning);
  program fresh(std::move(read.values), std::move(read.services), {}, {});
  const auto runs = [this](const service_options& one) { return find_service(given_, one.name) != nullptr; };
  std::vector<std::string> added;
  for (const auto& one : fresh.given_)
    if (!runs(one) && !one.name.empty()) added.push_back("service " + one.name);
  std::erase_if(fresh.given_, [&](const service_options& one) { return !runs(one); });
  fit_to_descriptors(fresh.given_, descriptors_);
  if (fresh.settings_.net.backend == wanted_backend_) { // what it came to here
    fresh.settings_.net.backend = settings_.net.backend;
    for (auto& one : fresh.given_) one.values.net.backend = settings_.net.backend;
  }

  whole_plan plan;
  if (has_names()) plan.add("", plan_reload(settings_, fresh.settings_, option_scope::process));
  const auto only = has_names() ? std::optional(option_scope::service) : std::nullopt;
  for (const auto& one : services_)
    if (const auto* next = find_service(fresh.given_, one->name()))
      plan.add(one->name(), plan_reload(one->settings(), next->values, only));
    else
      plan.needs_restart.push_back(has_names() ? "service " + one->name() : "service");
  std::ranges::move(added, std::back_inserter(plan.needs_restart));

  if (auto problem = set_up_log(fresh.settings_.log);
      !problem.empty()) // also when nothing has changed: the file
    return refused(problem);
  if (auto problem = use_keys(fresh.given_); !problem.empty()) {
    if (auto other = set_up_log(settings_.log); !other.empty()) problem += "; " + other;
    return refused(problem);
  }
  take_reloadable(settings_, fresh.settings_);
  for (const auto& one : services_)
    if (const auto* next = find_service(fresh.given_, one->name())) one->take(next->values);
  spdlog::info("the configuration was reloaded: {}; a restart is needed for: {}",
               listed(plan.changed, "nothing has changed"), listed(plan.needs_restart, "nothing"));
  return {true, {}, plan.changed, plan.needs_restart};
}

void program::note_refused(const std::string& address, unsigned times) {
  constexpr unsigned most_lines = 10; // then the address is not asked any more
  if (times <= most_lines)
    spdlog::warn("a wrong token for the HTTP port from {} ({} lately)", address, times);
}

} // namespace holdwater::proxy
