// The form that an answer has in Redis, where others than us may write: bytes in, values out.
//
// A head of 89 characters, then the answer; nothing behind the head: it was forgotten.
//   "HW1 ", the generation (33 characters), a space, when the answer was true by Redis's clock in
//   microseconds (20 digits), a space, the same by the writer's wall clock (20 digits), a space, CRC-32 of
//   what follows (8 hex digits), a newline
// Worked example:
//   HW1 n00112233445566778899aabbccddeeff 00001795693810000000 00001795693810000412 0d4a1185\n...
// With a data key the answer is sealed (spool/sealed_value.hpp), bound to its key in Redis and to the head.
//
// The generation is a word of chance that is kept in Redis beside the answers: what has another one than is
// there is not there any more. So to clear is to change one word, and to lose it (an eviction, a flush) loses
// the answers, not their end. "c" before 32 hex digits: made to clear; "n": made since there was none.
#pragma once

#include "spool/data_key.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace holdwater::proxy {

struct shared_entry {
  std::string generation;
  std::chrono::microseconds at{0};      // by Redis's clock
  std::chrono::microseconds wall_at{0}; // by the wall clock of who wrote it
  std::string answer;                   // empty: it was forgotten
};

// Where the two stand that the script compares which keeps the younger of two answers, counted from 0.
inline constexpr std::size_t entry_mark_size = 4 + 33; // the form and the generation
inline constexpr std::size_t entry_moment_at = entry_mark_size + 1;
inline constexpr std::size_t entry_moment_size = 20;
inline constexpr std::size_t entry_head_size = 89;

[[nodiscard]] std::string print_moment(std::chrono::microseconds moment);

// `key`: the whole key in Redis.
[[nodiscard]] std::string write_shared(const shared_entry& one, std::string_view key,
                                       const spool::key_ring_ptr& keys);
// errc::wrong_key: it is sealed under a key that is not given, or in clear where a key is; errc::corrupt: it
// is not what one of us wrote there.
[[nodiscard]] spool::result<shared_entry> read_shared(std::string_view stored, std::string_view key,
                                                      const spool::key_ring_ptr& keys);

enum class generation_cause : char { cleared = 'c', none_there = 'n' };
[[nodiscard]] std::string make_generation(generation_cause why);
[[nodiscard]] bool is_generation(std::string_view text);

} // namespace holdwater::proxy
