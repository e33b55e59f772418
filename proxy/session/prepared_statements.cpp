#include "proxy/session/prepared_statements.hpp"

#include "protocol/statement_commands.hpp"
#include "proxy/session/client_command.hpp"
#include "spool/context_sql.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace holdwater::proxy {
namespace {

// What a kept statement costs besides its text: about what its record and the table's node take.
constexpr std::uint64_t overhead = 256;

// An id that no server gives out: it would have to prepare four billion statements first.
constexpr std::uint32_t nobodys_id = 0xfffffffe;

// Names of modes, character sets and collations: nothing in them needs an escape.
bool is_plain(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ',';
  });
}

} // namespace

std::string lower_name(const protocol::sql::name& name) {
  return boost::algorithm::to_lower_copy(name.unquoted());
}

std::optional<std::vector<std::string>> lead_over(const prepare_context& from, const prepare_context& to) {
  std::vector<std::string> statements;
  const bool settings_differ = from.sql_mode != to.sql_mode ||
                               from.character_set_client != to.character_set_client ||
                               from.collation_connection != to.collation_connection ||
                               from.character_set_results != to.character_set_results;
  if (settings_differ) {
    // Without them it was never learned what the other context is.
    if (to.character_set_client.empty() || to.collation_connection.empty()) return std::nullopt;
    for (const auto* value :
         {&to.sql_mode, &to.character_set_client, &to.collation_connection, &to.character_set_results})
      if (!is_plain(*value)) return std::nullopt;
    statements.push_back(
        fmt::format("SET sql_mode = '{}', character_set_client = {}, collation_connection = {}, "
                    "character_set_results = {}",
                    to.sql_mode, to.character_set_client, to.collation_connection,
                    to.character_set_results.empty() ? "NULL" : to.character_set_results));
  }
  if (auto other = spool::set_settings(from.settings, to.settings); !other.empty())
    statements.push_back(std::move(other));
  // A statement prepared with no database names its tables in full, so that any may be selected.
  if (from.database != to.database && !to.database.empty())
    statements.push_back("USE " + spool::quoted_name(to.database, to.character_set_client));
  return statements;
}

void prepared_statements::clear() {
  by_id_.clear();
  named_.clear();
  context_.reset();
  recent_ = nullptr;
  bytes_ = not_kept_ = 0;
  last_ = highest_ = 0;
  mapped_ = false;
}

bool prepared_statements::make_room(std::uint64_t bytes) {
  if (bytes > limit_ - std::min(bytes_, limit_)) return false;
  bytes_ += bytes;
  return true;
}

std::shared_ptr<const prepare_context> prepared_statements::share(const prepare_context& context) {
  if (!context_ || *context_ != context) context_ = std::make_shared<const prepare_context>(context);
  return context_;
}

void prepared_statements::opened(prepared_statement one, const prepare_context& context) {
  const auto id = one.client_id;
  highest_ = std::max(highest_, id);
  last_ = id;
  one.kept = one.kept && make_room(one.text.size() + overhead);
  if (!one.kept) {
    ++not_kept_;
    one.text = {};
  }
  one.made_in = share(context);
  recent_ = &by_id_.insert_or_assign(id, std::move(one)).first->second;
}

std::optional<std::uint32_t> prepared_statements::opened_here(prepared_statement one,
                                                              const prepare_context& context) {
  last_ = 0;
  if (one.text.size() + overhead > limit_ - std::min(bytes_, limit_)) return std::nullopt;
  mapped_ = true;
  one.client_id = highest_ + 1;
  one.prepared = false;
  one.made_here = true;
  const auto id = one.client_id;
  opened(std::move(one), context);
  return id;
}

void prepared_statements::keep_long_data(prepared_statement& one, std::uint16_t parameter,
                                         std::string_view data) {
  mapped_ = true; // what comes when the server is back is looked at
  if (one.long_data_lost) return;
  if (!one.kept || one.long_data || !make_room(data.size())) {
    drop_long_data(one);
    one.long_data_lost = true;
    return;
  }
  one.long_data_kept[parameter].append(data);
}

void prepared_statements::drop_long_data(prepared_statement& one) {
  for (const auto& [parameter, data] : one.long_data_kept) bytes_ -= data.size();
  one.long_data_kept.clear();
}

void prepared_statements::closed(std::uint32_t client_id) {
  auto* one = find(client_id);
  if (!one) return;
  drop_long_data(*one);
  if (one->kept)
    bytes_ -= one->text.size() + one->types.size() + overhead;
  else
    --not_kept_;
  if (last_ == one->client_id) last_ = 0;
  recent_ = nullptr;
  by_id_.erase(one->client_id);
  if (by_id_.empty()) mapped_ = false;
}

prepared_statement* prepared_statements::find(std::uint32_t client_id) {
  if (client_id == protocol::last_prepared_statement) client_id = last_;
  if (recent_ && recent_->client_id == client_id) return recent_;
  const auto found = by_id_.find(client_id);
  if (found == by_id_.end()) return nullptr;
  return recent_ = &found->second;
}

void prepared_statements::keep_types(prepared_statement& one, protocol::byte_span types) {
  one.types_sent = true;
  one.types_missed = false;
  if (!one.kept) return;
  if (std::equal(types.begin(), types.end(), one.types.begin(), one.types.end())) return;
  bytes_ = bytes_ - one.types.size() + types.size(); // a little over the limit, perhaps
  one.types.assign(types.begin(), types.end());
}

void prepared_statements::miss_types(prepared_statement& one) {
  bytes_ -= one.types.size();
  one.types.clear();
  one.types_missed = true;
}

void prepared_statements::keep_unsent_types(protocol::byte_span execute, protocol::capabilities negotiated) {
  auto* one = find(protocol::statement_id_of(execute));
  if (!one || one->parameters == 0) return;
  const auto where = protocol::find_parameter_types(execute, one->parameters, negotiated);
  if (where.understood && !where.sent) return;
  if (where.understood && where.count == one->parameters && one->kept) // or attributes are among them
    keep_types(*one, execute.subspan(where.types_at, where.types_size));
  else
    miss_types(*one);
  withhold_types(*one);
}

void prepared_statements::keep_unseen_types(client_command& of, protocol::capabilities negotiated) {
  if (!protocol::executes_statement(of.code) || of.types_seen || of.spent) return;
  of.types_seen = true;
  keep_unsent_types(of.payload, negotiated);
}

std::uint32_t prepared_statements::name_for(std::uint32_t server_id) {
  return mapped_ ? ++highest_ : server_id;
}

std::uint32_t prepared_statements::server_id_of(std::uint32_t client_id) {
  if (const auto* one = find(client_id)) return one->prepared ? one->server_id : nobodys_id;
  if (client_id == protocol::last_prepared_statement) return nobodys_id;
  const bool anothers = std::any_of(by_id_.begin(), by_id_.end(), [&](const auto& known) {
    return known.second.prepared && known.second.server_id == client_id;
  });
  return anothers ? nobodys_id : client_id;
}

std::vector<prepared_statement*> prepared_statements::looking_back() {
  std::vector<prepared_statement*> found;
  for (auto& [id, one] : by_id_)
    if (one.facts.looks_back) found.push_back(&one);
  return found;
}

bool prepared_statements::opened(named_statement one, const prepare_context& context) {
  closed(std::string_view(one.name));
  if (!make_room(one.prepare.size() + one.text.size() + one.value.size() + overhead)) return false;
  one.made_in = share(context);
  named_.push_back(std::move(one));
  return true;
}

void prepared_statements::closed(std::string_view name) {
  const auto same = [&](const named_statement& one) { return one.name == name; };
  const auto found = std::find_if(named_.begin(), named_.end(), same);
  if (found == named_.end()) return;
  bytes_ -= found->prepare.size() + found->text.size() + found->value.size() + overhead;
  named_.erase(found);
}

const named_statement* prepared_statements::find(std::string_view name) const {
  const auto same = [&](const named_statement& one) { return one.name == name; };
  const auto found = std::find_if(named_.begin(), named_.end(), same);
  return found == named_.end() ? nullptr : &*found;
}

bool prepared_statements::hold_something() {
  may_hold_ = may_hold_ && std::any_of(by_id_.begin(), by_id_.end(), [](const auto& each) {
                return each.second.cursor || each.second.long_data;
              });
  return may_hold_;
}

void prepared_statements::lost_connection() {
  for (auto& [id, one] : by_id_) {
    one.long_data_lost = one.long_data_lost || one.long_data;
    one.prepared = one.types_sent = one.long_data = one.cursor = false;
  }
  mapped_ = mapped_ || !by_id_.empty();
}

void prepared_statements::unprepare(prepared_statement& one) {
  one.prepared = one.types_sent = one.long_data = false;
  mapped_ = true;
}

void prepared_statements::withhold_types(prepared_statement& one) {
  one.types_sent = one.at_replica.types_sent = false;
  mapped_ = true;
}

} // namespace holdwater::proxy
