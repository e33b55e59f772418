// One connection of the simulated server.
#pragma once

#include "protocol/messages.hpp"
#include "protocol/packet.hpp"
#include "tests/sim/server.hpp"
#include "tests/sim/sql_text.hpp"

#include <optional>

namespace holdwater::sim {

class server_session {
 public:
  server_session(server& home, int descriptor, std::uint64_t id)
      : home_(home), descriptor_(descriptor), id_(id) {}

  void run();
  void kill_soon();

  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }

 private:
  struct error {
    unsigned number;
    std::string state, text;
  };
  struct done {
    std::optional<error> failed;
    std::optional<protocol::text_result_set> rows;
    std::uint64_t affected = 0, insert_id = 0;
    std::string tag; // of what is answered
  };
  struct lost {}; // the connection is

  // server_session.cpp
  bool log_in();
  void answer(const done& what);
  void send(const protocol::byte_buffer& bytes);
  std::string receive(std::size_t count);
  protocol::byte_buffer read_packet();
  void command(const protocol::byte_buffer& payload);
  void prepare(std::string_view text);
  done execute_prepared(protocol::byte_span payload);
  void change_user(protocol::byte_span payload);
  void hang_up();
  [[nodiscard]] bool proves(const std::string& user, std::string_view proof) const;
  void wait_while_frozen();
  [[nodiscard]] std::uint16_t status() const;

  // server_statements.cpp
  done run_statement(const std::string& text, const std::vector<piece>& values);
  done set(const std::vector<piece>& all);
  done select(const std::string& text, const std::vector<piece>& all);
  done show(const std::vector<piece>& all);
  done write(const std::vector<piece>& all);
  done ledger(const std::vector<piece>& all, const std::string& text);
  done information(const std::string& text, const std::vector<piece>& all);
  std::optional<error> lock(const std::string& row);
  std::optional<error> may_write() const;
  done commit();
  void roll_back();
  [[nodiscard]] bool in_replay() const; // it has the ledger's row
  void reset();
  [[nodiscard]] std::string value_of(const piece& variable) const;

  server& home_;
  const int descriptor_;
  const std::uint64_t id_;
  protocol::capabilities negotiated_ = 0;
  protocol::challenge salt_{};
  std::string user_, peer_;
  std::uint8_t sequence_ = 0;
  bool killed_ = false;
  bool committed_ = false;      // the present command has
  bool commits_replay_ = false; // the last COMMIT moved the ledger past writes

  std::string database_;
  std::map<std::string, std::string> variables_;      // as set; others have their default
  std::map<std::string, std::string> user_variables_; // @x
  bool autocommit_ = true;
  bool in_transaction_ = false;
  commit_record pending_;
  struct savepoint {
    std::string name;
    std::size_t writes;
    std::set<std::uint64_t> ids;
  };
  std::vector<savepoint> savepoints_;
  std::set<std::string> held_; // rows' locks
  std::string wanted_;         // a lock that it waits for
  std::uint64_t last_insert_id_ = 0;
  struct prepared {
    std::string text;
    std::uint16_t parameters = 0;
    protocol::byte_buffer types;
    std::vector<std::string> long_data;
  };
  std::map<std::uint32_t, prepared> statements_;
  std::uint32_t next_statement_ = 1;
};

} // namespace holdwater::sim
