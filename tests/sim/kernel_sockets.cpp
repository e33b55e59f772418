// The socket, poll and epoll functions of the simulated machine: those on its own descriptors go to the
// network, those on real ones (files) to the system. They stand in the program itself, so that every library
// finds these.
#include "tests/sim/network.hpp"
#include "tests/sim/raw_syscall.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

using namespace holdwater::sim;

namespace {

bool is_ours(int descriptor) {
  return descriptor >= first_descriptor;
}

int fail(int number) {
  errno = number;
  return -1;
}

long answer(long done) {
  return done < 0 ? fail(static_cast<int>(-done)) : done;
}

moment deadline_in(int milliseconds) {
  return milliseconds < 0 ? never : machine::the().now() + milliseconds * millisecond;
}

long receive_from(int descriptor, char* into, std::size_t most, int flags) {
  const auto from = network::the().find_as<stream>(descriptor);
  if (!from) return fail(EBADF);
  machine::the().maybe_preempt();
  for (;;) {
    const auto done = from->receive(into, most, (flags & MSG_PEEK) != 0);
    if (done != -EAGAIN || !from->blocking || (flags & MSG_DONTWAIT) != 0) return answer(done);
    machine::the().wait({&from->waiters});
  }
}

long send_to(int descriptor, const char* from, std::size_t size, int flags) {
  const auto to = network::the().find_as<stream>(descriptor);
  if (!to) return fail(EBADF);
  machine::the().maybe_preempt();
  for (std::size_t sent = 0;;) {
    const auto done = to->send({from + sent, size - sent});
    if (done > 0) sent += static_cast<std::size_t>(done);
    const bool waits = to->blocking && (flags & MSG_DONTWAIT) == 0;
    if (sent == size || (done > 0 && !waits)) return static_cast<long>(sent);
    if (done != -EAGAIN && done < 0) return answer(done);
    if (!waits) return fail(EAGAIN);
    machine::the().wait({&to->waiters});
  }
}

void tell_address(std::uint16_t port, sockaddr* into, socklen_t* size) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::memcpy(into, &address, std::min<std::size_t>(*size, sizeof address));
  *size = sizeof address;
}

std::uint16_t port_in(const sockaddr* address) {
  sockaddr_in inside{};
  std::memcpy(&inside, address, sizeof inside);
  return ntohs(inside.sin_port);
}

int accept_from(int descriptor, sockaddr* peer, socklen_t* size, int flags) {
  const auto from = network::the().find_as<listener>(descriptor);
  if (!from) return fail(EBADF);
  while (from->waiting.empty()) {
    if (from->shut) return fail(EINVAL);
    if (!from->blocking) return fail(EAGAIN);
    machine::the().wait({&from->waiters});
  }
  auto next = std::move(from->waiting.front());
  from->waiting.pop_front();
  next->blocking = (flags & SOCK_NONBLOCK) == 0;
  if (peer != nullptr) tell_address(next->other_port, peer, size);
  return network::the().add(std::move(next));
}

} // namespace

extern "C" {

int socket(int family, int type, int) noexcept {
  if (!machine::the().running()) return static_cast<int>(raw_syscall(SYS_socket, family, type, 0));
  auto made = std::make_shared<stream>();
  made->blocking = (type & SOCK_NONBLOCK) == 0;
  return network::the().add(std::move(made));
}

int bind(int descriptor, const sockaddr* address, socklen_t) noexcept {
  const auto one = network::the().find_as<stream>(descriptor);
  if (!one) return fail(EBADF);
  one->own_port = port_in(address);
  return 0;
}

// A socket becomes a listener here.
int listen(int descriptor, int) noexcept {
  const auto one = network::the().find_as<stream>(descriptor);
  if (!one) return fail(EBADF);
  auto made = std::make_shared<listener>();
  made->port = one->own_port;
  made->blocking = one->blocking;
  network::the().become(descriptor, made);
  network::the().listen(made);
  return 0;
}

int connect(int descriptor, const sockaddr* address, socklen_t) {
  const auto one = network::the().find_as<stream>(descriptor);
  if (!one) return fail(EBADF);
  if (one->at == stream::phase::connecting) return fail(EALREADY);
  if (one->at == stream::phase::connected) return fail(EISCONN);
  network::the().connect(one, port_in(address));
  if (!one->blocking) return fail(EINPROGRESS);
  while (one->at == stream::phase::connecting) machine::the().wait({&one->waiters});
  return one->at == stream::phase::connected ? 0 : fail(std::exchange(one->error, 0));
}

int accept(int descriptor, sockaddr* peer, socklen_t* size) {
  return accept_from(descriptor, peer, size, 0);
}
int accept4(int descriptor, sockaddr* peer, socklen_t* size, int flags) {
  return accept_from(descriptor, peer, size, flags);
}

ssize_t recv(int descriptor, void* into, size_t size, int flags) {
  return receive_from(descriptor, static_cast<char*>(into), size, flags);
}
ssize_t send(int descriptor, const void* from, size_t size, int flags) {
  return send_to(descriptor, static_cast<const char*>(from), size, flags);
}

ssize_t recvmsg(int descriptor, msghdr* message, int flags) {
  for (std::size_t i = 0; i < message->msg_iovlen; ++i)
    if (const auto& one = message->msg_iov[i]; one.iov_len > 0)
      return receive_from(descriptor, static_cast<char*>(one.iov_base), one.iov_len, flags);
  return 0;
}

ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  std::string all;
  for (std::size_t i = 0; i < message->msg_iovlen; ++i)
    all.append(static_cast<const char*>(message->msg_iov[i].iov_base), message->msg_iov[i].iov_len);
  return send_to(descriptor, all.data(), all.size(), flags);
}

int shutdown(int descriptor, int) noexcept {
  if (const auto one = network::the().find_as<stream>(descriptor)) {
    one->shut();
    return 0;
  }
  const auto door = network::the().find_as<listener>(descriptor);
  if (!door) return fail(EBADF);
  door->shut = true;
  door->changed();
  return 0;
}

int setsockopt(int, int, int, const void*, socklen_t) noexcept {
  return 0;
}

int getsockopt(int descriptor, int level, int name, void* value, socklen_t* size) noexcept {
  int said = 0;
  if (const auto one = network::the().find_as<stream>(descriptor);
      one && level == SOL_SOCKET && name == SO_ERROR)
    said = std::exchange(one->error, 0);
  std::memcpy(value, &said, std::min<std::size_t>(*size, sizeof said));
  return 0;
}

int getsockname(int descriptor, sockaddr* address, socklen_t* size) noexcept {
  if (const auto one = network::the().find_as<stream>(descriptor))
    return tell_address(one->own_port, address, size), 0;
  const auto door = network::the().find_as<listener>(descriptor);
  return door ? (tell_address(door->port, address, size), 0) : fail(EBADF);
}

int getpeername(int descriptor, sockaddr* address, socklen_t* size) noexcept {
  const auto one = network::the().find_as<stream>(descriptor);
  if (!one) return fail(EBADF);
  if (one->at != stream::phase::connected) return fail(ENOTCONN);
  return tell_address(one->other_port, address, size), 0;
}

ssize_t read(int descriptor, void* into, size_t size) {
  if (!is_ours(descriptor))
    return raw_syscall(SYS_read, descriptor, as_argument(into), static_cast<long>(size));
  const auto what = network::the().find(descriptor);
  if (auto* const event = dynamic_cast<counter*>(what.get())) {
    if (event->value == 0) return fail(EAGAIN);
    std::memcpy(into, &event->value, sizeof event->value);
    event->value = 0;
    return sizeof event->value;
  }
  if (auto* const pipe = dynamic_cast<channel*>(what.get())) {
    if (pipe->bytes->empty()) return fail(EAGAIN);
    const auto count = std::min(size, pipe->bytes->size());
    std::memcpy(into, pipe->bytes->data(), count);
    pipe->bytes->erase(0, count);
    return static_cast<ssize_t>(count);
  }
  return receive_from(descriptor, static_cast<char*>(into), size, 0);
}

ssize_t write(int descriptor, const void* from, size_t size) {
  if (!is_ours(descriptor))
    return raw_syscall(SYS_write, descriptor, as_argument(from), static_cast<long>(size));
  const auto what = network::the().find(descriptor);
  if (auto* const event = dynamic_cast<counter*>(what.get())) {
    std::uint64_t more = 0;
    std::memcpy(&more, from, sizeof more);
    event->value += more;
    event->changed();
    return sizeof more;
  }
  if (auto* const pipe = dynamic_cast<channel*>(what.get())) {
    pipe->bytes->append(static_cast<const char*>(from), size);
    if (const auto other = pipe->other.lock()) other->changed();
    return static_cast<ssize_t>(size);
  }
  return send_to(descriptor, static_cast<const char*>(from), size, 0);
}

int close(int descriptor) {
  return is_ours(descriptor) ? network::the().close(descriptor)
                             : static_cast<int>(raw_syscall(SYS_close, descriptor));
}

static int control(int descriptor, int what, long argument) {
  if (!is_ours(descriptor)) return static_cast<int>(raw_syscall(SYS_fcntl, descriptor, what, argument));
  const auto one = network::the().find(descriptor);
  if (!one) return fail(EBADF);
  switch (what) {
  case F_DUPFD:
  case F_DUPFD_CLOEXEC: return network::the().add(one);
  case F_GETFL: return O_RDWR | (one->blocking ? 0 : O_NONBLOCK);
  case F_SETFL: one->blocking = (argument & O_NONBLOCK) == 0; return 0;
  default: return 0;
  }
}

int fcntl(int descriptor, int what, ...) {
  va_list more;
  va_start(more, what);
  const long argument = va_arg(more, long);
  va_end(more);
  return control(descriptor, what, argument);
}
int fcntl64(int descriptor, int what, ...) {
  va_list more;
  va_start(more, what);
  const long argument = va_arg(more, long);
  va_end(more);
  return control(descriptor, what, argument);
}

int ioctl(int descriptor, unsigned long what, ...) noexcept {
  va_list more;
  va_start(more, what);
  void* const argument = va_arg(more, void*);
  va_end(more);
  if (!is_ours(descriptor))
    return static_cast<int>(
        raw_syscall(SYS_ioctl, descriptor, static_cast<long>(what), as_argument(argument)));
  const auto one = network::the().find(descriptor);
  if (!one) return fail(EBADF);
  if (what == FIONBIO) one->blocking = *static_cast<int*>(argument) == 0;
  if (what == FIONREAD) {
    const auto from = std::dynamic_pointer_cast<stream>(one);
    *static_cast<int*>(argument) = from ? static_cast<int>(from->received.size() - from->consumed) : 0;
  }
  return 0;
}

int pipe(int ends[2]) noexcept {
  auto from = std::make_shared<channel>();
  auto to = std::make_shared<channel>();
  from->bytes = to->bytes = std::make_shared<std::string>();
  to->other = from;
  to->writes = true;
  ends[0] = network::the().add(from);
  ends[1] = network::the().add(to);
  for (const int end : {ends[0], ends[1]})
    network::the().disown(end); // the signals': they outlive a simulated process
  return 0;
}

int poll(pollfd* all, nfds_t count, int milliseconds) {
  if (count > 0 && !is_ours(all[0].fd))
    return static_cast<int>(raw_syscall(SYS_poll, as_argument(all), static_cast<long>(count), milliseconds));
  const auto until = deadline_in(milliseconds);
  for (;;) {
    int ready = 0;
    std::vector<std::shared_ptr<description>> held;
    std::vector<wait_queue*> queues;
    for (nfds_t i = 0; i < count; ++i) {
      const auto one = network::the().find(all[i].fd);
      const auto now = one ? one->ready() : unsigned{EPOLLHUP};
      all[i].revents =
          static_cast<short>(now & (static_cast<unsigned short>(all[i].events) | POLLERR | POLLHUP));
      ready += all[i].revents != 0 ? 1 : 0;
      if (!one) continue;
      held.push_back(one);
      queues.push_back(&one->waiters);
    }
    if (ready > 0 || machine::the().now() >= until) return ready;
    machine::the().wait(queues.data(), queues.size(), until);
  }
}

int epoll_create1(int) noexcept {
  return network::the().add(std::make_shared<poll_set>());
}
int epoll_create(int) noexcept {
  return network::the().add(std::make_shared<poll_set>());
}

int epoll_ctl(int set, int operation, int descriptor, epoll_event* event) noexcept {
  const auto owner = network::the().find_as<poll_set>(set);
  const auto what = network::the().find(descriptor);
  if (!owner || !what) return fail(EBADF);
  const auto found = std::find_if(owner->all.begin(), owner->all.end(), [&](const auto& one) {
    return one->descriptor == descriptor && one->raw == what.get();
  });
  if (operation == EPOLL_CTL_ADD) {
    if (found != owner->all.end()) return fail(EEXIST);
    owner->all.push_back(
        std::make_unique<watch>(watch{what, what.get(), descriptor, *event, false, owner.get()}));
    what->watches.push_back(owner->all.back().get());
    owner->queue(*owner->all.back());
    return 0;
  }
  if (found == owner->all.end()) return fail(ENOENT);
  auto* const one = found->get();
  if (operation == EPOLL_CTL_MOD) {
    one->wanted = *event;
    owner->queue(*one);
    return 0;
  }
  owner->queued.remove(one);
  what->watches.remove(one);
  owner->all.erase(found);
  return 0;
}

int epoll_wait(int set, epoll_event* events, int most, int milliseconds) {
  const auto owner = network::the().find_as<poll_set>(set);
  if (!owner) return fail(EBADF);
  const auto until = deadline_in(milliseconds);
  machine::the().maybe_preempt();
  for (;;) {
    const int count = owner->collect(events, most);
    if (count > 0 || machine::the().now() >= until) return count;
    machine::the().wait({&owner->waiters}, until);
  }
}

int eventfd(unsigned value, int) noexcept {
  auto made = std::make_shared<counter>();
  made->value = value;
  return network::the().add(std::move(made));
}

// Asio then waits with time-outs instead.
int timerfd_create(clockid_t, int) noexcept {
  return fail(EINVAL);
}

int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  static_cast<void>(host);
  struct both {
    addrinfo info;
    sockaddr_in address;
  };
  auto* const made = static_cast<both*>(std::calloc(1, sizeof(both)));
  made->address.sin_family = AF_INET;
  made->address.sin_port = htons(static_cast<std::uint16_t>(service != nullptr ? std::atoi(service) : 0));
  made->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  made->info.ai_family = AF_INET;
  made->info.ai_socktype = hints != nullptr && hints->ai_socktype != 0 ? hints->ai_socktype : SOCK_STREAM;
  made->info.ai_protocol = IPPROTO_TCP;
  made->info.ai_addrlen = sizeof made->address;
  made->info.ai_addr = reinterpret_cast<sockaddr*>(&made->address);
  *found = &made->info;
  return 0;
}

void freeaddrinfo(addrinfo* found) noexcept {
  std::free(found);
}

} // extern "C"
