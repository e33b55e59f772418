#include "tests/sim/network.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace holdwater::sim {

path path_to(std::uint16_t port) {
  return port == server_port ? path::server : port == admin_port ? path::admin : path::clients;
}

// --- descriptions and who watches them

description::~description() {
  for (auto* one : watches) one->raw = nullptr;
}

void description::changed() {
  machine::the().wake_all(waiters);
  for (auto* one : watches) one->owner->queue(*one);
}

poll_set::~poll_set() {
  drop_all();
}

void poll_set::drop_all() {
  queued.clear();
  for (auto& one : all)
    if (one->raw != nullptr) one->raw->watches.remove(one.get());
  all.clear();
}

unsigned poll_set::ready() const {
  const bool any = std::any_of(queued.begin(), queued.end(), [](const watch* one) {
    return one->raw != nullptr && (one->raw->ready() & (one->wanted.events | EPOLLERR | EPOLLHUP)) != 0;
  });
  return any ? EPOLLIN : 0u;
}

void poll_set::queue(watch& one) {
  if (!one.queued) {
    one.queued = true;
    queued.push_back(&one);
  }
  if (one.raw != nullptr && (one.raw->ready() & (one.wanted.events | EPOLLERR | EPOLLHUP)) != 0) changed();
}

int poll_set::collect(epoll_event* into, int most) {
  int count = 0;
  std::list<watch*> again;
  while (!queued.empty() && count < most) {
    auto* const one = queued.front();
    queued.pop_front();
    one->queued = false;
    if (one->raw == nullptr) continue;
    const auto now = one->raw->ready() & (one->wanted.events | EPOLLERR | EPOLLHUP);
    if (now == 0) continue;
    into[count].events = now;
    into[count++].data = one->wanted.data;
    if ((one->wanted.events & EPOLLET) == 0) again.push_back(one);
  }
  for (auto* one : again) {
    one->queued = true;
    queued.push_back(one);
  }
  return count;
}

unsigned channel::ready() const {
  if (writes) return EPOLLOUT;
  return bytes->empty() ? 0u : EPOLLIN;
}

// --- streams

unsigned stream::ready() const {
  if (at == phase::connecting || at == phase::fresh) return 0;
  if (at == phase::failed) return EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP;
  unsigned now = 0;
  if (consumed < received.size() || ended || broken) now |= EPOLLIN;
  if (ended) now |= EPOLLRDHUP;
  if (broken) now |= EPOLLERR | EPOLLHUP | EPOLLRDHUP;
  std::size_t used = 0;
  for (const auto& one : under_way) used += one.bytes.size();
  if (peer) used += peer->received.size() - peer->consumed;
  if (used < room || broken || sent_last) now |= EPOLLOUT;
  if (sent_last && ended) now |= EPOLLHUP;
  return now;
}

long stream::send(std::string_view bytes) {
  if (at == phase::connecting) return -EAGAIN;
  if (at != phase::connected || broken) {
    const int why = error != 0 ? error : EPIPE;
    error = 0;
    return -why;
  }
  if (sent_last) return -EPIPE;
  auto& here = machine::the();
  auto& now = network::the().on(where);
  std::size_t used = 0;
  for (const auto& one : under_way) used += one.bytes.size();
  if (peer) used += peer->received.size() - peer->consumed;
  if (used >= room) return -EAGAIN;
  bytes = bytes.substr(0, room - used);
  auto& luck = here.luck();
  const bool cut = now.byte_by_byte || (now.cut_one_in > 0 && luck.chance(1, now.cut_one_in));
  for (std::size_t from = 0; from < bytes.size();) {
    const auto left = bytes.size() - from;
    // within a long message one cut in many, or else each would be a thousand events
    auto size = !cut                            ? left
                : now.byte_by_byte && left < 64 ? 1
                                                : 1 + luck.below(std::min<std::size_t>(left, 512));
    auto due = here.now() + luck.between(now.least_delay, now.most_delay);
    if (!under_way.empty()) due = std::max(due, under_way.back().due);
    under_way.push_back({std::string(bytes.substr(from, size)), due});
    from += size;
  }
  pump();
  return static_cast<long>(bytes.size());
}

void stream::pump() {
  if (pumping || under_way.empty() || dark) return;
  pumping = true;
  const auto self = std::static_pointer_cast<stream>(shared_from_this());
  machine::the().at(under_way.front().due, [self] {
    self->pumping = false;
    self->arrive();
    self->pump();
  });
}

void stream::arrive() {
  const auto now = machine::the().now();
  while (!dark && !under_way.empty() && under_way.front().due <= now) {
    const auto next = std::move(under_way.front());
    under_way.pop_front();
    if (!peer) continue;
    if (peer->gone) { // nobody is there any more: the host says so
      if (!gone) reset(false);
      under_way.clear();
      return;
    }
    machine::the().mix(next.bytes.size() << 16 | own_port);
    if (next.fin)
      peer->ended = true;
    else
      peer->received += next.bytes;
    peer->changed();
    if (!next.fin) changed(); // there is room
  }
}

long stream::receive(char* into, std::size_t most, bool peek) {
  const auto there = received.size() - consumed;
  if (there > 0) {
    const auto count = std::min(there, most);
    std::copy_n(received.data() + consumed, count, into);
    if (peek) return static_cast<long>(count);
    consumed += count;
    if (consumed == received.size()) {
      received.clear();
      consumed = 0;
    }
    if (peer && !peer->gone) peer->changed(); // there is room
    return static_cast<long>(count);
  }
  if (broken || at == phase::failed) {
    const int why = std::exchange(error, 0);
    return why != 0 ? -why : 0;
  }
  if (ended || at == phase::fresh) return 0;
  return -EAGAIN;
}

void stream::shut() {
  if (at != phase::connected || sent_last) return;
  sent_last = true;
  ended = true;
  auto due = machine::the().now() + network::the().on(where).least_delay;
  if (!under_way.empty()) due = std::max(due, under_way.back().due);
  under_way.push_back({{}, due, true});
  pump();
  changed();
}

void stream::reset(bool both_at_once) {
  if (!broken) {
    broken = true;
    error = ECONNRESET;
    under_way.clear();
    changed();
  }
  if (both_at_once && peer && !peer->broken) {
    peer->broken = true;
    peer->error = ECONNRESET;
    peer->under_way.clear();
    peer->changed();
  }
}

void stream::closed(bool abruptly) {
  gone = true;
  if (at == phase::connecting) at = phase::failed;
  if (at != phase::connected) return;
  const auto self = std::static_pointer_cast<stream>(shared_from_this());
  auto& here = machine::the();
  if (abruptly || consumed < received.size()) {
    // Whatever is under way is dropped, and the other side learns of it in a while, unless the network is
    // dark.
    under_way.clear();
    const auto delay = network::the().on(where).most_delay;
    if (!dark)
      here.at(here.now() + delay, [self] {
        if (self->peer && !self->peer->gone && !self->dark) self->peer->reset(false);
        self->peer.reset();
      });
    return;
  }
  if (!sent_last) {
    sent_last = true;
    auto due = here.now() + network::the().on(where).least_delay;
    if (!under_way.empty()) due = std::max(due, under_way.back().due);
    under_way.push_back({{}, due, true});
    pump();
  }
}

void listener::closed(bool) {
  network::the().unlisten(port);
  for (auto& one : waiting) one->closed(true);
  waiting.clear();
}

// --- the network

network& network::the() {
  static auto* const only = new network;
  return *only;
}

void network::connect(const std::shared_ptr<stream>& from, std::uint16_t port) {
  from->at = stream::phase::connecting;
  from->where = path_to(port);
  from->own_port = next_port();
  from->other_port = port;
  auto& here = machine::the();
  const auto& now = on(from->where);
  here.at(here.now() + here.luck().between(now.least_delay, now.most_delay),
          [this, from, port] { reach(from, port); });
}

void network::reach(const std::shared_ptr<stream>& from, std::uint16_t port) {
  if (from->gone || from->at != stream::phase::connecting) return;
  auto& here = machine::the();
  auto& now = on(from->where);
  if (now.dark) { // asked again, as TCP does
    here.at(here.now() + second, [this, from, port] { reach(from, port); });
    return;
  }
  const auto found = listeners_.find(port);
  if (now.refuses || found == listeners_.end() || found->second->shut) {
    from->at = stream::phase::failed;
    from->error = ECONNREFUSED;
    from->changed();
    return;
  }
  auto other = std::make_shared<stream>();
  other->at = from->at = stream::phase::connected;
  other->where = from->where;
  other->own_port = port;
  other->other_port = from->own_port;
  other->peer = from;
  from->peer = other;
  auto& luck = here.luck();
  constexpr std::size_t rooms[] = {64 * 1024, 64 * 1024, 64 * 1024, 4096, 700};
  from->room = rooms[luck.below(5)];
  other->room = rooms[luck.below(5)];
  std::erase_if(streams_, [](const auto& one) { return one.expired(); });
  streams_.push_back(from);
  found->second->waiting.push_back(other);
  found->second->changed();
  from->changed();
}

void network::reset_all(path where, unsigned of, unsigned in) {
  for (const auto& each : streams_)
    if (const auto one = each.lock(); one && one->where == where && machine::the().luck().chance(of, in))
      one->reset(true);
}

void network::darken_some(path where, unsigned of, unsigned in) {
  for (const auto& each : streams_)
    if (const auto one = each.lock();
        one && one->where == where && one->peer && machine::the().luck().chance(of, in))
      one->dark = one->peer->dark = true;
}

void network::set_dark(path where, bool dark) {
  on(where).dark = dark;
  for (const auto& each : streams_) {
    const auto one = each.lock();
    if (!one || one->where != where) continue;
    for (const auto& end : {one, one->peer}) {
      if (!end) continue;
      end->dark = dark;
      if (!dark && end->gone && end->peer && !end->peer->gone && end->under_way.empty())
        end->peer->reset(false);
      end->pump();
    }
  }
}

std::size_t network::connections(path where) const {
  return static_cast<std::size_t>(std::count_if(streams_.begin(), streams_.end(), [&](const auto& each) {
    const auto one = each.lock();
    return one && one->where == where && !one->gone && !one->broken;
  }));
}

int network::add(std::shared_ptr<description> what) {
  ++what->descriptors;
  std::size_t at = slots_.size();
  if (!free_.empty()) {
    at = static_cast<std::size_t>(free_.back());
    free_.pop_back();
  } else {
    slots_.emplace_back();
  }
  slots_[at] = {std::move(what), machine::the().current().process};
  return first_descriptor + static_cast<int>(at);
}

std::shared_ptr<description> network::find(int descriptor) const {
  const auto at = static_cast<std::size_t>(descriptor - first_descriptor);
  if (descriptor < first_descriptor || at >= slots_.size() || !slots_[at].what) return nullptr;
  auto& here = machine::the();
  const auto mine = here.current().process, owner = slots_[at].owner;
  if (mine != owner && mine != 0 && owner != 0)
    here.fail(fmt::format("process {} uses the descriptor {} of process {}", mine, descriptor, owner));
  return slots_[at].what;
}

int network::close(int descriptor, bool abruptly, bool used_again) {
  const auto what = slots_.at(static_cast<std::size_t>(descriptor - first_descriptor)).what;
  if (!what) machine::the().fail(fmt::format("descriptor {} is closed, which is not open", descriptor));
  slots_[static_cast<std::size_t>(descriptor - first_descriptor)] = {};
  if (used_again) free_.push_back(descriptor - first_descriptor);
  for (auto at = what->watches.begin(); at != what->watches.end();) { // epoll forgets what is closed
    auto* const one = *at++;
    if (one->descriptor != descriptor && what->descriptors > 1) continue;
    auto* const owner = one->owner;
    owner->queued.remove(one);
    what->watches.remove(one);
    owner->all.remove_if([&](const auto& each) { return each.get() == one; });
  }
  if (--what->descriptors == 0) what->closed(abruptly);
  return 0;
}

// Their numbers are not used again: in this address space something of the process is still there (Asio tells
// its signals to all that ever asked), and would meet another's.
void network::close_all(process_id owner, bool abruptly) {
  for (std::size_t at = 0; at < slots_.size(); ++at)
    if (slots_[at].what && slots_[at].owner == owner)
      close(first_descriptor + static_cast<int>(at), abruptly, false);
}

void network::disown(int descriptor) {
  slots_[static_cast<std::size_t>(descriptor - first_descriptor)].owner = 0;
}

void network::become(int descriptor, std::shared_ptr<description> what) {
  auto& place = slots_[static_cast<std::size_t>(descriptor - first_descriptor)].what;
  for (auto* one : place->watches) { // Asio watches a socket before it listens
    one->what = what;
    one->raw = what.get();
    what->watches.push_back(one);
  }
  place->watches.clear();
  ++what->descriptors;
  place = std::move(what);
}

} // namespace holdwater::sim
