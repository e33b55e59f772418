// A control with settable answers. Actions stay open until the test finishes them, from whatever thread it
// likes.
#pragma once

#include "admin/process.hpp"

#include <condition_variable>
#include <mutex>

namespace holdwater::admin::testing {

class fake_control : public control {
 public:
  health now;
  std::vector<counter> families;
  std::vector<listed_unit> pending;
  dead_listing dead;
  past before;
  session_listing connected;
  std::string error;
  action_report report{true, "", 0};
  bool answer_at_once = true;

  [[nodiscard]] health snapshot() const override { return now; }
  [[nodiscard]] std::vector<counter> metrics() const override { return families; }

  [[nodiscard]] past look_back(bool, std::uint64_t) const override { return before; }
  [[nodiscard]] session_listing sessions(std::size_t) const override { return connected; }
  void list_pending(std::uint64_t after, std::size_t most,
                    std::function<void(spool_listing, std::string)> done) override {
    note("list_pending " + std::to_string(after) + " " + std::to_string(most));
    done({pending, false}, error);
  }
  void list_dead(std::uint64_t after, std::size_t most,
                 std::function<void(dead_listing, std::string)> done) override {
    note("list_dead " + std::to_string(after) + " " + std::to_string(most));
    done(dead, error);
  }
  void sync(std::chrono::milliseconds timeout, completion done) override {
    act("sync " + std::to_string(timeout.count()), std::move(done));
  }
  void reconnect(completion done) override { act("reconnect", std::move(done)); }
  void clear_cache(completion done) override { act("clear_cache", std::move(done)); }
  void export_pending(std::uint64_t after, std::size_t most,
                      std::function<void(spool_export, std::string)> done) override {
    note("export " + std::to_string(after) + " " + std::to_string(most));
    done({"-- nothing\n", 0, after, false}, error);
  }
  void back_up(std::function<void(backup_report, std::string)> done) override {
    note("back_up");
    done({3, 5}, error);
  }
  void read_backup(std::uint64_t number, std::uint64_t after, std::size_t,
                   std::function<void(std::string, std::string)> done) override {
    note("read_backup " + std::to_string(number) + " " + std::to_string(after));
    done(std::string("a\0\xff", 3), error);
  }
  void forget_backup(completion done) override { act("forget_backup", std::move(done)); }
  void import_units(bool only_check, std::string bytes, std::function<void(import_report)> done) override {
    note("import " + std::to_string(only_check) + " " + std::to_string(bytes.size()));
    import_report outcome{.done = error.empty(), .reason = error, .unit = {}, .statement = {}, .taken = 2};
    if (!error.empty()) outcome.unit = outcome.statement = 1;
    done(outcome);
  }
  [[nodiscard]] std::vector<listed_option> configuration() const override {
    return {{"listen", "x", true, false}};
  }
  void retry_dead(std::uint64_t seq, completion done) override {
    act("retry " + std::to_string(seq), std::move(done));
  }
  void discard_dead(std::uint64_t seq, completion done) override {
    act("discard " + std::to_string(seq), std::move(done));
  }

  [[nodiscard]] std::vector<std::string> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

  // The next action's completion, when one was asked for in time; else an empty function.
  completion wait_for_action(std::chrono::seconds most = std::chrono::seconds(10)) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, most, [&] { return !open_.empty(); });
    if (open_.empty()) return {};
    auto first = std::move(open_.front());
    open_.erase(open_.begin());
    return first;
  }

  void note(std::string call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> calls_;
  std::vector<completion> open_;

  void act(std::string call, completion done) {
    note(std::move(call));
    if (answer_at_once) return done(report);
    const std::lock_guard lock(mutex_);
    open_.push_back(std::move(done));
    changed_.notify_all();
  }
};

// One service without a name, or as many as there are names. What the process does, the first one notes.
class fake_process final : public process {
 public:
  explicit fake_process(std::vector<fake_control*> all, std::vector<std::string> names = {""})
      : first_(*all[0]) {
    for (std::size_t at = 0; at < all.size(); ++at)
      services_.push_back({names[at], {"127.0.0.1:6033"}, all[at]});
  }

  [[nodiscard]] const std::vector<service_entry>& services() const override { return services_; }
  [[nodiscard]] std::vector<counter> metrics() const override {
    return {{"holdwater_heap_bytes", "Bytes.", true, {{{}, 7}}}};
  }
  [[nodiscard]] std::vector<listed_option> configuration() const override {
    return {{"log.level", "x", true, false}};
  }
  reload_report reload() override {
    first_.note("reload");
    return {first_.error.empty(), first_.error, {"log.level"}, {}};
  }
  void note_refused(const std::string& address, unsigned times) override {
    first_.note("refused " + address + " " + std::to_string(times));
  }

 private:
  fake_control& first_;
  std::vector<service_entry> services_;
};

} // namespace holdwater::admin::testing
