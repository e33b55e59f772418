// What Holdwater itself says to a client: one table maps each of our errors to its MySQL number and SQLSTATE.
//
// Source: MySQL "Server Error Message Reference"; SQLSTATE 08007 is "transaction resolution unknown" (SQL
// standard).
#pragma once

#include "protocol/messages.hpp"
#include "spool/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdwater::proxy {

enum class client_error : std::uint8_t {
  access_denied,         // wrong password
  too_many_connections,  // max_connections of the proxy
  bad_handshake,         // what the client sent is no handshake response
  insecure_transport,    // no TLS where client_tls.mode requires it
  malformed_packet,      // a command that cannot be read
  packet_too_large,      // a write larger than spool.max_statement_bytes, in an outage
  stopping,              // Holdwater ends, and the client was busy until now
  no_greeting,           // the server was never met, so nobody knows what it would say
  account_not_known,     // a relayed account cannot log in without the server
  needs_server,          // cannot be done truthfully in an outage
  writes_not_accepted,   // the spool cannot take a write now
  disk_full,             // ... since the disk is full
  spool_full,            // ... since spool.max_bytes or spool.max_age is reached
  transaction_lost,      // the open transaction was rolled back with the server
  outcome_unknown,       // the answer of a write was lost
  statement_lost,        // a prepared statement cannot go on as the client knows it
  unknown_statement,     // no prepared statement has that name or id
  unknown_thread,        // KILL of an id that nobody has
  transaction_full,      // a collected transaction has no room for this statement
  read_only_transaction, // a write in a transaction that is READ ONLY
  transaction_open,      // SET TRANSACTION while one is open
  no_savepoint,          // of that name
  interrupted,           // by KILL QUERY, at a replica
  answer_cut,            // a result was partly passed on when the server was lost
};

struct error_code_row {
  std::uint16_t number;
  std::string_view sql_state;
};
[[nodiscard]] error_code_row row_of(client_error which);

// MariaDB's C library (mysqlclient, DBD::MariaDB, `mariadb`) shows an error with a client library's number,
// from 2000 on, as a 2027 of its own, without its text. Its clients get 1927 (ER_CONNECTION_KILLED) instead.
// `attributes`: the login's connection attributes, as they came; that library tells its name in
// `_client_name`.
[[nodiscard]] error_code_row row_for(std::string_view attributes, client_error which);

// Why a write could not be appended to the queue.
[[nodiscard]] client_error error_of_append(const boost::system::error_code& code);

// `text` is for people and gets "Holdwater: " in front, except where it imitates the server.
[[nodiscard]] std::string client_error_text(client_error which, std::string_view text);
// Appends an ERR packet with it, for a client with these attributes.
void append_client_error(protocol::byte_buffer& out, std::uint8_t sequence, client_error which,
                         std::string_view text, protocol::capabilities negotiated,
                         std::string_view attributes = {});

// The number of a Note that tells what an answer is or lacks: ER_UNKNOWN_ERROR, as servers number what they
// have no number for.
inline constexpr unsigned note_number = 1105;
// What of the queue an answer lacks, as such a Note goes on. `of_it`: writes to what it reads.
[[nodiscard]] std::string_view missing_writes(bool of_it, bool any);

// As the server says it.
[[nodiscard]] std::string denied_text(const std::string& user, const std::string& host, bool with_password);

} // namespace holdwater::proxy
