// Framing: a message that is cut into packets is found again, and the way in which bytes arrive does not
// matter.
#include "protocol/message_walker.hpp"
#include "protocol/packet.hpp"
#include "tests/fuzz/check.hpp"

using namespace holdwater::protocol;
using holdwater::fuzz::input;
using holdwater::fuzz::must;

namespace {

void written_is_read_again(std::string_view bytes, std::uint8_t sequence) {
  byte_buffer framed;
  const auto next = append_message(framed, sequence, as_bytes(bytes));
  must(framed.size() == bytes.size() + packet_header_size, "a short message is one packet");
  must(next == static_cast<std::uint8_t>(sequence + 1), "the next sequence id follows");
  framed.push_back(0);
  message_walker walker;
  must(walker.feed(framed) == framed.size() - 1 && walker.complete(), "a walker ends where the message ends");
  must(walker.payload_size() == bytes.size() && walker.sequence() == sequence, "a walker knows the message");
}

void cuts_do_not_matter(std::string_view text, std::size_t step) {
  const byte_span bytes = as_bytes(text);
  message_walker whole;
  const auto taken = whole.feed(bytes);
  must(taken <= bytes.size() && (whole.complete() || taken == bytes.size()),
       "a walker takes what it is given");
  message_walker cut;
  std::size_t at = 0;
  while (at < bytes.size() && !cut.complete())
    at += cut.feed(bytes.subspan(at, std::min(step, bytes.size() - at)));
  must(at == taken && cut.complete() == whole.complete(), "cuts do not move a message's end");
  must(cut.payload_size() == whole.payload_size(), "cuts do not change a message's size");
}

// Reads the bytes by a list of readings, writes what was read, and reads that.
void values_are_written_as_read(input& in, std::string_view bytes) {
  payload_reader from(as_bytes(bytes));
  byte_buffer out;
  payload_writer to(out);
  for (int i = 0; i < 8 && !from.failed(); ++i) {
    const auto how = in.number(1);
    const auto width = 1 + how / 4 % 8;
    payload_reader before = from;
    out.clear();
    switch (how % 4) {
    case 0: to.integer(from.integer(width), width); break;
    case 1: to.lenenc_integer(from.lenenc_integer()); break;
    case 2: to.lenenc_string(from.lenenc_string()); break;
    default: to.null_terminated_string(from.null_terminated_string());
    }
    if (from.failed()) break;
    payload_reader again(out);
    switch (how % 4) {
    case 0: must(again.integer(width) == before.integer(width), "an integer is written as read"); break;
    case 1: must(again.lenenc_integer() == before.lenenc_integer(), "a length is written as read"); break;
    case 2: must(again.lenenc_string() == before.lenenc_string(), "a string is written as read"); break;
    default:
      must(again.null_terminated_string() == before.null_terminated_string(), "a string is written as read");
    }
    must(!again.failed() && again.remaining() == 0, "nothing is left behind what was written");
  }
  must(from.remaining() <= bytes.size(), "a reader stays inside");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto sequence = static_cast<std::uint8_t>(in.number(1));
  const auto step = 1 + in.number(1);
  const auto readings = in.text(8);
  const auto bytes = in.rest();
  written_is_read_again(bytes, sequence);
  cuts_do_not_matter(bytes, step);
  input how(reinterpret_cast<const std::uint8_t*>(readings.data()), readings.size());
  values_are_written_as_read(how, bytes);
  return 0;
}
