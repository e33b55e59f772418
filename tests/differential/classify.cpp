// Says of statements what a session would, for a program that asks the server too (differential.py). A line
// in, a line out:
//
//   M <tab> mariadb|mysql <tab> version <tab> sql_mode <tab> character set <tab> database     -> "ok"
//   Q <tab> the statement in hex                                                              -> its
//   description
//
// A description: "single" or "several" or "several_writes"; then for each statement, behind a tab: kind,
// flags and tables, as in "INSERT,write+spoolable+stays,d1.t!". Names are in hex; a ! follows those that are
// written.
#include "proxy/session/describe.hpp"

#include <boost/algorithm/hex.hpp>

#include <iostream>
#include <iterator>
#include <string>
#include <vector>

using namespace holdwater;
using proxy::session_state;

namespace {

std::vector<std::string> parts_of(const std::string& line) {
  std::vector<std::string> parts(1);
  for (const char c : line)
    if (c == '\t')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  boost::algorithm::unhex(digits, std::back_inserter(bytes));
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  std::string digits;
  boost::algorithm::hex_lower(bytes, std::back_inserter(digits));
  return digits;
}

session_state begin(const std::vector<std::string>& mode) {
  auto made = std::make_shared<proxy::server_profile>();
  made->version =
      protocol::server_version{mode.at(1) == "mariadb", static_cast<unsigned>(std::stoul(mode.at(2)))};
  const std::string names[] = {"utf8mb4", "latin1", "gbk",     "sjis",  "cp932", "big5",     "euckr",
                               "ujis",    "gb2312", "gb18030", "koi8r", "cp866", "macroman", "cp1251"};
  std::uint16_t number = 45;
  for (const auto& name : names) made->collations[number++] = {name + "_general_ci", name, true};
  made->defaults.emplace();
  made->defaults->sql_mode = "STRICT_TRANS_TABLES";
  made->defaults->time_zone = "SYSTEM";
  made->defaults->collation_server = "utf8mb4_general_ci";
  protocol::handshake_response login;
  login.collation = 45;
  login.database = mode.at(5);
  session_state state;
  state.begin(login, made);
  protocol::sql::analysis found;
  for (const auto& statement : {"SET sql_mode = '" + mode.at(3) + "'", "SET NAMES " + mode.at(4)}) {
    found.analyze(statement, state.dialect());
    static_cast<void>(state.assign(found.first()));
  }
  return state;
}

std::string describe(const protocol::sql::statement& one, const proxy::command_facts& facts,
                     const session_state& state) {
  using protocol::sql::trait;
  std::string flags;
  const auto flag = [&flags](bool holds, std::string_view name) {
    if (holds) (flags += flags.empty() ? "" : "+") += name;
  };
  flag(one.is_write(), "write");
  flag(one.is_write() && proxy::why_not_spoolable(one, state, state.database()).empty(), "spoolable");
  flag(protocol::sql::is_pure_read(one), "pure");
  flag(protocol::sql::only_reads(one), "reads");
  flag(facts.single && facts.stays_in_transaction, "stays");
  flag(facts.single && facts.keeps_last_id, "keeps_id");
  flag(has(one.traits, trait::writes_user_variable), "writes_variable");
  flag(has(one.traits, trait::clock_value | trait::random_value | trait::reads_system_variable), "varies");
  flag(one.insert.on_duplicate, "on_duplicate");
  flag(!one.insert.returned.empty(), "returns");
  std::string tables;
  for (const auto& table : one.tables) {
    const auto schema = table.schema.empty() ? state.database() : table.schema.unquoted();
    tables += (tables.empty() ? "" : " ") + to_hex(schema) + "." + to_hex(table.table.unquoted()) +
              (table.written ? "!" : "");
  }
  return std::string(name_of(one.kind)) + "," + flags + "," + tables;
}

std::string describe(const std::string& text, const session_state& state) {
  protocol::sql::analysis found;
  const auto facts = proxy::describe_query(text, true, false, state, found);
  std::string out = facts.single ? "single" : facts.several_writes ? "several_writes" : "several";
  for (const auto& one : found.statements()) out += "\t" + describe(one, facts, state);
  return out;
}

} // namespace

int main() {
  session_state state;
  for (std::string line; std::getline(std::cin, line);) {
    const auto parts = parts_of(line);
    if (parts.at(0) == "M") {
      state = begin(parts);
      std::cout << "ok" << std::endl;
    } else {
      std::cout << describe(from_hex(parts.at(1)), state) << std::endl;
    }
  }
  return 0;
}
