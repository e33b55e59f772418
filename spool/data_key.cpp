#include "spool/data_key.hpp"

#include "spool/byte_codec.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstdio>

namespace holdwater::spool {
namespace {

constexpr char id_context[] = "holdwater: the id of a data key";

key_id id_of(const data_key::bytes_type& bytes) {
  std::string digest(crypto_generichash_BYTES_MIN, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(digest.data()), digest.size(),
                     reinterpret_cast<const unsigned char*>(id_context), sizeof id_context - 1, bytes.data(),
                     bytes.size());
  return std::max<key_id>(little_endian(digest, 0, 8), 1); // 0 says that there is none
}

bool read_key(std::string_view word, data_key::bytes_type& key) {
  std::size_t size = 0;
  const char* end = nullptr;
  const auto whole = [&] { return size == key.size() && end == word.data() + word.size(); };
  if (word.size() == 2 * key.size())
    return sodium_hex2bin(key.data(), key.size(), word.data(), word.size(), nullptr, &size, &end) == 0 &&
           whole();
  return sodium_base642bin(key.data(), key.size(), word.data(), word.size(), nullptr, &size, &end,
                           sodium_base64_VARIANT_ORIGINAL) == 0 &&
         whole();
}

// The next word of the text, which is cut behind it; empty at the end.
std::string_view next_word(std::string_view& text) {
  constexpr std::string_view between = " \t\r\n,";
  while (!text.empty()) {
    if (text.front() == '#')
      text.remove_prefix(std::min(text.find('\n'), text.size()));
    else if (between.find(text.front()) != between.npos)
      text.remove_prefix(1);
    else
      break;
  }
  const auto word = text.substr(0, text.find_first_of(" \t\r\n,#"));
  text.remove_prefix(word.size());
  return word;
}

} // namespace

std::string print_key(key_id id) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(id));
  return digits;
}

data_key::data_key(const bytes_type& bytes) : bytes_(bytes), id_(id_of(bytes)) {}

data_key::~data_key() {
  sodium_memzero(bytes_.data(), bytes_.size());
}

result<std::shared_ptr<const key_ring>> key_ring::parse(std::string_view text) {
  if (sodium_init() < 0) return failure{errc::wrong_key, "libsodium cannot be used"};
  auto ring = std::make_shared<key_ring>();
  std::size_t position = 0;
  for (auto word = next_word(text); !word.empty(); word = next_word(text)) {
    if (++position == 1 && word == "none") {
      ring->seals_ = false;
      continue;
    }
    data_key::bytes_type bytes{};
    const bool read = read_key(word, bytes);
    if (read) ring->keys_.emplace_back(bytes);
    sodium_memzero(bytes.data(), bytes.size());
    if (!read)
      return failure{errc::wrong_key, "word " + std::to_string(position) +
                                          " is no key: a key is 32 bytes in base64 or hex, as "
                                          "\"openssl rand -base64 32\" makes it"};
  }
  if (ring->keys_.empty() && ring->seals_) return failure{errc::wrong_key, "there is no key in it"};
  return std::shared_ptr<const key_ring>(std::move(ring));
}

const data_key* key_ring::find(key_id id) const {
  const auto found = std::ranges::find(keys_, id, &data_key::id);
  return found == keys_.end() ? nullptr : &*found;
}

std::string key_ring::names() const {
  std::string out = seals_ ? "" : "none";
  for (const auto& key : keys_) out += (out.empty() ? "" : ", ") + print_key(key.id());
  return out;
}

} // namespace holdwater::spool
