// The keys of data at rest: 32 random bytes each. A key's id is made of the key and tells nothing of it; it
// stands with each value that the key has sealed.
//
// Invariant: a ring never changes. Its first key seals, all of them open.
#pragma once

#include "spool/error.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::spool {

using key_id = std::uint64_t; // 0: no key, the value is in clear

[[nodiscard]] std::string print_key(key_id id); // 16 hex digits

class data_key {
 public:
  static constexpr std::size_t size = 32;
  using bytes_type = std::array<std::uint8_t, size>;

  explicit data_key(const bytes_type& bytes);
  data_key(const data_key&) = default;
  data_key& operator=(const data_key&) = default;
  ~data_key(); // writes over the bytes

  [[nodiscard]] key_id id() const { return id_; }
  [[nodiscard]] const std::uint8_t* bytes() const { return bytes_.data(); }

 private:
  bytes_type bytes_;
  key_id id_ = 0;
};

class key_ring {
 public:
  // Keys in base64 or hex, separated by white space or commas; what follows a # in a line is passed over.
  // The word "none" as the first one: nothing is sealed, and the keys behind it open what was.
  // The error names no part of a key.
  [[nodiscard]] static result<std::shared_ptr<const key_ring>> parse(std::string_view text);

  [[nodiscard]] const data_key* sealing() const { return seals_ && !keys_.empty() ? keys_.data() : nullptr; }
  [[nodiscard]] const data_key* find(key_id id) const;
  [[nodiscard]] std::string names() const; // the ids, for people

 private:
  std::vector<data_key> keys_;
  bool seals_ = true;
};
using key_ring_ptr = std::shared_ptr<const key_ring>; // null: no key is given

[[nodiscard]] inline const data_key* sealing_key(const key_ring_ptr& all) {
  return all ? all->sealing() : nullptr;
}
[[nodiscard]] inline key_id sealing_id(const key_ring_ptr& all) {
  const auto* const key = sealing_key(all);
  return key != nullptr ? key->id() : 0;
}

} // namespace holdwater::spool
