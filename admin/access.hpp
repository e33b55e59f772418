// Who may do what over the HTTP port: tokens, roles, and how often one may be wrong.
//
// Invariant: a token is compared in a time that tells nothing of it, and an address that has been wrong too
// often is not asked again until its time is over, however right it may be.
//
// Source: RFC 6750 (Bearer), RFC 7617 (Basic, with any user and the token as the password: browsers ask for
// it themselves).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace holdwater::admin {

enum class role : std::uint8_t {
  nobody,  // has no token, or a wrong one
  read,    // sees states and counts, and statements without their values
  operate, // sees and does all
};

struct tokens {
  std::string operate; // both empty: who reaches the port may do all
  std::string read;
};

class gate {
 public:
  explicit gate(const tokens& known);

  // No token is asked for.
  [[nodiscard]] bool open() const { return !has_operate_ && !has_read_; }
  // `authorization` is the request's header.
  [[nodiscard]] role admit(const std::optional<std::string>& authorization) const;

 private:
  using digest = std::array<unsigned char, 32>;
  static digest digest_of(std::string_view text);

  digest operate_;
  digest read_;
  bool has_operate_;
  bool has_read_;
};

// Wrong tokens, by the address that they came from.
class failure_limit {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  failure_limit(unsigned most, std::chrono::seconds window) : most_(most), window_(window) {}

  // Whether the address has been wrong too often, lately.
  [[nodiscard]] bool blocks(const std::string& address, time_point now) const;
  // Returns how often it was wrong in the present window.
  unsigned note(const std::string& address, time_point now);

 private:
  static constexpr std::size_t most_addresses = 4096; // past it, those whose window is over are forgotten

  struct record {
    unsigned count = 0;
    time_point began;
  };
  [[nodiscard]] bool is_over(const record& one, time_point now) const { return now - one.began >= window_; }

  unsigned most_;
  std::chrono::seconds window_;
  std::unordered_map<std::string, record> wrong_;
};

} // namespace holdwater::admin
