// A window of two tokens over the lexer, and what every part of the parser writes to: the statement and the
// scratch.
//
// Invariant: `now()` is the token to be looked at, `ahead()` the one behind it; both stay at `end` until the
// splitter goes on. Scratch memory is kept from statement to statement.
#pragma once

#include "protocol/sql/lexer.hpp"

#include <cstddef>
#include <vector>

namespace holdwater::protocol::sql {

// What the walker knows of one level of parentheses.
struct frame {
  bool query = false;     // a SELECT is here, so that FROM names tables
  bool in_tables = false; // inside table references
  bool expect_table = false;
  bool written = false; // the tables named here are written
};

// A common table expression: hides a table of its name, from its end to the end of the level that it belongs
// to.
struct cte_name {
  std::string_view raw;
  std::size_t level = 0;
  bool visible = false;
};

struct scratch {
  std::vector<frame> frames;
  std::vector<cte_name> ctes;
  std::vector<name> aliases;      // one for each of the statement's tables, empty when it has none
  std::vector<table_ref> targets; // of a DELETE over several tables

  void clear() {
    frames.clear();
    ctes.clear();
    aliases.clear();
    targets.clear();
  }
};

class reader {
 public:
  reader(lexer& source, statement& result, scratch& memory, const dialect& server)
      : out(result), work(memory), how(server), source_(source), now_(source.next()), ahead_(source.next()) {
    work.frames.emplace_back();
  }

  [[nodiscard]] const token& now() const { return now_; }
  [[nodiscard]] const token& ahead() const { return ahead_; }
  [[nodiscard]] const lexer& source() const { return source_; } // stands behind ahead()
  [[nodiscard]] bool at_end() const { return now_.kind == token_kind::end; }

  void advance() {
    before_ = now_.word.keyword;
    last_end_ = now_.text.data() + now_.text.size();
    now_ = ahead_;
    ahead_ = source_.next();
  }
  [[nodiscard]] kw before() const { return before_; }              // the keyword behind us
  [[nodiscard]] const char* last_end() const { return last_end_; } // where the token behind us ended

  [[nodiscard]] bool at(kw keyword) const { return now_.is(keyword); }
  [[nodiscard]] bool at(char byte) const { return now_.is(byte); }
  bool accept(kw keyword) { return at(keyword) && (advance(), true); }
  bool accept(char byte) { return at(byte) && (advance(), true); }
  template <class... Keywords>
  [[nodiscard]] bool at_any(Keywords... keywords) const {
    return (at(keywords) || ...);
  }
  template <class... Keywords>
  bool accept_any(Keywords... keywords) {
    return at_any(keywords...) && (advance(), true);
  }
  void skip_to_end() {
    while (!at_end()) advance();
  }
  // Everything up to the end of the text belongs to this statement, semicolons too.
  void swallow() {
    source_.skip_all();
    now_ = ahead_ = source_.next();
  }

  [[nodiscard]] std::size_t level() const { return work.frames.size(); }
  [[nodiscard]] frame& top() { return work.frames.back(); }

  void note(trait found) { out.traits |= found; }
  void note(trait found, std::string_view word) {
    note(found);
    if (out.hazard.empty()) out.hazard = word;
  }
  // A fact about this server or connection: harmless in a read, a hazard in a write that runs elsewhere
  // later.
  void note_host_fact(std::string_view word) {
    if (host_fact_.empty()) host_fact_ = word;
  }
  [[nodiscard]] std::string_view host_fact() const { return host_fact_; }
  // The statement is not understood from here on.
  void confuse(std::string_view word) {
    confused_ = true;
    if (out.hazard.empty()) out.hazard = word;
  }
  void confuse() { confuse(now_.text); }
  [[nodiscard]] bool confused() const { return confused_; }

  statement& out;
  scratch& work;
  const dialect& how;

 private:
  lexer& source_;
  token now_;
  token ahead_;
  kw before_ = kw::none;
  const char* last_end_ = nullptr;
  std::string_view host_fact_;
  bool confused_ = false;
};

} // namespace holdwater::protocol::sql
