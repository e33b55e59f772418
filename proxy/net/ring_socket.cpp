#include "proxy/net/ring_kernel.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace holdwater::proxy {

ring_socket::ring_socket(ring& home, int descriptor, ring_user& user)
    : home_(home), descriptor_(descriptor), user_(&user) {}

void ring_socket::queue() {
  if (std::exchange(queued_, true)) return;
  home_.kernel_->queued.push_back(this);
}

void ring_socket::tell_again() {
  home_.make_ready(*this);
}

bool ring_socket::busy() const {
  return receive_begun_ || left_ > 0 || send_begun_ || queued_ || in_ready_ || telling_;
}

void ring_socket::ask() {
  assert(!receiving_ && arrival_ == arrival::none);
  receiving_ = true;
  queue();
}

std::size_t ring_socket::take(std::span<std::uint8_t> room) {
  const auto count = std::min(room.size(), arrived_.size());
  std::memcpy(room.data(), arrived_.data(), count);
  arrived_ = arrived_.subspan(count);
  if (arrived_.empty()) drop_arrival();
  return count;
}

void ring_socket::drop_arrival() {
  if (buffer_ >= 0) home_.kernel_->give_back(std::exchange(buffer_, -1));
  if (!kept_.empty()) kept_ = {};
  arrived_ = {};
  arrival_ = arrival::none;
}

// The ring's buffers are for what was just told.
void ring_socket::keep_arrival() {
  if (buffer_ < 0) return;
  kept_.assign(arrived_.begin(), arrived_.end());
  arrived_ = kept_;
  home_.kernel_->give_back(std::exchange(buffer_, -1));
}

std::size_t ring_socket::send(protocol::byte_span bytes) {
  assert(!sending() && send_failure_ == 0);
  const auto count = std::min(bytes.size(), most_sent);
  if (!block_) block_ = home_.kernel_->take_block();
  std::memcpy(block_.get(), bytes.data(), count);
  size_ = left_ = count;
  queue();
  return count;
}

bool ring_socket::withdraw() {
  if (send_failure_ != 0) return true;
  if (left_ == 0 || send_begun_) return false;
  left_ = 0;
  return true;
}

void ring_socket::leave() {
  user_ = nullptr;
  drop_arrival();
  if (home_.kernel_->ended) {
    queued_ = false;
    left_ = 0;
  } else if (receive_begun_) {
    cancel_ = true;
    queue();
  }
  receiving_ = receive_begun_;
  home_.retire(*this);
}

void ring_socket::settle() {
  auto& kernel = *home_.kernel_;
  if (kernel.ended) return;
  home_.hand_over();
  if (receive_begun_) {
    cancel_ = true;
    queue();
  }
  if (send_begun_) kernel.cancel(word_of(this, operation::send));
  if (left_ > 0 && !send_begun_) { // there is no room for it
    left_ = 0;
    send_failure_ = EAGAIN;
  }
  while (receive_begun_ || send_begun_ || queued_) {
    kernel.enter(home_, receive_begun_ || send_begun_ ? 1 : 0, std::chrono::milliseconds(-1));
    home_.note();
  }
}

int ring_socket::release() {
  const int released = std::exchange(descriptor_, -1);
  user_ = nullptr;
  home_.retire(*this);
  return released;
}

} // namespace holdwater::proxy
