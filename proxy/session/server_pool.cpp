#include "proxy/session/server_pool.hpp"

#include "protocol/command.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"

#include <algorithm>

namespace holdwater::proxy {

// Shared by the pool and the coroutine that watches it.
struct server_pool::kept {
  explicit kept(server_link taken) : link(std::move(taken)) {}

  server_link link;
  wakeup wake;
  deadline limit{wake};
  bool clean = false; // the reset is answered
  bool gone = false;  // no longer the pool's: taken or let go
};

namespace {

std::chrono::milliseconds age_of(const server_link& link) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               link.opened);
}

} // namespace

bool server_pool::worth_keeping(const server_link& link) const {
  const auto& process = home_.process();
  const auto now = process.board.view();
  return process.settings.pool.max_idle > 0 && now.state == server_state::up && link.outage == now.outage &&
         process.settings.server.proxy_protocol == "off" && !link.tainted && link.can_change_user() &&
         age_of(link) < process.settings.pool.max_age;
}

// Takes a place among the process's idle connections, if need be from the one that was idle longest here.
bool server_pool::make_room() {
  auto& count = home_.process().counters.pool_idle;
  const auto most = home_.process().settings.pool.max_idle;
  if (count.fetch_add(1, std::memory_order_relaxed) < most) return true;
  if (!idle_.empty()) {
    let_go(std::prev(idle_.end()));
    return true;
  }
  count.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

bool server_pool::put(server_link& link) {
  auto& stream = *link.stream;
  const bool silent = stream.received().empty() &&
                      (!stream.maybe_readable() || stream.receive() == transport::status::blocked);
  if (!silent || !worth_keeping(link) || !make_room()) return false;
  if (link.record && !home_.process().connections->lay_down(*link.record)) {
    home_.process().counters.pool_idle.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  auto one = std::make_shared<kept>(std::move(link));
  one->link.stream->serve(one->wake);
  idle_.push_front(one);
  home_.run(keep(one));
  return true;
}

std::optional<server_link> server_pool::take(const protocol::handshake_response& login,
                                             const link_wishes& wishes, wakeup& owner) {
  const auto outage = home_.process().board.view().outage;
  const auto fits = [&](const auto& one) {
    const bool encrypted = one->link.stream->tls() != nullptr;
    return one->clean && one->link.outage == outage && one->link.serves(login) &&
           wishes.tls.value_or(encrypted) == encrypted &&
           wishes.compression.value_or(one->link.compression) == one->link.compression;
  };
  const auto found = std::find_if(idle_.begin(), idle_.end(), fits);
  if (found == idle_.end()) return std::nullopt;
  const auto one = *found;
  idle_.erase(found);
  end(one);
  one->link.stream->serve(owner);
  return std::move(one->link);
}

void server_pool::shed() {
  while (!idle_.empty()) let_go(idle_.begin());
}

void server_pool::let_go(kept_list::iterator which) {
  const auto one = *which;
  idle_.erase(which);
  end(one);
  say_goodbye(one->link);
}

// Its place is free, and its coroutine ends at its next turn.
void server_pool::end(const std::shared_ptr<kept>& one) {
  one->gone = true;
  one->limit.clear();
  home_.process().counters.pool_idle.fetch_sub(1, std::memory_order_relaxed);
  home_.loop().post([one] { one->wake.notify(); });
}

// The life of an idle connection: reset, then watched until it is taken, too old, or says something. The
// server says nothing to an idle client but goodbye.
task<> server_pool::keep(std::shared_ptr<kept> one) {
  const auto stream = one->link.stream; // outlives being taken
  one->clean = co_await clean(*one);
  const auto& pool = home_.process().settings.pool;
  if (one->clean) home_.process().counters.pool_kept.fetch_add(1, std::memory_order_relaxed);
  if (one->clean)
    home_.deadlines().set(one->limit, std::min(pool.idle_timeout, pool.max_age - age_of(one->link)));
  while (one->clean && !one->gone && !one->limit.expired()) {
    if (stream->maybe_readable() && stream->receive() != transport::status::blocked) break;
    stream->received().release();
    stream->arm_receive();
    co_await one->wake.wait();
  }
  if (one->gone) co_return;
  one->clean = false;
  let_go(std::find(idle_.begin(), idle_.end(), one));
}

// Ends what the client left behind. MariaDB's reset keeps the list of profiled statements, which is another
// client's business: one that has some is not kept.
task<bool> server_pool::clean(kept& one) {
  constexpr std::uint8_t reset[] = {1, 0, 0, 0,
                                    static_cast<std::uint8_t>(protocol::command::reset_connection)};
  deadline limit(one.wake);
  home_.deadlines().set(limit, home_.process().settings.connection_timeout);
  const waiter how{one.wake, &limit};
  const auto stream = one.link.stream;
  const protocol::byte_span request(reset);
  auto status = co_await send_all(*stream, how, request);
  message answer;
  if (status == io_status::done) status = co_await read_message(*stream, how, 64 * 1024, answer);
  if (one.gone || status != io_status::done || answer.payload.empty() || answer.payload[0] != 0x00)
    co_return false;
  if (!home_.process().profile.get()->version.mariadb) co_return true;
  const std::string question = "SHOW PROFILES";
  const auto said = co_await ask_server(home_, one.wake, one.link, question);
  co_return !one.gone && said.ok && !said.broken && said.row.empty();
}

} // namespace holdwater::proxy
