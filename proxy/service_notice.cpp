#include "proxy/service_notice.hpp"

#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace holdwater::proxy {

void tell_service_manager(std::string_view what) {
  const char* const name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr) return;
  const std::string_view path(name);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if ((!path.starts_with('/') && !path.starts_with('@')) || path.size() >= sizeof to.sun_path) return;
  path.copy(to.sun_path, path.size());
  if (path.starts_with('@')) to.sun_path[0] = '\0'; // of the abstract name space
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return spdlog::warn("the service manager is not told: {}", std::strerror(errno));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (::sendto(socket, what.data(), what.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&to), size) < 0)
    spdlog::warn("the service manager is not told: {}", std::strerror(errno));
  ::close(socket);
}

} // namespace holdwater::proxy
