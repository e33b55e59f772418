// What makes a used server connection like a freshly opened one, as the few commands that say so. They go to
// the server in one write, alone or in front of the connection's next command, and are answered there.
//
// COM_RESET_CONNECTION leaves FOUND_ROWS() as it was, the database's collation forgotten, and the character
// set at the server's default instead of the login's (measured on MariaDB 10.11, 11.8 and MySQL 9.7). A
// SELECT that finds nothing mends the first; in front of a SELECT that sets FOUND_ROWS() itself it is left
// out. Over a compressed connection they go one by one, each after the answer to the one before: the servers
// drop what stands behind a command in its compressed packet (measured).
#pragma once

#include "protocol/command.hpp"
#include "protocol/packet.hpp"
#include "protocol/response_tracker.hpp"
#include "proxy/net/deadlines.hpp"
#include "proxy/net/task.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace holdwater::proxy {

class worker;
class wakeup;
struct collation;
struct server_link;

struct fresh_start {
  protocol::byte_buffer bytes;             // the commands' packets, the SELECT that finds nothing first
  std::vector<protocol::command> commands; // one for each packet
  std::vector<std::size_t> ends;           // where in the bytes each packet ends
  bool resets = false;                     // one is COM_RESET_CONNECTION
};

// With the reset alone, or followed by the choice of the login's database and character set.
[[nodiscard]] std::shared_ptr<const fresh_start> make_fresh_start(const server_link& link, bool database,
                                                                  const collation* names);

// For FOUND_ROWS() alone.
[[nodiscard]] std::shared_ptr<const fresh_start> forget_found_rows(const server_link& link);

// A COM_QUERY's packet, with the empty attributes that the link's capabilities may ask for.
void append_query(protocol::byte_buffer& out, const server_link& link, std::string_view statement);

// Where a link is between them and its next command.
class fresh_start_progress {
 public:
  // To be said before anything else.
  void owe(std::shared_ptr<const fresh_start> words) { unsaid_ = std::move(words); }
  [[nodiscard]] const fresh_start* unsaid() const { return unsaid_.get(); }
  // What to send of unsaid(), which counts as sent. `finds_rows`: in front of such a SELECT.
  [[nodiscard]] protocol::byte_span say(bool finds_rows);
  // ... one by one: the first that is not answered yet. Precondition: unsaid() or unanswered().
  [[nodiscard]] protocol::byte_span say_next();
  [[nodiscard]] std::size_t answered() const { return answered_; }
  // FOUND_ROWS() is still an earlier client's: the SELECT has failed.
  [[nodiscard]] bool found_rows_are_old() const { return found_rows_are_old_; }
  void found_rows() { found_rows_are_old_ = false; }
  [[nodiscard]] bool unanswered() const { return said_ != nullptr; }

  enum class step : std::uint8_t {
    done,
    more,   // bytes are missing
    failed, // the server did not do one of them
  };
  // Takes the answers off the front of what was received. Precondition: unanswered().
  step take_answers(server_link& link);

 private:
  std::shared_ptr<const fresh_start> unsaid_;
  std::shared_ptr<const fresh_start> said_;
  std::chrono::steady_clock::time_point said_at_{};
  std::size_t answered_ = 0;
  std::uint16_t status_ = 0; // of the last answer
  bool found_rows_are_old_ = false;
  protocol::response_tracker tracker_;
};

// Says what is unsaid and reads the answers. False: the link is of no use.
task<bool> settle(worker& home, wakeup& wake, server_link& link);

} // namespace holdwater::proxy
