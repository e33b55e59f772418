// What becomes of a queued unit: applied, refused, dead, and what a person makes of a dead letter.
#include "spool/sqlite_spool.hpp"

namespace holdwater::spool {

result<void> sqlite_spool::mark_applied(seq from, seq to) {
  auto gone = std::make_shared<departure>();
  return write(
      [=, this](store& file) -> result<void> {
        if (auto kept = clock_.keep(file); !kept) return kept;
        auto applied = file.mark_applied(from, to, clock_.now());
        if (!applied) return applied.error();
        *gone = std::move(*applied);
        return {};
      },
      [=, this](store&) {
        clock_.was_kept();
        publish([=](auto& index) { index.remove_pending(*gone); });
      });
}

// A unit's way out of its state, and into that of a dead letter or none that counts.
result<void> sqlite_spool::change_one(seq number, const std::function<result<void>(store&)>& transition,
                                      bool dead_afterwards) {
  struct change {
    store::stored_row before;
    departure gone;
  };
  auto made = std::make_shared<change>();
  return write(
      [=](store& file) -> result<void> {
        auto before = file.row(number);
        if (!before) return before.error();
        if (auto done = transition(file); !done) return done;
        auto front = file.front();
        if (!front) return front.error();
        made->gone = {1, before->bytes, {{before->tables, 1}}, *front};
        made->before = std::move(*before);
        return {};
      },
      [=, this](store&) {
        publish([&](auto& index) {
          if (made->before.state == unit_state::pending) index.remove_pending(made->gone);
          index.remove_dead(number);
          if (dead_afterwards) index.add_dead(number, made->before.bytes);
        });
      });
}

result<void> sqlite_spool::mark_refused(seq number) {
  return change_one(
      number, [=, this](store& file) { return file.mark_refused(number, clock_.now()); }, false);
}

result<void> sqlite_spool::mark_dead(seq number, const server_error& why) {
  return change_one(
      number, [=, this](store& file) { return file.mark_dead(number, why, options_.now()); }, true);
}

result<void> sqlite_spool::mark_attempted(seq number) {
  return write([=](store& file) { return file.mark_attempted(number); });
}

result<void> sqlite_spool::forget_attempt(seq number) {
  return write([=](store& file) { return file.forget_attempt(number); });
}

result<bool> sqlite_spool::is_attempted(seq number) {
  return read<bool>([=](store& file) { return file.is_attempted(number); });
}

result<dead_letters> sqlite_spool::read_dead(seq after, std::size_t max_units, std::size_t max_bytes) {
  return read<dead_letters>([=](store& file) { return file.read_dead(after, max_units, max_bytes); });
}

// A number that the ledger has passed already would be taken for applied.
result<seq> sqlite_spool::retry_dead(seq number) {
  if (is_restored()) return unconfirmed();
  auto anew = std::make_shared<store::stored_row>();
  auto done = write(
      [=, this](store& file) -> result<void> {
        auto given = file.retry_dead(number, options_.now(), clock_.now());
        if (!given) return given.error();
        auto row = file.row(*given);
        if (!row) return row.error();
        *anew = std::move(*row);
        return {};
      },
      [=, this](store&) {
        publish([&](auto& index) {
          index.remove_dead(number);
          publish_pending(*anew);
        });
      });
  if (!done) return done.error();
  return anew->number;
}

result<void> sqlite_spool::discard_dead(seq number) {
  return write([=, this](store& file) { return file.discard_dead(number, clock_.now()); },
               [=, this](store&) { publish([=](auto& index) { index.remove_dead(number); }); });
}

} // namespace holdwater::spool
