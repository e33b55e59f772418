// A client of the simulated world: one connection to the proxy, and what it answers.
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/packet.hpp"
#include "tests/sim/machine.hpp"
#include "tests/sim/sql_text.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::sim {

struct reply {
  enum class kind : std::uint8_t { ok, error, rows, lost }; // lost: the connection
  kind what = kind::lost;
  unsigned number = 0; // of an error
  std::string text;    // of an error; an OK's info
  std::uint16_t status = 0, warnings = 0;
  std::uint64_t insert_id = 0;
  std::uint32_t statement = 0; // that was prepared
  std::uint64_t hash = 0;      // of its bytes

  [[nodiscard]] bool ok() const { return what == kind::ok; }
  [[nodiscard]] bool in_doubt() const {
    return what == kind::lost || (what == kind::error && number == 2013);
  }
};

class wire_client {
 public:
  ~wire_client() { close(); }

  // Logged in, or what was said instead.
  reply connect(const std::string& user, const std::string& password, const std::string& database,
                bool deprecate_eof);
  void close();
  [[nodiscard]] bool connected() const { return socket_ >= 0; }

  reply query(std::string_view text);
  reply prepare(std::string_view text);
  reply execute(std::uint32_t statement, const std::vector<piece>& values);
  reply command(std::uint8_t code, std::string_view rest = {});
  // Sends, and does not stay for the answer.
  void send_query(std::string_view text);

 private:
  bool send(const protocol::byte_buffer& bytes);
  bool receive(std::size_t count);
  bool read_packet(protocol::byte_buffer& payload);
  reply read_answer(bool prepared);
  reply lose();

  int socket_ = -1;
  protocol::capabilities negotiated_ = 0;
  std::string received_; // not looked at yet
  std::uint64_t hash_ = 0;
};

} // namespace holdwater::sim
