#include "proxy/net/frame_store.hpp"

namespace holdwater::proxy {

constinit thread_local kept_frames frames_of_thread;

namespace {

// At the thread's end; what comes back after it is the heap's.
struct sweeper {
  ~sweeper() {
    for (auto& shelf : frames_of_thread.shelves) {
      while (shelf.first) {
        auto* const one = shelf.first;
        shelf.first = one->next;
        ::operator delete(one);
      }
      shelf.count = kept_frames::most;
    }
  }
  void begin() const {}
};

} // namespace

void* make_frame(std::size_t size) {
  thread_local const sweeper at_end;
  at_end.begin();
  return ::operator new((size + kept_frames::step - 1) / kept_frames::step * kept_frames::step);
}

} // namespace holdwater::proxy
