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

TEST_CASE("MariaDB's C library gets a number that it passes on") {
  const auto number = [](const std::string& attributes, client_error which) {
    return row_for(attributes, which).number;
  };
  const std::string os = "\x03_os\x05Linux", of_mariadb = "\x0c_client_name\x0alibmariadb",
                    of_mysql = "\x0c_client_name\x08libmysql";
  CHECK(number(of_mariadb, client_error::outcome_unknown) == 1927);
  CHECK(number(os + of_mariadb, client_error::answer_cut) == 1927);
  CHECK(number(of_mariadb, client_error::needs_server) == 3032);
  CHECK(row_for(of_mariadb, client_error::outcome_unknown).sql_state == "08007");
  for (const auto& other : {std::string(), os, of_mysql, of_mariadb.substr(0, 20), std::string("\xfe\x01"),
                            os + std::string("\x0a") + "libmariadb"})
    CHECK(number(other, client_error::outcome_unknown) == 2013);
}
