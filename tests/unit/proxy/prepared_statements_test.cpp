#include "proxy/session/prepared_statements.hpp"

#include "protocol/statement_commands.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using proxy::named_statement;
using proxy::prepare_context;
using proxy::prepared_statement;
using proxy::prepared_statements;

namespace {

const prepare_context plain{"d", "ANSI", "utf8mb4", "utf8mb4_bin", "utf8mb4"};

prepared_statements book() {
  prepared_statements made;
  made.set_limit(1 << 20);
  return made;
}

void open(prepared_statements& into, std::uint32_t id, std::string text = "SELECT 1") {
  prepared_statement one;
  one.server_id = id;
  one.client_id = into.name_for(id);
  one.text = std::move(text);
  into.opened(std::move(one), plain);
}

} // namespace

TEST_CASE("while the connection lives, ids are the server's own") {
  auto statements = book();
  open(statements, 1);
  open(statements, 5);
  CHECK_FALSE(statements.mapped());
  CHECK(statements.name_for(9) == 9);
  REQUIRE(statements.find(5));
  CHECK(statements.find(5)->prepared);
  CHECK(statements.find(2) == nullptr);
}

TEST_CASE("after the connection was lost, no new id is an open one's") {
  auto statements = book();
  open(statements, 1);
  open(statements, 5);
  statements.lost_connection();
  CHECK(statements.mapped());
  CHECK_FALSE(statements.find(5)->prepared);
  open(statements, 1); // the server counts anew
  CHECK(statements.find(6)->server_id == 1);
  CHECK(statements.server_id_of(6) == 1);
  CHECK(statements.server_id_of(1) == 0xfffffffe); // not prepared yet
  CHECK(statements.server_id_of(99) == 99);        // the server says that it is not there
  for (const auto id : {1u, 5u, 6u}) statements.closed(id);
  CHECK_FALSE(statements.mapped());
  CHECK(statements.bytes() == 0);
}

TEST_CASE(
    "a statement that is prepared without the server has an id of its own, and is to be prepared there") {
  auto statements = book();
  prepared_statement one;
  one.text = "DELETE FROM t";
  const auto first = statements.opened_here(one, plain);
  const auto second = statements.opened_here(one, plain);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(*first != *second);
  CHECK_FALSE(statements.find(*first)->prepared);
  CHECK(statements.find(*first)->made_here);
  CHECK(statements.mapped());
  open(statements, 1); // the server's first
  CHECK(statements.find(3)->server_id == 1);
  one.text = std::string(2 << 20, 'x');
  CHECK_FALSE(statements.opened_here(one, plain));
}

TEST_CASE("long data is kept without the server, unless the server has a part of it or it does not fit") {
  auto statements = book();
  open(statements, 1);
  statements.lost_connection();
  auto& one = *statements.find(1);
  const auto before = statements.bytes();
  statements.keep_long_data(one, 3, "ab");
  statements.keep_long_data(one, 3, "c");
  CHECK(one.long_data_kept.at(3) == "abc");
  CHECK(statements.bytes() == before + 3);
  statements.drop_long_data(one);
  CHECK(statements.bytes() == before);
  CHECK_FALSE(one.long_data_lost);
  statements.keep_long_data(one, 0, std::string(2 << 20, 'x'));
  CHECK(one.long_data_lost);
  CHECK(one.long_data_kept.empty());
  one.long_data_lost = false;
  one.long_data = true;
  statements.keep_long_data(one, 0, "x");
  CHECK(one.long_data_lost);
}

TEST_CASE("the statement prepared last is found as MariaDB does") {
  constexpr auto last = protocol::last_prepared_statement;
  auto statements = book();
  CHECK(statements.find(last) == nullptr);
  open(statements, 1);
  open(statements, 2);
  REQUIRE(statements.find(last));
  CHECK(statements.find(last)->client_id == 2);
  statements.lost_connection();
  open(statements, 1);
  CHECK(statements.server_id_of(last) == 1);
  statements.failed_to_open();
  CHECK(statements.find(last) == nullptr);
  CHECK(statements.server_id_of(last) == 0xfffffffe);
}

TEST_CASE("what does not fit cannot be restored until it is closed") {
  auto statements = book();
  statements.set_limit(2000);
  open(statements, 1);
  open(statements, 2, std::string(3000, 'x'));
  CHECK_FALSE(statements.restorable());
  CHECK(statements.find(2)->text.empty());
  statements.closed(2);
  CHECK(statements.restorable());
  statements.closed(1);
  CHECK(statements.bytes() == 0);
}

TEST_CASE("long data is lost with its connection, types are not") {
  auto statements = book();
  open(statements, 1);
  auto& one = *statements.find(1);
  const protocol::byte_buffer types{3, 0};
  statements.keep_types(one, types);
  one.long_data = true;
  statements.lost_connection();
  CHECK(one.long_data_lost);
  CHECK_FALSE(one.types_sent);
  CHECK(one.types == types);
}

TEST_CASE("types of an execute that no server sees are those of the next ones") {
  auto statements = book();
  open(statements, 7);
  auto& one = *statements.find(7);
  one.parameters = 1;
  const protocol::byte_buffer before{3, 0};
  statements.keep_types(one, before);
  one.at_replica.types_sent = true;
  const auto bytes = statements.bytes();

  protocol::byte_buffer execute{0x17, 7, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
  SUBCASE("it has none: the server knows those of before") {
    statements.keep_unsent_types(execute, 0);
    CHECK(one.types == before);
    CHECK((one.types_sent && one.at_replica.types_sent));
    CHECK_FALSE(statements.mapped());
  }
  SUBCASE("it has some: the next execute takes them along") {
    execute.back() = 1;
    execute.insert(execute.end(), {0xfd, 0, 1, 'x'});
    statements.keep_unsent_types(execute, 0);
    CHECK(one.types == protocol::byte_buffer{0xfd, 0});
    CHECK_FALSE((one.types_sent || one.at_replica.types_sent || one.types_missed));
    CHECK(statements.mapped());
  }
  SUBCASE("it is cut short: those of before are wrong now") {
    execute.back() = 1;
    execute.push_back(0xfd);
    statements.keep_unsent_types(execute, 0);
    CHECK(one.types.empty());
    CHECK(one.types_missed);
    CHECK(statements.bytes() == bytes - before.size());
  }
  statements.closed(7);
  CHECK(statements.bytes() == 0);
}

TEST_CASE("a name is replaced by its next statement, and freed") {
  auto statements = book();
  CHECK(statements.opened(named_statement{.name = "a", .text = "SELECT 1"}, plain));
  CHECK(statements.opened(named_statement{.name = "a", .text = "SELECT 2"}, plain));
  REQUIRE(statements.named().size() == 1);
  CHECK(statements.find(std::string_view("a"))->text == "SELECT 2");
  statements.closed(std::string_view("a"));
  CHECK(statements.named().empty());
  CHECK(statements.bytes() == 0);
}

TEST_CASE("a context is reached by the statements that differ, or not at all") {
  CHECK(lead_over(plain, plain)->empty());
  auto other = plain;
  other.database = "a`b";
  CHECK(*lead_over(plain, other) == std::vector<std::string>{"USE `a``b`"});
  other = plain;
  other.sql_mode.clear();
  other.character_set_results.clear();
  CHECK(lead_over(plain, other)->front() ==
        "SET sql_mode = '', character_set_client = utf8mb4, "
        "collation_connection = utf8mb4_bin, character_set_results = NULL");
  other.character_set_client = "? utf8mb4"; // the defaults were never learned
  CHECK_FALSE(lead_over(plain, other).has_value());
}
