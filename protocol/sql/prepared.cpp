// PREPARE, EXECUTE and DEALLOCATE as SQL text.
//
// Source: MySQL "Prepared Statements"; MariaDB "EXECUTE IMMEDIATE".
#include "protocol/sql/functions.hpp"
#include "protocol/sql/statements.hpp"
#include "protocol/sql/walker.hpp"

namespace holdwater::protocol::sql {
namespace {

bool read_name(reader& in) {
  if (!in.now().named()) {
    in.confuse();
    return false;
  }
  in.out.subject = {in.now().text};
  in.advance();
  return true;
}

} // namespace

// PREPARE name FROM text: the text's expression is given as an assignment to the name.
void read_prepare(reader& in) {
  in.out.kind = kind::prepare;
  in.advance();
  if (!read_name(in)) return;
  if (!in.accept(kw::FROM)) return in.confuse();
  assignment text;
  text.where = assignment::target::other;
  text.variable = in.out.subject;
  text.literal = in.now().kind == token_kind::string && in.ahead().kind == token_kind::end;
  const char* const start = in.now().text.data();
  if (in.at_end()) return in.confuse("PREPARE");
  walk_to_end(in);
  text.value = {start, static_cast<std::size_t>(in.last_end() - start)};
  in.out.assignments.push_back(text);
}

void read_execute(reader& in) {
  in.out.kind = kind::execute;
  in.advance();
  if (in.at(kw::IMMEDIATE)) return read_unknown(in);
  if (!read_name(in)) return;
  if (in.accept(kw::USING)) return walk_to_end(in);
  expect_end(in);
}

// DEALLOCATE PREPARE name, DROP PREPARE name
void read_deallocate(reader& in) {
  in.out.kind = kind::deallocate;
  in.advance();
  if (!in.accept(kw::PREPARE)) return in.confuse();
  if (read_name(in)) expect_end(in);
}

} // namespace holdwater::protocol::sql
