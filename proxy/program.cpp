#include "proxy/program.hpp"

#include "admin/server.hpp"
#include "proxy/config/start_checks.hpp"
#include "proxy/data_folder.hpp"
#include "proxy/log_scope.hpp"
#include "proxy/net/ring.hpp"
#include "proxy/net/tls_files.hpp"
#include "proxy/service_notice.hpp"
#include "spool/verify_file.hpp"

#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <sys/resource.h>

namespace holdwater::proxy {

namespace {

std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> out;
  boost::algorithm::split(out, list, boost::algorithm::is_any_of(", "));
  std::erase(out, std::string());
  return out;
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

// Where only a person can help. Not what may pass: a port that is taken, a directory that is not there yet.
std::string why_not_as_configured(const options& process, const std::vector<service_options>& services) {
  auto wrong = why_no_port(process);
  for (const auto& one : services)
    for (const auto& why : why_no_service(one.values))
      wrong.push_back(one.name.empty() ? why : fmt::format("service {}: {}", one.name, why));
  return fmt::format("{}", fmt::join(wrong, "; "));
}

std::uint64_t listeners_of(const options& settings) {
  return settings.listen_socket.empty() ? 1 : 2;
}

} // namespace

// The owner's account is one of those that the proxy knows.
options with_owner(options settings) {
  if (!settings.server.user.empty())
    settings.accounts.insert(settings.accounts.begin(),
                             {settings.server.user, settings.server.password, settings.server.plugin});
  return settings;
}

// With the last descriptor gone, neither the health page nor the spool's files could be opened. Who wants
// less than an equal share leaves the rest to the others.
void fit_to_descriptors(std::vector<service_options>& services, std::uint64_t descriptors) {
  constexpr std::uint64_t for_ourselves = 512; // files, checks, replay, the HTTP port's connections
  constexpr std::uint64_t for_each_further = 64;
  if (descriptors == 0 || services.empty()) return;
  auto taken = for_ourselves + for_each_further * (services.size() - 1);
  std::vector<service_options*> all;
  for (auto& one : services) {
    taken += one.values.pool.max_idle;
    all.push_back(&one);
  }
  const auto wanted = [](const service_options* one) {
    return 2 * listeners_of(one->values) * one->values.max_connections;
  };
  std::ranges::sort(all, {}, wanted);
  auto room = descriptors > taken ? descriptors - taken : 0;
  for (auto left = all.size(); auto* one : all) {
    const auto share = room / left-- / (2 * listeners_of(one->values));
    auto& most = one->values.max_connections;
    if (most > share) {
      const auto fitting = static_cast<unsigned>(std::max<std::uint64_t>(share, 1));
      const log_scope its(one->name);
      spdlog::warn("max_connections is {} and not {}, since no more than {} files may be open", fitting, most,
                   descriptors);
      most = fitting;
    }
    room -= std::min<std::uint64_t>(room, wanted(one));
  }
}

program::program(options settings, std::vector<service_options> services,
                 std::function<load_result()> load_again, start_command command)
    : settings_(std::move(settings)), given_(std::move(services)), load_again_(std::move(load_again)),
      command_(std::move(command)) {
  if (given_.empty()) given_.push_back({"", settings_});
  for (auto& one : given_) one.values = with_owner(std::move(one.values));
  wanted_backend_ = settings_.net.backend;
}

program::~program() = default;

std::string program::start(inherited_sockets& handed) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL); // whose parent ignored it would not learn how a hook's program ended
  descriptors_ = raise_descriptor_limit();
  fit_to_descriptors(given_, descriptors_);
  if (auto problem = why_not_as_configured(settings_, given_); !problem.empty()) {
    exit_code_ = exit_bad_configuration;
    return problem;
  }
  if (auto problem = choose_backend(); !problem.empty()) return problem;
  make_services();
  if (auto problem = open_own_folder(); !problem.empty()) return problem;
  if (auto problem = open_services(); !problem.empty()) return problem;
  if (auto problem = open_ports(handed); !problem.empty()) return problem;
  for (const auto& one : services_) one->start();
  return {};
}

void program::make_services() {
  for (const auto& one : given_)
    services_.push_back(
        std::make_unique<service>(one.name, one.values, main_loop_, [this](server_view) { tell_status(); }));
}

std::string program::said_by(const service& one, const std::string& problem) const {
  return problem.empty() || !has_names() ? problem : fmt::format("service {}: {}", one.name(), problem);
}

// The folder that has the services' own in it, and the HTTP port's certificate.
std::string program::open_own_folder() {
  const auto is_inside = [&](const service_options& one) {
    return one.values.data_dir == settings_.data_dir + "/" + one.name;
  };
  const bool needed = std::ranges::any_of(given_, is_inside) || settings_.admin.tls;
  if (auto problem = look_for_strays(); !problem.empty() || !has_names() || !needed) return problem;
  return open_data_folder(settings_.data_dir);
}

// Queues that nobody would apply, since their service has gone, or has got a name.
std::string program::look_for_strays() {
  std::error_code failed;
  const auto is_used = [&](const std::filesystem::path& folder) {
    return std::ranges::any_of(given_, [&](const service_options& one) {
      std::error_code none;
      return std::filesystem::equivalent(folder, one.values.data_dir, none) && !none;
    });
  };
  const auto has_queue = [&](const std::filesystem::path& folder) {
    std::error_code none;
    return std::filesystem::exists(folder / "spool.db", none) && !is_used(folder);
  };
  const std::filesystem::path top(settings_.data_dir);
  if (has_queue(top)) {
    exit_code_ = exit_bad_configuration;
    return fmt::format(
        "{}/spool.db is the queue of a Holdwater without services: say whose it is with data_dir = "
        "\"{}\" in that [[service]], or move it away",
        settings_.data_dir, settings_.data_dir);
  }
  for (auto each = std::filesystem::directory_iterator(top, failed);
       !failed && each != std::filesystem::directory_iterator(); each.increment(failed))
    if (has_queue(each->path()))
      if (auto problem = look_at_stray(each->path().string()); !problem.empty()) return problem;
  return {};
}

// What was acknowledged must not wait for ever because a name has changed.
std::string program::look_at_stray(const std::string& folder) {
  const auto keys = keys_of(settings_);
  const auto found = keys ? spool::verify_file(folder + "/spool.db", *keys)
                          : spool::result<spool::file_report>(keys.error());
  if (found && found->pending + found->dead == 0) {
    spdlog::warn("{}/spool.db is the queue of no service that is configured; it is empty", folder);
    return {};
  }
  exit_code_ = exit_bad_configuration;
  return fmt::format(
      "{0}/spool.db is the queue of no service that is configured, and {1}: say whose it is with "
      "data_dir = \"{0}\" in that [[service]], or move it away",
      folder,
      found ? fmt::format("has {} write(s) and {} dead letter(s) in it", found->pending, found->dead)
            : "cannot be looked at (" + found.error().context + ")");
}

std::string program::open_services() {
  for (const auto& one : services_) {
    auto problem = one->open_data();
    if (!problem.empty()) exit_code_ = one->exit_code();
    if (problem.empty()) problem = one->open_tls();
    if (problem.empty()) problem = one->open_hooks();
    if (!problem.empty()) return said_by(*one, problem);
    one->prepare();
  }
  return open_admin_tls();
}

// What "auto" means here. Containers often forbid io_uring.
std::string program::choose_backend() {
  auto& backend = settings_.net.backend;
  if (backend != "epoll") {
    const auto problem = ring::why_not();
    if (!problem.empty() && backend == "io_uring")
      return fmt::format("net.backend is io_uring, which does not work here: {}", problem);
    backend = problem.empty() ? "io_uring" : "epoll";
    if (problem.empty())
      spdlog::info("io_uring moves the sessions' bytes");
    else
      spdlog::info("epoll serves the sessions: io_uring does not work here ({})", problem);
  }
  for (auto& one : given_) one.values.net.backend = backend;
  return {};
}

std::string program::open_admin_tls() {
  auto callers = options::client_tls_options{"required", settings_.admin.certificate, settings_.admin.key,
                                             settings_.admin.ca, "1.2"};
  if (!callers.key.empty() && is_readable_by_everyone(callers.key))
    spdlog::warn("the key {} is readable by everyone", callers.key);
  if (!settings_.admin.tls) return {};
  if (callers.certificate.empty()) {
    tls_files own;
    if (auto problem = make_tls_files(settings_.data_dir, true, own); !problem.empty()) return problem;
    callers.certificate = own.certificate;
    callers.key = own.key;
  }
  const auto problem = tls_context::for_clients(callers, admin_tls_);
  return problem.empty() ? std::string() : fmt::format("TLS for the HTTP port: {}", problem);
}

// First all that was handed over and is still wanted; what is not may be in the way of what is opened then.
std::string program::open_ports(inherited_sockets& handed) {
  for (const auto& one : services_)
    if (const auto problem = one->claim_ports(handed); !problem.empty()) return said_by(*one, problem);
  for (const auto& name : handed.drop_rest()) {
    spdlog::warn("the socket {} that was handed over is closed: it is not at a place to listen at", name);
    take_from_service_manager(name);
  }
  for (const auto& one : services_)
    if (const auto problem = one->open_ports(); !problem.empty()) return said_by(*one, problem);
  for (const auto& one : services_) listed_.push_back({one->name(), one->places(), one.get()});
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

// Of one service in one line, as far as the service manager shows lines.
void program::tell_status() {
  const std::lock_guard lock(status_);
  std::string line;
  for (const auto& one : services_) {
    const auto view = one->view();
    if (has_names()) line += fmt::format("{}{}: ", line.empty() ? "" : "; ", one->name());
    line += fmt::format("the server is {}{}", name_of(view.state), view.reads ? ", reads go on" : "");
  }
  tell_service_manager("STATUS=" + line);
}

} // namespace holdwater::proxy
