// A plain socket whose bytes an io_uring moves: one receive and one send at a time, begun together with all
// others when the loop waits next. What a receive brought lies here until its owner takes it.
//
// Invariant: the kernel's operations refer to this object and to memory of it or of its ring, never to the
// owner's; so it outlives its owner until they have ended, and closes the descriptor only then. Bytes that
// send() took are sent in order, also after leave(), unless the peer takes none.
#pragma once

#include "protocol/packet.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace holdwater::proxy {

class ring;

// Who a ring_socket moves bytes for.
class ring_user {
 public:
  // A receive or a send of its has ended. May destroy the user.
  virtual void on_moved() = 0;

 protected:
  ~ring_user() = default;
};

class ring_socket {
 public:
  static constexpr std::size_t most_sent = 4096; // by one send()

  // Of a receive that has ended.
  enum class arrival : std::uint8_t {
    none,  // nothing has arrived
    bytes, // take() gives them
    look,  // whether there are any, only the socket can tell
    end,   // by the peer, or an error: failure() says which
  };

  // --- receiving. Precondition of ask(): no receive is under way, and nothing has arrived.
  void ask();
  [[nodiscard]] bool asked() const { return receiving_; }
  [[nodiscard]] arrival arrived() const { return arrival_; }
  // Moves what arrived into `room`; what does not fit stays. Returns how much; then none or bytes is left.
  std::size_t take(std::span<std::uint8_t> room);
  [[nodiscard]] bool more_behind() const { return more_behind_; } // the socket has more than take() gave
  void look_taken() { arrival_ = arrival::none; }

  // --- sending. Precondition: not sending(), not failed. Takes up to most_sent bytes.
  std::size_t send(protocol::byte_span bytes);
  [[nodiscard]] bool sending() const { return left_ > 0; } // what was taken is not sent whole
  void tell_when_sent() { tell_sent_ = true; }             // the user, once
  [[nodiscard]] int send_failure() const { return send_failure_; }
  // The bytes that wait to be handed to the kernel are not sent any more. True when it has not taken all that
  // send() took, and will not.
  bool withdraw();

  [[nodiscard]] int failure() const { return failure_; } // errno of an end, 0: the peer has closed

  // The user is told at the next wait all the same.
  void tell_again();

  // The owner has no more interest. The socket is closed when what was taken is sent.
  void leave();
  // Ends both operations before it returns. Then the descriptor is the caller's, and this object is gone
  // after release().
  void settle();
  int release();

 private:
  friend class ring;
  ring_socket(ring& home, int descriptor, ring_user& user);
  void queue();
  [[nodiscard]] bool busy() const;
  void drop_arrival();
  void keep_arrival();

  ring& home_;
  int descriptor_;
  ring_user* user_; // null after leave()
  // receiving
  bool receiving_ = false;     // asked for, and not ended
  bool receive_begun_ = false; // the kernel has it
  bool cancel_ = false;        // it is to be ended
  arrival arrival_ = arrival::none;
  bool more_behind_ = false;
  int failure_ = 0;
  std::span<const std::uint8_t> arrived_; // in the ring's buffer, or in kept_
  int buffer_ = -1;                       // the ring's buffer
  std::vector<std::uint8_t> kept_;
  // sending
  std::unique_ptr<std::uint8_t[]> block_;
  std::size_t left_ = 0; // at its end
  std::size_t size_ = 0;
  bool send_begun_ = false;
  int send_failure_ = 0;
  bool tell_sent_ = false;
  // the ring's lists
  bool queued_ = false;   // something is to be handed to the kernel
  bool in_ready_ = false; // its user is to be told
  bool telling_ = false;  // its user is being told
};

} // namespace holdwater::proxy
