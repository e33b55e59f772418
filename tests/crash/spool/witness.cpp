#include "witness.hpp"

#include "tests/unit/spool/fixtures.hpp"

namespace holdwater::spool::test {
namespace {

constexpr std::size_t many = 100000;
constexpr std::size_t all_bytes = 1 << 30;
constexpr auto fact_name = "the fact";

bool in_doubt(const failure& why) {
  return why.code == errc::in_doubt;
}

} // namespace

// --- what was told

void witness::note_append(const result<seq>& given, const std::string& text) {
  if (!given && in_doubt(given.error())) doubtful_.insert(text);
  if (!given) return; // "nothing happened": it must not be found
  CHECK_FALSE(units_.contains(*given));
  CHECK(*given > last());
  units_[*given].text = text;
}

bool witness::append(spool& queue, const std::string& text) {
  std::promise<result<seq>> answer;
  queue.append(make_unit(text), [&](result<seq> told) {
    if (!told && at_refusal) at_refusal();
    answer.set_value(std::move(told));
  });
  const auto given = answer.get_future().get();
  note_append(given, text);
  return given.has_value();
}

// The first one's completion keeps the writer until the others wait.
void witness::append_together(spool& queue, const std::vector<std::string>& texts) {
  std::promise<void> all_wait;
  std::vector<std::promise<result<seq>>> answers(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i)
    queue.append(make_unit(texts[i]), [&, i](result<seq> given) {
      if (i == 0) all_wait.get_future().wait();
      answers[i].set_value(std::move(given));
    });
  all_wait.set_value();
  for (std::size_t i = 0; i < texts.size(); ++i) note_append(answers[i].get_future().get(), texts[i]);
}

bool witness::may_be(seq number, unsigned states) const {
  const auto found = units_.find(number);
  return found != units_.end() && (found->second.may_be & states) != 0;
}

bool witness::note_move(const result<void>& done, seq number, unsigned from, unsigned to) {
  if (!may_be(number, from)) return done.has_value();
  auto& states = units_[number].may_be;
  if (done)
    states = (states & ~from) | to;
  else if (in_doubt(done.error()))
    states |= to;
  return done.has_value();
}

bool witness::apply(spool& queue, seq from, seq to) {
  const auto done = queue.mark_applied(from, to);
  for (auto number = from; number <= to; ++number) note_move(done, number, pending, applied);
  return done.has_value();
}

bool witness::refuse(spool& queue, seq number) {
  return note_move(queue.mark_refused(number), number, pending | dead, gone);
}

bool witness::let_die(spool& queue, seq number, const std::string& reason) {
  const auto done = queue.mark_dead(number, {1062, "23000", reason});
  if (units_.contains(number)) units_[number].reasons.insert(reason);
  return note_move(done, number, pending | applied, dead);
}

bool witness::attempt(spool& queue, seq number) {
  const auto done = queue.mark_attempted(number);
  if (!units_.contains(number)) return done.has_value();
  if (done) units_[number].attempted = true;
  if (done || in_doubt(done.error())) units_[number].may_be_attempted = true;
  return done.has_value();
}

bool witness::retry(spool& queue, seq number) {
  const auto anew = queue.retry_dead(number);
  note_move(anew ? result<void>() : result<void>(anew.error()), number, dead, gone);
  if (anew) {
    CHECK(*anew > last());
    units_[*anew].text = units_[number].text;
  } else if (in_doubt(anew.error()) && units_.contains(number)) {
    doubtful_.insert(units_[number].text);
  }
  return anew.has_value();
}

bool witness::discard(spool& queue, seq number) {
  return note_move(queue.discard_dead(number), number, dead, gone);
}

bool witness::compact(spool& queue) {
  for (auto& [number, unit] : units_)
    if ((unit.may_be & (applied | gone)) != 0) unit.may_be_dropped = true;
  return queue.compact().has_value();
}

bool witness::set_fact(spool& queue, const std::string& value) {
  const auto done = queue.set_fact(fact_name, value);
  if (done) facts_.clear();
  if (done || in_doubt(done.error())) facts_.insert(value);
  return done.has_value();
}

// --- what is found

void witness::check_found(const unit& found, unsigned state, std::map<seq, unsigned>& states) {
  CAPTURE(found.number);
  CHECK_FALSE(states.contains(found.number));
  states[found.number] = state;
  REQUIRE(found.statements.size() == 1);
  const auto& text = found.statements[0].text;
  if (const auto known = units_.find(found.number); known != units_.end()) {
    CHECK((known->second.text == text));
    CAPTURE(known->second.may_be);
    CHECK((known->second.may_be & state) != 0);
    return;
  }
  const auto doubtful = doubtful_.find(text);
  CHECK((doubtful != doubtful_.end())); // else it was never accepted, or refused, or is there twice
  if (doubtful != doubtful_.end()) doubtful_.erase(doubtful);
  units_[found.number].text = text;
}

void witness::check_pending(spool& queue, std::map<seq, unsigned>& states) {
  auto waiting = queue.read_pending(0, many, all_bytes);
  REQUIRE(waiting);
  seq before = 0;
  for (const auto& found : *waiting) {
    CHECK(found.number > before);
    before = found.number;
    check_found(found, pending, states);
    auto attempted = queue.is_attempted(found.number);
    REQUIRE(attempted);
    const auto& known = units_[found.number];
    CHECK((*attempted ? known.may_be_attempted : !known.attempted));
  }
  const auto counts = queue.counts();
  CHECK(counts.pending == waiting->size());
  CHECK(counts.applied == (waiting->empty() ? counts.last : waiting->front().number - 1));
}

void witness::check_dead(spool& queue, std::map<seq, unsigned>& states) {
  auto letters = all_dead(queue);
  REQUIRE(letters);
  for (const auto& letter : *letters) {
    check_found(letter.what, dead, states);
    CHECK(letter.number == 1062);
    CHECK(units_[letter.what.number].reasons.contains(letter.reason));
  }
  CHECK(queue.counts().dead == letters->size());
}

void witness::check_absent(const std::map<seq, unsigned>& states, seq dropped) {
  for (const auto& [number, unit] : units_) {
    if (states.contains(number)) continue;
    CAPTURE(number);
    CAPTURE(unit.may_be);
    const bool was_dropped = unit.may_be_dropped && number <= dropped;
    CHECK(((unit.may_be & gone) != 0 || was_dropped));
  }
}

void witness::check_facts(spool& queue) {
  auto value = queue.fact(fact_name);
  REQUIRE(value);
  CHECK(facts_.contains(value->value_or("")));
}

void witness::check(spool& queue) {
  std::map<seq, unsigned> states;
  check_pending(queue, states);
  auto settled = queue.read_applied(0, many, all_bytes);
  REQUIRE(settled);
  for (const auto& found : *settled) check_found(found, applied, states);
  check_dead(queue, states);
  const auto counts = queue.counts();
  check_absent(states, counts.dropped);
  check_facts(queue);
  seq next = 1;
  for (const auto& [number, unit] : units_) CHECK(number == next++); // no gap
  CHECK(counts.last == last());
  const auto after = "after " + std::to_string(next);
  CHECK(append(queue, after));
  CHECK(last() == next);
}

} // namespace holdwater::spool::test
