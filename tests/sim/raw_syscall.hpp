// A call of the real system. syscall() itself is the simulation's own: the C++ library waits through it.
#pragma once

#include <cerrno>

namespace holdwater::sim {

// As syscall(2) on x86-64: -1 and errno when it fails.
inline long raw_syscall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  long result = number;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  if (result >= 0 || result < -4095) return result;
  errno = static_cast<int>(-result);
  return -1;
}

template <class T>
long as_argument(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

} // namespace holdwater::sim
