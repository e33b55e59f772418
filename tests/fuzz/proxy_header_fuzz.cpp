// A PROXY header: it never reaches outside of its bytes, more bytes never take a header back, and what was
// read is written and reads the same again.
#include "protocol/proxy_header.hpp"
#include "tests/fuzz/check.hpp"

using namespace holdwater::protocol;
using holdwater::fuzz::input;
using holdwater::fuzz::must;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto bytes = as_bytes(in.rest());
  const auto read = read_proxy_header(bytes);
  if (read.has_error()) return 0;
  if (read->state != proxy_header_state::complete) {
    must(read->state == proxy_header_state::absent || bytes.size() < longest_proxy_header,
         "waiting has an end");
    return 0;
  }
  const auto& header = read->header;
  must(header.size > 0 && header.size <= bytes.size(), "a header is a part of the bytes");
  const auto cut = read_proxy_header(bytes.first(header.size - 1));
  must(cut.has_value() && cut->state == proxy_header_state::incomplete, "a byte less is too little");
  must(header.source.has_value() == header.destination.has_value(), "both ends are known, or none");
  if (!header.source || header.source->address.v6 != header.destination->address.v6) return 0;
  for (const auto version : {proxy_version::v1, proxy_version::v2}) {
    byte_buffer out;
    append_proxy_header(out, version, header.source, header.destination);
    const auto again = read_proxy_header(out);
    must(again.has_value() && again->state == proxy_header_state::complete, "what is written can be read");
    must(again->header.source == header.source && again->header.destination == header.destination,
         "the addresses stay");
  }
  return 0;
}
