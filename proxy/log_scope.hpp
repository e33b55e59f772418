// Whose the lines are that a thread logs: with several services in one process, each line says of which one
// it is.
#pragma once

#include <string>
#include <utility>

namespace holdwater::proxy {

// The name that the calling thread's lines carry. Null or empty: none, they are the process's.
inline thread_local const std::string* log_name = nullptr;

// While it lives, what the calling thread logs is that service's. The name outlives it.
class log_scope {
 public:
  explicit log_scope(const std::string& name) : before_(std::exchange(log_name, &name)) {}
  ~log_scope() { log_name = before_; }
  log_scope(const log_scope&) = delete;
  log_scope& operator=(const log_scope&) = delete;

 private:
  const std::string* before_;
};

// For a new thread to run: its lines are those of whoever starts it, and that name outlives the thread.
template <class Work>
auto in_log_scope(Work work) {
  return [name = log_name, work = std::move(work)]<class... Args>(Args&&... args) mutable {
    log_name = name;
    work(std::forward<Args>(args)...);
  };
}

} // namespace holdwater::proxy
