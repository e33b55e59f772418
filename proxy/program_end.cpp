// The running program: signals, and its end. The clients take their leave while all else goes on; then
// everything stops in order.
//
//   serving -> (SIGTERM, or SIGUSR2 when a successor would start) leaving -> (all gone, or stop_timeout, or a
//   second SIGTERM) stopped
#include "proxy/program.hpp"

#include "admin/server.hpp"
#include "proxy/config/reason_of.hpp"
#include "proxy/data_folder.hpp"
#include "proxy/hook/run_program.hpp"
#include "proxy/service_notice.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <time.h>
#include <utility>
#include <variant>

namespace holdwater::proxy {

namespace {

using std::chrono::milliseconds;

// From when on a client that is busy is parted from as well: what is over in a moment, as with applications
// that connect for each page, ends by itself. At the latest after half of the patience.
constexpr milliseconds a_moment{3000};
// How often the sessions look at themselves, and how often they are counted.
constexpr milliseconds between_reminders{200};
constexpr milliseconds between_counts{20};

constexpr std::array ending_signals{SIGINT, SIGTERM, SIGHUP, SIGUSR2};

void let_signals(bool come) {
  sigset_t all;
  sigemptyset(&all);
  for (const int one : ending_signals) sigaddset(&all, one);
  ::pthread_sigmask(come ? SIG_UNBLOCK : SIG_BLOCK, &all, nullptr);
}

boost::system::error_code why_not_bound(const endpoint& place) {
  using tcp = asio::ip::tcp;
  asio::io_context loop;
  boost::system::error_code failed;
  const auto found =
      tcp::resolver(loop).resolve(place.host, std::to_string(place.port), tcp::resolver::passive, failed);
  if (failed) return failed;
  tcp::acceptor one(loop);
  const auto where = found.begin()->endpoint();
  one.open(where.protocol(), failed);
  if (!failed) one.set_option(asio::socket_base::reuse_address(true), failed);
  if (!failed) one.bind(where, failed);
  if (!failed) one.listen(1, failed);
  return failed;
}

// Source: sd_notify(3), "RELOADING=1".
std::string reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1000);
}

} // namespace

void program::hold_signals() {
  let_signals(false);
}

std::vector<listener*> program::listeners() const {
  std::vector<listener*> out;
  for (const auto& one : services_)
    for (auto* each : one->listeners()) out.push_back(each);
  return out;
}

std::optional<std::vector<named_socket>> program::run() {
  tell_service_manager("READY=1");
  for (const auto* one : listeners())
    if (const auto socket = one->socket(); !one->is_others())
      leave_with_service_manager(socket.descriptor, socket.name);
  for (const int one : ending_signals) signals_.add(one);
  let_signals(true);
  wait_for_signal();
  for (const auto& one : services_) one->sample_on();
  main_loop_.run();
  let_signals(false); // for the next one, which wants to know of them
  spdlog::info("stopped");
  if (!restarts_) return {};
  std::vector<named_socket> sockets;
  for (const auto* one : listeners()) {
    sockets.push_back(one->socket());
    if (one->is_others()) sockets.back().name = "others";
    sockets.back().descriptor = ::fcntl(sockets.back().descriptor, F_DUPFD_CLOEXEC, 0);
  }
  return sockets;
}

void program::wait_for_signal() {
  signals_.async_wait([this](boost::system::error_code failed, int number) {
    if (failed) return;
    wait_for_signal();
    if (number == SIGHUP) return static_cast<void>(reload()); // which logs what came of it
    if (number == SIGUSR2) return restart();
    if (!leaving_since_) {
      spdlog::info("signal {}: stopping", number);
      return take_leave(false);
    }
    if (std::exchange(restarts_, false)) {
      spdlog::info("signal {}: stopping, and not restarting", number);
      tell_service_manager("STOPPING=1");
      for (auto* one : listeners())
        if (!is_followed(*one)) one->refuse();
      return;
    }
    spdlog::info("signal {}: stopping at once", number);
    stop();
  });
}

// Not before it is known that the next one would start: a bad configuration is no reason to end.
void program::restart() {
  if (checking_ || leaving_since_)
    return spdlog::info("signal {}: {} already", SIGUSR2, checking_ || restarts_ ? "restarting" : "stopping");
  spdlog::info("signal {}: restarting as {}", SIGUSR2, command_.program);
  if (const auto problem = why_no_restart(); !problem.empty())
    return spdlog::error("not restarted: {}", problem);
  checking_ = true;
  let_signals(false); // that thread is not to be woken by them
  next_check_ = std::jthread([this] {
    child_command next{command_.program, command_.arguments, command_.variables, true};
    next.arguments.emplace_back("--check-config");
    auto problem = run_child(next, {}, std::chrono::seconds(20), no_restart_.get_token());
    asio::post(main_loop_, [this, problem = std::move(problem)] {
      checking_ = false;
      if (leaving_since_) return;
      if (!problem.empty())
        return spdlog::error("not restarted: {} --check-config: {}", command_.program, problem);
      take_leave(true);
    });
  });
  let_signals(true);
}

// What start() would refuse of the configuration, beyond what loading it does.
std::string program::why_no_restart() {
  if (!load_again_) return {};
  auto loaded = load_again_();
  if (const auto* wrong = std::get_if<early_exit>(&loaded)) return reason_of(*wrong);
  auto& read = std::get<loaded_options>(loaded);
  program next(std::move(read.values), std::move(read.services), {}, {});
  next.make_services();
  if (auto problem = next.open_own_folder(); !problem.empty()) return problem;
  if (auto problem = next.why_not_listening(*this); !problem.empty()) return problem;
  for (const auto& one : next.services_) {
    const auto keys = keys_of(one->settings());
    auto problem = keys ? open_data_folder(one->settings().data_dir)
                        : fmt::format("spool.key: {}", keys.error().context);
    if (problem.empty()) problem = why_not_keys_there(*one);
    if (problem.empty()) problem = one->open_tls();
    if (problem.empty()) problem = one->open_hooks();
    if (!problem.empty()) return next.said_by(*one, problem);
  }
  return next.open_admin_tls();
}

// What a service of ours that has that queue open says of the keys.
std::string program::why_not_keys_there(const service& next) const {
  for (const auto& one : services_) {
    std::error_code none;
    if (std::filesystem::equivalent(one->settings().data_dir, next.settings().data_dir, none) && !none)
      return one->why_not_keys(next.settings());
  }
  return {};
}

// Whether a port that is wanted, and was not before, is somebody's.
std::string program::why_not_listening(const program& now) const {
  const auto is_ours = [&](const endpoint& place) {
    return std::ranges::any_of(now.given_, [&](const auto& one) { return one.values.listen == place; });
  };
  for (const auto& one : given_) {
    const auto& place = one.values.listen;
    if (place.port == 0 || is_ours(place)) continue;
    if (const auto failed = why_not_bound(place))
      return fmt::format("cannot listen on {}: {}", print_endpoint(place), failed.message());
  }
  return {};
}

// Somebody else has, or will have, the socket that we listen on.
bool program::is_followed(const listener& one) const {
  return restarts_ || has_service_manager() || one.is_others();
}

void program::take_leave(bool restarts) {
  restarts_ = restarts;
  leaving_since_ = std::chrono::steady_clock::now();
  tell_service_manager(restarts ? reloading() : "STOPPING=1");
  const auto patience = settings_.stop_timeout + std::chrono::seconds(30);
  tell_service_manager(fmt::format("EXTEND_TIMEOUT_USEC={}", std::chrono::microseconds(patience).count()));
  for (const auto& one : services_)
    one->take_leave([this](const listener& each) { return is_followed(each); });
  part();
}

void program::part() {
  const auto passed = std::chrono::steady_clock::now() - *leaving_since_;
  std::size_t clients = 0;
  for (const auto& one : services_) clients += one->clients();
  if (clients == 0 || passed >= settings_.stop_timeout) {
    if (clients > 0) spdlog::warn("{} client(s) are cut off: stop_timeout is over", clients);
    return stop();
  }
  if (passed >= next_reminder_) {
    const bool everyone = passed >= std::min(a_moment, settings_.stop_timeout / 2);
    for (const auto& one : services_) one->remind(everyone ? leave_taking::all : leave_taking::silent);
    next_reminder_ = passed + between_reminders;
  }
  parting_.expires_after(between_counts);
  parting_.async_wait([this](boost::system::error_code failed) {
    if (!failed) part();
  });
}

void program::stop() {
  parting_.cancel();
  no_restart_.request_stop();
  signals_.cancel();
  admin_->stop();
  // Each may have to wait for a server of its own that hangs.
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < services_.size(); ++i)
    others.emplace_back([one = services_[i].get()] { one->stop(); });
  services_.front()->stop();
  others.clear();
  if (next_check_.joinable()) next_check_.join();
  main_loop_.stop();
}

} // namespace holdwater::proxy
