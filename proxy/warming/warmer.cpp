#include "proxy/warming/warmer.hpp"

#include "proxy/durable_file.hpp"
#include "proxy/log_scope.hpp"
#include "proxy/warming/inner_client.hpp"
#include "spool/sealed_value.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace holdwater::proxy {
namespace {

std::string place_of_askers() {
  return spool::place_of("askers", "");
}

} // namespace

warmer::warmer(const options& settings, std::string path, std::function<int()> invite,
               spool::key_ring_ptr keys)
    : settings_(settings), path_(std::move(path)), invite_(std::move(invite)), keys_(std::move(keys)),
      askers_(settings.cache.warm_interval) {}

warmer::~warmer() {
  stop();
}

void warmer::start() {
  load();
  for (const auto& one : settings_.accounts)
    askers_.add_stand_in(
        {one.user, settings_.server.database, worth_repeating(protocol::cap::long_flag), 0, {}},
        clock::now());
  thread_ = std::thread(in_log_scope([this] { run(); }));
}

void warmer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  hang_up_ = true;
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void warmer::note(const known_asker& one) {
  {
    const std::lock_guard lock(mutex_);
    if (!askers_.note(one, clock::now())) return;
    unsaved_ = true;
  }
  changed_.notify_all();
}

void warmer::set_keys(spool::key_ring_ptr fresh) {
  {
    const std::lock_guard lock(mutex_);
    keys_ = std::move(fresh);
    unsaved_ = true;
  }
  changed_.notify_all();
}

void warmer::server_is(bool up) {
  {
    const std::lock_guard lock(mutex_);
    if (up_.exchange(up) == up) return;
    if (up) askers_.hurry(clock::now());
  }
  changed_.notify_all();
}

warmer::counts warmer::count() const {
  const std::lock_guard lock(mutex_);
  auto out = counts_;
  out.askers = askers_.size();
  if (went_well_) out.age_s = std::chrono::duration<double>(clock::now() - *went_well_).count();
  return out;
}

// ----------------------------------------------------------------------------------------------------
// the file

void warmer::load() {
  std::ifstream file(path_, std::ios::binary);
  if (!file) return;
  const std::string content(std::istreambuf_iterator<char>(file), {});
  const auto opened = spool::unseal(keys_, content, place_of_askers());
  const auto known = opened ? decode_askers(*opened) : std::nullopt;
  unsaved_ = opened && *opened == content && spool::sealing_key(keys_) != nullptr; // it lies in clear
  if (!known)
    return spdlog::warn("{} is not readable: what kinds of connection there are is learned anew", path_);
  for (const auto& one : *known)
    if (std::any_of(settings_.accounts.begin(), settings_.accounts.end(),
                    [&](const account& mine) { return mine.user == one.user; }))
      askers_.note(one, clock::now());
}

void warmer::save() {
  std::string content;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(unsaved_, false)) return;
    content = encode_askers(askers_.seen());
    if (const auto* const key = spool::sealing_key(keys_))
      content = spool::seal(*key, content, place_of_askers());
  }
  if (const auto problem = write_durably(path_, content); !problem.empty())
    spdlog::error("what kinds of connection there are was not saved: {}", problem);
}

// ----------------------------------------------------------------------------------------------------
// the thread

void warmer::run() {
  for (;;) {
    std::optional<known_asker> next;
    {
      std::unique_lock lock(mutex_);
      const auto at_the_latest = clock::now() + std::chrono::hours(1);
      const auto due = up_ ? askers_.next_due().value_or(at_the_latest) : at_the_latest;
      if (!stopping_ && !unsaved_) changed_.wait_until(lock, due);
      if (stopping_) return;
      if (up_) next = askers_.take_due(clock::now());
    }
    save();
    if (next) ask_for(*next);
  }
}

void warmer::ask_for(const known_asker& as) {
  const auto mine = std::find_if(settings_.accounts.begin(), settings_.accounts.end(),
                                 [&](const account& one) { return one.user == as.user; });
  const int socket = mine == settings_.accounts.end() ? -1 : invite_();
  if (socket < 0) return complain(as, "connecting", "there is no connection to ask over");
  inner_client client(socket, hang_up_);
  if (const auto done = client.log_in(as, mine->password); !done.problem.empty())
    return complain(as, "login", done.problem);
  bool all_well = true;
  for (std::size_t at = 0; at < settings_.cache.warm.size() && up_; ++at) {
    const auto done = client.ask(settings_.cache.warm[at]);
    if (!done.problem.empty()) {
      complain(as, fmt::format("cache.warm, number {}", at + 1), done.problem);
      all_well = false;
      if (done.lost) return;
      continue;
    }
    const std::lock_guard lock(mutex_);
    ++counts_.answered;
  }
  client.leave();
  if (!all_well || !up_) return;
  const std::lock_guard lock(mutex_);
  went_well_ = clock::now();
  counts_.trouble.clear();
}

// The log says each thing once. What fails since the server has gone is no news.
void warmer::complain(const known_asker& as, const std::string& what, const std::string& problem) {
  constexpr std::size_t most_told = 1000;
  if (!up_ || hang_up_) return;
  const auto told = fmt::format("{} ({}): {}", what, as.database, problem);
  {
    const std::lock_guard lock(mutex_);
    ++counts_.failed;
    counts_.trouble = fmt::format("'{}': {}", as.user, told);
  }
  if (told_.size() < most_told && told_.insert({as.user, told}).second)
    spdlog::warn("what was to be asked ahead as '{}' failed: {}", as.user, told);
}

} // namespace holdwater::proxy
