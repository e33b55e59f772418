#include "proxy/listener.hpp"

#include "proxy/net/transport.hpp"
#include "proxy/session/errors.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace holdwater::proxy {

using tcp = asio::ip::tcp;

// Where one worker accepts clients.
class listener::door final : public poll_target {
 public:
  door(worker& home, listener& house) : home_(home), house_(house) {}

  void open() {
    if (house_.closed_.load(std::memory_order_acquire)) return;
    if (const auto failed = home_.loop().sockets().watch_shared(house_.socket_, this))
      spdlog::error("clients cannot be accepted: {}", failed.message());
  }
  void close() {
    home_.loop().sockets().unwatch(house_.socket_, this);
    house_.open_doors_.fetch_sub(1, std::memory_order_acq_rel);
  }

 private:
  void on_ready(readiness now) override;
  void take(int client);
  void turn_away(int client);
  task<> pause();
  [[nodiscard]] worker& who_takes_it();

  worker& home_;
  listener& house_;
  std::chrono::steady_clock::time_point said_ = {}; // when a failure was last written to the log
};

constexpr std::chrono::seconds between_warnings{10};

// One client for each call: more may be another worker's.
void listener::door::on_ready(readiness) {
  const int client = ::accept4(house_.socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client >= 0) return take(client);
  switch (errno) {
  case EAGAIN: // another worker was faster
  case EINTR:
  case ECONNABORTED: return;
  case EINVAL: return home_.loop().sockets().unwatch(house_.socket_, this); // closed
  default: break;
  }
  // No descriptors left, say: the next one may fare better, after a breath.
  const auto why = boost::system::error_code(errno, boost::system::system_category()).message();
  const auto now = std::chrono::steady_clock::now();
  if (now - said_ >= between_warnings) {
    spdlog::warn("clients cannot be accepted now: {}", why);
    said_ = now;
  }
  home_.loop().sockets().unwatch(house_.socket_, this);
  home_.run(pause());
}

task<> listener::door::pause() {
  wakeup wake;
  deadline end(wake);
  home_.deadlines().set(end, std::chrono::milliseconds(100));
  while (!end.expired()) co_await wake.wait();
  open();
}

void listener::door::take(int client) {
  auto& counters = house_.process_.counters;
  counters.connections.fetch_add(1, std::memory_order_relaxed);
  // Each listener has its own, so that a flood of the port leaves the unix socket open.
  auto& connected = house_.local_ ? counters.connected_local : counters.connected_remote;
  if (connected.fetch_add(1, std::memory_order_relaxed) >= home_.process().settings.max_connections) {
    connected.fetch_sub(1, std::memory_order_relaxed);
    return turn_away(client);
  }
  who_takes_it().adopt(client, house_.local_);
}

worker& listener::door::who_takes_it() {
  const auto& all = house_.workers_;
  const auto fewest = std::min_element(
      all.begin(), all.end(), [](const auto& a, const auto& b) { return a->sessions() < b->sessions(); });
  const auto least = (*fewest)->sessions();
  return home_.sessions() <= least + least / 4 ? home_ : **fewest;
}

void listener::door::turn_away(int client) {
  house_.process_.counters.clients_turned_away.fetch_add(1, std::memory_order_relaxed);
  protocol::byte_buffer out;
  append_client_error(out, 0, client_error::too_many_connections, "Too many connections", 0);
  ::send(client, out.data(), out.size(), MSG_NOSIGNAL); // a client that is told no may be gone already
  ::close(client);
}

listener::listener(asio::io_context& loop, services& process, std::vector<std::unique_ptr<worker>>& workers,
                   std::string service)
    : process_(process), workers_(workers), service_(std::move(service)), acceptor_(loop) {}

listener::~listener() {
  if (file_ && keeps_file_) file_->leave();
  if (socket_ >= 0) ::close(socket_);
}

boost::system::error_code listener::claim(const endpoint& where, inherited_sockets& handed) {
  boost::system::error_code failed;
  tcp::resolver resolver(acceptor_.get_executor());
  const auto found = resolver.resolve(where.host, std::to_string(where.port), tcp::resolver::passive, failed);
  if (failed) return failed;
  place_ = found.begin()->endpoint();
  return take(handed);
}

boost::system::error_code listener::claim(const std::string& path, unsigned mode, inherited_sockets& handed) {
  constexpr std::size_t longest_path = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > longest_path) return {ENAMETOOLONG, boost::system::system_category()};
  path_ = path;
  mode_ = mode;
  place_ = asio::local::stream_protocol::endpoint(path);
  return take(handed);
}

boost::system::error_code listener::take(inherited_sockets& handed) {
  const auto taken = handed.take(place_);
  if (taken.descriptor < 0) return {};
  is_others_ = !is_made_by_us(taken);
  if (!path_.empty() && !is_others_) {
    file_.emplace(path_);
    file_->own();
    if (::chmod(path_.c_str(), mode_) != 0) return {errno, boost::system::system_category()};
  }
  return use(taken.descriptor);
}

boost::system::error_code listener::open() {
  if (socket_ >= 0) return {};
  if (path_.empty()) return listen();
  file_.emplace(path_);
  if (const auto failed = file_->make_room()) return failed;
  // Never wider than wished, not even for a moment; this runs before any other thread makes files.
  const auto before = ::umask(0777 & ~mode_);
  const auto failed = listen();
  ::umask(before);
  if (!failed) file_->own();
  return failed;
}

boost::system::error_code listener::listen() {
  boost::system::error_code failed;
  acceptor_.open(place_.protocol(), failed);
  if (!failed) acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
  if (!failed) acceptor_.bind(place_, failed);
  if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
  if (failed) return failed;
  const int socket = acceptor_.release(failed);
  return failed ? failed : use(socket);
}

named_socket listener::socket() const {
  const std::string purpose = path_.empty() ? "clients" : "local-clients";
  return {socket_, socket_name(service_.empty() ? purpose : purpose + "-" + service_, path_)};
}

// It listens, and is ours from now on.
boost::system::error_code listener::use(int socket) {
  socket_ = socket;
  stream_protocol::endpoint own;
  auto size = static_cast<socklen_t>(own.capacity());
  if (::getsockname(socket, own.data(), &size) != 0) return {errno, boost::system::system_category()};
  own.resize(size);
  local_ = is_unix(own);
  const auto port = ip_endpoint_of(own);
  bound_ = {address_text(own), port ? port->port : std::uint16_t{0}};
  const int flags = ::fcntl(socket, F_GETFL);
  if (flags < 0 || ::fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0) // another worker may be faster
    return {errno, boost::system::system_category()};
  prepare_listener(socket_, process_.settings.tcp_keepalive);
  return {};
}

void listener::start() {
  open_doors_.store(workers_.size(), std::memory_order_release);
  for (const auto& home : workers_) {
    doors_.push_back(std::make_unique<door>(*home, *this));
    home->loop().post([one = doors_.back().get()] { one->open(); });
  }
}

// The descriptor stays ours until no worker can accept from it any more.
void listener::close(bool for_others) {
  if (closed_.exchange(true, std::memory_order_acq_rel)) return;
  keeps_file_ = for_others;
  if (!for_others) refuse();
  for (std::size_t i = 0; i < doors_.size(); ++i)
    workers_[i]->loop().post([one = doors_[i].get()] { one->close(); });
}

void listener::refuse() {
  keeps_file_ = false;
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
  file_.reset();
}

} // namespace holdwater::proxy
