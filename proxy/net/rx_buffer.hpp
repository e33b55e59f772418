// Received bytes that are not consumed yet: one block, filled at the end, consumed at the front. An empty
// buffer can give its block back, so that an idle connection holds none.
#pragma once

#include "protocol/packet.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace holdwater::proxy {

class rx_buffer {
 public:
  static constexpr std::size_t small_size = 16UL * 1024; // what a connection starts with
  static constexpr std::size_t large_size = 64UL * 1024; // what it grows to when a read fills it

  rx_buffer() = default;
  rx_buffer(const rx_buffer&) = delete;
  rx_buffer& operator=(const rx_buffer&) = delete;
  ~rx_buffer() { release(); }

  [[nodiscard]] protocol::byte_span bytes() const { return {block_.get() + begin_, end_ - begin_}; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] bool at_limit() const { return size() == large_size; } // holds as much as it ever will

  // Room to receive into; at least one byte unless at_limit(). Moves or grows what is held when there is
  // none.
  [[nodiscard]] std::span<std::uint8_t> room();
  void commit(std::size_t count) {
    assert(end_ + count <= capacity_);
    end_ += count;
  }
  void consume(std::size_t count) {
    assert(count <= size());
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  // Writes over `bytes.size()` bytes that are held already, `at` bytes behind the front.
  void overwrite(std::size_t at, protocol::byte_span bytes) {
    assert(at + bytes.size() <= size());
    std::copy(bytes.begin(), bytes.end(), block_.get() + begin_ + at);
  }
  // Writes over the memory that holds no unconsumed byte: passwords have come through it.
  void forget_consumed();
  // Gives the block back. Precondition: empty(), or the bytes are no longer wanted.
  void release();
  // Gives the block back unless it holds something: nothing more is expected for now.
  void rest() {
    if (empty()) release();
  }

 private:
  void grow(std::size_t capacity);

  std::unique_ptr<std::uint8_t[]> block_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

} // namespace holdwater::proxy
