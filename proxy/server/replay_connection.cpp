#include "proxy/server/replay_connection.hpp"

#include <utility>

namespace holdwater::proxy {
namespace {

using spool::query_answer;
using spool::server_result;

spool::server_error lost() {
  constexpr unsigned server_lost = 2013;
  return {server_lost, "HY000", "another server has taken this one's place"};
}

class bound_connection final : public spool::mysql_connection {
 public:
  bound_connection(const server_list& servers, std::unique_ptr<spool::mysql_connection> inner)
      : servers_(servers), inner_(std::move(inner)) {}

  server_result<query_answer> query(std::string_view text) override {
    return guarded([&] { return inner_->query(text); });
  }
  server_result<query_answer> execute(std::string_view text,
                                      const std::vector<spool::parameter>& values) override {
    return guarded([&] { return inner_->execute(text, values); });
  }
  void send_each(const std::vector<spool::outgoing>& all) override {
    if (servers_.replay_is_bound()) inner_->send_each(all);
  }
  [[nodiscard]] bool can_send(std::string_view text,
                              const std::vector<spool::parameter>& values) const override {
    return inner_->can_send(text, values);
  }
  std::vector<server_result<query_answer>> read_each(std::size_t count) override {
    std::vector<server_result<query_answer>> answers;
    if (servers_.replay_is_bound()) answers = inner_->read_each(count);
    if (servers_.replay_is_bound()) return answers;
    answers.clear();
    answers.emplace_back(lost());
    return answers;
  }
  void forget_prepared() override { inner_->forget_prepared(); }
  [[nodiscard]] std::uint64_t connection_id() const override { return inner_->connection_id(); }
  [[nodiscard]] std::string server_version() const override { return inner_->server_version(); }
  void be_patient(spool::patience how_long) override {
    inner_->be_patient([&servers = servers_, how_long = std::move(how_long)](auto waited) {
      return servers.replay_is_bound() && how_long(waited);
    });
  }

 private:
  server_result<query_answer> guarded(const auto& ask) {
    auto answer = servers_.replay_is_bound() ? ask() : server_result<query_answer>(lost());
    if (!servers_.replay_is_bound()) return lost();
    return answer;
  }

  const server_list& servers_;
  std::unique_ptr<spool::mysql_connection> inner_;
};

} // namespace

server_result<std::unique_ptr<spool::mysql_connection>>
connect_for_replay(const server_list& servers, const spool::credentials& account,
                   const spool::connection_timeouts& timeouts) {
  if (!servers.replay_is_bound()) return lost();
  auto made = spool::mysql_connection::connect(servers.replay_address(), account, {}, timeouts);
  if (!made) return made.error();
  return std::make_unique<bound_connection>(servers, std::move(*made));
}

} // namespace holdwater::proxy
