// A bounded store of opaque values by opaque keys, for what may be lost: results of reads, kept for an
// outage. Not durable: nothing waits for the disk (WAL, synchronous=NORMAL); after a power cut the last
// values may be missing, or the file be damaged, and then it is set aside and begun anew.
//
// One thread at a time. The file is private to its owner (0600) and to this process.
//
// Where there is a key, values are sealed (sealed_value.hpp), and a file that holds some in clear, or under
// another key, is emptied when it gets the key. A value whose key is not there any more is not there either.
//
// The file: SQLite, application_id 0x48577263 ("HWrc"), user_version 2; the table `result` (key, written_at
// in microseconds of boot_clock's time, value with a CRC-32 behind it, sealed: 1 when that is), the table
// `fact` (clock; sealed: the key's id when no value lies in clear or under another). Version 1 has no
// `sealed` values.
#pragma once

#include "spool/data_key.hpp"
#include "spool/error.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdwater::spool {

struct kept_result {
  std::string key;
  std::string value;
  std::chrono::microseconds written_at{0}; // since boot, as since_boot() says it
};

class result_store {
 public:
  virtual ~result_store() = default;

  // In one transaction. A value that is there is replaced, unless it is newer.
  [[nodiscard]] virtual result<void> put(const std::vector<kept_result>& all) = 0;
  // errc::corrupt: the value is not what was written.
  [[nodiscard]] virtual result<std::optional<kept_result>> get(const std::string& key) = 0;
  [[nodiscard]] virtual result<void> erase(const std::vector<std::string>& keys) = 0;
  [[nodiscard]] virtual result<void> clear() = 0;
  // Other keys from now on.
  [[nodiscard]] virtual result<void> set_keys(key_ring_ptr fresh) = 0;
  // Drops what was written before, and the oldest beyond `most_bytes` of the file, some at a time. True:
  // there is more to drop.
  [[nodiscard]] virtual result<bool> shrink(std::chrono::microseconds written_before,
                                            std::uint64_t most_bytes) = 0;

  [[nodiscard]] virtual result<std::uint64_t> entries() = 0;
  [[nodiscard]] virtual result<std::uint64_t> bytes() = 0; // of the file that are in use
};

// A file that is damaged, or is something else, is errc::corrupt.
[[nodiscard]] result<std::unique_ptr<result_store>> open_result_store(const std::string& path,
                                                                      const key_ring_ptr& given = {});
// A damaged file is begun anew, and `damage` says what was wrong. It is set aside, but not where there is a
// key: it may hold values in clear.
[[nodiscard]] result<std::unique_ptr<result_store>>
open_result_store_or_replace(const std::string& path, const key_ring_ptr& given, std::string& damage);

} // namespace holdwater::spool
