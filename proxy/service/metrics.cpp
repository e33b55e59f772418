// What is counted, for Prometheus. What /health/ shows as well is in admin/prometheus.
#include "proxy/service/service.hpp"

#include "admin/prometheus.hpp"
#include "admin/server.hpp"

namespace holdwater::proxy {

namespace {

admin::counter single(std::string name, std::string help, double value, bool gauge = false) {
  return {std::move(name), std::move(help), gauge, {{{}, value}}};
}

// The families of one page, in the order in which they are added.
class page {
 public:
  void total(const char* name, const char* help, std::uint64_t value) {
    all_.push_back(single(name, help, static_cast<double>(value)));
  }
  void total(const char* name, const char* help, const std::atomic<std::uint64_t>& value) {
    total(name, help, value.load(std::memory_order_relaxed));
  }
  void gauge(const char* name, const char* help, double value) {
    all_.push_back(single(name, help, value, true));
  }
  admin::counter& family(const char* name, const char* help) {
    return all_.emplace_back(admin::counter{name, help, false, {}});
  }
  admin::counter& histogram(const char* name, const char* help) {
    auto& made = family(name, help);
    made.histogram = true;
    return made;
  }
  [[nodiscard]] std::vector<admin::counter> take() { return std::move(all_); }

 private:
  std::vector<admin::counter> all_;
};

void add_clients(page& out, const session_counters& counted, const options& settings) {
  out.total("holdwater_client_connections_total", "Client connections accepted.", counted.connections);
  out.gauge("holdwater_client_connections", "Client connections now.",
            static_cast<double>(counted.connected()));
  out.gauge("holdwater_client_connections_limit", "Client connections that each listener takes at once.",
            settings.max_connections);
  out.total("holdwater_clients_turned_away_total", "Connections refused for max_connections.",
            counted.clients_turned_away);
  out.total("holdwater_clients_given_up_total",
            "Clients that neither went on with a command nor took an answer for longer than a server waits.",
            counted.clients_given_up);
  out.total("holdwater_tls_failed_total", "TLS handshakes with clients that did not succeed.",
            counted.tls_failed);
  out.total("holdwater_logins_failed_total", "Clients that did not get past the login.",
            counted.logins_failed);
  out.total("holdwater_commands_held_total", "Commands that waited for the server.", counted.commands_held);
  out.total("holdwater_commands_refused_total", "Commands answered with an error of Holdwater's own.",
            counted.commands_refused);
  out.total("holdwater_writes_spooled_total", "Writes answered with the spooled OK.", counted.writes_spooled);
  out.total("holdwater_writes_in_doubt_total", "Writes whose answer was lost.", counted.writes_in_doubt);
  out.total("holdwater_transactions_lost_total", "Transactions that were rolled back with the server.",
            counted.transactions_lost);
}

void add_traffic(page& out, const traffic::totals& counted) {
  out.total("holdwater_commands_forwarded_total", "Commands that the server has answered.",
            counted.of(command_course::forward));
  auto& commands =
      out.family("holdwater_commands_total", "Commands by what they are and what became of them.");
  for (std::size_t kind = 0; kind < command_kind_names.size(); ++kind)
    for (std::size_t course = 0; course < command_course_names.size(); ++course)
      if (const auto count = counted.commands[kind][course]; count != 0)
        commands.samples.push_back({{{"kind", std::string(command_kind_names[kind])},
                                     {"course", std::string(command_course_names[course])}},
                                    static_cast<double>(count)});
  const auto& bounds = duration_histogram::bounds_s;
  auto& durations = out.histogram("holdwater_command_duration_seconds",
                                  "From a command's arrival to its answer, holds included.");
  for (std::size_t at = 0; at < duration_class_names.size(); ++at)
    admin::add_series(durations, {{"kind", std::string(duration_class_names[at])}, {"course", "forward"}},
                      bounds, counted.forwarded[at].counts, counted.forwarded[at].sum_s);
  admin::add_series(durations, {{"kind", "write"}, {"course", "queue"}}, bounds, counted.queued.counts,
                    counted.queued.sum_s);
  auto& holds = out.histogram("holdwater_hold_duration_seconds", "How long commands waited for the server.");
  admin::add_series(holds, {}, bounds, counted.held.counts, counted.held.sum_s);
}

void add_server(page& out, const session_counters& counted, const monitor::effort& effort) {
  out.total("holdwater_server_connects_total", "Connections to the server that sessions tried.",
            counted.server_connects);
  out.total("holdwater_server_connects_failed_total", "Those of them that failed.",
            counted.server_connects_failed);
  out.total("holdwater_reconnect_attempts_total", "Connections to the server that the checks tried.",
            effort.connects);
  out.total("holdwater_reconnect_attempts_failed_total", "Those of them that failed.",
            effort.connects_failed);
  auto& checks = out.family("holdwater_checks_total", "Looks at the server, by what came of them.");
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  checks.samples = {{{{"result", "passed"}}, number(effort.passed)},
                    {{{"result", "not_now"}}, number(effort.not_now)},
                    {{{"result", "failed"}}, number(effort.failed)},
                    {{{"result", "timed_out"}}, number(effort.timed_out)}};
  auto& seconds = out.family("holdwater_database_state_seconds_total", "Time that was spent in each state.");
  for (std::size_t at = 0; at < all_server_states.size(); ++at)
    seconds.samples.push_back(
        {{{"state", std::string(name_of(all_server_states[at]))}}, effort.seconds_in[at]});
}

void add_replicas(page& out, const std::vector<admin::replica_health>& all) {
  if (all.empty()) return;
  const auto each = [&](admin::counter& family, auto value) {
    for (const auto& one : all)
      family.samples.push_back({{{"replica", one.address}}, static_cast<double>(value(one))});
  };
  each(out.family("holdwater_replica_reads_total",
                  "Reads that a replica has answered while the server was away."),
       [](const auto& one) { return one.reads; });
  each(out.family("holdwater_replica_failures_total",
                  "Reads and logins that it did not answer, or with an error."),
       [](const auto& one) { return one.failures; });
  auto& connections = out.family("holdwater_replica_connections", "Connections of sessions to it now.");
  connections.gauge = true;
  each(connections, [](const auto& one) { return one.connections; });
  auto& usable =
      out.family("holdwater_replica_usable", "1 while it answers checks, which are made in outages.");
  usable.gauge = true;
  each(usable, [](const auto& one) { return one.state == "usable" ? 1 : 0; });
}

void add_pool(page& out, const session_counters& counted, const admin::pool_health& now,
              const options& settings) {
  out.gauge("holdwater_pool_idle", "Server connections kept without a client now.",
            static_cast<double>(now.idle));
  out.gauge("holdwater_pool_in_use", "Server connections that a client has now.",
            static_cast<double>(now.in_use));
  out.gauge("holdwater_pool_idle_limit", "Server connections that are kept without a client at most.",
            static_cast<double>(settings.pool.max_idle));
  out.total("holdwater_pool_kept_total",
            "Server connections that were reset and kept when their client left.", counted.pool_kept);
  out.total("holdwater_pool_shared_total", "Server connections that went from a silent session to another.",
            counted.pool_shared);
  out.total("holdwater_pool_reused_total", "Sessions that got a kept server connection.",
            counted.pool_reused);
  auto& closed =
      out.family("holdwater_pool_closed_total", "Kept server connections that were closed, by reason.");
  for (std::size_t why = 0; why < pool_end_names.size(); ++why)
    closed.samples.push_back({{{"why", std::string(pool_end_names[why])}},
                              static_cast<double>(counted.pool_closed[why].load(std::memory_order_relaxed))});
}

void add_hooks(page& out, const hooks& all) {
  if (!all.any()) return;
  auto& events = out.family("holdwater_hook_events_total", "Events for hooks, by what became of them.");
  for (const auto& one : all.senders()) {
    const auto counted = one->count();
    const auto add = [&](const char* result, std::uint64_t value) {
      events.samples.push_back({{{"hook", one->name()}, {"result", result}}, static_cast<double>(value)});
    };
    add("delivered", counted.delivered);
    add("failed", counted.failed);
    add("dropped", counted.dropped);
  }
}

} // namespace

traffic::totals service::traffic_now() const {
  traffic::totals out;
  for (const auto& one : workers_) one->counted().read(out);
  return out;
}

std::vector<admin::counter> service::metrics() const {
  page out;
  add_clients(out, counters_, settings_);
  add_traffic(out, traffic_now());
  add_server(out, counters_, monitor_->efforts());
  add_replicas(out, replica_snapshots());
  add_pool(out, counters_, pool_snapshot(), settings_);
  add_hooks(out, hooks_);
  out.gauge("holdwater_server_answers", "1 while reads go to the server, whatever its state.",
            board_.view().answers() ? 1 : 0);
  if (!spool_) return out.take();
  out.gauge("holdwater_spool_limit_bytes", "Size of the spool at which writes are refused.",
            static_cast<double>(settings_.spool.max_bytes));
  out.gauge("holdwater_tables_known", "Tables whose definition is known for insert ids.",
            static_cast<double>(ids_->known_tables()));
  out.gauge("holdwater_tables_followed", "Tables whose rows are shown as queued writes make them.",
            own_ ? static_cast<double>(own_->followed()) : 0);
  out.total("holdwater_cache_own_writes_total", "Reads in an outage answered with a row as it was written.",
            own_ ? own_->answered.load(std::memory_order_relaxed) : 0);
  out.total("holdwater_units_accepted_total", "Units made durable.", writes_->accepted());
  out.total("holdwater_units_failed_total", "Units that could not be made durable, and were refused.",
            writes_->failed());
  out.total("holdwater_units_replayed_total", "Units applied by replay.", writes_->replayed());
  out.total("holdwater_units_dead_total", "Units that became dead letters.", writes_->died());
  return out.take();
}

} // namespace holdwater::proxy
