#include "proxy/replicas/replica.hpp"

#include "proxy/log_scope.hpp"
#include "proxy/server/address.hpp"
#include "proxy/server/state.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace holdwater::proxy {
namespace {

constexpr std::chrono::seconds between_checks{1};
constexpr std::chrono::seconds refusal_lasts{10};
constexpr std::size_t most_refusals = 1000;

constexpr std::string_view plain_question = "DO 0"; // where the account may not ask for more
constexpr std::string_view question_of_mysql = "SHOW REPLICA STATUS";
constexpr std::string_view older_question = "SHOW SLAVE STATUS"; // MariaDB's too
constexpr unsigned not_understood = 1064;
constexpr double in_the_middle = 0.5; // of what pauses are spread over

spool::credentials owner_of(const options& settings) {
  if (settings.accounts.empty()) return {settings.server.user, settings.server.password};
  return {settings.accounts.front().user, settings.accounts.front().password};
}

// None of them can hold a NUL.
std::string key_of(const std::string& user, const std::string& database) {
  return user + '\0' + database;
}

template <class Number>
bool read_number(const std::optional<std::string_view>& text, Number& out) {
  return text && std::from_chars(text->data(), text->data() + text->size(), out).ec == std::errc{};
}

// The source was not there, or had no room: what the receiver tries again, up to its number of attempts.
bool is_unreached(unsigned error) {
  constexpr std::array<unsigned, 5> not_now{1040, 1053, 1077, 1129, 1159};
  constexpr unsigned first_of_client = 2000, behind_client = 3000;
  return (error >= first_of_client && error < behind_client) ||
         std::find(not_now.begin(), not_now.end(), error) != not_now.end();
}

} // namespace

std::string_view name_of(replica_state value) {
  switch (value) {
  case replica_state::unwatched: return "unwatched";
  case replica_state::looking: return "looking";
  case replica_state::usable: return "usable";
  case replica_state::failed: return "failed";
  }
  return {};
}

std::string_view why_unfit(const replication_status& status) {
  if (status.applier_stopped) return "its applier is stopped: how old its rows are is not known";
  if (status.receiver_stopped) return "its receiver is stopped: how old its rows are is not known";
  if (status.lags_unseen)
    return "it has not applied all that it has received, and does not say how far behind it is";
  return {};
}

replication_status read_replication_status(const spool::query_answer& said) {
  replication_status out;
  bool all_known = !said.rows.empty();
  for (const auto& row : said.rows) {
    const auto cell = [&](std::string_view name, std::string_view older) -> std::optional<std::string_view> {
      for (std::size_t at = 0; at < row.size() && at < said.columns.size(); ++at)
        if (said.columns[at].name == name || said.columns[at].name == older) return row[at];
      return std::nullopt;
    };
    out.applier_stopped = out.applier_stopped || cell("Replica_SQL_Running", "Slave_SQL_Running") == "No";
    unsigned why = 0;
    if (cell("Replica_IO_Running", "Slave_IO_Running") == "No")
      out.receiver_stopped =
          out.receiver_stopped || !read_number(cell("Last_IO_Errno", ""), why) || !is_unreached(why);
    std::uint32_t seconds = 0;
    const bool known = read_number(cell("Seconds_Behind_Source", "Seconds_Behind_Master"), seconds);
    if (known)
      out.behind = std::max(out.behind.value_or(std::chrono::seconds(0)), std::chrono::seconds(seconds));
    else
      out.lags_unseen = out.lags_unseen ||
                        cell("Read_Source_Log_Pos", "Read_Master_Log_Pos") !=
                            cell("Exec_Source_Log_Pos", "Exec_Master_Log_Pos") ||
                        cell("Source_Log_File", "Master_Log_File") !=
                            cell("Relay_Source_Log_File", "Relay_Master_Log_File");
    all_known = all_known && known;
  }
  if (!all_known) out.behind.reset();
  return out;
}

bool is_about_account(const spool::server_error& refusal) {
  constexpr std::array<unsigned, 7> denied{1045, 1698, 1820, 1862, 3118, 3955, 4151};
  return spool::classify(refusal) == spool::error_class::refused ||
         std::find(denied.begin(), denied.end(), refusal.number) != denied.end();
}

replica::replica(server_place where, const options& settings)
    : place_(std::move(where)), address_(address_of(place_, settings)), who_(owner_of(settings)),
      timeout_(settings.server.replica_timeout), longest_pause_(settings.retry_delay), name_(place_.host) {}

replica::~replica() {
  stop();
}

void replica::start() {
  thread_ = std::thread(in_log_scope([this] { run(); }));
}

void replica::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  name_.cancel();
  if (thread_.joinable()) thread_.join();
}

void replica::server_is_away(bool away) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(away_, away) == away) return;
    if (away) {
      if (state_ == replica_state::unwatched) state_ = replica_state::looking;
      reads_before_ = reads_;
      told_ = false;
    } else {
      if (std::exchange(used_, false))
        spdlog::info("reads go to the server again; the replica {} has answered {}", place_.name(),
                     reads_ - reads_before_);
      refusals_.clear();
      not_before_ = {};
      tries_failed_ = 0;
    }
  }
  changed_.notify_all();
}

replica::snapshot replica::look() const {
  const std::lock_guard lock(mutex_);
  return {state_, behind_, problem_, connections_, reads_, failures_.load(std::memory_order_relaxed)};
}

replica_state replica::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::optional<std::chrono::seconds> replica::behind() const {
  const std::lock_guard lock(mutex_);
  return behind_;
}

// ----------------------------------------------------------------------------------------------------
// what sessions met

bool replica::takes(const std::string& user, const std::string& database) const {
  const std::lock_guard lock(mutex_);
  const auto now = clock::now();
  if (now < not_before_) return false;
  const auto refusal = refusals_.find(key_of(user, database));
  return refusal == refusals_.end() || now >= refusal->second;
}

void replica::not_reached(const std::string& problem) {
  {
    const std::lock_guard lock(mutex_);
    not_before_ = clock::now() + backoff(tries_failed_++, longest_pause_, in_the_middle);
    problem_ = problem;
    check_wanted_ = true;
  }
  changed_.notify_all();
}

void replica::refused(const std::string& user, const std::string& database) {
  const std::lock_guard lock(mutex_);
  if (refusals_.size() >= most_refusals) refusals_.clear();
  refusals_[key_of(user, database)] = clock::now() + refusal_lasts;
}

void replica::reached() {
  const std::lock_guard lock(mutex_);
  tries_failed_ = 0;
}

void replica::answered() {
  const std::lock_guard lock(mutex_);
  ++reads_;
  if (!away_ || std::exchange(used_, true)) return;
  spdlog::info("reads go to the replica {} while the server is away", place_.name());
}

void replica::opened() {
  const std::lock_guard lock(mutex_);
  ++connections_;
}

void replica::closed() {
  {
    const std::lock_guard lock(mutex_);
    --connections_;
  }
  changed_.notify_all();
}

// ----------------------------------------------------------------------------------------------------
// the thread

void replica::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!watched()) {
      state_ = replica_state::unwatched;
      behind_.reset();
      checks_failed_ = 0;
      if (connection_) {
        lock.unlock();
        connection_.reset();
        lock.lock();
        continue;
      }
      changed_.wait(lock, [this] { return stopping_ || watched(); });
      continue;
    }
    if (state_ == replica_state::unwatched) state_ = replica_state::looking;
    check_wanted_ = false;
    lock.unlock();
    const auto seen = check();
    lock.lock();
    const auto pause = note(seen);
    changed_.wait_for(lock, pause, [this] { return stopping_ || !watched() || check_wanted_; });
  }
  lock.unlock();
  connection_.reset();
}

// Under the lock. How long the next check may wait.
std::chrono::milliseconds replica::note(const sight& seen) {
  behind_ = seen.behind;
  problem_ = seen.problem;
  if (seen.alive) {
    state_ = replica_state::usable;
    checks_failed_ = 0;
    // each refused login is a line in its log
    return connection_ ? between_checks : std::max<std::chrono::milliseconds>(between_checks, longest_pause_);
  }
  if (std::exchange(state_, replica_state::failed) == replica_state::usable)
    losses_.fetch_add(1, std::memory_order_acq_rel);
  const bool was_used = std::exchange(used_, false);
  if (!std::exchange(told_, true) || was_used)
    spdlog::warn("the replica {} {}: {}", place_.name(),
                 was_used ? "is not asked any more" : "cannot be asked", seen.problem);
  return backoff(checks_failed_++, longest_pause_, in_the_middle);
}

replica::sight replica::check() {
  if (!connection_) {
    if (!name_.answers_within(timeout_)) return {false, {}, "its name was not found out in time"};
    auto made = spool::mysql_connection::connect(address_, who_, {}, {timeout_, timeout_});
    if (!made) {
      const auto& why = made.error();
      return {is_about_account(why), {}, fmt::format("connect: {} ({})", why.text, why.number)};
    }
    connection_ = std::move(*made);
    const bool mariadb = connection_->server_version().find("MariaDB") != std::string::npos;
    question_ = mariadb ? older_question : question_of_mysql;
  }
  return ask();
}

replica::sight replica::ask() {
  for (;;) {
    const auto said = connection_->query(question_);
    if (said) {
      if (question_ == plain_question) return {true, {}, {}};
      const auto status = read_replication_status(*said);
      if (const auto why = why_unfit(status); !why.empty()) return {false, {}, std::string(why)};
      return {true, status.behind, {}};
    }
    const auto& why = said.error();
    if (spool::classify(why) != spool::error_class::refused || question_ == plain_question) {
      connection_.reset();
      return {false, {}, fmt::format("check: {} ({})", why.text, why.number)};
    }
    question_ =
        why.number == not_understood && question_ == question_of_mysql ? older_question : plain_question;
  }
}

} // namespace holdwater::proxy
