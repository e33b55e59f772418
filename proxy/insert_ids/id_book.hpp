// The catalogue and the blocks, in memory and on the disk: what sessions ask and what the keeper changes.
// Thread-safe; nothing here talks to the server.
//
// Invariant: an id is handed out only from a range, only once, only below the range's mark on the disk, and
// not after the server has come back until its counters have been seen to be past the range.
#pragma once

#include "proxy/insert_ids/id_store.hpp"
#include "proxy/insert_ids/insert_ids.hpp"
#include "proxy/insert_ids/server_identity.hpp"
#include "proxy/insert_ids/table_entry.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>

namespace holdwater::proxy {

// What the keeper needs to know to reserve ids for one table.
struct id_order {
  table_facts facts;
  std::uint64_t ceiling = 0; // ids up to here are taken
  std::uint64_t count = 0;   // how many to reserve, at most
};

// Ids that ought to be in no row.
struct unused_ids {
  spool::table_name table;
  std::string column;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t step = 1;
};

class id_book {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  id_book(const std::string& path, std::uint64_t block);

  // For sessions.
  [[nodiscard]] id_plan plan(std::string_view schema, std::string_view table, std::string_view text,
                             const protocol::sql::statement& one, const protocol::sql::dialect& how,
                             std::uint64_t increment, std::uint64_t offset);
  [[nodiscard]] bool saw_insert(std::string_view schema, std::string_view table); // true: the keeper has work
  // The same. `makes_id`: whether the server makes the rows' ids, left alone when that cannot be told.
  [[nodiscard]] bool saw_insert(std::string_view schema, std::string_view table, std::string_view text,
                                const protocol::sql::statement& one, const protocol::sql::dialect& how,
                                std::optional<bool>& makes_id);
  [[nodiscard]] std::vector<std::string> tables_without_ids() const;
  [[nodiscard]] std::size_t known_tables() const;

  // The server is reachable again, and only queued writes reach it: ids are still handed out.
  void server_is_coming();
  // It makes ids of its own now. If it has come back with older data, it makes those of the ranges too:
  // they are in doubt until checked().
  void server_is_up();
  void server_is_away();

  // For the keeper: what the server said.
  [[nodiscard]] std::uint64_t comings() const; // how often it has come back
  [[nodiscard]] bool in_doubt() const;
  // Every table was looked at, all of it since the coming of that number.
  void checked(std::uint64_t coming);
  void server_is(const server_identity& now);
  void take_schema(std::string_view schema, const std::vector<table_facts>& all); // others of it are gone
  void take_table(const spool::table_name& asked, const std::optional<table_facts>& found);
  void forget_missing(); // what is none may have become a table: the next insert into it asks again

  // For the keeper: what is to be done.
  [[nodiscard]] std::vector<spool::table_name> unknown_tables() const; // seen, never looked up
  [[nodiscard]] std::vector<spool::table_name> tables_outside(std::string_view schema) const;
  [[nodiscard]] std::vector<spool::table_name> wanting(time_point now) const; // tables to reserve ids for now
  [[nodiscard]] std::vector<unused_ids> to_check(); // of tables that have grown since the last call
  void found_used(const spool::table_name& name);   // a row has one of them: the ranges are to be replaced
  [[nodiscard]] std::optional<time_point> next_retry() const;
  [[nodiscard]] std::optional<id_order> order(const spool::table_name& name) const; // nothing: all is well
  // `short_of` says that the table's type allows no bigger block. False when the disk refused.
  [[nodiscard]] bool reserved(const spool::table_name& name, const id_range& range, bool short_of);
  // `lasting` failures are repeated ever more rarely.
  void failed(const spool::table_name& name, const std::string& reason, bool lasting, time_point now);

 private:
  using entries = std::map<spool::table_name, table_entry>;
  enum class trust : std::uint8_t {
    sound,   // the server makes no id of a range
    coming,  // the same, and the disk says already what will be true once the server is up
    doubted, // it may have made some: none is handed out, also after a restart
  };

  [[nodiscard]] const table_entry* find(std::string_view schema, std::string_view table) const;
  [[nodiscard]] table_entry* find(std::string_view schema, std::string_view table);
  [[nodiscard]] std::uint64_t full_block(const table_entry& entry) const;
  [[nodiscard]] bool wants(const table_entry& entry) const;
  [[nodiscard]] bool mark_seen(table_entry& entry);
  [[nodiscard]] bool note_missing(std::string_view schema, std::string_view table);
  void note_in_vain(table_entry& entry);
  [[nodiscard]] id_plan hand_out(table_entry& entry, std::uint64_t rows, std::uint64_t increment,
                                 std::uint64_t offset);
  [[nodiscard]] std::string why_doubted(const table_entry& entry) const; // empty: it is not
  void mark_doubt(bool doubted);
  [[nodiscard]] std::string why_no_run(const table_entry& entry, std::uint64_t rows) const;
  [[nodiscard]] std::string why_no_block(const table_entry& entry) const;
  [[nodiscard]] bool update(table_entry& entry, const table_facts& found);
  void rename_all(bool folded);
  void keep(const std::vector<const table_entry*>& changed, const std::vector<spool::table_name>& gone);
  void load();

  mutable std::mutex mutex_;
  id_store store_;
  std::string store_trouble_; // why the file cannot be used; nothing is handed out then
  const std::uint64_t block_;
  server_identity server_;
  trust trust_ = trust::sound;
  std::uint64_t comings_ = 0;
  entries tables_;                            // by lookup name
  std::map<spool::table_name, bool> missing_; // seen tables that are none of these; true: already looked up
};

} // namespace holdwater::proxy
