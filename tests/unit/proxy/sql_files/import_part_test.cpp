// A part of an import, both ways, and what is none.
#include "proxy/sql_files/import_part.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using proxy::decode_part;
using proxy::encode_part;

namespace {

proxy::import_part some() {
  spool::unit one;
  one.account = "app";
  one.statements.push_back({.text = "DELETE FROM t", .context = {.database = "shop"}});
  return {"0123456789abcdef0123456789abcdef", {{3, one}, {7, one}}};
}

} // namespace

TEST_CASE("a part stays what it was") {
  const auto part = some();
  const auto again = decode_part(encode_part(part));
  REQUIRE(again);
  CHECK(again->source == part.source);
  REQUIRE(again->units.size() == 2);
  CHECK(again->units[1].position == 7);
  CHECK(again->units[1].what == part.units[1].what);
  CHECK(decode_part(encode_part({}))->units.empty());
}

TEST_CASE("what is cut, changed, out of order or from a source with odd letters is no part") {
  const auto bytes = encode_part(some());
  for (std::size_t i = 0; i < bytes.size(); ++i) CHECK_FALSE(decode_part(bytes.substr(0, i)));
  CHECK_FALSE(decode_part(bytes + "x"));
  auto changed = bytes;
  changed[changed.size() - 10] ^= 1;
  CHECK_FALSE(decode_part(changed));
  auto part = some();
  part.units[1].position = 3;
  CHECK_FALSE(decode_part(encode_part(part)));
  part = some();
  part.source = "as.a b";
  CHECK_FALSE(decode_part(encode_part(part)));
}
