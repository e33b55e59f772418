// The file that remembers catalogue and blocks while the proxy is not running. WAL and synchronous=FULL: what
// a call wrote is on the disk when it returns.
#pragma once

#include "proxy/insert_ids/table_entry.hpp"
#include "spool/sqlite.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

// "1": the server has been up since the blocks were last seen to be nobody else's.
inline constexpr std::string_view doubt_fact = "blocks_in_doubt";

class id_store {
 public:
  id_store() = default; // not open: every call fails
  [[nodiscard]] static spool::result<id_store> open(const std::string& path);

  [[nodiscard]] spool::result<std::vector<table_entry>> load();
  [[nodiscard]] spool::result<std::string> fact(std::string_view key); // empty when there is none

  // Each is one transaction: all or nothing.
  [[nodiscard]] spool::result<void> save(const table_entry& entry);
  [[nodiscard]] spool::result<void> save(const std::vector<const table_entry*>& changed,
                                         const std::vector<spool::table_name>& gone);
  [[nodiscard]] spool::result<void> set_fact(std::string_view key, std::string_view value);

 private:
  [[nodiscard]] spool::result<void> prepare_all();
  [[nodiscard]] spool::result<void> load_ranges(table_entry& entry);
  [[nodiscard]] spool::result<void> write(const table_entry& entry);
  [[nodiscard]] spool::result<void> erase(const spool::table_name& name);
  [[nodiscard]] spool::result<void> write_all(const std::vector<const table_entry*>& changed,
                                              const std::vector<spool::table_name>& gone);

  spool::sqlite::database db_;
  bool open_ = false;
  spool::sqlite::statement put_table_, drop_table_, put_range_, drop_ranges_, get_ranges_, put_fact_,
      get_fact_;
};

// Opens the file; one that cannot be read is set aside with a log line and a new one is made.
[[nodiscard]] spool::result<id_store> open_or_replace(const std::string& path);

} // namespace holdwater::proxy
