// LOAD DATA LOCAL: the server asks for a file, and the client's packets pass to it until the empty one. The
// file is the client's; nothing is opened here.
//
// The server names the file, so one that lies could ask for any of the client's in answer to any statement.
// Its request is passed on only to a client that allows such requests at all, and whose statement may be one
// that makes them. Which files a client gives away then is its own to decide, as on a direct connection.
#include "proxy/session/session.hpp"

#include "protocol/message_walker.hpp"
#include "protocol/statement_commands.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

namespace holdwater::proxy {

namespace {

// LOAD DATA and LOAD XML hold the first word; MariaDB executes them from a text that a statement of the other
// two need not show.
bool may_load_a_file(std::string_view text) {
  constexpr std::array<std::string_view, 3> words{"infile", "execute", "call"};
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return boost::algorithm::icontains(text, word); });
}

} // namespace

// Precondition: the server has asked for a file, and the client has not seen that.
bool session::wants_file_unasked() {
  bool asked = (negotiated_ & protocol::cap::local_files) != 0;
  const bool whole = command_.whole && !command_.spent;
  if (asked && command_.code == protocol::command::query && whole)
    asked = may_load_a_file(protocol::as_text(command_.payload));
  if (asked && command_.code == protocol::command::stmt_execute) {
    const auto* const one = state_.statements.find(command_.statement);
    asked = !one || !one->kept || may_load_a_file(one->text);
  }
  if (!asked)
    spdlog::warn("the server asked a client of account '{}' for a file that its statement does not load: the "
                 "server's connection is closed",
                 login_.user);
  return !asked;
}

task<session::trip> session::upload_local_file() {
  if (command_.code == protocol::command::query && command_.whole) apply_query_effects(); // its text goes
  spend_command(); // what follows in the buffer is the file
  const auto server = link_->stream;
  client_->uploading(true);
  server->uploading(true);
  auto& buffer = client_->received();
  for (bool more = true; more;) {
    protocol::message_walker walker;
    while (!walker.complete()) {
      if (buffer.empty()) {
        const bool got = co_await receive_from_client();
        if (!got) co_return trip::client_gone;
      }
      const auto part = buffer.bytes().first(walker.feed(buffer.bytes()));
      const bool sent = co_await send_to_server(part);
      if (!sent) co_return trip::cut;
      buffer.consume(part.size());
    }
    more = walker.payload_size() > 0;
  }
  client_->uploading(false);
  server->uploading(false);
  co_return trip::answered;
}

} // namespace holdwater::proxy
