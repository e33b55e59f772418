// Reads of single rows that queued writes have made or changed (own_writes/). While the server is up, the
// definitions of such a read's columns are kept beside its answer, under a key in which no value of the
// primary key is; in an outage they are what an answer about any row is made with.
//
// Invariant: who is answered has read the same columns of the table before, under the same account and in
// the same settings.
#include "proxy/session/own_reads.hpp"

#include "protocol/fnv1a.hpp"
#include "protocol/statement_commands.hpp"
#include "protocol/statement_values.hpp"
#include "protocol/stored_rows.hpp"
#include "proxy/cache/key_writer.hpp"
#include "proxy/cache/read_cache.hpp"
#include "proxy/own_writes/own_writes.hpp"
#include "proxy/own_writes/row_answer.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/session.hpp"
#include "spool/boot_clock.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using protocol::byte_span;
using protocol::command;

namespace {

constexpr std::uint8_t shape_tag = 0xf0; // no command's number
constexpr std::size_t version_size = 8;

// Of the facts of a text, or of what is prepared.
template <class Facts>
bool may_alter(const Facts& facts) {
  switch (facts.kind) {
  case sql::kind::ddl:
  case sql::kind::call:
  case sql::kind::execute:
  case sql::kind::admin:
  case sql::kind::unknown: return true;
  case sql::kind::set: return facts.written.any; // MariaDB: SET STATEMENT ... FOR any statement
  default: return false;
  }
}

spool::table_name table_of(const sql::point_read& read, std::string_view database) {
  return {read.schema.empty() ? std::string(database) : read.schema.unquoted(), read.table.unquoted()};
}

// The table's version, and behind it the answer without rows.
protocol::byte_buffer shape_of(const protocol::stored_parts& answer, std::uint64_t version) {
  protocol::byte_buffer stored, out;
  store_with_rows(answer, {}, stored);
  protocol::payload_writer(out).integer(version, version_size);
  out.insert(out.end(), stored.begin(), stored.end());
  return out;
}

std::uint64_t version_in(byte_span shape) {
  return protocol::payload_reader(shape).integer(version_size);
}

std::string note_of(const pending_row& row, cache_moment age) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  switch (row.what) {
  case pending_row::state::whole:
    return fmt::format("Holdwater: the server is down; this row is shown as it was written; the write is "
                       "queued as unit {}",
                       row.last);
  case pending_row::state::erased:
    return fmt::format("Holdwater: the server is down; this row is shown as deleted; the write is queued as "
                       "unit {}",
                       row.last);
  default:
    return fmt::format("Holdwater: the server is down; this answer is from the cache, {} s old, and shown as "
                       "it was written since; the write is queued as unit {}",
                       seconds, row.last);
  }
}

} // namespace

own_reads::own_reads(session& mine) : mine_(mine), own_(*mine.process().own) {}

// ----------------------------------------------------------------------------------------------------
// the server is up

// Before the command is sent. What is known of tables that it may alter is not to be relied on from here on.
void own_reads::begin_write(const command_facts& facts, const prepared_statement* executed) {
  bool alters = false;
  may_commit_ = !facts.stays_in_transaction;
  if (mine_.command_.code == command::query) {
    const bool known = facts.single ? !may_alter(facts) : facts.several_writes;
    alters = facts.understood ? !known : facts.untraceable;
    writes_ = facts.written;
  } else if (protocol::executes_statement(mine_.command_.code)) {
    alters = !executed || may_alter(executed->facts);
    may_commit_ = !executed || !executed->facts.stays_in_transaction;
    if (executed) writes_ = executed->facts.written;
    if (!executed || !executed->kept) writes_ = {.any = true, .only_adds = false};
  }
  if (alters) writes_ = {.any = true, .only_adds = false};
  sent_over_ = mine_.link_->connection_id;
  sent_in_ = mine_.link_->outage;
  if (sent_as_ != mine_.link_->user) sent_as_ = mine_.link_->user;
  busy_.clear();
  if (writes_.some()) own_.begins(writes_, busy_);
  if (may_commit_)
    for (const auto& one : written_) own_.begins(one, busy_);
  if (alters && !std::exchange(alters_, true)) own_.schema_change_begins();
}

// The command has ended, however. What is read from now on has its rows, unless a transaction is open: what
// that has written is there for others at its end.
void own_reads::end_command() {
  const bool answered = mine_.tracker_.current() == protocol::response_tracker::state::complete;
  const auto written = std::exchange(writes_, {});
  const bool committed = std::exchange(may_commit_, false);
  if (sent_over_ != 0 && !answered)
    leave_alone(written);
  else if (written.some())
    own_.wrote(written);
  sent_over_ = 0;
  if (std::exchange(alters_, false)) own_.schema_change_ends();
  const bool open = (mine_.link_ && mine_.state_.in_transaction()) || mine_.transaction_lost_;
  if (written.some() && open) note_in_transaction(written);
  if (!open)
    end_transaction();
  else if (committed) // and has begun another one, for all that is known
    for (const auto& one : written_) own_.wrote(one);
  busy_.clear();
}

void own_reads::note_in_transaction(const written_tables& what) {
  constexpr std::size_t most = 16;
  if (written_.size() == most)
    written_.assign(1, {.any = true, .only_adds = false});
  else
    written_.push_back(what);
}

void own_reads::begin_collected(const std::vector<spool::statement>& statements) {
  for (const auto& one : statements)
    for (const auto& table : one.tables) {
      written_tables what;
      what.first = written_tables::hash_of(table.schema, table.table);
      what.only_adds = false;
      note_in_transaction(what);
    }
}

// It is decided anew what becomes of the command.
void own_reads::nothing_done() {
  sent_over_ = 0;
  writes_ = {};
  may_commit_ = false;
  busy_.clear();
}

// Nobody waits for the answer any more, and the server may not even have begun.
void own_reads::leave_alone(const written_tables& last) {
  unfinished_command what;
  what.connection = sent_over_;
  what.outage = sent_in_;
  what.user = sent_as_;
  what.writes = std::exchange(written_, {}); // by the transaction, which this may have committed
  if (last.some()) what.writes.push_back(last);
  what.alters = std::exchange(alters_, false) ? 1 : 0;
  if (what.alters != 0 || !what.writes.empty()) own_.left_alone(std::move(what));
}

void own_reads::end_transaction() {
  if (written_.empty()) return;
  for (const auto& one : std::exchange(written_, {})) own_.wrote(one);
}

void own_reads::end_session() {
  end_command();
  end_transaction();
}

// The text of the read at hand, empty when it is not known.
std::string_view own_reads::text_of_read() const {
  if (mine_.command_.code == command::query) {
    const auto query = mine_.query_text();
    return query ? query->text : std::string_view();
  }
  if (mine_.command_.code != command::stmt_execute) return {};
  const auto* one = mine_.state_.statements.find(protocol::statement_id_of(mine_.command_.payload));
  if (!one) one = mine_.state_.statements.find(mine_.command_.statement);
  return one && one->kept ? std::string_view(one->text) : std::string_view();
}

// Into the worker's scratch: who asks, and the question without the values that name the row.
bool own_reads::make_key(const sql::point_read& read, std::string_view text) {
  const auto* who = mine_.asker_of_reads();
  if (!who) return false;
  key_writer key(mine_.home_.scratch().key);
  key.number(shape_tag, 1);
  key.number(static_cast<std::uint8_t>(mine_.command_.code), 1);
  key.text(who->digest);
  if (mine_.command_.code == command::query) {
    key.text(mine_.state_.database());
    std::size_t at = 0;
    for (const auto& value : read.values) {
      key.text(text.substr(at, value.from - at));
      at = value.from + value.size;
    }
    key.text(text.substr(at));
    return true;
  }
  const auto* one = mine_.state_.statements.find(protocol::statement_id_of(mine_.command_.payload));
  if (!one) one = mine_.state_.statements.find(mine_.command_.statement);
  if (!one || one->types_missed) return false;
  const auto where =
      protocol::find_parameter_types(mine_.command_.payload, one->parameters, mine_.negotiated_);
  if (!where.understood || where.count != one->parameters) return false;
  const auto types =
      where.sent ? mine_.command_.payload.subspan(where.types_at, where.types_size) : byte_span(one->types);
  key.text(one->made_in->database);
  key.text(text);
  key.text(protocol::as_text(types));
  return true;
}

bool own_reads::make_key() {
  const auto text = text_of_read();
  const auto read = sql::read_point_select(text, mine_.state_.dialect());
  return read && make_key(*read, text);
}

// What stands for the shape's key, but for the rest of its text; 0: nothing does.
std::uint64_t own_reads::mark_of_shape() {
  const auto* who = mine_.asker_of_reads();
  if (!who) return 0;
  protocol::fnv1a mark;
  mark.add(std::string_view(who->digest));
  if (mine_.command_.code == command::query) {
    if (mine_.command_.shape == 0) return 0;
    mark.add(std::string_view(mine_.state_.database()));
    return mark.value() ^ mine_.command_.shape;
  }
  const auto* one = mine_.state_.statements.find(mine_.command_.statement);
  if (!one || !one->kept) return 0;
  mark.add(std::string_view(one->text));
  mark.add(byte_span(one->types));
  mark.add(std::string_view(one->made_in->database));
  return mark.value();
}

// Beside an answer that is kept, should it be that of a row.
void own_reads::keep_shape(byte_span stored) {
  constexpr cache_moment again = std::chrono::seconds(10);
  auto& memory = mine_.process().cache->memory();
  const auto mark = mark_of_shape();
  const auto age = own_.age() + memory.clears();
  if (mark != 0 && mine_.home_.shapes().holds(mark, age, mine_.copy_.since)) return;
  if (mark != 0) mine_.home_.shapes().note(mark, age, mine_.copy_.since);
  const auto text = text_of_read();
  const auto read = sql::read_point_select(text, mine_.state_.dialect());
  if (!read) return;
  const auto* one = mine_.command_.code == command::query
                        ? nullptr
                        : mine_.state_.statements.find(mine_.command_.statement);
  const auto version =
      own_.version_of(table_of(*read, one ? one->made_in->database : mine_.state_.database()));
  if (version == 0 || !make_key(*read, text)) return;
  const auto& key = mine_.home_.scratch().key;
  if (const auto known = memory.find(key);
      known && known->at > mine_.copy_.since - again && version_in(known->bytes) == version)
    return;
  const auto parts = protocol::read_stored_parts(stored, 1);
  if (parts && parts->head.warnings == 0) memory.fill(key, shape_of(*parts, version), mine_.copy_.since);
}

void own_reads::forget_shape() {
  mine_.home_.shapes().clear();
  if (make_key()) mine_.process().cache->forget(mine_.home_.scratch().key);
}

// ----------------------------------------------------------------------------------------------------
// the server is down

// Whether the command may be answered with what queued writes make of a row. Outside of transactions: what
// one of them sees is not this.
bool own_reads::may_show(const command_facts& facts, const server_view& server) const {
  if (!own_.holds_any() || !mine_.known_ || !mine_.reads_are_away(server) || !facts.lasting ||
      !facts.single || !mine_.command_.whole || mine_.state_.collected.open() || !mine_.state_.autocommit())
    return false;
  return mine_.command_.code == command::query ||
         (mine_.command_.code == command::stmt_execute && mine_.executes_plainly());
}

// The values bound to the placeholders in their places. False: they are not known.
bool own_reads::bind_row(sql::point_read& read) {
  const auto* one = mine_.write_.statement;
  if (!one) return true;
  const auto rows =
      protocol::read_values(mine_.command_.payload, one->parameters, one->types, mine_.negotiated_, {});
  if (!rows || rows->size() != 1) return false;
  for (auto& condition : read.where) {
    auto& value = condition.value;
    if (value.what != sql::given_value::kind::placeholder) continue;
    if (value.index >= rows->front().size()) return false;
    const auto& bound = rows->front()[value.index];
    if (bound.what != protocol::bound_value::kind::value) return false;
    spool::parameter parameter;
    parameter.type = bound.type;
    parameter.is_unsigned = bound.is_unsigned;
    parameter.value = std::string(bound.bytes);
    if (!spool::can_be_bound(parameter)) return false;
    value = bound_value(parameter);
  }
  return true;
}

// What the memory has under the worker's key, when it is not too old.
std::optional<cached_answer> own_reads::find_kept() {
  auto found = mine_.process().cache->memory().find(mine_.home_.scratch().key);
  if (!found) return std::nullopt;
  const bool good =
      age_of(*found) <= mine_.command_.rule.max_stale.value_or(mine_.process().settings.cache.max_stale);
  return good ? std::move(found) : std::nullopt;
}

std::chrono::microseconds own_reads::age_of(const cached_answer& one) const {
  return std::max(spool::since_boot() - one.at, cache_moment(0));
}

// Fills the session's cached_ with the row as it will be, if that is known. Precondition: may_show().
bool own_reads::find(situation& now) {
  const auto text = text_of_read();
  auto read = sql::read_point_select(text, mine_.state_.dialect());
  if (!read) return false;
  const auto type = own_.type_of(table_of(*read, mine_.write_.database));
  if (!type || !bind_row(*read)) return false;
  const auto key = sought_key(read->where, *type);
  const auto columns = selected_columns(*read, *type);
  if (!key || !columns) return false;
  const auto found = own_.look(*type, *key);
  if (!found) return false;
  mine_.cached_.untouched = found->row.what == pending_row::state::untouched && found->over_cache;
  if (found->row.what == pending_row::state::untouched || found->row.what == pending_row::state::unclear)
    return false;
  if (!is_plain_mode(mine_.state_.context().sql_mode) || !mine_.state_.reads_plainly()) return false;
  if (!make_key(*read, text)) return false;
  const auto shape = find_kept();
  if (!shape || version_in(shape->bytes) != type->version) return false;
  const auto base = mine_.make_read_key() ? find_kept() : std::nullopt;
  if (found->row.what == pending_row::state::changed && !(base && found->may_build_on(base->at)))
    return false;
  const byte_span answer = byte_span(shape->bytes).subspan(version_size);
  const auto stored = protocol::read_stored_result(answer);
  const auto* one = mine_.write_.statement;
  if (!stored || !(stored->defined || (one && one->definitions == stored->definitions))) return false;
  auto made = answer_row({*type, *columns, answer, base ? byte_span(base->bytes) : byte_span(),
                          mine_.negotiated_, mine_.state_.context().character_set_results, one != nullptr},
                         found->row);
  if (!made) return false;
  // A row that was not there may have come since.
  const bool absent =
      found->row.what == pending_row::state::changed && protocol::read_stored_parts(*made, 0).has_value();
  if (absent && base->at <= found->added) return false;
  mine_.cached_.stored = std::move(*made);
  mine_.cached_.note = note_of(found->row, base ? age_of(*base) : cache_moment(0));
  own_.answered.fetch_add(1, std::memory_order_relaxed);
  now.cached = true;
  return true;
}

} // namespace holdwater::proxy
