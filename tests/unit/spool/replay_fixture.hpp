// A spool, a fake server, an observer that keeps notes, and the loop of the monitor: attach, drain, again.
#pragma once

#include "fake_server.hpp"
#include "fixtures.hpp"

#include "spool/replayer.hpp"

#include <map>

namespace holdwater::spool::test {

struct notes final : replay_observer {
  void applied(seq number, const std::vector<statement_answer>& answers) override {
    ++applied_times[number];
    applied_order.push_back(number);
    answer_counts[number] = answers.size();
  }
  bool refused(seq number, const server_error& error) override {
    ++refused_times[number];
    refusals[number] = error;
    return waiting.contains(number);
  }
  std::map<seq, int> applied_times;
  std::map<seq, int> refused_times;
  std::map<seq, std::size_t> answer_counts;
  std::map<seq, server_error> refusals;
  std::vector<seq> applied_order;
  std::set<seq> waiting; // units whose clients still wait
};

inline replay_options fast_options() {
  replay_options options;
  options.accounts = {{"app", ""}, {"other", ""}};
  options.database = "app";
  options.retry_delay = std::chrono::milliseconds(0);
  options.batch_units = 4;
  return options;
}

struct replay_fixture {
  temporary_folder folder;
  std::unique_ptr<spool> queue = open_or_fail(options_in(folder));
  fake_server server;
  notes seen;

  [[nodiscard]] std::unique_ptr<replayer> make(spool& from, const replay_options& options = fast_options()) {
    return std::make_unique<replayer>(from, options, seen,
                                      [this](const credentials& who) { return server.connect(who); });
  }
  [[nodiscard]] std::unique_ptr<replayer> make() { return make(*queue); }

  // Says how it ended; a replay that never ends would hang, so the number of tries is bounded.
  static replay_report run(replayer& with) {
    replay_report report;
    for (int tries = 0; tries < 20; ++tries) {
      const auto attached = with.attach();
      if (attached.status != attach_status::ready) {
        report = {attached.status == attach_status::unreachable ? replay_outcome::unreachable
                                                                : replay_outcome::halted,
                  attached.reason};
        continue;
      }
      report = with.drain();
      if (report.outcome == replay_outcome::drained || report.outcome == replay_outcome::halted)
        return report;
    }
    return report;
  }
};

} // namespace holdwater::spool::test
