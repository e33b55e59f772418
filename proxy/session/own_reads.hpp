// A session's part in own_writes/: it tells what it writes at the server, keeps the shapes of reads of rows,
// and answers such reads in an outage. Of sessions where it is on.
#pragma once

#include "protocol/packet.hpp"
#include "protocol/sql/point_statements.hpp"
#include "proxy/cache/memory_tier.hpp"
#include "proxy/own_writes/own_writes.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/decide.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

class session;

class own_reads {
 public:
  explicit own_reads(session& mine);

  // Around each command that the server carries out, as far as it may write.
  void begin_write(const command_facts& facts, const prepared_statement* executed);
  void nothing_done(); // by the server, of what was begun
  void end_command();
  void end_session();
  // A transaction that was collected goes to the server now.
  void begin_collected(const std::vector<spool::statement>& statements);

  void keep_shape(protocol::byte_span stored); // of the answer to a text or an execution
  void forget_shape();

  [[nodiscard]] bool may_show(const command_facts& facts, const server_view& server) const;
  [[nodiscard]] bool make_key(); // the shape's, into the worker's scratch
  [[nodiscard]] bool find(situation& now);

 private:
  void note_in_transaction(const written_tables& what);
  void end_transaction();
  void leave_alone(const written_tables& last);
  [[nodiscard]] std::uint64_t mark_of_shape();
  [[nodiscard]] std::string_view text_of_read() const;
  [[nodiscard]] bool make_key(const protocol::sql::point_read& read, std::string_view text);
  [[nodiscard]] bool bind_row(protocol::sql::point_read& read);
  [[nodiscard]] std::optional<cached_answer> find_kept();
  [[nodiscard]] std::chrono::microseconds age_of(const cached_answer& one) const;

  session& mine_;
  own_writes& own_;
  written_tables writes_;               // the command
  bool alters_ = false;                 // ... definitions, perhaps
  bool may_commit_ = false;             // ... ends the transaction, perhaps
  own_writes::busy_tables busy_;        // from before it is sent
  std::uint32_t sent_over_ = 0;         // the server's number of the connection, 0: it was not sent
  std::uint64_t sent_in_ = 0;           // state_board's number when that was opened
  std::string sent_as_;                 // who was logged in over it
  std::vector<written_tables> written_; // by the server, in the transaction that is open there
};

} // namespace holdwater::proxy
