#include "tests/sim/application.hpp"

namespace holdwater::sim {

moment calendar_now(); // kernel_clock.cpp

namespace {

const write_context fresh_context{
    "SYSTEM", "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION",
    "utf8mb4/utf8mb4_general_ci", ""};

std::optional<std::uint64_t> seq_in(const reply& said) {
  if (said.warnings != 1) return std::nullopt;
  const auto at = said.text.find("as unit ");
  if (at == std::string::npos) return std::nullopt;
  return std::strtoull(said.text.c_str() + at + 8, nullptr, 10);
}

} // namespace

void application::run() {
  auto& here = machine::the();
  while (!stop_) {
    if (luck_.chance(1, 3)) here.sleep(luck_.between(0, what_.longest_pause));
    if (luck_.chance(1, 200)) here.sleep(luck_.between(second, 5 * second));
    if (!ensure_connected()) {
      here.sleep(luck_.between(50 * millisecond, second));
      continue;
    }
    hurried_ = true;
    act();
    if (!hurried_) here.sleep(luck_.between(0, what_.longest_pause)); // as an application that is told no
  }
  leave();
}

void application::leave() {
  if (client_.connected() && luck_.chance(2, 3))
    client_.send_query({}); // an empty statement nobody waits for
  client_.close();
  prepared_.clear();
}

bool application::ensure_connected() {
  if (client_.connected()) return true;
  prepared_.clear();
  database_ = luck_.chance(3, 4) ? "app" : "other";
  context_ = fresh_context;
  const auto said = client_.connect(what_.user, what_.password, database_, luck_.chance(1, 2));
  if (said.ok()) return true;
  if (said.what == reply::kind::error && said.number == 1045)
    machine::the().fail("a client with the right password was denied");
  told_.happened(said.what == reply::kind::error ? "login refused" : "connect failed");
  return false;
}

void application::act() {
  switch (luck_.below(20)) {
  default: return write_alone();
  case 8:
  case 9:
  case 10:
  case 11: return transaction();
  case 12:
  case 13:
  case 14: return read();
  case 15:
  case 16:
  case 17: return change_settings();
  case 18:
    if (!client_.command(0x0e).ok()) leave(); // a ping
    return;
  case 19:
    if (luck_.chance(1, 4)) leave();
  }
}

std::string application::full(const std::string& table, statement& of) {
  of.table = table;
  of.schema = database_;
  if (luck_.chance(3, 4)) return table;
  of.schema = luck_.chance(3, 4) ? "app" : "other";
  return of.schema + "." + table;
}

application::statement application::make_write(const std::string& tag, bool transactional) {
  statement one;
  const bool bound = luck_.chance(2, 5);
  const auto text_or_mark = [&](const std::string& value) {
    if (!bound) return "'" + value + "'";
    one.values.push_back({piece::kind::text, value});
    return std::string("?");
  };
  const auto kind = luck_.below(22);
  if (kind < 6 || kind > 19) {
    const auto table = full("counters", one);
    one.text = "UPDATE " + table + " SET n = n + 1, tag = " + text_or_mark(tag) + " WHERE id = ";
    const auto id = std::to_string(1 + luck_.below(3));
    if (bound) one.values.push_back({piece::kind::number, id});
    one.text += bound ? "?" : id;
    return one;
  }
  if (kind < 10) {
    const auto table = full("orders", one);
    one.text = "INSERT INTO " + table + " (tag, body) VALUES (" + text_or_mark(tag) + ", 'umbrella')";
    one.has_id = true;
    return one;
  }
  if (kind == 10 && !transactional) {
    const auto table = full("journal", one);
    one.text = "INSERT INTO " + table + " (tag, body) VALUES (" + text_or_mark(tag) + ", 'x')";
    one.poison = true; // what is in doubt on it dies
    return one;
  }
  if (kind == 11) {
    const auto table = full("notes", one);
    one.text = "INSERT INTO " + table + " (tag, body) VALUES (" + text_or_mark(tag) + ", 'poison')";
    one.poison = true;
    return one;
  }
  if (kind == 12 && !context_.variable.empty()) {
    const auto table = full("notes", one);
    one.text = "INSERT INTO " + table + " (tag, body) VALUES (" + text_or_mark(tag) + ", @x)";
    one.reads_variable = true;
    return one;
  }
  if (kind == 13) {
    const auto table = full("notes", one);
    one.text = "DELETE FROM " + table + " WHERE tag = " + text_or_mark(tag);
    return one;
  }
  const auto table = full("notes", one);
  one.text = "INSERT INTO " + table + " (tag, body, at) VALUES (" + text_or_mark(tag) + ", " +
             text_or_mark(std::string(luck_.below(luck_.chance(1, 30) ? 20000 : 40), 'b')) + ", NOW(6))";
  return one;
}

expected_write& application::expect(unit& of, const std::string& tag, const statement& what) {
  expected_write wanted;
  wanted.digest = digest_of(with_values(pieces_of(what.text), what.values));
  wanted.schema = what.schema;
  wanted.table = what.table;
  wanted.account = what_.user;
  wanted.context = context_;
  if (!what.reads_variable) wanted.context.variable.clear();
  if (what.poison) of.may_die = true;
  machine::the().note("{} > {}{}", tag, what.text.substr(0, 100), what.values.empty() ? "" : " (bound)");
  return told_.add(of, tag, std::move(wanted));
}

// Prepares it, where it has bound values.
reply application::make_ready(const statement& what) {
  if (what.values.empty() || prepared_.contains(what.text)) return {.what = reply::kind::ok};
  const auto said = client_.prepare(what.text);
  if (said.ok()) prepared_[what.text] = said.statement;
  if (!said.ok()) machine::the().note("prepare {} < error {} {}", what.text, said.number, said.text);
  note_error(said);
  return said;
}

reply application::carry_out(const statement& what) {
  return what.values.empty() ? client_.query(what.text)
                             : client_.execute(prepared_.at(what.text), what.values);
}

// A statement that is no write.
reply application::ask(const std::string& text) {
  const auto said = client_.query(text);
  constexpr const char* kinds[] = {"OK", "error", "rows", "the connection is lost"};
  machine::the().note("{} < {}{}", text, kinds[static_cast<int>(said.what)],
                      said.what == reply::kind::error ? fmt::format(" {} {}", said.number, said.text) : "");
  note_error(said);
  return said;
}

void application::note_error(const reply& said) {
  if (said.what != reply::kind::error) return;
  const bool ours = said.text.find("Holdwater") != std::string::npos;
  if (ours) hurried_ = false;
  told_.happened(fmt::format("error {}{}", said.number, ours ? " of ours" : ""));
}

void application::settle(unit& of, const reply& said) {
  auto& here = machine::the();
  note_error(said);
  if (said.in_doubt()) {
    here.note("{} < unknown{}", of.name, said.what == reply::kind::lost ? ", the connection is lost" : "");
    told_.happened(of.transaction ? "COMMIT in doubt" : "write in doubt");
    return told_.unknown(of);
  }
  if (!said.ok()) {
    here.note("{} < error {} {}", of.name, said.number, said.text);
    return told_.refused(of, said.text);
  }
  const auto seq = seq_in(said);
  here.note("{} < OK{}", of.name, seq ? fmt::format(", queued as {}", *seq) : "");
  told_.acknowledged(of, seq);
}

void application::write_alone() {
  const auto tag = next_tag();
  const auto what = make_write(tag, false);
  if (!make_ready(what).ok()) return;
  auto& of = told_.begin(false);
  auto& wanted = expect(of, tag, what);
  told_.sends(of);
  const auto said = carry_out(what);
  if (said.ok()) wanted.told = calendar_now();
  settle(of, said);
  if (said.ok() && what.has_id) told_.told_id(tag, said.insert_id);
}

void application::transaction() {
  const bool by_setting = luck_.chance(1, 5);
  const auto begun = ask(by_setting           ? "SET autocommit = 0"
                         : luck_.chance(1, 2) ? "BEGIN"
                                              : "START TRANSACTION");
  note_error(begun);
  if (begun.in_doubt()) return leave();
  if (!begun.ok()) return;
  auto& of = told_.begin(true);
  const auto give_up = [&](const reply& said) {
    told_.refused(of, said.text);
    if (!client_.connected()) return;
    if (!ask("ROLLBACK").ok() || (by_setting && !ask("SET autocommit = 1").ok())) leave();
  };
  std::vector<std::pair<std::string, std::size_t>> savepoints;
  bool collected = false;
  for (auto left = 1 + luck_.below(5); left > 0; --left) {
    const auto kind = luck_.below(10);
    if (luck_.chance(1, 3)) machine::the().sleep(luck_.between(0, what_.longest_pause));
    if (kind == 0) {
      const auto name = fmt::format("s{}", luck_.below(3));
      const auto said = ask("SAVEPOINT " + name);
      if (said.in_doubt() || said.number == 1213) return give_up(said);
      if (!said.ok()) continue;
      std::erase_if(savepoints, [&](const auto& one) { return one.first == name; });
      savepoints.emplace_back(name, of.tags.size());
    } else if (kind == 1 && !savepoints.empty()) {
      const auto& [name, size] = savepoints[luck_.below(savepoints.size())];
      const auto said = ask("ROLLBACK TO SAVEPOINT " + name);
      if (!said.ok()) return give_up(said);
      while (of.tags.size() > size) told_.leave_out(std::string(of.tags.back()));
      told_.happened("rollback to savepoint");
      while (savepoints.back().first != name) savepoints.pop_back();
    } else if (kind == 2) {
      const auto said = ask(fmt::format("SELECT n, '{}' FROM counters WHERE id = 1", next_tag()));
      if (said.in_doubt() || said.number == 1213) return give_up(said);
    } else {
      const auto tag = next_tag();
      const auto what = make_write(tag, true);
      const auto ready = make_ready(what);
      if (ready.in_doubt() || ready.number == 1213) return give_up(ready);
      if (!ready.ok()) continue;
      auto& wanted = expect(of, tag, what);
      const auto said = carry_out(what);
      note_error(said);
      if (said.ok()) {
        wanted.told = calendar_now();
        collected = collected || said.warnings == 1;
        if (what.has_id) told_.told_id(tag, said.insert_id);
        continue;
      }
      machine::the().note("{} < error {} {}", tag, said.number, said.text);
      told_.leave_out(tag);
      if (said.in_doubt() || said.number == 1213) return give_up(said);
    }
  }
  if (luck_.chance(1, 12)) {
    told_.refused(of, "the client left");
    return leave();
  }
  if (luck_.chance(1, 8)) return give_up({});
  machine::the().note("{} > COMMIT of [{}]", of.name, fmt::join(of.tags, " "));
  told_.sends(of);
  const auto said = ask("COMMIT");
  settle(of, said);
  if (collected && of.is == unit::outcome::acknowledged && of.queued_as == 0)
    told_.happened("collected, and not queued");
  const bool failed = !said.ok() && client_.connected();
  if (failed && !ask("ROLLBACK").ok()) leave();
  if (by_setting && client_.connected() && !ask("SET autocommit = 1").ok()) leave();
}

void application::read() {
  const auto tag = next_tag();
  const auto text = luck_.chance(1, 2)
                        ? fmt::format("SELECT n, '{}' FROM counters WHERE id = {}", tag, 1 + luck_.below(3))
                        : fmt::format("SELECT COUNT(*), '{}' FROM notes", tag);
  const auto said = ask(text);
  if (said.what == reply::kind::rows) {
    told_.happened(said.warnings > 0 ? "read with a Note" : "read");
    if (said.warnings == 0) told_.read(tag, said.hash);
  } else if (said.what == reply::kind::lost) {
    leave();
  }
}

void application::change_settings() {
  auto next = context_;
  auto database = database_;
  std::string text;
  switch (luck_.below(6)) {
  case 0:
    next.time_zone = luck_.chance(1, 2) ? "+02:00" : "SYSTEM";
    text = fmt::format("SET time_zone = '{}'", next.time_zone);
    break;
  case 1:
    next.sql_mode = luck_.chance(1, 2) ? "STRICT_ALL_TABLES" : fresh_context.sql_mode;
    text = fmt::format("SET SESSION sql_mode = '{}'", next.sql_mode);
    break;
  case 2:
    next.names = luck_.chance(1, 2) ? "latin1/latin1_swedish_ci" : fresh_context.names;
    text = fmt::format("SET NAMES {}", next.names.substr(0, next.names.find('/')));
    break;
  case 3:
    next.variable = std::to_string(luck_.below(1000));
    text = "SET @x = " + next.variable;
    break;
  default: database = luck_.chance(3, 4) ? "app" : "other"; text = "USE " + database;
  }
  const auto said = ask(text);
  if (said.in_doubt()) return leave();
  if (!said.ok()) return;
  prepared_.clear(); // they would mean what they meant before
  context_ = next;
  database_ = database;
}

} // namespace holdwater::sim
