// A relayed account over the server's unix socket. There the server sees our own user at the other end, and
// may take that for the account's proof (MariaDB's unix_socket, MySQL's auth_socket), also after a password
// that was wrong: every client would be let in as whom we are. So the account itself is looked at before the
// client is told that it is in.
#include "proxy/session/session.hpp"

namespace holdwater::proxy {

// True when no user of the operating system can be the account's proof. Any account may read its own
// definition.
task<bool> session::proved_by_client() {
  const std::string question = "SHOW CREATE USER CURRENT_USER()";
  const auto said = co_await ask_server(home_, wake_, *link_, question);
  co_return said.ok && !said.broken && said.row.size() == 1 && said.row[0] &&
      said.row[0]->find("_socket") == std::string::npos;
}

} // namespace holdwater::proxy
