// The store's prepared statements, shared by the two files that implement it.
#pragma once

#include "spool/store.hpp"

namespace holdwater::spool {

struct store::statements {
  sqlite::statement begin, commit, insert_unit, insert_body, get_counter, set_counter, mark_applied,
      applied_anew, front, settle, row, forget_body, die, insert_dead, forget_dead, attempt, unattempt,
      attempted, get_body, copy_unit, read, dead, to_seal, put_key, put_body, put_reason, forget_fact,
      get_fact, set_fact, each_open, oldest_settled, newest_settled, applied_bytes, drop_units, drop_bodies;
};

} // namespace holdwater::spool
