// Between the sessions and the spool: hands units over, and tells a session what became of its own, whoever
// knows it first: the spool (it is durable), or the replay (the server's real answer).
//
// Invariant: a ticket is settled exactly once. Either its client got the spooled OK, and then a refusal by
// the server makes a dead letter; or its client still waits, and then it gets the server's answer and there
// is no dead letter.
#pragma once

#include "proxy/server/state_board.hpp"
#include "spool/replayer.hpp"
#include "spool/spool.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace holdwater::proxy {

class own_writes;

class ticket {
 public:
  enum class phase : std::uint8_t {
    appending,    // not durable yet
    failed,       // not accepted: failure() says why
    durable,      // in the spool; the client waits
    acknowledged, // the client has the spooled OK, or has gone without an answer
    applied,      // the server applied it while the client waited: answers() (empty when its answer was lost)
    refused,      // the server refused it while the client waited: error()
  };

  explicit ticket(std::function<void()> wake) : wake_(std::move(wake)) {}

  [[nodiscard]] phase now() const { return phase_.load(std::memory_order_acquire); }
  [[nodiscard]] spool::seq number() const { return number_; }
  [[nodiscard]] const spool::failure& failure() const { return failure_; }
  [[nodiscard]] const std::vector<spool::statement_answer>& answers() const { return answers_; }
  [[nodiscard]] const spool::server_error& error() const { return error_; }

  // durable -> acknowledged. False when the replay was faster: now() then tells what it said.
  [[nodiscard]] bool acknowledge() { return move(phase::durable, phase::acknowledged); }

 private:
  friend class write_queue;

  bool move(phase from, phase to) {
    return phase_.compare_exchange_strong(from, to, std::memory_order_acq_rel);
  }

  std::function<void()> wake_; // callable from any thread
  std::atomic<phase> phase_{phase::appending};
  spool::seq number_ = 0; // the rest is written before the phase that makes it readable
  spool::failure failure_;
  std::vector<spool::statement_answer> answers_;
  spool::server_error error_;
};

class write_queue final : public spool::replay_observer {
 public:
  write_queue(spool::spool& queue, state_board& board) : queue_(queue), board_(board) {}

  // Who looks at each unit before its client is told of it. Before any thread runs.
  void shown_to(own_writes* follower) { follower_ = follower; }

  // Hands the unit over. Precondition: board.enter_append() was true; the queue leaves it when the append has
  // ended. `wake` is called on another thread whenever the ticket's phase has changed.
  [[nodiscard]] std::shared_ptr<ticket> append(spool::unit what, std::function<void()> wake);
  // The session no longer waits for the ticket. Unless it was settled for it, the unit counts as acknowledged
  // from now on: a refusal by the server makes a dead letter.
  void leave(ticket& one);

  void applied(spool::seq number, const std::vector<spool::statement_answer>& answers) override;
  bool refused(spool::seq number, const spool::server_error& error) override;

  // The disk has not taken something that a write needs beside the queue, and it was refused for that.
  void not_recorded(const spool::failure& why);

  // Why the last write was not made durable, for a while and unless one was since.
  [[nodiscard]] std::optional<spool::failure> recent_failure() const;

  [[nodiscard]] std::uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t replayed() const { return replayed_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t failed() const { return failed_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t died() const { return died_.load(std::memory_order_relaxed); }

 private:
  void appended(const std::shared_ptr<ticket>& one, spool::result<spool::seq> outcome);
  // Takes the ticket of a unit out of the map; null when its client no longer waits.
  std::shared_ptr<ticket> take(spool::seq number);
  static bool tell_refused(ticket& one, const spool::server_error& error);

  spool::spool& queue_;
  state_board& board_;
  own_writes* follower_ = nullptr;
  mutable std::mutex mutex_;
  std::unordered_map<spool::seq, std::shared_ptr<ticket>> waiting_;
  std::optional<spool::failure> last_failure_;
  std::chrono::steady_clock::time_point failed_at_;
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> replayed_{0};
  std::atomic<std::uint64_t> failed_{0}; // not made durable
  std::atomic<std::uint64_t> died_{0};   // made dead letters
};

} // namespace holdwater::proxy
