// Memory for coroutine frames: each thread keeps those that have ended for the next ones of the same size.
#pragma once

#include <cstddef>

namespace holdwater::proxy {

[[nodiscard]] void* take_frame(std::size_t size);
// On any thread; `size` as it was taken.
void give_back_frame(void* frame, std::size_t size) noexcept;

} // namespace holdwater::proxy
