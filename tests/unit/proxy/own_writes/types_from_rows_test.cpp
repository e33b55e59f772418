#include "proxy/own_writes/read_types.hpp"

#include "tests/unit/proxy/own_writes/some_table.hpp"

#include <doctest/doctest.h>

#include <functional>

using namespace holdwater;
using namespace holdwater::proxy;

namespace {

using cells = std::vector<std::optional<std::string>>;

// A column as information_schema has it.
cells column(const std::string& table, const std::string& ordinal, const std::string& name,
             const std::string& data_type, const std::string& type) {
  cells row(16);
  row[0] = table;
  row[1] = ordinal;
  row[2] = name;
  row[3] = data_type;
  row[4] = type;
  row[5] = "YES";
  row[7] = "";
  return row;
}

schema_rows plain_rows() {
  schema_rows rows;
  rows.mariadb = true;
  rows.tables = {{"t", "BASE TABLE", "InnoDB", ""}};
  rows.columns = {column("t", "1", "Id", "int", "int(11)"), column("t", "2", "s", "varchar", "varchar(10)")};
  rows.columns[0][5] = "NO";
  rows.columns[1][8] = "utf8mb4";
  rows.columns[1][10] = "10";
  rows.columns[1][11] = "40";
  rows.indexes = {{"t", "PRIMARY", "1", "Id", "0", std::nullopt}};
  return rows;
}

// "followed", "known" or "-".
std::string outcome(const std::function<void(schema_rows&)>& change) {
  auto rows = plain_rows();
  change(rows);
  const auto types = types_from("app", rows);
  return types.empty() ? "-" : types.front().followed() ? "followed" : "known";
}

std::string default_of(bool mariadb, const std::string& type, std::optional<std::string> value,
                       const std::string& extra = "") {
  auto rows = plain_rows();
  rows.mariadb = mariadb;
  rows.columns[1] = column("t", "2", "c", type.substr(0, type.find('(')), type);
  rows.columns[1][6] = std::move(value);
  rows.columns[1][7] = extra;
  rows.columns[1][8] = "utf8mb4";
  rows.columns[1][10] = "10";
  rows.columns[1][11] = "40";
  const auto types = types_from("app", rows);
  REQUIRE(types.size() == 1);
  REQUIRE(types.front().columns.size() == 2);
  return shown(default_value(types.front().columns[1]));
}

} // namespace

TEST_CASE("a plain table is followed, by its key of integers") {
  const auto types = types_from("app", plain_rows());
  REQUIRE(types.size() == 1);
  const auto& t = types.front();
  CHECK(t.name == spool::table_name{"app", "t"});
  CHECK(t.key == std::vector<std::size_t>{0});
  CHECK(t.find("ID") == 0);
  CHECK(t.columns[0].what == column_type::family::integer);
  CHECK(!t.columns[0].nullable);
  CHECK(t.columns[1].longest == 10);
  CHECK(t.version != 0);
}

TEST_CASE("what makes a table's rows uncertain") {
  const std::pair<const char*, std::function<void(schema_rows&)>> known[] = {
      {"engine", [](auto& rows) { rows.tables[0][2] = "MyISAM"; }},
      {"partitions", [](auto& rows) { rows.tables[0][3] = "row_format=DYNAMIC partitioned"; }},
      {"CHECK", [](auto& rows) { rows.checks = {{"t"}}; }},
      {"no key", [](auto& rows) { rows.indexes.clear(); }},
      {"a key of text", [](auto& rows) { rows.indexes[0][3] = "s"; }},
      {"a prefix as key", [](auto& rows) { rows.indexes[0][5] = "3"; }},
      {"zeros", [](auto& rows) { rows.columns[0][4] = "int(10) unsigned zerofill"; }},
      {"generated", [](auto& rows) { rows.columns[1][15] = "`Id` + 1"; }},
      {"generated", [](auto& rows) { rows.columns[1][7] = "STORED GENERATED"; }},
      {"invisible", [](auto& rows) { rows.columns[1][7] = "INVISIBLE"; }},
      {"what is not known", [](auto& rows) { rows.columns[1][7] = "SOMETHING NEW"; }},
      {"a column that is not shown", [](auto& rows) { rows.columns[1][1] = "3"; }},
      {"a name of other letters", [](auto& rows) { rows.columns[1][2] = "\xc3\xa4"; }},
      {"a foreign key that changes it",
       [](auto& rows) {
         rows.references = {{"app", "t", "RESTRICT", "CASCADE"}};
       }},
      {"a foreign key that changes it",
       [](auto& rows) {
         rows.references = {{"app", "t", "SET NULL", "NO ACTION"}};
       }},
  };
  for (const auto& [what, change] : known) CHECK_MESSAGE(outcome(change) == "known", what);
  const std::pair<const char*, std::function<void(schema_rows&)>> unknown[] = {
      {"a view", [](auto& rows) { rows.tables[0][1] = "VIEW"; }},
      {"versioned", [](auto& rows) { rows.tables[0][1] = "SYSTEM VERSIONED"; }},
      {"a trigger",
       [](auto& rows) {
         rows.triggers = {{"app", "t"}};
       }},
      {"a cascade into another schema",
       [](auto& rows) {
         rows.references = {{"other", "x", "RESTRICT", "CASCADE"}};
       }},
      {"a cascade into triggers",
       [](auto& rows) {
         rows.references = {{"app", "child", "RESTRICT", "CASCADE"}};
         rows.triggers = {{"app", "child"}};
       }},
  };
  for (const auto& [what, change] : unknown) CHECK_MESSAGE(outcome(change) == "-", what);
  CHECK(outcome([](auto& rows) { rows.references = {{"app", "t", "RESTRICT", "NO ACTION"}}; }) == "followed");
  CHECK(outcome([](auto& rows) {
          rows.references = {{"app", "child", "RESTRICT", "CASCADE"}};
        }) == "followed");
}

TEST_CASE("defaults are constants as either server says them, or not told, or not certain") {
  CHECK(default_of(true, "varchar(10)", "NULL") == "NULL");
  CHECK(default_of(true, "varchar(10)", "'abc'") == "abc");
  CHECK(default_of(true, "varchar(10)", "'it''s'") == "doubtful");
  CHECK(default_of(true, "varchar(10)", "concat('a','b')") == "doubtful");
  CHECK(default_of(true, "int(11)", "5") == "5");
  CHECK(default_of(true, "datetime", "current_timestamp()") == "untold");
  CHECK(default_of(true, "datetime", "'2024-01-01 00:00:00'") == "2024-01-01 00:00:00");
  CHECK(default_of(true, "enum('a')", "'a'") == "untold");
  CHECK(default_of(true, "float", "0") == "untold");
  CHECK(default_of(false, "varchar(10)", std::nullopt) == "NULL");
  CHECK(default_of(false, "varchar(10)", "NULL") == "NULL"); // the word
  CHECK(default_of(false, "varchar(10)", "it's") == "it's");
  CHECK(default_of(false, "varchar(10)", "concat('a','b')", "DEFAULT_GENERATED") == "doubtful");
  CHECK(default_of(false, "int", "5") == "5");
  CHECK(default_of(false, "datetime", "CURRENT_TIMESTAMP", "DEFAULT_GENERATED") == "untold");
  CHECK(default_of(false, "datetime", "CURRENT_TIMESTAMP", "DEFAULT_GENERATED on update CURRENT_TIMESTAMP") ==
        "untold");
}

TEST_CASE("another version whenever the server says something else of columns or indexes") {
  const auto version = [](const std::function<void(schema_rows&)>& change) {
    auto rows = plain_rows();
    change(rows);
    return types_from("app", rows).front().version;
  };
  const auto plain = version([](auto&) {});
  CHECK(plain == version([](auto&) {}));
  CHECK(plain != version([](auto& rows) { rows.columns[1][6] = "'x'"; }));
  CHECK(plain != version([](auto& rows) { rows.columns[1][9] = "utf8mb4_bin"; }));
  CHECK(plain != version([](auto& rows) {
          rows.indexes.push_back({"t", "s", "1", "s", "1", std::nullopt});
        }));
  CHECK(plain != version([](auto& rows) { rows.columns[1][2] = "S"; }));
}
