// What queued writes make of single rows, so that a read by primary key in an outage shows its client's own
// writes. While the server is up, a thread keeps what is known of its tables; in an outage each unit is
// looked at when it is appended, and what it does to rows is kept until the queue is drained.
//
// Invariant: look() answers only when every pending unit was looked at, with types of tables that no change
// of definitions through Holdwater is newer than.
#pragma once

#include "proxy/own_writes/pending_rows.hpp"
#include "proxy/own_writes/read_types.hpp"
#include "proxy/own_writes/unfinished.hpp"
#include "proxy/own_writes/written_tables.hpp"
#include "proxy/server/state_board.hpp"
#include "spool/mysql_connection.hpp"
#include "spool/spool.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace holdwater::proxy {

struct own_writes_options {
  // As one of the accounts; an error for who is none of them.
  std::function<spool::server_result<std::unique_ptr<spool::mysql_connection>>(const std::string& user)>
      connect_as;
  std::vector<std::string> users; // the accounts, the owner's first
  unfinished_commands::moved_since moved_since;
  std::function<protocol::sql::dialect()> dialect; // of the server
  std::string schema;                              // whose tables are followed
  std::string path;                                // the file that remembers them
  std::chrono::seconds max_age{86400};             // older ones in it are of no use
  std::uint64_t most_bytes = 32ULL << 20;          // of rows that are kept in mind
  std::chrono::milliseconds refresh{60'000};       // a definition changed past Holdwater is noticed within it
};

class own_writes {
  struct moments { // since the machine's boot
    std::atomic<std::int64_t> changed{0}, added{0};
    std::atomic<std::uint32_t> under_way{0}; // commands that may change it at any moment
  };

 public:
  // While one of these has tables, they may change at any moment.
  class busy_tables {
   public:
    busy_tables() = default;
    busy_tables(const busy_tables&) = delete;
    busy_tables& operator=(const busy_tables&) = delete;
    ~busy_tables() { clear(); }
    void clear();

   private:
    friend class own_writes;
    std::vector<std::shared_ptr<moments>> held_;
  };

  own_writes(own_writes_options options, spool::spool& queue);
  ~own_writes();
  own_writes(const own_writes&) = delete;
  own_writes& operator=(const own_writes&) = delete;

  void start();
  void stop();

  // Of the process to the server, before any other one of its connections is made.
  void connected(spool::mysql_connection& connection);
  // On the thread that publishes the state, before another state can come.
  void server_is(const server_view& view);

  // Around each command that may change definitions. Any thread.
  void schema_change_begins();
  void schema_change_ends();

  // Before the server gets it. Any thread.
  void begins(const written_tables& what, busy_tables& until_its_end);
  // The server has carried it out, or may have. Any thread.
  void wrote(const written_tables& what);
  // The server may carry it out yet. Its schema_change_begins(), if there was one, gets its end when it is
  // known to be over. Any thread.
  void left_alone(unfinished_command what);

  // --- units
  [[nodiscard]] write_effects effects_of(const std::vector<spool::statement>& statements) const;
  // It is durable. In the order of the numbers, on the spool's thread.
  void take(spool::seq number, const write_effects& effects);
  // Units came, or went without being applied, that take() was not told of: they are read from the queue.
  void distrust();

  // --- reads; any thread
  // 0: the table is not known.
  [[nodiscard]] std::uint64_t version_of(const spool::table_name& table) const;
  [[nodiscard]] table_type_ptr type_of(const spool::table_name& table) const;
  [[nodiscard]] bool holds_any() const { return holds_any_.load(std::memory_order_acquire); }
  struct found {
    pending_row row;
    // All that was applied from the queue was so when the server was last up, and no write of the table is
    // under way there that nobody waits for.
    bool over_cache = false;
    std::chrono::microseconds changed{0}; // when rows of the table were last changed at the server ...
    std::chrono::microseconds added{0};   // ... or added

    // An answer that was read then is what the row was before the queued writes.
    [[nodiscard]] bool may_build_on(std::chrono::microseconds read_at) const {
      return over_cache && read_at > changed;
    }
  };
  [[nodiscard]] std::optional<found> look(const table_type& type, const std::string& key) const;

  [[nodiscard]] std::size_t followed() const; // tables
  // Another number whenever something else may be known of the tables.
  [[nodiscard]] std::uint64_t age() const { return age_.load(std::memory_order_acquire); }

  std::atomic<std::uint64_t> answered{0}; // reads

 private:
  using clock = std::chrono::steady_clock;
  using lock = std::unique_lock<std::mutex>;
  using type_map = std::unordered_map<std::string, table_type_ptr>;
  using moment_map =
      std::unordered_map<std::uint64_t, std::shared_ptr<moments>>; // by written_tables::hash_of()

  // How soon it is looked at whether what was left alone is over; each time that it is not doubles it.
  static constexpr std::chrono::milliseconds first_settle_pause{500};

  void server_is_up(); // nothing is pending, and the server takes writes itself
  void run();
  void rest(lock& held);
  void refresh(lock& held);
  void settle(lock& held);
  void meet(lock& held);
  [[nodiscard]] std::optional<running_connections> ask_as(const std::string& user);
  [[nodiscard]] std::vector<running_connections> ask_as_each(const std::vector<std::string>& users);
  void rebuild(lock& held);
  [[nodiscard]] bool read_pending(pending_rows& into, spool::seq& first, spool::seq& until);
  void set_types(std::vector<table_type> all, bool usable);
  void remember();
  void forget(lock& held);
  void recall();

  const own_writes_options options_;
  spool::spool& queue_;
  std::atomic<bool> holds_any_{false};
  std::atomic<std::uint64_t> age_{0};
  std::atomic<std::uint32_t> first_connection_{0}; // the server's number of it; from then on they are ours

  mutable std::shared_mutex types_mutex_;
  type_map types_;
  bool types_usable_ = false;
  moment_map moments_; // of each table that is known
  const std::shared_ptr<moments> of_all_ =
      std::make_shared<moments>(); // of those that are not, which may write any

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool up_ = false;
  std::uint64_t outage_ = 0; // the board's number
  bool was_away_ = true;
  std::uint64_t changes_begun_ = 0; // of definitions
  std::uint64_t changes_ended_ = 0;
  clock::time_point refresh_at_{};
  clock::time_point not_before_{};
  bool forget_file_ = false;

  pending_rows rows_;
  bool complete_ = false;   // every pending unit is in rows_
  bool over_cache_ = false; // see found
  unfinished_commands unfinished_;
  bool met_ = false; // what was left alone by an earlier process is among them
  clock::time_point settle_at_{};
  clock::duration settle_pause_{};
  spool::seq last_ = 0;               // the newest unit in rows_
  std::optional<spool::seq> drained_; // up to which all was applied when the server was last up here
  bool rebuilding_ = false;
  bool overtaken_ = false;                                 // ... and what comes of it is of no use
  std::vector<std::pair<spool::seq, write_effects>> late_; // that came meanwhile

  // the thread's
  std::string remembered_; // the file's content
  clock::time_point remember_again_{};
  std::string trouble_;
  std::vector<table_type> read_;   // as the server said last
  clock::time_point good_until_{}; // ... though it cannot be read again
  std::thread thread_;
};

} // namespace holdwater::proxy
