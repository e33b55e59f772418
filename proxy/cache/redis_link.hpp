// One connection to a Redis: commands out, replies in. It blocks, but never longer than it is told, and comes
// back at once when it is to stop. What comes is not trusted: a reply has bounds, and one beyond them ends
// the connection.
//
// Source: the protocol is https://redis.io/docs/reference/protocol-spec, version 2; hiredis speaks it.
#pragma once

#include "proxy/config/redis_url.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct redisContext;

namespace holdwater::proxy {

struct redis_reply {
  enum class kind : std::uint8_t { nothing, number, text, error, list };
  kind is = kind::nothing;
  std::int64_t number = 0;
  std::string text;               // of a text, or an error
  std::vector<redis_reply> items; // of a list, which holds no other list
};

class redis_link {
 public:
  struct limits {
    std::chrono::milliseconds timeout{0}; // for the way there, and for each exchange
    std::size_t largest = 0;              // reply
    int stop = -1;                        // a descriptor that is readable when it is time to stop; -1: none
  };
  redis_link() = default;

  // Empty: it is connected and logged in. Else what went wrong, which names no secret.
  [[nodiscard]] std::string open(const redis_url& place, limits within);
  void close();
  [[nodiscard]] bool is_open() const { return context_ != nullptr; }
  [[nodiscard]] int descriptor() const; // -1: closed
  void set_limits(limits within) { within_ = within; }

  // To be sent with the next exchange.
  void append(std::initializer_list<std::string_view> words);
  void append(const std::vector<std::string_view>& words);
  // How long it may last: as a whole, or without a byte that comes or goes.
  enum class patience : std::uint8_t { whole, silence };
  // Sends all that was appended; as many replies come back. Empty: well; else what went wrong, and it is
  // closed.
  [[nodiscard]] std::string exchange(std::vector<redis_reply>& replies, patience how = patience::whole);

 private:
  struct closer {
    void operator()(redisContext* context) const noexcept;
  };
  using clock = std::chrono::steady_clock;

  [[nodiscard]] std::string connect(const redis_url& place, clock::time_point until);
  [[nodiscard]] std::string log_in(const redis_url& place);
  [[nodiscard]] std::string wait(int descriptor, short& events, clock::time_point until) const;
  [[nodiscard]] std::string fail(std::string why);

  std::unique_ptr<redisContext, closer> context_;
  limits within_;
  std::size_t appended_ = 0;
};

} // namespace holdwater::proxy
