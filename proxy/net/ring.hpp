// An io_uring that one thread's loop waits in: sends and receives of plain sockets (ring_socket), readiness
// of all others (poll_target). What the sessions ask for during a turn of the loop is handed to the kernel by
// the one call that also waits.
//
// Invariant: used by one thread, that of the first wait(). What has ended is first noted, all of it, and only
// then told, so that nobody acts on half of the news. end() comes before the end of that thread; after it no
// operation is under way.
//
// Sources: io_uring(7), io_uring_setup(2) (IORING_SETUP_DEFER_TASKRUN), io_uring_register(2) (buffer rings).
#pragma once

#include "proxy/net/poller.hpp"
#include "proxy/net/ring_socket.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace holdwater::proxy {

class ring {
 public:
  // Why this kernel, or what confines the process, does not let a ring work; empty when it does. Sends a byte
  // through one.
  [[nodiscard]] static std::string why_not();

  ring(); // throws boost::system::system_error
  ~ring();
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;

  // Takes over a connected socket.
  [[nodiscard]] ring_socket& open(int descriptor, ring_user& user);

  // As poller has them.
  void watch(int socket, poll_target* target);
  void watch_shared(int socket, poll_target* target);
  void forget(const poll_target* target);
  // Calls the target at the next wait() all the same.
  void tell_again(const poll_target* target);

  // Hands over what was asked for, waits until something has ended, at most `longest` (negative: for ever),
  // and tells it.
  void wait(std::chrono::milliseconds longest);
  // Hands over what was asked for and notes what has ended; it is told later.
  void hand_over();
  [[nodiscard]] bool unsettled() const; // something waits to be handed over or to be told

  // A descriptor that becomes readable when something has ended, while that is switched on.
  [[nodiscard]] int bell() const;
  void ring_bell(bool on);
  void silence_bell(); // it is readable until then

  // Ends every operation. On the thread that waited.
  void end();

 private:
  friend class ring_socket;
  struct kernel;
  struct watched;

  void add(int socket, poll_target* target, bool shared);
  void queue(watched& one);
  void retire(watched& one);
  void prepare();
  void prepare(ring_socket& one);
  void prepare(watched& one);
  void note();
  void note_receive(ring_socket& one, int result, std::uint32_t flags);
  void note_send(ring_socket& one, int result);
  void note_poll(watched& one, int result, std::uint32_t flags);
  void make_ready(ring_socket& one);
  void tell();
  void tell(ring_socket& one);
  void tell(watched& one);
  void retire(ring_socket& one);

  std::unique_ptr<kernel> kernel_;
};

} // namespace holdwater::proxy
