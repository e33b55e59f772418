// What a host's name stands for. Nothing ends getaddrinfo() early, so it has a thread of its own, that nobody
// waits for when the time is over.
#pragma once

#include <netdb.h>

#include <cstdint>
#include <memory>
#include <string>

namespace holdwater::proxy {

class address_lookup {
 public:
  struct free_addresses {
    void operator()(addrinfo* all) const noexcept { ::freeaddrinfo(all); }
  };
  using addresses_ptr = std::unique_ptr<addrinfo, free_addresses>;

  address_lookup(const std::string& host, std::uint16_t port);

  [[nodiscard]] int descriptor() const; // readable when it is over
  // Once, when it is over. Null: there is none, and `problem` says why.
  [[nodiscard]] addresses_ptr take(std::string& problem) const;

 private:
  struct outcome;
  std::shared_ptr<outcome> shared_;
};

} // namespace holdwater::proxy
