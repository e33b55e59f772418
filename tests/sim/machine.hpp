// The simulated machine: virtual time, and threads of which exactly one runs at any moment. Which one, and
// for how long something takes, comes from the seed alone.
//
// The threads are real ones (the product's own: workers, monitor, replay, the spool's writer), so that
// stacks, thread locals and libraries are as ever; a baton goes from one to the next, and it changes hands
// only where a thread waits, or takes a lock. kernel_threads.cpp puts the pthread functions on this,
// kernel_sockets.cpp the sockets, kernel_clock.cpp the clocks.
//
// Invariant: whoever holds the baton is current(); nobody else touches anything.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <pthread.h>

namespace holdwater::sim {

using moment = std::int64_t; // virtual nanoseconds since the run began
inline constexpr moment never = std::numeric_limits<moment>::max();
inline constexpr moment microsecond = 1000, millisecond = 1000 * microsecond, second = 1000 * millisecond;

// A stream of numbers that the seed fixes (splitmix64).
class dice {
 public:
  explicit dice(std::uint64_t seed = 0) : state_(seed) {}
  std::uint64_t roll();
  std::uint64_t below(std::uint64_t count) { return count == 0 ? 0 : roll() % count; }
  bool chance(std::uint64_t of, std::uint64_t in) { return below(in) < of; }
  moment between(moment least, moment most) {
    return least + static_cast<moment>(below(static_cast<std::uint64_t>(most - least + 1)));
  }

 private:
  std::uint64_t state_;
};

// Threads that live and die together: a process of the simulated world.
using process_id = int;

struct thread {
  enum class status : std::uint8_t { runnable, waiting, ended, killed };
  static constexpr std::uint64_t mark = 0x686f6c6477617465;

  std::uint64_t magic = mark;

  int id = 0;
  std::string name;
  process_id process = 0;
  pthread_t handle{}; // the system's
  status at = status::runnable;
  std::atomic<int> turn{0}; // a futex: 1 hands the baton over
  std::uint64_t wait_serial = 0;
  bool woken = false;  // by what it waited for, and not by its deadline
  int undisturbed = 0; // takes locks without being interrupted
  void* result = nullptr;
  std::vector<class wait_queue*> queues;
  std::uint64_t exits = 0; // rounds of the thread's destructors
};

class wait_queue {
 public:
  wait_queue() = default;
  wait_queue(const wait_queue&) = delete;
  wait_queue& operator=(const wait_queue&) = delete;
  ~wait_queue();

 private:
  friend class machine;
  std::vector<thread*> waiting_;
};

void join_really(pthread_t handle); // kernel_threads.cpp

class machine {
 public:
  static machine& the();

  // The calling thread becomes the first of the machine's.
  void begin(std::uint64_t seed, unsigned preemption);
  [[nodiscard]] bool running() const { return running_; }

  [[nodiscard]] moment now() const { return now_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] thread& current() { return *current_; }
  [[nodiscard]] dice& luck() { return luck_; } // of the machine and its network

  // Runs `what` at that time, before any thread. It must not wait.
  void at(moment when, std::function<void()> what);

  // Until one of the queues is woken, or the deadline. False: the deadline.
  bool wait(std::initializer_list<wait_queue*> on, moment deadline = never) {
    return wait(on.begin(), on.size(), deadline);
  }
  bool wait(wait_queue* const* on, std::size_t count, moment deadline);
  void sleep_until(moment when) { wait({}, when); }
  void sleep(moment how_long) { sleep_until(now_ + how_long); }
  void wake_all(wait_queue& queue);
  void wake_one(wait_queue& queue); // one that luck names
  // A chance for others to go first.
  void yield();
  // The same, now and then: at a lock.
  void maybe_preempt();

  // A thread of ours, in that process.
  thread& spawn(std::string name, process_id process, std::function<void()> body);
  process_id new_process() { return ++last_process_; }
  void kill(process_id process); // none of its threads runs any more, from now on
  [[nodiscard]] std::size_t alive(process_id process) const;

  // pthread_create and its like.
  thread& adopt(process_id process, std::string name);
  void take_part(thread& self); // on the new thread, first of all
  void leave(thread& self);     // on it, last of all: the baton goes on
  void join(thread& other);
  [[nodiscard]] thread* find(pthread_t handle);

  // What happened, for a person, and for the hash.
  template <class... Args>
  void note(fmt::format_string<Args...> text, Args&&... args) {
    add_note(fmt::format(text, std::forward<Args>(args)...));
  }
  void add_note(std::string text);
  void print_notes(std::FILE* to) const;
  void echo_notes(bool on) { echo_ = on; }
  void mix(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3ULL; }

  // Ends the run: something that must not be. Prints the notes.
  [[noreturn]] void fail(const std::string& what);
  std::function<void(const std::string&)> on_failure;

 private:
  struct alarm {
    moment when;
    std::uint64_t order;
    thread* who; // or what:
    std::uint64_t serial;
    std::function<void()> what;
  };
  struct later {
    bool operator()(const alarm& a, const alarm& b) const {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };

  void make_runnable(thread& one);
  void hand_over(thread* self);
  thread& choose();
  void run_due();
  void forget_queues(thread& one);
  void reap();

  bool running_ = false;
  moment now_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  unsigned preemption_ = 0;
  dice luck_;
  thread* current_ = nullptr;
  thread* leaving_ = nullptr; // has ended, and is not joined yet
  std::deque<thread> threads_;
  std::vector<thread*> runnable_;
  std::priority_queue<alarm, std::vector<alarm>, later> alarms_;
  std::uint64_t alarms_made_ = 0;
  process_id last_process_ = 0;
  std::map<int, wait_queue> ends_; // of threads, by id
  std::vector<std::string> notes_;
  std::size_t next_note_ = 0;
  bool echo_ = false;
  std::FILE* dump_ = nullptr; // each choice, to find where two runs of a seed part
};

} // namespace holdwater::sim
