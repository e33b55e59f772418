// A file of spool export, and a part of an import: what is read has an account and statements, goes over the
// port as it is, and no part is read that would be written otherwise.
#include "proxy/sql_files/import_part.hpp"
#include "proxy/sql_files/unit_reader.hpp"
#include "tests/fuzz/check.hpp"

#include <sstream>

using namespace holdwater;
using fuzz::input;
using fuzz::must;

namespace {

void look_at_part(std::string_view bytes) {
  const auto part = proxy::decode_part(bytes);
  if (!part) return;
  const auto again = proxy::decode_part(proxy::encode_part(*part));
  must(again.has_value() && again->source == part->source && again->units.size() == part->units.size(),
       "a part stays");
}

void look_at_file(std::string_view bytes) {
  std::istringstream file{std::string(bytes)};
  proxy::unit_reader reader(file, "app");
  proxy::import_part part{"file.x", {}};
  proxy::read_unit one;
  auto got = reader.next(one);
  for (; got == proxy::unit_reader::outcome::unit; got = reader.next(one)) {
    must(!one.what.account.empty() || one.head.number != 0, "somebody has written it");
    must(!one.what.statements.empty() && one.lines.size() == one.what.statements.size(),
         "each statement has its line");
    must(one.lines.back() <= one.last_line, "lines rise");
    for (const auto& each : one.what.statements)
      for (const auto& variable : each.user_variables)
        must(proxy::is_kept_literal(variable.literal), "a variable is a literal");
    part.units.push_back({part.units.size() + 1, one.what});
  }
  must((got == proxy::unit_reader::outcome::wrong) == !reader.error().empty(), "what is wrong is said");
  must(reader.bytes() <= bytes.size(), "no more is read than is there");
  const auto again = proxy::decode_part(proxy::encode_part(part));
  must(again.has_value() && again->units.size() == part.units.size(), "what was read goes over the port");
  for (std::size_t i = 0; i < part.units.size(); ++i)
    must(again->units[i].what == part.units[i].what, "a unit stays");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto bytes = in.rest();
  look_at_part(bytes);
  look_at_file(bytes);
  return 0;
}
