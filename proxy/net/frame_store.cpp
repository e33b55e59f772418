#include "proxy/net/frame_store.hpp"

#include <array>
#include <cstdint>
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
namespace {

constexpr std::size_t step = 64;           // frames are rounded up to multiples of it
constexpr std::size_t largest_kept = 2048; // a larger one is the heap's
constexpr unsigned most_kept = 64;         // of one size

class frame_store {
 public:
  ~frame_store() {
    for (auto& each : shelves_) {
      while (each.first) ::operator delete(pop(each));
      each.count = most_kept; // what comes after the thread's end is the heap's
    }
  }

  void* take(std::size_t size) {
    auto& from = shelves_[index(size)];
    return from.first ? pop(from) : ::operator new((index(size) + 1) * step);
  }
  void give_back(void* frame, std::size_t size) noexcept {
    auto& from = shelves_[index(size)];
    if (from.count >= most_kept) return ::operator delete(frame);
    from.first = new (frame) kept{from.first};
    ++from.count;
  }

 private:
  struct kept {
    kept* next;
  };
  struct shelf {
    kept* first = nullptr;
    unsigned count = 0;
  };
  static std::size_t index(std::size_t size) { return (size - 1) / step; }
  static void* pop(shelf& from) {
    auto* const taken = from.first;
    from.first = taken->next;
    --from.count;
    return taken;
  }

  std::array<shelf, largest_kept / step> shelves_{};
};

constinit thread_local frame_store store;

} // namespace

void* take_frame(std::size_t size) {
  if (!HOLDWATER_KEEPS_FRAMES || size > largest_kept) return ::operator new(size);
  return store.take(size);
}

void give_back_frame(void* frame, std::size_t size) noexcept {
  if (!HOLDWATER_KEEPS_FRAMES || size > largest_kept) return ::operator delete(frame);
  store.give_back(frame, size);
}

} // namespace holdwater::proxy
