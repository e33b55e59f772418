#include "proxy/net/ring.hpp"

#include "proxy/net/ring_kernel.hpp"

#include <cassert>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace holdwater::proxy {
namespace {

using std::chrono::milliseconds;

struct echo final : ring_user {
  void on_moved() override {}
};

} // namespace

std::string ring::why_not() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return system_error_of(errno).message();
  std::string problem;
  try {
    ring one;
    echo nobody;
    auto& from = one.open(ends[0], nobody);
    auto& to = one.open(ends[1], nobody);
    const std::uint8_t sent = 'x';
    from.send({&sent, 1});
    to.ask();
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (to.arrived() == ring_socket::arrival::none && std::chrono::steady_clock::now() < limit)
      one.wait(milliseconds(100));
    std::uint8_t got = 0;
    if (to.arrived() != ring_socket::arrival::bytes || to.take({&got, 1}) != 1 || got != sent)
      problem = "a byte that was sent did not arrive";
    from.leave();
    to.leave();
    one.end();
  } catch (const boost::system::system_error& failed) {
    ::close(ends[0]);
    ::close(ends[1]);
    return failed.what();
  }
  return problem;
}

ring::ring() : kernel_(std::make_unique<kernel>()) {}

ring::~ring() {
  end();
}

ring_socket& ring::open(int descriptor, ring_user& user) {
  auto made = std::unique_ptr<ring_socket>(new ring_socket(*this, descriptor, user));
  auto& one = *made;
  kernel_->sockets.emplace(&one, std::move(made));
  return one;
}

// ----------------------------------------------------------------------------------------------------
// readiness

void ring::watch(int socket, poll_target* target) {
  add(socket, target, false);
}

void ring::watch_shared(int socket, poll_target* target) {
  add(socket, target, true);
}

void ring::add(int socket, poll_target* target, bool shared) {
  auto made = std::make_unique<watched>(watched{socket, target, shared});
  auto& one = *made;
  kernel_->polls.emplace(&one, std::move(made));
  if (target) kernel_->by_target[target] = &one;
  queue(one);
}

void ring::forget(const poll_target* target) {
  const auto found = kernel_->by_target.find(target);
  if (found == kernel_->by_target.end()) return;
  auto& one = *found->second;
  kernel_->by_target.erase(found);
  one.target = nullptr;
  one.gone = true;
  if (one.begun && !kernel_->ended) queue(one);
  retire(one);
}

void ring::tell_again(const poll_target* target) {
  const auto found = kernel_->by_target.find(target);
  if (found == kernel_->by_target.end() || std::exchange(found->second->in_ready, true)) return;
  kernel_->ready.push_back({nullptr, found->second});
}

void ring::queue(watched& one) {
  if (std::exchange(one.queued, true)) return;
  kernel_->queued_polls.push_back(&one);
}

void ring::retire(watched& one) {
  const bool listed = !kernel_->ended && (one.queued || one.begun);
  if (!one.gone || one.in_ready || one.telling || listed) return;
  kernel_->polls.erase(&one);
}

// ----------------------------------------------------------------------------------------------------
// to the kernel

void ring::wait(milliseconds longest) {
  const bool at_once = longest.count() == 0 || !kernel_->ready.empty();
  kernel_->enter(*this, at_once ? 0 : 1, longest);
  note();
  tell();
}

void ring::hand_over() {
  kernel_->enter(*this, 0, milliseconds(0));
  note();
}

bool ring::unsettled() const {
  return !kernel_->queued.empty() || !kernel_->queued_polls.empty() || !kernel_->ready.empty();
}

void ring::prepare() {
  auto& queued = kernel_->queued;
  for (std::size_t at = 0; at < queued.size(); ++at) prepare(*queued[at]);
  queued.clear();
  auto& polls = kernel_->queued_polls;
  for (std::size_t at = 0; at < polls.size(); ++at) prepare(*polls[at]);
  polls.clear();
}

void ring::prepare(ring_socket& one) {
  one.queued_ = false;
  if (one.left_ > 0 && !one.send_begun_) {
    auto* const entry = kernel_->next();
    // Unless it is known to have no room, the socket says at once what it takes: a wait then counts with it.
    const bool patient = !kernel_->full.empty() && kernel_->full.contains(&one);
    io_uring_prep_send(entry, one.descriptor_, one.block_.get() + one.size_ - one.left_, one.left_,
                       MSG_NOSIGNAL | (patient ? 0 : MSG_DONTWAIT));
    if (!patient) ++kernel_->quick;
    kernel_->name(entry, &one, operation::send);
    one.send_begun_ = true;
  }
  if (std::exchange(one.cancel_, false)) {
    if (one.receive_begun_)
      kernel_->cancel(word_of(&one, operation::receive));
    else
      one.receiving_ = false;
  } else if (one.receiving_ && !one.receive_begun_) {
    auto* const entry = kernel_->next();
    io_uring_prep_recv(entry, one.descriptor_, nullptr, kernel::buffer_size, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = kernel::buffer_group;
    entry->ioprio |= IORING_RECVSEND_POLL_FIRST; // it was found empty, or nothing is expected yet
    kernel_->name(entry, &one, operation::receive);
    one.receive_begun_ = true;
  }
  retire(one);
}

void ring::prepare(watched& one) {
  one.queued = false;
  if (one.gone) {
    if (one.begun) kernel_->cancel(word_of(&one, operation::poll));
    return retire(one);
  }
  if (one.begun) return;
  auto* const entry = kernel_->next();
  if (one.shared)
    io_uring_prep_poll_add(entry, one.socket, POLLIN | EPOLLEXCLUSIVE);
  else
    io_uring_prep_poll_multishot(entry, one.socket, POLLIN | POLLRDHUP | (one.target ? POLLOUT : 0));
  kernel_->name(entry, &one, operation::poll);
  one.begun = true;
}

// What was taken to be sent before goes out, as far as the kernel takes it at once.
void ring::end() {
  if (kernel_->ended) return;
  if (kernel_->begun) hand_over();
  kernel_->end([this] { note(); });
  for (const auto& one : kernel_->ready) {
    if (one.socket) one.socket->in_ready_ = false;
    if (one.poll) one.poll->in_ready = false;
  }
  kernel_->ready.clear();
  kernel_->queued.clear();
  kernel_->queued_polls.clear();
  std::vector<ring_socket*> sockets;
  for (const auto& [one, owner] : kernel_->sockets) sockets.push_back(one);
  for (auto* const one : sockets) {
    one->queued_ = one->receiving_ = false;
    one->left_ = 0;
    retire(*one);
  }
}

// ----------------------------------------------------------------------------------------------------
// from the kernel

void ring::note() {
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* entry = nullptr;
  io_uring_for_each_cqe(&kernel_->uring, head, entry) {
    ++count;
    if (!(entry->flags & IORING_CQE_F_MORE)) --kernel_->under_way;
    switch (operation_of(entry->user_data)) {
    case operation::receive:
      note_receive(*object_of<ring_socket>(entry->user_data), entry->res, entry->flags);
      break;
    case operation::send: note_send(*object_of<ring_socket>(entry->user_data), entry->res); break;
    case operation::poll: note_poll(*object_of<watched>(entry->user_data), entry->res, entry->flags); break;
    case operation::timer: kernel_->timer_set = false; break;
    case operation::cancel: break; // what was to be cancelled tells its end itself
    }
  }
  io_uring_cq_advance(&kernel_->uring, count);
}

void ring::note_receive(ring_socket& one, int result, std::uint32_t flags) {
  one.receiving_ = one.receive_begun_ = one.cancel_ = false;
  const int buffer = flags & IORING_CQE_F_BUFFER ? static_cast<int>(flags >> IORING_CQE_BUFFER_SHIFT) : -1;
  if (result > 0 && one.user_) {
    one.arrival_ = ring_socket::arrival::bytes;
    one.buffer_ = buffer;
    one.arrived_ = {kernel_->buffer(buffer), static_cast<std::size_t>(result)};
    one.more_behind_ = (flags & IORING_CQE_F_SOCK_NONEMPTY) != 0 || result == kernel::buffer_size;
  } else {
    if (buffer >= 0) kernel_->give_back(buffer);
    const bool none = result == -ENOBUFS || result == -ECANCELED || result == -EINTR || result == -EAGAIN;
    one.arrival_ = none ? ring_socket::arrival::look : ring_socket::arrival::end;
    one.failure_ = none ? 0 : -result;
  }
  if (one.user_)
    make_ready(one);
  else
    retire(one);
}

void ring::note_send(ring_socket& one, int result) {
  one.send_begun_ = false;
  if (result == -EAGAIN)
    kernel_->full.insert(&one);
  else if (!kernel_->full.empty())
    kernel_->full.erase(&one);
  if (result > 0)
    one.left_ -= static_cast<std::size_t>(result);
  else if (result != -EINTR && result != -EAGAIN) {
    one.send_failure_ = result == 0 ? EPIPE : -result;
    one.left_ = 0;
  }
  if (one.left_ > 0 && !kernel_->ended) return one.queue();
  kernel_->keep_block(std::move(one.block_));
  if (!one.user_) return retire(one);
  if (one.send_failure_ != 0 || std::exchange(one.tell_sent_, false)) make_ready(one);
}

void ring::note_poll(watched& one, int result, std::uint32_t flags) {
  constexpr int ends = POLLRDHUP | POLLHUP | POLLERR;
  const bool over = !(flags & IORING_CQE_F_MORE);
  if (over) one.begun = false;
  if (one.gone) return retire(one);
  if (over && !one.shared && result >= 0) queue(one); // the kernel gave up, for want of room in the ring
  if (!one.target) return;
  one.now.readable = one.now.readable || result < 0 || (result & (POLLIN | ends));
  one.now.writable = one.now.writable || (result > 0 && (result & (POLLOUT | POLLHUP | POLLERR)));
  one.now.ended = one.now.ended || result < 0 || (result & ends);
  if (std::exchange(one.in_ready, true)) return;
  kernel_->ready.push_back({nullptr, &one});
}

void ring::make_ready(ring_socket& one) {
  if (std::exchange(one.in_ready_, true)) return;
  kernel_->ready.push_back({&one, nullptr});
}

// What is noted while it is told, or asks to be told again, has its turn after the kernel's next news.
void ring::tell() {
  auto& ready = kernel_->ready;
  const auto count = ready.size();
  for (std::size_t at = 0; at < count; ++at) {
    const auto one = ready[at];
    one.socket ? tell(*one.socket) : tell(*one.poll);
  }
  ready.erase(ready.begin(), ready.begin() + static_cast<std::ptrdiff_t>(count));
}

void ring::tell(ring_socket& one) {
  one.in_ready_ = false;
  one.telling_ = true;
  if (one.user_) one.user_->on_moved();
  one.telling_ = false;
  if (one.user_)
    one.keep_arrival();
  else
    retire(one);
}

void ring::tell(watched& one) {
  one.in_ready = false;
  one.telling = true;
  if (!one.gone) one.target->on_ready(std::exchange(one.now, {}));
  one.telling = false;
  if (!one.gone && one.shared && !one.begun) queue(one); // told again while there is something
  retire(one);
}

// ----------------------------------------------------------------------------------------------------
// the end of a socket

void ring::retire(ring_socket& one) {
  if (one.user_ || one.busy()) return;
  one.drop_arrival();
  if (one.descriptor_ >= 0) ::close(one.descriptor_); // it is released whatever close() reports
  kernel_->full.erase(&one);
  kernel_->sockets.erase(&one);
}

} // namespace holdwater::proxy
