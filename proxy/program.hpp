// The process: its services, its HTTP port, signals, and its end. With no [[service]] in its configuration it
// is one service, without a name.
#pragma once

#include "admin/process.hpp"
#include "proxy/config/load_options.hpp"
#include "proxy/net/tls_context.hpp"
#include "proxy/service/service.hpp"
#include "proxy/successor.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace holdwater::admin {
class server;
}

namespace holdwater::proxy {

// The owner's account is one of those that the proxy knows.
[[nodiscard]] options with_owner(options settings);
// No more clients than there are descriptors for, which the services share.
void fit_to_descriptors(std::vector<service_options>& services, std::uint64_t descriptors);

class program final : public admin::process {
 public:
  // Without any services it is one, with those settings. `load_again` reads the configuration anew, from
  // where it came the first time. `command` starts the process that follows at SIGUSR2.
  program(options settings, std::vector<service_options> services, std::function<load_result()> load_again,
          start_command command);
  ~program() override;

  // Signals wait until run() hears them, over an exec too: they would end a process that is starting. First
  // of all.
  static void hold_signals();
  // Opens the data directories, the spools and the ports. Returns what is wrong, empty when everything runs.
  [[nodiscard]] std::string start(inherited_sockets& handed);
  // With which the process should end when start() has refused: 2 where only a person can help.
  [[nodiscard]] int exit_code() const { return exit_code_; }
  // Serves until SIGINT or SIGTERM, then stops everything in order. After SIGUSR2 another process is to
  // follow: gives the sockets in which clients wait for it, which are the caller's.
  [[nodiscard]] std::optional<std::vector<named_socket>> run();

  [[nodiscard]] const std::vector<admin::service_entry>& services() const override { return listed_; }
  [[nodiscard]] std::vector<admin::counter> metrics() const override;
  [[nodiscard]] std::vector<admin::listed_option> configuration() const override;
  admin::reload_report reload() override;
  void note_refused(const std::string& address, unsigned times) override;

 private:
  void make_services();
  [[nodiscard]] std::string choose_backend();
  [[nodiscard]] bool has_names() const { return !given_.front().name.empty(); }
  [[nodiscard]] std::string said_by(const service& one, const std::string& problem) const;
  [[nodiscard]] std::string open_services();
  [[nodiscard]] std::string open_own_folder();
  [[nodiscard]] std::string look_for_strays();
  [[nodiscard]] std::string look_at_stray(const std::string& folder);
  [[nodiscard]] std::string open_ports(inherited_sockets& handed);
  [[nodiscard]] std::string open_admin_tls();
  [[nodiscard]] std::string open_admin();
  void tell_status();
  [[nodiscard]] std::string use_keys(const std::vector<service_options>& fresh);
  void wait_for_signal();
  void restart();
  void take_leave(bool restarts);
  void part();
  [[nodiscard]] bool is_followed(const listener& one) const;
  [[nodiscard]] std::vector<listener*> listeners() const;
  [[nodiscard]] std::string why_no_restart();
  [[nodiscard]] std::string why_not_keys_there(const service& next) const;
  [[nodiscard]] std::string why_not_listening(const program& now) const;
  void stop();

  int exit_code_ = 1;
  std::uint64_t descriptors_ = 0; // that may be open; 0: not known
  options settings_; // the process's; of one service without a name, also that one's as they were
  std::vector<service_options> given_;
  std::string wanted_backend_; // as it was asked for
  std::function<load_result()> load_again_;
  start_command command_;
  bool checking_ = false; // whether another may follow
  bool restarts_ = false;
  std::stop_source no_restart_;
  std::optional<std::chrono::steady_clock::time_point> leaving_since_;
  std::chrono::steady_clock::duration next_reminder_{0}; // after that moment
  asio::io_context main_loop_{1};
  std::unique_ptr<const tls_context> admin_tls_; // null: HTTP in clear text
  std::mutex status_;                            // is told by whichever service's monitor
  std::vector<std::unique_ptr<service>> services_;
  std::vector<admin::service_entry> listed_;
  std::unique_ptr<admin::server> admin_;
  asio::steady_timer parting_{main_loop_};
  asio::signal_set signals_{main_loop_};
  std::jthread next_check_; // of the process that would follow
};

} // namespace holdwater::proxy
