// The replay connections, one an account, and those that were lost and may still hold the ledger's row.
//
// Invariant: a lost connection is remembered until the server no longer lists it.
#pragma once

#include "spool/replay_session.hpp"

#include <map>
#include <string>
#include <vector>

namespace holdwater::spool {

class session_pool {
 public:
  session_pool(connector connect, std::vector<credentials> accounts, patience how_long)
      : connect_(std::move(connect)), accounts_(std::move(accounts)), how_long_(std::move(how_long)) {}

  [[nodiscard]] bool knows(const std::string& account) const { return find(account) != nullptr; }
  // The account's connection, made anew when there is none; lost ones of the account are ended first.
  [[nodiscard]] server_result<replay_session*> get(const std::string& account);
  [[nodiscard]] replay_session* existing(const std::string& account);
  // Ends lost connections of every account, when the ledger's row stays locked. What cannot be ended now
  // stays on the list, and the row stays locked: the next time-out comes here again.
  void end_lost();
  void drop(const std::string& account); // a broken one, or one of unknown state
  void drop_all();

 private:
  [[nodiscard]] const credentials* find(const std::string& account) const;
  [[nodiscard]] server_result<void> end_lost_of(replay_session& session);

  connector connect_;
  std::vector<credentials> accounts_;
  patience how_long_;
  std::map<std::string, std::unique_ptr<replay_session>> sessions_;
  std::vector<connection_identity> lost_;
};

} // namespace holdwater::spool
