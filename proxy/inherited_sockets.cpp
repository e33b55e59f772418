#include "proxy/inherited_sockets.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace holdwater::proxy {

namespace {

template <class Number>
std::optional<Number> number_in(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return {};
  const std::string_view all(text);
  Number out{};
  const auto [end, error] = std::from_chars(all.data(), all.data() + all.size(), out);
  if (error != std::errc() || end != all.data() + all.size()) return {};
  return out;
}

std::vector<std::string> names_in_environment() {
  const char* const text = std::getenv("LISTEN_FDNAMES");
  std::vector<std::string> out(1);
  for (const char c : std::string_view(text == nullptr ? "" : text)) {
    if (c == ':')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

bool listens(int descriptor) {
  int answer = 0;
  socklen_t size = sizeof answer;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) == 0 && answer != 0;
}

// Where it listens; nothing when it does not.
std::optional<stream_protocol::endpoint> place_of(int descriptor) {
  stream_protocol::endpoint out;
  auto size = static_cast<socklen_t>(out.capacity());
  if (!listens(descriptor) || ::getsockname(descriptor, out.data(), &size) != 0) return {};
  out.resize(size);
  return out;
}

// Unix sockets by their paths: the kernel tells them with an end, Asio without.
std::string_view path_of(const stream_protocol::endpoint& place) {
  const auto* const bytes = reinterpret_cast<const char*>(place.data());
  return std::string_view(bytes, place.size()).substr(offsetof(sockaddr_un, sun_path)).data();
}

bool is_at(const stream_protocol::endpoint& place, const stream_protocol::endpoint& wanted) {
  if (is_unix(wanted)) return is_unix(place) && path_of(place) == path_of(wanted);
  const auto there = ip_endpoint_of(place);
  const auto here = ip_endpoint_of(wanted);
  return there && here && there->address == here->address && (here->port == 0 || there->port == here->port);
}

constexpr std::string_view prefix = "holdwater-";

// Of the file that is there now, empty when it is no socket.
std::string identity_of(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return {};
  return fmt::format(".{}.{}", found.st_dev, found.st_ino);
}

// Who connects to its path reaches it.
bool leads_to(const std::string& path, const named_socket& one) {
  const auto now = identity_of(path);
  const auto mark = one.name.find('.');
  return !now.empty() && (!is_made_by_us(one) || mark == std::string::npos || one.name.substr(mark) == now);
}

} // namespace

std::string socket_name(std::string_view purpose, const std::string& path) {
  return fmt::format("{}{}{}", prefix, purpose, path.empty() ? "" : identity_of(path));
}

bool is_made_by_us(const named_socket& socket) {
  return socket.name.starts_with(prefix);
}

inherited_sockets::~inherited_sockets() {
  static_cast<void>(drop_rest());
}

void inherited_sockets::receive() {
  const auto count = number_in<int>("LISTEN_FDS");
  const bool ours = number_in<pid_t>("LISTEN_PID") == ::getpid();
  constexpr int most = 128; // two are used of each service
  if (ours && count) {
    auto names = names_in_environment();
    names.resize(static_cast<std::size_t>(std::clamp(*count, 0, most)));
    for (int i = 0; i < std::clamp(*count, 0, most); ++i) {
      const int descriptor = first_inherited + i;
      if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0)
        left_.push_back({descriptor, names[static_cast<std::size_t>(i)]});
    }
  }
  for (const char* const name : inheritance_variables) ::unsetenv(name);
}

named_socket inherited_sockets::take(const stream_protocol::endpoint& where) {
  const auto at = std::find_if(left_.begin(), left_.end(), [&](const named_socket& one) {
    const auto place = place_of(one.descriptor);
    return place && is_at(*place, where) && (!is_unix(where) || leads_to(std::string(path_of(where)), one));
  });
  if (at == left_.end()) return {};
  auto taken = std::move(*at);
  left_.erase(at);
  return taken;
}

std::vector<std::string> inherited_sockets::drop_rest() {
  std::vector<std::string> names;
  for (const auto& one : left_) {
    const auto place = place_of(one.descriptor);
    if (place && is_unix(*place) && is_made_by_us(one)) {
      const std::string path(path_of(*place));
      if (leads_to(path, one)) ::unlink(path.c_str()); // what is there in vain is in nobody's way
    }
    ::close(one.descriptor);
    names.push_back(one.name);
  }
  left_.clear();
  return names;
}

} // namespace holdwater::proxy
