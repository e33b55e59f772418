// One end of a scripted conversation: a blocking socket of which every wait has a deadline. A step that does
// not happen in time, or differs from the script, fails the test case.
#pragma once

#include "protocol/packet.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace holdwater::proxy::test {

inline constexpr std::chrono::seconds patience{10}; // of every wait

struct packet {
  std::uint8_t sequence = 0;
  protocol::byte_buffer payload;

  friend bool operator==(const packet&, const packet&) = default;
};

class peer {
 public:
  peer() = default;
  explicit peer(int socket) : socket_(socket) {} // takes it over
  peer(peer&& other) noexcept;
  peer& operator=(peer&& other) noexcept;
  ~peer();

  static peer connect(std::uint16_t port);

  void send(protocol::byte_span bytes);
  void send_in_pieces(protocol::byte_span bytes); // a byte a segment
  void send_packet(std::uint8_t sequence, protocol::byte_span payload);

  protocol::byte_buffer read(std::size_t count);
  packet read_packet();
  void expect(std::uint8_t sequence, protocol::byte_span payload);
  void expect_bytes(protocol::byte_span bytes);

  // Of a conversation that the other side ends at a time of its own choice: false, or nothing, when it has.
  bool try_send_packet(std::uint8_t sequence, protocol::byte_span payload);
  std::optional<packet> read_packet_or_end();

  // The other side has hung up, and said nothing before.
  void expect_closed();
  // For a library that takes the socket over; its waits are bounded all the same.
  int lend();

  // Nothing more is sent; waits until the other side has noticed and hung up too.
  void hang_up();
  void close();

 private:
  void wait_for(short events);
  std::size_t read_some(std::uint8_t* into, std::size_t most); // 0: hung up

  int socket_ = -1;
};

// A socket on a free port of 127.0.0.1.
class listening_socket {
 public:
  listening_socket();
  ~listening_socket() { close(); }
  listening_socket(const listening_socket&) = delete;
  listening_socket& operator=(const listening_socket&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  int accept();                            // the next connection's socket
  void close();                            // also hangs up on connections that were not accepted
  [[nodiscard]] bool anyone_waits() const; // a connection is there that was not accepted

 private:
  int socket_ = -1;
  std::uint16_t port_ = 0;
};

} // namespace holdwater::proxy::test
