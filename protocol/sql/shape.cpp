#include "protocol/sql/shape.hpp"
#include "protocol/sql/lexer.hpp"

namespace holdwater::protocol::sql {
namespace {

constexpr std::string_view left_out = "...";

// Puts tokens together again, and leaves out what repeats.
class writer {
 public:
  explicit writer(std::size_t longest) : longest_(longest) {}

  [[nodiscard]] bool full() const { return out_.size() >= longest_; }

  void value(bool glued) {
    if (in_values_ && values_ > 0) { // (?, ?, ?) is (?, ...)
      if (values_ == 1) out_ += left_out;
      ++values_;
      comma_ = false;
      return;
    }
    put("?", glued);
    if (in_values_) values_ = 1;
  }

  void symbol(char c, bool glued) {
    if (c == '(') return open(glued);
    if (c == ',' && in_values_ && values_ > 0) {
      if (values_ == 1 && !comma_) out_ += ", ";
      comma_ = true;
      return;
    }
    if (in_values_ && c == ')') return close();
    settle();
    const bool tight = c == ',' || c == ')' || c == '.' || c == ';' || glued;
    put(std::string_view(&c, 1), tight);
    after_open_ = false;
  }

  void word(std::string_view text, bool glued) {
    settle();
    put(text, glued);
  }

  [[nodiscard]] std::string take(bool more) {
    if (more && !out_.ends_with(left_out)) out_ += out_.empty() || out_.ends_with(' ') ? "..." : " ...";
    return std::move(out_);
  }

 private:
  std::string out_;
  std::size_t longest_;
  bool in_values_ = false; // behind a parenthesis, and nothing but values since
  std::size_t values_ = 0; // there
  bool comma_ = false;
  bool after_open_ = false;

  // What is in the parenthesis is no list of values after all.
  void settle() {
    in_values_ = false;
    values_ = 0;
  }

  void open(bool glued) {
    settle();
    put("(", glued);
    in_values_ = true;
    comma_ = false;
    after_open_ = true;
  }

  void close() {
    settle();
    out_ += ')';
    after_open_ = false;
  }

  void put(std::string_view text, bool tight) {
    const bool space =
        !tight && !after_open_ && !out_.empty() && !out_.ends_with('.') && !out_.ends_with(' ');
    if (space) out_ += ' ';
    out_ += text;
    after_open_ = false;
  }
};

} // namespace

std::string shape_of(std::string_view text, const dialect& how, std::size_t longest) {
  lexer from(text, how);
  writer to(longest);
  for (;;) {
    const auto one = from.next();
    const bool unclear = from.doubtful() || !one.quoted_ok;
    if (unclear || to.full()) return to.take(true);
    switch (one.kind) {
    case token_kind::end: return to.take(from.pass_semicolon());
    case token_kind::string:
    case token_kind::number:
    case token_kind::placeholder: to.value(one.glued); break;
    case token_kind::symbol: to.symbol(one.symbol, one.glued); break;
    case token_kind::quoted_name: // "x" may be a value for all we know
      one.text.starts_with('"') ? to.value(one.glued) : to.word(one.text, one.glued);
      break;
    case token_kind::word:
    case token_kind::user_variable:
    case token_kind::system_variable:
    case token_kind::assign: to.word(one.text, one.glued); break;
    }
  }
}

std::string without_quotes(std::string_view message) {
  constexpr std::string_view quotes = "'\"`";
  const auto first = message.find_first_of(quotes);
  if (first == message.npos) return std::string(message);
  const auto last = message.find_last_of(quotes);
  std::string out(message.substr(0, first));
  out += "'...'";
  if (last > first) out += message.substr(last + 1);
  return out;
}

} // namespace holdwater::protocol::sql
