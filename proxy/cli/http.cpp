#include "proxy/cli/http.hpp"

#include "protocol/c_ptr.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <openssl/pem.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

namespace holdwater::proxy::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::chrono::seconds connect_limit{5};
constexpr std::uint64_t most_answer_bytes = 256ULL << 20;

using certificate_ptr = protocol::c_ptr<X509, &X509_free>;
using bio_ptr = protocol::c_ptr<BIO, &BIO_free>;

// What a name stands for. Nothing ends getaddrinfo() early: so it has a thread of its own, that nobody waits
// for when the time is over.
class lookup {
 public:
  using endpoints = asio::ip::tcp::resolver::results_type;

  lookup(const std::string& host, const std::string& port) {
    const auto resolve = [host, port, to = shared_] {
      asio::io_context unused;
      asio::ip::tcp::resolver resolver(unused);
      error_code failed;
      auto found = resolver.resolve(host, port, failed);
      const std::lock_guard lock(to->mutex);
      to->found = std::move(found);
      to->failed = failed;
      to->done.notify_all();
    };
    try {
      std::thread(resolve).detach();
    } catch (const std::system_error& none) { // as long as there is no room for one
      shared_->failed = none.code();
    }
  }

  [[nodiscard]] endpoints wait(std::chrono::steady_clock::time_point until, const std::stop_token& end,
                               error_code& failed) const {
    std::unique_lock lock(shared_->mutex);
    const bool done =
        shared_->done.wait_until(lock, end, until, [this] { return shared_->failed.has_value(); });
    failed = done                   ? *shared_->failed
             : end.stop_requested() ? error_code(asio::error::operation_aborted)
                                    : error_code(asio::error::timed_out);
    return shared_->found;
  }

 private:
  struct outcome {
    std::mutex mutex;
    std::condition_variable_any done;
    std::optional<error_code> failed; // nothing: it is not over
    endpoints found;
  };
  std::shared_ptr<outcome> shared_ = std::make_shared<outcome>();
};

// One conversation: each step runs the context until it has ended, or its time has.
class conversation {
 public:
  conversation(const target& where, question what)
      : where_(where), what_(std::move(what)), until_(std::chrono::steady_clock::now() + what_.patience) {}

  answer run() {
    const std::stop_callback stops(what_.end, [this] { io_.stop(); });
    if (!connect()) return {0, "cannot connect to " + name() + ": " + failed_.message()};
    const auto message = message_of();
    if (where_.tls) {
      if (auto problem = encrypt(); !problem.empty()) return {0, problem};
      return exchange(*secure_, message);
    }
    return exchange(*plain_, message);
  }

 private:
  using message_type = http::request<http::string_body>;

  const target& where_;
  question what_;
  std::chrono::steady_clock::time_point until_;
  asio::io_context io_{1};
  std::optional<beast::tcp_stream> plain_;
  std::optional<asio::ssl::context> context_;
  std::optional<beast::ssl_stream<beast::tcp_stream>> secure_;
  error_code failed_;

  [[nodiscard]] auto connect_until() const {
    return std::min(until_, std::chrono::steady_clock::now() + connect_limit);
  }
  [[nodiscard]] std::string name() const { return where_.host + ":" + where_.port; }

  template <class Start>
  bool step(Start start) {
    failed_ = asio::error::operation_aborted; // unless it is carried out
    start([this](error_code error, auto&&...) { failed_ = error; });
    io_.restart();
    if (!what_.end.stop_requested()) io_.run();
    return !failed_;
  }

  bool connect() {
    const lookup asked(where_.host, where_.port);
    const auto found = asked.wait(connect_until(), what_.end, failed_);
    if (failed_) return false;
    plain_.emplace(io_);
    plain_->expires_at(connect_until());
    return step([&](auto done) { plain_->async_connect(found, done); });
  }

  // Whom the port may be: one that the authority has signed for this host, or exactly who was given.
  std::string encrypt() {
    context_.emplace(asio::ssl::context::tls_client);
    if (where_.ca.empty())
      context_->set_default_verify_paths(failed_);
    else
      context_->load_verify_file(where_.ca, failed_);
    if (failed_) return where_.ca + " cannot be used: " + failed_.message();
    secure_.emplace(std::move(*plain_), *context_);
    secure_->set_verify_mode(asio::ssl::verify_peer);
    secure_->set_verify_callback([this](bool good, asio::ssl::verify_context& of) {
      X509* const shown = X509_STORE_CTX_get_current_cert(of.native_handle());
      if (X509_STORE_CTX_get_error_depth(of.native_handle()) == 0 && good && is_given(shown)) return true;
      return asio::ssl::host_name_verification(where_.host)(good, of);
    });
    SSL_set_tlsext_host_name(secure_->native_handle(), where_.host.c_str());
    beast::get_lowest_layer(*secure_).expires_at(connect_until());
    const bool shaken =
        step([&](auto done) { secure_->async_handshake(asio::ssl::stream_base::client, done); });
    return shaken ? "" : "no TLS with " + name() + ": " + failed_.message();
  }

  [[nodiscard]] bool is_given(X509* shown) const {
    if (where_.ca.empty()) return false;
    const bio_ptr file(BIO_new_file(where_.ca.c_str(), "r"));
    const certificate_ptr given(file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr);
    return given && X509_cmp(given.get(), shown) == 0;
  }

  [[nodiscard]] message_type message_of() const {
    message_type out(http::string_to_verb(what_.method), where_.base + what_.path, 11);
    const bool v6 = where_.host.find(':') != std::string::npos;
    out.set(http::field::host, (v6 ? "[" + where_.host + "]" : where_.host) + ":" + where_.port);
    out.set(http::field::user_agent, "holdwater");
    out.set(http::field::connection, "close");
    if (!where_.token.empty()) out.set(http::field::authorization, "Bearer " + where_.token);
    if (!what_.body.empty()) out.set(http::field::content_type, what_.content_type);
    if (what_.method == "POST") out.content_length(what_.body.size());
    out.body() = what_.body;
    return out;
  }

  template <class Stream>
  answer exchange(Stream& stream, const message_type& message) {
    beast::get_lowest_layer(stream).expires_at(until_);
    if (!step([&](auto done) { http::async_write(stream, message, done); }))
      return {0, name() + " does not listen: " + failed_.message()};
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(most_answer_bytes);
    const bool answered = step([&](auto done) {
      if (what_.status_alone)
        http::async_read_header(stream, buffer, parser, done);
      else
        http::async_read(stream, buffer, parser, done);
    });
    if (failed_ == http::error::body_limit)
      return {0,
              "the answer of " + name() + " is too large: more than " +
                  std::to_string(most_answer_bytes >> 20) + " MiB",
              true};
    if (!answered) return {0, name() + " does not answer: " + failed_.message()};
    return {parser.get().result_int(), std::move(parser.get().body())};
  }
};

} // namespace

bool read_target(const std::string& text, target& out) {
  std::string rest = text;
  out.tls = rest.starts_with("https://");
  if (const auto scheme = rest.find("://"); scheme != rest.npos) {
    if (!out.tls && !rest.starts_with("http://")) return false;
    rest.erase(0, scheme + 3);
  }
  while (rest.ends_with('/')) rest.pop_back();
  const auto colon = rest.rfind(':');
  if (colon == rest.npos || rest.find('/') != rest.npos) return false;
  out.host = rest.substr(0, colon);
  out.port = rest.substr(colon + 1);
  if (out.host.starts_with('[') && out.host.ends_with(']'))
    out.host = out.host.substr(1, out.host.size() - 2);
  return !out.host.empty() && !out.port.empty() && out.port.find_first_not_of("0123456789") == out.port.npos;
}

answer ask(const target& where, question what) {
  return conversation(where, std::move(what)).run();
}

answer ask(const target& where, const std::string& method, const std::string& path,
           std::chrono::milliseconds patience, std::string body) {
  question what{.method = method, .path = path, .body = std::move(body)};
  what.patience = patience;
  return ask(where, std::move(what));
}

} // namespace holdwater::proxy::cli
