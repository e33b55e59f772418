// Where the packets that end something say the session's status and count the warnings, so that this can be
// written over.
//
// Source: MySQL "EOF_Packet", "OK_Packet". Worked examples, status 2, one warning: fe | 01 00 | 02 00;
// fe | 00 00 | 02 00 | 01 00 as an OK that stands for the EOF.
#pragma once

#include "protocol/packet.hpp"

#include <cstddef>
#include <optional>

namespace holdwater::protocol {

struct answer_end {
  std::size_t status = 0; // where in the payload; two bytes, as the other
  std::size_t warnings = 0;
};
// Of an EOF's payload, or an OK's. Nothing when it is too short to be one.
[[nodiscard]] std::optional<answer_end> find_answer_end(byte_span payload);

// Whether it is an EOF of the older form, as it stands behind definitions. Precondition: it is no row.
[[nodiscard]] bool is_eof(byte_span payload);

} // namespace holdwater::protocol
