#include "tests/sim/world.hpp"

#include <filesystem>

namespace holdwater::sim {
namespace {

std::vector<account_entry> accounts() {
  return {{"app", "secret"}, {"report", "hidden"}, {"guest", "unknown"}};
}

} // namespace

proxy::options world::settings(dice& luck, const std::string& folder) {
  proxy::options made;
  made.listen.port = proxy_port;
  made.admin.listen.port = admin_port;
  made.workers = 1 + static_cast<unsigned>(luck.below(2));
  made.data_dir = folder;
  made.server.port = server_port;
  made.server.user = "app";
  made.server.password = "secret";
  made.server.database = "app";
  made.accounts = {{"report", "hidden", {}}};
  made.client_tls.mode = "off";
  made.connection_timeout = std::chrono::milliseconds(300 + luck.below(700));
  made.retry_delay = std::chrono::milliseconds(50 + luck.below(250));
  made.check_interval = std::chrono::milliseconds(200 + luck.below(1500));
  made.insert_ids.block = 20 + luck.below(200);
  made.pool.max_idle = luck.chance(1, 2) ? 50 : luck.below(3);
  if (luck.chance(1, 6)) made.spool.max_bytes = 20'000;
  return made;
}

world::world(std::uint64_t seed, std::string folder)
    : luck_(seed ^ 0x5deece66dULL), server_(accounts(), told_, luck_.roll()),
      proxy_(settings(luck_, folder), luck_.roll()) {
  proxy_.longest_sync = luck_.between(0, 5) * millisecond;
  auto& weather = network::the().on(path::server);
  weather.most_delay = luck_.between(50, 3000) * microsecond;
  weather.cut_one_in = static_cast<unsigned>(2 + luck_.below(20));
  network::the().on(path::clients).cut_one_in = static_cast<unsigned>(2 + luck_.below(20));
}

run_result world::run(std::uint64_t steps) {
  auto& here = machine::the();
  server_.start();
  proxy_.start();
  here.sleep(2 * second); // it must have met the server once
  const auto count = 3 + luck_.below(4);
  const auto known = accounts();
  calm_ = luck_.between(200 * millisecond, 6 * second);
  const auto longest_pause = luck_.between(1, 300) * millisecond;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto& who = known[i < 3 ? i == 2 && luck_.chance(1, 2) ? 2 : i % 2 : luck_.below(2)];
    applications_.push_back(std::make_unique<application>(
        application::traits{static_cast<int>(i) + 1, who.user, who.password, longest_pause}, told_, stop_,
        luck_.roll()));
    threads_.push_back(
        &here.spawn(fmt::format("client {}", i + 1), 0, [one = applications_.back().get()] { one->run(); }));
  }
  auto& person = here.spawn("operator", 0, [this] { operate(); });
  while (here.steps() < steps) {
    pause(10 * millisecond, luck_.chance(1, 4) ? 6 * second : calm_);
    strike();
  }
  here.note("----- everything is mended -----");
  mend();
  stop_ = true;
  for (auto* one : threads_) here.join(*one);
  operates_ = false;
  here.join(person);
  drain();
  told_.check_all();
  run_result done{here.steps(), here.hash(), told_.units(), faults_, here.now(), told_.kinds()};
  return done;
}

} // namespace holdwater::sim
