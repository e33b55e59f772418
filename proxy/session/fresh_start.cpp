#include "proxy/session/fresh_start.hpp"

#include "proxy/server/server_profile.hpp"
#include "proxy/session/link.hpp"

#include <fmt/format.h>

namespace holdwater::proxy {

using protocol::command;
using protocol::response_tracker;

void append_query(protocol::byte_buffer& out, const server_link& link, std::string_view statement) {
  protocol::byte_buffer payload;
  protocol::append_query(payload, link.negotiated, statement);
  protocol::append_message(out, 0, payload);
}

namespace {

std::shared_ptr<fresh_start> begin(const server_link& link) {
  auto made = std::make_shared<fresh_start>();
  append_query(made->bytes, link, "SELECT 1 FROM DUAL WHERE 0");
  made->commands.push_back(command::query);
  made->ends.push_back(made->bytes.size());
  return made;
}

} // namespace

std::shared_ptr<const fresh_start> forget_found_rows(const server_link& link) {
  return begin(link);
}

std::shared_ptr<const fresh_start> make_fresh_start(const server_link& link, bool database,
                                                    const collation* names) {
  const auto made = begin(link); // before the reset, for ROW_COUNT()
  const auto add = [&](command code, std::string_view argument) {
    protocol::byte_buffer payload;
    protocol::payload_writer write(payload);
    write.integer(static_cast<std::uint8_t>(code), 1);
    write.bytes(argument);
    protocol::append_message(made->bytes, 0, payload);
    made->commands.push_back(code);
    made->ends.push_back(made->bytes.size());
  };
  add(command::reset_connection, {});
  made->resets = true;
  if (database) add(command::init_db, link.database);
  if (names) {
    append_query(made->bytes, link,
                 fmt::format("SET NAMES {} COLLATE {}", names->character_set, names->name));
    made->commands.push_back(command::query);
    made->ends.push_back(made->bytes.size());
  }
  return made;
}

protocol::byte_span fresh_start_progress::say(bool finds_rows) {
  said_ = std::move(unsaid_);
  said_at_ = std::chrono::steady_clock::now();
  answered_ = finds_rows ? 1 : 0;
  found_rows_are_old_ = finds_rows;
  return protocol::byte_span(said_->bytes).subspan(finds_rows ? said_->ends.front() : 0);
}

protocol::byte_span fresh_start_progress::say_next() {
  if (unsaid_) static_cast<void>(say(false));
  const auto begin = answered_ == 0 ? 0 : said_->ends[answered_ - 1];
  return protocol::byte_span(said_->bytes).subspan(begin, said_->ends[answered_] - begin);
}

fresh_start_progress::step fresh_start_progress::take_answers(server_link& link) {
  auto& received = link.stream->received();
  for (;;) {
    if (answered_ == said_->commands.size()) {
      if (said_->resets) link.was_reset(status_, said_at_);
      said_.reset();
      return step::done;
    }
    if (received.empty()) return step::more;
    if (tracker_.current() != response_tracker::state::in_progress)
      tracker_.start(said_->commands[answered_], link.negotiated, false);
    const auto belongs = tracker_.feed(received.bytes());
    if (!belongs) return step::failed;
    received.consume(*belongs);
    if (tracker_.current() == response_tracker::state::wants_local_file) return step::failed;
    if (tracker_.current() != response_tracker::state::complete) return step::more;
    if (tracker_.ended_by() == response_tracker::ending::err) return step::failed;
    ++answered_;
    status_ = tracker_.ok().status;
    tracker_ = {};
  }
}

task<bool> settle(worker& home, wakeup& wake, server_link& link) {
  deadline limit(wake);
  home.deadlines().set(limit, home.process().settings.connection_timeout);
  const waiter how{wake, &limit};
  const auto stream = link.stream; // outlives the link
  const bool one_by_one = link.compression != protocol::compression::none;
  auto& start = link.start;
  if (start.unsaid()) {
    const auto bytes = one_by_one ? start.say_next() : start.say(false);
    const auto sent = co_await send_all(*stream, how, bytes);
    if (sent != io_status::done) co_return false;
  }
  while (start.unanswered()) {
    const auto before = start.answered();
    const auto next = start.take_answers(link);
    if (next == fresh_start_progress::step::failed) co_return false;
    if (next == fresh_start_progress::step::done) break;
    if (one_by_one && start.answered() != before) {
      const auto bytes = start.say_next();
      const auto sent = co_await send_all(*stream, how, bytes);
      if (sent != io_status::done) co_return false;
    }
    const auto got = co_await receive_some(*stream, how);
    if (got != io_status::done) co_return false;
  }
  co_return true;
}

} // namespace holdwater::proxy
