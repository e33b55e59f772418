#include "proxy/service/service.hpp"

#include "admin/server.hpp"
#include "proxy/config/worker_count.hpp"
#include "proxy/log_scope.hpp"
#include "proxy/server/learn.hpp"
#include "proxy/session/server_pool.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace holdwater::proxy {

service::service(std::string name, options settings, asio::io_context& main_loop,
                 std::function<void(server_view)> tell)
    : name_(std::move(name)), settings_(std::move(settings)), main_loop_(main_loop), tell_(std::move(tell)),
      profile_(settings_.data_dir + "/server.json") {
  asio::post(slow_work_, [this] { log_name = &name_; }); // its one thread, for good
}

service::~service() = default;

void service::prepare() {
  const log_scope ours(name_);
  monitor_ = std::make_unique<monitor>(settings_, servers_, board_, replayer_.get(), spool_.get());
  monitor_->on_connected([this](spool::mysql_connection& connection) {
    learn_from(connection, profile_);
    if (own_) own_->connected(connection);
  });
  monitor_->on_checked([this](spool::mysql_connection& connection) { return globals_.look(connection); },
                       [this](spool::mysql_connection& connection) {
                         learn_from(connection, profile_);
                         globals_.learned();
                         workers_.front()->learn_greeting(); // it tells autocommit and the like
                       });
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
}

namespace {

std::string cannot_listen(const std::string& place, boost::system::error_code failed) {
  return failed ? fmt::format("cannot listen on {}: {}", place, failed.message()) : std::string();
}

} // namespace

std::string service::claim_ports(inherited_sockets& handed) {
  const log_scope ours(name_);
  listener_ = std::make_unique<listener>(main_loop_, *services_, workers_, name_);
  auto problem = cannot_listen(places().front(), listener_->claim(settings_.listen, handed));
  if (!problem.empty() || settings_.listen_socket.empty()) return problem;
  socket_listener_ = std::make_unique<listener>(main_loop_, *services_, workers_, name_);
  return cannot_listen(
      settings_.listen_socket,
      socket_listener_->claim(settings_.listen_socket, settings_.listen_socket_mode, handed));
}

std::string service::open_ports() {
  const log_scope ours(name_);
  auto problem = cannot_listen(places().front(), listener_->open());
  if (!problem.empty() || !socket_listener_) return problem;
  return cannot_listen(settings_.listen_socket, socket_listener_->open());
}

void service::start() {
  const log_scope ours(name_);
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
               settings_.listen_socket, servers_.names(), workers_.size(), spool_ ? spool_->id() : "off");
}

// A session of ours waits for a login at the other end.
int service::invite_inner_client() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  static_cast<void>(::fcntl(ends[0], F_SETFL, O_NONBLOCK)); // of a fresh socket it does not fail
  workers_.front()->adopt_inner(ends[0]);
  return ends[1];
}

void service::take_leave(const std::function<bool(const listener&)>& is_followed) {
  const log_scope ours(name_);
  leaving_ = true;
  for (auto* one : listeners()) one->close(is_followed(*one));
  if (warmer_) warmer_->stop();
}

void service::remind(leave_taking how) {
  for (const auto& one : workers_) one->take_leave(how);
}

std::size_t service::clients() const {
  const auto all = listeners();
  std::size_t out = std::all_of(all.begin(), all.end(), [](auto* one) { return one->is_closed(); }) ? 0 : 1;
  for (const auto& one : workers_) out += one->sessions();
  return out;
}

// In reverse: no sessions, no replay, then the spool.
void service::stop() {
  const log_scope ours(name_);
  sampling_.cancel();
  for (const auto& one : workers_) one->stop();
  if (replicas_) replicas_->stop();
  if (ids_) ids_->stop();
  if (own_) own_->stop();
  if (cache_) cache_->stop();
  monitor_->stop();
  hooks_.stop();
  if (spool_) spool_->close();
  slow_work_.join();
  remove_backup();
}

std::vector<listener*> service::listeners() const {
  std::vector<listener*> out{listener_.get()};
  if (socket_listener_) out.push_back(socket_listener_.get());
  return out;
}

std::vector<std::string> service::places() const {
  auto port = settings_.listen;
  if (listener_ && listener_->bound().port != 0) port = listener_->bound();
  std::vector<std::string> out{fmt::format("{}:{}", port.host, port.port)};
  if (!settings_.listen_socket.empty()) out.push_back(settings_.listen_socket);
  return out;
}

void service::tell_ids(server_state state) {
  if (state == server_state::up)
    ids_->server_is_up();
  else if (state == server_state::draining)
    ids_->server_is_coming();
  else
    ids_->server_is_away();
}

// What hangs on the server's coming and going besides the sessions.
void service::follow_state(server_view view) {
  tell_(view);
  if (ids_) tell_ids(view.state);
  if (own_) own_->server_is(view);
  if (hooks_.any()) asio::post(main_loop_, [this] { tell_changes(); }); // the monitor's lock is held here
  if (warmer_) warmer_->server_is(view.state == server_state::up);
  if (replicas_) replicas_->server_is(view);
  if (!view.answers() || profile_.knows_greeting()) return;
  workers_.front()->learn_greeting();
}

} // namespace holdwater::proxy
