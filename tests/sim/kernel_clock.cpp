// The clocks of the simulated machine, and what would otherwise be chance: random_device and OpenSSL's random
// bytes.
#include "tests/sim/machine.hpp"
#include "tests/sim/raw_syscall.hpp"

#include <cerrno>
#include <ctime>
#include <openssl/rand.h>
#include <random>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace holdwater::sim {

moment wall_clock_jump = 0; // the calendar's, on top of its beginning

namespace {

constexpr moment calendar_begins = 1'780'000'000LL * second;
constexpr moment machine_begins = 1000 * second;

moment read(clockid_t clock) {
  const auto now = machine::the().now();
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? calendar_begins + wall_clock_jump + now
                                                                   : machine_begins + now;
}

dice& chance() {
  static auto* const only = new dice(machine::the().luck().roll());
  return *only;
}

} // namespace

moment calendar_now() {
  return read(CLOCK_REALTIME);
}

moment from_clock(clockid_t clock, const timespec& time) {
  const auto asked = static_cast<moment>(time.tv_sec) > never / second / 2
                         ? never
                         : static_cast<moment>(time.tv_sec) * second + time.tv_nsec;
  if (asked == never) return never;
  return machine::the().now() + (asked - read(clock));
}

} // namespace holdwater::sim

using holdwater::sim::machine;
using holdwater::sim::moment;

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (!machine::the().running())
    return static_cast<int>(
        holdwater::sim::raw_syscall(SYS_clock_gettime, clock, holdwater::sim::as_argument(time)));
  const auto now = holdwater::sim::read(clock);
  time->tv_sec = now / holdwater::sim::second;
  time->tv_nsec = now % holdwater::sim::second;
  return 0;
}

int gettimeofday(timeval* time, void*) noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* into) noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}

int nanosleep(const timespec* time, timespec*) {
  machine::the().sleep(static_cast<moment>(time->tv_sec) * holdwater::sim::second + time->tv_nsec);
  return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec*) {
  if ((flags & TIMER_ABSTIME) != 0) {
    machine::the().sleep_until(holdwater::sim::from_clock(clock, *time));
    return 0;
  }
  return ::nanosleep(time, nullptr);
}

int usleep(useconds_t time) {
  machine::the().sleep(static_cast<moment>(time) * holdwater::sim::microsecond);
  return 0;
}

unsigned sleep(unsigned time) {
  machine::the().sleep(static_cast<moment>(time) * holdwater::sim::second);
  return 0;
}

int RAND_bytes(unsigned char* into, int count) {
  for (int i = 0; i < count; ++i) into[i] = static_cast<unsigned char>(holdwater::sim::chance().roll());
  return 1;
}

} // extern "C"

std::random_device::result_type std::random_device::_M_getval() {
  return static_cast<result_type>(holdwater::sim::chance().roll());
}
