// A server's answer to a read, or to the preparing of one, kept as its packets, so that it can be given
// again: also to a client that speaks another form of the protocol (CLIENT_DEPRECATE_EOF or not, another
// first sequence id) than the one that it was first meant for.
//
// Stored are bytes. Integers are little-endian; lists of packets have their headers, with the sequence id 0.
//   result:   01, columns (lenenc), 1 if their definitions follow, hash of the definitions that the client
//   had
//             instead (8), status (2), warnings (2), then definitions and rows
//   prepared: 02, parameters (2), columns (2), hash of all definitions (8), then definitions
// Worked example, SELECT 1, status 2:
//   01 01 01 00..00 02 00 00 00 | 17 00 00 00 03 64 65 66 ... | 02 00 00 00 01 31
//
// Invariant: what is read back holds whole packets only, as many as are announced; what does not is
// malformed_packet.
//
// Source: MySQL "Text Resultset", "Binary Protocol Resultset", "COM_STMT_PREPARE Response"; MariaDB "Result
// Set Packets".
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/error.hpp"
#include "protocol/packet.hpp"

#include <cstdint>

namespace holdwater::protocol {

inline constexpr std::uint8_t stored_result_kind = 1, stored_prepared_kind = 2; // the first byte

// Of a whole answer of one result set, as the server sent it; `known_definitions`: what was said of the
// columns when the statement was prepared, should they be left out. Writes over `out`. False: it is not to be
// kept: an error, an OK, several results, one with a cursor or a change of the session, a row of 16 MiB.
[[nodiscard]] bool store_result(byte_span answer, capabilities negotiated, std::uint64_t known_definitions,
                                byte_buffer& out);
// The same of the answer to COM_STMT_PREPARE. `definitions`: response_tracker::definitions_hash().
[[nodiscard]] bool store_prepared(byte_span answer, capabilities negotiated, std::uint64_t definitions,
                                  byte_buffer& out);

struct stored_result {
  std::uint64_t columns = 0;
  bool defined = true;           // the definitions are there
  std::uint64_t definitions = 0; // hash of those that the client has; when they are not
  std::uint16_t status = 0;      // of the answer
  std::uint16_t warnings = 0;
  byte_span packets; // points into what was read
};
struct stored_prepared {
  std::uint16_t parameters = 0;
  std::uint16_t columns = 0;
  std::uint64_t definitions = 0; // hash of all of them
  byte_span packets;
};
[[nodiscard]] result<stored_result> read_stored_result(byte_span stored);
[[nodiscard]] result<stored_prepared> read_stored_prepared(byte_span stored);

// The whole answer, in the form that `negotiated` asks for. Precondition: without definitions, the client has
// them (cap::mariadb_cache_metadata).
void append_stored_result(byte_buffer& out, std::uint8_t sequence, const stored_result& one,
                          std::uint16_t status, std::uint16_t warnings, capabilities negotiated);
void append_stored_prepared(byte_buffer& out, std::uint8_t sequence, const stored_prepared& one,
                            std::uint32_t id, std::uint16_t status, capabilities negotiated);

} // namespace holdwater::protocol
