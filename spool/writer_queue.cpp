#include "spool/writer_queue.hpp"

namespace holdwater::spool {

// The writer is woken when the lock is free, or it would wait once more, for that.
bool writer_queue::push(write_job job) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return false;
    bytes_ += job.bytes;
    writes_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

bool writer_queue::push(read_job job) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return false;
    reads_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void writer_queue::close() {
  const std::lock_guard lock(mutex_);
  closing_ = true;
  changed_.notify_one();
}

writer_work writer_queue::take(std::optional<std::chrono::milliseconds> at_most) {
  std::unique_lock lock(mutex_);
  if (at_most)
    changed_.wait_for(lock, *at_most, [this] { return has_work(); });
  else
    changed_.wait(lock, [this] { return has_work(); });
  writer_work taken;
  taken.writes.swap(writes_);
  taken.reads.swap(reads_);
  taken.closing = closing_;
  return taken;
}

void writer_queue::release(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  bytes_ -= bytes;
}

std::uint64_t writer_queue::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

} // namespace holdwater::spool
