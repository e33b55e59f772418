// What reads of single rows in an outage are told of queued writes.
#include "proxy/service/service.hpp"

namespace holdwater::proxy {

void service::follow_own_writes() {
  own_writes_options how;
  using connection = spool::server_result<std::unique_ptr<spool::mysql_connection>>;
  how.connect_as = [this](const std::string& user) -> connection {
    for (const auto& one : settings_.accounts)
      if (one.user == user)
        return spool::mysql_connection::connect(servers_.address(), {one.user, one.password}, {},
                                                {settings_.connection_timeout, settings_.connection_timeout});
    return spool::server_error{0, "it is no account of this proxy"};
  };
  for (const auto& one : settings_.accounts) how.users.push_back(one.user);
  how.moved_since = [this](std::uint64_t outage) { return board_.has_moved_since(outage); };
  how.dialect = [this] {
    const auto profile = profile_.get();
    protocol::sql::dialect server;
    server.mariadb = profile->version.mariadb;
    server.version = profile->version.number;
    return server;
  };
  how.schema = settings_.server.database;
  how.path = settings_.data_dir + "/tables.json";
  how.max_age = settings_.cache.max_stale;
  own_ = std::make_unique<own_writes>(std::move(how), *spool_);
  writes_->shown_to(own_.get());
}

} // namespace holdwater::proxy
