// Keys of the store: which are in use, sealing anew, and what an earlier time without a key has left behind.
#include "spool/sealed_value.hpp"
#include "spool/spool_file.hpp"
#include "spool/store_statements.hpp"

namespace holdwater::spool {
namespace {

// Of a step, so that appends never wait long behind it.
constexpr std::uint64_t most_rows_at_once = 500;
constexpr std::size_t most_bytes_at_once = 4u << 20;
// A larger file is wiped when what it holds has been applied and dropped: others wait while it is written.
constexpr std::uint64_t most_bytes_to_wipe = 64ULL << 20;

} // namespace

struct store::sealed_row {
  seq number;
  std::string body;
  std::string reason;
  key_id key;
};

// An earlier key may have sealed values that are still there.
result<bool> store::is_sealed_otherwise() {
  if (sealing_key(keys_) == nullptr) return false;
  auto in_use = keys_in_use(db_);
  if (!in_use) return in_use.error();
  for (const auto id : *in_use)
    if (id != sealing_id(keys_)) return true;
  return false;
}

// What lies there unsealed, or under an earlier key, is to be gone when all is sealed anew.
result<void> store::expect_wipe() {
  wiped_ = wipe_due_ = false;
  if (auto done = sql_->forget_fact.with(std::string_view(wiped_fact)).run(); !done) return done;
  return sealing_key(keys_) != nullptr ? db_.exec("PRAGMA secure_delete=ON") : result<void>();
}

result<void> store::check_keys(const key_ring_ptr& fresh) {
  auto in_use = keys_in_use(db_);
  if (!in_use) return in_use.error();
  return expect_keys(*in_use, fresh);
}

result<void> store::take_keys(key_ring_ptr fresh) {
  if (auto done = check_keys(fresh); !done) return done;
  const bool same = sealing_id(fresh) == sealing_id(keys_);
  keys_ = std::move(fresh);
  sealed_up_to_ = 0;
  all_sealed_ = false;
  return same ? result<void>() : expect_wipe();
}

result<std::vector<store::sealed_row>> store::rows_to_seal(bool& more) {
  auto& rows = sql_->to_seal.with(sealed_up_to_, sealing_id(keys_), most_rows_at_once);
  std::vector<sealed_row> found;
  std::size_t bytes = 0;
  for (more = true; found.size() < most_rows_at_once && bytes < most_bytes_at_once;) {
    auto next = rows.step();
    if (!next) return next.error();
    more = *next;
    if (!more) return found;
    found.push_back({static_cast<seq>(rows.integer(0)), rows.text(1), rows.text(2),
                     static_cast<key_id>(rows.integer(3))});
    bytes += found.back().body.size();
  }
  rows.reset();
  return found;
}

// A value that cannot be opened stays as it is, under the key that it names.
result<void> store::seal_anew(sealed_row& row) {
  const auto at = place_of("unit", id_, row.number);
  const auto reason_at = place_of("reason", id_, row.number);
  auto body = unseal(keys_, std::move(row.body), at);
  const bool has_reason = !row.reason.empty();
  auto reason = result<std::string>(row.reason);
  if (row.key != 0 && has_reason) reason = unseal(keys_, row.reason, reason_at);
  if (!body || !reason) return {};
  if (const auto* const key = sealing_key(keys_)) {
    *body = seal(*key, *body, at);
    *reason = seal(*key, *reason, reason_at);
  }
  if (auto done = sql_->put_body.with(row.number, sqlite::blob{*body}).run(); !done) return done;
  if (has_reason)
    if (auto done = sql_->put_reason.with(row.number, sqlite::blob{*reason}).run(); !done) return done;
  return sql_->put_key.with(row.number, sealing_id(keys_)).run();
}

result<bool> store::seal_some() {
  if (all_sealed_) return false; // what comes is sealed as it comes
  bool more = false;
  auto rows = rows_to_seal(more);
  if (!rows) return rows.error();
  for (auto& row : *rows)
    if (auto done = seal_anew(row); !done) return done.error();
  if (!rows->empty()) sealed_up_to_ = rows->back().number;
  if (more) return true;
  sealed_up_to_ = 0;
  all_sealed_ = true;
  wipe_due_ = !wiped_ && sealing_key(keys_) != nullptr;
  return false;
}

// Old values may be left where rows were, in this file's unused space and in its WAL: the file is written
// anew, and the WAL is cut.
result<void> store::wipe(std::uint64_t free_bytes) {
  wipe_due_ = false;
  if (sealing_key(keys_) == nullptr) return {}; // what comes lies in clear
  auto sealed = is_sealed_otherwise();
  if (!sealed) return sealed.error();
  if (*sealed) return {}; // the next round of sealing asks again
  auto size = size_when_folded();
  if (!size) return size.error();
  const bool can = *size <= most_bytes_to_wipe && free_bytes / 3 > *size;
  if (can)
    if (auto done = db_.exec("VACUUM"); !done) return done;
  if (auto done = fold_wal(wal_after::cut); !done || !can) return done;
  wiped_ = true;
  return set_fact(wiped_fact, "1");
}

} // namespace holdwater::spool
