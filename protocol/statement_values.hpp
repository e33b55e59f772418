// The values in COM_STMT_EXECUTE and in each row of COM_STMT_BULK_EXECUTE, and the answer to
// COM_STMT_PREPARE.
//
// Source: MySQL "COM_STMT_EXECUTE", "Binary Protocol Value", "COM_STMT_PREPARE Response"; MariaDB
// "COM_STMT_BULK_EXECUTE".
// Worked example: in 17 | 01 00 00 00 | 00 | 01 00 00 00 | 02 | 01 | 03 00 fd 00 | 2a 00 00 00 the first of
// two values is the LONG 2a 00 00 00, the second is NULL.
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/error.hpp"
#include "protocol/messages.hpp"
#include "protocol/packet.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace holdwater::protocol {

struct bound_value {
  // What a bulk row may say instead of a value.
  enum class kind : std::uint8_t { value, null, by_default, ignored, elsewhere };
  kind what = kind::value;  // elsewhere: it was sent by COM_STMT_SEND_LONG_DATA
  std::uint8_t type = 0;    // MYSQL_TYPE_...
  bool is_unsigned = false; //
  std::string_view bytes;   // of `value`: without the length before it; points into the payload
};
using bound_row = std::vector<bound_value>;

// The rows that the command executes its statement with: one for COM_STMT_EXECUTE, which has no values when
// `parameters` is 0. `types` are those sent last, used where the command brings none; `sent_before[i]` says
// that the i-th value came as long data (may be shorter: not). Query attributes are passed over.
// Errors: malformed_packet; unknown_type.
[[nodiscard]] result<std::vector<bound_row>> read_values(byte_span payload, std::uint16_t parameters,
                                                         byte_span types, capabilities negotiated,
                                                         const std::vector<bool>& sent_before);

// The answer to COM_STMT_PREPARE, whole packets. `columns`: of the result, nothing for a write.
void append_prepared(byte_buffer& out, std::uint8_t sequence, std::uint32_t id, std::uint16_t parameters,
                     const text_result_set& columns, std::uint16_t status, capabilities negotiated);

} // namespace holdwater::protocol
