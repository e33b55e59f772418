// A unit as the spool's file keeps it, and its list of tables: what was read is written, and reads the same
// again. Bytes without their checksum never come far, so they are tried with a right one too.
#include "spool/byte_codec.hpp"
#include "spool/unit_codec.hpp"
#include "tests/fuzz/check.hpp"

#include <boost/crc.hpp>

using namespace holdwater;
using fuzz::input;
using fuzz::must;

namespace {

std::string with_checksum(std::string_view body) {
  boost::crc_32_type crc;
  crc.process_bytes(body.data(), body.size());
  spool::byte_writer out;
  out.put_fixed32(crc.checksum());
  return std::string(body) + out.take();
}

void look_at_unit(std::string_view bytes) {
  const auto read = spool::decode_unit(bytes);
  if (!read) return;
  must(!read->statements.empty(), "a unit has a statement");
  const auto written = spool::encode_unit(*read);
  const auto again = spool::decode_unit(written);
  must(again.has_value() && *again == *read, "a unit stays");
  must(!spool::decode_unit(std::string_view(written).substr(0, written.size() - 1)),
       "a unit that is cut is refused");
  const auto tables = spool::tables_of(*read);
  const auto listed = spool::decode_tables(spool::encode_tables(tables));
  must(listed.has_value() && *listed == tables, "the tables of a unit stay");
}

void look_at_tables(std::string_view bytes) {
  const auto read = spool::decode_tables(bytes);
  if (!read) return;
  const auto again = spool::decode_tables(spool::encode_tables(*read));
  must(again.has_value() && *again == *read, "a list of tables stays");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto bytes = in.rest();
  look_at_unit(bytes);
  look_at_unit(with_checksum(bytes));
  look_at_tables(bytes);
  return 0;
}
