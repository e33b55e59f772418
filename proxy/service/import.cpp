// Writes that come from a file: each part is looked at as a whole, then queued as a whole.
#include "proxy/service/service.hpp"

#include "admin/server.hpp"
#include "proxy/spooling/check_import.hpp"
#include "proxy/sql_files/import_part.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <set>

namespace holdwater::proxy {
namespace {

using admin::import_report;

import_report refused(std::string why) {
  import_report out;
  out.reason = std::move(why);
  return out;
}

std::chrono::microseconds now_since_epoch() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

} // namespace

// On the main loop, whose the settings are.
import_terms service::import_terms_now() const {
  import_terms out;
  for (const auto& one : settings_.accounts) out.accounts.push_back(one.user);
  const auto profile = profile_.get();
  out.dialect.mariadb = profile->version.mariadb;
  out.dialect.version = profile->version.number;
  out.rules = settings_.rules;
  out.max_statement_bytes = settings_.spool.max_statement_bytes;
  out.max_transaction_bytes = settings_.spool.max_transaction_bytes;
  out.max_transaction_statements = settings_.spool.max_transaction_statements;
  return out;
}

// Why nothing of the part can be taken, whatever is in it; and whether each of its units may be.
std::optional<import_report> service::why_not_imported(import_part& part, const import_terms& terms) const {
  if (part.source == spool_->id()) return refused("these writes are of this very queue");
  std::set<std::string> accounts;
  for (std::size_t i = 0; i < part.units.size(); ++i) {
    auto& one = part.units[i].what;
    auto wrong = check_import(one, terms, now_since_epoch());
    auto why = wrong ? wrong->why : std::string();
    if (!wrong && accounts.insert(one.account).second) why = monitor_->spool_refusal(one.account);
    if (why.empty()) continue;
    auto out = refused(std::move(why));
    out.unit = i;
    out.statement = wrong ? wrong->statement : 0;
    return out;
  }
  return std::nullopt;
}

void service::import_units(bool only_check, std::string bytes, std::function<void(import_report)> done) {
  if (!spool_) return done(refused("the spool is off"));
  if (settings_.admin.token.empty()) {
    auto out = refused("importing needs admin.token to be set: without it, whoever reaches this port could "
                       "write as every account");
    out.allowed = false;
    return done(out);
  }
  asio::post(slow_work_, [this, only_check, bytes = std::move(bytes), done = std::move(done),
                          terms = import_terms_now()]() mutable {
    auto part = decode_part(bytes);
    if (!part) return done(refused("this is no part of an import"));
    bytes = {};
    if (auto why = why_not_imported(*part, terms)) return done(*why);
    if (only_check || part->units.empty()) {
      import_report out;
      out.done = true;
      return done(out);
    }
    if (part->source.empty()) return done(refused("it does not say where the writes come from"));
    take_import(std::move(*part), std::move(done));
  });
}

void service::take_import(import_part part, std::function<void(import_report)> done) {
  const auto source = part.source;
  if (own_) own_->distrust(); // there will be units that it has not seen
  spool_->import(source, std::move(part.units),
                 [this, source, done = std::move(done)](spool::result<spool::import_outcome> outcome) {
                   if (own_) own_->distrust();
                   import_report out;
                   out.done = outcome.has_value();
                   if (outcome) {
                     out.taken = outcome->taken;
                     out.skipped = outcome->skipped;
                     out.last_seq = outcome->last;
                   } else {
                     out.reason = outcome.error().context;
                   }
                   asio::post(slow_work_, [this, source, out, done] {
                     if (out.taken > 0) {
                       spdlog::info("{} writes were imported from {}, numbered up to {}", out.taken, source,
                                    out.last_seq);
                       monitor_->ask_for_drain();
                     }
                     done(out);
                   });
                 });
}

} // namespace holdwater::proxy
