// SHA-256, where a text stands for another so that no two have the same.
#pragma once

#include <openssl/sha.h>

#include <string>
#include <string_view>

namespace holdwater::proxy {

[[nodiscard]] inline std::string digest_of(std::string_view text) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

} // namespace holdwater::proxy
