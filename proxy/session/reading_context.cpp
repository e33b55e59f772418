// What the answer to a read depends on in the session that asks, as a part of a cached answer's key.
//
// Invariant: two sessions that append the same are answered the same: every setting that was made is in it,
// but for those that are known to change no answer.
#include "proxy/cache/key_writer.hpp"
#include "proxy/session/session_state.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <array>

namespace holdwater::proxy {
namespace {

// These are appended with the context's own values.
constexpr std::array<std::string_view, 9> in_context{"NAMES",
                                                     "sql_mode",
                                                     "time_zone",
                                                     "lc_time_names",
                                                     "character_set_client",
                                                     "character_set_results",
                                                     "collation_connection",
                                                     "character_set_connection",
                                                     "transaction_isolation"};
// How long something may take, and what only writes meet.
constexpr std::array<std::string_view, 16> no_matter{
    "wait_timeout",          "interactive_timeout",      "net_read_timeout",
    "net_write_timeout",     "lock_wait_timeout",        "innodb_lock_wait_timeout",
    "max_statement_time",    "max_execution_time",       "foreign_key_checks",
    "unique_checks",         "auto_increment_increment", "auto_increment_offset",
    "transaction_read_only", "idle_transaction_timeout", "sql_notes",
    "completion_type"};

// What was set of these changes no read of columns by a key.
constexpr std::array<std::string_view, 12> no_matter_to_rows{
    "sql_auto_is_null", "group_concat_max_len", "sql_safe_updates",    "sort_buffer_size",
    "join_buffer_size", "tmp_table_size",       "max_heap_table_size", "optimizer_switch",
    "query_cache_type", "sql_big_selects",      "storage_engine",      "default_storage_engine"};

template <class List>
bool lists(const List& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_off(std::string_view value) {
  return value == "0" || boost::algorithm::iequals(value, "OFF") || boost::algorithm::iequals(value, "FALSE");
}

} // namespace

bool session_state::append_reading_context(key_writer& key) const {
  if (!gaps_.empty() || !unrestorable_.empty() || called_unknown_) return false;
  const auto& now = context_;
  for (const auto* part : {&now.sql_mode, &now.time_zone, &now.lc_time_names, &now.character_set_client,
                           &now.collation_connection, &now.character_set_results, &now.collation_server,
                           &now.isolation, &results_collation_})
    key.text(*part);
  constexpr std::size_t most = 64;
  std::array<const std::pair<std::string, std::string>*, most> others{};
  std::size_t count = 0;
  for (const auto& one : settings_) {
    // the read of an id that nobody else knows
    if (one.first == "sql_auto_is_null" && !is_off(one.second)) return false;
    if (lists(in_context, one.first) || lists(no_matter, one.first)) continue;
    if (one.second.empty() || count == most) return false;
    others[count++] = &one;
  }
  std::sort(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(count),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  key.number(count, 1);
  for (std::size_t i = 0; i < count; ++i) {
    key.text(others[i]->first);
    key.text(others[i]->second);
  }
  return true;
}

bool session_state::reads_plainly() const {
  return std::all_of(settings_.begin(), settings_.end(), [](const auto& one) {
    return lists(in_context, one.first) || lists(no_matter, one.first) || lists(no_matter_to_rows, one.first);
  });
}

std::vector<std::string> session_state::reading_settings() const {
  std::vector<std::string> list;
  for (const auto& one : settings_)
    if (!lists(no_matter, one.first))
      if (auto text = statement_of(one); !text.empty()) list.push_back(std::move(text));
  return list;
}

bool session_state::reads_as(const prepare_context& then) const {
  return then.sql_mode == context_.sql_mode && then.character_set_client == context_.character_set_client &&
         then.collation_connection == context_.collation_connection &&
         then.character_set_results == context_.character_set_results;
}

} // namespace holdwater::proxy
