#include "proxy/program.hpp"

#include "admin/server.hpp"
#include "proxy/cache/service_identity.hpp"
#include "proxy/config/load_options.hpp"
#include "proxy/config/worker_count.hpp"
#include "proxy/net/ring.hpp"
#include "proxy/net/tls_files.hpp"
#include "proxy/privacy.hpp"
#include "proxy/server/learn.hpp"
#include "proxy/server/replay_connection.hpp"
#include "proxy/service_notice.hpp"
#include "proxy/session/server_pool.hpp"

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdwater::proxy {

namespace {

std::vector<spool::credentials> credentials_of(const options& settings) {
  std::vector<spool::credentials> all;
  for (const auto& one : settings.accounts) all.push_back({one.user, one.password});
  return all;
}

std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> out;
  std::string name;
  for (const char c : list + ",") {
    if (c == ' ') continue;
    if (c != ',')
      name += c;
    else if (!name.empty())
      out.push_back(std::exchange(name, {}));
  }
  return out;
}

std::string missing_half(std::string_view section, const std::string& certificate, const std::string& key) {
  if (certificate.empty() == key.empty()) return {};
  return fmt::format("{0}.{1} is missing: {0}.certificate and {0}.key belong together", section,
                     key.empty() ? "key" : "certificate");
}

// Every client and its server connection take a descriptor: as many as the system lets us have. Gives how
// many that is, 0 when it is not known.
std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const auto before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return limit.rlim_cur;
  spdlog::warn("the descriptor limit was not raised: {}", std::strerror(errno));
  return before;
}

} // namespace

// The owner's account is one of those that the proxy knows.
options with_owner(options settings) {
  if (!settings.server.user.empty())
    settings.accounts.insert(settings.accounts.begin(),
                             {settings.server.user, settings.server.password, settings.server.plugin});
  return settings;
}

// No more clients than there are descriptors for: with the last one gone, neither the health page nor the
// spool's files could be opened.
void fit_to_descriptors(options& settings, std::uint64_t descriptors) {
  constexpr std::uint64_t for_ourselves = 512; // files, checks, replay, the HTTP port's connections
  const std::uint64_t listeners = settings.listen_socket.empty() ? 1 : 2;
  const auto taken = for_ourselves + settings.pool.max_idle;
  const auto room = descriptors > taken ? (descriptors - taken) / (2 * listeners) : 0;
  if (descriptors == 0 || settings.max_connections <= room) return;
  const auto fitting = static_cast<unsigned>(std::max(room, 1ul));
  spdlog::warn("max_connections is {} and not {}, since no more than {} files may be open", fitting,
               settings.max_connections, descriptors);
  settings.max_connections = fitting;
}

program::program(options settings, std::function<load_result()> load_again, start_command command)
    : settings_(with_owner(std::move(settings))), load_again_(std::move(load_again)),
      command_(std::move(command)), profile_(settings_.data_dir + "/server.json") {}

program::~program() = default;

std::string program::start(inherited_sockets& handed) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL); // whose parent ignored it would not learn how a hook's program ended
  descriptors_ = raise_descriptor_limit();
  fit_to_descriptors(settings_, descriptors_);
  if (auto problem = choose_backend(); !problem.empty()) return problem;
  if (auto problem = open_data(); !problem.empty()) return problem;
  if (auto problem = open_tls(); !problem.empty()) return problem;
  if (auto problem = open_hooks(); !problem.empty()) return problem;
  monitor_ = std::make_unique<monitor>(settings_, servers_, board_, replayer_.get(), spool_.get());
  monitor_->on_connected([this](spool::mysql_connection& connection) { learn_from(connection, profile_); });
  if (!settings_.server.replicas.empty()) replicas_ = std::make_unique<replica_list>(settings_);
  services_.emplace(services{settings_, board_, *monitor_, profile_, counters_, writes_.get(), spool_.get(),
                             ids_.get(), client_tls_.get(), server_tls_.get(),
                             password_key_ ? &*password_key_ : nullptr, cache_.get(), warmer_.get(),
                             replicas_.get()});
  services_->own = own_.get();
  services_->proxy_networks =
      protocol::network_list::parse(settings_.proxy_protocol_networks).value_or(protocol::network_list());
  const auto count = worker_count(settings_);
  for (unsigned made = 0; made < count; ++made) workers_.push_back(std::make_unique<worker>(*services_));
  services_->shed_pools = [this] {
    for (const auto& one : workers_) one->loop().post([home = one.get()] { home->pool().shed(); });
  };
  board_.on_change([this](server_view view) { follow_state(view); });
  if (auto problem = open_ports(handed); !problem.empty()) return problem;

  for (const auto& one : workers_) one->start();
  if (ids_) ids_->start();
  if (own_) own_->start();
  if (cache_) cache_->start();
  if (warmer_) warmer_->start();
  hooks_.start();
  told_ = monitor_->past().back();
  if (replicas_) replicas_->start();
  monitor_->start();
  listener_->start();
  if (socket_listener_) socket_listener_->start();
  const auto bound = listener_->bound();
  spdlog::info("holdwater {} listens on {}:{}{}{} for {}, {} worker(s), spool {}", HOLDWATER_VERSION,
               bound.host, bound.port, settings_.listen_socket.empty() ? "" : " and ",
               settings_.listen_socket, servers_.names(), count, spool_ ? spool_->id() : "off");
  return {};
}

// What "auto" means here. Containers often forbid io_uring.
std::string program::choose_backend() {
  auto& backend = settings_.net.backend;
  if (backend == "epoll") return {};
  const auto problem = ring::why_not();
  if (!problem.empty() && backend == "io_uring")
    return fmt::format("net.backend is io_uring, which does not work here: {}", problem);
  backend = problem.empty() ? "io_uring" : "epoll";
  if (problem.empty())
    spdlog::info("io_uring moves the sessions' bytes");
  else
    spdlog::info("epoll serves the sessions: io_uring does not work here ({})", problem);
  return {};
}

std::string program::open_data() {
  std::error_code failed;
  std::filesystem::create_directories(settings_.data_dir, failed);
  if (failed)
    return fmt::format("the data directory {} cannot be made: {}", settings_.data_dir, failed.message());
  if (::access(settings_.data_dir.c_str(), R_OK | W_OK | X_OK) != 0)
    return fmt::format("the data directory {} cannot be used: {}", settings_.data_dir, std::strerror(errno));
  if (::chmod(settings_.data_dir.c_str(), 0700) != 0)
    spdlog::warn("the data directory {} may be read by others: {}", settings_.data_dir, std::strerror(errno));
  if (const auto problem = trouble_with_owner(settings_.data_dir); !problem.empty()) {
    // A container's root often has a directory of its host's user.
    if (::geteuid() != 0)
      return fmt::format("the data directory {} cannot be used: {}", settings_.data_dir, problem);
    spdlog::warn("the data directory {}: {}", settings_.data_dir, problem);
  }
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

std::string program::open_spool(const spool::key_ring_ptr& keys) {
  if (settings_.accounts.empty())
    return "MYSQL_USER is not set: the spool needs an account to replay with (or set spool.enabled = false)";

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
  if (!opened) return fmt::format("the spool cannot be opened: {}", opened.error().context);
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

// A session of ours waits for a login at the other end.
int program::invite_inner_client() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  static_cast<void>(::fcntl(ends[0], F_SETFL, O_NONBLOCK)); // of a fresh socket it does not fail
  workers_.front()->adopt_inner(ends[0]);
  return ends[1];
}

// What encrypts connections, on either side. With TLS off on both, nothing is made.
std::string program::open_tls() {
  auto clients = settings_.client_tls;
  const auto& server = settings_.server_tls;
  if (auto problem = missing_half("client_tls", clients.certificate, clients.key); !problem.empty())
    return problem;
  if (auto problem = missing_half("server_tls", server.certificate, server.key); !problem.empty())
    return problem;
  for (const auto& key : {clients.key, server.key})
    if (!key.empty() && is_readable_by_everyone(key)) spdlog::warn("the key {} is readable by everyone", key);
  const bool with_clients = clients.mode != "off";
  const bool with_server = server.mode != "off";
  auto callers = options::client_tls_options{"required", settings_.admin.certificate, settings_.admin.key,
                                             settings_.admin.ca, "1.2"};
  const bool with_callers = settings_.admin.tls;
  if (!callers.key.empty() && is_readable_by_everyone(callers.key))
    spdlog::warn("the key {} is readable by everyone", callers.key);
  if (!with_clients && !with_server && !with_callers) return {};
  tls_files own;
  const bool with_certificate =
      (with_clients && clients.certificate.empty()) || (with_callers && callers.certificate.empty());
  if (auto problem = make_tls_files(settings_.data_dir, with_certificate, own); !problem.empty())
    return problem;
  for (auto* const one : {&clients, &callers}) {
    if (!one->certificate.empty()) continue;
    one->certificate = own.certificate;
    one->key = own.key;
  }
  if (with_callers)
    if (const auto problem = tls_context::for_clients(callers, admin_tls_); !problem.empty())
      return fmt::format("TLS for the HTTP port: {}", problem);
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

// First all that was handed over and is still wanted; what is not may be in the way of what is opened then.
std::string program::open_ports(inherited_sockets& handed) {
  const auto said = [](const auto& place, boost::system::error_code failed) {
    return failed ? fmt::format("cannot listen on {}: {}", place, failed.message()) : std::string();
  };
  const auto port = fmt::format("{}:{}", settings_.listen.host, settings_.listen.port);
  listener_ = std::make_unique<listener>(main_loop_, *services_, workers_);
  auto problem = said(port, listener_->claim(settings_.listen, handed));
  if (problem.empty() && !settings_.listen_socket.empty()) {
    socket_listener_ = std::make_unique<listener>(main_loop_, *services_, workers_);
    problem = said(settings_.listen_socket,
                   socket_listener_->claim(settings_.listen_socket, settings_.listen_socket_mode, handed));
  }
  if (!problem.empty()) return problem;
  for (const auto& name : handed.drop_rest()) {
    spdlog::warn("the socket {} that was handed over is closed: it is not at a place to listen at", name);
    take_from_service_manager(name);
  }
  problem = said(port, listener_->open());
  if (problem.empty() && socket_listener_) problem = said(settings_.listen_socket, socket_listener_->open());
  if (!problem.empty()) return problem;
  return open_admin();
}

std::string program::open_admin() {
  admin::settings how;
  how.host_names = names_in(settings_.admin.host_names);
  how.access = {settings_.admin.token, settings_.admin.read_token};
  if (admin_tls_) how.tls = admin_tls_->get();
  admin_ = std::make_unique<admin::server>(
      main_loop_, *this, admin::endpoint{settings_.admin.listen.host, settings_.admin.listen.port},
      std::move(how));
  const auto port = admin_->start();
  if (!port)
    return fmt::format("cannot listen on {}:{}: {}", settings_.admin.listen.host, settings_.admin.listen.port,
                       port.error().message());
  spdlog::info("admin on {}://{}:{}/", admin_tls_ ? "https" : "http", settings_.admin.listen.host, *port);
  boost::system::error_code is_name;
  const auto address = asio::ip::make_address(settings_.admin.listen.host, is_name);
  const bool far = is_name ? settings_.admin.listen.host != "localhost" : !address.is_loopback();
  if (far && !admin_tls_)
    spdlog::warn(
        "admin.listen is no loopback address, and admin.tls is off: tokens and data can be read on the way");
  return {};
}

void program::tell_ids(server_state state) {
  if (state == server_state::up)
    ids_->server_is_up();
  else if (state == server_state::draining)
    ids_->server_is_coming();
  else
    ids_->server_is_away();
}

// What hangs on the server's coming and going besides the sessions.
void program::follow_state(server_view view) {
  tell_service_manager(
      fmt::format("STATUS=the server is {}{}", name_of(view.state), view.reads ? ", reads go on" : ""));
  if (ids_) tell_ids(view.state);
  if (own_) own_->server_is(view);
  if (hooks_.any()) asio::post(main_loop_, [this] { tell_changes(); }); // the monitor's lock is held here
  if (warmer_) warmer_->server_is(view.state == server_state::up);
  if (replicas_) replicas_->server_is(view);
  if (!view.answers() || profile_.knows_greeting()) return;
  workers_.front()->learn_greeting();
}

} // namespace holdwater::proxy
