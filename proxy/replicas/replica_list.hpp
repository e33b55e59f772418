// The replicas of server.replicas, in their order.
#pragma once

#include "proxy/replicas/replica.hpp"
#include "proxy/server/state_board.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdwater::proxy {

class replica_list {
 public:
  // Precondition: server.replicas was checked.
  explicit replica_list(const options& settings);

  void start();
  void stop(); // after the sessions
  // They are watched while the server is away for reads too; before it was met for the first time, once it is
  // declared down. Any thread.
  void server_is(const server_view& view);

  struct asking {
    const std::string& user;
    const std::string& database;
    std::uint64_t tried = 0; // a bit for each that is not to be asked, by its index
    std::chrono::seconds most_behind{0};
  };
  // The first that may be asked; null: none. Any thread, as the rest.
  [[nodiscard]] replica* choose(const asking& what) const;
  [[nodiscard]] bool is_fresh_enough(const replica& one, std::chrono::seconds most_behind) const;
  // Of one of them nobody knows yet.
  [[nodiscard]] bool undecided() const;
  [[nodiscard]] std::uint64_t bit_of(const replica& one) const;

  [[nodiscard]] const std::vector<std::unique_ptr<replica>>& all() const { return all_; }

 private:
  std::vector<std::unique_ptr<replica>> all_;
  std::atomic<bool> met_{false};
};

} // namespace holdwater::proxy
