// The conversation with a relayed client, as far as both sides have come.
#pragma once

#include <cstdint>
#include <string>

namespace holdwater::proxy {

struct relayed_login {
  std::string plugin;               // what the server has asked for last
  std::string salt;                 // and its challenge, without the zero byte behind it
  std::uint8_t client_sequence = 0; // of the next packet to the client
};

} // namespace holdwater::proxy
