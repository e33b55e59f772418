// The prepared statements that a client has open, so that they can be prepared again on another server
// connection. No I/O.
//
// Invariant: the client's ids never change. On the connection on which everything was prepared they are the
// server's own, and bytes pass as they are; after that connection is lost, mapped() is true, each statement
// has a server id of its own or is not prepared at all, and new statements get ids that no open one has.
#pragma once

#include "protocol/packet.hpp"
#include "protocol/response_tracker.hpp"
#include "protocol/sql/analysis.hpp"
#include "proxy/own_writes/written_tables.hpp"
#include "spool/unit.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace holdwater::proxy {

struct client_command;

// What the meaning of a statement's text depends on when it is prepared.
struct prepare_context {
  std::string database;
  std::string sql_mode;
  std::string character_set_client;
  std::string collation_connection;
  std::string character_set_results; // empty for NULL
  std::vector<spool::session_setting> settings;

  friend bool operator==(const prepare_context&, const prepare_context&) = default;
};
// The statements that lead a connection from one context to the other; nullopt when there are none that do.
[[nodiscard]] std::optional<std::vector<std::string>> lead_over(const prepare_context& from,
                                                                const prepare_context& to);

// What executing a text does, as far as losing and restoring a session needs to know.
struct prepared_facts {
  protocol::sql::kind kind = protocol::sql::kind::unknown;
  bool pure_read = false;            // its repetition is not noticed
  bool only_reads = false;           // it changes nothing that others could see
  bool lasting = false;              // a read whose answer may be kept for an outage
  bool calls_unknown = false;        // calls what may leave behind what nobody sees
  bool stays_in_transaction = false; // it cannot commit an open one
  bool changes_session = false;      // something is to be remembered after it
  bool changes_logins = false;       // the next login may go another way
  bool inserts = false;              // ids are to be reserved for its table, if that was not done
  bool keeps_last_id = false;        // LAST_INSERT_ID() says afterwards what it said before
  written_tables written;
  bool looks_back = false; // may ask about the statement before: nothing may be sent in between

  [[nodiscard]] bool makes_rows() const {
    return kind == protocol::sql::kind::insert || kind == protocol::sql::kind::replace;
  }
  [[nodiscard]] bool writes() const {
    return makes_rows() || kind == protocol::sql::kind::update || kind == protocol::sql::kind::erase;
  }
};

struct prepared_statement {
  std::uint32_t client_id = 0;
  std::uint32_t server_id = 0;
  std::string text;
  prepared_facts facts;
  std::shared_ptr<const prepare_context> made_in;
  std::uint16_t parameters = 0;
  std::uint64_t definitions = 0; // hash of what the client was told of parameters and columns
  protocol::byte_buffer types;   // of the parameters, as the client sent them last
  bool types_missed = false;     // ... which were not seen whole
  bool kept = true;              // false: the text did not fit, and the session cannot be restored
  bool prepared = true;          // server_id is good on the present connection
  bool types_sent = false;       // the server knows the types
  bool long_data = false;        // some was sent to the server for the next execute
  bool cursor = false;           // its last execute asked for one, which may be open
  std::map<std::uint16_t, std::string>
      long_data_kept;               // by parameter: some was sent while the server was away
  bool made_here = false;           // in an outage: the server has not said yet what it makes of the text
  std::optional<bool> makes_id;     // an INSERT: whether the server makes its id; nothing: not looked at
  bool long_data_lost = false;      // ... and is gone
  bool definitions_changed = false; // what the server would answer is not what the client expects
  struct {
    std::uint64_t link = 0; // on which connection to a replica it is prepared, 0: on none
    std::uint32_t id = 0;
    bool types_sent = false;
  } at_replica;

  // Whether a server's answer to its text says what the client was told. One that caches definitions is sent
  // them again only when the server sees them change, and it would not see this.
  [[nodiscard]] bool is_what(const protocol::response_tracker& said,
                             protocol::capabilities negotiated) const {
    const bool cached = (negotiated & protocol::cap::mariadb_cache_metadata) != 0;
    return said.parameter_count() == parameters && (!cached || said.definitions_hash() == definitions);
  }
};

// One of SQL's PREPARE.
struct named_statement {
  std::string name;     // lower case
  std::string prepare;  // the whole PREPARE statement
  std::string variable; // FROM @variable: its name, empty when the text was in the statement
  std::string value;    // ... and the SQL text of its value then
  std::string text;     // the statement that was prepared
  prepared_facts facts;
  std::shared_ptr<const prepare_context> made_in;
};

// The name under which one of them is kept: in lower case.
[[nodiscard]] std::string lower_name(const protocol::sql::name& name);

class prepared_statements {
 public:
  // Bytes of all that is kept of open statements; what does not fit makes the session unrestorable until it
  // is closed.
  void set_limit(std::uint64_t bytes) { limit_ = bytes; }
  void clear();

  // --- by id
  // After the server's answer to COM_STMT_PREPARE. `client_id` is what the client was told. Not `kept` when
  // its text is not known.
  void opened(prepared_statement one, const prepare_context& context);
  // Prepared without the server: it will be there before its first use. Gives its id; nothing: it does not
  // fit.
  [[nodiscard]] std::optional<std::uint32_t> opened_here(prepared_statement one,
                                                         const prepare_context& context);
  void failed_to_open() { last_ = 0; }
  void closed(std::uint32_t client_id);
  [[nodiscard]] prepared_statement* find(std::uint32_t client_id); // null: not open
  void keep_types(prepared_statement& one, protocol::byte_span types);
  void miss_types(prepared_statement& one); // it was sent some that were not seen whole
  // Of an execute that is answered without the server. The client has said them, and may not say them again.
  void keep_unsent_types(protocol::byte_span execute, protocol::capabilities negotiated);
  void keep_unseen_types(client_command& of,
                         protocol::capabilities negotiated); // the same, once, if it is one
  // Long data while the server is away. What does not fit, and what follows it, is lost.
  void keep_long_data(prepared_statement& one, std::uint16_t parameter, std::string_view data);
  void drop_long_data(prepared_statement& one); // it was executed or reset, or has gone to the server
  // The id to tell a client for a statement that was opened as `server_id`.
  [[nodiscard]] std::uint32_t name_for(std::uint32_t server_id);
  // What to send to the server for a client's id. For one that is not open: an id that the server refuses.
  [[nodiscard]] std::uint32_t server_id_of(std::uint32_t client_id);
  [[nodiscard]] std::vector<prepared_statement*> looking_back(); // those with facts.looks_back

  // Something of one of them is on the present connection that cannot be made anew. holds(): one may.
  void holds() { may_hold_ = true; }
  [[nodiscard]] bool hold_something();

  // --- by name
  // False: it does not fit, and nothing is kept.
  [[nodiscard]] bool opened(named_statement one, const prepare_context& context);
  void closed(std::string_view name);
  [[nodiscard]] const named_statement* find(std::string_view name) const; // lower case
  [[nodiscard]] const std::list<named_statement>& named() const { return named_; }

  // The server connection is gone, and all that was prepared on it.
  void lost_connection();
  // It is not prepared on this connection any more.
  void unprepare(prepared_statement& one);
  // No server knows the types that the client has sent last.
  void withhold_types(prepared_statement& one);
  [[nodiscard]] bool mapped() const { return mapped_; }
  [[nodiscard]] bool restorable() const { return not_kept_ == 0; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  bool make_room(std::uint64_t bytes);
  std::shared_ptr<const prepare_context> share(const prepare_context& context);

  std::uint64_t limit_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t not_kept_ = 0; // of the open statements
  std::unordered_map<std::uint32_t, prepared_statement> by_id_;
  prepared_statement* recent_ = nullptr; // found last
  std::uint32_t last_ = 0;               // prepared last, 0: that failed
  std::uint32_t highest_ = 0;            // id that a client was told
  bool mapped_ = false;
  bool may_hold_ = false;
  std::list<named_statement> named_;
  std::shared_ptr<const prepare_context> context_; // the last one, shared by statements made in it
};

} // namespace holdwater::proxy
