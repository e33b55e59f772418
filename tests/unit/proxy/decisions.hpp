// What the tables of decide() are made of: a statement's facts, a situation.
#pragma once

#include "proxy/session/decide.hpp"

#include <memory>

namespace holdwater::proxy::test {

inline command_facts statement(const char* text, bool alone = true) {
  session_state state;
  protocol::handshake_response login;
  login.database = "d";
  state.begin(login, std::make_shared<const server_profile>());
  protocol::sql::analysis found;
  return describe_query(text, true, alone, state, found);
}

inline situation in(server_state state) {
  situation now;
  now.server = state;
  return now;
}

} // namespace holdwater::proxy::test
