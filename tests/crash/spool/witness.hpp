// A witness of what a spool told: what each answer means for what must be found in its file afterwards.
//
// Invariant: for each acknowledged unit it knows the states that the unit may be in. A success leaves one, a
// failure that says "nothing happened" leaves them as they were, errc::in_doubt adds one.
#pragma once

#include "spool/spool.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace holdwater::spool::test {

class witness {
 public:
  // Each asks the spool and notes its answer; true: it was done.
  bool append(spool& queue, const std::string& text);
  void append_together(spool& queue, const std::vector<std::string>& texts); // in one commit
  bool apply(spool& queue, seq from, seq to);
  bool refuse(spool& queue, seq number);
  bool let_die(spool& queue, seq number, const std::string& reason);
  bool attempt(spool& queue, seq number);
  bool retry(spool& queue, seq number);
  bool discard(spool& queue, seq number);
  bool compact(spool& queue);
  bool set_fact(spool& queue, const std::string& value);

  [[nodiscard]] seq last() const { return units_.empty() ? 0 : units_.rbegin()->first; }
  [[nodiscard]] std::size_t acknowledged() const { return units_.size(); }

  std::function<void()> at_refusal; // of an append, on the spool's thread
  // What is found in a spool that was opened again is what it told: each acknowledged unit once, in order,
  // with its bytes, in a state that it may have; nothing that was refused; no gap; and it takes the next
  // unit.
  void check(spool& queue);

 private:
  enum : unsigned { pending = 1, applied = 2, dead = 4, gone = 8 }; // gone: refused or discarded
  struct one {
    std::string text;
    unsigned may_be = pending;
    bool may_be_dropped = false;
    bool attempted = false; // certain
    bool may_be_attempted = false;
    std::set<std::string> reasons;
  };

  void note_append(const result<seq>& given, const std::string& text);
  bool note_move(const result<void>& done, seq number, unsigned from, unsigned to);
  [[nodiscard]] bool may_be(seq number, unsigned states) const;
  void check_found(const unit& found, unsigned state, std::map<seq, unsigned>& states);
  void check_pending(spool& queue, std::map<seq, unsigned>& states);
  void check_dead(spool& queue, std::map<seq, unsigned>& states);
  void check_absent(const std::map<seq, unsigned>& states, seq dropped);
  void check_facts(spool& queue);

  std::map<seq, one> units_;
  std::multiset<std::string> doubtful_; // may be there
  std::set<std::string> facts_{""};
};

} // namespace holdwater::spool::test
