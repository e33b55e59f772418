#include "proxy/sql_files/export_part.hpp"

#include "proxy/sql_files/export_sql.hpp"

#include <algorithm>

namespace holdwater::proxy {
namespace {

constexpr std::size_t most_bytes_read = 1 << 20; // at once, beside what was made

// The unit that the part follows, wherever it is by now.
spool::result<void> follow_last(sql_export& text, spool::spool& queue, spool::seq number) {
  auto found = queue.read_pending(number - 1, 1, 1);
  if (found && (found->empty() || found->front().number != number))
    found = queue.read_applied(number - 1, 1, 1);
  if (!found) return found.error();
  if (!found->empty() && found->front().number == number) text.follow(found->front());
  return {};
}

} // namespace

spool::result<export_part> read_export_part(spool::spool& queue, const export_question& what,
                                            const std::string& ledger_table) {
  export_part out{.last = what.after};
  sql_export text(queue.id());
  if (what.after == 0)
    out.sql = sql_export::head(queue.id(), ledger_table);
  else if (auto done = follow_last(text, queue, what.after); !done)
    return done.error();
  while (out.units < what.most_units && out.sql.size() < what.most_bytes) {
    const auto read =
        queue.read_pending(out.last, what.most_units - out.units, std::min(most_bytes_read, what.most_bytes));
    if (!read) return read.error();
    if (read->empty()) break;
    for (const auto& one : *read) {
      if (out.sql.size() >= what.most_bytes) break;
      out.sql += text.unit(one);
      out.last = one.number;
      ++out.units;
    }
  }
  return out;
}

} // namespace holdwater::proxy
