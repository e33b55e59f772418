#include "proxy/server/server_profile.hpp"

#include "proxy/durable_file.hpp"

#include <boost/json.hpp>
#include <boost/lexical_cast/try_lexical_convert.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <sstream>

namespace holdwater::proxy {
namespace {

namespace json = boost::json;

// What a server says may be any bytes, and JSON is UTF-8: a byte above 127 is kept as the character of that
// number.
std::string kept(std::string_view bytes) {
  std::string out;
  for (const char one : bytes) {
    const auto byte = static_cast<unsigned char>(one);
    if (byte >= 0x80) out += static_cast<char>(0xc0 | byte >> 6);
    out += byte >= 0x80 ? static_cast<char>(0x80 | (byte & 0x3f)) : one;
  }
  return out;
}

std::string unkept(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool pair = (byte == 0xc2 || byte == 0xc3) && at + 1 < text.size();
    out += pair ? static_cast<char>((byte & 3) << 6 | (static_cast<unsigned char>(text[++at]) & 0x3f))
                : text[at];
  }
  return out;
}

json::value kept_or_null(const std::optional<std::string>& bytes) {
  return bytes ? json::value(kept(*bytes)) : json::value(nullptr);
}

std::optional<std::string> unkept_or_null(const json::value& from) {
  return from.is_null() ? std::nullopt : std::optional(unkept(json::value_to<std::string>(from)));
}

json::object to_json(const spool::statement_context& c) {
  return {{"sql_mode", kept(c.sql_mode)},
          {"time_zone", kept(c.time_zone)},
          {"lc_time_names", kept(c.lc_time_names)},
          {"character_set_client", kept(c.character_set_client)},
          {"collation_connection", kept(c.collation_connection)},
          {"character_set_results", kept(c.character_set_results)},
          {"collation_database", kept(c.collation_database)},
          {"collation_server", kept(c.collation_server)},
          {"auto_increment_increment", c.auto_increment_increment},
          {"auto_increment_offset", c.auto_increment_offset},
          {"foreign_key_checks", c.foreign_key_checks},
          {"unique_checks", c.unique_checks},
          {"isolation", kept(c.isolation)}};
}

std::string text(const json::object& from, std::string_view key) {
  return unkept(json::value_to<std::string>(from.at(key)));
}

json::array to_json(const protocol::column_definition& column) {
  return {column.collation, column.length, column.type, column.flags, column.decimals};
}

protocol::column_definition column_from(const json::array& from) {
  protocol::column_definition column;
  column.collation = from.at(0).to_number<std::uint16_t>();
  column.length = from.at(1).to_number<std::uint32_t>();
  column.type = from.at(2).to_number<std::uint8_t>();
  column.flags = from.at(3).to_number<std::uint16_t>();
  column.decimals = from.at(4).to_number<std::uint8_t>();
  return column;
}

std::uint64_t number(const json::object& from, std::string_view key) {
  return from.at(key).to_number<std::uint64_t>();
}

spool::statement_context context_from(const json::object& from) {
  spool::statement_context c;
  c.sql_mode = text(from, "sql_mode");
  c.time_zone = text(from, "time_zone");
  c.lc_time_names = text(from, "lc_time_names");
  c.character_set_client = text(from, "character_set_client");
  c.collation_connection = text(from, "collation_connection");
  c.character_set_results = text(from, "character_set_results");
  c.collation_database = text(from, "collation_database");
  c.collation_server = text(from, "collation_server");
  c.auto_increment_increment = number(from, "auto_increment_increment");
  c.auto_increment_offset = number(from, "auto_increment_offset");
  c.foreign_key_checks = from.at("foreign_key_checks").as_bool();
  c.unique_checks = from.at("unique_checks").as_bool();
  c.isolation = text(from, "isolation");
  return c;
}

std::string encode(const server_profile& profile) {
  json::array collations;
  for (const auto& [id, one] : profile.collations)
    collations.push_back(json::array{id, kept(one.name), kept(one.character_set), one.is_default});
  json::object out{{"format", 1},
                   {"version", kept(profile.hello.server_version)},
                   {"capabilities", profile.hello.server_capabilities},
                   {"character_set", profile.hello.character_set},
                   {"status", profile.hello.status},
                   {"auth_plugin", kept(profile.hello.auth_plugin)},
                   {"collations", std::move(collations)}};
  if (profile.defaults) out["defaults"] = to_json(*profile.defaults);
  json::array zones;
  for (const auto& name : profile.time_zones) zones.emplace_back(name);
  out["time_zones"] = std::move(zones);
  json::object variables;
  for (const auto& [name, one] : profile.variables)
    variables[name] =
        json::array{kept(one.shown), kept_or_null(one.value), one.integer, to_json(one.described)};
  out["variables"] = std::move(variables);
  json::array expressions;
  for (const auto& one : profile.expressions)
    expressions.push_back(
        json::array{kept(one.text), kept_or_null(one.value), one.integer, to_json(one.described)});
  out["expressions"] = std::move(expressions);
  return json::serialize(out);
}

server_profile decode(const std::string& content) {
  const auto root = json::parse(content).as_object();
  server_profile profile;
  profile.hello.server_version = text(root, "version");
  profile.hello.server_capabilities = number(root, "capabilities");
  profile.hello.character_set = static_cast<std::uint8_t>(number(root, "character_set"));
  profile.hello.status = static_cast<std::uint16_t>(number(root, "status"));
  profile.hello.auth_plugin = text(root, "auth_plugin");
  profile.version = protocol::parse_server_version(profile.hello.server_version);
  for (const auto& entry : root.at("collations").as_array()) {
    const auto& fields = entry.as_array();
    profile.collations[fields.at(0).to_number<unsigned>()] = {
        unkept(json::value_to<std::string>(fields.at(1))), unkept(json::value_to<std::string>(fields.at(2))),
        fields.at(3).as_bool()};
  }
  if (const auto* defaults = root.if_contains("defaults"))
    profile.defaults = context_from(defaults->as_object());
  if (const auto* zones = root.if_contains("time_zones"))
    for (const auto& name : zones->as_array()) profile.time_zones.insert(json::value_to<std::string>(name));
  if (const auto* variables = root.if_contains("variables"))
    for (const auto& each : variables->as_object()) {
      const auto& fields = each.value().as_array();
      profile.variables[each.key()] = {unkept(json::value_to<std::string>(fields.at(0))),
                                       unkept_or_null(fields.at(1)), fields.at(2).as_bool(),
                                       column_from(fields.at(3).as_array())};
    }
  if (const auto* expressions = root.if_contains("expressions"))
    for (const auto& each : expressions->as_array()) {
      const auto& fields = each.as_array();
      profile.expressions.push_back({unkept(json::value_to<std::string>(fields.at(0))),
                                     unkept_or_null(fields.at(1)), fields.at(2).as_bool(),
                                     column_from(fields.at(3).as_array())});
    }
  return profile;
}

} // namespace

const collation* server_profile::find(unsigned id) const {
  const auto at = collations.find(id);
  return at == collations.end() ? nullptr : &at->second;
}

const collation* server_profile::default_of(std::string_view character_set) const {
  for (const auto& [id, one] : collations)
    if (one.is_default && one.character_set == character_set) return &one;
  return nullptr;
}

const collation* server_profile::primary_of(std::string_view character_set) const {
  const bool unicode = character_set.starts_with("utf") || character_set == "ucs2";
  const auto* primary =
      version.mariadb && unicode ? named(std::string(character_set) + "_general_ci") : nullptr;
  return primary ? primary : default_of(character_set);
}

const collation* server_profile::named(std::string_view name) const {
  for (const auto& [id, one] : collations)
    if (one.name == name) return &one;
  return nullptr;
}

const system_variable* server_profile::find_variable(std::string_view name) const {
  const auto found = variables.find(name);
  return found == variables.end() ? nullptr : &found->second;
}

std::uint64_t server_profile::largest_packet() const {
  const auto* limit = find_variable("max_allowed_packet");
  std::uint64_t bytes = 0;
  if (limit && limit->value) boost::conversion::try_lexical_convert(*limit->value, bytes);
  return bytes;
}

unsigned server_profile::id_of(std::string_view collation_name) const {
  for (const auto& [id, one] : collations)
    if (one.name == collation_name) return id;
  return 0;
}

std::string profile_store::load() {
  std::ifstream file(path_);
  if (path_.empty() || !file) return {};
  std::stringstream content;
  content << file.rdbuf();
  try { // Boost.JSON's accessors throw on a value of another type; the file is small and read once
    auto profile = std::make_shared<const server_profile>(decode(content.str()));
    const std::lock_guard lock(mutex_);
    current_ = std::move(profile);
    return {};
  } catch (const std::exception& wrong) {
    return fmt::format("{} is not readable and is learned anew: {}", path_, wrong.what());
  }
}

std::shared_ptr<const server_profile> profile_store::get() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void profile_store::learn_greeting(const protocol::greeting& hello) {
  const std::lock_guard lock(mutex_);
  const auto same = [&](const protocol::greeting& known) {
    return known.server_version == hello.server_version &&
           known.server_capabilities == hello.server_capabilities &&
           known.character_set == hello.character_set && known.status == hello.status &&
           known.auth_plugin == hello.auth_plugin;
  };
  if (same(current_->hello)) return;
  auto next = std::make_shared<server_profile>(*current_);
  next->hello = hello;
  next->version = protocol::parse_server_version(hello.server_version);
  replace(std::move(next));
}

void profile_store::learn_defaults(const spool::statement_context& defaults) {
  const std::lock_guard lock(mutex_);
  if (current_->defaults == defaults) return;
  auto next = std::make_shared<server_profile>(*current_);
  next->defaults = defaults;
  replace(std::move(next));
}

void profile_store::learn_time_zone(const std::string& name) {
  constexpr std::size_t most = 64;
  const std::lock_guard lock(mutex_);
  if (current_->time_zones.size() >= most || current_->time_zones.count(name) != 0) return;
  auto next = std::make_shared<server_profile>(*current_);
  next->time_zones.insert(name);
  replace(std::move(next));
}

void profile_store::learn_collations(std::map<unsigned, collation> collations) {
  const std::lock_guard lock(mutex_);
  if (current_->collations == collations) return;
  auto next = std::make_shared<server_profile>(*current_);
  next->collations = std::move(collations);
  replace(std::move(next));
}

void profile_store::learn_variables(system_variables variables, std::vector<known_expression> expressions) {
  const std::lock_guard lock(mutex_);
  if (current_->variables == variables && current_->expressions == expressions) return;
  auto next = std::make_shared<server_profile>(*current_);
  next->variables = std::move(variables);
  next->expressions = std::move(expressions);
  replace(std::move(next));
}

void profile_store::replace(std::shared_ptr<const server_profile> next) {
  current_ = std::move(next);
  if (path_.empty()) return;
  if (const auto problem = write_durably(path_, encode(*current_)); !problem.empty())
    spdlog::error("the server's profile was not saved: {}", problem);
}

} // namespace holdwater::proxy
