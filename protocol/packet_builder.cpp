#include "protocol/packet_builder.hpp"

namespace holdwater::protocol {

void packet_builder::finish() {
  const std::size_t size = out_.size() - begin_ - packet_header_size;
  if (size >= max_packet_payload) {
    const byte_buffer whole(out_.begin() + static_cast<std::ptrdiff_t>(begin_ + packet_header_size),
                            out_.end());
    out_.resize(begin_);
    append_message(out_, sequence_, whole);
    return;
  }
  write_packet_header(out_.data() + begin_, {static_cast<std::uint32_t>(size), sequence_});
}

} // namespace holdwater::protocol
