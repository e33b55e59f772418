#include "proxy/session/known_reads.hpp"

#include "protocol/sql/characters.hpp"

#include <cstring>

namespace holdwater::proxy {

namespace sql = protocol::sql;

const command_facts* known_reads::find(std::string_view text, const sql::dialect& how) {
  if (!look_at(text)) return nullptr;
  const auto& one = entries_[seen_.hash % places];
  const bool same = one && one->what.hash == seen_.hash && one->what.size == seen_.size && one->how == how &&
                    std::memcmp(one->what.text.data(), seen_.text.data(), seen_.size) == 0;
  return same ? &one->facts : nullptr;
}

void known_reads::remember(const command_facts& facts, const sql::dialect& how) {
  const bool plain = facts.understood && facts.single && facts.kind == sql::kind::select && facts.pure_read &&
                     facts.changes_nothing && !facts.asks_back && !facts.kills && !facts.changes_logins;
  if (!plain || seen_.size == 0) return;
  auto& place = entries_[seen_.hash % places];
  if (!place) place = std::make_unique<entry>();
  place->what = seen_;
  place->how = how;
  place->facts = facts;
}

// Copies the text with each number made one digit: digits that neither continue a name nor are a part of a
// fraction. False for a text that is not to be known.
bool known_reads::look_at(std::string_view text) {
  seen_.size = 0;
  std::uint64_t hash = 0xcbf29ce484222325;
  std::size_t size = 0;
  char before = ' ';
  const auto* at = text.data();
  const auto* const end = at + text.size();
  while (at != end) {
    char c = *at++;
    if (sql::is_digit(c) && !sql::is_name(before) && before != '.') {
      const auto* behind = at;
      while (behind != end && sql::is_digit(*behind)) ++behind;
      if (behind == end || (!sql::is_name(*behind) && *behind != '.')) {
        at = behind;
        c = '0';
      }
    } else if (c == '#' || (c == '*' && before == '/') || (c == '-' && before == '-')) {
      return false;
    }
    if (size == longest) return false;
    seen_.text[size++] = before = c;
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  seen_.hash = hash ^ (hash >> 32);
  seen_.size = static_cast<std::uint16_t>(size);
  return size > 0;
}

} // namespace holdwater::proxy
