// Literals for the id column that may or may not mean "make one".
#include "proxy/insert_ids/ids_needed.hpp"
#include "sample.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
namespace sql = holdwater::protocol::sql;
using enum id_need::answer;

namespace {

id_need need(const table_facts& facts, const std::string& text, const char* sql_mode = "") {
  sql::dialect how;
  sql::apply_sql_mode(how, sql_mode);
  sql::analysis found;
  found.analyze(text, how);
  return ids_needed(facts, text, found.first(), how);
}

} // namespace

TEST_CASE("a zero is a value of its own under NO_AUTO_VALUE_ON_ZERO") {
  CHECK(need(orders(), "INSERT INTO orders (id) VALUES (0)").what == rows);
  CHECK(need(orders(), "INSERT INTO orders (id) VALUES (0)", "NO_AUTO_VALUE_ON_ZERO").what == none);
  CHECK(need(orders(), "INSERT INTO orders (id) VALUES (NULL)", "NO_AUTO_VALUE_ON_ZERO").what == rows);
}
