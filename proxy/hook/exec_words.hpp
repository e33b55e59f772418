// Words in the form that execve(2) and posix_spawn(3) take.
#pragma once

#include <string>
#include <vector>

namespace holdwater::proxy {

// Valid as long as the texts are and do not change; a null pointer ends it.
[[nodiscard]] inline std::vector<char*> exec_words(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& one : texts) out.push_back(one.data());
  out.push_back(nullptr);
  return out;
}

} // namespace holdwater::proxy
