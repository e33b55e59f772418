// Capability flags that client and server negotiate in the handshake, and the server's status flags.
//
// Source: MySQL "Capability Flags" and "SERVER_STATUS_flags_enum" (dev.mysql.com/doc/dev/mysql-server),
// MariaDB knowledge base "Connecting", section "Capabilities" (the extended flags, bits 32 and up).
#pragma once

#include <cstdint>

namespace holdwater::protocol {

// A set of capability flags. The lower 32 bits are MySQL's; the upper 32 are MariaDB's extended ones.
using capabilities = std::uint64_t;

namespace cap {
inline constexpr capabilities long_password = 1ULL << 0; // unset by MariaDB >= 10.2: "CLIENT_MYSQL"
inline constexpr capabilities found_rows = 1ULL << 1;
inline constexpr capabilities long_flag = 1ULL << 2;
inline constexpr capabilities connect_with_db = 1ULL << 3;
inline constexpr capabilities no_schema = 1ULL << 4;
inline constexpr capabilities compress = 1ULL << 5;
inline constexpr capabilities odbc = 1ULL << 6;
inline constexpr capabilities local_files = 1ULL << 7;
inline constexpr capabilities ignore_space = 1ULL << 8;
inline constexpr capabilities protocol_41 = 1ULL << 9;
inline constexpr capabilities interactive = 1ULL << 10;
inline constexpr capabilities ssl = 1ULL << 11;
inline constexpr capabilities ignore_sigpipe = 1ULL << 12;
inline constexpr capabilities transactions = 1ULL << 13;
inline constexpr capabilities reserved = 1ULL << 14;
inline constexpr capabilities secure_connection = 1ULL << 15; // MySQL 8+: "RESERVED2"
inline constexpr capabilities multi_statements = 1ULL << 16;
inline constexpr capabilities multi_results = 1ULL << 17;
inline constexpr capabilities ps_multi_results = 1ULL << 18;
inline constexpr capabilities plugin_auth = 1ULL << 19;
inline constexpr capabilities connect_attrs = 1ULL << 20;
inline constexpr capabilities plugin_auth_lenenc_data = 1ULL << 21;
inline constexpr capabilities can_handle_expired_passwords = 1ULL << 22;
inline constexpr capabilities session_track = 1ULL << 23;
inline constexpr capabilities deprecate_eof = 1ULL << 24;
inline constexpr capabilities optional_resultset_metadata = 1ULL << 25;
inline constexpr capabilities zstd_compression = 1ULL << 26;
inline constexpr capabilities query_attributes = 1ULL << 27;
inline constexpr capabilities multi_factor_authentication = 1ULL << 28;
inline constexpr capabilities capability_extension = 1ULL << 29;
inline constexpr capabilities ssl_verify_server_cert = 1ULL << 30;
inline constexpr capabilities remember_options = 1ULL << 31;
// MariaDB's, sent only when long_password ("CLIENT_MYSQL") is not set
inline constexpr capabilities mariadb_progress = 1ULL << 32;
inline constexpr capabilities mariadb_com_multi = 1ULL << 33;
inline constexpr capabilities mariadb_stmt_bulk = 1ULL << 34;
inline constexpr capabilities mariadb_extended_metadata = 1ULL << 35;
inline constexpr capabilities mariadb_cache_metadata = 1ULL << 36;
inline constexpr capabilities mariadb_bulk_unit_results = 1ULL << 37;
} // namespace cap

// Status flags in OK and EOF packets.
namespace server_status {
inline constexpr std::uint16_t in_trans = 0x0001;
inline constexpr std::uint16_t autocommit = 0x0002;
inline constexpr std::uint16_t more_results_exists = 0x0008;
inline constexpr std::uint16_t no_good_index_used = 0x0010;
inline constexpr std::uint16_t no_index_used = 0x0020;
inline constexpr std::uint16_t cursor_exists = 0x0040;
inline constexpr std::uint16_t last_row_sent = 0x0080;
inline constexpr std::uint16_t db_dropped = 0x0100;
inline constexpr std::uint16_t no_backslash_escapes = 0x0200;
inline constexpr std::uint16_t metadata_changed = 0x0400;
inline constexpr std::uint16_t query_was_slow = 0x0800;
inline constexpr std::uint16_t ps_out_params = 0x1000;
inline constexpr std::uint16_t in_trans_readonly = 0x2000;
inline constexpr std::uint16_t session_state_changed = 0x4000;
inline constexpr std::uint16_t ansi_quotes = 0x8000; // MariaDB only
} // namespace server_status

} // namespace holdwater::protocol
