#include "proxy/session/server_pool.hpp"

#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/kept_link.hpp"
#include "proxy/session/relogin.hpp"

#include <algorithm>

namespace holdwater::proxy {

using steady_clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
namespace cap = protocol::cap;

namespace {

// How long a connection may stay as its client left it.
constexpr milliseconds reset_delay{100};

constexpr std::chrono::seconds moment_ago{1};

// A login's rights and roles stay with its connection: how old one may be, in times of revalidate_after.
constexpr int oldest_login = 10;

// They mean another wait_timeout or sql_mode, which a reset or a change of user forgets.
constexpr auto other_settings = cap::interactive | cap::ignore_space;

// More are not remembered: what is not goes by way of a login.
constexpr std::size_t most_recipes = 64;
constexpr std::size_t most_vouchers = 256;

milliseconds age_of(const server_link& link) {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - link.opened);
}

} // namespace

// ----------------------------------------------------------------------------------------------------
// what is known

server_pool::moment server_pool::now() const {
  return {steady_clock::now(), home_.process().counters.server_changes.load(std::memory_order_acquire)};
}

bool server_pool::still_holds(const moment& asked) const {
  const auto present = now();
  return asked.changes == present.changes &&
         present.at - asked.at < home_.process().settings.pool.revalidate_after;
}

void server_pool::vouch(const server_link& link, moment asked) {
  forget_old_outage();
  if (link.outage != outage_) return;
  std::erase_if(vouchers_, [&](const voucher& one) {
    return (one.user == link.user && one.database == link.database) || !still_holds(one.asked);
  });
  if (vouchers_.size() < most_vouchers) vouchers_.push_back({link.user, link.database, asked});
}

// Another server may have come back.
void server_pool::forget_old_outage() {
  const auto present = home_.process().board.view().outage;
  if (std::exchange(outage_, present) == present) return;
  recipes_.clear();
  vouchers_.clear();
  no_init_connect_.reset();
  attributes_show_ = true;
}

const server_pool::recipe* server_pool::recipe_of(const server_link& link) const {
  const auto found = std::find_if(recipes_.begin(), recipes_.end(), [&](const recipe& one) {
    return one.collation == link.collation && one.database == link.database;
  });
  return found == recipes_.end() ? nullptr : &*found;
}

bool server_pool::is_logged_in(const kept& one, const protocol::handshake_response& login) const {
  const auto& link = one.link();
  if (link.needs_login || link.database != login.database || link.collation != login.collation ||
      (attributes_show_ && link.attributes != login.attributes))
    return false;
  const auto* known = recipe_of(link);
  if (!known || !known->words || !no_init_connect_ || !still_holds(*no_init_connect_)) return false;
  if (one.at == kept::stage::clean && !still_holds(one.reset)) return false;
  const auto present = now();
  const auto oldest = home_.process().settings.pool.revalidate_after * oldest_login;
  if (link.login.changes != present.changes || present.at - link.login.at >= oldest) return false;
  return std::any_of(vouchers_.begin(), vouchers_.end(), [&](const voucher& each) {
    return each.user == link.user && each.database == link.database && still_holds(each.asked);
  });
}

// ----------------------------------------------------------------------------------------------------
// in and out

bool server_pool::may_keep(const server_link& link) const {
  const auto& settings = home_.process().settings;
  return settings.pool.max_idle > 0 && settings.server.proxy_protocol == "off" && !link.tainted &&
         !(link.negotiated & other_settings) && link.can_change_user();
}

bool server_pool::worth_keeping(const server_link& link) const {
  const auto present = home_.process().board.view();
  return present.state == server_state::up && link.outage == present.outage && may_keep(link) &&
         !has_aged(link);
}

bool server_pool::has_aged(const server_link& link) const {
  return age_of(link) >= home_.process().settings.pool.max_age;
}

// Takes a place among the process's idle connections, if need be from the one that was idle longest here.
// What is lent has its place among pool.max_connections, should that bound them: another worker's idle ones
// must not keep it from those who wait here.
bool server_pool::make_room(bool lent) {
  const auto& settings = home_.process().settings.pool;
  auto& count = home_.process().counters.pool_idle;
  const bool bounded = lent && settings.max_connections > 0;
  if (count.fetch_add(1, std::memory_order_relaxed) < settings.max_idle || bounded) return true;
  if (!idle_.empty()) {
    let_go(std::prev(idle_.end()), pool_end::crowded);
    return true;
  }
  count.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

bool server_pool::put(server_link& link, bool light) {
  return take_in(link, light, false) != nullptr;
}

bool server_pool::is_full() const {
  const auto& process = home_.process();
  return process.counters.pool_idle.load(std::memory_order_relaxed) >= process.settings.pool.max_idle;
}

bool server_pool::crowded() const {
  return home_.process().settings.pool.max_connections == 0 && is_full() && !idle_.empty() &&
         steady_clock::now() - idle_.back()->since < moment_ago;
}

std::optional<std::uint64_t> server_pool::lend(server_link& link) {
  if (crowded()) return std::nullopt;
  const auto one = take_in(link, true, true);
  if (!one) return std::nullopt;
  return one->lent;
}

// Null, and untouched, when it is not worth keeping.
std::shared_ptr<server_pool::kept> server_pool::take_in(server_link& link, bool light, bool lent) {
  auto& stream = *link.stream;
  forget_old_outage();
  const bool silent = stream.received().empty() && !link.start.unanswered() &&
                      (!stream.maybe_readable() || stream.receive() == transport::status::blocked);
  if (!silent || !worth_keeping(link) || !make_room(lent)) return nullptr;
  if (link.record && !home_.process().connections->lay_down(*link.record)) {
    home_.process().counters.pool_idle.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  auto one = std::make_shared<kept>(std::move(link));
  one->link().stream->serve(one->wake);
  const bool other_login = one->link().needs_login; // which its session may still come back to
  const bool can_wait = light && (lent || !other_login) && !one->link().may_have_profiles;
  if (can_wait && (recipe_of(one->link()) || (lent && other_login))) {
    one->at = kept::stage::used;
    if (lent) one->lent = ++last_lent_;
    if (!lent) home_.process().counters.pool_kept.fetch_add(1, std::memory_order_relaxed);
  }
  idle_.push_front(one);
  home_.run(keep(one));
  if (one->at != kept::stage::busy) call_next();
  return one;
}

server_pool::kept_list::iterator server_pool::find_lent(std::uint64_t lent) {
  if (lent == 0) return idle_.end();
  return std::find_if(idle_.begin(), idle_.end(), [&](const auto& one) { return one->lent == lent; });
}

// It is the caller's from here on.
server_link server_pool::detach(kept_list::iterator which, wakeup& owner) {
  const auto one = *which;
  idle_.erase(which);
  end(one);
  one->link().stream->serve(owner);
  auto link = std::move(one->link());
  return link;
}

std::optional<server_link> server_pool::take_back(std::uint64_t lent, wakeup& owner) {
  forget_old_outage();
  const auto found = find_lent(lent);
  if (found == idle_.end()) return std::nullopt;
  if ((*found)->at != kept::stage::used || (*found)->link().outage != outage_) return std::nullopt;
  return detach(found, owner);
}

void server_pool::leave(std::uint64_t lent) {
  const auto found = find_lent(lent);
  if (found == idle_.end()) return;
  (*found)->lent = 0;
  const auto& counted = home_.process().counters.pool_idle;
  if (counted.load(std::memory_order_relaxed) > home_.process().settings.pool.max_idle)
    return let_go(found, pool_end::crowded);
  if ((*found)->at == kept::stage::used) home_.deadlines().set((*found)->limit, reset_delay);
}

std::optional<server_pool::taken> server_pool::take(const protocol::handshake_response& login,
                                                    const link_wishes& wishes, wakeup& owner) {
  forget_old_outage();
  const auto fits = [&](const auto& one) {
    const auto& link = one->link();
    const bool encrypted = link.stream->tls() != nullptr;
    return one->at != kept::stage::busy && link.outage == outage_ && link.serves(login) &&
           wishes.tls.value_or(encrypted) == encrypted &&
           wishes.compression.value_or(link.compression) == link.compression;
  };
  auto found =
      std::find_if(idle_.begin(), idle_.end(), [&](const auto& one) { return one->lent == 0 && fits(one); });
  if (found == idle_.end()) { // one that is lent, of the session that is silent for the longest time
    const auto oldest = std::find_if(idle_.rbegin(), idle_.rend(), fits);
    if (oldest == idle_.rend()) return std::nullopt;
    found = std::prev(oldest.base());
    home_.process().counters.pool_shared.fetch_add(1, std::memory_order_relaxed);
  }
  const auto one = *found;
  taken out;
  out.logged_in = is_logged_in(*one, login);
  out.link = detach(found, owner);
  if (one->at == kept::stage::used) {
    const auto* known = recipe_of(out.link);
    // What its client is told of a login is what the last one or the last reset gave.
    out.settles = now().at - out.link.fresh_since >= home_.process().settings.pool.revalidate_after;
    out.link.start.owe(known && known->words ? known->words : make_fresh_start(out.link, false, nullptr));
  }
  return out;
}

void server_pool::shed() {
  while (!idle_.empty()) let_go(idle_.begin(), pool_end::shed);
}

void server_pool::let_go(kept_list::iterator which, pool_end why) {
  const auto one = *which;
  home_.process().counters.count_end(why);
  idle_.erase(which);
  end(one);
  say_goodbye(one->link());
  one->link().place.reset();
}

// Its place is free, and its coroutine ends at its next turn.
void server_pool::end(const std::shared_ptr<kept>& one) {
  one->gone = true;
  one->limit.clear();
  home_.process().counters.pool_idle.fetch_sub(1, std::memory_order_relaxed);
  home_.loop().post([one] { one->wake.notify(); });
}

// ----------------------------------------------------------------------------------------------------
// the life of an idle connection

// Watched and reset until it is taken, too old, or says something. The server says nothing to an idle client
// but goodbye.
task<> server_pool::keep(std::shared_ptr<kept> one) {
  const auto stream = one->attempt.link->stream; // outlives being taken
  const auto& settings = home_.process().settings.pool;
  bool sound = true;
  if (one->at == kept::stage::used) {
    co_await rest(*one, one->lent != 0 ? settings.idle_timeout : reset_delay);
    if (one->gone) co_return;
    sound = one->limit.expired();
    one->lent = 0; // what its session left behind ends here
  }
  if (sound) {
    const bool waited = std::exchange(one->at, kept::stage::busy) == kept::stage::used;
    sound = co_await clean(*one);
    if (one->gone) co_return;
    if (sound && !waited) home_.process().counters.pool_kept.fetch_add(1, std::memory_order_relaxed);
  }
  auto why = pool_end::lost;
  if (sound) {
    one->at = kept::stage::clean;
    call_next();
    const auto left = settings.max_age - age_of(one->link());
    co_await rest(*one, std::max(milliseconds(0), std::min(settings.idle_timeout, left)));
    if (one->gone) co_return;
    if (one->limit.expired()) why = left < settings.idle_timeout ? pool_end::age : pool_end::idle;
  }
  let_go(std::find(idle_.begin(), idle_.end(), one), why);
}

// Until it is taken, its time is up (limit), or the server says something.
task<> server_pool::rest(kept& one, milliseconds most) {
  const auto stream = one.link().stream;
  home_.deadlines().set(one.limit, most);
  while (!one.gone && !one.limit.expired()) {
    if (stream->maybe_readable() && stream->receive() != transport::status::blocked) co_return;
    stream->received().release();
    stream->arm_receive();
    co_await one.wake.wait();
  }
}

// Ends what the client left behind. MariaDB's reset keeps the list of profiled statements, which is another
// client's business: one that has some is not kept.
task<bool> server_pool::clean(kept& one) {
  auto& link = one.link();
  const bool mariadb = home_.process().profile.get()->version.mariadb;
  const bool may_prove = !link.needs_login && !recipe_of(link) && recipes_.size() < most_recipes;
  const auto* known = recipe_of(link);
  link.start.owe(known && known->words ? known->words : make_fresh_start(link, false, nullptr));
  one.reset = now();
  bool settled = co_await settle(home_, one.wake, link);
  if (one.gone || !settled) co_return false;
  if (mariadb && (link.may_have_profiles || may_prove)) {
    const std::string question = "SHOW PROFILES";
    const auto said = co_await ask_server(home_, one.wake, link, question);
    if (one.gone || !said.ok || said.broken || !said.row.empty()) co_return false;
  }
  link.may_have_profiles = false;
  if (!may_prove) co_return true;
  co_await prove(one);
  if (one.gone || one.attempt.what != link_attempt::outcome::opened) co_return false;
  known = recipe_of(link);
  link.start.owe(known && known->words ? known->words : make_fresh_start(link, false, nullptr));
  one.reset = now();
  settled = co_await settle(home_, one.wake, link);
  co_return settled && !one.gone;
}

// Compares what a login gives with what a reset and a few commands more give, once for each character set and
// database. The link stays opened unless it was lost.
task<> server_pool::prove(kept& one) {
  auto& link = one.link();
  one.attempt.what = link_attempt::outcome::unreachable;
  const auto* owner = home_.process().find_account(link.user);
  if (!owner) co_return;
  const auto asked = now();
  const std::string init_connect(init_connect_question);
  const auto plain = co_await ask_server(home_, one.wake, link, init_connect);
  if (one.gone || plain.broken || !plain.ok) co_return;
  if (plain.row.empty()) heard_no_init_connect(asked);
  const auto as = login_of(link);
  co_await change_login(home_, one.wake, one.attempt, as, owner->password);
  if (one.gone || one.attempt.what != link_attempt::outcome::opened) co_return;
  vouch(link, asked);

  const std::string question =
      "SELECT @@character_set_client, @@character_set_results, @@character_set_connection, "
      "@@collation_connection, @@character_set_database, @@collation_database, @@wait_timeout, @@autocommit, "
      "@@sql_mode, DATABASE(), CURRENT_USER(), CURRENT_ROLE(), @@performance_schema";
  const auto wanted = co_await ask_server(home_, one.wake, link, question);
  one.attempt.what = link_attempt::outcome::unreachable;
  if (one.gone || wanted.broken) co_return;
  recipe found{link.collation, link.database, nullptr};
  const auto profile = home_.process().profile.get();
  if (const auto* names = profile->find(link.collation); wanted.ok && names) {
    const auto words = make_fresh_start(link, !link.database.empty(), names);
    link.start.owe(words);
    const auto got = co_await ask_server(home_, one.wake, link, question);
    if (one.gone || got.broken) co_return;
    if (got.ok && got.row == wanted.row) found.words = words;
  }
  if (wanted.ok && !wanted.row.empty()) attributes_show_ = wanted.row.back() != "0";
  forget_old_outage();
  if (link.outage != outage_) co_return;
  if (!recipe_of(link)) recipes_.push_back(std::move(found));
  one.attempt.what = link_attempt::outcome::opened;
}

} // namespace holdwater::proxy
