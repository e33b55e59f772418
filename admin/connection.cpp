// One HTTP connection: read a request, have it carried out, answer; until either side has had enough.
//
// Invariant: every wait ends. A request has `request_timeout` to arrive and its answer as long to leave; an
// action's own time is bounded by `control`, and stop() ends the wait for it.
#include "admin/actions.hpp"
#include "admin/router.hpp"
#include "admin/shared_state.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace holdwater::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint32_t most_header_bytes = 8 << 10;
constexpr std::uint64_t most_body_bytes = 64 << 10;
// Of an import's part, one at a time, from who may operate; and for how long it may be on its way.
constexpr std::uint64_t most_import_bytes = 64 << 20;
constexpr int import_patience = 6; // times request_timeout
// How long, and for how many bytes, a refused client is listened to, so that it gets to read the refusal.
constexpr std::chrono::seconds linger_time{1};
constexpr std::size_t most_linger_bytes = 1 << 20;

// The dashboard's page brings all that it needs from here; nothing else is a page.
constexpr const char* content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

// Where an action's reply arrives.
struct reply_slot {
  explicit reply_slot(const asio::any_io_executor& on) : wake(on, asio::steady_timer::time_point::max()) {}

  std::optional<reply> arrived;
  asio::steady_timer wake; // cancelled when the reply is there, or when nobody waits any more

  void put(reply what) {
    arrived = std::move(what);
    wake.cancel();
  }
};

// What to tell a client whose request could not be read; nothing when it is gone or too slow to be told.
std::optional<reply> refusal_of(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return refuse(431, "the header is larger than 8 KiB");
  if (error == http::error::body_limit) return refuse(413, "the body is too large");
  if (error == asio::error::already_started) return refuse(503, "another import is under way");
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error.category() == make_error_code(http::error::bad_method).category())
    return refuse(400, "this is not HTTP: " + error.message());
  return std::nullopt;
}

using request_message = http::request<http::string_body>;

request as_request(const request_message& from) {
  const auto header = [&](http::field name) -> std::optional<std::string> {
    const auto found = from.find(name);
    if (found == from.end()) return std::nullopt;
    return std::string(found->value());
  };
  const auto named = [&](const char* name) -> std::optional<std::string> {
    const auto found = from.find(name);
    return found == from.end() ? std::nullopt : std::optional(std::string(found->value()));
  };
  return {std::string(from.method_string()), std::string(from.target()), header(http::field::host),
          header(http::field::origin),       named("Sec-Fetch-Site"),    named("Sec-Fetch-Mode")};
}

http::response<http::string_body> as_response(reply from, unsigned version, bool keep_alive) {
  http::response<http::string_body> out(static_cast<http::status>(from.status), version);
  out.set(http::field::server, "holdwater");
  out.set(http::field::content_type, from.content_type);
  out.set(http::field::cache_control, "no-store");
  out.set("X-Content-Type-Options", "nosniff");
  out.set("Content-Security-Policy", content_policy);
  out.set("Referrer-Policy", "no-referrer");
  out.set("Cross-Origin-Resource-Policy", "same-origin");
  if (!from.allow.empty()) out.set(http::field::allow, from.allow);
  if (!from.location.empty()) out.set(http::field::location, from.location);
  if (!from.retry_after.empty()) out.set(http::field::retry_after, from.retry_after);
  if (from.status == 401)
    out.set(http::field::www_authenticate, "Basic realm=\"Holdwater\", charset=\"UTF-8\"");
  out.keep_alive(keep_alive);
  out.body() = std::move(from.body);
  out.prepare_payload();
  return out;
}

// The stream in clear text, or under TLS.
using plain_stream = beast::tcp_stream;
struct secure_stream {
  asio::ssl::context context; // shares the program's
  beast::ssl_stream<beast::tcp_stream> stream;

  secure_stream(tcp::socket socket, SSL_CTX* shared)
      : context(shared_by(shared)), stream(std::move(socket), context) {}

  static SSL_CTX* shared_by(SSL_CTX* all) {
    SSL_CTX_up_ref(all);
    return all;
  }
};

template <class Stream>
class http_connection final : public connection,
                              public std::enable_shared_from_this<http_connection<Stream>> {
 public:
  template <class... Args>
  explicit http_connection(std::shared_ptr<shared_state> shared, Args&&... of_stream)
      : whole_(std::forward<Args>(of_stream)...), shared_(std::move(shared)) {
    ++shared_->open;
  }
  ~http_connection() override {
    end_import();
    --shared_->open;
  }

  void start(bool busy) {
    asio::co_spawn(
        bottom().get_executor(),
        [self = this->shared_from_this(), busy] { return busy ? self->turn_away() : self->run(); },
        [](const std::exception_ptr& failure) {
          if (failure) std::rethrow_exception(failure);
        });
  }

  void stop() override {
    stopped_ = true;
    bottom().close();
    if (waiting_) waiting_->wake.cancel();
  }

 private:
  static constexpr bool secure = std::is_same_v<Stream, secure_stream>;

  Stream whole_;
  beast::flat_buffer buffer_; // holds what a pipelining client sent ahead
  std::shared_ptr<shared_state> shared_;
  std::shared_ptr<reply_slot> waiting_;
  bool stopped_ = false;
  bool importing_ = false;  // the one that may send much
  std::optional<role> who_; // asks; nothing: from an address that has been wrong too often

  [[nodiscard]] auto& stream() {
    if constexpr (secure)
      return whole_.stream;
    else
      return whole_;
  }
  [[nodiscard]] beast::tcp_stream& bottom() { return beast::get_lowest_layer(stream()); }

  // False when the caller does not speak TLS, or not as it should.
  asio::awaitable<bool> greet() {
    error_code error;
    if constexpr (secure) {
      bottom().expires_after(shared_->how.request_timeout);
      co_await stream().async_handshake(asio::ssl::stream_base::server,
                                        asio::redirect_error(asio::use_awaitable, error));
    }
    co_return !error;
  }

  asio::awaitable<void> run() {
    const bool greeted = co_await greet();
    if (!greeted) co_return;
    while (!stopped_) {
      http::request_parser<http::string_body> parser;
      const auto error = co_await read(parser);
      if (error) {
        const auto refused = refusal_of(error);
        if (refused) co_await write_last(*refused);
        co_return;
      }
      auto& message = parser.get();
      auto told = co_await answer_to(message);
      end_import();
      if (!told) co_return; // stopped meanwhile
      const auto response = as_response(*std::move(told), message.version(), message.keep_alive());
      const bool written = co_await write(response, is_head(message));
      if (!written) co_return;
      if (!message.keep_alive()) co_return co_await linger();
    }
  }

  asio::awaitable<void> turn_away() {
    const bool greeted = co_await greet();
    if (!greeted) co_return;
    const auto refused = refuse(503, "too many connections at once");
    co_await write_last(refused);
  }

  static bool is_head(const request_message& message) { return message.method() == http::verb::head; }

  asio::awaitable<error_code> read(http::request_parser<http::string_body>& parser) {
    error_code error;
    parser.header_limit(most_header_bytes);
    parser.body_limit(most_import_bytes); // the header says how large, and of what
    bottom().expires_after(shared_->how.request_timeout);
    co_await http::async_read_header(stream(), buffer_, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      who_ = admit(parser.get());
      error = bound_body(parser);
    }
    if (!error && beast::iequals(parser.get()[http::field::expect], "100-continue"))
      error = co_await write_continue();
    if (!error)
      co_await http::async_read(stream(), buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
    co_return error;
  }

  // Only an import's body may be large, and only once at a time.
  error_code bound_body(http::request_parser<http::string_body>& parser) {
    const bool may = !shared_->door.open() && who_ == role::operate;
    if (may && is_import(parser.get().target())) {
      if (shared_->importing) return asio::error::already_started;
      importing_ = shared_->importing = true;
      bottom().expires_after(import_patience * shared_->how.request_timeout);
      return {};
    }
    parser.body_limit(most_body_bytes);
    if (parser.content_length().value_or(0) > most_body_bytes) return http::error::body_limit;
    return {};
  }

  void end_import() {
    if (std::exchange(importing_, false)) shared_->importing = false;
  }

  asio::awaitable<error_code> write_continue() {
    error_code error;
    http::response<http::empty_body> go_on(http::status::continue_, 11);
    co_await http::async_write(stream(), go_on, asio::redirect_error(asio::use_awaitable, error));
    co_return error;
  }

  // Nothing when the connection was stopped before the answer came.
  asio::awaitable<std::optional<reply>> answer_to(request_message& message) {
    if (message.version() >= 11 && message.count(http::field::host) != 1)
      co_return refuse(400, "a request needs one Host header");
    if (!who_) {
      auto told = refuse(429, "too many wrong tokens from this address; wait");
      told.retry_after = std::to_string(shared_->how.failure_window.count());
      co_return told;
    }
    auto decided = route(as_request(message), shared_->how.host_names, *who_, shared_->names);
    if (auto* refused = std::get_if<reply>(&decided)) co_return std::move(*refused);
    auto* const named = std::get_if<for_service>(&decided);
    auto& what = named ? named->what : std::get<action>(decided);
    if (auto* import = std::get_if<import_units>(&what)) import->bytes = std::move(message.body());
    co_return co_await outcome_of(what, named ? &named->name : nullptr);
  }

  // Nothing when the address has been wrong too often.
  std::optional<role> admit(const request_message& message) {
    if (shared_->door.open()) return role::operate;
    error_code gone;
    const auto address = bottom().socket().remote_endpoint(gone).address().to_string();
    const auto now = std::chrono::steady_clock::now();
    if (shared_->failures.blocks(address, now)) return std::nullopt;
    std::optional<std::string> shown;
    if (const auto found = message.find(http::field::authorization); found != message.end())
      shown = std::string(found->value());
    const auto who = shared_->door.admit(shown);
    // A browser asks once without one.
    if (who == role::nobody && shown) shared_->on.note_refused(address, shared_->failures.note(address, now));
    return who;
  }

  // Of the service of that name, or, null, of the process.
  asio::awaitable<std::optional<reply>> outcome_of(const action& what, const std::string* service) {
    waiting_ = std::make_shared<reply_slot>(bottom().get_executor());
    bottom().expires_never();
    const auto answered = [back = shared_->back, slot = std::weak_ptr(waiting_)](reply told) {
      back->post([slot, told = std::move(told)]() mutable {
        if (const auto still = slot.lock()) still->put(std::move(told));
      });
    };
    if (service)
      carry_out(what, *std::ranges::find(shared_->on.services(), *service, &service_entry::name)->on,
                answered);
    else
      carry_out(what, shared_->on, answered);
    error_code woken; // by design: a cancelled timer is the signal
    if (!stopped_) co_await waiting_->wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    co_return std::exchange(waiting_, nullptr)->arrived;
  }

  // Coroutines here take what outlives them by reference: GCC 12 miscompiles aggregates that they take by
  // value.
  asio::awaitable<bool> write(const http::response<http::string_body>& message, bool head_only) {
    error_code error;
    bottom().expires_after(shared_->how.request_timeout);
    http::serializer<false, http::string_body> serializer(message);
    serializer.split(head_only);
    if (head_only) {
      co_await http::async_write_header(stream(), serializer,
                                        asio::redirect_error(asio::use_awaitable, error));
    } else {
      co_await http::async_write(stream(), serializer, asio::redirect_error(asio::use_awaitable, error));
    }
    co_return !error;
  }

  asio::awaitable<void> write_last(const reply& what) {
    const auto response = as_response(what, 11, false);
    const bool written = co_await write(response, false);
    if (written) co_await linger();
  }

  // Closing with bytes unread would reset the connection, and the client might lose the answer: read on for a
  // moment.
  asio::awaitable<void> linger() {
    error_code error;
    if constexpr (secure) {
      bottom().expires_after(linger_time);
      co_await stream().async_shutdown(asio::redirect_error(asio::use_awaitable, error));
      co_return;
    }
    bottom().socket().shutdown(tcp::socket::shutdown_send, error);
    bottom().expires_after(linger_time);
    std::array<char, 4096> dropped{};
    for (std::size_t total = 0; !error && total < most_linger_bytes;)
      total += co_await bottom().async_read_some(asio::buffer(dropped),
                                                 asio::redirect_error(asio::use_awaitable, error));
  }
};

} // namespace

std::weak_ptr<connection> serve(tcp::socket socket, std::shared_ptr<shared_state> shared, bool busy) {
  if (shared->how.tls == nullptr) {
    auto made = std::make_shared<http_connection<plain_stream>>(std::move(shared), std::move(socket));
    made->start(busy);
    return made;
  }
  auto* const tls = shared->how.tls;
  auto made = std::make_shared<http_connection<secure_stream>>(std::move(shared), std::move(socket), tls);
  made->start(busy);
  return made;
}

} // namespace holdwater::admin
