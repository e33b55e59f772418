// What the HTTP port shows of the program, and the actions that it offers.
#include "proxy/program.hpp"

#include "admin/server.hpp"
#include "spool/parameter_text.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <malloc.h>

namespace holdwater::proxy {

using system_clock = std::chrono::system_clock;

namespace {

system_clock::time_point moment(std::chrono::microseconds since_epoch) {
  return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(since_epoch));
}

admin::listed_unit listed(const spool::unit& one) {
  admin::listed_unit out{one.number, one.account, {}, moment(one.accepted_at), {}};
  if (!one.statements.empty()) out.database = one.statements.front().context.database;
  for (const auto& statement : one.statements) {
    auto& text = out.statements.emplace_back(statement.text);
    for (std::size_t i = 0; i < statement.parameters.size(); ++i)
      text += (i == 0 ? " /* bound: " : ", ") + spool::readable(statement.parameters[i]);
    if (!statement.parameters.empty()) text += " */";
  }
  return out;
}

// What is allocated and not given back, by the allocator's own books: unlike the resident size it shows a
// leak of a few bytes for each connection. 0 with a sanitizer's allocator.
double heap_bytes() {
  const auto books = ::mallinfo2();
  return static_cast<double>(books.uordblks + books.hblkhd);
}

admin::counter single(std::string name, std::string help, double value, bool gauge = false) {
  return {std::move(name), std::move(help), gauge, {{{}, value}}};
}

} // namespace

admin::spool_health program::spool_snapshot(const monitor::snapshot& server) const {
  admin::spool_health out;
  if (!spool_) {
    out.state = "off";
    return out;
  }
  const auto counts = spool_->counts();
  out.id = spool_->id();
  out.pending = counts.pending;
  out.dead = counts.dead;
  out.bytes = counts.bytes;
  out.last_seq = counts.last;
  out.applied_seq = counts.applied;
  if (counts.oldest_pending)
    out.oldest_age_s =
        std::chrono::duration<double>(system_clock::now() - moment(*counts.oldest_pending)).count();
  const auto trouble = spool_->trouble();
  const auto failure = trouble ? trouble : writes_->recent_failure();
  out.reason = failure ? failure->context : server.spool_refusal;
  out.state = out.reason.empty() ? "accepting" : "refusing";
  out.refused_tables = ids_->tables_without_ids();
  return out;
}

admin::health program::snapshot() const {
  const auto server = monitor_->look();
  const auto profile = profile_.get();
  admin::health out;
  out.database = {std::string(name_of(server.view.state)),
                  server.since,
                  server.last_error,
                  server.reconnects,
                  settings_.server.name(),
                  profile->hello.server_version,
                  server.view.answers()};
  out.spool = spool_snapshot(server);
  const auto& counted = counters_;
  const auto links = services_->connections->links();
  out.pool.idle = counted.pool_idle.load(std::memory_order_relaxed);
  out.pool.in_use = links > out.pool.idle ? links - out.pool.idle : 0;
  out.pool.opened = counted.server_connects.load() - counted.server_connects_failed.load();
  out.pool.kept = counted.pool_kept.load();
  out.pool.reused = counted.pool_reused.load();
  for (std::size_t why = 0; why < pool_end_names.size(); ++why)
    out.pool.closed.emplace_back(pool_end_names[why], counted.pool_closed[why].load());
  out.uptime_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  out.version = HOLDWATER_VERSION;
  const bool up = server.view.state == server_state::up;
  const bool halted = server.view.state == server_state::halted;
  const bool writable = (up || out.spool.state == "accepting") && !halted;
  const bool attention =
      !up || out.spool.state == "refusing" || out.spool.dead > 0 || !out.spool.refused_tables.empty();
  out.status = !writable ? "down" : attention ? "degraded" : "ok";
  return out;
}

std::vector<admin::counter> program::metrics() const {
  const auto server = monitor_->look();
  std::vector<admin::counter> out;
  const auto count = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& value) {
    out.push_back(single(name, help, static_cast<double>(value.load(std::memory_order_relaxed))));
  };
  out.push_back(single("holdwater_heap_bytes", "Bytes of memory allocated now.", heap_bytes(), true));
  count("holdwater_client_connections_total", "Client connections accepted.", counters_.connections);
  out.push_back(single("holdwater_client_connections", "Client connections now.",
                       static_cast<double>(counters_.connected()), true));
  count("holdwater_clients_turned_away_total", "Connections refused for max_connections.",
        counters_.clients_turned_away);
  count("holdwater_clients_given_up_total",
        "Clients that neither went on with a command nor took an answer for longer than a server waits.",
        counters_.clients_given_up);
  count("holdwater_tls_failed_total", "TLS handshakes with clients that did not succeed.",
        counters_.tls_failed);
  count("holdwater_logins_failed_total", "Clients that did not get past the login.", counters_.logins_failed);
  count("holdwater_commands_forwarded_total", "Commands sent to the server.", counters_.commands_forwarded);
  count("holdwater_commands_held_total", "Commands that waited for the server.", counters_.commands_held);
  count("holdwater_commands_refused_total", "Commands answered with an error of Holdwater's own.",
        counters_.commands_refused);
  count("holdwater_writes_spooled_total", "Writes answered with the spooled OK.", counters_.writes_spooled);
  count("holdwater_writes_in_doubt_total", "Writes whose answer was lost.", counters_.writes_in_doubt);
  count("holdwater_transactions_lost_total", "Transactions that were rolled back with the server.",
        counters_.transactions_lost);
  count("holdwater_server_connects_total", "Connections to the server that sessions tried.",
        counters_.server_connects);
  count("holdwater_server_connects_failed_total", "Those of them that failed.",
        counters_.server_connects_failed);
  out.push_back(single("holdwater_pool_idle", "Server connections kept without a client now.",
                       static_cast<double>(counters_.pool_idle.load(std::memory_order_relaxed)), true));
  count("holdwater_pool_kept_total", "Server connections that were reset and kept when their client left.",
        counters_.pool_kept);
  count("holdwater_pool_reused_total", "Sessions that got a kept server connection.", counters_.pool_reused);
  admin::counter closed{
      "holdwater_pool_closed_total", "Kept server connections that were closed, by reason.", false, {}};
  for (std::size_t why = 0; why < pool_end_names.size(); ++why)
    closed.samples.push_back(
        {{{"why", std::string(pool_end_names[why])}},
         static_cast<double>(counters_.pool_closed[why].load(std::memory_order_relaxed))});
  out.push_back(std::move(closed));
  out.push_back(single("holdwater_server_reconnects_total", "How often the server was reached again.",
                       static_cast<double>(server.reconnects)));
  admin::counter state{"holdwater_server_state", "1 for the server's present state.", true, {}};
  for (const auto one : {server_state::up, server_state::suspect, server_state::down, server_state::draining,
                         server_state::halted})
    state.samples.push_back({{{"state", std::string(name_of(one))}}, one == server.view.state ? 1.0 : 0.0});
  out.push_back(std::move(state));
  out.push_back(single("holdwater_server_answers", "1 while reads go to the server, whatever its state.",
                       server.view.answers() ? 1 : 0, true));
  if (!spool_) return out;
  const auto counts = spool_->counts();
  out.push_back(single("holdwater_spool_pending", "Units that wait to be applied.",
                       static_cast<double>(counts.pending), true));
  out.push_back(single("holdwater_spool_dead", "Dead letters.", static_cast<double>(counts.dead), true));
  out.push_back(
      single("holdwater_spool_bytes", "Bytes of all units kept.", static_cast<double>(counts.bytes), true));
  out.push_back(single("holdwater_spool_last_seq", "The highest seq given out.",
                       static_cast<double>(counts.last), true));
  out.push_back(single("holdwater_spool_applied_seq", "Everything up to here is settled.",
                       static_cast<double>(counts.applied), true));
  out.push_back(single("holdwater_tables_known", "Tables whose definition is known for insert ids.",
                       static_cast<double>(ids_->known_tables()), true));
  const auto oldest =
      counts.oldest_pending
          ? std::chrono::duration<double>(system_clock::now() - moment(*counts.oldest_pending)).count()
          : 0.0;
  out.push_back(single("holdwater_spool_oldest_age_seconds", "Age of the oldest pending unit, 0 when none.",
                       oldest, true));
  out.push_back(single("holdwater_units_accepted_total", "Units made durable.",
                       static_cast<double>(writes_->accepted())));
  out.push_back(single("holdwater_units_replayed_total", "Units applied by replay.",
                       static_cast<double>(writes_->replayed())));
  return out;
}

// ------------------------------------------------------------------------------------------------------- the
// actions

void program::list_pending(std::uint64_t after, std::size_t most,
                           std::function<void(admin::spool_listing, std::string)> done) {
  if (!spool_) return done({}, {});
  asio::post(slow_work_, [this, after, most, done = std::move(done)] {
    constexpr std::size_t most_bytes = 4 << 20;
    const auto read = spool_->read_pending(after, most + 1, most_bytes);
    if (!read) return done({}, read.error().context);
    admin::spool_listing out;
    for (const auto& one : *read)
      if (out.units.size() < most) out.units.push_back(listed(one));
    out.truncated =
        !out.units.empty() && spool_->counts().pending > 0 && out.units.back().seq < spool_->counts().last;
    done(std::move(out), {});
  });
}

void program::list_dead(std::size_t most,
                        std::function<void(std::vector<admin::listed_dead_letter>, std::string)> done) {
  if (!spool_) return done({}, {});
  asio::post(slow_work_, [this, most, done = std::move(done)] {
    const auto read = spool_->dead(most);
    if (!read) return done({}, read.error().context);
    std::vector<admin::listed_dead_letter> out;
    for (const auto& one : *read)
      out.push_back({listed(one.what), one.number, one.sql_state, one.reason, moment(one.died_at)});
    done(std::move(out), {});
  });
}

struct program::sync_wait {
  asio::steady_timer timer;
  std::chrono::steady_clock::time_point until;
  completion done;
};

void program::sync(std::chrono::milliseconds timeout, completion done) {
  const auto one = std::make_shared<sync_wait>(
      sync_wait{asio::steady_timer(main_loop_), std::chrono::steady_clock::now() + timeout, std::move(done)});
  const auto begin = [this, one](bool, const std::string&) {
    asio::post(main_loop_, [this, one] { check_sync(one); });
  };
  if (board_.view().state == server_state::up)
    begin(true, {});
  else
    monitor_->reconnect_now(begin);
}

void program::check_sync(const std::shared_ptr<sync_wait>& one) {
  const auto state = board_.view().state;
  const auto pending = spool_ ? spool_->counts().pending : 0;
  if (state == server_state::up && pending == 0) return one->done({true, {}, 0});
  if (std::chrono::steady_clock::now() >= one->until)
    return one->done(
        {false, fmt::format("the server is {} and {} unit(s) are pending", name_of(state), pending), 0});
  one->timer.expires_after(std::chrono::milliseconds(50));
  one->timer.async_wait([this, one](boost::system::error_code cancelled) {
    if (!cancelled) check_sync(one);
  });
}

void program::reconnect(completion done) {
  monitor_->reconnect_now([done = std::move(done)](bool reached, std::string reason) {
    done({reached, std::move(reason), 0});
  });
}

void program::retry_dead(std::uint64_t seq, completion done) {
  if (!spool_) return done({false, "the spool is off", 0});
  asio::post(slow_work_, [this, seq, done = std::move(done)] {
    const auto anew = spool_->retry_dead(seq);
    if (!anew) return done({false, anew.error().context, 0});
    monitor_->ask_for_drain();
    done({true, {}, *anew});
  });
}

void program::discard_dead(std::uint64_t seq, completion done) {
  if (!spool_) return done({false, "the spool is off", 0});
  asio::post(slow_work_, [this, seq, done = std::move(done)] {
    const auto gone = spool_->discard_dead(seq);
    done({static_cast<bool>(gone), gone ? std::string() : gone.error().context, seq});
  });
}

} // namespace holdwater::proxy
