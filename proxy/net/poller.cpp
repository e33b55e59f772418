#include "proxy/net/poller.hpp"

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <unistd.h>

namespace holdwater::proxy {
namespace {

constexpr std::uint32_t end_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t readable_events = EPOLLIN | end_events; // a receive then finds the end
constexpr std::uint32_t writable_events = EPOLLOUT | EPOLLHUP | EPOLLERR;

boost::system::error_code last_error() {
  return {errno, boost::system::system_category()};
}

} // namespace

poller::poller() : descriptor_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (descriptor_ < 0) throw boost::system::system_error(last_error(), "epoll_create1");
}

poller::~poller() {
  ::close(descriptor_);
}

boost::system::error_code poller::watch(int socket, poll_target* target) {
  return control(EPOLL_CTL_ADD, socket, target);
}

boost::system::error_code poller::watch_again(int socket, poll_target* target) {
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
  epoll_event event{};
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  event.data.ptr = target;
  if (::epoll_ctl(descriptor_, EPOLL_CTL_ADD, socket, &event) != 0) return last_error();
  return {};
}

void poller::unwatch(int socket, const poll_target* target) {
  ::epoll_ctl(descriptor_, EPOLL_CTL_DEL, socket, nullptr); // one that is not there is as good
  forget(target);
}

void poller::forget(const poll_target* target) {
  for (auto at = begin_; at < end_; ++at)
    if (events_[at].data.ptr == target) events_[at].data.ptr = nullptr;
}

void poller::wait(std::chrono::milliseconds longest) {
  const auto count = ::epoll_wait(descriptor_, events_.data(), static_cast<int>(events_.size()),
                                  longest.count() < 0 ? -1 : static_cast<int>(longest.count()));
  begin_ = 0;
  end_ = count > 0 ? static_cast<std::size_t>(count) : 0; // EINTR: the caller comes again
  while (begin_ < end_) {
    const auto& event = events_[begin_++];
    if (auto* target = static_cast<poll_target*>(event.data.ptr))
      target->on_ready({(event.events & readable_events) != 0, (event.events & writable_events) != 0,
                        (event.events & end_events) != 0});
  }
}

} // namespace holdwater::proxy
