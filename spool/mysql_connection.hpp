// A blocking connection to the server through libmysqlclient, for replay, the monitor and id reservation. Not
// thread-safe; every call ends within its time-out.
//
// Source: MariaDB Connector/C API functions.
#pragma once

#include "spool/spool.hpp"
#include "spool/unit.hpp"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::spool {

enum class tls_mode : std::uint8_t {
  off,
  preferred,       // when the server offers it
  required,        // or no connection
  verify_ca,       // and the server's certificate is signed by an authority of `ca` or `ca_folder`
  verify_identity, // and made out to the server's host
};
struct tls_settings {
  tls_mode mode = tls_mode::off;
  std::string ca;          // PEM file; empty: `ca_folder` counts
  std::string ca_folder;   // hashed folder of authorities
  std::string certificate; // shown to the server when it asks; PEM, may be empty
  std::string key;
};
struct server_address {
  std::string host = "127.0.0.1"; // resolved anew at each connect
  std::uint16_t port = 3306;
  std::string socket; // a unix socket's path, instead of the two
  tls_settings tls;
};
struct credentials {
  std::string user;
  std::string password;
};
struct connection_timeouts {
  std::chrono::milliseconds connect{10000};
  std::chrono::milliseconds read{
      10000}; // one answer; libmysqlclient counts whole seconds, so it is rounded up
};

using result_row = std::vector<std::optional<std::string>>;
struct answer_column { // as the server describes it
  bool integer = false;
  std::uint8_t type = 0; // MYSQL_TYPE_...
  std::uint16_t flags = 0;
  std::uint32_t length = 0; // in bytes of the connection's character set, which is utf8mb4
  std::uint8_t decimals = 0;
  std::string name{};
};
struct query_answer {
  std::vector<result_row> rows; // empty for a statement without a result set
  std::vector<answer_column> columns;
  statement_answer summary;
  bool in_transaction = false;  // the server's word after the statement
  bool changed_session = false; // likewise, where it was asked to tell: of a write, its triggers have
};

// What the caller should make of a server_error.
enum class error_class : std::uint8_t {
  refused,         // the statement's own fault: it would fail again
  transient,       // deadlock, lock wait time-out, ...: the same statement may succeed when repeated
  not_now,         // the server cannot take a write: 1053, 1040, 1290/1836/3100 read-only, 1047, 1152, ...
  withheld,        // to this account (1045, ...) or for want of room (1114, ...), until somebody sees to that
  connection_lost, // no answer: refused, reset, timed out; a statement in flight is in doubt
};
[[nodiscard]] error_class classify(const server_error& error);
// Whether the text is the server's own, in English, for a number that does not speak of the statement itself;
// a SIGNAL chooses both. True of all other numbers.
[[nodiscard]] bool is_in_servers_words(const server_error& error);

template <class T>
using server_result = boost::system::result<T, server_error>;
template <class T>
[[nodiscard]] bool is_lost(const server_result<T>& answer) {
  return !answer && classify(answer.error()) == error_class::connection_lost;
}
[[noreturn]] void throw_exception_from_error(const server_error& error, const boost::source_location& where);

// A text to run as it is, or the execution of a prepared one with values, which must outlive the sending.
struct outgoing {
  std::string text;
  const std::vector<parameter>* values = nullptr;
};

// Asked about every 100 ms while an answer has not begun; false gives the connection up.
using patience = std::function<bool(std::chrono::milliseconds waited)>;

class mysql_connection {
 public:
  [[nodiscard]] static server_result<std::unique_ptr<mysql_connection>>
  connect(const server_address& where, const credentials& who, const std::string& database,
          const connection_timeouts& timeouts);
  virtual ~mysql_connection() = default;

  [[nodiscard]] virtual server_result<query_answer> query(std::string_view text) = 0;
  // Sends statements one behind the other, without awaiting answers; the server runs each, whatever becomes
  // of those before it. Nothing else may be asked until read_each() has given all their answers. Bounded by
  // the caller: what is not read yet has room in the sockets' buffers only.
  virtual void send_each(const std::vector<outgoing>& all);
  // Whether it may be among them: execute() has prepared that text, and run it with values of the same types.
  [[nodiscard]] virtual bool can_send(std::string_view text, const std::vector<parameter>& values) const;
  // The next answers, in the order of the statements. Fewer than asked for: the last one is the connection's
  // loss.
  [[nodiscard]] virtual std::vector<server_result<query_answer>> read_each(std::size_t count);
  // Prepares the text and executes it once with the values. Refused (number 0) when it has not as many ? or
  // a type cannot be bound. The last texts stay prepared, for executing them again with the same types.
  [[nodiscard]] virtual server_result<query_answer> execute(std::string_view text,
                                                            const std::vector<parameter>& values) = 0;
  // What a text means has changed on this connection (database, sql_mode, character set, ...).
  virtual void forget_prepared() {}
  [[nodiscard]] virtual std::uint64_t connection_id() const = 0; // the server's thread id
  [[nodiscard]] virtual std::string server_version() const = 0;

  // Replaces the read time-out of an answer's first byte: a long statement is no outage.
  virtual void be_patient(patience how_long) = 0;

 private:
  std::deque<server_result<query_answer>> unread_; // of connections that answer at once
};

} // namespace holdwater::spool
