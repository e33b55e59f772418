#include "proxy/session/known_reads.hpp"

#include "protocol/sql/characters.hpp"

#include <cstring>

namespace holdwater::proxy {

namespace sql = protocol::sql;

namespace {

// Bytes that may begin a number, or a comment; all others are copied as they are.
constexpr auto make_notable() {
  std::array<bool, 256> table{};
  for (const unsigned char c : {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '#', '*', '-'})
    table[c] = true;
  return table;
}
constexpr auto notable = make_notable();

// Eight bytes at a time; the low bits depend on all of them.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325 ^ text.size();
  std::uint64_t word = 0;
  for (; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
    std::memcpy(&word, text.data(), sizeof word);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  word = 0;
  std::memcpy(&word, text.data(), text.size());
  hash = (hash ^ word) * 0x9e3779b97f4a7c15;
  return hash ^ (hash >> 32);
}

} // namespace

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
  char* const begin = seen_.text.data();
  char* const full = begin + longest;
  char* out = begin;
  const auto* at = text.data();
  const auto* const end = at + text.size();
  while (at != end) {
    char c = *at++;
    if (notable[static_cast<unsigned char>(c)]) {
      const char before = out == begin ? ' ' : out[-1];
      if (c == '#' || (c == '*' && before == '/') || (c == '-' && before == '-')) return false;
      if (sql::is_digit(c) && !sql::is_name(before) && before != '.') {
        const auto* behind = at;
        while (behind != end && sql::is_digit(*behind)) ++behind;
        if (behind == end || (!sql::is_name(*behind) && *behind != '.')) {
          at = behind;
          c = '0';
        }
      }
    }
    if (out == full) return false;
    *out++ = c;
  }
  seen_.size = static_cast<std::uint16_t>(out - begin);
  seen_.hash = hash_of({begin, seen_.size});
  return seen_.size > 0;
}

} // namespace holdwater::proxy
