// The nearest known name to a mistyped one, by the number of letters to insert, drop or change.
#include "proxy/config/source.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace holdwater::proxy {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
    }
  }
  return row.back();
}

// The part after the last dot: a known key under a wrong section is a likely slip.
std::string_view key_of(std::string_view name) {
  return name.substr(name.rfind('.') + 1);
}

} // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr std::size_t longest = 100;
  if (word.size() > longest) return {};
  const std::string* best = nullptr;
  std::size_t best_distance = word.size() / 3 + 1; // more letters wrong than this is another word
  for (const auto& candidate : candidates) {
    const auto distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best = &candidate;
    best_distance = distance;
  }
  for (const auto& candidate : candidates)
    if (!best && key_of(candidate) == key_of(word)) best = &candidate;
  return best ? "; did you mean " + *best + "?" : std::string{};
}

} // namespace holdwater::proxy
