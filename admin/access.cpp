#include "admin/access.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace holdwater::admin {
namespace {

bool starts_with_word(std::string_view text, std::string_view lower_word) {
  if (text.size() <= lower_word.size() || text[lower_word.size()] != ' ') return false;
  for (std::size_t i = 0; i < lower_word.size(); ++i)
    if ((text[i] | 0x20) != lower_word[i]) return false;
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

int sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// RFC 4648, section 4; nothing when it is something else.
std::optional<std::string> from_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const int value = sextet(c);
    if (value < 0) return std::nullopt;
    held = (held << 6 | static_cast<unsigned>(value)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(held >> bits & 0xff);
  }
  return out;
}

// What the header claims to be the token.
std::optional<std::string> token_in(std::string_view header) {
  header = trimmed(header);
  if (starts_with_word(header, "bearer")) return std::string(trimmed(header.substr(7)));
  if (!starts_with_word(header, "basic")) return std::nullopt;
  const auto pair = from_base64(trimmed(header.substr(6)));
  if (!pair) return std::nullopt;
  const auto colon = pair->find(':');
  if (colon == pair->npos) return std::nullopt;
  return pair->substr(colon + 1);
}

} // namespace

gate::digest gate::digest_of(std::string_view text) {
  digest out{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
  return out;
}

gate::gate(const tokens& known)
    : operate_(digest_of(known.operate)), read_(digest_of(known.read)), has_operate_(!known.operate.empty()),
      has_read_(!known.read.empty()) {}

// Digests are of one length, whatever was sent, and say nothing of where two tokens begin to differ.
role gate::admit(const std::optional<std::string>& authorization) const {
  if (open()) return role::operate;
  if (!authorization) return role::nobody;
  const auto shown = token_in(*authorization);
  if (!shown || shown->empty()) return role::nobody;
  const auto mine = digest_of(*shown);
  const bool operates = CRYPTO_memcmp(mine.data(), operate_.data(), mine.size()) == 0;
  const bool reads = CRYPTO_memcmp(mine.data(), read_.data(), mine.size()) == 0;
  if (has_operate_ && operates) return role::operate;
  return has_read_ && reads ? role::read : role::nobody;
}

bool failure_limit::blocks(const std::string& address, time_point now) const {
  const auto found = wrong_.find(address);
  return found != wrong_.end() && !is_over(found->second, now) && found->second.count >= most_;
}

unsigned failure_limit::note(const std::string& address, time_point now) {
  if (wrong_.size() >= most_addresses)
    std::erase_if(wrong_, [&](const auto& one) { return is_over(one.second, now); });
  if (wrong_.size() >= most_addresses) wrong_.clear(); // a flood from everywhere: the tokens are long
  auto& one = wrong_[address];
  if (one.count == 0 || is_over(one, now)) one = {0, now};
  return ++one.count;
}

} // namespace holdwater::admin
