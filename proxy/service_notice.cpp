#include "proxy/service_notice.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

namespace holdwater::proxy {

namespace {

// Where it listens; nothing when there is none.
struct place {
  sockaddr_un address{};
  socklen_t size = 0;
};

place find_place() {
  place out;
  const char* const name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr) return out;
  const std::string_view path(name);
  out.address.sun_family = AF_UNIX;
  if ((!path.starts_with('/') && !path.starts_with('@')) || path.size() >= sizeof out.address.sun_path)
    return out;
  path.copy(out.address.sun_path, path.size());
  if (path.starts_with('@')) out.address.sun_path[0] = '\0'; // of the abstract name space
  out.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  return out;
}

void send_notice(std::string_view text, int descriptor) {
  auto to = find_place();
  if (to.size == 0) return;
  std::string bytes(text);
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptor)> beside{};
  msghdr notice{};
  notice.msg_name = &to.address;
  notice.msg_namelen = to.size;
  notice.msg_iov = &part;
  notice.msg_iovlen = 1;
  if (descriptor >= 0) {
    notice.msg_control = beside.data();
    notice.msg_controllen = beside.size();
    auto* const rights = CMSG_FIRSTHDR(&notice);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  }
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const timeval patience{2, 0}; // one that does not listen holds nothing up
  if (socket >= 0) ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (socket < 0 || ::sendmsg(socket, &notice, MSG_NOSIGNAL) < 0)
    spdlog::warn("the service manager is not told: {}", std::strerror(errno));
  if (socket >= 0) ::close(socket);
}

} // namespace

void tell_service_manager(std::string_view what) {
  send_notice(what, -1);
}

bool has_service_manager() {
  return find_place().size != 0;
}

void leave_with_service_manager(int descriptor, std::string_view name) {
  send_notice(fmt::format("FDSTORE=1\nFDPOLL=0\nFDNAME={}", name), descriptor);
}

// It closes the descriptor that comes with a barrier when it has done what came before.
void take_from_service_manager(std::string_view name) {
  if (!has_service_manager()) return;
  send_notice(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name), -1);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  send_notice("BARRIER=1", ends[1]);
  ::close(ends[1]);
  constexpr int patience_ms = 2000;
  pollfd closed{ends[0], 0, 0};
  if (::poll(&closed, 1, patience_ms) == 0)
    spdlog::warn("the service manager does not say whether it has closed {}", name);
  ::close(ends[0]);
}

} // namespace holdwater::proxy
