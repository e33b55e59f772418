// Memory for coroutine frames: each thread keeps those that have ended for the next ones of the same size.
#pragma once

#include <array>
#include <cstddef>
#include <new>

// With AddressSanitizer every frame comes from the heap, so that the use of one that has ended is found.
#if defined(__SANITIZE_ADDRESS__)
#define HOLDWATER_KEEPS_FRAMES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOLDWATER_KEEPS_FRAMES 0
#endif
#endif
#ifndef HOLDWATER_KEEPS_FRAMES
#define HOLDWATER_KEEPS_FRAMES 1
#endif

namespace holdwater::proxy {

struct kept_frames {
  static constexpr std::size_t step = 64;      // sizes are rounded up to multiples of it
  static constexpr std::size_t largest = 2048; // a larger one is the heap's
  static constexpr unsigned most = 64;         // of one size

  struct kept {
    kept* next;
  };
  struct shelf {
    kept* first = nullptr;
    unsigned count = 0;
  };
  std::array<shelf, largest / step> shelves{};
};

extern constinit thread_local kept_frames frames_of_thread;

// Of the heap, when none is kept.
[[nodiscard]] void* make_frame(std::size_t size);

[[nodiscard]] inline void* take_frame(std::size_t size) {
  if (!HOLDWATER_KEEPS_FRAMES || size > kept_frames::largest) return ::operator new(size);
  auto& from = frames_of_thread.shelves[(size - 1) / kept_frames::step];
  auto* const taken = from.first;
  if (!taken) [[unlikely]]
    return make_frame(size);
  from.first = taken->next;
  --from.count;
  return taken;
}

// On any thread; `size` as it was taken.
inline void give_back_frame(void* frame, std::size_t size) noexcept {
  if (!HOLDWATER_KEEPS_FRAMES || size > kept_frames::largest) return ::operator delete(frame);
  auto& to = frames_of_thread.shelves[(size - 1) / kept_frames::step];
  if (to.count >= kept_frames::most) [[unlikely]]
    return ::operator delete(frame);
  to.first = new (frame) kept_frames::kept{to.first}; // NOLINT(cppcoreguidelines-owning-memory): the shelf's
  ++to.count;
}

} // namespace holdwater::proxy
