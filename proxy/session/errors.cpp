#include "proxy/session/errors.hpp"

#include "protocol/packet.hpp"

#include <fmt/format.h>

namespace holdwater::proxy {
namespace {

bool is_libmariadb(std::string_view attributes) {
  protocol::payload_reader in(protocol::as_bytes(attributes));
  while (!in.failed() && in.remaining() > 0) {
    const auto key = in.lenenc_string();
    const auto value = in.lenenc_string();
    if (key == "_client_name") return value == "libmariadb";
  }
  return false;
}

} // namespace

error_code_row row_of(client_error which) {
  switch (which) {
  case client_error::access_denied: return {1045, "28000"};        // ER_ACCESS_DENIED_ERROR
  case client_error::too_many_connections: return {1040, "08004"}; // ER_CON_COUNT_ERROR
  case client_error::bad_handshake: return {1043, "08S01"};        // ER_HANDSHAKE_ERROR
  case client_error::insecure_transport: return {3159, "HY000"};   // ER_SECURE_TRANSPORT_REQUIRED
  case client_error::malformed_packet: return {1835, "HY000"};     // ER_MALFORMED_PACKET
  case client_error::packet_too_large: return {1153, "08S01"};     // ER_NET_PACKET_TOO_LARGE
  case client_error::stopping:
  case client_error::no_greeting: return {1053, "08S01"}; // ER_SERVER_SHUTDOWN
  case client_error::account_not_known:
  case client_error::needs_server:
  case client_error::writes_not_accepted: return {3032, "HY000"}; // ER_SERVER_OFFLINE_MODE
  case client_error::disk_full: return {1021, "HY000"};           // ER_DISK_FULL
  case client_error::spool_full: return {1114, "HY000"};          // ER_RECORD_FILE_FULL
  case client_error::transaction_lost: return {1213, "40001"};    // ER_LOCK_DEADLOCK: drivers retry on it
  case client_error::outcome_unknown: return {2013, "08007"};     // CR_SERVER_LOST
  case client_error::statement_lost: return {1615, "HY000"};      // ER_NEED_REPREPARE
  case client_error::unknown_statement: return {1243, "HY000"};   // ER_UNKNOWN_STMT_HANDLER
  case client_error::unknown_thread: return {1094, "HY000"};      // ER_NO_SUCH_THREAD
  case client_error::transaction_full: return {1197, "HY000"};    // ER_TRANS_CACHE_FULL
  case client_error::read_only_transaction:
    return {1792, "25006"};                                    // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
  case client_error::transaction_open: return {1568, "25001"}; // ER_CANT_CHANGE_TX_CHARACTERISTICS
  case client_error::no_savepoint: return {1305, "42000"};     // ER_SP_DOES_NOT_EXIST
  case client_error::interrupted: return {1317, "70100"};      // ER_QUERY_INTERRUPTED
  case client_error::answer_cut: return {2013, "HY000"};
  }
  return {note_number, "HY000"};
}

error_code_row row_for(std::string_view attributes, client_error which) {
  constexpr unsigned first_of_a_client_library = 2000, end_of_those = 3000;
  auto row = row_of(which);
  if (row.number >= first_of_a_client_library && row.number < end_of_those && is_libmariadb(attributes))
    row.number = 1927; // ER_CONNECTION_KILLED
  return row;
}

client_error error_of_append(const boost::system::error_code& code) {
  return code == spool::errc::disk_full  ? client_error::disk_full
         : code == spool::errc::full     ? client_error::spool_full
         : code == spool::errc::in_doubt ? client_error::outcome_unknown
                                         : client_error::writes_not_accepted;
}

std::string client_error_text(client_error which, std::string_view text) {
  switch (which) {
  case client_error::access_denied:
  case client_error::unknown_statement:
  case client_error::unknown_thread:
  case client_error::too_many_connections:
  case client_error::no_savepoint:
  case client_error::read_only_transaction:
  case client_error::transaction_open:
  case client_error::interrupted: return std::string(text);
  default: return fmt::format("Holdwater: {}", text);
  }
}

void append_client_error(protocol::byte_buffer& out, std::uint8_t sequence, client_error which,
                         std::string_view text, protocol::capabilities negotiated,
                         std::string_view attributes) {
  const auto [number, sql_state] = row_for(attributes, which);
  protocol::append_err(out, sequence, {number, sql_state, client_error_text(which, text)}, negotiated);
}

std::string_view missing_writes(bool of_it, bool any) {
  if (of_it) return "; writes to what it reads are queued and not in it";
  return any ? "; other writes are queued" : "";
}

std::string denied_text(const std::string& user, const std::string& host, bool with_password) {
  return fmt::format("Access denied for user '{}'@'{}' (using password: {})", user, host,
                     with_password ? "YES" : "NO");
}

} // namespace holdwater::proxy
