#include "proxy/own_writes/pending_rows.hpp"

#include "tests/unit/proxy/own_writes/some_table.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;

namespace {

using kind = row_effect::kind;

const auto known_table = std::make_shared<const table_type>(some_table());

// Statements about t, each unit's one behind the other.
class queue {
 public:
  explicit queue(std::uint64_t most_bytes = 1 << 20) : rows_(most_bytes) {}

  queue& unit(const std::vector<std::string>& statements) {
    write_effects all;
    for (const auto& text : statements) {
      spool::statement one;
      one.text = text;
      one.context = plain_context();
      one.tables = {{"app", text.find(" v ") == text.npos ? "t" : "v"}};
      add_effects(
          one, {}, [](const auto& name) { return name.table == "t" ? known_table : nullptr; }, all);
    }
    rows_.add(++number_, all);
    return *this;
  }
  queue& add(const std::string& text) { return unit({text}); }

  // "whole 2 id=5 ...": state, last unit, cells.
  [[nodiscard]] std::string row(const std::string& key, std::uint64_t version = 7) const {
    constexpr const char* words[] = {"untouched", "changed", "whole", "erased", "unclear"};
    const auto found = rows_.find({"app", "t"}, version, key + ",");
    std::string out = words[static_cast<int>(found.what)];
    if (found.what == pending_row::state::whole && found.first) out += " first";
    if (found.last > 0) out += " " + std::to_string(found.last);
    for (const auto& [column, value] : found.cells)
      if (shown(value) != "NULL") out += " " + some_table().columns[column].name + "=" + shown(value);
    return out;
  }
  [[nodiscard]] const pending_rows& rows() const { return rows_; }

 private:
  pending_rows rows_;
  spool::seq number_ = 0;
};

} // namespace

TEST_CASE("a row is what all writes to it make of it, in their order") {
  queue q;
  CHECK(q.row("5") == "untouched");
  q.add("INSERT INTO t (id, s) VALUES (5, 'a')");
  CHECK(q.row("5") == "whole first 1 id=5 n=3 s=a at=untold");
  q.add("UPDATE t SET s = 'b', n = 4 WHERE id = 5");
  CHECK(q.row("5") == "whole first 2 id=5 n=4 s=b at=untold");
  q.add("DELETE FROM t WHERE id = 5");
  CHECK(q.row("5") == "erased 3");
  q.add("UPDATE t SET s = 'c' WHERE id = 5");
  CHECK(q.row("5") == "erased 4");
  q.add("INSERT INTO t (id, s) VALUES (5, 'd')");
  CHECK(q.row("5") == "whole 5 id=5 n=3 s=d at=untold");
  q.add("UPDATE t SET s = 'x' WHERE id = 6")
      .add("UPDATE t SET n = 1 WHERE id = 6")
      .add("UPDATE t SET s = 'y' WHERE id = 6");
  CHECK(q.row("6") == "changed 8 s=y at=untold n=1");
  CHECK(q.row("7") == "untouched");
}

TEST_CASE("what is uncertain stays so, until the row is deleted") {
  queue q;
  q.add("UPDATE t SET n = n + 1 WHERE id = 5").add("UPDATE t SET n = 1 WHERE id = 5");
  CHECK(q.row("5") == "unclear 2");
  q.add("INSERT INTO t (id) VALUES (5)");
  CHECK(q.row("5") == "unclear 3");
  q.add("DELETE FROM t WHERE id = 5").add("INSERT INTO t (id) VALUES (5)");
  CHECK(q.row("5") == "whole 5 id=5 n=3 at=untold");
}

TEST_CASE("a row that is inserted twice is uncertain, and so is all of the unit that will be refused") {
  queue q;
  q.add("INSERT INTO t (id) VALUES (5)");
  q.unit({"INSERT INTO t (id) VALUES (6)", "INSERT INTO t (id) VALUES (5)", "DELETE FROM t WHERE id = 7"});
  CHECK(q.row("5") == "unclear 2");
  CHECK(q.row("6") == "unclear 2");
  CHECK(q.row("7") == "unclear 2");
  CHECK(q.row("8") == "untouched");
  q.add("UPDATE t SET n = 1 WHERE id = 9").add("INSERT INTO t (id) VALUES (9)");
  CHECK(q.row("9") == "unclear 4"); // whether there was one is not known
}

TEST_CASE("with a statement that may be refused all of its unit is uncertain") {
  queue q;
  q.unit({"INSERT INTO t (id) VALUES (5)", "UPDATE t SET n = n - 1 WHERE id = 6"});
  CHECK(q.row("5") == "unclear 1");
  q.unit({"INSERT INTO t (id) VALUES (7)", "UPDATE t SET n = 1 WHERE id = 8"});
  CHECK(q.row("7") == "whole first 2 id=7 n=3 at=untold");
  q.add("INSERT INTO t (id, n) VALUES (9, 1), (10, -1)");
  CHECK(q.row("9") == "unclear 3");
  q.unit({"INSERT INTO t (id) VALUES (10)", "DELETE FROM t WHERE id = 11"}); // it may be there
  CHECK(q.row("11") == "unclear 4");
}

TEST_CASE("a write of another form makes the table uncertain, one of unknown reach everything") {
  queue q;
  q.add("INSERT INTO t (id) VALUES (5)").add("UPDATE t SET n = 1");
  CHECK(q.row("5") == "unclear");
  CHECK(q.row("6") == "unclear");
  q.add("DELETE FROM t WHERE id = 6");
  CHECK(q.row("6") == "unclear");
  CHECK(q.rows().bytes() == 0);
  queue other;
  other.add("INSERT INTO t (id) VALUES (5)");
  other.add("DELETE FROM v WHERE id = 1");
  CHECK(other.row("5") == "unclear");
  CHECK(!other.rows().empty());
}

TEST_CASE("a table of another version than the writes were understood by is uncertain") {
  queue q;
  q.add("INSERT INTO t (id) VALUES (5)");
  CHECK(q.row("5", 8) == "unclear");
  CHECK(q.row("6", 8) == "unclear");
}

TEST_CASE("past its bound a table is uncertain, and its memory is free") {
  queue q(4000);
  for (int id = 0; id < 100; ++id) q.add("INSERT INTO t (id) VALUES (" + std::to_string(id) + ")");
  CHECK(q.row("1") == "unclear");
  CHECK(q.row("1000") == "unclear");
  CHECK(q.rows().bytes() == 0);
}
