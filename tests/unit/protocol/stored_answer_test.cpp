// What is stored of real servers' answers, and given again: in the form in which it came, and in the other
// one.
#include "protocol/response_tracker.hpp"
#include "protocol/stored_answer.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace holdwater::protocol;
using test::answer;

namespace {

std::vector<answer> all_answers() {
  std::vector<answer> answers = test::load_answers("mariadb");
  for (answer& each : test::load_answers("mysql")) answers.push_back(std::move(each));
  return answers;
}

bool is_plain_result(const answer& one) {
  constexpr std::string_view plain[] = {"a SELECT of no row (",       "a SELECT of three rows (",
                                        "a column of 300 bytes (",    "an executed SELECT (",
                                        "a SELECT without metadata",  "an execute without metadata",
                                        "a SELECT beside a cursor (", "an executed SELECT with a parameter (",
                                        "the same SELECT again ("};
  for (const auto name : plain)
    if (one.name.starts_with(name)) return true;
  return false;
}

response_tracker followed(const answer& one) {
  response_tracker tracker;
  tracker.start(one.to, one.negotiated);
  REQUIRE(tracker.feed(one.bytes).has_value());
  return tracker;
}

// With the server's own status and warnings.
byte_buffer given_again(const answer& one, capabilities to) {
  byte_buffer stored, out;
  REQUIRE(store_result(one.bytes, one.negotiated, 7, stored));
  const auto read = read_stored_result(stored);
  REQUIRE(read.has_value());
  CHECK(read->definitions == (read->defined ? 0u : 7u));
  append_stored_result(out, 1, *read, read->status, read->warnings, to);
  return out;
}

std::string other_form(std::string name) {
  const auto at = name.find("(EOF form");
  if (at != name.npos) return name.replace(at, 9, "(OK form");
  return name.replace(name.find("(OK form"), 8, "(EOF form");
}

} // namespace

TEST_CASE("a result is given again byte by byte, and in the other form as the server gives it in that form") {
  std::size_t results = 0;
  for (const char* flavour : {"mariadb", "mysql"}) {
    std::map<std::string, answer> by_name;
    for (auto& one : test::load_answers(flavour)) by_name.emplace(one.name, one);
    for (const auto& [name, one] : by_name) {
      if (!is_plain_result(one)) continue;
      CAPTURE(flavour);
      CAPTURE(name);
      CHECK(given_again(one, one.negotiated) == one.bytes);
      const auto& other = by_name.at(other_form(name));
      CHECK(given_again(one, other.negotiated) == other.bytes);
      ++results;
    }
  }
  CHECK(results > 50);
}

TEST_CASE("what is no plain result is not stored") {
  for (const auto& one : all_answers()) {
    CAPTURE(one.name);
    const bool cursor = one.name.starts_with("an opened cursor");
    const bool several = one.name.starts_with("three statements") || one.name.starts_with("a USE before") ||
                         one.name.find("CALL") != one.name.npos || one.name.starts_with("a procedure");
    byte_buffer stored;
    const bool result = store_result(one.bytes, one.negotiated, 0, stored);
    if (one.ending == "err" || cursor || several || one.rows == 0) CHECK((!result || is_plain_result(one)));
    for (std::size_t size = 0; size < one.bytes.size(); size += 7)
      CHECK_FALSE(store_result(byte_span(one.bytes).first(size), one.negotiated, 0, stored));
  }
}

TEST_CASE("the answer to preparing a statement is given again with another id") {
  std::size_t prepared = 0;
  for (const auto& one : all_answers()) {
    if (one.to != command::stmt_prepare || one.ending == "err") continue;
    CAPTURE(one.name);
    byte_buffer stored, out;
    const auto tracker = followed(one);
    if (!store_prepared(one.bytes, one.negotiated, tracker.definitions_hash(), stored)) continue;
    const auto read = read_stored_prepared(stored);
    REQUIRE(read.has_value());
    CHECK(read->parameters == tracker.parameter_count());
    CHECK(read->columns == tracker.column_count());
    const std::uint16_t status = one.bytes[one.bytes.size() - 2]; // of the last EOF, where there is one
    append_stored_prepared(out, 1, *read, tracker.statement_id(), status, one.negotiated);
    CHECK(out == one.bytes);
    ++prepared;
  }
  CHECK(prepared >= 8);
}

TEST_CASE("stored bytes that are cut or changed are malformed, or hold whole packets") {
  const auto answers = all_answers();
  for (const auto& one : answers) {
    byte_buffer stored;
    const bool result = store_result(one.bytes, one.negotiated, 0, stored);
    if (!result && !store_prepared(one.bytes, one.negotiated, 0, stored)) continue;
    for (std::size_t size = 0; size < stored.size(); ++size) {
      const auto cut = byte_span(stored).first(size);
      byte_buffer out;
      if (const auto read = read_stored_result(cut))
        append_stored_result(out, 1, *read, 2, 1, one.negotiated);
      if (const auto read = read_stored_prepared(cut))
        append_stored_prepared(out, 1, *read, 1, 2, one.negotiated);
    }
    for (std::size_t at = 0; at < stored.size(); ++at) {
      auto changed = stored;
      changed[at] ^= 0x55;
      byte_buffer out;
      if (const auto read = read_stored_result(changed)) append_stored_result(out, 1, *read, 2, 1, 0);
      if (const auto read = read_stored_prepared(changed)) append_stored_prepared(out, 1, *read, 1, 2, 0);
    }
  }
}
