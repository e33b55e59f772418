// One run: a server, Holdwater, clients, an operator and a nemesis, from a seed to the verdict.
#pragma once

#include "tests/sim/application.hpp"
#include "tests/sim/history.hpp"
#include "tests/sim/proxy_process.hpp"
#include "tests/sim/server.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace holdwater::sim {

struct run_result {
  std::uint64_t steps = 0, hash = 0, units = 0, faults = 0;
  moment virtual_time = 0;
  std::map<std::string, std::uint64_t> kinds;
};

class world {
 public:
  world(std::uint64_t seed, std::string folder);

  // Until so many steps were taken; then everything is mended, and what should be there is looked for.
  run_result run(std::uint64_t steps);

 private:
  [[nodiscard]] static proxy::options settings(dice& luck, const std::string& folder);

  // nemesis.cpp
  void strike();
  void strike_server();
  void strike_network();
  void strike_proxy();
  void strike_disk();
  void strike_replay();
  void pause(moment least, moment most) { machine::the().sleep(luck_.between(least, most) / 4); }
  void restart_server(bool may_lag);
  void mend();
  void happened(const std::string& kind);

  // operator.cpp
  void operate();
  bool look_after();
  void decide_dead(bool at_the_end);
  void mend_ledger(const std::string& spool);
  void drain();

  dice luck_;
  history told_;
  server server_;
  proxy_process proxy_;
  bool stop_ = false;
  std::uint64_t faults_ = 0;
  moment calm_ = second; // between two strikes, at the longest
  bool operates_ = true;
  std::vector<std::unique_ptr<application>> applications_;
  std::vector<thread*> threads_;
};

} // namespace holdwater::sim
