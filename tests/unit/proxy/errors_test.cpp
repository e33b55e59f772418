#include "proxy/session/errors.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace holdwater::proxy;
namespace protocol = holdwater::protocol;

TEST_CASE("every error of ours has a number and a SQLSTATE of five characters") {
  for (int value = 0; value <= static_cast<int>(client_error::answer_cut); ++value) {
    const auto row = row_of(static_cast<client_error>(value));
    CAPTURE(value);
    CHECK(row.number != 1105);
    CHECK(row.sql_state.size() == 5);
  }
}

TEST_CASE("a lost transaction looks like a deadlock, so that drivers restart it") {
  const auto row = row_of(client_error::transaction_lost);
  CHECK(row.number == 1213);
  CHECK(row.sql_state == "40001");
}

TEST_CASE("an error says whose it is, except where it imitates the server") {
  const auto text = [](client_error which) {
    protocol::byte_buffer out;
    append_client_error(out, 1, which, "words", protocol::cap::protocol_41);
    const auto parsed = protocol::parse_err(protocol::byte_span(out).subspan(protocol::packet_header_size),
                                            protocol::cap::protocol_41);
    REQUIRE(parsed.has_value());
    return std::string(parsed->text);
  };
  CHECK(text(client_error::needs_server) == "Holdwater: words");
  CHECK(text(client_error::access_denied) == "words");
}
