#include "proxy/config/option_table.hpp"

#include <algorithm>
#include <array>

namespace holdwater::proxy {
namespace {

constexpr option_range any;
constexpr option_range not_empty{1};
constexpr std::uint64_t day_ms = 24ULL * 3600 * 1000;

template <auto Member>
option_field top(options& o) {
  return &(o.*Member);
}
template <auto Group, auto Member>
option_field in(options& o) {
  return &(o.*Group.*Member);
}

using o = options;
using enum option_kind;

// The top-level options first: TOML wants them before the first section.
// clang-format off
constexpr std::array table{
  option_row{"listen", address, any, "", "--listen", false,
    "Where clients connect. Port 0 takes a free one.", top<&o::listen>},
  option_row{"listen_socket", text, any, "", "--listen-socket", false,
    "A unix socket on which clients may connect as well. A file that a dead process left there is replaced; empty means none.", top<&o::listen_socket>},
  option_row{"listen_socket_mode", file_mode, any, "", "", false,
    "Its access rights, octal.", top<&o::listen_socket_mode>},
  option_row{"proxy_protocol_networks", text, any, "", "", false,
    "Networks, separated by commas, whose connections may begin with a PROXY header (v1 or v2), which is then believed: 10.0.0.0/8, ::1, localhost for unix sockets, * for all. A header from elsewhere is refused.", top<&o::proxy_protocol_networks>},
  option_row{"client_compression", yes_no, any, "", "", false,
    "Whether clients are offered the compressed protocol: zlib and zstd, as far as the server offers them.", top<&o::client_compression>},
  option_row{"data_dir", text, not_empty, "", "--data-dir", false,
    "The folder of the spool and of what is remembered about the server. One running Holdwater a folder.", top<&o::data_dir>},
  option_row{"workers", number, {0, 1024}, "", "", false,
    "Threads that serve sessions; 0 is one a processor.", top<&o::workers>},
  option_row{"max_connections", number, {1, 1'000'000}, "", "", true,
    "Clients at once, of the port and of the unix socket each; a further one gets error 1040. Lowered at the start to what the limit of open files allows.", top<&o::max_connections>},
  option_row{"connection_timeout", seconds, {1, day_ms}, "DB_CONNECTION_TIMEOUT", "", false,
    "Seconds the server has to accept a connection, or to answer a check, before it counts as away.", top<&o::connection_timeout>},
  option_row{"retry_attempts", number, {0, 10'000}, "DB_RETRY_ATTEMPTS", "", true,
    "Failed attempts before the server is declared down.", top<&o::retry_attempts>},
  option_row{"retry_delay", seconds, {1, day_ms}, "DB_RETRY_DELAY", "", true,
    "Longest pause between attempts, in seconds. A client is kept waiting for retry_attempts times this, and no longer.", top<&o::retry_delay>},
  option_row{"check_interval", seconds, {1, day_ms}, "DB_CHECK_INTERVAL", "", true,
    "Seconds between checks of the server.", top<&o::check_interval>},
  option_row{"handshake_timeout", seconds, {1, day_ms}, "", "", true,
    "Seconds a client has to log in.", top<&o::handshake_timeout>},
  option_row{"net_read_timeout", seconds, {1, day_ms}, "", "", true,
    "Seconds a client may be silent in the middle of a command or of a file. Where the server, or the session itself, has a longer net_read_timeout, that holds. An idle client is not meant.", top<&o::net_read_timeout>},
  option_row{"net_write_timeout", seconds, {1, day_ms}, "", "", true,
    "Seconds a client may take nothing of an answer. Where the server, or the session itself, has a longer net_write_timeout, that holds.", top<&o::net_write_timeout>},
  option_row{"stop_timeout", seconds, {0, day_ms}, "", "", true,
    "Seconds that clients have to end their transactions when Holdwater is told to end or to restart; who is silent outside of one is parted from before. 0: all are at once.", top<&o::stop_timeout>, option_scope::process},
  option_row{"tcp_keepalive", seconds, {0, day_ms}, "", "", false,
    "Seconds of silence after which the system asks a client's or the server's machine whether the connection is still there; it is given up after as long again without an answer. 0: as the system does it.", top<&o::tcp_keepalive>},
  option_row{"core_dumps", yes_no, any, "", "", false,
    "Whether a crash may leave a core dump, and debuggers of the same user may attach: both see passwords and statements.", top<&o::core_dumps>, option_scope::process},

  option_row{"server.host", text, not_empty, "MYSQL_HOST", "", false,
    "Name or address of the MySQL or MariaDB server. The name is resolved anew for each connection. A path that begins with / is its unix socket. A list, separated by commas, of up to 16 (HOST, HOST:PORT, [IPV6]:PORT or a socket's path): one is used at a time, the first that takes writes, and when it is away or read-only the next that does. All of them must hold the same data, by replication, and those that must not be written to must be read-only.", in<&o::server, &o::server_options::host>},
  option_row{"server.port", number, {1, 65535}, "MYSQL_PORT", "", false,
    "Its port.", in<&o::server, &o::server_options::port>},
  option_row{"server.socket", text, any, "", "", false,
    "The server's unix socket, instead of host and port.", in<&o::server, &o::server_options::socket>},
  option_row{"server.proxy_protocol", proxy_version, any, "", "", false,
    "The PROXY header (off, v1 or v2) that tells the server each client's address. The server must expect it: MariaDB's proxy_protocol_networks. MySQL has no such thing.", in<&o::server, &o::server_options::proxy_protocol>},
  option_row{"server.user", text, any, "MYSQL_USER", "", false,
    "The account for checks and replay, which clients may use too.", in<&o::server, &o::server_options::user>},
  option_row{"server.password", secret, any, "MYSQL_PASSWORD", "", false,
    "Its password.", in<&o::server, &o::server_options::password>},
  option_row{"server.password_file", text, any, "MYSQL_PASSWORD_FILE", "", false,
    "A file whose first line is the password, instead of the password itself.", in<&o::server, &o::server_options::password_file>},
  option_row{"server.plugin", auth_plugin, any, "", "", false,
    "The plugin with which clients of that account must log in here: mysql_native_password, caching_sha2_password or client_ed25519. Empty: the server's default, or what the client prefers.", in<&o::server, &o::server_options::plugin>},
  option_row{"server.database", text, any, "MYSQL_DATABASE", "", false,
    "The database that holds the ledger table.", in<&o::server, &o::server_options::database>},

  option_row{"server.compression", compression_name, any, "", "", false,
    "The compressed protocol with the server, whatever its clients speak: off, zlib, or zstd (MySQL 8.0.18 and later); or as_client, what each client speaks. A server that does not offer it is spoken to without. With spool.enabled = false the default is as_client.", in<&o::server, &o::server_options::compression>},
  option_row{"server.compression_level", number, {1, 22}, "", "", false,
    "zstd's level, in both directions. zlib is spoken at its level 6, as servers do.", in<&o::server, &o::server_options::compression_level>},

  option_row{"server.replicas", text, any, "MYSQL_REPLICAS", "", false,
    "Replicas of the server, as HOST:PORT or the path of a unix socket, separated by commas, 16 at most. While the server is away, reads are asked of the first that answers, as the client's own account and READ ONLY, and of the cache after that. Never while the server is there.", in<&o::server, &o::server_options::replicas>},
  option_row{"server.replica_timeout", seconds, {100, day_ms}, "", "", false,
    "Seconds that a replica has to accept a connection, to let an account in, or to answer a check, before the next one, or the cache, is asked.", in<&o::server, &o::server_options::replica_timeout>},

  option_row{"client_tls.mode", client_tls_mode, any, "", "", false,
    "TLS with clients: off, preferred (offered) or required (a client without it is refused).", in<&o::client_tls, &o::client_tls_options::mode>},
  option_row{"client_tls.certificate", text, any, "", "", false,
    "The certificate shown to clients, a PEM file with its chain. Empty: a self-signed one is made in data_dir.", in<&o::client_tls, &o::client_tls_options::certificate>},
  option_row{"client_tls.key", text, any, "", "", false,
    "The certificate's key, a PEM file.", in<&o::client_tls, &o::client_tls_options::key>},
  option_row{"client_tls.ca", text, any, "", "", false,
    "A PEM file of authorities. When set, a client that uses TLS must show a certificate that one of them signed.", in<&o::client_tls, &o::client_tls_options::ca>},
  option_row{"client_tls.min_version", tls_version, any, "", "", false,
    "The oldest TLS version that clients may use: 1.2 or 1.3.", in<&o::client_tls, &o::client_tls_options::min_version>},

  option_row{"server_tls.mode", server_tls_mode, any, "", "", false,
    "TLS with the server: off, as_client (when it offers it, behind clients that use TLS), preferred (when it offers it), required, verify_ca (and its certificate is signed by server_tls.ca) or verify_identity (and is made out to server.host). With spool.enabled = false the default is as_client.", in<&o::server_tls, &o::server_tls_options::mode>},
  option_row{"server_tls.ca", text, any, "", "", false,
    "A PEM file of the authorities to trust. Empty: the system's.", in<&o::server_tls, &o::server_tls_options::ca>},
  option_row{"server_tls.certificate", text, any, "", "", false,
    "A certificate to show to a server that asks for one, a PEM file.", in<&o::server_tls, &o::server_tls_options::certificate>},
  option_row{"server_tls.key", text, any, "", "", false,
    "That certificate's key, a PEM file.", in<&o::server_tls, &o::server_tls_options::key>},

  option_row{"spool.enabled", yes_no, any, "", "", false,
    "Whether writes are kept while the server is away. false makes a plain proxy: no spool, no ledger, no reserved ids, and unless asked for, no pool, and TLS and compression to the server as the client has them.", in<&o::spool, &o::spool_options::enabled>},
  option_row{"spool.key", secret, any, "", "", true,
    "The key that statements, bound values and cached answers are encrypted with in data_dir: 32 bytes in base64 or hex, as openssl rand -base64 32 makes them. Several, separated by commas: the first encrypts, all decrypt. \"none\" before them: nothing is encrypted any more.", in<&o::spool, &o::spool_options::key>},
  option_row{"spool.key_file", text, any, "", "", true,
    "A file that holds that key, or several, one a line. Outside of data_dir, and not lost: without it the queue cannot be read.", in<&o::spool, &o::spool_options::key_file>},
  option_row{"spool.compress", yes_no, any, "", "", false,
    "Whether writes of 2 KiB and more are compressed in the queue, where it pays (zstd).", in<&o::spool, &o::spool_options::compress>},
  option_row{"spool.max_bytes", bytes, {1 << 20}, "", "", true,
    "Size of the spool at which further writes are refused.", in<&o::spool, &o::spool_options::max_bytes>},
  option_row{"spool.max_age", seconds, {0, 3650 * day_ms}, "", "", true,
    "Seconds that the oldest write may have waited before further ones are refused; 0 is no limit.", in<&o::spool, &o::spool_options::max_age>},
  option_row{"spool.max_statement_bytes", bytes, {1 << 10, 1 << 30}, "", "", true,
    "A larger write is refused while the server is away.", in<&o::spool, &o::spool_options::max_statement_bytes>},
  option_row{"spool.max_transaction_bytes", bytes, {1 << 10, 32 << 20}, "", "", true,
    "Size at which a transaction that is open while the server is away takes no further write. It is kept in memory until its COMMIT.", in<&o::spool, &o::spool_options::max_transaction_bytes>},
  option_row{"spool.max_transaction_statements", number, {1, 1'000'000}, "", "", true,
    "Number of writes in such a transaction.", in<&o::spool, &o::spool_options::max_transaction_statements>},
  option_row{"spool.assume_affected_rows", number, any, "", "", true,
    "Affected rows in the OK of a spooled UPDATE or DELETE, since the real number is not known.", in<&o::spool, &o::spool_options::assume_affected_rows>},
  option_row{"spool.retention", seconds, {0, 3650 * day_ms}, "", "", true,
    "Seconds that applied writes are kept, for a server that comes back without them.", in<&o::spool, &o::spool_options::retention>},
  option_row{"spool.retention_bytes", bytes, any, "", "", true,
    "Size of the applied writes at which the oldest are dropped before their time.", in<&o::spool, &o::spool_options::retention_bytes>},

  option_row{"cache.enabled", yes_no, any, "", "", false,
    "Whether what the server answers to reads is kept, to answer the same reads from while it is away. It never answers while the server is there. With spool.enabled = false the default is false.", in<&o::cache, &o::cache_options::enabled>},
  option_row{"cache.memory", bytes, {1 << 20}, "", "", false,
    "Size of what is kept in memory; what was not used for longest goes first.", in<&o::cache, &o::cache_options::memory>},
  option_row{"cache.disk", bytes, any, "", "", false,
    "Size of what is kept in data_dir (cache.db), so that a Holdwater that is started in an outage answers too; 0 keeps nothing there.", in<&o::cache, &o::cache_options::disk>},
  option_row{"cache.max_result", bytes, {1 << 10, 15 << 20}, "", "", false,
    "A larger answer is not kept.", in<&o::cache, &o::cache_options::max_result>},
  option_row{"cache.fill_rate", number, {0, 10'000'000}, "", "", true,
    "How many answers each worker copies into the cache a second; what comes above that is only forwarded. 0 sets no bound.", in<&o::cache, &o::cache_options::fill_rate>},
  option_row{"cache.max_stale", seconds, {1'000, 3650 * day_ms}, "", "", false,
    "Seconds after which an answer is too old to be given.", in<&o::cache, &o::cache_options::max_stale>},
  option_row{"cache.own_writes", yes_no, any, "", "", false,
    "Whether a read of one row by its primary key shows what queued writes make of the row, where that is certain. What is not certain is cache.after_write's.", in<&o::cache, &o::cache_options::own_writes>},
  option_row{"cache.after_write", after_write, any, "", "", false,
    "What becomes of a read of a table with queued writes, which the kept answer lacks: serve (and say so in the answer's warning) or refuse.", in<&o::cache, &o::cache_options::after_write>},
  option_row{"cache.warm", texts, any, "", "", false,
    "Reads that Holdwater asks by itself while the server is up, so that they are kept whoever asked last: a list, in the environment one a line. Each is asked for every kind of connection that reads; the application must use the same text.", in<&o::cache, &o::cache_options::warm>},
  option_row{"cache.warm_interval", seconds, {100, day_ms}, "", "", false,
    "Seconds between two rounds of them; they are also asked soon after the server is back.", in<&o::cache, &o::cache_options::warm_interval>},
  option_row{"cache.redis", secret, any, "", "", false,
    "A Redis that several Holdwaters before the same server share, so that in an outage each may answer with what the others were answered: redis://[USER:PASSWORD@]HOST[:PORT][/DB] or unix:///PATH. It may hold a password, so it is not shown. Empty: none.", in<&o::cache, &o::cache_options::redis>},
  option_row{"cache.redis_password", secret, any, "", "", false,
    "The password there, when the URL holds none.", in<&o::cache, &o::cache_options::redis_password>},
  option_row{"cache.redis_password_file", text, any, "", "", false,
    "A file whose first line is that password.", in<&o::cache, &o::cache_options::redis_password_file>},
  option_row{"cache.redis_prefix", text, {0, 200}, "", "", false,
    "What all keys there begin with.", in<&o::cache, &o::cache_options::redis_prefix>},
  option_row{"cache.redis_service", text, {0, 200}, "", "", false,
    "A name for the server, the same at each Holdwater before it and no other's. Empty: by its place as configured, and where that is on the same machine, by the machine too, so that only Holdwaters on that machine share.", in<&o::cache, &o::cache_options::redis_service>},
  option_row{"cache.redis_timeout", seconds, {10, 300'000}, "", "", false,
    "Seconds after which a Redis that does not answer counts as away. A read in an outage waits no longer for it, and not at all while it is away; with the server there, nothing waits for it.", in<&o::cache, &o::cache_options::redis_timeout>},

  option_row{"ledger.table", text, {1, 129}, "", "", false,
    "The table on the server that says up to which write a spool was applied, as table or schema.table. It is made on first contact.", in<&o::ledger, &o::ledger_options::table>},

  option_row{"insert_ids.block", number, {0, 1'000'000'000}, "", "", false,
    "AUTO_INCREMENT ids reserved for each table that clients insert into, for use while the server is away; 0 reserves none.", in<&o::insert_ids, &o::insert_id_options::block>},

  option_row{"pool.mode", pool_mode, any, "", "", false,
    "Who has a server connection: session, each client that is logged in; or transaction, only who needs one: a client of a known account that is silent, outside of a transaction and with nothing on its connection that cannot be given back gives it to others, and gets one again with its next statement. Then pool.max_connections, or pool.max_idle where that is 0, bounds how many are kept while nobody needs them.", in<&o::pool, &o::pool_options::mode>},
  option_row{"pool.max_connections", number, {0, 100'000}, "", "", false,
    "Server connections of known accounts' clients at once; who needs a further one waits for up to connection_timeout, then gets error 1040. 0 is no limit. Divided among the workers.", in<&o::pool, &o::pool_options::max_connections>},
  option_row{"pool.max_idle", number, {0, 100'000}, "", "", true,
    "Server connections that are kept when their client has left, for the next client of the same account; 0 keeps none. Each counts on the server as a connection of the account. With spool.enabled = false the default is 0.", in<&o::pool, &o::pool_options::max_idle>},
  option_row{"pool.idle_timeout", seconds, {1, day_ms}, "", "", true,
    "Seconds that one is kept without a client. Less than the server's wait_timeout.", in<&o::pool, &o::pool_options::idle_timeout>},
  option_row{"pool.max_age", seconds, {1, 30 * day_ms}, "", "", true,
    "Seconds after which a server connection gets no further client.", in<&o::pool, &o::pool_options::max_age>},
  option_row{"pool.revalidate_after", seconds, {0, 60'000}, "", "", true,
    "Seconds for which a login that the server has accepted lets further clients of the same account and database in over kept connections without asking the server again; 0 asks each time. It bounds how long a change made past Holdwater (a locked account, a global variable) may go unnoticed; rights and roles that were taken away, ten times as long.", in<&o::pool, &o::pool_options::revalidate_after>},

  option_row{"net.backend", net_backend, any, "", "", false,
    "How the kernel moves the sessions' bytes: io_uring, which costs least (Linux 6.1 and later, where the system allows it), epoll, or auto, io_uring where it works.", in<&o::net, &o::net_options::backend>, option_scope::process},

  option_row{"session.max_remembered_statement_bytes", bytes, any, "", "", false,
    "Texts of open prepared statements that are remembered for each client, so that they survive the loss of the server connection. With more of them open the client's connection ends when the server's is lost.", in<&o::session, &o::session_options::max_remembered_statement_bytes>},

  option_row{"admin.listen", address, any, "", "--admin-listen", false,
    "Where the dashboard, /health/, /metrics and the other pages are served. Beyond loopback only with a token.", in<&o::admin, &o::admin_options::listen>, option_scope::process},
  option_row{"admin.host_names", text, any, "", "", false,
    "Names, separated by commas, under which that address is called, besides localhost, IP addresses and the listening host.", in<&o::admin, &o::admin_options::host_names>, option_scope::process},

  option_row{"admin.token", secret, any, "", "", false,
    "Whoever shows it there (Authorization: Bearer, or as the password that a browser asks for) may see and do all. At least 16 characters. With neither this nor admin.read_token, whoever reaches the port may.", in<&o::admin, &o::admin_options::token>, option_scope::process},
  option_row{"admin.token_file", text, any, "", "", false,
    "A file whose first line is that token.", in<&o::admin, &o::admin_options::token_file>, option_scope::process},
  option_row{"admin.read_token", secret, any, "", "", false,
    "Whoever shows it may see all but the values in statements, and do nothing.", in<&o::admin, &o::admin_options::read_token>, option_scope::process},
  option_row{"admin.read_token_file", text, any, "", "", false,
    "A file whose first line is that token.", in<&o::admin, &o::admin_options::read_token_file>, option_scope::process},
  option_row{"admin.tls", yes_no, any, "", "", false,
    "Whether that port speaks HTTPS, and nothing else.", in<&o::admin, &o::admin_options::tls>, option_scope::process},
  option_row{"admin.certificate", text, any, "", "", false,
    "The certificate that it shows, a PEM file. Empty: the self-signed one in data_dir.", in<&o::admin, &o::admin_options::certificate>, option_scope::process},
  option_row{"admin.key", text, any, "", "", false,
    "That certificate's key, a PEM file.", in<&o::admin, &o::admin_options::key>, option_scope::process},
  option_row{"admin.ca", text, any, "", "", false,
    "A PEM file: callers must show a certificate that it signed, besides the token.", in<&o::admin, &o::admin_options::ca>, option_scope::process},

  option_row{"log.level", log_level, any, "", "", true,
    "trace, debug, info, warning or error. No level logs passwords.", in<&o::log, &o::log_options::level>, option_scope::process},
  option_row{"log.format", log_format, any, "", "", true,
    "human, or json: an object a line, with time, level and message.", in<&o::log, &o::log_options::format>, option_scope::process},
  option_row{"log.stdout", yes_no, any, "", "", true,
    "Whether the log goes to stdout.", in<&o::log, &o::log_options::to_stdout>, option_scope::process},
  option_row{"log.file", text, any, "", "", true,
    "A file that it goes to as well. SIGHUP opens it anew.", in<&o::log, &o::log_options::file>, option_scope::process},
  option_row{"log.file_max_bytes", bytes, {1 << 10}, "", "", true,
    "Size at which it becomes FILE.1 (before the ending), FILE.1 becomes FILE.2, and so on.", in<&o::log, &o::log_options::file_max_bytes>, option_scope::process},
  option_row{"log.file_count", number, {1, 1000}, "", "", true,
    "Number of those files, the present one among them.", in<&o::log, &o::log_options::file_count>, option_scope::process},
  option_row{"log.statements", statement_policy, any, "", "", true,
    "What the log and the dashboard say of a statement: none (only its kind), shape (without its values), full.", in<&o::log, &o::log_options::statements>, option_scope::process},
  option_row{"log.slow_statement", seconds, {0, day_ms}, "", "", true,
    "Seconds after which an answered statement is logged as slow; 0 logs none.", in<&o::log, &o::log_options::slow_statement>, option_scope::process},

  option_row{"hook.command", text, any, "", "", false,
    "A program that is run when the server's state changes, a write becomes a dead letter, replay halts, or writes are refused or taken again: its path, without arguments. It gets the event as JSON on its standard input and in HOLDWATER_EVENT and others. Empty: none.", in<&o::hook, &o::hook_options::command>},
  option_row{"hook.url", secret, any, "", "", false,
    "Where the same JSON is POSTed: http://HOST[:PORT]/PATH or https://..., whose certificate one of the system's authorities must have signed. It may hold a secret, so it is not shown.", in<&o::hook, &o::hook_options::url>},
  option_row{"hook.timeout", seconds, {100, day_ms}, "", "", false,
    "Seconds that one run or request may take; then it is ended, and tried again.", in<&o::hook, &o::hook_options::timeout>},
};
// clang-format on

// What a sentence is wrapped to, "# " included.
constexpr std::size_t sample_width = 100;

std::string commented(std::string_view text) {
  std::string out;
  while (text.size() > sample_width - 2) {
    const auto space = text.rfind(' ', sample_width - 2);
    out.append("# ").append(text.substr(0, space)).append("\n");
    text.remove_prefix(space + 1);
  }
  return out.append("# ").append(text).append("\n");
}

std::string sources(const option_row& row) {
  std::string out = "Environment: " + environment_name(row);
  if (!row.environment.empty()) out.append(" or ").append(row.environment);
  out += '.';
  if (!row.flag.empty()) out.append(" Flag: ").append(row.flag).append(".");
  return out;
}

std::string_view section_of(std::string_view name) {
  const auto dot = name.find('.');
  return dot == name.npos ? std::string_view{} : name.substr(0, dot);
}

std::string_view key_of(std::string_view name) {
  return name.substr(name.find('.') + 1);
}

constexpr std::string_view sample_head = //
    "# Holdwater's configuration. Every option is shown with its default; remove the # to change one.\n"
    "# A flag beats the environment, the environment beats this file, this file beats the default.\n"
    "# Times are seconds, fractions allowed. Sizes are bytes, or text such as \"64MiB\".\n";

constexpr std::string_view sample_tail = //
    "\n# Further accounts that Holdwater authenticates itself, up or down, and whose writes it keeps. Any\n"
    "# number of these; password_file may stand in for password. plugin is as server.plugin.\n"
    "#[[account]]\n"
    "#user = \"shop\"\n"
    "#password = \"\"\n"
    "#plugin = \"\"\n"
    "\n# What is different for some statements. account, database (the default one, or that of a table), "
    "table\n"
    "# (or schema.table) and pattern (the whole text, as LIKE has it) are conditions, of which all that are\n"
    "# given must hold. Each of cache, max_stale, times_are_now, spool and hold is taken from the first "
    "rule\n"
    "# that says it.\n"
    "#[[rule]]\n"
    "#table = \"payments\"\n"
    "#cache = false\n"
    "#spool = false\n"
    "#[[rule]]\n"
    "#account = \"report\"\n"
    "#max_stale = 600\n"
    "#hold = 0.5\n"
    "#[[rule]]\n"
    "#table = \"django_session\"\n"
    "#times_are_now = true\n"
    "\n# Several services in one process: each has its own port, server, accounts and queue, and may have "
    "every option\n"
    "# above but those of the process (log, admin, net, stop_timeout, core_dumps). What it does not say is "
    "as it is\n"
    "# outside of these sections. data_dir is a folder of its name in the data_dir above, accounts and rules "
    "of its\n"
    "# own take the place of those above. The name: small letters, digits, _ and -.\n"
    "#[[service]]\n"
    "#name = \"orders\"\n"
    "#listen = \"127.0.0.1:6033\"\n"
    "#server.host = \"orders-db\"\n"
    "#server.database = \"orders\"\n"
    "#[[service.account]]\n"
    "#user = \"clerk\"\n"
    "#password = \"\"\n"
    "#[[service.rule]]\n"
    "#table = \"payments\"\n"
    "#cache = false\n"
    "#[[service]]\n"
    "#name = \"shop\"\n"
    "#listen = \"127.0.0.1:6034\"\n"
    "#[service.server]\n"
    "#host = \"shop-db\"\n"
    "#user = \"shop\"\n"
    "#password_file = \"/etc/holdwater/shop.password\"\n";

} // namespace

std::span<const option_row> option_table() {
  return table;
}

const option_row* find_option(std::string_view name) {
  const auto row = std::ranges::find(table, name, &option_row::name);
  return row == table.end() ? nullptr : &*row;
}

std::string environment_name(const option_row& row) {
  std::string out = "HOLDWATER_";
  for (const char c : row.name)
    out += c == '.' ? '_' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

std::string default_text(const option_row& row) {
  options defaults;
  return print_option(row.kind, row.field(defaults));
}

std::string sample_file() {
  std::string out(sample_head);
  std::string_view section;
  for (const auto& row : table) {
    out += '\n';
    if (section_of(row.name) != section) {
      section = section_of(row.name);
      out.append("[").append(section).append("]\n\n");
    }
    out += commented(row.sentence);
    out += commented(sources(row));
    out.append("#").append(key_of(row.name)).append(" = ").append(default_text(row)).append("\n");
  }
  return out.append(sample_tail);
}

} // namespace holdwater::proxy
