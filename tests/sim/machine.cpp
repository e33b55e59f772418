#include "tests/sim/machine.hpp"

#include "tests/sim/raw_syscall.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace holdwater::sim {
namespace {

constexpr std::size_t notes_kept = 400;
constexpr moment longest_step = 4 * microsecond;

void futex_wait(std::atomic<int>& word) {
  raw_syscall(SYS_futex, as_argument(&word), FUTEX_WAIT_PRIVATE, 0);
}
void futex_wake(std::atomic<int>& word) {
  raw_syscall(SYS_futex, as_argument(&word), FUTEX_WAKE_PRIVATE, 1);
}

void await_turn(thread& self) {
  while (self.turn.exchange(0, std::memory_order_acquire) == 0) futex_wait(self.turn);
}

struct start {
  thread* self;
  std::function<void()> body;
};

void* run_start(void* given) {
  auto* const what = static_cast<start*>(given);
  what->body();
  delete what;
  return nullptr;
}

} // namespace

std::uint64_t dice::roll() {
  auto z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

wait_queue::~wait_queue() {
  for (auto* one : waiting_)
    one->queues.erase(std::remove(one->queues.begin(), one->queues.end(), this), one->queues.end());
}

machine& machine::the() {
  static auto* const only = new machine; // threads outlive main()
  return *only;
}

void machine::begin(std::uint64_t seed, unsigned preemption) {
  luck_ = dice(seed);
  preemption_ = preemption;
  auto& self = threads_.emplace_back();
  self.id = 0;
  self.name = "world";
  current_ = &self;
  runnable_.push_back(&self);
  if (const char* const file = std::getenv("HOLDWATER_SIM_DUMP"); file != nullptr && *file != 0)
    dump_ = std::fopen(file, "w");
  running_ = true;
}

void machine::at(moment when, std::function<void()> what) {
  alarms_.push({std::max(when, now_), alarms_made_++, nullptr, 0, std::move(what)});
}

void machine::make_runnable(thread& one) {
  if (one.at != thread::status::waiting) return;
  one.at = thread::status::runnable;
  runnable_.push_back(&one);
}

void machine::forget_queues(thread& one) {
  for (auto* queue : one.queues) {
    auto& all = queue->waiting_;
    all.erase(std::remove(all.begin(), all.end(), &one), all.end());
  }
  one.queues.clear();
}

bool machine::wait(wait_queue* const* on, std::size_t count, moment deadline) {
  auto& self = *current_;
  ++self.wait_serial;
  self.woken = false;
  for (std::size_t i = 0; i < count; ++i) {
    on[i]->waiting_.push_back(&self);
    self.queues.push_back(on[i]);
  }
  if (deadline != never) alarms_.push({deadline, alarms_made_++, &self, self.wait_serial, {}});
  self.at = thread::status::waiting;
  runnable_.erase(std::find(runnable_.begin(), runnable_.end(), &self));
  hand_over(&self);
  return self.woken;
}

void machine::wake_all(wait_queue& queue) {
  const auto woken = std::move(queue.waiting_);
  queue.waiting_.clear();
  for (auto* one : woken) {
    one->queues.erase(std::remove(one->queues.begin(), one->queues.end(), &queue), one->queues.end());
    forget_queues(*one);
    one->woken = true;
    make_runnable(*one);
  }
}

void machine::wake_one(wait_queue& queue) {
  if (queue.waiting_.empty()) return;
  auto& one = *queue.waiting_[luck_.below(queue.waiting_.size())];
  forget_queues(one);
  one.woken = true;
  make_runnable(one);
}

void machine::yield() {
  hand_over(current_);
}

void machine::maybe_preempt() {
  if (preemption_ == 0 || current_->undisturbed > 0 || runnable_.size() < 2) return;
  if (luck_.below(preemption_) == 0) yield();
}

void machine::run_due() {
  while (!alarms_.empty() && alarms_.top().when <= now_) {
    auto due = alarms_.top();
    alarms_.pop();
    if (due.who != nullptr) {
      if (due.who->wait_serial != due.serial || due.who->at != thread::status::waiting) continue;
      forget_queues(*due.who);
      make_runnable(*due.who);
    } else {
      due.what();
    }
  }
}

thread& machine::choose() {
  ++steps_;
  now_ += static_cast<moment>(1 + luck_.below(longest_step));
  for (;;) {
    run_due();
    if (!runnable_.empty()) break;
    if (alarms_.empty()) fail("every thread waits for another: a deadlock");
    now_ = std::max(now_, alarms_.top().when);
  }
  auto& next = *runnable_[luck_.below(runnable_.size())];
  if (dump_ != nullptr)
    std::fprintf(dump_, "%lld %d %s\n", static_cast<long long>(now_), next.id, next.name.c_str());
  mix(static_cast<std::uint64_t>(next.id) << 48 ^ static_cast<std::uint64_t>(now_));
  return next;
}

void machine::hand_over(thread* self) {
  auto& next = choose();
  if (&next == self) return;
  current_ = &next;
  next.turn.store(1, std::memory_order_release);
  futex_wake(next.turn);
  if (self == nullptr) return;
  await_turn(*self);
  reap();
}

// A thread that has ended is waited for until nothing of it is left: what it still frees is freed now, and
// not at some time that only the system knows.
void machine::reap() {
  auto* const gone = std::exchange(leaving_, nullptr);
  if (gone != nullptr) join_really(gone->handle);
}

thread& machine::spawn(std::string name, process_id process, std::function<void()> body) {
  const auto before = current_->process;
  const auto named = current_->name;
  current_->process = process;
  pthread_t handle{};
  auto* what = new start{nullptr, std::move(body)};
  if (::pthread_create(&handle, nullptr, run_start, what) != 0) fail("no thread could be made");
  current_->process = before;
  auto& made = *find(handle);
  made.name = std::move(name);
  return made;
}

void machine::kill(process_id process) {
  for (auto& one : threads_) {
    if (one.process != process || one.at == thread::status::ended || one.at == thread::status::killed)
      continue;
    forget_queues(one);
    if (one.at == thread::status::runnable)
      runnable_.erase(std::find(runnable_.begin(), runnable_.end(), &one));
    one.at = thread::status::killed;
  }
}

std::size_t machine::alive(process_id process) const {
  return static_cast<std::size_t>(std::count_if(threads_.begin(), threads_.end(), [&](const thread& one) {
    return one.process == process && one.at != thread::status::ended && one.at != thread::status::killed;
  }));
}

thread& machine::adopt(process_id process, std::string name) {
  auto& made = threads_.emplace_back();
  made.id = static_cast<int>(threads_.size()) - 1;
  made.name = std::move(name);
  made.process = process;
  runnable_.push_back(&made);
  return made;
}

void machine::take_part(thread& self) {
  await_turn(self);
  reap();
}

void machine::leave(thread& self) {
  self.at = thread::status::ended;
  runnable_.erase(std::find(runnable_.begin(), runnable_.end(), &self));
  wake_all(ends_[self.id]);
  leaving_ = &self;
  hand_over(nullptr);
}

void machine::join(thread& other) {
  while (other.at != thread::status::ended) wait({&ends_[other.id]});
}

// The handles that the simulated machine gives out are its threads' addresses.
thread* machine::find(pthread_t handle) {
  auto* const asked = reinterpret_cast<thread*>(handle);
  return asked->magic == thread::mark ? asked : nullptr;
}

void machine::add_note(std::string text) {
  for (const char one : text) mix(static_cast<unsigned char>(one));
  auto line = fmt::format("{:>12.6f} {:<14} {}", static_cast<double>(now_) / second,
                          current_ ? current_->name : "", text);
  if (echo_) std::fprintf(stdout, "%s\n", line.c_str());
  if (notes_.size() < notes_kept) return notes_.push_back(std::move(line));
  notes_[next_note_] = std::move(line);
  next_note_ = (next_note_ + 1) % notes_kept;
}

void machine::print_notes(std::FILE* to) const {
  for (std::size_t i = 0; i < notes_.size(); ++i)
    std::fprintf(to, "%s\n", notes_[(next_note_ + i) % notes_.size()].c_str());
}

void machine::fail(const std::string& what) {
  if (on_failure) on_failure(what);
  std::fprintf(stderr, "the simulation failed: %s\n", what.c_str());
  std::_Exit(1);
}

} // namespace holdwater::sim
