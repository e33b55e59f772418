#include "protocol/session_changes.hpp"

namespace holdwater::protocol {

using kind = session_change::kind;

std::optional<session_change> session_change_reader::next() {
  for (;;) {
    if (failed()) return std::nullopt;
    if (variables_.remaining() > 0) { // MySQL gives each an entry of its own; the manual allows more in one
      const auto name = variables_.lenenc_string();
      const auto value = variables_.lenenc_string();
      if (variables_.failed()) return std::nullopt;
      return session_change{kind::variable, name, value};
    }
    if (in_.remaining() == 0) return std::nullopt;
    const auto what = in_.integer(1);
    payload_reader entry(as_bytes(in_.lenenc_string()));
    if (in_.failed()) return std::nullopt;
    if (what == static_cast<std::uint64_t>(kind::variable)) {
      variables_ = entry;
    } else if (what <= static_cast<std::uint64_t>(kind::transaction)) {
      if (what == static_cast<std::uint64_t>(kind::gtids))
        entry.skip(1); // how they are written: one way so far
      const auto value = entry.lenenc_string();
      if (!entry.failed()) return session_change{static_cast<kind>(what), {}, value};
      variables_ = entry; // which has failed
    }
  }
}

} // namespace holdwater::protocol
