// How a known account's session gets to the server: over its own connection when it changes its user, over a
// pooled one, or over a new one. A pooled one is used as it is where the server has let the same account into
// the same database a moment ago (server_pool::vouch), and is logged in anew by COM_CHANGE_USER otherwise.
// Whatever the server refuses then is asked again over a new connection: the refusal that the client sees is
// a login's.
#include "proxy/net/tls_context.hpp"
#include "proxy/server/monitor.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/relogin.hpp"
#include "proxy/session/server_pool.hpp"
#include "proxy/session/session.hpp"

#include "protocol/messages.hpp"
#include "spool/context_sql.hpp"

#include <algorithm>

namespace holdwater::proxy {
namespace {

// How often a login that met too many connections is tried again after ours that were idle were closed: the
// server takes a moment to see it.
constexpr unsigned most_retries = 5;
constexpr std::chrono::milliseconds retry_pause{100};

// Too many connections, of the server or of the account: ours that are idle may be among them.
bool means_too_many(const link_attempt& attempt, protocol::capabilities negotiated) {
  const auto error = protocol::parse_err(attempt.refusal, negotiated);
  return error && (error->number == 1040 || error->number == 1203 || error->number == 1226);
}

// A refused COM_CHANGE_USER makes the servers pause for a second, so a database that was not used over the
// link before is tried first, with the same account's rights.
task<bool> refuses_database(worker& home, wakeup& wake, server_link& link, const std::string& database) {
  if (database.empty() || database == link.database) co_return false;
  const bool plain =
      std::all_of(database.begin(), database.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (!plain) co_return false; // the link may have another character set than this login
  const auto statement = "USE " + spool::quoted_name(database);
  const auto said = co_await ask_server(home, wake, link, statement);
  co_return !said.ok && !said.broken;
}

} // namespace

// A pooled link over which `as` is logged in, or one that could not be had (unreachable).
task<link_attempt> session::reuse_link(const protocol::handshake_response& as) {
  const std::string question(init_connect_question);
  auto& pool = home_.pool();
  link_attempt attempt;
  const auto* const tls = process().server_tls;
  link_wishes wishes;
  if (tls != nullptr && tls->follows_client()) wishes.tls = client_->tls() != nullptr;
  if (process().settings.server.compression == "as_client") wishes.compression = client_compression_;
  while (auto pooled = pool.take(as, wishes, wake_)) {
    attempt = {};
    attempt.link = std::move(pooled->link);
    if (pooled->logged_in && pooled->settles) {
      const bool settled = co_await settle(home_, wake_, *attempt.link);
      if (!settled) {
        process().counters.count_end(pool_end::lost);
        say_goodbye(*attempt.link);
        continue;
      }
    }
    if (pooled->logged_in) {
      attempt.what = link_attempt::outcome::opened;
      attempt.ok = attempt.link->login_ok;
      process().counters.pool_reused.fetch_add(1, std::memory_order_relaxed);
      co_return attempt;
    }
    const auto asked = pool.now();
    const auto said = co_await ask_server(home_, wake_, *attempt.link, question);
    const bool plain = said.ok && !said.broken && said.row.empty();
    if (plain) pool.heard_no_init_connect(asked);
    bool refused = false;
    if (plain) {
      refused = co_await refuses_database(home_, wake_, *attempt.link, as.database);
      if (!refused) co_await change_login(home_, wake_, attempt, as, known_->password);
      if (attempt.what == link_attempt::outcome::opened) {
        process().counters.pool_reused.fetch_add(1, std::memory_order_relaxed);
        pool.vouch(*attempt.link, asked);
        co_return attempt;
      }
      refused = refused || attempt.what == link_attempt::outcome::refused;
    }
    process().counters.count_end(refused ? pool_end::refused : pool_end::lost);
    say_goodbye(*attempt.link);
    if (refused) break; // another one of the account's would hear the same
  }
  attempt = {};
  co_return attempt;
}

namespace {

// Whether clients that did not ask never notice that the server tells. MariaDB that tracks transactions
// leaves 0x4000 in the status of EOFs for the unasked only.
bool may_hide_changes(const server_profile& profile, bool queues_writes) {
  if (!profile.version.mariadb) return true;
  const auto* transactions = profile.find_variable("session_track_transaction_info");
  return queues_writes && transactions && transactions->value == "OFF";
}

} // namespace

// A link over which `as` is logged in; else what was met, as open_link() and log_in() have it.
task<link_attempt> session::reach_server(const protocol::handshake_response& as) {
  auto login = as;
  const auto profile = process().profile.get();
  if (may_hide_changes(*profile, process().writes))
    login.client_capabilities |= profile->hello.server_capabilities & protocol::cap::session_track;
  for (;;) {
    auto attempt = co_await find_server(login);
    if (attempt.what != link_attempt::outcome::opened) co_return attempt;
    const auto now = process().board.view(); // it may have gone away in the meantime, or be another one
    const bool stale = attempt.link->outage != now.outage;
    if (!stale && process().connections->hold(*record_, attempt.link->record)) co_return attempt;
    say_goodbye(*attempt.link);
    if (!stale || now.answers()) continue;
    attempt = {};
    attempt.problem = "login: the server went away meanwhile";
    co_return attempt;
  }
}

task<link_attempt> session::find_server(const protocol::handshake_response& as) {
  link_attempt attempt;
  if (link_ && link_->outage == process().board.view().outage && link_->can_change_user()) {
    attempt.link = std::move(link_);
    link_.reset();
    co_await change_login(home_, wake_, attempt, as, known_->password);
    if (attempt.what == link_attempt::outcome::refused) {
      link_ = std::move(attempt.link); // still as it was logged in before
      link_->needs_login = true;
      attempt.link.reset();
    }
    if (attempt.what != link_attempt::outcome::unreachable) co_return attempt;
    process().watch.report(attempt.problem);
  }
  leave_server();
  unsigned retries = 0;
  deadline patience(wake_); // with those who have all the places
  std::optional<pool_turn> waiting;
  for (;;) {
    if (!greeted_) attempt = co_await reuse_link(as);
    if (attempt.what == link_attempt::outcome::opened && waiting) waiting->served();
    if (attempt.what == link_attempt::outcome::opened) co_return attempt;
    auto place = greeted_ ? std::shared_ptr<void>() : home_.pool().take_place();
    if (!place && !greeted_) {
      if (!waiting) waiting.emplace(home_.pool(), wake_);
      const bool goes_on = co_await await_place(attempt, patience, *waiting);
      if (!goes_on) co_return attempt;
      continue;
    }
    if (waiting) waiting->served();
    const auto asked = home_.pool().now();
    attempt = co_await own_link();
    if (attempt.what == link_attempt::outcome::opened)
      co_await proxy::log_in(home_, wake_, attempt, as, known_->password);
    if (attempt.link) attempt.link->place = std::move(place);
    if (attempt.what == link_attempt::outcome::opened) {
      attempt.link->max_packet_size = as.max_packet_size;
      home_.pool().vouch(*attempt.link, asked);
    }
    if (attempt.what != link_attempt::outcome::refused || !means_too_many(attempt, as.client_capabilities))
      co_return attempt;
    if (home_.shed_pools()) retries = most_retries;
    if (retries == 0) co_return attempt;
    --retries;
    home_.deadlines().set(limit_, retry_pause);
    while (pause_lasts() && !stopping_) co_await wake_.wait();
    limit_.clear();
  }
}

// A COM_CHANGE_USER to a known account whose password is wrong: the server hears of it, from whom it may have
// consequences (a session with nothing set, a limit to the attempts, an end). True when the client has its
// ERR.
task<bool> session::refuse_by_server(bool with_password, std::uint8_t sequence) {
  if (!link_ || link_->outage != process().board.view().outage || !link_->can_change_user()) co_return false;
  link_attempt attempt;
  attempt.link = std::move(link_);
  link_.reset();
  const auto wrong = with_password ? known_->password + '?' : std::string();
  co_await change_login(home_, wake_, attempt, login_, wrong);
  if (attempt.what != link_attempt::outcome::refused) {
    attempt.link->stream->close(); // lost, or logged in by what the client has not shown
    co_return false;
  }
  link_ = std::move(attempt.link);
  link_->needs_login = true;
  protocol::byte_buffer out;
  protocol::append_message(out, sequence, attempt.refusal);
  co_await answer(out);
  co_return true;
}

// Between two commands the server's connection may serve another client.
void session::give_back_link() {
  if (!link_ || !known_ || stopping_) return;
  const bool as_it_was = state_.restorable() && !state_.in_transaction();
  if (!as_it_was || state_.database() != link_->database) link_->needs_login = true;
  if (home_.pool().put(*link_, as_it_was)) link_.reset();
}

} // namespace holdwater::proxy
