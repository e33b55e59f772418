// The compressed protocol's packets. Whatever the bytes are, no more comes out than was announced, cuts do
// not matter, and what was packed comes out again.
#include "protocol/compression.hpp"
#include "protocol/frame_follower.hpp"
#include "tests/fuzz/check.hpp"

#include <string>
#include <vector>

using namespace holdwater::protocol;
using holdwater::fuzz::input;
using holdwater::fuzz::must;

namespace {

// A packet of some bytes may announce 16 MiB, and many may follow each other.
constexpr std::size_t longest_output = 1 << 22;

struct expanded {
  byte_buffer plain;
  std::vector<std::uint8_t> numbers;
  bool broken = false;
};

expanded expand(compression how, byte_span bytes, std::size_t piece, std::size_t room_size) {
  packet_expander expander(how);
  byte_buffer room(room_size);
  expanded out;
  std::size_t given = 0; // of `bytes`
  byte_span in;
  while (out.plain.size() < longest_output) {
    if (in.empty() && !expander.has_pending()) {
      if (given == bytes.size()) break;
      in = bytes.subspan(given, std::min(piece, bytes.size() - given));
      given += in.size();
    }
    const bool pending = expander.has_pending();
    const auto done = expander.feed(in, room);
    if (done.has_error()) {
      must(expander.feed(in, room).has_error(), "what is broken stays so");
      out.broken = true;
      break;
    }
    must(done->consumed <= in.size() && done->produced <= room.size(), "no more than there is");
    must(done->consumed + done->produced > 0 || pending, "it goes on while there is something to go on with");
    if (done->began) {
      must(done->produced == 0, "nothing comes out with a header");
      out.numbers.push_back(expander.sequence());
    }
    in = in.subspan(done->consumed);
    out.plain.insert(out.plain.end(), room.begin(),
                     room.begin() + static_cast<std::ptrdiff_t>(done->produced));
  }
  return out;
}

bool begins_alike(const byte_buffer& one, const byte_buffer& other) {
  const auto count = std::min(one.size(), other.size());
  return std::equal(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(count), other.begin());
}

std::string headers_of(byte_span bytes, std::size_t piece) {
  frame_follower follower;
  std::string seen;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(piece, bytes.size())))
    follower.follow(bytes.first(std::min(piece, bytes.size())),
                    [&](const std::uint8_t& sequence, bool begins) {
                      seen += static_cast<char>(sequence);
                      seen += begins ? '1' : '0';
                    });
  return seen + (follower.at_message_start() ? 's' : 'm');
}

void unpack_anything(compression how, input& in) {
  const std::size_t piece = in.number(1) + 1, room = in.number(2) + 1;
  const auto text = in.rest();
  const auto bytes = as_bytes(text);
  const auto whole = expand(how, bytes, bytes.size(), longest_output);
  const auto cut = expand(how, bytes, piece, room);
  must(begins_alike(whole.plain, cut.plain), "cuts do not change what comes out");
  if (whole.plain.size() >= longest_output || cut.plain.size() >= longest_output) return;
  must(whole.broken == cut.broken, "cuts do not change what is broken");
  must(whole.broken || (whole.plain == cut.plain && whole.numbers == cut.numbers), "cuts change nothing");
  must(headers_of(whole.plain, whole.plain.size() + 1) == headers_of(whole.plain, piece),
       "packets are seen however cut");
}

void pack_and_unpack(compression how, input& in) {
  const int level = static_cast<int>(in.number(1) % largest_zstd_level) + 1;
  const std::size_t piece = in.number(1) + 1, room = in.number(2) + 1;
  packet_compressor compressor;
  byte_buffer packets, plain;
  std::uint8_t number = 0;
  while (!in.empty()) {
    const auto part = as_bytes(in.text(in.number(2) + 1));
    if (part.empty()) break;
    const auto before = packets.size();
    compressor.append(packets, number++, part, how, level);
    must(packets.size() - before <= compressed_header_size + part.size(), "nothing grows but by its header");
    plain.insert(plain.end(), part.begin(), part.end());
  }
  const auto out = expand(how, packets, piece, room);
  must(!out.broken && out.plain == plain && out.numbers.size() == number, "what was packed comes out again");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto choice = in.number(1);
  const auto how = choice % 2 == 0 ? compression::zlib : compression::zstd;
  if (choice % 4 < 2)
    unpack_anything(how, in);
  else
    pack_and_unpack(how, in);
  return 0;
}
