// What a session's next transaction will be: SET TRANSACTION, and what holds without it.
#include "proxy/session/known_settings.hpp"
#include "proxy/session/session_state.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/replace.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using target = sql::assignment::target;

void session_state::assign_next_transaction(const sql::assignment& one) {
  // not to be asked for: a variable says what holds without it
  if (!is_literal(one) || !is_acceptable_here(one))
    return make_unrestorable("a mode of the next transaction that only the server knows");
  const auto value = boost::algorithm::to_upper_copy(sql::literal_value(one.value, dialect_));
  if (common_name(one.variable.unquoted()) == "transaction_isolation")
    next_isolation_ = value;
  else
    next_read_only_ = value == "1" || value == "ON" || value == "TRUE";
}

void session_state::forget_next_transaction() {
  next_read_only_.reset();
  next_isolation_.clear();
}

// Precondition: next_transaction().
std::string session_state::next_transaction_statement() const {
  std::string text;
  if (!next_isolation_.empty())
    text = " ISOLATION LEVEL " + boost::algorithm::replace_all_copy(next_isolation_, "-", " ");
  if (next_read_only_)
    text += fmt::format("{} READ {}", text.empty() ? "" : ",", *next_read_only_ ? "ONLY" : "WRITE");
  return "SET TRANSACTION" + text;
}

transaction_mode session_state::take_transaction_mode() {
  transaction_mode mode;
  mode.isolation = next_isolation_.empty() ? context_.isolation : next_isolation_;
  mode.read_only = read_only();
  forget_next_transaction();
  return mode;
}

bool session_state::sets_next_transaction(const sql::statement& set) {
  return std::any_of(set.assignments.begin(), set.assignments.end(),
                     [](const auto& one) { return one.where == target::next_transaction; });
}

} // namespace holdwater::proxy
