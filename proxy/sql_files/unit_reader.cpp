#include "proxy/sql_files/unit_reader.hpp"

#include "protocol/sql/placeholders.hpp"
#include "spool/context_sql.hpp"

#include <boost/algorithm/hex.hpp>
#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>
#include <utility>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using boost::algorithm::iequals;
using target = sql::assignment::target;

namespace {

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto done = std::from_chars(text.data(), text.data() + text.size(), out);
  return done.ec == std::errc() && done.ptr == text.data() + text.size();
}

// 1700000000.123456, and up to six digits behind the point.
bool read_timestamp(std::string_view text, std::chrono::microseconds& out) {
  const auto point = text.find('.');
  std::string fraction(point == text.npos ? std::string_view() : text.substr(point + 1));
  if (fraction.size() > 6) return false;
  fraction.append(6 - fraction.size(), '0');
  std::int64_t seconds = 0, micros = 0;
  constexpr std::int64_t most_seconds = 1LL << 40;
  if (!read_number(text.substr(0, point), seconds) || !read_number<std::int64_t>(fraction, micros))
    return false;
  if (seconds < 0 || seconds > most_seconds || micros < 0) return false;
  out = std::chrono::microseconds(seconds * 1'000'000 + micros);
  return true;
}

using text_field = std::string spool::statement_context::*;
constexpr std::pair<std::string_view, text_field> texts[] = {
    {"character_set_client", &spool::statement_context::character_set_client},
    {"collation_connection", &spool::statement_context::collation_connection},
    {"collation_server", &spool::statement_context::collation_server},
    {"time_zone", &spool::statement_context::time_zone},
    {"lc_time_names", &spool::statement_context::lc_time_names},
    {"sql_mode", &spool::statement_context::sql_mode},
    {"transaction_isolation", &spool::statement_context::isolation},
};
using number_field = std::uint64_t spool::statement_context::*;
constexpr std::pair<std::string_view, number_field> numbers[] = {
    {"auto_increment_increment", &spool::statement_context::auto_increment_increment},
    {"auto_increment_offset", &spool::statement_context::auto_increment_offset},
};
using flag_field = bool spool::statement_context::*;
constexpr std::pair<std::string_view, flag_field> flags[] = {
    {"foreign_key_checks", &spool::statement_context::foreign_key_checks},
    {"unique_checks", &spool::statement_context::unique_checks},
};

template <class Table>
auto field_of(const Table& table, std::string_view name) -> decltype(std::begin(table)->second) {
  for (const auto& [known, field] : table)
    if (iequals(known, name)) return field;
  return nullptr;
}

bool is_digits(std::string_view text, std::string_view allowed = "0123456789") {
  return !text.empty() && text.find_first_not_of(allowed) == text.npos;
}

std::string lower(std::string_view name) {
  return boost::algorithm::to_lower_copy(sql::name{name}.unquoted());
}

constexpr std::string_view word_letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

// _latin1 0x7a or _latin1 ''
bool is_introduced(std::string_view text) {
  const auto space = text.find(' ');
  if (!text.starts_with('_') || space == text.npos || !is_digits(text.substr(0, space), word_letters))
    return false;
  const auto bytes = text.substr(space + 1);
  return bytes == "''" || (bytes.starts_with("0x") && is_digits(bytes.substr(2), "0123456789abcdefABCDEF"));
}

bool is_converted(std::string_view text) {
  constexpr std::string_view begin = "CONVERT(";
  constexpr std::string_view to = " USING ";
  const auto at = text.find(to);
  if (!text.starts_with(begin) || !text.ends_with(')') || at == text.npos) return false;
  auto target = text.substr(at + to.size());
  target.remove_suffix(1);
  return is_introduced(text.substr(begin.size(), at - begin.size())) && is_digits(target, word_letters);
}

} // namespace

// As a session keeps a value: see session/user_variables.cpp.
bool is_kept_literal(std::string_view text) {
  constexpr std::string_view collate = " COLLATE ";
  const auto at = text.find(collate);
  if (at != text.npos && !is_digits(text.substr(at + collate.size()), word_letters)) return false;
  const auto value = text.substr(0, at);
  if (value == "''" || is_introduced(value) || is_converted(value)) return true;
  if (at != text.npos) return false;
  auto number = value;
  if (number.starts_with('-')) number.remove_prefix(1);
  return iequals(value, "NULL") ||
         (is_digits(number, "0123456789.") && std::ranges::count(number, '.') <= 1 && number != ".");
}

bool unit_reader::fail(std::uint64_t line, std::string_view why) {
  error_ = fmt::format("line {}: {}", line, why);
  return false;
}

unit_reader::outcome unit_reader::next(read_unit& out) {
  unit_ = {};
  ready_ = false;
  while (error_.empty() && !ready_) {
    statement_reader::piece piece;
    switch (statements_.next(dialect_, piece)) {
    case statement_reader::outcome::unreadable:
      static_cast<void>(fail(statements_.line(), "the file cannot be read on"));
      break;
    case statement_reader::outcome::too_long:
      static_cast<void>(fail(piece.line, "the statement that begins here is too long"));
      break;
    case statement_reader::outcome::open:
      static_cast<void>(fail(piece.line, "the statement that begins here has no ; at its end: the file may "
                                         "have been cut"));
      break;
    case statement_reader::outcome::end:
      if (is_whole()) return outcome::end;
      break;
    case statement_reader::outcome::note: static_cast<void>(take_note(piece)); break;
    case statement_reader::outcome::statement:
      if (take(piece)) unit_.last_line = statements_.line();
      break;
    }
  }
  if (!ready_) return outcome::wrong;
  out = std::exchange(unit_, {});
  ++units_;
  return outcome::unit;
}

bool unit_reader::take_note(const statement_reader::piece& piece) {
  if (auto head = read_unit_head(piece.text)) return take_head(std::move(*head), piece.line);
  if (const auto end = read_end(piece.text)) {
    if (told_units_) return fail(piece.line, "the end of the writes was above already");
    told_units_ = end;
  }
  return true;
}

bool unit_reader::take_head(unit_head head, std::uint64_t line) {
  if (open_line_) return fail(line, "the transaction before this number has no COMMIT");
  if (!head_used_) return fail(line, fmt::format("the write of number {} is missing", head_.number));
  if (settings_pending_)
    return fail(line, "the SET before this number has no write: if it is for this one, it belongs behind it");
  if (head_.number == 0 && units_ > 0)
    return fail(line, "the writes before this one have no numbers, and this one has");
  if (head.number <= head_.number)
    return fail(line, fmt::format("number {} does not follow {}", head.number, head_.number));
  if (head_.number != 0 && head.queue != head_.queue)
    return fail(line, "this write is of another queue than those before it");
  head_ = std::move(head);
  head_used_ = false;
  return true;
}

// At the end of the file.
bool unit_reader::is_whole() {
  const auto line = statements_.line();
  if (open_line_) return fail(*open_line_, "the transaction that begins here has no COMMIT");
  if (!head_used_) return fail(line, fmt::format("the write of number {} is missing", head_.number));
  if (!head_.queue.empty() && !told_units_)
    return fail(line,
                fmt::format("the last line ({}N writes) is missing: the file may have been cut", end_mark));
  if (units_ == 0 && !told_units_)
    return fail(line,
                fmt::format("there is no write in it, and no last line ({}0 writes), which the export of "
                            "an empty queue has: the file may have been cut",
                            end_mark));
  if (told_units_ && *told_units_ != units_)
    return fail(line,
                fmt::format("its end says that it has {} writes, and here are {}", *told_units_, units_));
  return true;
}

bool unit_reader::take(const statement_reader::piece& piece) {
  if (told_units_ && !piece.text.empty()) return fail(piece.line, "this is behind the end of the writes");
  found_.analyze(piece.text, dialect_);
  if (!found_.single()) return take_write(piece.text, piece.line);
  const auto& one = found_.first();
  switch (one.kind) {
  case sql::kind::empty: return true;
  case sql::kind::use: context_.database = one.subject.unquoted(); return true;
  case sql::kind::set: return take_set(piece.line);
  case sql::kind::begin: return begin(piece.line);
  case sql::kind::commit: return commit(piece.line);
  case sql::kind::prepare: return take_prepare(piece.line);
  case sql::kind::execute: return take_execute(piece.text, piece.line);
  default: return take_write(piece.text, piece.line);
  }
}

bool unit_reader::begin(std::uint64_t line) {
  if (open_line_) return fail(line, "a transaction is open already");
  if (found_.first().traits != sql::trait::none)
    return fail(line, "a queued transaction has no characteristics");
  open_line_ = line;
  return true;
}

bool unit_reader::commit(std::uint64_t line) {
  if (!open_line_) return fail(line, "no transaction is open");
  if (found_.first().traits != sql::trait::none) return fail(line, "COMMIT alone ends a queued transaction");
  open_line_.reset();
  ready_ = !unit_.what.statements.empty();
  return true;
}

bool unit_reader::take_set(std::uint64_t line) {
  for (const auto& one : found_.first().assignments) {
    const bool taken =
        one.where == target::user_variable ? take_variable(one, line) : take_assignment(one, line);
    if (!taken) return false;
  }
  dialect_ = {};
  sql::apply_context(dialect_, context_.sql_mode, context_.character_set_client);
  settings_pending_ = true;
  return true;
}

bool unit_reader::take_assignment(const sql::assignment& one, std::uint64_t line) {
  const auto name = one.variable.unquoted();
  const auto refuse = [&](std::string_view why) {
    return fail(line, fmt::format("SET of {}: {}", name.empty() ? "this" : name, why));
  };
  if (one.where != target::session) return refuse("a queued write does not carry it");
  if (!one.literal && !one.default_value) return refuse("only a literal can be told");
  const auto value = one.default_value ? std::string() : sql::literal_value(one.value, dialect_);
  std::uint64_t number = 0;
  const bool is_number = read_number(value, number);
  if (const auto text = field_of(texts, name)) {
    if (iequals(name, "transaction_isolation") && !value.empty() && spool::set_isolation(value).empty())
      return refuse("there is no such isolation");
    context_.*text = value;
    has_mode_ = has_mode_ || iequals(name, "sql_mode");
    has_character_set_ = has_character_set_ || iequals(name, "character_set_client");
  } else if (const auto count = field_of(numbers, name)) {
    if (!is_number) return refuse("it takes a number");
    context_.*count = number;
  } else if (const auto flag = field_of(flags, name)) {
    if (!is_number || number > 1) return refuse("it takes 0 or 1");
    context_.*flag = number == 1;
  } else if (spool::is_carried_setting(lower(name))) {
    spool::put_setting(context_.settings, lower(name),
                       one.default_value ? std::nullopt : std::optional(value));
  } else if (iequals(name, "timestamp")) {
    timestamp_ = {};
    if (!one.default_value && !read_timestamp(value, timestamp_)) return refuse("this is no moment");
  } else if (iequals(name, "insert_id") || iequals(name, "last_insert_id")) {
    if (!is_number) return refuse("it takes a number");
    (iequals(name, "insert_id") ? insert_id_ : last_insert_id_) = number;
  } else {
    return refuse("a queued write does not carry it");
  }
  return true;
}

bool unit_reader::take_variable(const sql::assignment& one, std::uint64_t line) {
  const auto name = lower(one.variable.raw);
  variable known{std::string(one.value), {}, sql::name{one.variable.raw}.unquoted(), head_.number};
  if (one.literal && !is_kept_literal(one.value) && one.value.find('\'') != one.value.npos) {
    // as a session keeps it: the bytes in hex, which are the same in every sql_mode and character set
    known.text = sql::literal_value(one.value, dialect_);
    const auto introducer = one.value.starts_with('_')
                                ? std::string(one.value.substr(1, one.value.find_first_of(" '") - 1))
                                : context_.character_set_client;
    std::string hex;
    boost::algorithm::hex_lower(known.text, std::back_inserter(hex));
    const auto collation = one.value.starts_with('_') || context_.collation_connection.empty()
                               ? std::string()
                               : fmt::format(" COLLATE {}", context_.collation_connection);
    known.literal = known.text.empty() ? "''" : fmt::format("_{} 0x{}{}", introducer, hex, collation);
  }
  if (!is_kept_literal(known.literal))
    return fail(line, fmt::format("SET of @{}: only a literal can be told", name));
  variables_.insert_or_assign(name, std::move(known));
  return true;
}

std::optional<std::string> unit_reader::take_text_of_variable(std::string_view name) {
  const auto known = variables_.find(lower(name));
  if (known == variables_.end()) return std::nullopt;
  known->second.is_a_text = true;
  return known->second.text;
}

// Those that found_ names, and what its triggers may read.
std::vector<spool::user_variable> unit_reader::variables_of_write() const {
  std::vector<spool::user_variable> out;
  std::set<std::string> named;
  for (const auto name : found_.first().user_variables) {
    const auto known = variables_.find(lower(name));
    if (known != variables_.end() && named.insert(known->first).second)
      out.push_back({sql::name{name}.unquoted(), known->second.literal});
  }
  for (const auto& [key, known] : variables_)
    if (!known.is_a_text && known.of == head_.number && !iequals(known.literal, "NULL") &&
        !named.contains(key))
      out.push_back({known.name, known.literal});
  return out;
}

// PREPARE name FROM 'text' or @variable.
bool unit_reader::take_prepare(std::uint64_t line) {
  const auto& one = found_.first();
  if (one.assignments.empty()) return fail(line, "PREPARE of nothing");
  const auto& from = one.assignments.front();
  const auto text = from.literal                  ? std::optional(sql::literal_value(from.value, dialect_))
                    : from.value.starts_with('@') ? take_text_of_variable(from.value.substr(1))
                                                  : std::nullopt;
  if (!text || text->empty()) return fail(line, "PREPARE of a text that is not known");
  prepared_.insert_or_assign(lower(one.subject.raw), *text);
  return true;
}

bool unit_reader::take_execute(std::string_view text, std::uint64_t line) {
  const auto known = prepared_.find(lower(found_.first().subject.raw));
  const auto arguments = sql::execute_arguments(text, dialect_);
  if (known == prepared_.end() || !arguments || !arguments->empty())
    return fail(line, "EXECUTE of a statement that is not known, or with values");
  const std::string executed = known->second;
  return take_write(executed, line);
}

bool unit_reader::take_write(std::string_view text, std::uint64_t line) {
  if (!has_mode_ || !has_character_set_)
    return fail(line, "sql_mode and character_set_client are not set before this statement: it could mean "
                      "several things");
  auto& unit = unit_;
  if (unit.what.statements.empty()) {
    if (!head_used_) unit.head = head_;
    if (head_used_ && head_.number != 0)
      return fail(line, "the writes before this one have numbers (\"-- number ...\"), and this one has none");
    unit.what.account = unit.head.number != 0 ? unit.head.account : account_;
    if (unit.what.account.empty())
      return fail(line, "whose write this is is not said: by a line \"-- number 1, account NAME, accepted "
                        "...\" before it, or by --account");
    head_used_ = true;
  }
  spool::statement one;
  one.text = text;
  one.context = context_;
  one.timestamp = timestamp_;
  one.insert_id = std::exchange(insert_id_, std::nullopt);
  one.last_insert_id = std::exchange(last_insert_id_, std::nullopt);
  found_.analyze(one.text, dialect_);
  one.user_variables = variables_of_write();
  unit.what.statements.push_back(std::move(one));
  unit.lines.push_back(line);
  settings_pending_ = false;
  ready_ = !open_line_;
  return true;
}

} // namespace holdwater::proxy
