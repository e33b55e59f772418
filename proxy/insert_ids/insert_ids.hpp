// Truthful insert ids in an outage. While the server is up, a thread reserves a block of ids for each
// AUTO_INCREMENT table that inserts were seen for: inside a transaction that it rolls back, it lets the
// server generate a block of ids in one INSERT. The server never generates them again, so they are nobody
// else's. In an outage ids come from the block, and replay places the row with SET insert_id.
//
// Invariant: an id is handed out at most once, also across a crash of the proxy: what may have been handed
// out is on the disk before the first id of it is.
#pragma once

#include "protocol/sql/analysis.hpp"
#include "spool/mysql_connection.hpp"
#include "spool/unit.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

struct insert_ids_options {
  std::function<spool::server_address()> server; // where it is at present
  spool::credentials account;                    // needs no more rights than the application's own
  std::string database; // MYSQL_DATABASE: its tables are looked at without being asked
  spool::connection_timeouts timeouts;
  std::uint64_t block = 1000; // ids a block; 0 switches reservation off: inserts that need an id are refused
  std::string path;           // the file that remembers catalogue and blocks
};

// What an INSERT or REPLACE in an outage gets.
struct id_plan {
  enum class answer : std::uint8_t {
    none_needed, // no AUTO_INCREMENT column, or every row brings its own value: the OK says 0
    reserved,    // `first` is the first id; the rows take first, first + increment, ...
    upsert, // nobody can know whether a row will be made: the OK says 0, `first` places the id if one is made
    refused, // the id cannot be known; `reason` says why
  };
  answer what = answer::refused;
  std::uint64_t first = 0;
  std::string column; // of `reserved`: the AUTO_INCREMENT column ...
  std::string type;   // ... and its type, "bigint(20) unsigned"
  std::string reason; // for the client, e.g. "no ids are reserved for `shop`.`orders`"
  std::optional<spool::failure> not_recorded; // why, where it is the disk that is in the way
};

class insert_ids {
 public:
  // Opens the file (made when missing). An unreadable one is set aside with a log line and blocks are
  // reserved anew.
  explicit insert_ids(insert_ids_options options);
  ~insert_ids(); // stops the thread
  insert_ids(const insert_ids&) = delete;
  insert_ids& operator=(const insert_ids&) = delete;

  void start();
  void stop();

  // The server is reachable again and queued writes are being applied: ids are handed out all the same.
  // Writes to the disk: what is handed out after the server has been up must have been checked before.
  void server_is_coming();
  // The server is up (again): refresh the catalogue, check the blocks, reserve what is missing. Any thread,
  // cheap.
  void server_is_up();
  // The server is not up: leave it alone.
  void server_is_away();

  // A statement that changes definitions was forwarded: they are read anew soon. Any thread, cheap.
  void schema_changed();
  // How many tables' definitions are known. Any thread.
  [[nodiscard]] std::size_t known_tables() const;

  // An INSERT or REPLACE into the table was forwarded. Any thread; cheap when the table is known.
  void saw_insert(std::string_view schema, std::string_view table);
  // The same, and whether the server makes the ids of its rows. Nothing: that cannot be told, also since a
  // row may be there already.
  [[nodiscard]] std::optional<bool> saw_insert(std::string_view schema, std::string_view table,
                                               std::string_view text, const protocol::sql::statement& one,
                                               const protocol::sql::dialect& how);

  // Decides for one INSERT or REPLACE statement in an outage. `schema` and `table` are the written table's
  // unquoted names; `text` and `one` as analysed; increment and offset are the session's. Any thread. Ids
  // that are handed out and then not used are simply lost, as on a server.
  [[nodiscard]] id_plan plan(std::string_view schema, std::string_view table, std::string_view text,
                             const protocol::sql::statement& one, const protocol::sql::dialect& how,
                             std::uint64_t increment, std::uint64_t offset);

  // "schema.table: reason" for every AUTO_INCREMENT table that inserts were seen for and that has no block.
  // Any thread.
  [[nodiscard]] std::vector<std::string> tables_without_ids() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace holdwater::proxy
