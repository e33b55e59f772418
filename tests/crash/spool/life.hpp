// Lives of a spool on a faulty disk: what it does, when the disk fails, how the process ends, and that the
// promise holds afterwards.
#pragma once

#include "home.hpp"
#include "witness.hpp"

#include <functional>
#include <memory>

namespace holdwater::spool::test {

struct life {
  const char* name;
  std::function<void(spool&, witness&)> before; // on a sound disk, by a process that was killed; may be none
  std::function<void(spool&, witness&)> live;   // the disk fails at its nth call
  bool slow = false;
  const char* key_before = ""; // of data at rest, a letter for each key; empty: none
  const char* key = "";
};
[[nodiscard]] const std::vector<life>& all_lives();

enum class ending { orderly, killed, power_cut };

// One life, begun anew as often as is asked.
class stage {
 public:
  stage(const life& what, home_maker where);

  // So many calls of these kinds does it make.
  [[nodiscard]] std::uint64_t calls(unsigned kinds);
  // Lives it with the fault, opens what is left on a sound disk, and checks it, twice.
  void play(const holdwater::test::fault_plan& fault, unsigned seed);

 private:
  static void end(home& where, std::unique_ptr<spool>& queue, ending how);
  static void expect_recovery(spool& queue, witness& seen);

  [[nodiscard]] sqlite_spool_options options_before(const home& at) const;
  [[nodiscard]] sqlite_spool_options options(const home& at) const;

  const life& life_;
  home_maker make_home_;
  holdwater::test::faulty_disk::image begin_;
  witness told_before_;
};

} // namespace holdwater::spool::test
