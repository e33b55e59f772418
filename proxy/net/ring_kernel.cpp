#include "proxy/net/ring_kernel.hpp"

#include <cassert>
#include <cerrno>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace holdwater::proxy {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

void check(int result, const char* what) {
  if (result < 0) throw boost::system::system_error(system_error_of(-result), what);
}

__kernel_timespec timespec_of(milliseconds span) {
  return {span.count() / 1000, span.count() % 1000 * 1'000'000};
}

} // namespace

// It begins disabled: the thread that enables it is the one that may use it.
ring::kernel::kernel()
    : memory(std::make_unique<std::uint8_t[]>(static_cast<std::size_t>(buffers) * buffer_size)) {
  io_uring_params wanted{};
  wanted.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
                 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  wanted.cq_entries = completions;
  check(io_uring_queue_init_params(entries, &uring, &wanted), "io_uring_setup");
  try {
    constexpr unsigned needed = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_FAST_POLL;
    if ((wanted.features & needed) != needed) check(-ENOSYS, "io_uring_setup");
    void* const block = ::operator new(buffers * sizeof(io_uring_buf), page);
    offered.reset(static_cast<io_uring_buf_ring*>(block));
    io_uring_buf_ring_init(offered.get());
    io_uring_buf_reg where{};
    where.ring_addr = reinterpret_cast<std::uintptr_t>(block);
    where.ring_entries = buffers;
    where.bgid = buffer_group;
    check(io_uring_register_buf_ring(&uring, &where, 0), "io_uring_register");
    bell = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bell < 0) check(-errno, "eventfd");
  } catch (...) {
    io_uring_queue_exit(&uring);
    throw;
  }
  for (unsigned which = 0; which < buffers; ++which) give_back(static_cast<int>(which));
}

ring::kernel::~kernel() {
  io_uring_queue_exit(&uring);
  ::close(bell);
}

void ring::kernel::begin() {
  if (std::exchange(begun, true)) return;
  // liburing 2.3 declares a function for it, and has none.
  const auto done = ::syscall(SYS_io_uring_register, uring.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  check(done < 0 ? -errno : 0, "io_uring_register");
  [[maybe_unused]] const auto quicker = io_uring_register_ring_fd(&uring); // works without it
}

void ring::kernel::enter(ring& home, unsigned least, milliseconds longest) {
  assert(!ended);
  begin();
  home.prepare();
  const auto ends_at_once = std::exchange(quick, 0);
  if (least > 0) least += ends_at_once;
  if (least == 0) {
    io_uring_submit_and_get_events(&uring);
  } else if (longest.count() < 0 || set_timer(longest)) {
    io_uring_submit_and_wait(&uring, least);
  } else {
    io_uring_cqe* first = nullptr;
    auto span = timespec_of(longest);
    io_uring_submit_and_wait_timeout(&uring, &first, least, &span, nullptr);
  }
  // Interrupted, or short of memory: what is not submitted stays queued, and the caller comes again.
}

// Waits need no timer of their own while one is set that ends them in time. False: a later one is set.
bool ring::kernel::set_timer(milliseconds longest) {
  const auto due = steady_clock::now() + longest;
  if (timer_set) return timer_due <= due;
  timer = timespec_of(longest);
  auto* const entry = next();
  io_uring_prep_timeout(entry, &timer, 0, 0);
  name(entry, nullptr, operation::timer);
  timer_set = true;
  timer_due = due;
  return true;
}

io_uring_sqe* ring::kernel::next() {
  auto* entry = io_uring_get_sqe(&uring);
  while (!entry) {
    io_uring_submit(&uring);
    entry = io_uring_get_sqe(&uring);
  }
  return entry;
}

void ring::kernel::cancel(std::uint64_t which) {
  auto* const entry = next();
  io_uring_prep_cancel64(entry, which, 0);
  name(entry, nullptr, operation::cancel);
}

void ring::kernel::end(const std::function<void()>& note) {
  if (begun) {
    auto* const entry = next();
    io_uring_prep_cancel64(entry, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    name(entry, nullptr, operation::cancel);
  }
  ended = true;
  while (under_way > 0) {
    io_uring_submit_and_wait(&uring, 1);
    note();
  }
  if (bell_rings) io_uring_unregister_eventfd(&uring);
  if (begun) io_uring_unregister_ring_fd(&uring);
}

void ring::kernel::give_back(int which) {
  io_uring_buf_ring_add(offered.get(), buffer(which), buffer_size, static_cast<unsigned short>(which),
                        io_uring_buf_ring_mask(buffers), 0);
  io_uring_buf_ring_advance(offered.get(), 1);
}

std::unique_ptr<std::uint8_t[]> ring::kernel::take_block() {
  if (spare_blocks.empty()) return std::unique_ptr<std::uint8_t[]>(new std::uint8_t[ring_socket::most_sent]);
  auto taken = std::move(spare_blocks.back());
  spare_blocks.pop_back();
  return taken;
}

void ring::kernel::keep_block(std::unique_ptr<std::uint8_t[]> block) {
  if (block && spare_blocks.size() < most_kept_blocks) spare_blocks.push_back(std::move(block));
}

int ring::bell() const {
  return kernel_->bell;
}

void ring::ring_bell(bool on) {
  if (on == kernel_->bell_rings || kernel_->ended) return;
  kernel_->begin();
  auto* const uring = &kernel_->uring;
  check(on ? io_uring_register_eventfd(uring, kernel_->bell) : io_uring_unregister_eventfd(uring),
        "io_uring_register");
  kernel_->bell_rings = on;
}

void ring::silence_bell() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(kernel_->bell, &count, sizeof count); // it may be silent already
}

} // namespace holdwater::proxy
