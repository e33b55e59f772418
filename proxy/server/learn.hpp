// What the monitor's new connection tells about the server: the context that a fresh connection of our
// account has (the defaults, and what init_connect made of them), and the collations by id; and how each
// check notices that a fresh one would have other defaults.
#pragma once

#include "proxy/server/server_profile.hpp"
#include "spool/mysql_connection.hpp"

namespace holdwater::proxy {

// Failures are logged; the profile keeps what it knew.
void learn_from(spool::mysql_connection& connection, profile_store& profile);
void learn_variables(spool::mysql_connection& connection, profile_store& profile); // a part of it

// What sessions take from the server's globals at their login, looked at with each check.
class globals_watch {
 public:
  explicit globals_watch(profile_store& profile) : profile_(profile) {}

  // True: they are others than at the last look, or a statement was seen that may have set one. Then
  // learn_from() a connection that is opened now, and learned(). Nothing: the connection was lost.
  [[nodiscard]] std::optional<bool> look(spool::mysql_connection& connection);
  void learned();

 private:
  profile_store& profile_;
  std::optional<spool::result_row> known_;
  spool::result_row said_; // at the last look, as the rest
  default_changes::moment asked_{};
  std::uint64_t sets_ = 0;
};

} // namespace holdwater::proxy
