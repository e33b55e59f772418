// What a service opens before it serves: its data directory with the queue, its certificates and keys.
#include "proxy/service/service.hpp"

#include "admin/server.hpp"
#include "proxy/cache/service_identity.hpp"
#include "proxy/data_folder.hpp"
#include "proxy/log_scope.hpp"
#include "proxy/net/tls_files.hpp"
#include "proxy/server/replay_connection.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <iterator>

namespace holdwater::proxy {

namespace {

std::vector<spool::credentials> credentials_of(const options& settings) {
  std::vector<spool::credentials> all;
  all.reserve(settings.accounts.size());
  for (const auto& one : settings.accounts) all.push_back({one.user, one.password});
  return all;
}

} // namespace

std::string service::open_data() {
  const log_scope ours(name_);
  if (auto problem = open_data_folder(settings_.data_dir); !problem.empty()) return problem;
  if (const auto problem = profile_.load(); !problem.empty()) spdlog::warn("{}", problem);
  const auto keys = keys_of(settings_);
  if (!keys) return fmt::format("spool.key: {}", keys.error().context);
  if (settings_.cache.enabled) {
    auto kept = settings_.cache; // for as long as any statement may be answered from it
    for (const auto& one : settings_.rules)
      kept.max_stale = std::max(kept.max_stale, one.max_stale.value_or(kept.max_stale));
    cache_ = std::make_unique<read_cache>(kept, settings_.data_dir + "/cache.db", *keys);
    if (!kept.redis.empty())
      cache_->share({redis_of(settings_), kept.redis_prefix, service_identity(settings_, this_machine()),
                     kept.redis_timeout, kept.max_stale, kept.max_result},
                    *keys);
    if (!settings_.cache.warm.empty())
      warmer_ = std::make_unique<warmer>(
          settings_, settings_.data_dir + "/askers", [this] { return invite_inner_client(); }, *keys);
  }
  return settings_.spool.enabled ? open_spool(*keys) : std::string();
}

std::string service::open_spool(const spool::key_ring_ptr& keys) {
  if (settings_.accounts.empty()) {
    exit_code_ = exit_bad_configuration;
    return "MYSQL_USER is not set: the spool needs an account to replay with (or set spool.enabled = false)";
  }

  spool::sqlite_spool_options where{settings_.data_dir + "/spool.db", settings_.spool.max_bytes,
                                    settings_.spool.max_age, settings_.spool.retention,
                                    settings_.spool.retention_bytes};
  where.data_keys = keys;
  where.compress = settings_.spool.compress;
  auto opened = spool::open_sqlite_spool(where);
  if (!opened && opened.error().code == spool::errc::wrong_key) {
    exit_code_ = exit_bad_configuration;
    return fmt::format("the spool was not opened, and is as it was: {}. Give the key in spool.key or "
                       "spool.key_file, beside the present one if there is one.",
                       opened.error().context);
  }
  if (!opened)
    return fmt::format("the spool cannot be opened{}: {}",
                       opened.error().code == spool::errc::locked ? ", another process uses it" : "",
                       opened.error().context);
  spool_ = std::move(*opened);
  remove_backup();
  if (const auto why = spool_->trouble(); why && why->code == spool::errc::unconfirmed)
    spdlog::warn("{}", why->context);
  if (const auto key = spool::sealing_id(keys); key != 0)
    spdlog::info("what is queued and cached is encrypted with key {}", spool::print_key(key));
  writes_ = std::make_unique<write_queue>(*spool_, board_);
  const auto server = [this] { return servers_.address(); };
  const spool::connection_timeouts timeouts{settings_.connection_timeout, settings_.connection_timeout};
  spool::replay_options replay;
  replay.accounts = credentials_of(settings_);
  replay.database = settings_.server.database;
  replay.ledger_table = settings_.ledger.table;
  replay.timeouts = timeouts;
  const auto connect = [this, timeouts](const spool::credentials& account) {
    return connect_for_replay(servers_, account, timeouts);
  };
  replayer_ = std::make_unique<spool::replayer>(*spool_, std::move(replay), observer_of_replay(), connect);
  ids_ = std::make_unique<insert_ids>(
      insert_ids_options{server, credentials_of(settings_).front(), settings_.server.database, timeouts,
                         settings_.insert_ids.block, settings_.data_dir + "/ids.db"});
  if (cache_ && settings_.cache.own_writes && !settings_.server.database.empty()) follow_own_writes();
  return {};
}

// What encrypts connections, on either side. With TLS off on both, nothing is made.
std::string service::open_tls() {
  const log_scope ours(name_);
  auto clients = settings_.client_tls;
  const auto& server = settings_.server_tls;
  for (const auto& key : {clients.key, server.key})
    if (!key.empty() && is_readable_by_everyone(key)) spdlog::warn("the key {} is readable by everyone", key);
  const bool with_clients = clients.mode != "off";
  const bool with_server = server.mode != "off";
  const bool is_process = name_.empty(); // whose HTTP port shows the same certificate
  if (!with_clients && !with_server && !(is_process && settings_.admin.tls)) return {};
  tls_files own;
  if (auto problem = make_tls_files(settings_.data_dir, with_clients && clients.certificate.empty(), own);
      !problem.empty())
    return problem;
  if (clients.certificate.empty()) {
    clients.certificate = own.certificate;
    clients.key = own.key;
  }
  if (with_clients)
    if (const auto problem = tls_context::for_clients(clients, client_tls_); !problem.empty())
      return fmt::format("TLS for clients: {}", problem);
  if (with_server)
    if (const auto problem = tls_context::for_server(server, server_tls_); !problem.empty())
      return fmt::format("TLS with the server: {}", problem);

  std::ifstream file(own.key);
  const std::string pem{std::istreambuf_iterator<char>(file), {}};
  auto key = protocol::rsa_key::read(pem);
  if (!key) return fmt::format("the key {} cannot be used: it is no RSA key", own.key);
  password_key_.emplace(std::move(*key));
  return {};
}

} // namespace holdwater::proxy
