#include "proxy/config/warm_reads.hpp"

#include "protocol/sql/lasting_reads.hpp"

namespace holdwater::proxy {

namespace sql = protocol::sql;

namespace {

constexpr std::size_t longest = 60UL * 1024; // what comes in one piece, as the cache wants it

// As the newest servers read it, whose version comments are code.
sql::dialect dialect_of(bool mariadb, bool ansi_quotes) {
  sql::dialect how;
  how.mariadb = mariadb;
  how.version = 999999;
  how.ansi_quotes = ansi_quotes;
  return how;
}

bool may_be_kept(std::string_view text, std::string_view database, const sql::dialect& how) {
  sql::analysis found;
  found.analyze(text, how);
  return found.single() && !sql::has(found.first().traits, sql::trait::placeholder) &&
         sql::is_lasting_read(text, found.first(), database, how);
}

} // namespace

std::string why_not_warm(std::string_view text, std::string_view database) {
  if (text.size() > longest) return "it is too long";
  for (const bool mariadb : {false, true})
    if (!may_be_kept(text, database, dialect_of(mariadb, false)) &&
        !may_be_kept(text, database, dialect_of(mariadb, true)))
      return "only a single read whose answer may be kept can be asked ahead: no write, no lock, no "
             "variable, "
             "nothing of the session or the moment";
  return {};
}

} // namespace holdwater::proxy
