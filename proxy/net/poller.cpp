#include "proxy/net/poller.hpp"

#include "proxy/net/ring.hpp"

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <sys/timerfd.h>
#include <unistd.h>
#include <utility>

namespace holdwater::proxy {
namespace {

constexpr std::uint32_t end_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t readable_events = EPOLLIN | end_events; // a receive then finds the end
constexpr std::uint32_t writable_events = EPOLLOUT | EPOLLHUP | EPOLLERR;

boost::system::error_code last_error() {
  return {errno, boost::system::system_category()};
}

} // namespace

poller::poller(bool on_ring) {
  if (on_ring) {
    ring_ = std::make_unique<ring>();
    return;
  }
  descriptor_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor_ < 0) throw boost::system::system_error(last_error(), "epoll_create1");
  timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (timer_ >= 0 && watch(timer_, nullptr)) ::close(std::exchange(timer_, -1)); // it goes without
}

poller::~poller() {
  if (ring_) return;
  if (timer_ >= 0) ::close(timer_);
  ::close(descriptor_);
}

boost::system::error_code poller::watch(int socket, poll_target* target) {
  if (ring_) {
    ring_->watch(socket, target);
    return {};
  }
  return control(EPOLL_CTL_ADD, socket, target);
}

boost::system::error_code poller::watch_again(int socket, poll_target* target) {
  if (ring_) {
    ring_->tell_again(target);
    return {};
  }
  return control(EPOLL_CTL_MOD, socket, target);
}

boost::system::error_code poller::control(int what, int socket, poll_target* target) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET | (target ? EPOLLOUT : 0u);
  event.data.ptr = target;
  if (::epoll_ctl(descriptor_, what, socket, &event) != 0) return last_error();
  return {};
}

boost::system::error_code poller::watch_shared(int socket, poll_target* target) {
  if (ring_) {
    ring_->watch_shared(socket, target);
    return {};
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  event.data.ptr = target;
  if (::epoll_ctl(descriptor_, EPOLL_CTL_ADD, socket, &event) != 0) return last_error();
  return {};
}

void poller::unwatch(int socket, const poll_target* target) {
  if (!ring_) ::epoll_ctl(descriptor_, EPOLL_CTL_DEL, socket, nullptr); // one that is not there is as good
  forget(target);
}

void poller::forget(const poll_target* target) {
  if (ring_) return ring_->forget(target);
  for (auto at = begin_; at < end_; ++at)
    if (events_[at].data.ptr == target) events_[at].data.ptr = nullptr;
}

// What epoll_wait() is to be told: -1 when the timer ends the wait in time.
int poller::wait_limit(std::chrono::milliseconds longest) {
  if (longest.count() <= 0 || timer_ < 0) return static_cast<int>(longest.count());
  const auto now = std::chrono::steady_clock::now();
  if (timer_due_ > now && timer_due_ <= now + longest) return -1;
  itimerspec when{};
  when.it_value.tv_sec = longest.count() / 1000;
  when.it_value.tv_nsec = longest.count() % 1000 * 1'000'000;
  if (::timerfd_settime(timer_, 0, &when, nullptr) != 0) return static_cast<int>(longest.count());
  timer_due_ = now + longest;
  return -1;
}

void poller::wait(std::chrono::milliseconds longest) {
  if (ring_) {
    if (nested_) ring_->silence_bell();
    nested_anew_ = false;
    return ring_->wait(longest);
  }
  const auto count =
      ::epoll_wait(descriptor_, events_.data(), static_cast<int>(events_.size()), wait_limit(longest));
  begin_ = 0;
  end_ = count > 0 ? static_cast<std::size_t>(count) : 0; // EINTR: the caller comes again
  while (begin_ < end_) {
    const auto& event = events_[begin_++];
    if (auto* target = static_cast<poll_target*>(event.data.ptr))
      target->on_ready({(event.events & readable_events) != 0, (event.events & writable_events) != 0,
                        (event.events & end_events) != 0});
  }
}

void poller::finish() {
  if (ring_) ring_->end();
}

int poller::descriptor() const {
  return ring_ ? ring_->bell() : descriptor_;
}

void poller::nest(bool on) {
  if (nested_ == on) return;
  if (ring_) ring_->ring_bell(on);
  nested_ = nested_anew_ = on;
}

bool poller::unsettled() const {
  return ring_ && (nested_anew_ || ring_->unsettled());
}

} // namespace holdwater::proxy
