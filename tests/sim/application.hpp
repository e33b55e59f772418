// A client program of the simulated world: writes, transactions, reads and settings at random, and it notes
// what it was told of each.
#pragma once

#include "tests/sim/history.hpp"
#include "tests/sim/wire_client.hpp"

#include <map>
#include <string>

namespace holdwater::sim {

class application {
 public:
  struct traits {
    int number = 0;
    std::string user, password;
    moment longest_pause = 200 * millisecond;
  };
  application(traits what, history& told, const bool& stop, std::uint64_t seed)
      : what_(std::move(what)), told_(told), stop_(stop), luck_(seed) {}

  void run();

 private:
  struct statement {
    std::string text;
    std::vector<piece> values; // bound
    std::string table, schema;
    bool poison = false, reads_variable = false, has_id = false;
  };

  bool ensure_connected();
  void act();
  void write_alone();
  void transaction();
  void read();
  void change_settings();
  [[nodiscard]] statement make_write(const std::string& tag, bool transactional);
  [[nodiscard]] std::string next_tag() { return fmt::format("{}.{}", what_.number, ++tags_); }
  [[nodiscard]] std::string full(const std::string& table, statement& of);
  expected_write& expect(unit& of, const std::string& tag, const statement& what);
  reply carry_out(const statement& what);
  reply ask(const std::string& text);
  reply make_ready(const statement& what);
  void settle(unit& of, const reply& said);
  void note_error(const reply& said);
  void leave();

  const traits what_;
  history& told_;
  const bool& stop_;
  dice luck_;
  wire_client client_;
  std::uint64_t tags_ = 0;
  bool hurried_ = true;
  std::string database_;
  write_context context_;
  std::map<std::string, std::uint32_t> prepared_; // text, id on this connection
};

} // namespace holdwater::sim
