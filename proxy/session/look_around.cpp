// What the session and the server are in, as far as the decision about a command needs to know.
#include "proxy/server/monitor.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/own_reads.hpp"
#include "proxy/session/replica_reads.hpp"
#include "proxy/session/session.hpp"
#include "spool/spool.hpp"

#include "protocol/statement_commands.hpp"

namespace holdwater::proxy {

// Precondition: describe() was just called; the worker's analysis holds the statement.
situation session::look_around(const command_facts& facts, const server_view& server) {
  situation now;
  now.server = server.state;
  now.stale = stale_;
  if (now.server == server_state::up) { // the hot path needs no more
    now.transaction_lost = transaction_lost_;
    now.collecting = state_.collected.open();
    now.collected_any = !state_.collected.empty();
    now.has_read = state_.collected.has_read();
    now.one_snapshot = now.has_read && one_snapshot();
    now.noted_last = said_.stands() && !now.collecting && command_.whole;
    now.answered_apart = now.noted_last && said_.apart;
    now.answerable = now.noted_last && facts.code == protocol::command::query && find_read(facts);
    return now;
  }
  cached_ = {};
  now.reads = server.reads;
  now.held_out = held_out();
  now.has_spool = process().writes != nullptr;
  now.known_account = known_ != nullptr;
  now.in_transaction = link_ && state_.in_transaction();
  now.autocommit = state_.autocommit();
  now.transaction_lost = transaction_lost_;
  now.collecting = state_.collected.open();
  now.collected_any = !state_.collected.empty();
  now.reading = state_.collected.reading();
  now.has_read = state_.collected.has_read();
  now.bound_by_reads = (now.reading || now.has_read) && bound_by_reads();
  now.can_collect = !link_ || state_.restorable();
  now.read_only = now.collecting ? state_.collected.mode().read_only : state_.read_only();
  now.noted_last = said_.stands();
  now.answered_apart = said_.apart;
  const bool here = !server.answers() || (now.collecting && !now.reading);
  if (here || now.noted_last) now.answerable = find_read(facts);
  const bool own = !now.answerable && own_ && own_->may_show(facts, server) && own_->find(now);
  now.replica = !own && !now.answerable && replicas_ && replicas_->may_ask(facts, server);
  if (!own && !now.answerable && may_seek(facts, server)) find_cached(facts, now);
  if (replicas_ && here && !now.cached && now.not_cached.empty() && facts.lasting)
    now.not_cached = replicas_->trouble();
  if (!now.has_spool) return now;
  now.any_pending = server.reads && process().queue->counts().pending > 0;
  spool_refusal_ = process().watch.spool_refusal(login_.user);
  if (spool_refusal_.empty()) {
    if (const auto trouble = process().queue->trouble()) {
      spool_refusal_ = trouble->context;
      now.spool_error = error_of_append(trouble->code);
    }
  }
  now.spool_refusal = spool_refusal_;
  if (write_.text.empty() || !facts.single || !facts.understood) return now;
  const auto& statement = home_.analysis().first();
  if (facts.write || facts.prepares_write) {
    not_spoolable_ = write_.refusal;
    if (not_spoolable_.empty() && !ruled(write_.text, write_.database).spool.value_or(true))
      not_spoolable_ = ruled_out;
    if (not_spoolable_.empty())
      not_spoolable_ = why_not_spoolable(statement, state_, write_.database, write_.bound);
    if (not_spoolable_.empty()) not_spoolable_ = state_.context_gap();
    if (not_spoolable_.empty()) not_spoolable_ = state_.setting_left_behind();
    if (!not_spoolable_.empty())
      not_spoolable_ = "the server is down, and this write cannot run later: " + not_spoolable_;
    now.not_spoolable = not_spoolable_;
  }
  if (now.server == server_state::draining || now.server == server_state::halted || server.reads)
    now.depends_on_pending = process().queue->pending_on(tables_of(statement, write_.database, false));
  return now;
}

// Precondition: the worker's analysis holds the text.
rule_effects session::ruled(std::string_view text, std::string_view database) const {
  const auto& rules = home_.process().settings.rules;
  if (rules.empty()) return {};
  ruled_statement what{login_.user, database, text, {}};
  for (const auto& one : home_.analysis().statements())
    for (auto& table : tables_of(one, database, false)) what.tables.push_back(std::move(table));
  return effects_of(rules, what);
}

// To the command, before the rest is made of it. Afterwards the worker's analysis holds its text.
void session::apply_rules(command_facts& facts) {
  if (process().settings.rules.empty()) return;
  std::string_view text;
  std::string_view database = state_.database();
  if (command_.code == protocol::command::query) {
    text = query_text()->text;
  } else if (command_.code == protocol::command::stmt_prepare) {
    text = protocol::as_text(command_.payload.subspan(1));
  } else if (protocol::executes_statement(command_.code)) {
    const auto* one = state_.statements.find(protocol::statement_id_of(command_.payload));
    if (!one || !one->kept) return;
    text = one->text;
    database = one->made_in->database;
  }
  if (text.empty()) return;
  if (command_.code != protocol::command::query) home_.analysis().analyze(text, state_.dialect());
  command_.rule = ruled(text, database);
  facts.lasting = facts.lasting && command_.rule.cache.value_or(true);
}

std::chrono::milliseconds session::hold_time() const {
  return command_.rule.hold.value_or(home_.process().settings.hold());
}

std::optional<protocol::query_text> session::query_text() const {
  const auto parsed = protocol::parse_query(command_.payload, negotiated_);
  if (!parsed) return std::nullopt;
  return *parsed;
}

} // namespace holdwater::proxy
