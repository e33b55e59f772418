// Follows the server's answer to one command while its bytes pass by, and tells where it ends.
//
// Invariant: the tracker never needs more than the bytes of the packet it is in, of which it keeps only the small
// ones that end something (OK, ERR, EOF; at most `max_kept` bytes); rows are counted by their headers and their
// first byte. It accepts the bytes cut anywhere.
//
// Source: MySQL "COM_QUERY Response", "COM_STMT_PREPARE Response", "COM_STMT_FETCH"; MariaDB "Result Set Packets"
// (cached metadata, progress reports).
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/command.hpp"
#include "protocol/error.hpp"
#include "protocol/messages.hpp"
#include "protocol/packet.hpp"

#include <array>
#include <cstdint>

namespace holdwater::protocol {

class response_tracker {
public:
  enum class state : std::uint8_t {
    in_progress,      // more bytes of this answer will come
    complete,         // the answer's last byte has been seen
    wants_local_file, // LOAD DATA LOCAL: the client must send its file now; call resume_after_file() afterwards
  };
  enum class ending : std::uint8_t { none, ok, err, eof, other }; // the packet that ended the last result

  // Begins with a new command. COM_CHANGE_USER and streams are not followed here.
  void start(command value, capabilities negotiated);
  void resume_after_file();

  // Walks `bytes`. Returns how many of them belong to this answer: all of them while in_progress; when the answer is
  // complete or wants a file, up to its last byte (what follows is unexpected).
  [[nodiscard]] result<std::size_t> feed(byte_span bytes);

  [[nodiscard]] state current() const { return state_; }
  [[nodiscard]] bool at_packet_boundary() const;     // no packet is partly seen
  [[nodiscard]] std::uint8_t next_sequence() const;  // sequence id of the packet that would come next
  [[nodiscard]] bool saw_any() const;                // at least one byte was fed
  [[nodiscard]] std::uint64_t rows() const;          // rows seen in all result sets
  [[nodiscard]] bool in_rows() const;                // between a result set's metadata and its end, where an ERR may stand

  // The last OK, ERR or EOF. Views point into the tracker and live until the next start() or feed().
  [[nodiscard]] ending ended_by() const;
  [[nodiscard]] const ok_message& ok() const;   // precondition: ended_by() is ok; for eof, status and warnings are set
  [[nodiscard]] const err_message& err() const; // precondition: ended_by() is err
  // COM_STMT_PREPARE: the statement id and counts that the server gave, 0 otherwise.
  [[nodiscard]] std::uint32_t statement_id() const;
  [[nodiscard]] std::uint16_t parameter_count() const;
  [[nodiscard]] std::uint16_t column_count() const;

private:
  // the implementer's
};

} // namespace holdwater::protocol
