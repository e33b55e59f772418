// How the monitor looks at the server, and at the others of the list. On the watching thread, without the
// lock.
#include "proxy/server/monitor.hpp"
#include "proxy/server/read_only.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace holdwater::proxy {

using steady_clock = std::chrono::steady_clock;

monitor::probe_result monitor::probe(std::string& error) {
  const auto present = probe_present(error);
  const bool good = present == probe_result::still_there || present == probe_result::fresh;
  if (good) candidate_ = 0;
  return good || servers_.size() == 1 ? present : look_for_another(present, error);
}

// One of the others at a time, in turn. It is moved to at the next look, when what sessions have of the
// present one is worth nothing any more: see server_list.hpp.
monitor::probe_result monitor::look_for_another(probe_result present, std::string& error) {
  const auto next = [this] { candidate_ = (candidate_ + 1) % servers_.size(); };
  if (candidate_ == servers_.current()) next();
  const auto name = servers_.place(candidate_).name();
  auto made = connect_to(candidate_);
  const auto option = made ? read_only_option(**made) : spool::server_result<std::string>(made.error());
  if (!option || !option->empty()) {
    error += fmt::format("; {}: {}", name, option ? "read-only (" + *option + ")" : option.error().text);
    next();
    return present;
  }
  const auto view = board_.view();
  if (view.state != server_state::down || view.reads) {
    error += fmt::format("; {} takes writes", name);
    return probe_result::others_turn;
  }
  spdlog::warn("the server is {} from now on: {}: {}", name, servers_.present().name(), error);
  servers_.move_to(candidate_);
  board_.publish_move();
  connection_ = std::move(*made);
  error.clear();
  if (on_connected_) on_connected_(*connection_);
  if (!replay_) connection_.reset();
  return probe_result::fresh;
}

spool::server_result<std::unique_ptr<spool::mysql_connection>> monitor::connect_to(std::size_t which) const {
  return spool::mysql_connection::connect(servers_.address(which),
                                          {settings_.server.user, settings_.server.password}, {},
                                          {settings_.connection_timeout, settings_.connection_timeout});
}

monitor::probe_result monitor::probe_present(std::string& error) {
  const auto began = steady_clock::now();
  const auto result = probe_connection(error);
  // libmysqlclient reports a time-out under several numbers; the time that it took is the same in all of
  // them.
  const bool slow = steady_clock::now() - began >= settings_.connection_timeout * 9 / 10;
  return result == probe_result::failed && slow ? probe_result::timed_out : result;
}

monitor::probe_result monitor::probe_connection(std::string& error) {
  auto result = probe_result::still_there;
  if (!connection_) {
    auto made = connect_to(servers_.current());
    if (!made) {
      error = fmt::format("connect: {} ({})", made.error().text, made.error().number);
      return replay_ && means_no_room(made.error()) ? probe_result::not_now : probe_result::failed;
    }
    connection_ = std::move(*made);
    result = probe_result::fresh;
  }
  // A plain proxy's checks are all fresh; what it knows of the server is learned anew after an outage.
  const bool came_back = replay_ || board_.view().state != server_state::up;
  if (result == probe_result::fresh && came_back && on_connected_) on_connected_(*connection_);
  const auto now = look_at_globals(ask_whether_writable(error), error);
  // A plain proxy keeps none: the server's other clients would see it.
  if (now == probe_result::failed || !replay_) connection_.reset();
  return now == probe_result::still_there ? result : now;
}

// A plain proxy's clients hear of a read-only server from itself.
monitor::probe_result monitor::ask_whether_writable(std::string& error) {
  const auto option = read_only_option(*connection_);
  if (!option) {
    error = fmt::format("check: {} ({})", option.error().text, option.error().number);
    return probe_result::failed;
  }
  if (option->empty() || !replay_) return probe_result::still_there;
  error = fmt::format("check: the server is read-only ({})", *option);
  return probe_result::not_now;
}

// The values of a session are those that the globals had at its login, so only a new one tells them.
monitor::probe_result monitor::look_at_globals(probe_result now, std::string& error) {
  if (now == probe_result::failed || !look_) return now;
  const auto others = look_(*connection_);
  if (!others) {
    error = "check: the connection was lost";
    return probe_result::failed;
  }
  if (!*others) return now;
  if (auto made = connect_to(servers_.current())) learn_(**made); // else with the next check
  return now;
}

} // namespace holdwater::proxy
