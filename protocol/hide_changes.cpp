// What the tracker keeps from a client that did not ask to be told of the session: OKs that tell of changes.
// Only at the places of an answer where an OK may stand a packet is looked at before it is followed; rows,
// and OKs with nothing to hide, pass as they are.
#include "protocol/response_tracker.hpp"

namespace holdwater::protocol {

// An OK that is not whole is held back, whatever it tells.
response_tracker::ahead response_tracker::look_ahead(byte_span bytes) {
  const bool may_be_ok = phase_ == phase::head || phase_ == phase::rows || phase_ == phase::single ||
                         phase_ == phase::column_list;
  if (!may_be_ok) return ahead::passes;
  if (bytes.size() < packet_header_size) return ahead::unclear;
  const packet_header header = read_packet_header(bytes.data());
  if (header.payload_size == 0) return ahead::passes; // malformed, as the framing says
  if (bytes.size() == packet_header_size) return ahead::unclear;
  packet_size_ = header.payload_size;
  const auto found = role_of(bytes[packet_header_size]);
  if (found.has_error() || *found != role::ok) return ahead::passes;
  if (bytes.size() < packet_header_size + header.payload_size) return ahead::part_of_ok;
  payload_reader in(bytes.subspan(packet_header_size, header.payload_size));
  in.skip(1);
  in.lenenc_integer();
  in.lenenc_integer();
  const bool tells = (in.integer(2) & server_status::session_state_changed) != 0;
  return tells ? ahead::telling_ok : ahead::passes;
}

// Before a packet, `at` bytes behind what feed() was given. False: it is not for this feed().
bool response_tracker::may_go_on(byte_span bytes, std::size_t at) {
  const auto next = look_ahead(bytes.subspan(at));
  starved_ = next == ahead::unclear;
  if (next == ahead::passes) return true;
  before_telling_ = next == ahead::telling_ok && at > 0;
  holding_ = !starved_ && at == 0;
  return holding_;
}

// As the server would have written the OK without CLIENT_SESSION_TRACK: its own bytes when it told nothing.
void response_tracker::append_shown(byte_buffer& out) const {
  const auto sequence = static_cast<std::uint8_t>(next_sequence_ - 1);
  const bool tells = (ok_.status & server_status::session_state_changed) != 0;
  if (!tells && kept_.size() < max_kept) {
    append_message(out, sequence, kept_);
    return;
  }
  ok_message shown = ok_;
  shown.status = static_cast<std::uint16_t>(shown.status & ~server_status::session_state_changed);
  append_ok(out, sequence, shown, capabilities_ & ~cap::session_track, kept_.front());
}

} // namespace holdwater::protocol
