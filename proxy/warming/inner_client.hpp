// A client of our own: it speaks to one of our sessions over a pair of sockets, as any other client does over
// the network, so that what it is answered passes the same way and is kept under the same key. It blocks, and
// looks every moment whether it is to stop.
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/packet.hpp"
#include "proxy/warming/known_asker.hpp"

#include <atomic>
#include <string>
#include <string_view>

namespace holdwater::proxy {

// What of a client's capabilities an inner client takes over.
[[nodiscard]] protocol::capabilities worth_repeating(protocol::capabilities negotiated);

class inner_client {
 public:
  // Takes over the socket.
  inner_client(int socket, const std::atomic<bool>& stopping);
  ~inner_client();
  inner_client(const inner_client&) = delete;
  inner_client& operator=(const inner_client&) = delete;

  // What was refused, or what is wrong; empty when all is well. `lost`: there is no connection any more.
  struct outcome {
    std::string problem;
    bool lost = false;
  };
  [[nodiscard]] outcome log_in(const known_asker& as, const std::string& password);
  // The answer's rows are thrown away.
  [[nodiscard]] outcome ask(std::string_view statement);
  void leave();

 private:
  [[nodiscard]] bool send(protocol::byte_span bytes);
  [[nodiscard]] bool receive(); // at least one more byte into unread_
  [[nodiscard]] bool read_packet(protocol::byte_buffer& payload, std::uint8_t& sequence);

  int socket_;
  const std::atomic<bool>& stopping_;
  protocol::capabilities negotiated_ = 0;
  protocol::byte_buffer unread_;
};

} // namespace holdwater::proxy
