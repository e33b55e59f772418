// A ring's side of the kernel: its queues, its buffers for what arrives, its timer. Only for ring.cpp and its
// like.
#pragma once

#include "proxy/net/ring.hpp"

#include <boost/system/system_error.hpp>

#include <liburing.h>

#include <functional>
#include <memory>
#include <new>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace holdwater::proxy {

inline boost::system::error_code system_error_of(int number) {
  return {number, boost::system::system_category()};
}

// What an entry of the ring is named by: the object, whose address is a multiple of 8, and what is done.
enum class operation : std::uint8_t { receive, send, poll, timer, cancel };
inline constexpr std::uint64_t operation_bits = 7;
inline std::uint64_t word_of(const void* object, operation what) {
  return reinterpret_cast<std::uintptr_t>(object) | static_cast<std::uint64_t>(what);
}
inline operation operation_of(std::uint64_t word) {
  return static_cast<operation>(word & operation_bits);
}
template <class Object>
Object* object_of(std::uint64_t word) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): word_of() made a number of it
  return reinterpret_cast<Object*>(word & ~operation_bits);
}

// A socket whose readiness somebody wants to know.
struct ring::watched {
  int socket = -1;
  poll_target* target = nullptr; // null: it only ends the wait
  bool shared = false;
  bool begun = false; // the kernel has it
  bool gone = false;
  bool queued = false;
  bool in_ready = false;
  bool telling = false;
  readiness now{};
};

struct ring::kernel {
  static constexpr unsigned entries = 256;
  static constexpr unsigned completions = 4096;
  // Few and small, since they are used in turn: what is larger is read by a call, into the reader's own
  // buffer.
  static constexpr unsigned buffers = 128;
  static constexpr int buffer_size = 2048;
  static constexpr std::uint16_t buffer_group = 0;
  static constexpr std::size_t most_kept_blocks = 256;

  kernel();
  ~kernel();
  kernel(const kernel&) = delete;
  kernel& operator=(const kernel&) = delete;

  void begin();
  void enter(ring& home, unsigned least, std::chrono::milliseconds longest);
  void end(const std::function<void()>& note);

  io_uring_sqe* next();
  void name(io_uring_sqe* entry, const void* object, operation what) {
    io_uring_sqe_set_data64(entry, word_of(object, what));
    ++under_way;
  }
  void cancel(std::uint64_t which);

  [[nodiscard]] std::uint8_t* buffer(int which) const {
    return memory.get() + static_cast<std::ptrdiff_t>(which) * buffer_size;
  }
  void give_back(int which);
  std::unique_ptr<std::uint8_t[]> take_block();
  void keep_block(std::unique_ptr<std::uint8_t[]> block);

  io_uring uring{};
  bool begun = false;
  bool ended = false;
  unsigned under_way = 0; // operations of the kernel's
  unsigned quick = 0;     // of those to be handed over, how many end at once, and tell nothing new

  bool timer_set = false;
  std::chrono::steady_clock::time_point timer_due;
  __kernel_timespec timer{};

  int bell = -1; // an eventfd
  bool bell_rings = false;

  static constexpr std::align_val_t page{4096};
  struct freed {
    void operator()(void* block) const { ::operator delete(block, page); }
  };
  std::unique_ptr<io_uring_buf_ring, freed> offered; // the buffers that the kernel may fill
  std::unique_ptr<std::uint8_t[]> memory;
  std::vector<std::unique_ptr<std::uint8_t[]>> spare_blocks;

  struct news {
    ring_socket* socket; // one of the two is null
    watched* poll;
  };
  std::unordered_set<const ring_socket*> full; // whose peers have taken nothing for a while
  std::vector<ring_socket*> queued;
  std::vector<watched*> queued_polls;
  std::vector<news> ready;
  std::unordered_map<ring_socket*, std::unique_ptr<ring_socket>> sockets;
  std::unordered_map<watched*, std::unique_ptr<watched>> polls;
  std::unordered_map<const poll_target*, watched*> by_target;

 private:
  bool set_timer(std::chrono::milliseconds longest);
};

} // namespace holdwater::proxy
