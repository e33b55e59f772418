#include "protocol/sql/placeholders.hpp"

#include "protocol/sql/lexer.hpp"

#include <cassert>

namespace holdwater::protocol::sql {
namespace {

// Calls `found` with the offset of each.
template <class Found>
void each_placeholder(std::string_view text, const dialect& how, Found found) {
  lexer in(text, how);
  do {
    for (auto one = in.next(); one.kind != token_kind::end; one = in.next())
      if (one.kind == token_kind::placeholder) found(in.offset_of(one.text.data()));
  } while (in.pass_semicolon());
}

} // namespace

std::size_t count_placeholders(std::string_view text, const dialect& how) {
  std::size_t count = 0;
  each_placeholder(text, how, [&](std::size_t) { ++count; });
  return count;
}

std::optional<std::vector<std::string_view>> execute_arguments(std::string_view text, const dialect& how) {
  lexer in(text, how);
  for (int word = 0; word < 2; ++word) static_cast<void>(in.next()); // EXECUTE name
  std::vector<std::string_view> names;
  auto one = in.next();
  if (one.kind == token_kind::end) return names;
  if (!one.is(kw::USING)) return std::nullopt;
  do {
    one = in.next();
    if (one.kind != token_kind::user_variable) return std::nullopt;
    names.push_back(one.text.substr(1));
    one = in.next();
  } while (one.is(','));
  return one.kind == token_kind::end ? std::optional(names) : std::nullopt;
}

std::string fill_placeholders(std::string_view text, const dialect& how,
                              const std::vector<std::string>& values) {
  std::string filled;
  std::size_t done = 0; // of the text
  std::size_t next = 0;
  each_placeholder(text, how, [&](std::size_t at) {
    assert(next < values.size());
    filled.append(text.substr(done, at - done)).append(" ").append(values[next++]).append(" ");
    done = at + 1;
  });
  assert(next == values.size());
  return filled.append(text.substr(done));
}

} // namespace holdwater::protocol::sql
