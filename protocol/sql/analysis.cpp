// Splits a text at its semicolons and reads each statement; keeps the memory of earlier ones.
//
// Invariant: after analyze() there is at least one statement; empty ones are there only when nothing else is.
#include "protocol/sql/analysis.hpp"

#include "protocol/sql/characters.hpp"
#include "protocol/sql/statements.hpp"

namespace holdwater::protocol::sql {
namespace {

void reset(statement& one) {
  one.kind = kind::empty;
  one.traits = trait::none;
  one.offset = one.size = 0;
  one.tables.clear();
  one.assignments.clear();
  one.user_variables.clear();
  auto columns = std::move(one.insert.columns);
  columns.clear();
  one.insert = {};
  one.insert.columns = std::move(columns);
  one.subject = {};
  one.hazard = {};
}

bool commits_anyway(const statement& one) {
  return one.kind == kind::ddl || one.kind == kind::admin || one.kind == kind::xa ||
         one.kind == kind::load_data;
}

// A definition holds names before parentheses that are no calls: keys, types, columns.
void forget_calls(statement& out) {
  out.traits = static_cast<trait>(static_cast<std::uint32_t>(out.traits) &
                                  ~static_cast<std::uint32_t>(trait::unknown_function));
  out.hazard = {};
}

// What can be judged only when the whole statement was read.
void judge(reader& in) {
  auto& out = in.out;
  if (in.source().partial()) in.note(trait::partial);
  if (in.source().hint_sets_variable()) in.note(trait::deferred_hazard, "SET_VAR");
  if (out.is_write() && !in.host_fact().empty()) in.note(trait::deferred_hazard, in.host_fact());
  if (out.kind == kind::ddl) forget_calls(out);
  const bool unfinished = has(out.traits, trait::partial) || in.level() != 1 || in.top().expect_table;
  const bool lost = in.confused() || in.source().doubtful() || unfinished;
  if (lost && !commits_anyway(out)) out.kind = kind::unknown;
}

// From `start`, less the white space at both ends.
void place(statement& out, std::string_view text, std::size_t start, std::size_t end) {
  while (start < end && is_blank(text[start])) ++start;
  while (end > start && is_blank(text[end - 1])) --end;
  out.offset = start;
  out.size = end - start;
}

} // namespace

struct analysis::memory {
  scratch work;
};

analysis::analysis() : memory_(std::make_unique<memory>()) {
  statements_.emplace_back();
}
analysis::~analysis() = default;
analysis::analysis(analysis&&) noexcept = default;
analysis& analysis::operator=(analysis&&) noexcept = default;

const std::vector<statement>& analysis::statements() const {
  return statements_;
}
const statement& analysis::first() const {
  return statements_.front();
}
bool analysis::single() const {
  return statements_.size() == 1;
}

// Statements beyond the first go to the spare ones and come back from there, with the memory of their lists.
void analysis::clear() {
  while (statements_.size() > 1) {
    spare_.push_back(std::move(statements_.back()));
    statements_.pop_back();
  }
  reset(statements_.front());
}

statement& analysis::add() {
  if (spare_.empty()) return statements_.emplace_back();
  statements_.push_back(std::move(spare_.back()));
  spare_.pop_back();
  reset(statements_.back());
  return statements_.back();
}

void analysis::analyze(std::string_view text, const dialect& how) {
  clear();
  lexer source(text, how);
  bool used = false; // the last statement is not an empty one
  for (std::size_t start = 0;;) {
    auto& out = used ? add() : statements_.front();
    memory_->work.clear();
    reader in(source, out, memory_->work, how);
    const bool empty = in.at_end();
    if (!empty) {
      read_statement(in);
      in.skip_to_end();
    }
    judge(in);
    place(out, text, start, source.offset_of(source.position()));
    if (empty && used && !has(out.traits, trait::partial)) {
      spare_.push_back(std::move(statements_.back()));
      statements_.pop_back();
    }
    used = used || !empty;
    if (!source.pass_semicolon()) return;
    start = source.offset_of(source.position());
    if (!used) reset(out);
  }
}

} // namespace holdwater::protocol::sql
