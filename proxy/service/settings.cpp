// The configuration of a running service: what it is, and what is taken of another one.
#include "proxy/service/service.hpp"

#include "admin/server.hpp"
#include "proxy/log_scope.hpp"
#include "proxy/service/listed_options.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace holdwater::proxy {

std::vector<admin::listed_option> list_options(options shown, std::optional<option_scope> only) {
  std::vector<admin::listed_option> out;
  for (const auto& row : option_table()) {
    if (only && row.scope != *only) continue;
    auto value = print_option(row.kind, row.field(shown));
    const bool is_default = value == default_text(row);
    if (row.kind == option_kind::secret) value = is_default ? "" : "(set)";
    out.push_back({std::string(row.name), std::move(value), is_default, row.reloadable});
  }
  return out;
}

std::vector<admin::listed_option> service::configuration() const {
  return list_options(settings_, name_.empty() ? std::nullopt : std::optional(option_scope::service));
}

namespace {

constexpr char keys_refused[] = "the keys of spool.key were not changed: {}";

} // namespace

std::string service::why_not_keys(const options& fresh) {
  const auto keys = keys_of(fresh);
  if (!keys) return fmt::format("spool.key: {}", keys.error().context);
  const auto taken = spool_ ? spool_->check_keys(*keys) : spool::result<void>();
  return taken ? std::string() : fmt::format(keys_refused, taken.error().context);
}

std::string service::use_keys(const options& fresh) {
  const log_scope ours(name_);
  const auto keys = keys_of(fresh);
  if (!keys) return fmt::format("spool.key: {}", keys.error().context);
  if (spool_)
    if (const auto done = spool_->set_keys(*keys); !done)
      return fmt::format(keys_refused, done.error().context);
  if (cache_) cache_->set_keys(*keys);
  if (warmer_) warmer_->set_keys(*keys);
  const auto key = spool::sealing_id(*keys);
  spdlog::info("from now on what is queued and cached is {}",
               key != 0 ? "encrypted with key " + spool::print_key(key) : "not encrypted");
  return {};
}

void service::take(const options& fresh) {
  take_reloadable(settings_, fresh);
  for (const auto& one : workers_) one->reload(settings_);
  monitor_->reload(settings_);
  const auto& limits = settings_.spool;
  if (spool_)
    spool_->set_limits({limits.max_bytes, limits.max_age, limits.retention, limits.retention_bytes});
}

} // namespace holdwater::proxy
