#include "spool/ledger.hpp"

#include "spool/context_sql.hpp"

#include <fmt/format.h>

namespace holdwater::spool {

ledger::ledger(std::string_view database, std::string_view table, std::string spool_id)
    : spool_id_(std::move(spool_id)) {
  const auto dot = table.find('.');
  schema_ = dot == std::string_view::npos ? database : table.substr(0, dot);
  table_ = dot == std::string_view::npos ? table : table.substr(dot + 1);
  name_ = quoted_name(schema_) + "." + quoted_name(table_);
}

std::string ledger::where() const {
  return fmt::format("WHERE spool_id = '{}'", spool_id_);
}

// updated_at is for people: it shows the pinned time of the last unit.
std::string ledger::create() const {
  return fmt::format("CREATE TABLE IF NOT EXISTS {} ("
                     "spool_id VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, "
                     "applied_seq BIGINT UNSIGNED NOT NULL, "
                     "owner_epoch BIGINT UNSIGNED NOT NULL, "
                     "updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) "
                     "ON UPDATE CURRENT_TIMESTAMP(6)) ENGINE=InnoDB",
                     name_);
}

std::string ledger::look_up_engine() const {
  return fmt::format(
      "SELECT engine FROM information_schema.tables WHERE table_schema = {} AND table_name = {}",
      hex_literal(schema_), hex_literal(table_));
}

std::string ledger::insert() const {
  return fmt::format("INSERT INTO {} (spool_id, applied_seq, owner_epoch) VALUES ('{}', 0, 0)", name_,
                     spool_id_);
}

std::string ledger::read_locked() const {
  return fmt::format("SELECT applied_seq, owner_epoch FROM {} {} FOR UPDATE", name_, where());
}

std::string ledger::move_to(seq applied) const {
  return fmt::format("UPDATE {} SET applied_seq = {} {}", name_, applied, where());
}

std::string ledger::take_over(std::uint64_t epoch) const {
  return fmt::format("UPDATE {} SET owner_epoch = {} {}", name_, epoch, where());
}

} // namespace holdwater::spool
