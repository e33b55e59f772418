// Holdwater itself in the simulated world: the whole program as main() would run it, on a disk that can lose
// power.
#pragma once

#include "proxy/config/options.hpp"
#include "tests/crash/spool/memory_vfs.hpp"
#include "tests/sim/machine.hpp"

#include <string>

namespace holdwater::sim {

class proxy_process {
 public:
  proxy_process(proxy::options settings, std::uint64_t seed);

  void start();
  void kill(bool loses_power);
  void stop(); // SIGTERM; returns when it has ended
  [[nodiscard]] bool running() const { return process_ != 0; }
  [[nodiscard]] spool::test::memory_disk& disk() { return disk_; }
  moment longest_sync = 0;

  // Of the admin port: the answer's body, empty when there is none.
  static std::string http(const std::string& method, const std::string& path);

 private:
  void run();

  proxy::options settings_;
  spool::test::memory_disk disk_;
  process_id process_ = 0;
  wait_queue ended_;
  bool ending_ = false;
  bool has_ended_ = false;
};

} // namespace holdwater::sim
