// The tracker's framing: which bytes are headers, which payload passes by, which is kept. What a message
// means is in response_meaning.cpp.
#include "protocol/response_tracker.hpp"

#include <algorithm>
#include <limits>

namespace holdwater::protocol {
namespace {

// A packet's beginning: not so of most packets, which therefore cost no further look.
bool may_be_ok(byte_span bytes) {
  if (bytes.size() <= packet_header_size) return true;
  const auto first = bytes[packet_header_size];
  return first == 0x00 || first == 0xfe;
}

} // namespace

void response_tracker::start(command value, capabilities negotiated, bool may_open_cursor) {
  byte_buffer kept = std::move(kept_);
  byte_buffer session_state = std::move(session_state_);
  *this = response_tracker();
  may_open_cursor_ = may_open_cursor;
  kept_ = std::move(kept);
  session_state_ = std::move(session_state);
  kept_.clear();
  session_state_.clear();
  command_ = value;
  capabilities_ = negotiated;
  state_ = state::in_progress;
  switch (answer_of(value)) {
  case answer_kind::result_sets: phase_ = phase::head; break;
  case answer_kind::prepared: phase_ = phase::prepare_head; break;
  case answer_kind::column_list: phase_ = phase::column_list; break;
  case answer_kind::rows:
  case answer_kind::stream: phase_ = phase::rows; break; // events are framed as rows are
  case answer_kind::text_line: phase_ = phase::line; break;
  case answer_kind::ok_or_err:
  case answer_kind::authentication: phase_ = phase::single; break;
  case answer_kind::nothing: state_ = state::complete; break;
  }
}

void response_tracker::resume_after_file() {
  if (state_ == state::wants_local_file) state_ = state::in_progress;
}

result<std::size_t> response_tracker::feed(byte_span bytes) {
  std::size_t at = 0;
  starved_ = before_telling_ = shown_due_ = false;
  if (!bytes.empty() && state_ == state::in_progress) saw_any_ = true;
  while (at < bytes.size() && state_ == state::in_progress) {
    if (at_packet_boundary() && !continued_) at += skip_whole_packets(bytes.subspan(at));
    if (at == bytes.size()) break;
    if (hides_ && !holding_ && at_packet_boundary() && !continued_ && may_be_ok(bytes.subspan(at)) &&
        !may_go_on(bytes, at))
      break;
    if (at_packet_boundary() && !continued_) {
      const auto taken = take_whole_packet(bytes.subspan(at));
      if (taken.has_error()) return taken.error();
      at += *taken;
      if (*taken > 0) continue;
    }
    if (!in_packet_) at += take_header(bytes.subspan(at));
    if (in_packet_) {
      const auto taken = take_payload(bytes.subspan(at));
      if (taken.has_error()) return taken.error();
      at += *taken;
    }
    if (holding_ && at_packet_boundary() && !continued_) {
      holding_ = false;
      shown_due_ = true;
      break;
    }
  }
  return at;
}

// The hot path: rows and definitions that lie whole in the buffer cost one look at their header and first
// byte. Everything else (the end, an error, what is cut by the buffer's end or of 0xffffff bytes) is left to
// the slow path.
std::size_t response_tracker::skip_whole_packets(byte_span bytes) {
  const bool definitions = phase_ == phase::definitions && command_ != command::stmt_prepare;
  if (!definitions && phase_ != phase::rows) return 0;
  const std::uint8_t* at = bytes.data();
  const std::uint8_t* const end = at + bytes.size();
  std::uint64_t count = 0;
  const std::uint64_t most = definitions ? definitions_left_ : std::numeric_limits<std::uint64_t>::max();
  while (count < most && end - at > static_cast<std::ptrdiff_t>(packet_header_size)) {
    const packet_header header = read_packet_header(at);
    const bool ordinary =
        header.payload_size != 0 && header.payload_size < max_packet_payload && at[packet_header_size] < 0xfe;
    if (!ordinary) break;
    const std::size_t size = packet_header_size + header.payload_size;
    if (static_cast<std::size_t>(end - at) < size) break;
    next_sequence_ = static_cast<std::uint8_t>(header.sequence + 1);
    at += size;
    ++count;
  }
  if (!definitions) {
    rows_ += count;
  } else if (count > 0) {
    definitions_left_ -= count;
    if (definitions_left_ == 0) end_definitions();
  }
  return static_cast<std::size_t>(at - bytes.data());
}

// A column count or an EOF that lies whole in the buffer need not be kept to be read. 0: it is something
// else.
result<std::size_t> response_tracker::take_whole_packet(byte_span bytes) {
  if (bytes.size() <= packet_header_size) return std::size_t{0};
  const packet_header header = read_packet_header(bytes.data());
  const std::size_t size = packet_header_size + header.payload_size;
  if (header.payload_size == 0 || header.payload_size == max_packet_payload || bytes.size() < size)
    return std::size_t{0};
  packet_size_ = header.payload_size;
  next_sequence_ = static_cast<std::uint8_t>(header.sequence + 1);
  const auto payload = bytes.subspan(packet_header_size, header.payload_size);
  const auto found = role_of(payload.front());
  if (found.has_error()) return found.error();
  if (*found != role::eof && *found != role::head) return std::size_t{0};
  ok_.info = ok_.session_state = {}; // as where a message is kept
  const auto ended = *found == role::eof ? end_eof(payload) : read_head(payload);
  if (ended.has_error()) return ended.error();
  return size;
}

std::size_t response_tracker::take_header(byte_span bytes) {
  const std::size_t taken = std::min(packet_header_size - header_size_, bytes.size());
  std::copy_n(bytes.begin(), taken, header_.begin() + header_size_);
  header_size_ = static_cast<std::uint8_t>(header_size_ + taken);
  if (header_size_ < packet_header_size) return taken;
  const packet_header header = read_packet_header(header_.data());
  header_size_ = 0;
  in_packet_ = true;
  packet_size_ = payload_left_ = header.payload_size;
  next_sequence_ = static_cast<std::uint8_t>(header.sequence + 1);
  first_byte_due_ = !continued_;
  return taken;
}

// Takes the rest of the packet, or as much of it as there is. Also called with no bytes for an empty payload.
result<std::size_t> response_tracker::take_payload(byte_span bytes) {
  if (first_byte_due_) {
    if (packet_size_ > 0 && bytes.empty()) return std::size_t{0};
    const auto begun = packet_size_ == 0 ? begin_empty_message() : begin_message(bytes.front());
    if (begun.has_error()) return begun.error();
  }
  const std::size_t taken = std::min<std::size_t>(payload_left_, bytes.size());
  if (role_ != role::passing)
    keep(bytes.first(taken));
  else if (command_ == command::stmt_prepare)
    definitions_.add(bytes.first(taken));
  payload_left_ -= static_cast<std::uint32_t>(taken);
  if (payload_left_ > 0) return taken;
  const auto ended = end_packet();
  if (ended.has_error()) return ended.error();
  return taken;
}

void response_tracker::keep(byte_span bytes) {
  const std::size_t room = max_kept - kept_.size();
  const byte_span part = bytes.first(std::min(room, bytes.size()));
  kept_.insert(kept_.end(), part.begin(), part.end());
}

result<void> response_tracker::begin_message(std::uint8_t first) {
  first_byte_due_ = false;
  kept_.clear();
  const auto found = role_of(first);
  if (found.has_error()) return found.error();
  role_ = *found;
  ok_.info = ok_.session_state = {}; // they pointed into what was kept
  return {};
}

// Only COM_STATISTICS may answer with no text at all.
result<void> response_tracker::begin_empty_message() {
  if (phase_ != phase::line) return errc::malformed_packet;
  first_byte_due_ = false;
  role_ = role::passing;
  return {};
}

result<void> response_tracker::end_packet() {
  in_packet_ = false;
  continued_ = packet_size_ == max_packet_payload;
  if (continued_) return {};
  return end_message();
}

bool response_tracker::at_packet_boundary() const {
  return !in_packet_ && header_size_ == 0;
}
std::uint8_t response_tracker::next_sequence() const {
  return next_sequence_;
}
bool response_tracker::saw_any() const {
  return saw_any_;
}
std::uint64_t response_tracker::rows() const {
  return rows_;
}
bool response_tracker::in_rows() const {
  return phase_ == phase::rows && state_ == state::in_progress;
}
response_tracker::ending response_tracker::ended_by() const {
  return ended_by_;
}
const ok_message& response_tracker::ok() const {
  return ok_;
}
const err_message& response_tracker::err() const {
  return err_;
}
std::string_view response_tracker::session_state() const {
  return as_text(session_state_);
}
std::uint32_t response_tracker::statement_id() const {
  return statement_id_;
}
std::uint16_t response_tracker::parameter_count() const {
  return parameter_count_;
}
std::uint16_t response_tracker::column_count() const {
  return column_count_;
}
std::uint64_t response_tracker::definitions_hash() const {
  return definitions_.value();
}

} // namespace holdwater::protocol
