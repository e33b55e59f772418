// What a connection is, as far as the answers to its reads depend on it: enough to make another one that is
// answered the same, and whose answers are kept under the same keys.
#pragma once

#include "protocol/capabilities.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

struct known_asker {
  std::string user;
  std::string database;
  protocol::capabilities capabilities = 0; // those that change an answer
  std::uint16_t collation = 0;             // of its login; 0: what clients of that server have
  std::vector<std::string> settings;       // the SETs that it has made since, those that change an answer

  friend bool operator==(const known_asker&, const known_asker&) = default;
};

// The file's content: a line that names the format, then for each asker its fields (spool/byte_codec).
//   "holdwater askers 1\n" 01 03 "app" 04 "shop" 04 2d 01 0e "SET NAMES utf8"
[[nodiscard]] std::string encode_askers(const std::vector<known_asker>& all);
[[nodiscard]] std::optional<std::vector<known_asker>> decode_askers(std::string_view content);

} // namespace holdwater::proxy
