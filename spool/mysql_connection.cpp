#include "spool/mysql_connection.hpp"

#include "spool/prepared_text.hpp"

#include <mysql.h>
#include <poll.h>

#include <algorithm>
#include <mutex>

namespace holdwater::spool {
namespace {

constexpr std::chrono::milliseconds poll_slice{100};
constexpr unsigned long largest_packet = 1UL << 30;
constexpr std::size_t kept_prepared = 64;
constexpr unsigned too_many_prepared = 1461;
constexpr unsigned out_of_memory = 2008;
constexpr unsigned ssl_connection_error = 2026;
// Their clients never show the password on a connection that is not encrypted.
constexpr const char* plugins_without_clear_password =
    "mysql_native_password,caching_sha2_password,client_ed25519";

struct close_connection {
  void operator()(MYSQL* handle) const noexcept { mysql_close(handle); }
};
struct free_rows {
  void operator()(MYSQL_RES* rows) const noexcept { mysql_free_result(rows); }
};
using connection_handle = std::unique_ptr<MYSQL, close_connection>;
using rows_handle = std::unique_ptr<MYSQL_RES, free_rows>;

// The library wants one start for the process, before any thread uses it, and a farewell from each thread.
void enter_library() {
  static std::once_flag started;
  std::call_once(started, [] { mysql_library_init(0, nullptr, nullptr); });
  struct farewell {
    ~farewell() { mysql_thread_end(); }
  };
  static thread_local const farewell at_thread_end;
  static_cast<void>(at_thread_end);
}

// Of one of its own errors the library's text holds the challenge's random bytes.
server_error error_of(MYSQL* handle) {
  constexpr unsigned plugin_not_allowed = 5010;
  if (mysql_errno(handle) == plugin_not_allowed)
    return {plugin_not_allowed, mysql_sqlstate(handle),
            "Access denied: the server wants a way to log in that is not taken, as MySQL does of an account "
            "that it does not know"};
  return {mysql_errno(handle), mysql_sqlstate(handle), mysql_error(handle)};
}

unsigned whole_seconds(std::chrono::milliseconds time) {
  return static_cast<unsigned>(
      std::chrono::ceil<std::chrono::seconds>(std::max(time, std::chrono::milliseconds(1))).count());
}

void set_options(MYSQL* handle, const connection_timeouts& timeouts, bool local) {
  const unsigned connect = whole_seconds(timeouts.connect);
  const unsigned answer = whole_seconds(timeouts.read);
  const unsigned local_infile = 0;
  const my_bool no = 0;
  const unsigned protocol = local ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
  mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
  mysql_options(handle, MYSQL_OPT_READ_TIMEOUT, &answer);
  mysql_options(handle, MYSQL_OPT_WRITE_TIMEOUT, &answer);
  mysql_options(handle, MYSQL_OPT_PROTOCOL, &protocol); // "localhost" would mean the socket file
  mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &local_infile);
  mysql_options(handle, MYSQL_OPT_RECONNECT, &no);
  mysql_options(handle, MYSQL_OPT_MAX_ALLOWED_PACKET, &largest_packet);
  mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
}

const char* text_or_null(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

// The library itself uses TLS when it is enforced and offered; that it was used is checked afterwards.
void set_tls_options(MYSQL* handle, const tls_settings& tls) {
  const my_bool enforced = tls.mode != tls_mode::off ? 1 : 0;
  const my_bool by_name = tls.mode == tls_mode::verify_identity ? 1 : 0;
  if (tls.mode <= tls_mode::preferred)
    mysql_options(handle, MARIADB_OPT_RESTRICTED_AUTH, plugins_without_clear_password);
  if (enforced) {
    const bool verified = tls.mode >= tls_mode::verify_ca;
    const char* const ca = verified ? text_or_null(tls.ca) : nullptr;
    const char* const folder = verified && ca == nullptr ? text_or_null(tls.ca_folder) : nullptr;
    mysql_ssl_set(handle, text_or_null(tls.key), text_or_null(tls.certificate), ca, folder, nullptr);
  }
  mysql_options(handle, MYSQL_OPT_SSL_ENFORCE, &enforced);
  mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &by_name);
}

std::vector<result_row> take_rows(MYSQL_RES* from) {
  std::vector<result_row> rows;
  const unsigned columns = mysql_num_fields(from);
  while (MYSQL_ROW values = mysql_fetch_row(from)) {
    const unsigned long* sizes = mysql_fetch_lengths(from);
    auto& next = rows.emplace_back(columns);
    for (unsigned i = 0; i < columns; ++i)
      if (values[i] != nullptr) next[i].emplace(values[i], sizes[i]);
  }
  return rows;
}

std::vector<answer_column> read_columns(MYSQL_RES* in) {
  constexpr unsigned library_flags = NUM_FLAG; // which no server sends
  std::vector<answer_column> columns;
  for (unsigned i = 0; i < mysql_num_fields(in); ++i) {
    const auto& field = *mysql_fetch_field_direct(in, i);
    const auto type = field.type;
    const bool integer = type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_INT24 ||
                         type == MYSQL_TYPE_LONG || type == MYSQL_TYPE_LONGLONG;
    columns.push_back({integer, static_cast<std::uint8_t>(type),
                       static_cast<std::uint16_t>(field.flags & ~library_flags),
                       static_cast<std::uint32_t>(field.length), static_cast<std::uint8_t>(field.decimals),
                       std::string(field.name, field.name_length)});
  }
  return columns;
}

class library_connection final : public mysql_connection {
 public:
  library_connection(connection_handle handle, std::chrono::milliseconds read_timeout)
      : handle_(std::move(handle)), id_(mysql_thread_id(handle_.get())), read_timeout_(read_timeout) {
    if (const char* const version = mysql_get_server_info(handle_.get())) version_ = version;
  }
  // The library keeps state for each thread that touches it, the destroying one too.
  ~library_connection() override { enter_library(); }

  server_result<query_answer> query(std::string_view text) override {
    enter_library();
    if (mysql_send_query(handle_.get(), text.data(), text.size()) != 0) return error_of(handle_.get());
    if (!wait_for_answer()) return no_answer();
    if (mysql_read_query_result(handle_.get())) return error_of(handle_.get());
    return take_answer();
  }
  // A failure shows where the answers are read: how much of it has arrived is not known.
  void send_each(const std::vector<outgoing>& all) override {
    enter_library();
    const bool sent = std::all_of(all.begin(), all.end(), [this](const outgoing& one) {
      if (one.values != nullptr) return (*prepared_with(one.text, *one.values))->send(*one.values);
      return mysql_send_query(handle_.get(), one.text.data(), one.text.size()) == 0;
    });
    if (!sent) handle_.reset(mysql_init(nullptr));
  }
  bool can_send(std::string_view text, const std::vector<parameter>& values) const override {
    const auto kept = prepared_with(text, values);
    return kept != prepared_.end() && (*kept)->can_send(values);
  }
  std::vector<server_result<query_answer>> read_each(std::size_t count) override {
    enter_library();
    mysql_options(handle_.get(), MYSQL_OPT_NONBLOCK, nullptr);
    std::vector<server_result<query_answer>> answers;
    while (answers.size() < count && (answers.empty() || !is_lost(answers.back())))
      answers.push_back(next_answer());
    return answers;
  }
  server_result<query_answer> execute(std::string_view text, const std::vector<parameter>& values) override {
    enter_library();
    const auto start = std::chrono::steady_clock::now();
    const auto wait = [&](int events) { return wait_for_socket(events, start); };
    auto kept = prepared_with(text, values);
    if (kept == prepared_.end()) {
      if (prepared_.size() == kept_prepared) prepared_.erase(prepared_.begin());
      auto made = prepared_text::make(handle_.get(), text, wait);
      if (!made && made.error().number == too_many_prepared && !prepared_.empty()) {
        prepared_.clear(); // they may be what the server has no room for
        made = prepared_text::make(handle_.get(), text, wait);
      }
      if (!made) return made.error();
      kept = prepared_.insert(prepared_.end(), std::move(*made));
    }
    if (auto done = (*kept)->execute(values, wait); !done) {
      prepared_.erase(kept);
      return done.error();
    }
    return take_answer();
  }
  void forget_prepared() override {
    enter_library();
    prepared_.clear();
  }
  std::uint64_t connection_id() const override { return id_; }
  std::string server_version() const override { return version_; }
  void be_patient(patience how_long) override { patience_ = std::move(how_long); }

 private:
  using prepared_texts = std::vector<std::unique_ptr<prepared_text>>;

  [[nodiscard]] prepared_texts::const_iterator prepared_with(std::string_view text,
                                                             const std::vector<parameter>& values) const {
    return std::find_if(prepared_.begin(), prepared_.end(),
                        [&](const auto& one) { return one->text() == text && one->takes(values); });
  }

  // The library has read ahead, perhaps: whether the socket is to be waited for is for it to say.
  [[nodiscard]] server_result<query_answer> next_answer() {
    if (mysql_get_socket(handle_.get()) == MARIADB_INVALID_SOCKET) return no_answer();
    const auto since = std::chrono::steady_clock::now();
    auto* const raw = handle_.get();
    my_bool failed = 0;
    const bool read = in_steps([&](int events) { return wait_for_socket(events, since); },
                               [&] { return mysql_read_query_result_start(&failed, raw); },
                               [&](int came) { return mysql_read_query_result_cont(&failed, raw, came); });
    if (!read) return no_answer();
    if (failed != 0) return error_of(raw);
    return take_answer();
  }

  // After a refusal to wait the connection is of no use: the answer would be taken for that of the next
  // statement.
  [[nodiscard]] bool wait_for_answer() {
    pollfd watched{static_cast<int>(mysql_get_socket(handle_.get())), POLLIN, 0};
    const auto start = std::chrono::steady_clock::now();
    while (::poll(&watched, 1, static_cast<int>(poll_slice.count())) <= 0) {
      if (worth_waiting(start)) continue;
      handle_.reset(mysql_init(nullptr));
      return false;
    }
    return true;
  }

  [[nodiscard]] bool worth_waiting(std::chrono::steady_clock::time_point since) const {
    const auto waited =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - since);
    return patience_ ? patience_(waited) : waited < read_timeout_;
  }

  // As a socket_wait.
  [[nodiscard]] int wait_for_socket(int events, std::chrono::steady_clock::time_point since) {
    pollfd watched{static_cast<int>(mysql_get_socket(handle_.get())), 0, 0};
    if ((events & MYSQL_WAIT_READ) != 0) watched.events |= POLLIN;
    if ((events & MYSQL_WAIT_WRITE) != 0) watched.events |= POLLOUT;
    if ((events & MYSQL_WAIT_EXCEPT) != 0) watched.events |= POLLPRI;
    while (::poll(&watched, 1, static_cast<int>(poll_slice.count())) <= 0) {
      if (worth_waiting(since)) continue;
      handle_.reset(mysql_init(nullptr)); // what was prepared on it knows
      return 0;
    }
    const int came = ((watched.revents & (POLLIN | POLLERR | POLLHUP)) != 0 ? MYSQL_WAIT_READ : 0) |
                     ((watched.revents & POLLOUT) != 0 ? MYSQL_WAIT_WRITE : 0) |
                     ((watched.revents & POLLPRI) != 0 ? MYSQL_WAIT_EXCEPT : 0);
    const int wanted = came & events;
    return wanted != 0 ? wanted : events & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE); // an error: the read tells
  }

  [[nodiscard]] server_result<query_answer> take_answer() {
    query_answer answer;
    const rows_handle rows(mysql_store_result(handle_.get()));
    if (rows) {
      answer.rows = take_rows(rows.get());
      answer.columns = read_columns(rows.get());
    } else if (mysql_errno(handle_.get()) != 0 || mysql_field_count(handle_.get()) != 0) {
      return error_of(handle_.get()); // lost among the rows: the library has forgotten that there were any
    }
    const char* info = mysql_info(handle_.get());
    answer.summary = {rows ? 0 : mysql_affected_rows(handle_.get()), mysql_insert_id(handle_.get()),
                      mysql_warning_count(handle_.get()), info == nullptr ? "" : info};
    unsigned status = 0;
    mariadb_get_infov(handle_.get(), MARIADB_CONNECTION_SERVER_STATUS, &status);
    answer.in_transaction = (status & SERVER_STATUS_IN_TRANS) != 0;
    const char* told = nullptr;
    std::size_t size = 0;
    answer.changed_session =
        mysql_session_track_get_first(handle_.get(), SESSION_TRACK_STATE_CHANGE, &told, &size) == 0;
    return answer;
  }

  connection_handle handle_; // a new one, of no connection, once an answer was given up
  prepared_texts prepared_;  // on handle_, so they go first; the oldest is the first
  std::uint64_t id_;
  std::string version_;
  std::chrono::milliseconds read_timeout_;
  patience patience_;
};

} // namespace

void mysql_connection::send_each(const std::vector<outgoing>& all) {
  for (const auto& one : all)
    unread_.push_back(one.values == nullptr ? query(one.text) : execute(one.text, *one.values));
}

bool mysql_connection::can_send(std::string_view, const std::vector<parameter>&) const {
  return false;
}

std::vector<server_result<query_answer>> mysql_connection::read_each(std::size_t count) {
  std::vector<server_result<query_answer>> answers;
  for (; answers.size() < count && (answers.empty() || !is_lost(answers.back())); unread_.pop_front())
    answers.push_back(std::move(unread_.front()));
  return answers;
}

server_result<std::unique_ptr<mysql_connection>>
mysql_connection::connect(const server_address& where, const credentials& who, const std::string& database,
                          const connection_timeouts& timeouts) {
  enter_library();
  connection_handle handle(mysql_init(nullptr));
  if (!handle) return server_error{out_of_memory, "HY000", "out of memory"};
  set_options(handle.get(), timeouts, !where.socket.empty());
  if (where.socket.empty()) set_tls_options(handle.get(), where.tls); // nobody listens in on a unix socket
  // the library looks at the socket for this name only
  const char* host = where.socket.empty() ? where.host.c_str() : "localhost";
  const char* schema = database.empty() ? nullptr : database.c_str();
  if (mysql_real_connect(handle.get(), host, who.user.c_str(), who.password.c_str(), schema, where.port,
                         where.socket.empty() ? nullptr : where.socket.c_str(), 0) == nullptr)
    return error_of(handle.get());
  if (where.socket.empty() && where.tls.mode >= tls_mode::required &&
      mysql_get_ssl_cipher(handle.get()) == nullptr)
    return server_error{ssl_connection_error, "HY000", "TLS is required, and the server does not offer it"};
  return std::unique_ptr<mysql_connection>(
      std::make_unique<library_connection>(std::move(handle), timeouts.read));
}

} // namespace holdwater::spool
