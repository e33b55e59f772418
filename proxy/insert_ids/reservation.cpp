#include "proxy/insert_ids/reservation.hpp"

#include "proxy/insert_ids/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace holdwater::proxy {
namespace {

using spool::mysql_connection;
using spool::server_error;
using spool::server_result;

constexpr unsigned jumps_most = 3;
constexpr unsigned duplicate_key = 1062;
constexpr std::uint64_t share_of_the_rest =
    10; // a block takes at most a tenth of the ids that a small type has left

server_error refusal(std::string reason) {
  return {0, "", std::move(reason)};
}

std::uint64_t random_seed() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

class reserving {
 public:
  reserving(mysql_connection& server, const id_order& order, std::uint64_t increment)
      : server_(server), order_(order), step_(increment), name_(quoted(order.facts.name)),
        seed_(random_seed()) {}

  server_result<reserved_ids> run();

 private:
  server_result<void> look();
  server_result<std::uint64_t> generate(std::uint64_t rows);
  server_result<std::uint64_t> probe();
  server_result<std::uint64_t> probe_past_ceiling();
  server_result<bool> jump_to(std::uint64_t id);
  server_result<void> check_ours(const id_range& range);
  [[nodiscard]] std::uint64_t room_above(std::uint64_t id) const;
  [[nodiscard]] std::string insert_head() const;

  mysql_connection& server_;
  const id_order& order_;
  const std::uint64_t step_;
  const std::string name_;
  std::uint64_t seed_;
  fill_plan fill_;
};

server_result<reserved_ids> reserving::run() {
  if (auto looked = look(); !looked) return looked.error();
  auto probed = probe();
  if (!probed) return probed.error();
  const auto count = std::min(order_.count, room_above(*probed));
  if (count == 0) return refusal("the AUTO_INCREMENT column is nearly used up");
  auto first = generate(count);
  if (!first) return first.error();
  const auto range = id_range::of(*first, count, step_);
  if (*first <= order_.ceiling) return refusal("the server's counter went back while ids were reserved");
  if (auto ours = check_ours(range); !ours) return ours.error();
  return reserved_ids{range, count < order_.count};
}

// Touching the table first keeps its definition as it is until the transaction ends.
server_result<void> reserving::look() {
  const auto& name = order_.facts.name;
  if (auto touched = server_.query("SELECT 1 FROM " + name_ + " LIMIT 0"); !touched) return touched.error();
  auto found = read_table(server_, name);
  if (!found) return found.error();
  if (!*found || !(*found)->same_definition(order_.facts)) return refusal("its definition has just changed");
  auto trigger = has_insert_trigger(server_, name);
  if (!trigger) return trigger.error();
  if (*trigger) return refusal("it has an INSERT trigger, whose effects might outlive a rollback");
  auto unique = read_unique_columns(server_, name);
  if (!unique) return unique.error();
  fill_ = plan_fill(*unique, order_.facts.column);
  if (!fill_.obstacle.empty()) return refusal(fill_.obstacle);
  return {};
}

std::string reserving::insert_head() const {
  return fmt::format("INSERT INTO {} ({}{}) VALUES ", name_, quoted(order_.facts.column),
                     fill_.column_list());
}

// The first of the ids that the server makes for so many rows.
server_result<std::uint64_t> reserving::generate(std::uint64_t rows) {
  auto sql = insert_head();
  for (std::uint64_t i = 0; i < rows; ++i) sql += (i == 0 ? "(NULL" : ",(NULL") + fill_.values(seed_++) + ')';
  auto answer = server_.query(sql);
  if (!answer) return answer.error();
  if (answer->summary.insert_id == 0 || answer->summary.affected_rows != rows)
    return refusal("the server does not say which ids it made");
  return {boost::system::in_place_value, answer->summary.insert_id};
}

// Shows with one row that the table takes such rows, and where the counter is. The row is taken back at once:
// while the block's INSERT waits for its turn, nobody shall wait for a row of ours.
server_result<std::uint64_t> reserving::probe() {
  if (auto marked = server_.query("SAVEPOINT holdwater_probe"); !marked) return marked.error();
  auto id = probe_past_ceiling();
  if (!id) return id;
  if (auto undone = server_.query("ROLLBACK TO SAVEPOINT holdwater_probe"); !undone) return undone.error();
  return id;
}

// A counter that is not past the ids that were handed out before has been lost with the server's memory: it
// is put there again.
server_result<std::uint64_t> reserving::probe_past_ceiling() {
  auto id = generate(1);
  for (unsigned tried = 0; id && *id <= order_.ceiling; ++tried) {
    if (tried == jumps_most)
      return refusal("the server's counter cannot be moved past the ids of the last block");
    if (room_above(order_.ceiling + tried) == 0) return refusal("the last block is at the column's end");
    auto jumped = jump_to(order_.ceiling + tried);
    if (!jumped) return jumped.error();
    id = generate(1);
  }
  return id;
}

// False when a row has that id.
server_result<bool> reserving::jump_to(std::uint64_t id) {
  auto answer = server_.query(fmt::format("{}({}{})", insert_head(), id, fill_.values(seed_++)));
  if (answer) return {boost::system::in_place_value, true};
  if (answer.error().number == duplicate_key) return {boost::system::in_place_value, false};
  return answer.error();
}

// The snapshot is older than the rows, so it shows our own rows and none that others have added since.
server_result<void> reserving::check_ours(const id_range& range) {
  const auto column = quoted(order_.facts.column);
  auto answer =
      server_.query(fmt::format("SELECT COUNT(*) FROM {} WHERE {} BETWEEN {} AND {} AND ({}-{}) % {} = 0",
                                name_, column, range.first, range.last, column, range.first, range.step));
  if (!answer) return answer.error();
  if (answer->rows.size() != 1 || answer->rows[0].empty() ||
      answer->rows[0][0] != std::to_string(range.size()))
    return refusal("the server did not make the ids in a row");
  return {};
}

std::uint64_t reserving::room_above(std::uint64_t id) const {
  const auto largest = largest_id(order_.facts.column_type);
  return id >= largest ? 0 : (largest - id) / step_ / share_of_the_rest;
}

} // namespace

server_result<reserved_ids> reserve_ids(mysql_connection& server, const id_order& order,
                                        std::uint64_t increment) {
  auto begun = server.query("START TRANSACTION WITH CONSISTENT SNAPSHOT");
  if (!begun) return begun.error();
  auto reserved = reserving(server, order, increment).run();
  if (!reserved && classify(reserved.error()) == spool::error_class::connection_lost) return reserved;
  if (auto undone = server.query("ROLLBACK"); !undone) return undone.error();
  return reserved;
}

} // namespace holdwater::proxy
