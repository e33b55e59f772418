// The pthread functions of the simulated machine. They stand in the program itself, so that the product, the
// C++ library and every other library find these. A thread that the machine does not know gets the system's
// own.
#include "tests/sim/machine.hpp"
#include "tests/sim/raw_syscall.hpp"

#include <cerrno>
#include <cstdarg>
#include <dlfcn.h>
#include <linux/futex.h>
#include <memory>
#include <pthread.h>
#include <sys/syscall.h>
#include <unordered_map>
#include <unordered_set>

namespace holdwater::sim {
namespace {

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}
#define HOLDWATER_REAL(name) static auto* const real_##name = real<decltype(::name)>(#name)

struct launch {
  thread* self;
  void* (*body)(void*);
  void* argument;
};

// Thread locals are destroyed before the values of keys, and these in up to four rounds: the baton is kept
// until the last.
pthread_key_t at_thread_end;

void pass_on(void* given) {
  auto& self = *static_cast<thread*>(given);
  if (++self.exits < PTHREAD_DESTRUCTOR_ITERATIONS) {
    ::pthread_setspecific(at_thread_end, &self);
    return;
  }
  machine::the().leave(self);
}

void* run_launch(void* given) {
  const auto what = *static_cast<launch*>(given);
  machine::the().take_part(*what.self);
  delete static_cast<launch*>(given);
  ::pthread_setspecific(at_thread_end, what.self);
  return what.self->result = what.body(what.argument);
}

struct waited {
  std::unordered_map<const void*, std::unique_ptr<wait_queue>> mutexes, conditions;
  std::unordered_set<const void*> steady; // conditions whose time-outs are of the steady clock

  static wait_queue& of(std::unordered_map<const void*, std::unique_ptr<wait_queue>>& in, const void* what) {
    auto& found = in[what];
    if (!found) found = std::make_unique<wait_queue>();
    return *found;
  }
};
waited& all_waited() {
  static auto* const only = new waited;
  return *only;
}

void lock(pthread_mutex_t* mutex) {
  HOLDWATER_REAL(pthread_mutex_trylock);
  auto& here = machine::the();
  here.maybe_preempt();
  while (real_pthread_mutex_trylock(mutex) == EBUSY) here.wait({&waited::of(all_waited().mutexes, mutex)});
}

int unlock(pthread_mutex_t* mutex) {
  HOLDWATER_REAL(pthread_mutex_unlock);
  const int done = real_pthread_mutex_unlock(mutex);
  auto& queues = all_waited().mutexes;
  const auto found = queues.find(mutex);
  if (found != queues.end()) machine::the().wake_all(*found->second);
  return done;
}

} // namespace

void join_really(pthread_t handle) {
  HOLDWATER_REAL(pthread_join);
  real_pthread_join(handle, nullptr);
}

moment from_clock(clockid_t clock, const timespec& time); // kernel_clock.cpp

namespace {

int wait_on(pthread_cond_t* condition, pthread_mutex_t* mutex, moment deadline) {
  auto& queue = waited::of(all_waited().conditions, condition);
  unlock(mutex);
  const bool woken = machine::the().wait({&queue}, deadline);
  lock(mutex);
  return woken ? 0 : ETIMEDOUT;
}

} // namespace
} // namespace holdwater::sim

using holdwater::sim::all_waited;
using holdwater::sim::machine;
using holdwater::sim::real;
using holdwater::sim::waited;

extern "C" {

int pthread_create(pthread_t* handle, const pthread_attr_t* how, void* (*body)(void*), void* argument) {
  using namespace holdwater::sim;
  HOLDWATER_REAL(pthread_create);
  auto& here = machine::the();
  if (!here.running()) return real_pthread_create(handle, how, body, argument);
  static const bool once = [] { return ::pthread_key_create(&at_thread_end, pass_on) == 0; }();
  static_cast<void>(once);
  auto& made = here.adopt(here.current().process, here.current().name + "+");
  const int failed = real_pthread_create(handle, how, run_launch, new launch{&made, body, argument});
  if (failed != 0) here.fail("pthread_create failed");
  made.handle = *handle;
  *handle = reinterpret_cast<pthread_t>(
      &made); // the system gives its own to another thread, once this one has ended
  return 0;
}

pthread_t pthread_self() noexcept {
  HOLDWATER_REAL(pthread_self);
  auto& here = machine::the();
  return here.running() ? reinterpret_cast<pthread_t>(&here.current()) : real_pthread_self();
}

int pthread_join(pthread_t handle, void** result) {
  HOLDWATER_REAL(pthread_join);
  auto& here = machine::the();
  auto* const other = here.running() ? here.find(handle) : nullptr;
  if (other == nullptr) return real_pthread_join(handle, result);
  here.join(*other);
  if (result != nullptr) *result = other->result;
  return 0;
}

// The machine joins every thread when it has ended.
int pthread_detach(pthread_t handle) noexcept {
  HOLDWATER_REAL(pthread_detach);
  auto& here = machine::the();
  return here.running() && here.find(handle) != nullptr ? 0 : real_pthread_detach(handle);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  HOLDWATER_REAL(pthread_mutex_lock);
  if (!machine::the().running()) return real_pthread_mutex_lock(mutex);
  holdwater::sim::lock(mutex);
  return 0;
}

int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  HOLDWATER_REAL(pthread_mutex_unlock);
  if (!machine::the().running()) return real_pthread_mutex_unlock(mutex);
  return holdwater::sim::unlock(mutex);
}

int pthread_mutex_destroy(pthread_mutex_t* mutex) noexcept {
  HOLDWATER_REAL(pthread_mutex_destroy);
  if (machine::the().running()) all_waited().mutexes.erase(mutex);
  return real_pthread_mutex_destroy(mutex);
}

int pthread_cond_init(pthread_cond_t* condition, const pthread_condattr_t* how) noexcept {
  clockid_t clock = CLOCK_REALTIME;
  if (how != nullptr) ::pthread_condattr_getclock(how, &clock);
  *condition = PTHREAD_COND_INITIALIZER;
  if (clock == CLOCK_MONOTONIC)
    all_waited().steady.insert(condition);
  else
    all_waited().steady.erase(condition);
  return 0;
}

int pthread_cond_destroy(pthread_cond_t* condition) noexcept {
  all_waited().steady.erase(condition);
  all_waited().conditions.erase(condition);
  return 0;
}

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  return holdwater::sim::wait_on(condition, mutex, holdwater::sim::never);
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* until) {
  return holdwater::sim::wait_on(condition, mutex, holdwater::sim::from_clock(clock, *until));
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  const auto clock = all_waited().steady.contains(condition) ? CLOCK_MONOTONIC : CLOCK_REALTIME;
  return holdwater::sim::wait_on(condition, mutex, holdwater::sim::from_clock(clock, *until));
}

int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  if (machine::the().running()) machine::the().wake_one(waited::of(all_waited().conditions, condition));
  return 0;
}

int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  if (machine::the().running()) machine::the().wake_all(waited::of(all_waited().conditions, condition));
  return 0;
}

// What must be done once is not interrupted, since others would wait for it outside of the machine.
int pthread_once(pthread_once_t* control, void (*body)()) {
  HOLDWATER_REAL(pthread_once);
  if (!machine::the().running()) return real_pthread_once(control, body);
  auto& self = machine::the().current();
  ++self.undisturbed;
  const int done = real_pthread_once(control, body);
  --self.undisturbed;
  return done;
}

// The C++ library's futures and static initialisers wait by futex(2). Everything else is the system's.
long syscall(long number, ...) noexcept {
  va_list more;
  va_start(more, number);
  long arguments[6];
  for (auto& one : arguments) one = va_arg(more, long);
  va_end(more);
  auto& here = machine::the();
  if (number != SYS_futex || !here.running())
    return holdwater::sim::raw_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                                       arguments[4], arguments[5]);
  auto* const word = reinterpret_cast<const std::atomic<int>*>(arguments[0]);
  auto& queue = waited::of(all_waited().conditions, word);
  const auto operation = arguments[1] & FUTEX_CMD_MASK;
  if (operation == FUTEX_WAKE || operation == FUTEX_WAKE_BITSET) {
    here.wake_all(queue);
    return 1;
  }
  if (*word != static_cast<int>(arguments[2])) {
    errno = EAGAIN;
    return -1;
  }
  const auto* const time = reinterpret_cast<const timespec*>(arguments[3]);
  auto until = holdwater::sim::never;
  if (time != nullptr && operation == FUTEX_WAIT)
    until = here.now() + static_cast<holdwater::sim::moment>(time->tv_sec) * holdwater::sim::second +
            time->tv_nsec;
  else if (time != nullptr)
    until = holdwater::sim::from_clock(
        (arguments[1] & FUTEX_CLOCK_REALTIME) != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC, *time);
  if (here.wait({&queue}, until)) return 0;
  errno = ETIMEDOUT;
  return -1;
}

} // extern "C"
