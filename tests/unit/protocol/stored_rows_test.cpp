// Rows of stored answers, taken apart and put together: of real servers' answers, and replaced.
#include "protocol/stored_rows.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

using namespace holdwater::protocol;

namespace {

// Every recorded answer that is kept and has its definitions.
template <class Use>
void with_each(Use use) {
  for (const char* flavour : {"mariadb", "mysql"})
    for (const auto& one : test::load_answers(flavour)) {
      byte_buffer stored;
      const bool executed = one.to == command::stmt_execute;
      if ((!executed && one.to != command::query) || !store_result(one.bytes, one.negotiated, 7, stored))
        continue;
      const auto read = read_stored_result(stored);
      REQUIRE(read.has_value());
      if (!read->defined) continue;
      CAPTURE(one.name);
      use(one, stored, *read, executed ? row_shape::binary : row_shape::text,
          (one.negotiated & cap::mariadb_extended_metadata) != 0);
    }
}

} // namespace

TEST_CASE("what was taken apart is put together as it was") {
  std::size_t seen = 0, binary = 0;
  with_each(
      [&](const auto&, const byte_buffer& stored, const stored_result& read, row_shape shape, bool extended) {
        const auto rows = stored_rows::read(read, shape, extended);
        REQUIRE(rows.has_value());
        CHECK(rows->columns().size() == read.columns);
        CHECK(rows->write() == stored);
        ++seen;
        binary += shape == row_shape::binary ? 1 : 0;
      });
  CHECK(seen > 30);
  CHECK(binary > 5);
}

TEST_CASE("rows that were replaced are read again") {
  with_each([&](const auto&, const byte_buffer&, const stored_result& read, row_shape shape, bool extended) {
    auto rows = stored_rows::read(read, shape, extended);
    REQUIRE(rows.has_value());
    const sent_row nulls(rows->columns().size());
    rows->rows.insert(rows->rows.begin(), nulls);
    const auto changed = rows->write();
    const auto again = read_stored_result(changed);
    REQUIRE(again.has_value());
    const auto found = stored_rows::read(*again, shape, extended);
    REQUIRE(found.has_value());
    CHECK(found->rows == rows->rows);
    rows->rows.clear();
    const auto none = rows->write();
    const auto empty = read_stored_result(none);
    REQUIRE(empty.has_value());
    CHECK(stored_rows::read(*empty, shape, extended)->rows.empty());
  });
}

TEST_CASE("rows of the other shape are refused, or read as other rows, but never past their end") {
  with_each([&](const auto&, const byte_buffer&, const stored_result& read, row_shape shape, bool extended) {
    const auto other = shape == row_shape::text ? row_shape::binary : row_shape::text;
    const auto wrong = stored_rows::read(read, other, extended);
    if (wrong)
      for (const auto& row : wrong->rows) CHECK(row.size() == wrong->columns().size());
    static_cast<void>(stored_rows::read(read, shape, !extended));
  });
}
