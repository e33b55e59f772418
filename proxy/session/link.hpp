// A session's connection to the server, and the conversation that opens it.
#pragma once

#include "protocol/auth.hpp"
#include "protocol/compression.hpp"
#include "protocol/handshake.hpp"
#include "protocol/proxy_header.hpp"
#include "proxy/config/server_places.hpp"
#include "proxy/net/stream_io.hpp"
#include "proxy/session/connection_registry.hpp"
#include "proxy/session/fresh_start.hpp"
#include "proxy/session/worker.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdwater::proxy {

// When something was asked, and what had been seen until then.
struct server_moment {
  std::chrono::steady_clock::time_point at;
  std::uint64_t changes = 0; // session_counters::server_changes
};

struct server_link {
  std::shared_ptr<transport> stream;
  protocol::capabilities negotiated = 0;
  protocol::compression compression = protocol::compression::none; // agreed on; it begins behind the login
  std::uint8_t zstd_level = 0;                                     // of it
  std::uint32_t connection_id = 0;                                 // the server's
  std::chrono::steady_clock::time_point opened = std::chrono::steady_clock::now();
  std::uint64_t outage = 0; // state_board's number when it was opened: from an earlier one it is worthless

  std::shared_ptr<link_record> record; // for KILL
  std::shared_ptr<void> place;         // of pool.max_connections; null: it is not counted

  fresh_start_progress start; // what is still to be said before its next command

  // of the last login over it that succeeded, for its next client
  std::string user;
  std::string database;
  std::uint16_t collation = 0;
  std::string attributes;
  protocol::byte_buffer login_ok; // the server's OK payload, with the status of the last reset's
  server_moment login;            // when it was: a reset keeps the account's rights and roles of then
  std::uint32_t max_packet_size = 0;
  protocol::challenge salt{}; // of its greeting, as the plugin is
  std::string plugin;
  bool needs_login = false;       // a reset would not make it what that login made
  bool may_have_profiles = false; // MariaDB keeps the list of profiled statements over a reset
  bool tainted = false;           // something was done to it that neither undoes

  // The last login or reset: what its session has of the server's globals was taken then or a little later.
  std::chrono::steady_clock::time_point fresh_since{};
  void was_reset(std::uint16_t status, std::chrono::steady_clock::time_point at); // the last answer's status
  [[nodiscard]] bool can_change_user() const; // what COM_CHANGE_USER needs was negotiated
  // Whether the login would have made one just like it, password, database, character set and attributes
  // aside.
  [[nodiscard]] bool serves(const protocol::handshake_response& login) const;
};

// COM_QUIT, if the server takes it at once, and the end. A server that hears it counts no aborted client.
void say_goodbye(server_link& link);

// What Holdwater can follow; anything else is not offered to clients and not asked of servers.
[[nodiscard]] protocol::capabilities supported_capabilities();

// What a server says instead of a greeting, for a client that has had one: such an error has an SQLSTATE.
void add_sql_state(protocol::byte_buffer& refusal);

// Connects and reads the greeting; the profile learns it. The link is not logged in yet.
struct link_attempt {
  enum class outcome : std::uint8_t {
    opened,
    unreachable, // nothing was sent: `problem` says what was met
    refused,     // the server said no: `refusal` is its ERR payload
  };
  bool ours = false; // ... refused: not the server but the pool said no, after all the waiting that there is
  outcome what = outcome::unreachable;
  std::optional<server_link> link;
  protocol::greeting hello;
  std::string host;                    // that its certificate is made out to
  std::chrono::milliseconds within{0}; // it has to answer, before the login and in it
  std::uint8_t sequence = 1;           // of the next packet of the login
  bool for_plain_client = false;       // one without TLS, which server_tls.mode may follow
  protocol::compression client_compression = protocol::compression::none; // server.compression may follow it
  std::string problem;
  protocol::byte_buffer refusal;
  protocol::byte_buffer ok;  // log_in(): the server's OK payload
  bool cannot_prove = false; // ... unreachable: it wants a proof that is not given, for this account
};
// With server.proxy_protocol the server is told of the client at the other end, if one is given: such a link
// is of use to that client only.
task<link_attempt> open_link(worker& home, wakeup& wake, const protocol::proxy_header* client = nullptr);
// The same at a replica, of which nothing is learned.
task<link_attempt> open_replica_link(worker& home, wakeup& wake, const server_place& place,
                                     const protocol::proxy_header& client);

// encrypt.cpp: TLS over an opened attempt, as the settings and the greeting have it. It stays opened, or is
// unreachable.
task<> encrypt_link(worker& home, waiter how, link_attempt& attempt, const protocol::handshake_response& as);

// compress.cpp: what clients are offered, what a server is asked for, and its beginning on a link that is
// logged in.
[[nodiscard]] protocol::capabilities compression_offers(const options& settings,
                                                        const protocol::greeting& hello);
void ask_for_compression(protocol::handshake_response& login, const options& settings, link_attempt& attempt);
void begin_compression(server_link& link);

// Logs in over an opened attempt with a password that we know: `as` with its authentication replaced.
// On success `ok` is set; else what, problem or refusal.
task<> log_in(worker& home, wakeup& wake, link_attempt& attempt, const protocol::handshake_response& as,
              const std::string& password);

// The conversation of a login or COM_CHANGE_USER whose first packet is `out`, to its end. The link is closed
// when it is lost; what becomes of one that was refused is the caller's.
task<> prove(waiter how, link_attempt& attempt, protocol::auth_client& client, protocol::byte_buffer& out);

// Logs in once and leaves, so that the profile knows the server's greeting; a warning when the server was not
// met.
task<> learn_greeting(worker& home, wakeup& wake);

// Over an opened attempt that nobody needs: the same.
task<> visit(worker& home, wakeup& wake, link_attempt& attempt);

// Runs one statement of our own and reads its small answer. Values of the first row; nullopt as a whole when
// the statement failed or the link broke (then `broken` is set).
struct own_answer {
  bool ok = false;
  bool broken = false;
  std::vector<std::optional<std::string>> row;
  std::string error;
};
// `within`: how long it may take, 0: connection_timeout.
task<own_answer> ask_server(worker& home, wakeup& wake, server_link& link, const std::string& statement,
                            std::chrono::milliseconds within = {});

} // namespace holdwater::proxy
