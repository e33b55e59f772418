// Follows the server's answer to one command while its bytes pass by, and tells where it ends.
//
// Invariant: the tracker never needs more than the bytes of the packet it is in, of which it keeps only the
// small ones that end something (OK, ERR, EOF; at most `max_kept` bytes); rows are counted by their headers
// and their first byte. It accepts the bytes cut anywhere.
//
// Source: MySQL "COM_QUERY Response", "COM_STMT_PREPARE Response", "COM_STMT_FETCH"; MariaDB "Result Set
// Packets" (cached metadata, progress reports).
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/command.hpp"
#include "protocol/error.hpp"
#include "protocol/fnv1a.hpp"
#include "protocol/messages.hpp"
#include "protocol/packet.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace holdwater::protocol {

class response_tracker {
 public:
  enum class state : std::uint8_t {
    in_progress,      // more bytes of this answer will come
    complete,         // the answer's last byte has been seen
    wants_local_file, // LOAD DATA LOCAL: the client must send its file now; call resume_after_file()
                      // afterwards
  };
  enum class ending : std::uint8_t { none, ok, err, eof, other }; // the packet that ended the last result

  // Begins with a new command. COM_CHANGE_USER and streams are not followed here.
  void start(command value, capabilities negotiated, bool may_open_cursor = true);
  void resume_after_file();

  // hide_changes.cpp: for a client without CLIENT_SESSION_TRACK where the server's connection has it. In
  // place of an OK that tells of changes the client gets append_shown(). So feed() stops before such an OK
  // and behind it, and before a packet of which it cannot be told yet.
  void hide_changes() { hides_ = true; }
  [[nodiscard]] bool hides() const { return hides_; }
  // Of the last feed().
  [[nodiscard]] bool holding() const { return holding_ || shown_due_; } // what was taken must not pass
  [[nodiscard]] bool shown_due() const { return shown_due_; }           // append_shown() is to be sent now
  [[nodiscard]] bool before_telling() const { return before_telling_; } // the next one will have it due
  [[nodiscard]] bool starved() const { return starved_; } // it goes on with more bytes than it was given
  void append_shown(byte_buffer& out) const;

  // Errors: malformed_packet, unexpected_packet; the connection cannot be followed any further then.
  // Walks `bytes`. Returns how many of them belong to this answer: all of them while in_progress; when the
  // answer is complete or wants a file, up to its last byte (what follows is unexpected).
  [[nodiscard]] result<std::size_t> feed(byte_span bytes);

  [[nodiscard]] state current() const { return state_; }
  [[nodiscard]] bool at_packet_boundary() const;    // no packet is partly seen
  [[nodiscard]] std::uint8_t next_sequence() const; // sequence id of the packet that would come next
  [[nodiscard]] bool saw_any() const;               // at least one byte was fed
  [[nodiscard]] std::uint64_t rows() const;         // rows seen in all result sets
  [[nodiscard]] bool in_rows() const; // between a result set's metadata and its end, where an ERR may stand

  // The last OK, ERR or EOF. Views point into the tracker and live until the next start() or feed().
  // A successful COM_STMT_PREPARE ends by `other`: what comes last there may carry no status.
  [[nodiscard]] ending ended_by() const;
  [[nodiscard]] const ok_message&
  ok() const; // precondition: ended_by() is ok; for eof, status and warnings are set
  [[nodiscard]] const err_message& err() const; // precondition: ended_by() is err
  // As the answer's last OK or EOF told it, also where an ERR came behind; 0: none did (one that more follows
  // is not 0).
  [[nodiscard]] std::uint16_t status() const { return ok_.status; }
  // The session-state blocks of all the answer's OKs, one behind the other (at most max_kept bytes): with
  // several results ok() shows only the last one's.
  [[nodiscard]] std::string_view session_state() const;
  // An EOF said that the session has changed, and no OK behind it says what.
  [[nodiscard]] bool changes_untold() const { return changes_untold_; }
  // COM_STMT_PREPARE: the statement id and counts that the server gave, 0 otherwise.
  [[nodiscard]] std::uint32_t statement_id() const;
  [[nodiscard]] std::uint16_t parameter_count() const;
  [[nodiscard]] std::uint16_t column_count() const;
  [[nodiscard]] bool defined() const { return definitions_follow_; } // the definitions were not left out
  [[nodiscard]] std::uint64_t definitions_hash() const; // of the definitions of parameters and columns

 private:
  // What the next message is.
  enum class phase : std::uint8_t {
    single,          // the only packet: OK, ERR or EOF
    line,            // the only packet: text, or ERR
    head,            // OK, ERR, LOCAL INFILE, or a column count
    prepare_head,    // COM_STMT_PREPARE_OK, or ERR
    definitions,     // a counted block of column definitions
    definitions_end, // the EOF behind such a block
    column_list,     // column definitions until EOF
    rows,            // rows until EOF, or OK
  };
  // What the message that is passing by is; all but `passing` are kept until they are whole.
  enum class role : std::uint8_t { passing, ok, err, eof, head, prepare_head };

  static constexpr std::size_t max_kept = std::size_t{1} << 20; // a longer OK loses its session state

  // hiding: what is before a packet
  enum class ahead : std::uint8_t { passes, unclear, part_of_ok, telling_ok };
  [[nodiscard]] ahead look_ahead(byte_span bytes);
  [[nodiscard]] bool may_go_on(byte_span bytes, std::size_t at);

  // framing
  std::size_t skip_whole_packets(byte_span bytes);
  result<std::size_t> take_whole_packet(byte_span bytes);
  std::size_t take_header(byte_span bytes);
  result<std::size_t> take_payload(byte_span bytes);
  void keep(byte_span bytes);
  result<void> begin_message(std::uint8_t first);
  result<void> begin_empty_message();
  result<void> end_packet();

  // meaning
  [[nodiscard]] result<role> role_of(std::uint8_t first) const;
  [[nodiscard]] role role_of_end() const;
  [[nodiscard]] bool ends_rows() const;
  result<void> end_message();
  void end_passing();
  result<void> end_ok();
  void collect_session_state();
  result<void> end_eof(byte_span payload);
  result<void> end_err();
  result<void> read_head(byte_span payload);
  result<void> read_prepare_head();
  void begin_definitions(std::uint64_t count);
  void end_definitions();
  void end_block();
  void end_prepare_block();
  void end_result(ending how);
  void finish(ending how);
  [[nodiscard]] bool negotiated(capabilities flag) const { return (capabilities_ & flag) != 0; }

  // the command
  capabilities capabilities_ = 0;
  command command_ = command::sleep;

  // the packet that is passing by
  std::array<std::uint8_t, packet_header_size> header_{};
  std::uint8_t header_size_ = 0;   // bytes of it that have been seen
  bool in_packet_ = false;         // the header is whole, the packet is not
  bool continued_ = false;         // the packet continues a message that began before
  bool first_byte_due_ = false;    // the message's first byte has not been seen
  std::uint32_t packet_size_ = 0;  // payload bytes, as its header says
  std::uint32_t payload_left_ = 0; // payload bytes not seen yet
  std::uint8_t next_sequence_ = 1;
  bool saw_any_ = false;

  // hiding
  bool hides_ = false;
  bool starved_ = false;
  bool before_telling_ = false;
  bool holding_ = false;   // the packet that is passing by is held back
  bool shown_due_ = false; // it was, and is whole

  // the answer
  state state_ = state::complete;
  phase phase_ = phase::single;
  role role_ = role::passing;
  ending ended_by_ = ending::none;
  bool definitions_follow_ = true; // false: the definitions are left out, the client has them
  bool columns_due_ = false;       // COM_STMT_PREPARE: column definitions come behind the parameters
  bool may_open_cursor_ = true;    // a procedure's own open cursors show in the status too
  bool changes_untold_ = false;
  bool out_parameters_ = false; // the rows are OUT parameters, as the EOF behind the definitions said
  std::uint64_t definitions_left_ = 0;
  std::uint64_t rows_ = 0;
  std::uint32_t statement_id_ = 0;
  std::uint16_t parameter_count_ = 0;
  std::uint16_t column_count_ = 0;
  fnv1a definitions_;
  byte_buffer kept_; // its capacity is kept from answer to answer
  byte_buffer session_state_;
  ok_message ok_;
  err_message err_;
};

} // namespace holdwater::protocol
