// Writes the commented sample configuration to stdout: conf/holdwater.toml is exactly this.
#include "proxy/config/option_table.hpp"

#include <cstdio>

int main() {
  const auto text = holdwater::proxy::sample_file();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
