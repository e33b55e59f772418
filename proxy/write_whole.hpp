// All of some bytes into a file: a disk that takes a part says only with the rest why it takes no more.
#pragma once

#include <cerrno>
#include <cstddef>
#include <string_view>
#include <unistd.h>

namespace holdwater::proxy {

// False: errno says why not. For descriptors that block.
[[nodiscard]] inline bool write_whole(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto taken = ::write(file, bytes.data(), bytes.size());
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(taken));
  }
  return true;
}

} // namespace holdwater::proxy
