// One account's connection for replay: it knows which session state the last unit left on it.
//
// Invariant: a statement is sent only after every SET that it needs was answered; when one of them fails,
// what the connection has is taken as unknown.
#pragma once

#include "spool/replayer.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace holdwater::spool {

// What tells a connection from every other one, over restarts of the server too, where ids begin anew: the
// host is the client's address and port as the server sees them.
struct connection_identity {
  std::uint64_t id = 0;
  std::string user;
  std::string host;
};

enum class presence : std::uint8_t { gone, maybe_there };

class replay_session {
 public:
  [[nodiscard]] static server_result<std::unique_ptr<replay_session>>
  open(const connector& connect, const credentials& account, const patience& how_long);

  [[nodiscard]] server_result<query_answer> query(std::string_view text);
  [[nodiscard]] server_result<void> begin(const std::string& isolation);
  [[nodiscard]] server_result<void> rollback();
  [[nodiscard]] server_result<query_answer> run(const statement& what);
  // Ends that connection when it is still there and provably the same one.
  [[nodiscard]] server_result<presence> end(const connection_identity& other);

  [[nodiscard]] const connection_identity& identity() const { return identity_; }
  [[nodiscard]] bool broken() const { return broken_; } // the connection was lost
  // An insert id that no row took is still set, and this server forgets it only with the connection.
  [[nodiscard]] bool spoiled() const { return unused_insert_id_ && !is_mariadb_; }

 private:
  explicit replay_session(std::unique_ptr<mysql_connection> connection)
      : connection_(std::move(connection)) {}
  [[nodiscard]] server_result<void> set_up(const std::string& user);
  [[nodiscard]] server_result<std::optional<connection_identity>> find(std::uint64_t id);
  [[nodiscard]] server_result<void> take_context(const statement& wanted);
  [[nodiscard]] server_result<void> note_unused_insert_id(const statement& what, const query_answer& answer);
  [[nodiscard]] server_result<void> use(const statement_context& wanted);
  [[nodiscard]] server_result<query_answer> execute(const statement& what);
  [[nodiscard]] server_result<void> send(const std::string& text);

  std::unique_ptr<mysql_connection> connection_;
  connection_identity identity_;
  std::uint64_t max_packet_ = 0;             // bytes of a statement that the server takes
  std::optional<statement_context> context_; // what the connection has; nothing: not known
  std::string isolation_;
  bool broken_ = false;
  bool is_mariadb_ = false;
  bool unused_insert_id_ = false;
};

} // namespace holdwater::spool
