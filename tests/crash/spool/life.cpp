#include "life.hpp"

#include "tests/unit/spool/fixtures.hpp"

namespace holdwater::spool::test {
namespace {

using holdwater::test::disk_fault;
using holdwater::test::fault_plan;

std::string text_of(const char* name, int number, std::size_t size = 0) {
  return name + std::to_string(number) + std::string(size, 'x');
}

void append_many(spool& queue, witness& seen, const char* name, int count, std::size_t size = 0) {
  for (int i = 0; i < count; ++i) seen.append(queue, text_of(name, i, size));
}

void open_only(spool&, witness&) {}

void accept(spool& queue, witness& seen) {
  append_many(queue, seen, "small", 3);
  append_many(queue, seen, "of more pages", 2, 9000);
  seen.append(queue, text_of("last", 0));
}

void accept_together(spool& queue, witness& seen) {
  std::vector<std::string> texts;
  for (int i = 0; i < 6; ++i) texts.push_back(text_of("together", i, i == 3 ? 9000 : 0));
  seen.append_together(queue, texts);
  seen.append(queue, text_of("alone", 0));
}

void have_pending(spool& queue, witness& seen) {
  append_many(queue, seen, "before", 8, 500);
}

void settle(spool& queue, witness& seen) {
  seen.attempt(queue, 2);
  seen.apply(queue, 1, 3);
  seen.set_fact(queue, "one");
  seen.let_die(queue, 4, "refused by the server");
  seen.let_die(queue, 3, "in doubt");
  seen.refuse(queue, 5);
  seen.append(queue, text_of("between", 0));
  seen.retry(queue, 4);
  seen.discard(queue, 3);
  seen.refuse(queue, 6);
  seen.apply(queue, 7, 7);
  seen.attempt(queue, 8);
  seen.set_fact(queue, "two");
}

// 64 pages are folded at once, while others wait.
void fold(spool& queue, witness& seen) {
  append_many(queue, seen, "large", 4, 90000);
  seen.apply(queue, 1, 2);
  seen.append(queue, text_of("larger", 0, 200000));
  append_many(queue, seen, "behind", 2);
}

void have_settled(spool& queue, witness& seen) {
  append_many(queue, seen, "old", 40, 4000);
  seen.apply(queue, 1, 30);
  seen.let_die(queue, 12, "kept");
  seen.let_die(queue, 31, "given up");
  seen.discard(queue, 31);
}

void compact(spool& queue, witness& seen) {
  seen.compact(queue);
  seen.append(queue, text_of("meanwhile", 0, 3000));
  seen.apply(queue, 32, 36);
  seen.compact(queue);
}

// More than 4096 pages, which compaction gives back to the file system.
void have_a_long_outage(spool& queue, witness& seen) {
  append_many(queue, seen, "long ago", 18, 1 << 20);
  seen.apply(queue, 1, 18);
  seen.append(queue, text_of("waits", 0));
}

void give_back(spool& queue, witness& seen) {
  seen.compact(queue);
  seen.append(queue, text_of("afterwards", 0));
}

// Pages that are free, and units in each state.
void have_lain_in_clear(spool& queue, witness& seen) {
  append_many(queue, seen, "clear", 12, 700);
  seen.apply(queue, 1, 5);
  seen.let_die(queue, 6, "of a reason");
  seen.let_die(queue, 7, "given up");
  seen.discard(queue, 7);
}

// Sealed anew and wiped, beside what comes in.
void change_keys(spool& queue, witness& seen) {
  append_many(queue, seen, "meanwhile", 2, 700);
  seen.retry(queue, 6);
  seen.set_fact(queue, "one");
  seen.compact(queue);
  seen.set_fact(queue, "two");
  append_many(queue, seen, "then", 2);
}

sqlite_spool_options with_keys(sqlite_spool_options options, std::string_view letters) {
  std::string text;
  for (const char one : letters) text += std::string(64, one) + " ";
  if (!text.empty()) options.data_keys = ring(text);
  return options;
}

} // namespace

sqlite_spool_options stage::options_before(const home& at) const {
  return with_keys(at.options(), life_.key_before);
}
sqlite_spool_options stage::options(const home& at) const {
  return with_keys(at.options(), life_.key);
}

const std::vector<life>& all_lives() {
  static const std::vector<life> all = {
      {"a new file", {}, accept},
      {"opening again", have_pending, open_only},
      {"accepting", have_pending, accept},
      {"a group commit", have_pending, accept_together},
      {"settling", have_pending, settle},
      {"folding the WAL", have_pending, fold},
      {"compaction", have_settled, compact},
      {"giving back pages", have_a_long_outage, give_back, true},
      {"a new file with a key", {}, accept, false, "", "a"},
      {"accepting with a key", have_pending, accept, false, "a", "a"},
      {"settling with a key", have_pending, settle, false, "a", "a"},
      {"compaction with a key", have_settled, compact, false, "a", "a"},
      {"a key for what lay in clear", have_lain_in_clear, change_keys, false, "", "a"},
      {"another key", have_lain_in_clear, change_keys, false, "a", "ba"},
  };
  return all;
}

stage::stage(const life& what, home_maker where) : life_(what), make_home_(std::move(where)) {
  if (!life_.before) return;
  const auto at = make_home_(1);
  auto queue = open_or_fail(options_before(*at));
  life_.before(*queue, told_before_);
  at->disk.die();
  queue.reset();
  begin_ = at->disk.take_image();
}

std::uint64_t stage::calls(unsigned kinds) {
  const auto at = make_home_(1);
  at->disk.restore(begin_);
  at->lay_out();
  at->disk.plan({disk_fault::none, kinds});
  witness seen = told_before_;
  auto queue = open_or_fail(options(*at));
  life_.live(*queue, seen);
  queue.reset();
  const auto made = at->disk.counted();
  auto again = open_or_fail(options(*at));
  seen.check(*again);
  return made;
}

void stage::end(home& where, std::unique_ptr<spool>& queue, ending how) {
  if (how != ending::orderly) where.disk.die();
  queue.reset();
  if (how == ending::power_cut) where.disk.lose_power();
  where.lay_out();
  where.disk.heal();
}

// By itself, at the latest with the next request.
void stage::expect_recovery(spool& queue, witness& seen) {
  CHECK(seen.append(queue, "accepted again"));
  CHECK_FALSE(queue.trouble());
}

void stage::play(const fault_plan& fault, unsigned seed) {
  const auto at = make_home_(seed);
  auto& disk = at->disk;
  disk.restore(begin_);
  at->lay_out();
  disk.plan(fault);
  witness seen = told_before_;
  const bool fatal = fault.what == disk_fault::power_cut || fault.what == disk_fault::killed;
  auto how = static_cast<ending>(disk.choose(3));
  if (fatal) how = fault.what == disk_fault::killed ? ending::killed : ending::power_cut;
  auto opened = open_sqlite_spool(options(*at));
  std::unique_ptr<spool> queue;
  if (opened) {
    queue = std::move(*opened);
    const bool to_the_end = disk.choose(2) == 0;
    if (to_the_end && fault.times > 0)
      seen.at_refusal = [&disk] { disk.die(); }; // before anything else is written
    life_.live(*queue, seen);
    seen.at_refusal = {};
    if (!fatal && !to_the_end) {
      disk.heal();
      expect_recovery(*queue, seen);
    }
  } else if (fault.what != disk_fault::short_read) {
    CHECK(disk.struck());
    const auto& code = opened.error().code;
    CAPTURE(opened.error().context);
    CHECK((code == errc::io || code == errc::disk_full));
  }
  end(*at, queue, how);
  for (int round = 0; round < 2; ++round) {
    auto again = open_or_fail(options(*at));
    seen.check(*again);
  }
}

} // namespace holdwater::spool::test
