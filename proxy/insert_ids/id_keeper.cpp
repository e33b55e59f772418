#include "proxy/insert_ids/id_keeper.hpp"

#include "proxy/insert_ids/catalogue.hpp"
#include "proxy/insert_ids/reservation.hpp"
#include "proxy/log_scope.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace holdwater::proxy {

using spool::error_class;
using spool::server_error;
using spool::server_result;

namespace {

bool concerns_server(const server_error& error) {
  if (error.number == 0) return false; // our own refusal
  const auto what = classify(error);
  return what == error_class::connection_lost || what == error_class::not_now ||
         what == error_class::withheld;
}

bool lasting(const server_error& error) {
  return error.number == 0 || classify(error) == error_class::refused;
}

std::string describe(const server_error& error) {
  return error.number == 0 ? error.text : error.text + " (error " + std::to_string(error.number) + ")";
}

} // namespace

id_keeper::id_keeper(id_book& book, std::string schema, connect_function connect, keeper_pace pace)
    : book_(book), schema_(std::move(schema)), connect_(std::move(connect)), pace_(pace) {}

id_keeper::~id_keeper() {
  stop();
}

void id_keeper::start() {
  if (!thread_.joinable()) thread_ = std::thread(in_log_scope([this] { run(); }));
}

void id_keeper::stop() {
  {
    const lock held(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void id_keeper::server_is_up() {
  const lock held(mutex_);
  refresh_now_ = refresh_now_ || !up_;
  up_ = true;
  changed_.notify_all();
}

void id_keeper::server_is_away() {
  const lock held(mutex_);
  up_ = false;
  changed_.notify_all();
}

void id_keeper::look() {
  const lock held(mutex_);
  look_ = true;
  changed_.notify_all();
}

void id_keeper::schema_changed() {
  const lock held(mutex_);
  refresh_now_ = true;
  changed_.notify_all();
}

bool id_keeper::leave() const {
  const lock held(mutex_);
  return stopping_ || !up_;
}

void id_keeper::run() {
  lock held(mutex_);
  while (!stopping_) {
    if (std::exchange(refresh_now_, false)) refresh_at_ = not_before_ = {};
    if (up_ && next_work() <= clock::now()) {
      look_ = false;
      held.unlock();
      round();
      held.lock();
    } else {
      rest(held);
    }
  }
  held.unlock();
  connection_.reset();
}

// Called with the mutex held.
id_keeper::clock::time_point id_keeper::next_work() const {
  auto next = schema_.empty() ? refresh_at_ : std::min(refresh_at_, glance_at_);
  if (look_) next = {}; // at once
  if (const auto retry = book_.next_retry()) next = std::min(next, *retry);
  return std::max(next, not_before_);
}

void id_keeper::rest(lock& held) {
  const auto seen_look = look_;
  const auto woken = [&] { return stopping_ || refresh_now_ || look_ != seen_look; };
  if (!up_) {
    connection_.reset();
    changed_.wait(held, [&] { return stopping_ || up_; });
    return;
  }
  const auto idle_at = connection_ ? used_at_ + pace_.idle : clock::time_point::max();
  const auto until = std::min(next_work(), idle_at);
  changed_.wait_until(held, until, [&] { return woken() || !up_; });
  if (connection_ && clock::now() >= idle_at) connection_.reset();
}

void id_keeper::round() {
  auto done = work();
  used_at_ = clock::now();
  if (done) {
    last_trouble_.clear();
    return;
  }
  connection_.reset();
  not_before_ = clock::now() + (book_.in_doubt() ? pace_.glance : pace_.retry);
  if (leave()) return; // no wonder
  const auto trouble = describe(done.error());
  if (trouble != last_trouble_) spdlog::warn("insert ids cannot be looked after: {}", trouble);
  last_trouble_ = trouble;
}

server_result<void> id_keeper::work() {
  const auto coming = book_.comings();
  if (coming != coming_) connection_.reset(); // it may lead to another server than the one that came
  coming_ = coming;
  if (auto done = ensure_connected(); !done) return done;
  if (!schema_.empty() && clock::now() >= glance_at_)
    if (auto done = glance(); !done) return done;
  if (clock::now() >= refresh_at_)
    if (auto done = refresh(); !done) return done;
  if (auto done = look_up(book_.unknown_tables()); !done) return done;
  for (const auto& name : book_.wanting(clock::now())) {
    if (leave()) return {};
    if (auto done = fill(name); !done) return done;
  }
  return {};
}

server_result<void> id_keeper::ensure_connected() {
  if (connection_) return {};
  auto made = connect_();
  if (!made) return made.error();
  (*made)->be_patient([this, start = clock::now()](std::chrono::milliseconds waited) {
    return !leave() && waited < std::chrono::seconds(60);
  });
  if (auto done = prepare_session(**made); !done) return done;
  auto identity = read_identity(**made);
  if (!identity) return identity.error();
  increment_ = identity->increment;
  book_.server_is(*identity);
  connection_ = std::move(*made);
  return {};
}

server_result<void> id_keeper::glance() {
  auto names = read_names(*connection_, schema_);
  if (!names) return names.error();
  if (*names != names_) refresh_at_ = {};
  names_ = std::move(*names);
  glance_at_ = clock::now() + pace_.glance;
  return {};
}

server_result<void> id_keeper::refresh() {
  book_.forget_missing();
  if (!schema_.empty()) {
    auto all = read_schema(*connection_, schema_);
    if (!all) return all.error();
    book_.take_schema(schema_, *all);
  }
  if (auto done = look_up(book_.tables_outside(schema_)); !done) return done;
  if (auto done = check_unused(); !done) return done;
  if (leave()) return {}; // perhaps before all was seen
  book_.checked(coming_);
  refresh_at_ = clock::now() + pace_.refresh;
  return {};
}

// A table that was emptied and filled again is not always told from one that has only grown, and an
// application may have set an id of its own. A table that cannot be read tells nothing.
server_result<void> id_keeper::check_unused() {
  for (const auto& ids : book_.to_check()) {
    if (leave()) return {};
    auto used = has_row(*connection_, ids.table, ids.column, ids.first, ids.last, ids.step);
    if (!used && concerns_server(used.error())) return used.error();
    if (used && *used) book_.found_used(ids.table);
  }
  return {};
}

server_result<void> id_keeper::look_up(const std::vector<spool::table_name>& names) {
  for (const auto& name : names) {
    if (leave()) return {};
    auto found = read_table(*connection_, name);
    if (!found) return found.error();
    book_.take_table(name, *found);
  }
  return {};
}

server_result<void> id_keeper::fill(const spool::table_name& name) {
  while (const auto order = book_.order(name)) {
    if (leave()) return {};
    auto made = reserve_ids(*connection_, *order, increment_);
    if (!made) {
      book_.failed(name, describe(made.error()), lasting(made.error()), clock::now());
      if (concerns_server(made.error())) return made.error();
      return {};
    }
    if (!book_.reserved(name, made->range, made->short_of)) {
      book_.failed(name, "the disk refused to record the block", true, clock::now());
      return {};
    }
    if (made->short_of) return {};
  }
  return {};
}

} // namespace holdwater::proxy
