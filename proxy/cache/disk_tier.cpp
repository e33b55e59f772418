#include "proxy/cache/disk_tier.hpp"

#include "proxy/cache/key_digest.hpp"
#include "proxy/log_scope.hpp"
#include "spool/boot_clock.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace holdwater::proxy {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t most_at_once = 1000;           // entries of a transaction ...
constexpr std::size_t most_bytes_at_once = 4u << 20; // ... and their bytes
constexpr auto shortest_pause = 200ms;               // between two
constexpr int share_of_time = 100;                   // one part in so many is spent on writing
constexpr auto tidying_pause = 30s;
constexpr auto pause_after_trouble = 5s;
constexpr auto longest_goodbye = 500ms;

} // namespace

disk_tier::disk_tier(memory_tier& memory, std::string path, std::uint64_t most_bytes,
                     std::chrono::seconds max_stale, spool::key_ring_ptr keys)
    : memory_(memory), path_(std::move(path)), most_bytes_(most_bytes), max_stale_(max_stale),
      keys_(std::move(keys)) {}

disk_tier::~disk_tier() {
  stop();
}

void disk_tier::start() {
  thread_ = std::thread(in_log_scope([this] { run(); }));
}

void disk_tier::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<cache_look> disk_tier::seek(std::string_view key, std::function<void()> wake) {
  auto asked = std::make_shared<cache_look>();
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back({digest_of(key), std::string(key), asked, std::move(wake)});
  }
  changed_.notify_all();
  return asked;
}

void disk_tier::forget(std::string_view key) {
  {
    const std::lock_guard lock(mutex_);
    unwanted_.push_back(digest_of(key));
  }
  changed_.notify_all();
}

void disk_tier::clear() {
  {
    const std::lock_guard lock(mutex_);
    all_unwanted_ = true;
    unwanted_.clear();
  }
  changed_.notify_all();
}

void disk_tier::set_keys(spool::key_ring_ptr fresh) {
  {
    const std::lock_guard lock(mutex_);
    keys_ = std::move(fresh);
    keys_are_new_ = true;
  }
  changed_.notify_all();
}

disk_tier::counts disk_tier::count() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

// ----------------------------------------------------------------------------------------------------
// the thread

void disk_tier::run() {
  for (bool stops = false; !stops;) {
    std::vector<request> asked;
    std::vector<std::string> unwanted;
    bool all_unwanted = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, shortest_pause, [&] {
        const bool can_erase = store_ && (all_unwanted_ || !unwanted_.empty());
        return stopping_ || keys_are_new_ || can_erase || !asked_.empty();
      });
      stops = stopping_;
      asked.swap(asked_);
      unwanted.swap(unwanted_);
      all_unwanted = std::exchange(all_unwanted_, false);
    }
    take_keys();
    if (!store_ && clock::now() >= next_opening_) open();
    if (all_unwanted || !unwanted.empty()) erase(std::move(unwanted), all_unwanted);
    answer(asked);
    if (clock::now() >= next_write_) write_behind();
    if (clock::now() >= next_tidying_) tidy();
  }
  for (const auto until = clock::now() + longest_goodbye; store_ && clock::now() < until;) {
    const auto before = count().written;
    write_behind();
    if (count().written == before) break;
  }
  store_.reset();
}

// A file that cannot be given them is closed, and gets them when it is opened.
void disk_tier::take_keys() {
  spool::key_ring_ptr fresh;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(keys_are_new_, false)) return;
    fresh = keys_;
  }
  if (store_ && well(store_->set_keys(std::move(fresh)))) count_what_is_there();
}

void disk_tier::open() {
  spool::key_ring_ptr keys;
  {
    const std::lock_guard lock(mutex_);
    keys = keys_;
    keys_are_new_ = false;
  }
  std::string damage;
  auto opened = spool::open_result_store_or_replace(path_, keys, damage);
  if (!damage.empty())
    spdlog::error("the file of cached results {} is unreadable, and begun anew: {}", path_, damage);
  if (!well(opened)) return;
  store_ = std::move(*opened);
  count_what_is_there();
}

template <class T>
bool disk_tier::well(const spool::result<T>& done) {
  std::string trouble;
  if (!done) {
    trouble = done.error().context;
    store_.reset(); // a damaged file is set aside when it is opened
    next_opening_ = clock::now() + (done.error().code == spool::errc::corrupt ? 0s : pause_after_trouble);
  }
  bool is_news = false;
  {
    const std::lock_guard lock(mutex_);
    is_news = counts_.trouble.empty() != trouble.empty();
    counts_.trouble = trouble;
  }
  if (is_news && !trouble.empty()) spdlog::warn("cached results are in memory only: {}: {}", path_, trouble);
  if (is_news && trouble.empty()) spdlog::info("cached results are kept on the disk again");
  return static_cast<bool>(done);
}

// What could not be erased is remembered: it must not be found when the disk can be read again.
void disk_tier::erase(std::vector<std::string> unwanted, bool all) {
  constexpr std::size_t most_remembered = 10'000;
  bool done = store_ != nullptr;
  if (done && all) done = well(store_->clear());
  if (done && !unwanted.empty()) done = well(store_->erase(unwanted));
  if (done && all) count_what_is_there();
  if (done) return;
  const std::lock_guard lock(mutex_);
  all_unwanted_ = all_unwanted_ || all || unwanted_.size() + unwanted.size() > most_remembered;
  unwanted_.insert(unwanted_.end(), unwanted.begin(), unwanted.end());
}

void disk_tier::answer(const std::vector<request>& asked) {
  for (const auto& one : asked) {
    look_up(one);
    one.asked->done.store(true, std::memory_order_release);
    one.wake();
  }
}

void disk_tier::look_up(const request& one) {
  if (!store_) return;
  const auto found = store_->get(one.key);
  if (!found && found.error().code == spool::errc::corrupt) static_cast<void>(well(store_->erase({one.key})));
  if (!well(found) || !*found) return;
  // What is to be forgotten by now does not come back: whoever forgets tells us first, and then the memory.
  const std::lock_guard lock(mutex_);
  if (all_unwanted_ || std::find(unwanted_.begin(), unwanted_.end(), one.key) != unwanted_.end()) return;
  memory_.fill(one.memory_key, protocol::as_bytes((*found)->value), (*found)->written_at,
               memory_tier::source::disk);
  ++counts_.found;
}

void disk_tier::write_behind() {
  if (!store_) return;
  const auto begun = clock::now();
  auto some = memory_.take_unsaved(memory_tier::saver::disk, most_at_once, most_bytes_at_once);
  if (!some.empty()) {
    std::vector<spool::kept_result> batch;
    batch.reserve(some.size());
    for (auto& one : some) batch.push_back({digest_of(one.key), std::move(one.answer), one.at});
    if (well(store_->put(batch))) {
      const std::lock_guard lock(mutex_);
      counts_.written += batch.size();
    }
  }
  const auto ended = clock::now();
  next_write_ = ended + std::max<clock::duration>(shortest_pause, (ended - begun) * share_of_time);
}

void disk_tier::tidy() {
  next_tidying_ = clock::now() + tidying_pause;
  const auto now = spool::since_boot();
  memory_.drop_expired(now);
  if (!store_) return;
  const auto more = store_->shrink(now - max_stale_, most_bytes_);
  if (!well(more)) return;
  if (*more) next_tidying_ = clock::now() + shortest_pause;
  count_what_is_there();
}

void disk_tier::count_what_is_there() {
  const auto entries = store_->entries();
  if (!well(entries)) return;
  const auto bytes = store_->bytes();
  if (!well(bytes)) return;
  const std::lock_guard lock(mutex_);
  counts_.entries = *entries;
  counts_.bytes = *bytes;
}

} // namespace holdwater::proxy
