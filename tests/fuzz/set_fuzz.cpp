// What a session's SET statements leave behind: restored on a fresh connection they give the same context,
// and the statements that restore it are SET statements that are understood.
#include "proxy/session/session_state.hpp"
#include "tests/fuzz/check.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <cctype>

using namespace holdwater;
using fuzz::input;
using fuzz::must;
using proxy::session_state;

namespace {

std::shared_ptr<const proxy::server_profile> make_profile(bool mariadb, bool ansi) {
  auto made = std::make_shared<proxy::server_profile>();
  made->version = mariadb ? protocol::server_version{true, 101114} : protocol::server_version{false, 90704};
  made->collations = {{8, {"latin1_swedish_ci", "latin1", true}},
                      {28, {"gbk_chinese_ci", "gbk", true}},
                      {13, {"sjis_japanese_ci", "sjis", true}},
                      {45, {"utf8mb4_general_ci", "utf8mb4", true}},
                      {46, {"utf8mb4_bin", "utf8mb4", false}}};
  made->defaults.emplace();
  made->defaults->sql_mode = ansi ? "ANSI_QUOTES,NO_BACKSLASH_ESCAPES" : "STRICT_TRANS_TABLES";
  made->defaults->time_zone = "SYSTEM";
  made->defaults->collation_server = "latin1_swedish_ci";
  return made;
}

session_state begin(std::shared_ptr<const proxy::server_profile> profile, std::uint16_t collation) {
  protocol::handshake_response login;
  login.collation = collation;
  login.database = "d";
  session_state state;
  state.begin(login, std::move(profile));
  return state;
}

bool is_of_a_variable(unsigned char letter) {
  return std::isalnum(letter) != 0 || letter == '_' || letter == '.';
}

// What no server takes is never assigned: unknown character sets, variables whose names need quotes or are a
// clause's.
bool is_taken(const session_state& state, const protocol::sql::statement& set) {
  using target = protocol::sql::assignment::target;
  protocol::sql::statement judged;
  for (const auto& one : set.assignments) {
    const auto name = one.variable.unquoted();
    if (boost::algorithm::iequals(name, "transaction")) return false;
    if (one.where == target::session && !std::all_of(name.begin(), name.end(), is_of_a_variable))
      return false;
    if ((one.where == target::names || (one.where == target::session && one.literal)) && !one.default_value)
      judged.assignments.push_back(one);
  }
  return judged.assignments.empty() || state.can_assign_locally(judged);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto flags = in.number(1);
  const auto collation = static_cast<std::uint16_t>(in.number(1));
  const auto profile = make_profile((flags & 1) != 0, (flags & 2) != 0);
  auto state = begin(profile, collation);
  const auto text = in.rest();
  protocol::sql::analysis found;
  found.analyze(text, state.dialect());
  for (const auto& one : found.statements())
    if (one.kind == protocol::sql::kind::set && is_taken(state, one)) static_cast<void>(state.assign(one));
  static_cast<void>(state.user_variable("a"));
  if (!state.restorable()) return 0;

  bool read_back = true; // a form that only servers read is not
  auto restored = begin(profile, collation);
  for (const auto& statement : state.restore_statements()) {
    found.analyze(statement, restored.dialect());
    must(found.single() && found.first().kind == protocol::sql::kind::set,
         "what restores is one SET statement");
    must(found.first().assignments.size() == 1, "what restores assigns one thing");
    const auto& one = found.first().assignments.front();
    if (one.value.starts_with('_')) read_back = false;
    if (one.where == protocol::sql::assignment::target::user_variable) continue;
    static_cast<void>(restored.assign(found.first()));
  }
  if (!state.context_gap().empty() || !read_back) return 0;
  must(restored.unrestorable().empty(), "what restores is understood");
  must(restored.context_gap().empty(), "what is restored is known");
  must(restored.context() == state.context(), "a context is restored");
  return 0;
}
