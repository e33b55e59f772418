// The tracker of a server's answer: it takes no more than it is given, and however the bytes are cut it ends
// at the same one and says the same.
#include "protocol/response_tracker.hpp"
#include "protocol/session_changes.hpp"
#include "tests/fuzz/check.hpp"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

using namespace holdwater::protocol;
using holdwater::fuzz::input;
using holdwater::fuzz::must;
using state = response_tracker::state;

namespace {

// All that a session asks a tracker for.
auto told_by(const response_tracker& one, std::size_t taken, boost::system::error_code error) {
  using ending = response_tracker::ending;
  const bool ok = one.ended_by() == ending::ok || one.ended_by() == ending::eof;
  const bool err = one.ended_by() == ending::err;
  return std::tuple(taken, error.value(), one.current(), one.ended_by(), one.rows(), one.in_rows(),
                    one.next_sequence(), one.statement_id(), one.parameter_count(), one.column_count(),
                    std::string(one.session_state()), ok ? one.ok().status : 0, ok ? one.ok().warnings : 0,
                    ok ? one.ok().affected_rows : 0, ok ? one.ok().last_insert_id : 0,
                    std::string(ok ? one.ok().info : ""), err ? one.err().number : 0,
                    std::string(err ? one.err().text : ""), std::string(err ? one.err().sql_state : ""));
}

// Feeds pieces of `step` bytes; a wish for a local file is granted at once.
auto follow(command value, capabilities negotiated, byte_span bytes, std::size_t step) {
  response_tracker tracker;
  tracker.start(value, negotiated);
  std::size_t at = 0;
  boost::system::error_code error;
  while (at < bytes.size() && tracker.current() == state::in_progress && !error) {
    const auto piece = bytes.subspan(at, std::min(step, bytes.size() - at));
    const auto taken = tracker.feed(piece);
    if (taken.has_error()) {
      error = taken.error();
      at = bytes.size(); // how much of it was looked at does not matter
      break;
    }
    must(*taken <= piece.size(), "a tracker takes no more than it is given");
    must(*taken == piece.size() || tracker.current() != state::in_progress,
         "a tracker takes all until the end");
    must(tracker.current() == state::in_progress || tracker.at_packet_boundary(),
         "an answer ends with a packet");
    at += *taken;
    if (tracker.current() == state::wants_local_file) tracker.resume_after_file();
  }
  if (tracker.current() == state::complete)
    must(*tracker.feed(bytes) == 0, "nothing follows an answer's end");
  return told_by(tracker, at, error);
}

// What a client sees that must not see changes, and what the tracker says then: the same however the bytes
// are cut.
auto hide(command value, capabilities negotiated, byte_span bytes, std::size_t step) {
  response_tracker tracker;
  tracker.start(value, negotiated);
  tracker.hide_changes();
  byte_buffer shown;
  std::size_t at = 0;
  std::size_t there = 0; // how much of it has come
  while (tracker.current() == state::in_progress) {
    if (there == at || tracker.starved()) {
      if (there == bytes.size()) break;
      there = std::min(there + step, bytes.size());
    }
    const auto piece = bytes.subspan(at, there - at);
    const auto taken = tracker.feed(piece);
    if (taken.has_error()) return std::pair(byte_buffer(), std::string());
    must(*taken <= piece.size(), "a hiding tracker takes no more than it is given");
    must(*taken > 0 || tracker.starved(), "a hiding tracker goes on");
    if (!tracker.holding())
      shown.insert(shown.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*taken));
    if (tracker.shown_due()) tracker.append_shown(shown);
    at += *taken;
    if (tracker.current() == state::wants_local_file) tracker.resume_after_file();
  }
  if (tracker.current() != state::complete) shown.clear(); // how much of an unfinished answer is out depends
  session_change_reader changes(tracker.session_state());
  std::string told;
  while (const auto one = changes.next()) told.append(one->name).append(one->value);
  return std::pair(shown, told);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto value = static_cast<command>(in.number(1));
  const capabilities negotiated = in.number(8);
  const auto step = 2 + in.number(1);
  const byte_span bytes = as_bytes(in.rest());
  const auto whole = follow(value, negotiated, bytes, bytes.size());
  must(follow(value, negotiated, bytes, 1) == whole, "an answer is the same byte by byte");
  must(follow(value, negotiated, bytes, step) == whole, "an answer is the same in pieces");
  const auto shown = hide(value, negotiated, bytes, bytes.size());
  must(hide(value, negotiated, bytes, 1) == shown, "what is shown is the same byte by byte");
  must(hide(value, negotiated, bytes, step) == shown, "what is shown is the same in pieces");
  return 0;
}
