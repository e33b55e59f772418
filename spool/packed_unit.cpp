#include "spool/packed_unit.hpp"

#include "spool/sealed_value.hpp"
#include "spool/unit_codec.hpp"

namespace holdwater::spool {

packed_unit pack(const unit& what, bool compressed) {
  packed_unit packed{encode_unit(what), encode_tables(tables_of(what)), what.accepted_at, 0};
  const bool too_large = packed.body.size() > most_unit_bytes;
  if (compressed) packed.body = compress(std::move(packed.body));
  packed.bytes = packed.body.size() + packed.tables.size() + unit_overhead;
  if (too_large) packed.bytes = most_unit_bytes + 1;
  return packed;
}

} // namespace holdwater::spool
