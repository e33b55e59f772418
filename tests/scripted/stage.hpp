// Where the scripts are played: one real worker, in between a fake server and a fake client that the test
// case plays both itself. Nothing watches the server: the test publishes its states.
//
// Since both ends are one thread's, a script is read from top to bottom: what a step sends, the next one
// awaits at the other end.
#pragma once

#include "proxy/config/options.hpp"
#include "proxy/server/monitor.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/worker.hpp"
#include "tests/scripted/packets.hpp"
#include "tests/scripted/peer.hpp"

#include <condition_variable>
#include <mutex>
#include <string>

namespace holdwater::proxy::test {

class stage {
 public:
  explicit stage(std::string auth_plugin = "mysql_native_password",
                 std::chrono::milliseconds handshake_timeout = patience, bool knows_greeting = true,
                 unsigned pool_max_idle = 0); // no pool
  ~stage();

  // Null: none on that side. Before anyone connects.
  void use_tls(const tls_context* clients, const tls_context* server) {
    process_.client_tls = clients;
    process_.server_tls = server;
  }

  // With the server, if it offers it. Before anyone connects.
  void use_compression(std::string how, unsigned level = 3) {
    settings_.server.compression = std::move(how);
    settings_.server.compression_level = level;
  }

  // Each client is greeted by the server, as by a plain proxy without a pool. Before anyone connects.
  void let_server_greet() { settings_.spool.enabled = false; }

  // Before anyone connects.
  [[nodiscard]] options& settings() { return settings_; }

  // Clients ask to be told of the session, so that nothing is kept from them. Before anyone connects.
  void tell_clients() { client_is_told_ = true; }

  // Answers are kept there, which outlives the stage. Before anyone connects.
  void keep_answers(read_cache& cache) {
    process_.cache = &cache;
    profile_.learn_defaults({.sql_mode = "STRICT_TRANS_TABLES",
                             .time_zone = "SYSTEM",
                             .lc_time_names = "en_US",
                             .isolation = "REPEATABLE-READ"});
  }

  // Clients give no files away. Before anyone connects.
  void keep_files() { keeps_files_ = true; }

  // --- the fake client
  peer connect(); // nothing is said yet
  // The proxy's greeting, and the client's answer to it.
  protocol::greeting greet(peer& client, const std::string& user, const std::string& password,
                           const std::string& database = {});
  [[nodiscard]] static protocol::handshake_response response_to(const protocol::greeting& hello,
                                                                const std::string& user,
                                                                const std::string& password,
                                                                const std::string& database = {});
  // A known account's login through to the server's OK. Returns both ends.
  struct pair {
    peer client;
    peer server;
  };
  pair log_in(const std::string& database = {});

  // --- the fake server
  // Its greeting is sent, without these of its capabilities.
  peer accept(protocol::capabilities without = 0);
  peer accept_silently();                                  // nothing is said yet
  protocol::handshake_response accept_login(peer& server); // the response to it; its proof is right
  protocol::handshake_response serve_login(peer& server);  // accept_login() and OK
  [[nodiscard]] bool anyone_waits() const { return server_.anyone_waits(); }

  // --- the server's state
  void publish(server_state next, bool reads = false) { board_.publish(next, reads); }
  void wait_for(server_state wanted);
  [[nodiscard]] server_state state() const { return board_.view().state; }
  [[nodiscard]] const session_counters& counters() const { return counters_; }

  // COM_CHANGE_USER of a client that proves itself by mysql_native_password, as one packet.
  [[nodiscard]] static protocol::byte_buffer change_user(std::string user, std::string auth_response,
                                                         std::string database = {});
  // A client command and the server's answer, each seen unchanged at the other end.
  static void exchange(pair& ends, protocol::byte_span command, protocol::byte_span answer);
  static void exchange_ok(pair& ends, std::string_view statement,
                          std::uint16_t status = protocol::server_status::autocommit);

 private:
  listening_socket server_;
  listening_socket proxy_;
  std::string auth_plugin_;
  bool client_is_told_ = false;
  bool keeps_files_ = false;
  options settings_;
  server_list servers_;
  state_board board_;
  profile_store profile_{""};
  session_counters counters_;
  monitor watch_;
  services process_;
  worker worker_;
  bool started_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
};

inline constexpr std::string_view known_user = "app";
inline constexpr std::string_view other_known_user = "report";
inline constexpr std::string_view password = "secret";

} // namespace holdwater::proxy::test
