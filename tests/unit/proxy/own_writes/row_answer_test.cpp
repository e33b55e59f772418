#include "proxy/own_writes/row_answer.hpp"

#include "protocol/column_types.hpp"
#include "protocol/messages.hpp"
#include "protocol/stored_answer.hpp"
#include "protocol/stored_rows.hpp"
#include "tests/unit/proxy/own_writes/some_table.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
namespace wire = protocol::wire;
using protocol::byte_buffer;
using state = pending_row::state;

namespace {

constexpr protocol::capabilities negotiated = protocol::cap::protocol_41;

// What a server says to a read of id, n and s.
protocol::text_result_set server_says(std::vector<protocol::text_row> rows) {
  protocol::text_result_set set;
  const auto add = [&](std::string name, std::uint8_t type, std::uint16_t flags) {
    auto& one = set.columns.emplace_back(std::move(name));
    one.described.type = type;
    one.described.flags = flags;
    one.described.schema = "app";
    one.described.table = "t";
  };
  add("id", wire::type_long, wire::flag_not_null);
  add("n", wire::type_short, wire::flag_unsigned);
  add("s", wire::type_var_string, 0);
  set.columns[0].described.original_name = "id";
  set.columns[1].described.original_name = "n";
  set.columns[2].described.original_name = "s";
  set.rows = std::move(rows);
  return set;
}

byte_buffer stored(const protocol::text_result_set& set, bool binary = false) {
  byte_buffer answer, out;
  append_text_result_set(answer, 1, set, 2, 0, negotiated,
                         binary ? protocol::row_form::binary : protocol::row_form::text);
  REQUIRE(protocol::store_result(answer, negotiated, 0, out));
  return out;
}

struct question {
  table_type type = some_table();
  std::vector<std::size_t> columns{0, 1, 2};
  byte_buffer shape = stored(server_says({}));
  byte_buffer base{};
  std::string results = "utf8mb4";
  bool binary = false;

  [[nodiscard]] std::optional<byte_buffer> ask(const pending_row& row) const {
    return answer_row({type, columns, shape, base, negotiated, results, binary}, row);
  }
};

pending_row row(state what, std::vector<std::pair<std::size_t, cell>> cells = {}) {
  pending_row out;
  out.what = what;
  out.last = 1;
  out.cells = std::move(cells);
  return out;
}
cell known(std::optional<std::string> value) {
  return {cell::state::known, std::move(value)};
}
pending_row whole() {
  return row(state::whole, {{0, known("5")},
                            {1, known(std::nullopt)},
                            {2, known("abc")},
                            {3, known("1.50")},
                            {4, {cell::state::untold}},
                            {5, known(std::nullopt)}});
}

} // namespace

TEST_CASE("a whole row is answered as the server would") {
  for (const bool binary : {false, true}) {
    question q;
    q.binary = binary;
    CHECK(q.ask(whole()) == stored(server_says({{"5", std::nullopt, "abc"}}), binary));
    CHECK(q.ask(row(state::erased)) == stored(server_says({}), binary));
  }
}

TEST_CASE("a changed row is answered over the one that was answered before") {
  for (const bool binary : {false, true}) {
    question q;
    q.binary = binary;
    const auto changed = row(state::changed, {{2, known("new")}, {1, known("7")}});
    CHECK(!q.ask(changed)); // it was not asked before
    q.base = stored(server_says({{"5", std::nullopt, "old"}}), binary);
    CHECK(q.ask(changed) == stored(server_says({{"5", "7", "new"}}), binary));
    CHECK(q.ask(row(state::changed, {{2, known(std::nullopt)}})) ==
          stored(server_says({{"5", std::nullopt, std::nullopt}}), binary));
    CHECK(q.ask(row(state::changed, {{3, known("1.00")}})) == q.base);
    q.base = stored(server_says({}), binary);
    CHECK(q.ask(changed) == q.base); // it meets no row
  }
}

TEST_CASE("what is not known of a row is not answered") {
  question q;
  CHECK(!q.ask(row(state::untouched)));
  CHECK(!q.ask(row(state::unclear)));
  q.columns = {0, 1, 4};
  CHECK(!q.ask(whole()));
  q = {};
  q.results = "latin1";
  CHECK(q.ask(whole()));
  auto foreign = whole();
  foreign.cells[2].second = known("\xc3\xa4");
  CHECK(!q.ask(foreign));
  q.results = "";
  CHECK(!q.ask(whole()));
}

TEST_CASE("an inserted row that is cached already is not answered") {
  question q;
  q.base = stored(server_says({{"5", "1", "old"}}));
  auto made = whole();
  CHECK(q.ask(made)); // behind a DELETE
  made.first = true;
  CHECK(!q.ask(made));
  q.base = stored(server_says({}));
  CHECK(q.ask(made));
}

TEST_CASE("definitions that do not agree with what is known of the table are not used") {
  const auto with = [](const std::function<void(protocol::text_result_set&)>& change) {
    auto set = server_says({});
    change(set);
    question q;
    q.shape = stored(set);
    return q.ask(whole()).has_value();
  };
  CHECK(with([](auto&) {}));
  CHECK(!with([](auto& set) { set.columns[0].described.schema = "other"; }));
  CHECK(!with([](auto& set) { set.columns[0].described.table = "v"; }));
  CHECK(!with([](auto& set) { set.columns[0].described.original_name = "n"; }));
  CHECK(!with([](auto& set) { set.columns[0].described.type = wire::type_longlong; }));
  CHECK(!with([](auto& set) { set.columns[0].described.flags = 0; }));
  CHECK(!with([](auto& set) { set.columns[1].described.flags = 0; }));
  CHECK(!with([](auto& set) { set.columns.pop_back(); }));
  question q;
  q.base = stored(server_says({{"5", "1", "old"}}));
  auto other = server_says({});
  other.columns[2].name = "another";
  q.shape = stored(other);
  CHECK(!q.ask(row(state::changed, {{2, known("new")}})));
}

TEST_CASE("a cut stored result is not answered from") {
  question q;
  const auto whole_base = stored(server_says({{"5", "1", "old"}}));
  for (std::size_t size = 1; size < whole_base.size(); ++size) {
    q.base.assign(whole_base.begin(), whole_base.begin() + static_cast<std::ptrdiff_t>(size));
    if (const auto answer = q.ask(row(state::changed, {{2, known("new")}})))
      CHECK(protocol::read_stored_parts(*answer, 1)->rows.empty()); // cut between definitions and row
  }
  const auto shape = q.shape;
  for (std::size_t size = 0; size < shape.size(); ++size) {
    q.shape.assign(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(!q.ask(whole()));
  }
}
