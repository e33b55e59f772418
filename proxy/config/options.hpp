// The program's options with their defaults. Where they come from and how they are read: option_table.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdwater::proxy {

// A listening address; port 0 asks the kernel for a free one.
struct endpoint {
  std::string host;
  std::uint16_t port = 0;

  friend bool operator==(const endpoint&, const endpoint&) = default;
};

// An account that the proxy authenticates itself.
struct account {
  std::string user;
  std::string password;
  std::string
      plugin; // that clients must log in with; empty: the server's default, or what the client prefers

  friend bool operator==(const account&, const account&) = default;
};

// [[rule]]: what is different for some statements. All conditions that are given must hold.
struct rule {
  std::string account;
  std::string database; // the default one, or that of a table in the statement
  std::string table;    // or schema.table: one that the statement names
  std::string pattern;  // of the statement's text, as LIKE has it

  std::optional<bool> cache;
  std::optional<std::chrono::seconds> max_stale;
  std::optional<bool> spool;
  std::optional<std::chrono::milliseconds> hold;
  std::optional<bool> times_are_now; // see session/times_as_now

  friend bool operator==(const rule&, const rule&) = default;
};

struct options {
  endpoint listen{"127.0.0.1", 6033};
  std::string listen_socket; // a unix socket besides `listen`; empty: none
  unsigned listen_socket_mode = 0777;
  unsigned workers = 0; // threads that serve sessions; 0 means one per processor
  std::string data_dir = "./holdwater-data";
  unsigned max_connections = 20000; // clients at once of each listener; further ones get error 1040
  std::chrono::milliseconds stop_timeout{8'000}; // for clients to end their transactions, at an end
  bool client_compression = true;                // offered to clients as the server offers it
  bool core_dumps = false; // may a crash write the memory, with its passwords, to the disk

  struct server_options {
    std::string host = "127.0.0.1";     // MYSQL_HOST; a path is taken as `socket`
    std::uint16_t port = 3306;          // MYSQL_PORT
    std::string socket;                 // the server's unix socket, instead of host and port
    std::string proxy_protocol = "off"; // the header sent to the server: off, v1, v2
    std::string user;                   // MYSQL_USER
    std::string password;               // MYSQL_PASSWORD
    std::string password_file;          // where the password was read from, when not given itself
    std::string plugin;                 // as account::plugin, for user
    std::string database;               // MYSQL_DATABASE
    std::string compression = "off";    // off, zlib, zstd
    unsigned compression_level = 3;     // of zstd
    std::string replicas;               // MYSQL_REPLICAS: who is asked for reads while it is away
    std::chrono::milliseconds replica_timeout{2'000};

    // For people: "HOST:PORT" or the socket's path.
    [[nodiscard]] std::string name() const {
      return socket.empty() ? host + ":" + std::to_string(port) : socket;
    }
  } server;
  std::string proxy_protocol_networks; // whose connections may begin with a PROXY header
  std::vector<account> accounts;       // [[account]] in the file, besides server.user
  std::vector<rule> rules;             // [[rule]] in the file, in its order

  struct client_tls_options {
    std::string mode = "preferred"; // off, preferred, required
    std::string certificate;        // empty: one is made in data_dir, with its key
    std::string key;
    std::string ca; // clients over TLS must show a certificate that it signed
    std::string min_version = "1.2";
  } client_tls;
  struct server_tls_options {
    std::string mode = "off"; // off, preferred, required, verify_ca, verify_identity
    std::string ca;           // empty: the system's authorities
    std::string certificate;  // shown to the server when it asks
    std::string key;
  } server_tls;

  std::chrono::milliseconds connection_timeout{10'000}; // DB_CONNECTION_TIMEOUT
  unsigned retry_attempts = 3;                          // DB_RETRY_ATTEMPTS
  std::chrono::milliseconds retry_delay{2'000};         // DB_RETRY_DELAY
  std::chrono::milliseconds check_interval{30'000};     // DB_CHECK_INTERVAL
  std::chrono::milliseconds handshake_timeout{10'000};  // a client must have logged in by then
  std::chrono::milliseconds net_read_timeout{30'000};   // a client goes on with a command within
  std::chrono::milliseconds net_write_timeout{60'000};  // and takes something of an answer
  std::chrono::seconds tcp_keepalive{600};              // silence before a peer is asked; 0: the system's

  struct spool_options {
    bool enabled = true;
    std::string key;      // of data at rest, as spool::key_ring reads it; empty: it lies in clear
    std::string key_file; // where it was read from, when not given itself
    bool compress = true; // units, where it pays
    std::uint64_t max_bytes = 4ULL << 30;
    std::chrono::seconds max_age{0};                   // of the oldest pending write; 0: any
    std::uint64_t max_statement_bytes = 16ULL << 20;   // a larger write is refused in an outage
    std::uint64_t max_transaction_bytes = 16ULL << 20; // of a transaction that is collected in an outage
    std::uint64_t max_transaction_statements = 10'000;
    std::uint64_t assume_affected_rows = 1;
    std::chrono::seconds retention{24 * 3600};
    std::uint64_t retention_bytes = 256ULL << 20;
  } spool;
  struct cache_options {
    bool enabled = true;
    std::uint64_t memory = 64ULL << 20;
    std::uint64_t disk = 256ULL << 20; // 0: in memory only
    std::uint64_t max_result = 1ULL << 20;
    std::uint64_t fill_rate = 1000; // a second and worker; 0: no bound
    std::chrono::seconds max_stale{24 * 3600};
    bool own_writes = true;            // a row that a queued write makes or changes is read as written
    std::string after_write = "serve"; // or refuse: what reads a table with queued writes
    std::vector<std::string> warm;     // reads that are asked while the server is up, so that they are kept
    std::chrono::milliseconds warm_interval{300'000};
    std::string redis;          // URL of the Redis that a fleet shares; empty: none. It may hold a password
    std::string redis_password; // when the URL holds none
    std::string redis_password_file;         // where it was read from, when not given itself
    std::string redis_prefix = "holdwater:"; // of all keys there
    std::string
        redis_service; // names the server there; empty: by its place, see proxy/cache/service_identity
    std::chrono::milliseconds redis_timeout{500};
  } cache;
  struct ledger_options {
    std::string table = "holdwater_ledger";
  } ledger;
  struct insert_id_options {
    std::uint64_t block = 1000; // 0 switches reservation off
  } insert_ids;

  struct pool_options {
    std::string mode = "session";      // or transaction: a session that is silent gives its connection away
    std::uint64_t max_connections = 0; // of known accounts, for all workers together; 0: any number
    std::uint64_t max_idle = 50;       // server connections without a client, 0 keeps none
    std::chrono::milliseconds idle_timeout{60'000};
    std::chrono::milliseconds max_age{1'800'000};
    std::chrono::milliseconds revalidate_after{1'000}; // 0: every login asks the server
  } pool;

  struct net_options {
    std::string backend = "auto"; // auto, epoll, io_uring; a running program has one of the latter two
  } net;

  struct session_options {
    std::uint64_t max_remembered_statement_bytes = 8ULL << 20;
  } session;

  struct admin_options {
    endpoint listen{"127.0.0.1", 8000};
    std::string
        host_names;    // names besides the listening one that a request may carry in Host, comma-separated
    std::string token; // who shows it may do all; with none of the two, who reaches the port may
    std::string token_file;      // where it was read from, when not given itself
    std::string read_token;      // who shows it may look
    std::string read_token_file; // as token_file
    bool tls = false;
    std::string certificate; // empty: the one in data_dir, which is made if need be
    std::string key;
    std::string ca; // callers must show a certificate that it signed
  } admin;
  struct log_options {
    std::string level = "info";   // trace, debug, info, warning, error
    std::string format = "human"; // or json
    bool to_stdout = true;        // log.stdout
    std::string file;             // besides stdout; empty: none
    std::uint64_t file_max_bytes = 16ULL << 20;
    std::uint64_t file_count = 5;                     // with the present one
    std::string statements = "shape";                 // none, shape, full: what may be said of a statement
    std::chrono::milliseconds slow_statement{10'000}; // a longer one is logged; 0: none is
  } log;
  struct hook_options {
    std::string command; // a program that is run for each event; empty: none
    std::string url;     // that each event is POSTed to; empty: none. It may hold a secret
    std::chrono::milliseconds timeout{10'000};
  } hook;

  // How long a client may be kept waiting instead of being failed: retry_attempts x retry_delay.
  [[nodiscard]] std::chrono::milliseconds hold() const { return retry_attempts * retry_delay; }
};

} // namespace holdwater::proxy
