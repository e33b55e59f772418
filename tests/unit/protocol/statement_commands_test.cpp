#include "protocol/statement_commands.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

using namespace holdwater::protocol;

namespace {

byte_buffer bytes(std::initializer_list<int> values) {
  byte_buffer out;
  for (const int value : values) out.push_back(static_cast<std::uint8_t>(value));
  return out;
}

// one LONG, 42, as in the header
const byte_buffer with_types = bytes({0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 0, 42, 0, 0, 0});
const byte_buffer without_types = bytes({0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 42, 0, 0, 0});

} // namespace

TEST_CASE("a statement's id is read from every command that names one") {
  CHECK(statement_id_of(bytes({0x19, 0x78, 0x56, 0x34, 0x92})) == 0x92345678);
  CHECK(statement_id_of(bytes({0x19, 1, 0, 0})) == 0);
  for (const auto code : {command::stmt_execute, command::stmt_send_long_data, command::stmt_close,
                          command::stmt_reset, command::stmt_fetch, command::stmt_bulk_execute})
    CHECK(names_statement(code));
  for (const auto code : {command::stmt_prepare, command::query, command::ping, command::set_option})
    CHECK_FALSE(names_statement(code));
}

TEST_CASE("the types of an execute are found, and put in where they were left out") {
  const auto sent = find_parameter_types(with_types, 1, 0);
  CHECK(sent.understood);
  CHECK(sent.sent);
  CHECK(sent.types_at == 12);
  CHECK(sent.types_size == 2);
  const auto missing = find_parameter_types(without_types, 1, 0);
  CHECK(missing.understood);
  CHECK_FALSE(missing.sent);
  CHECK(with_parameter_types(without_types, missing, bytes({3, 0})) == with_types);
}

TEST_CASE("with query attributes a count stands in front and each type has a name") {
  const auto payload =
      bytes({0x17, 1, 0, 0, 0, 8, 1, 0, 0, 0, 2, 0, 1, 3, 0, 0, 0xfd, 0, 1, 'n', 42, 0, 0, 0, 1, 'v'});
  const auto found = find_parameter_types(payload, 1, cap::query_attributes);
  CHECK(found.understood);
  CHECK(found.count == 2);
  CHECK(found.types_at == 13);
  CHECK(found.types_size == 7);
}

TEST_CASE("the types of a bulk execute are announced by its flags") {
  const auto sent = bytes({0xfa, 1, 0, 0, 0, 0x80, 0, 3, 0, 0, 42, 0, 0, 0});
  const auto left_out = bytes({0xfa, 1, 0, 0, 0, 0, 0, 0, 42, 0, 0, 0});
  CHECK(find_parameter_types(sent, 1, 0).types_size == 2);
  const auto missing = find_parameter_types(left_out, 1, 0);
  CHECK(missing.understood);
  CHECK(with_parameter_types(left_out, missing, bytes({3, 0})) == sent);
}

TEST_CASE("an execute that is cut anywhere is never misread") {
  for (std::size_t size = 0; size < 14; ++size) {
    CAPTURE(size);
    CHECK_FALSE(find_parameter_types(byte_span(with_types).first(size), 1, 0).understood);
  }
  CHECK_FALSE(find_parameter_types(bytes({0xfa, 1, 0, 0, 0, 0x80, 0, 3}), 1, 0).understood);
  CHECK_FALSE(find_parameter_types(with_types, 0, 0).understood);
}
