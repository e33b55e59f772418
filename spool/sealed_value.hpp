// A value on its way to the disk and back: compressed where it pays, and sealed (encrypted, and bound to its
// place) where there is a key.
//
// The forms, told by the first byte; what begins otherwise is in clear, as it was given:
//   20: a zstd frame of the value
//   40: the key's id (8 bytes, little-endian), a nonce (24), the value under XChaCha20-Poly1305, the tag (16)
// A sealed value holds a compressed one, not the other way round. The nonce is random: of 192 bits no two are
// alike, however many values a key seals. First byte, id and place are authenticated with it, so a value that
// is put elsewhere, or taken from another file, does not open.
#pragma once

#include "spool/data_key.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdwater::spool {

inline constexpr std::size_t sealing_overhead = 1 + 8 + 24 + 16;

// A row of a file: what a sealed value is bound to. `kind` is one of a few words, `file` the file's own id.
[[nodiscard]] std::string place_of(std::string_view kind, std::string_view file, std::uint64_t row);
[[nodiscard]] std::string place_of(std::string_view kind, std::string_view row);

[[nodiscard]] std::string seal(const data_key& key, std::string_view value, std::string_view place);
[[nodiscard]] bool is_sealed(std::string_view stored);
// A value in clear comes back as it is. errc::wrong_key: it needs a key that is not there; errc::corrupt: it
// was changed, or stands at another place.
[[nodiscard]] result<std::string> unseal(const key_ring_ptr& all, std::string stored, std::string_view place);

// The value itself where it is short, or would not become much shorter.
[[nodiscard]] std::string compress(std::string value);
[[nodiscard]] result<std::string> expand(std::string stored);

} // namespace holdwater::spool
