// A row of a server's text result set: it has as many values as were announced, or is refused, and its values
// are those of its bytes.
#include "protocol/messages.hpp"
#include "tests/fuzz/check.hpp"

using namespace holdwater::protocol;
using holdwater::fuzz::input;
using holdwater::fuzz::must;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto columns = in.number(1) == 0xff ? in.number(8) : in.number(1);
  const auto bytes = in.rest();
  const auto row = parse_text_row(as_bytes(bytes), columns);
  if (row.has_error()) return 0;
  must(row->size() == columns, "a row has as many values as were announced");
  byte_buffer written;
  payload_writer out(written);
  for (const auto& value : *row) {
    if (value)
      out.lenenc_string(*value);
    else
      out.integer(0xfb, 1);
  }
  const auto again = parse_text_row(written, columns);
  must(again.has_value() && *again == *row, "a row is written as it was read");
  return 0;
}
