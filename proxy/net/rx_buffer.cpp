#include "proxy/net/rx_buffer.hpp"

#include "protocol/secret.hpp"

#include <cstring>
#include <vector>

namespace holdwater::proxy {
namespace {

using block = std::unique_ptr<std::uint8_t[]>;

// Small blocks go from connection to connection of the same worker; large ones are rare and go back to the
// heap.
constexpr std::size_t kept_blocks = 256;

std::vector<block>& spare_blocks() {
  thread_local std::vector<block> spare;
  return spare;
}

block take_small_block() {
  auto& spare = spare_blocks();
  if (spare.empty()) return std::make_unique_for_overwrite<std::uint8_t[]>(rx_buffer::small_size);
  block taken = std::move(spare.back());
  spare.pop_back();
  return taken;
}

} // namespace

std::span<std::uint8_t> rx_buffer::room() {
  if (!block_) {
    block_ = take_small_block();
    capacity_ = small_size;
  }
  if (end_ == capacity_) {
    if (begin_ > 0) {
      std::memmove(block_.get(), block_.get() + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    } else if (capacity_ < large_size) {
      grow(large_size);
    }
  }
  return {block_.get() + end_, capacity_ - end_};
}

void rx_buffer::grow(std::size_t capacity) {
  auto larger = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
  std::memcpy(larger.get(), block_.get() + begin_, size());
  end_ = size();
  begin_ = 0;
  block_ = std::move(larger);
  capacity_ = capacity;
}

void rx_buffer::forget_consumed() {
  if (!block_) return;
  protocol::wipe(std::span(block_.get(), begin_));
  protocol::wipe(std::span(block_.get() + end_, capacity_ - end_));
}

void rx_buffer::release() {
  if (block_ && capacity_ == small_size && spare_blocks().size() < kept_blocks)
    spare_blocks().push_back(std::move(block_));
  block_.reset();
  capacity_ = begin_ = end_ = 0;
}

} // namespace holdwater::proxy
