#include "spool/unit_codec.hpp"

#include "spool/byte_codec.hpp"
#include "spool/context_sql.hpp"

#include <boost/crc.hpp>

#include <algorithm>

namespace holdwater::spool {
namespace {

constexpr std::size_t crc_size = 4;
constexpr std::uint8_t has_insert_id = 1;
constexpr std::uint8_t has_parameters = 2;
constexpr std::uint8_t has_last_insert_id = 4;
constexpr std::uint8_t checks_foreign_keys = 1;
constexpr std::uint8_t checks_unique = 2;
constexpr std::uint8_t has_settings = 4;
constexpr std::uint8_t parameter_is_null = 1;
constexpr std::uint8_t parameter_is_unsigned = 2;
constexpr std::uint8_t parameter_is_long_data = 4;

std::uint32_t crc_of(std::string_view bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

void put_context(byte_writer& out, const statement_context& c) {
  for (const auto* text : {&c.database, &c.sql_mode, &c.time_zone, &c.lc_time_names, &c.character_set_client,
                           &c.collation_connection, &c.character_set_results, &c.collation_database,
                           &c.collation_server, &c.isolation})
    out.put_string(*text);
  out.put_int(c.auto_increment_increment);
  out.put_int(c.auto_increment_offset);
  out.put_byte(static_cast<std::uint8_t>((c.foreign_key_checks ? checks_foreign_keys : 0) |
                                         (c.unique_checks ? checks_unique : 0) |
                                         (c.settings.empty() ? 0 : has_settings)));
  if (c.settings.empty()) return;
  out.put_int(c.settings.size());
  for (const auto& one : c.settings) {
    out.put_string(one.name);
    out.put_string(one.value);
  }
}

// Says false for a name that is not known: without its setting the statement would mean something else.
bool get_settings(byte_reader& in, std::vector<session_setting>& settings) {
  for (auto left = in.get_count(); left > 0 && !in.failed(); --left) {
    auto name = in.get_string();
    if (!is_carried_setting(name)) return false;
    settings.push_back({std::move(name), in.get_string()});
  }
  return !settings.empty();
}

// Says false for what an earlier version has not written and this one does not know.
bool get_context(byte_reader& in, std::uint8_t format, statement_context& c) {
  for (auto* text : {&c.database, &c.sql_mode, &c.time_zone, &c.lc_time_names, &c.character_set_client,
                     &c.collation_connection, &c.character_set_results, &c.collation_database,
                     &c.collation_server, &c.isolation})
    *text = in.get_string();
  c.auto_increment_increment = in.get_int();
  c.auto_increment_offset = in.get_int();
  const auto flags = in.get_byte();
  c.foreign_key_checks = (flags & checks_foreign_keys) != 0;
  c.unique_checks = (flags & checks_unique) != 0;
  if (format < unit_format_with_settings) return true;
  if ((flags & ~(checks_foreign_keys | checks_unique | has_settings)) != 0) return false;
  return (flags & has_settings) == 0 || get_settings(in, c.settings);
}

void put_tables(byte_writer& out, const std::vector<table_name>& tables) {
  out.put_int(tables.size());
  for (const auto& name : tables) {
    out.put_string(name.schema);
    out.put_string(name.table);
  }
}

std::vector<table_name> get_tables(byte_reader& in) {
  std::vector<table_name> tables;
  for (auto left = in.get_count(); left > 0 && !in.failed(); --left) {
    auto schema = in.get_string();
    tables.push_back({std::move(schema), in.get_string()});
  }
  return tables;
}

void put_parameters(byte_writer& out, const std::vector<parameter>& parameters) {
  out.put_int(parameters.size());
  for (const auto& one : parameters) {
    out.put_byte(one.type);
    out.put_byte(static_cast<std::uint8_t>((one.value ? 0 : parameter_is_null) |
                                           (one.is_unsigned ? parameter_is_unsigned : 0) |
                                           (one.long_data ? parameter_is_long_data : 0)));
    if (one.value) out.put_string(*one.value);
  }
}

// Says false for a flag that is not known.
bool get_parameters(byte_reader& in, std::vector<parameter>& parameters) {
  for (auto left = in.get_count(); left > 0 && !in.failed(); --left) {
    auto& one = parameters.emplace_back();
    one.type = in.get_byte();
    const auto flags = in.get_byte();
    if ((flags & ~(parameter_is_null | parameter_is_unsigned | parameter_is_long_data)) != 0) return false;
    one.is_unsigned = (flags & parameter_is_unsigned) != 0;
    one.long_data = (flags & parameter_is_long_data) != 0;
    if ((flags & parameter_is_null) == 0) one.value = in.get_string();
  }
  return !parameters.empty();
}

void put_statement(byte_writer& out, const statement& s, std::size_t context) {
  out.put_string(s.text);
  out.put_int(context);
  out.put_int(static_cast<std::uint64_t>(s.timestamp.count()));
  out.put_byte(static_cast<std::uint8_t>((s.insert_id ? has_insert_id : 0) |
                                         (s.parameters.empty() ? 0 : has_parameters) |
                                         (s.last_insert_id ? has_last_insert_id : 0)));
  if (s.insert_id) out.put_int(*s.insert_id);
  if (!s.parameters.empty()) put_parameters(out, s.parameters);
  if (s.last_insert_id) out.put_int(*s.last_insert_id);
  out.put_int(s.user_variables.size());
  for (const auto& variable : s.user_variables) {
    out.put_string(variable.name);
    out.put_string(variable.literal);
  }
  put_tables(out, s.tables);
}

// Says false when the statement names a context that is not there.
bool get_statement(byte_reader& in, std::uint8_t known_flags, const std::vector<statement_context>& contexts,
                   statement& s) {
  s.text = in.get_string();
  const auto context = in.get_int();
  if (context >= contexts.size()) return false;
  s.context = contexts[context];
  s.timestamp = std::chrono::microseconds(static_cast<std::int64_t>(in.get_int()));
  const auto flags = in.get_byte();
  if ((flags & ~known_flags) != 0) return false;
  if ((flags & has_insert_id) != 0) s.insert_id = in.get_int();
  if ((flags & has_parameters) != 0 && !get_parameters(in, s.parameters)) return false;
  if ((flags & has_last_insert_id) != 0) s.last_insert_id = in.get_int();
  for (auto left = in.get_count(); left > 0 && !in.failed(); --left) {
    auto name = in.get_string();
    s.user_variables.push_back({std::move(name), in.get_string()});
  }
  s.tables = get_tables(in);
  return !in.failed();
}

// Statements of one transaction nearly always share their context, so each is stored once.
std::vector<const statement_context*> distinct_contexts(const unit& what, std::vector<std::size_t>& which) {
  std::vector<const statement_context*> contexts;
  for (const auto& s : what.statements) {
    const auto same =
        std::find_if(contexts.begin(), contexts.end(), [&](auto* c) { return *c == s.context; });
    which.push_back(static_cast<std::size_t>(same - contexts.begin()));
    if (same == contexts.end()) contexts.push_back(&s.context);
  }
  return contexts;
}

failure malformed(const char* what) {
  return {errc::corrupt, std::string("decoding a unit: ") + what};
}

bool get_body(byte_reader& in, std::uint8_t format, unit& what) {
  const std::uint8_t known_flags = format == unit_format
                                       ? has_insert_id
                                       : std::uint8_t{has_insert_id | has_parameters | has_last_insert_id};
  what.account = in.get_string();
  std::vector<statement_context> contexts;
  for (auto left = in.get_count(); left > 0 && !in.failed(); --left)
    if (!get_context(in, format, contexts.emplace_back())) return false;
  for (auto left = in.get_count(); left > 0 && !in.failed(); --left)
    if (!get_statement(in, known_flags, contexts, what.statements.emplace_back())) return false;
  return in.finished() && !what.statements.empty();
}

std::uint8_t format_of(const unit& what) {
  const auto any = [&](auto is_it) { return std::ranges::any_of(what.statements, is_it); };
  if (any([](const auto& s) { return !s.context.settings.empty(); })) return unit_format_with_settings;
  const bool extended = any([](const auto& s) { return !s.parameters.empty() || s.last_insert_id; });
  return extended ? unit_format_extended : unit_format;
}

} // namespace

std::string encode_unit(const unit& what) {
  byte_writer out;
  out.put_byte(format_of(what));
  out.put_string(what.account);
  std::vector<std::size_t> which;
  const auto contexts = distinct_contexts(what, which);
  out.put_int(contexts.size());
  for (const auto* context : contexts) put_context(out, *context);
  out.put_int(what.statements.size());
  for (std::size_t i = 0; i < which.size(); ++i) put_statement(out, what.statements[i], which[i]);
  out.put_fixed32(crc_of(out.view()));
  return out.take();
}

result<unit> decode_unit(std::string_view bytes) {
  if (bytes.size() <= crc_size) return malformed("it is too short");
  const auto body = bytes.substr(0, bytes.size() - crc_size);
  byte_writer expected;
  expected.put_fixed32(crc_of(body));
  if (expected.view() != bytes.substr(body.size())) return malformed("its checksum is wrong");
  byte_reader in(body);
  const auto format = in.get_byte();
  if (format < unit_format || format > unit_format_with_settings)
    return failure{errc::wrong_version, "decoding a unit: unknown format"};
  unit what;
  if (!get_body(in, format, what)) return malformed("a field does not fit");
  return what;
}

std::string encode_tables(const std::vector<table_name>& tables) {
  byte_writer out;
  put_tables(out, tables);
  return out.take();
}

result<std::vector<table_name>> decode_tables(std::string_view bytes) {
  byte_reader in(bytes);
  auto tables = get_tables(in);
  if (!in.finished()) return malformed("its list of tables does not fit");
  return tables;
}

std::vector<table_name> tables_of(const unit& what) {
  std::vector<table_name> all;
  for (const auto& s : what.statements) {
    if (s.tables.empty()) return {}; // one that is not known makes the whole unknown
    all.insert(all.end(), s.tables.begin(), s.tables.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

} // namespace holdwater::spool
