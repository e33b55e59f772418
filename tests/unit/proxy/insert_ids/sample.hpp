// A table of the tests, and a statement put to the book.
#pragma once

#include "protocol/sql/analysis.hpp"
#include "proxy/insert_ids/id_book.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdwater::proxy::test {

// `shop`.`orders` (id int AUTO_INCREMENT, note ..., total ...): the id is the first column.
inline table_facts orders(std::string table = "orders") {
  table_facts facts;
  facts.name = {"shop", std::move(table)};
  facts.engine = "InnoDB";
  facts.created = "2024-05-01 10:00:00";
  facts.column = "id";
  facts.column_type = "int(11)";
  return facts;
}

inline server_identity a_server(bool names_folded = false) {
  return {"host:3306 10.11.6-MariaDB", 1'700'000'000, names_folded, 1};
}

struct session_increment {
  std::uint64_t increment = 1;
  std::uint64_t offset = 1;
};

inline id_plan ask(id_book& book, std::string_view text, session_increment steps = {},
                   const std::string& table = "orders") {
  protocol::sql::dialect how;
  protocol::sql::analysis found;
  found.analyze(text, how);
  return book.plan("shop", table, text, found.first(), how, steps.increment, steps.offset);
}

// The id of one more row, 0 when it is refused.
inline std::uint64_t next_id(id_book& book) {
  return ask(book, "INSERT INTO orders (note) VALUES ('x')").first;
}

inline bool give_block(id_book& book, std::uint64_t first, std::uint64_t count, std::uint64_t step = 1) {
  return book.reserved({"shop", "orders"}, id_range::of(first, count, step), false);
}

} // namespace holdwater::proxy::test
