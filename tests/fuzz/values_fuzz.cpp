// The values of COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE: each lies within the packet, and each row has one
// for each parameter.
#include "protocol/statement_values.hpp"
#include "tests/fuzz/check.hpp"

using namespace holdwater;
using fuzz::input;
using fuzz::must;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto parameters = static_cast<std::uint16_t>(in.number(1));
  const auto choices = in.number(1);
  const std::vector<bool> sent_before((choices >> 1) & 3, (choices & 8) != 0);
  const auto types = in.text((choices >> 4) & 15);
  const auto payload = in.rest();
  const auto negotiated = (choices & 1) != 0 ? protocol::cap::query_attributes : protocol::capabilities{0};
  const auto packet = protocol::as_bytes(payload);
  const auto rows =
      protocol::read_values(packet, parameters, protocol::as_bytes(types), negotiated, sent_before);
  if (!rows) return 0;
  must(!rows->empty(), "there is a row");
  for (const auto& row : *rows) {
    must(row.size() == parameters, "a row has a value for each parameter");
    for (const auto& one : row)
      must(one.bytes.empty() || (one.bytes.data() >= payload.data() &&
                                 one.bytes.data() + one.bytes.size() <= payload.data() + payload.size()),
           "a value lies within the packet");
  }
  return 0;
}
