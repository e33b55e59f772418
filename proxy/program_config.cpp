// The configuration of the running program: what it is, and reading it anew.
#include "proxy/program.hpp"

#include "admin/server.hpp"
#include "proxy/config/option_table.hpp"
#include "proxy/log.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace holdwater::proxy {

std::vector<admin::listed_option> program::configuration() const {
  std::vector<admin::listed_option> out;
  auto shown = settings_;
  for (const auto& row : option_table()) {
    auto value = print_option(row.kind, row.field(shown));
    const bool is_default = value == default_text(row);
    if (row.kind == option_kind::secret) value = is_default ? "" : "(set)";
    out.push_back({std::string(row.name), std::move(value), is_default, row.reloadable});
  }
  return out;
}

// What needs a key that is not given any more refuses all of them.
std::string program::take_keys(const options& fresh) {
  if (fresh.spool.key == settings_.spool.key) return {};
  const auto keys = keys_of(fresh);
  if (!keys) return fmt::format("spool.key: {}", keys.error().context);
  if (spool_)
    if (const auto done = spool_->set_keys(*keys); !done)
      return fmt::format("the keys of spool.key were not changed: {}", done.error().context);
  if (cache_) cache_->set_keys(*keys);
  if (warmer_) warmer_->set_keys(*keys);
  const auto key = spool::sealing_id(*keys);
  spdlog::info("from now on what is queued and cached is {}",
               key != 0 ? "encrypted with key " + spool::print_key(key) : "not encrypted");
  return {};
}

// Nothing is taken when anything is wrong. On the main loop.
admin::reload_report program::reload() {
  if (!load_again_) return {false, "it was not started from a configuration", {}, {}};
  auto loaded = load_again_();
  if (const auto* wrong = std::get_if<early_exit>(&loaded)) {
    spdlog::error("the configuration was not reloaded: {}", wrong->text);
    return {false, wrong->text, {}, {}};
  }
  auto& [fresh, warnings, file] = std::get<loaded_options>(loaded);
  for (const auto& warning : warnings) spdlog::warn("{}", warning);
  fresh = with_owner(std::move(fresh));
  fit_to_descriptors(fresh, descriptors_);
  const auto plan = plan_reload(settings_, fresh);
  if (auto problem = set_up_log(plan.values.log);
      !problem.empty()) { // also when nothing has changed: the file
    spdlog::error("the configuration was not reloaded: {}", problem);
    return {false, problem, {}, {}};
  }
  if (auto problem = take_keys(fresh); !problem.empty()) {
    if (auto other = set_up_log(settings_.log); !other.empty()) problem += "; " + other;
    spdlog::error("the configuration was not reloaded: {}", problem);
    return {false, problem, {}, {}};
  }
  take_reloadable(settings_, fresh);
  for (const auto& one : workers_) one->reload(settings_);
  monitor_->reload(settings_);
  const auto& limits = settings_.spool;
  if (spool_)
    spool_->set_limits({limits.max_bytes, limits.max_age, limits.retention, limits.retention_bytes});
  spdlog::info(
      "the configuration was reloaded: {}; a restart is needed for: {}",
      plan.changed.empty() ? "nothing has changed" : fmt::format("{}", fmt::join(plan.changed, ", ")),
      plan.needs_restart.empty() ? "nothing" : fmt::format("{}", fmt::join(plan.needs_restart, ", ")));
  return {true, {}, plan.changed, plan.needs_restart};
}

} // namespace holdwater::proxy
