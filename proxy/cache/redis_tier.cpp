#include "proxy/cache/redis_tier.hpp"

#include "proxy/log_scope.hpp"

#include "spool/boot_clock.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <random>
#include <stdexcept>
#include <utility>

namespace holdwater::proxy {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_at_once = 256;            // entries of an exchange ...
constexpr std::size_t most_bytes_at_once = 1u << 20; // ... and their bytes
constexpr std::size_t most_looks_at_once = 16;
constexpr std::size_t most_looks = 10'000;
constexpr std::size_t most_forgotten = 10'000;
constexpr auto shortest_pause = 200ms;  // between two writes, when the last one took all that there was
constexpr auto pause_in_between = 20ms; // ... and when it did not
constexpr auto learning_pause = 1s;
constexpr std::chrono::milliseconds first_pause = 100ms; // between two connections that fail
constexpr std::chrono::milliseconds longest_pause = 5s;
constexpr auto pause_after_refusal = 5s;
constexpr auto longest_goodbye = 500ms;

int make_eventfd() {
  const int made = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made < 0) throw std::runtime_error("eventfd failed");
  return made;
}

std::chrono::milliseconds with_jitter(std::chrono::milliseconds pause) {
  thread_local std::minstd_rand chance(std::random_device{}());
  return pause +
         std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, pause.count() / 4)(chance));
}

} // namespace

redis_tier::redis_tier(memory_tier& memory, redis_settings settings, spool::key_ring_ptr keys,
                       std::function<void()> cleared_elsewhere)
    : memory_(memory), place_(settings.place.name()), timeout_(settings.timeout),
      cleared_elsewhere_(std::move(cleared_elsewhere)), store_(std::move(settings)), pause_(first_pause),
      bell_(make_eventfd()), end_(make_eventfd()) {
  store_.set_keys(std::move(keys));
}

redis_tier::~redis_tier() {
  stop();
  ::close(bell_);
  ::close(end_);
}

void redis_tier::start() {
  thread_ = std::thread(in_log_scope([this] { run(); }));
}

void redis_tier::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  static_cast<void>(::eventfd_write(end_, 1));
  if (thread_.joinable()) thread_.join();
}

void redis_tier::wake_up() const {
  static_cast<void>(::eventfd_write(bell_, 1)); // fails only when it rings already
}

std::shared_ptr<cache_look> redis_tier::seek(std::string_view key, std::function<void()> wake) {
  auto asked = std::make_shared<cache_look>();
  {
    const std::lock_guard lock(mutex_);
    const auto now = clock::now();
    const bool too_slow = asked_since_ && now - *asked_since_ > timeout_;
    if (!counts_.up || is_clear_due() || too_slow || stopping_ || asked_.size() >= most_looks) {
      asked->done.store(true, std::memory_order_release);
      return asked;
    }
    if (!asked_since_) asked_since_ = now;
    asked_.push_back({std::string(key), asked, std::move(wake)});
  }
  wake_up();
  return asked;
}

void redis_tier::forget(std::string_view key) {
  const auto now = spool::since_boot();
  const std::lock_guard lock(mutex_);
  if (forgotten_.size() >= most_forgotten) {
    ++clears_wanted_;
    forgotten_.clear();
  }
  forgotten_.push_back({std::string(key), now});
}

void redis_tier::clear() {
  {
    const std::lock_guard lock(mutex_);
    ++clears_wanted_;
    forgotten_.clear();
  }
  wake_up();
}

void redis_tier::set_keys(spool::key_ring_ptr fresh) {
  const std::lock_guard lock(mutex_);
  fresh_keys_ = std::move(fresh);
}

redis_tier::counts redis_tier::count() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

// ----------------------------------------------------------------------------------------------------
// the thread

void redis_tier::run() {
  sigset_t broken;
  sigemptyset(&broken);
  sigaddset(&broken, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken, nullptr);
  for (;;) {
    wait();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) break;
    }
    turn();
  }
  say_goodbye();
  store_.close();
  std::vector<request> asked;
  {
    const std::lock_guard lock(mutex_);
    counts_.up = false;
    asked.swap(asked_);
  }
  answer(asked);
}

// For something to do; also for a connection that has ended, so that nobody finds that out by waiting.
void redis_tier::wait() {
  auto next = next_opening_;
  if (store_.is_open()) next = std::min(next_learning_, next_write_);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - clock::now());
  std::array<pollfd, 3> asked{{{end_, POLLIN, 0}, {bell_, POLLIN, 0}, {store_.descriptor(), POLLIN, 0}}};
  if (::poll(asked.data(), asked.size(), static_cast<int>(std::clamp(left, 0ms, shortest_pause).count())) <=
      0)
    return;
  if (asked[1].revents != 0) {
    eventfd_t rung = 0;
    static_cast<void>(::eventfd_read(bell_, &rung));
  }
  if (asked[2].revents != 0) lose("the connection has ended");
}

void redis_tier::turn() {
  {
    const std::lock_guard lock(mutex_);
    if (fresh_keys_) store_.set_keys(std::move(*fresh_keys_));
    fresh_keys_.reset();
  }
  if (!store_.is_open() && clock::now() >= next_opening_) come_up();
  clear_there();
  bury_there();
  std::vector<request> asked;
  {
    const std::lock_guard lock(mutex_);
    asked.swap(asked_);
  }
  answer(asked);
  if (clock::now() >= next_learning_) learn();
  if (clock::now() >= next_write_) write_behind();
}

void redis_tier::come_up() {
  next_opening_ = clock::now(); // until it has failed
  if (!well(store_.open(end_))) return;
  learn();
  clear_there();
  bury_there();
  if (!store_.is_open()) return;
  pause_ = first_pause;
  bad_value_told_ = false;
  {
    const std::lock_guard lock(mutex_);
    counts_.up = true;
  }
  note_trouble({});
}

// Before anything is read.
void redis_tier::clear_there() {
  if (!store_.is_open()) return;
  std::uint64_t wanted = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!is_clear_due()) return;
    wanted = clears_wanted_;
  }
  const auto done = store_.clear();
  if (!well(done)) return lose(done.why);
  const std::lock_guard lock(mutex_);
  clears_done_ = wanted;
}

void redis_tier::bury_there() {
  if (!store_.is_open()) return;
  std::vector<redis_store::forgotten> some;
  {
    const std::lock_guard lock(mutex_);
    some.swap(forgotten_);
  }
  if (some.empty()) return;
  redis_store::written written;
  const auto done = store_.bury(some, written);
  if (well(done) && !written.stale) return;
  if (done.well())
    learn(); // and then once more
  else
    lose(done.why);
  const std::lock_guard lock(mutex_);
  if (forgotten_.size() + some.size() > most_forgotten) ++clears_wanted_;
  forgotten_.insert(forgotten_.end(), std::make_move_iterator(some.begin()),
                    std::make_move_iterator(some.end()));
}

void redis_tier::answer(std::span<const request> asked) {
  while (!asked.empty()) {
    const auto some = asked.first(std::min(asked.size(), most_looks_at_once));
    asked = asked.subspan(some.size());
    look_up(some);
    for (const auto& one : some) {
      one.asked->done.store(true, std::memory_order_release);
      one.wake();
    }
  }
  const std::lock_guard lock(mutex_);
  if (asked_.empty())
    asked_since_.reset();
  else
    asked_since_ = clock::now();
}

void redis_tier::look_up(std::span<const request> asked) {
  if (!store_.is_open()) return;
  std::vector<std::string> keys;
  for (const auto& one : asked) keys.push_back(one.key);
  redis_store::gathered found;
  auto done = store_.get(keys, found);
  if (done.well() && found.stale) {
    learn(); // which may clear the memory
    found = {};
    if (store_.is_open()) done = store_.get(keys, found);
  }
  if (!store_.is_open() && done.well()) return;
  if (!well(done)) return lose(done.why);
  std::uint64_t count = 0;
  for (std::size_t at = 0; at < asked.size(); ++at) {
    const auto& one = found.answers[at];
    if (!one) continue;
    const std::lock_guard lock(mutex_); // what is to be forgotten is told here before the memory forgets it
    if (is_clear_due()) return;
    const auto is_this = [&](const auto& other) { return other.key == keys[at]; };
    if (std::any_of(forgotten_.begin(), forgotten_.end(), is_this)) continue;
    memory_.fill(keys[at], protocol::as_bytes(one->answer), one->at, memory_tier::source::redis);
    ++count;
  }
  if (found.bad > 0 && !std::exchange(bad_value_told_, true))
    spdlog::warn("a cached result in Redis ({}) is not used: {}", place_, found.why);
  const std::lock_guard lock(mutex_);
  counts_.found += count;
  counts_.errors += found.bad;
}

void redis_tier::learn() {
  next_learning_ = clock::now() + learning_pause;
  if (!store_.is_open()) return;
  bool cleared = false;
  const auto done = store_.learn(cleared);
  if (!well(done)) return lose(done.why);
  if (!cleared) return;
  spdlog::info("another Holdwater has cleared the shared results, so those here are cleared too");
  cleared_elsewhere_();
}

void redis_tier::write_behind() {
  next_write_ = clock::now() + shortest_pause;
  if (!store_.is_open()) return;
  const auto some = memory_.take_unsaved(memory_tier::saver::redis, most_at_once, most_bytes_at_once);
  if (some.empty()) return;
  redis_store::written done;
  const auto ended = store_.put(some, done);
  if (!well(ended)) {
    next_write_ = clock::now() + pause_after_refusal;
    return;
  }
  note_trouble({});
  if (done.stale) next_learning_ = clock::now();
  if (some.size() == most_at_once) next_write_ = clock::now() + pause_in_between;
  const std::lock_guard lock(mutex_);
  counts_.written += done.entries;
}

void redis_tier::say_goodbye() {
  store_.hurry(longest_goodbye);
  for (const auto until = clock::now() + longest_goodbye; store_.is_open() && clock::now() < until;) {
    const auto before = count().written;
    clear_there();
    bury_there();
    write_behind();
    if (count().written == before) break;
  }
  const std::lock_guard lock(mutex_);
  if (is_clear_due())
    spdlog::warn("the shared results in Redis ({}) were to be cleared, and it was away", place_);
}

bool redis_tier::well(const redis_store::outcome& done) {
  if (done.well()) return true;
  {
    const std::lock_guard lock(mutex_);
    ++counts_.errors;
  }
  if (done.is == redis_store::outcome::kind::lost)
    lose(done.why);
  else
    note_trouble(done.why);
  return false;
}

void redis_tier::lose(const std::string& why) {
  store_.close();
  {
    const std::lock_guard lock(mutex_);
    counts_.up = false;
    if (stopping_) return;
  }
  note_trouble(why);
  if (next_opening_ > clock::now()) return; // it is known already
  next_opening_ = clock::now() + with_jitter(pause_);
  pause_ = std::min(pause_ * 2, longest_pause);
}

void redis_tier::note_trouble(const std::string& trouble) {
  {
    const std::lock_guard lock(mutex_);
    counts_.trouble = trouble;
  }
  const bool is_news = told_well_ != trouble.empty();
  told_well_ = trouble.empty();
  if (is_news && trouble.empty()) spdlog::info("results are shared in Redis ({})", place_);
  if (is_news && !trouble.empty()) spdlog::warn("results are not shared in Redis ({}): {}", place_, trouble);
}

} // namespace holdwater::proxy
