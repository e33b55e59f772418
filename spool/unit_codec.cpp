#include "spool/unit_codec.hpp"

#include "spool/byte_codec.hpp"

#include <boost/crc.hpp>

#include <algorithm>

namespace holdwater::spool {
namespace {

constexpr std::size_t crc_size = 4;
constexpr std::uint8_t has_insert_id = 1;
constexpr std::uint8_t has_parameters = 2;
constexpr std::uint8_t has_last_insert_id = 4;
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
  out.put_byte(static_cast<std::uint8_t>((c.foreign_key_checks ? 1 : 0) | (c.unique_checks ? 2 : 0)));
}

statement_context get_context(byte_reader& in) {
  statement_context c;
  for (auto* text : {&c.database, &c.sql_mode, &c.time_zone, &c.lc_time_names, &c.character_set_client,
                     &c.collation_connection, &c.character_set_results, &c.collation_database,
                     &c.collation_server, &c.isolation})
    *text = in.get_string();
  c.auto_increment_increment = in.get_int();
  c.auto_increment_offset = in.get_int();
  const auto flags = in.get_byte();
  c.foreign_key_checks = (flags & 1) != 0;
  c.unique_checks = (flags & 2) != 0;
  return c;
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

bool get_body(byte_reader& in, std::uint8_t known_flags, unit& what) {
  what.account = in.get_string();
  std::vector<statement_context> contexts;
  for (auto left = in.get_count(); left > 0 && !in.failed(); --left) contexts.push_back(get_context(in));
  for (auto left = in.get_count(); left > 0 && !in.failed(); --left)
    if (!get_statement(in, known_flags, contexts, what.statements.emplace_back())) return false;
  return in.finished() && !what.statements.empty();
}

} // namespace

std::string encode_unit(const unit& what) {
  const bool extended = std::any_of(what.statements.begin(), what.statements.end(),
                                    [](const auto& s) { return !s.parameters.empty() || s.last_insert_id; });
  byte_writer out;
  out.put_byte(extended ? unit_format_extended : unit_format);
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
  if (format != unit_format && format != unit_format_extended)
    return failure{errc::wrong_version, "decoding a unit: unknown format"};
  const std::uint8_t known_flags = format == unit_format
                                       ? has_insert_id
                                       : std::uint8_t{has_insert_id | has_parameters | has_last_insert_id};
  unit what;
  if (!get_body(in, known_flags, what)) return malformed("a field does not fit");
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
