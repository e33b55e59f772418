// What the HTTP port lists and does.
#include "proxy/service/service.hpp"

#include "admin/server.hpp"
#include "protocol/sql/analysis.hpp"
#include "proxy/log.hpp"
#include "proxy/sql_files/export_part.hpp"
#include "spool/parameter_text.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace holdwater::proxy {

using system_clock = std::chrono::system_clock;

namespace {

constexpr std::size_t most_listed_bytes = 4 << 20;

system_clock::time_point moment(std::chrono::microseconds since_epoch) {
  return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(since_epoch));
}

// How the server will read it. Its version is of no matter where nothing but the shape is wanted.
protocol::sql::dialect dialect_of(const spool::statement_context& context) {
  protocol::sql::dialect out;
  protocol::sql::apply_context(out, context.sql_mode, context.character_set_client);
  return out;
}

admin::listed_unit listed(const spool::unit& one) {
  admin::listed_unit out{one.number, one.account, {}, moment(one.accepted_at), {}};
  if (!one.statements.empty()) out.database = one.statements.front().context.database;
  for (const auto& statement : one.statements) {
    out.shapes.push_back(shown_statement(statement.text, dialect_of(statement.context)));
    auto& text = out.statements.emplace_back(statement.text);
    for (std::size_t i = 0; i < statement.parameters.size(); ++i)
      text += (i == 0 ? " /* bound: " : ", ") + spool::readable(statement.parameters[i]);
    if (!statement.parameters.empty()) text += " */";
  }
  return out;
}

} // namespace

void service::list_pending(std::uint64_t after, std::size_t most,
                           std::function<void(admin::spool_listing, std::string)> done) {
  if (!spool_) return done({}, {});
  asio::post(slow_work_, [this, after, most, done = std::move(done)] {
    const auto read = spool_->read_pending(after, most + 1, most_listed_bytes);
    if (!read) return done({}, read.error().context);
    admin::spool_listing out;
    for (const auto& one : *read)
      if (out.units.size() < most) out.units.push_back(listed(one));
    out.truncated =
        !out.units.empty() && spool_->counts().pending > 0 && out.units.back().seq < spool_->counts().last;
    done(std::move(out), {});
  });
}

void service::export_pending(std::uint64_t after, std::size_t most,
                             std::function<void(admin::spool_export, std::string)> done) {
  if (!spool_) return done({}, "the spool is off");
  asio::post(slow_work_, [this, after, most, done = std::move(done)] {
    auto part = read_export_part(*spool_, {.after = after, .most_units = most}, settings_.ledger.table);
    if (!part) return done({}, part.error().context);
    admin::spool_export out{.sql = std::move(part->sql), .units = part->units, .last_seq = part->last};
    out.truncated = out.units > 0 && spool_->counts().pending > 0 && out.last_seq < spool_->counts().last;
    done(std::move(out), {});
  });
}

void service::list_dead(std::uint64_t after, std::size_t most,
                        std::function<void(admin::dead_listing, std::string)> done) {
  if (!spool_) return done({}, {});
  asio::post(slow_work_, [this, after, most, done = std::move(done)] {
    const auto read = spool_->read_dead(after, most, most_listed_bytes);
    if (!read) return done({}, read.error().context);
    admin::dead_listing out;
    out.truncated = read->more;
    for (const auto& one : read->letters)
      out.units.push_back({listed(one.what), one.number, one.sql_state, one.reason, moment(one.died_at),
                           shown_error({one.number, one.sql_state, one.reason})});
    done(std::move(out), {});
  });
}

struct service::sync_wait {
  asio::steady_timer timer;
  std::chrono::steady_clock::time_point until;
  completion done;
};

void service::sync(std::chrono::milliseconds timeout, completion done) {
  const auto one = std::make_shared<sync_wait>(
      sync_wait{asio::steady_timer(main_loop_), std::chrono::steady_clock::now() + timeout, std::move(done)});
  const auto begin = [this, one](bool, const std::string&) {
    asio::post(main_loop_, [this, one] { check_sync(one); });
  };
  if (board_.view().state == server_state::up)
    begin(true, {});
  else
    monitor_->reconnect_now(begin);
}

void service::check_sync(const std::shared_ptr<sync_wait>& one) {
  const auto state = board_.view().state;
  const auto pending = spool_ ? spool_->counts().pending : 0;
  if (state == server_state::up && pending == 0) return one->done({true, {}, 0});
  if (std::chrono::steady_clock::now() >= one->until)
    return one->done(
        {false, fmt::format("the server is {} and {} unit(s) are pending", name_of(state), pending), 0});
  one->timer.expires_after(std::chrono::milliseconds(50));
  one->timer.async_wait([this, one](boost::system::error_code cancelled) {
    if (!cancelled) check_sync(one);
  });
}

void service::reconnect(completion done) {
  monitor_->reconnect_now([done = std::move(done)](bool reached, std::string reason) {
    done({reached, std::move(reason), 0});
  });
}

void service::clear_cache(completion done) {
  if (!cache_) return done({false, "the cache is off", 0});
  cache_->clear();
  done({true, {}, 0});
}

void service::retry_dead(std::uint64_t seq, completion done) {
  if (!spool_) return done({false, "the spool is off", 0});
  if (const auto why = monitor_->look().spool_refusal; !why.empty()) // it would get a number as a write does
    return done({false, "nothing can be queued: " + why, 0});
  asio::post(slow_work_, [this, seq, done = std::move(done)] {
    if (own_) own_->distrust(); // there will be a unit that it has not seen
    const auto anew = spool_->retry_dead(seq);
    if (own_) own_->distrust();
    if (!anew) return done({false, anew.error().context, 0});
    monitor_->ask_for_drain();
    done({true, {}, *anew});
  });
}

void service::discard_dead(std::uint64_t seq, completion done) {
  if (!spool_) return done({false, "the spool is off", 0});
  asio::post(slow_work_, [this, seq, done = std::move(done)] {
    const auto gone = spool_->discard_dead(seq);
    if (gone) return done({true, {}, seq});
    const bool none = gone.error().code == spool::errc::not_found;
    done({false, none ? fmt::format("no such dead letter: {}", seq) : gone.error().context, seq});
  });
}

} // namespace holdwater::proxy
