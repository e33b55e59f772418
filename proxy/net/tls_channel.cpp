#include "proxy/net/tls_channel.hpp"

#include "protocol/c_ptr.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <climits>

namespace holdwater::proxy {

// OpenSSL's view of the socket: reads that say whether they emptied it, and what was received before TLS
// began.
struct tls_bio {
  static tls_channel& channel(BIO* bio) { return *static_cast<tls_channel*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, std::size_t size, std::size_t* count) {
    BIO_clear_retry_flags(bio);
    auto& self = channel(bio);
    if (self.early_used_ < self.early_.size()) {
      *count = std::min(size, self.early_.size() - self.early_used_);
      std::copy_n(self.early_.data() + self.early_used_, *count, reinterpret_cast<std::uint8_t*>(to));
      self.early_used_ += *count;
      if (self.early_used_ == self.early_.size()) self.early_ = {};
      if (self.early_.empty()) self.early_used_ = 0;
      return 1;
    }
    return finish(bio, self, self.socket_.receive({reinterpret_cast<std::uint8_t*>(to), size}), count, true);
  }

  static int write(BIO* bio, const char* from, std::size_t size, std::size_t* count) {
    BIO_clear_retry_flags(bio);
    auto& self = channel(bio);
    return finish(bio, self, self.socket_.send({reinterpret_cast<const std::uint8_t*>(from), size}), count,
                  false);
  }

  static int finish(BIO* bio, tls_channel& self, const io_step& step, std::size_t* count, bool reading) {
    *count = step.count;
    if (step.what == io_step::kind::moved) return 1;
    if (step.what == io_step::kind::blocked)
      reading ? BIO_set_retry_read(bio) : BIO_set_retry_write(bio);
    else
      self.socket_error_ = step.error;
    return 0;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1; // nothing is kept back
    if (command == BIO_CTRL_EOF) return channel(bio).socket_error_ == boost::asio::error::eof ? 1 : 0;
    return 0;
  }

  static BIO_METHOD* method() {
    static const std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> made = [] {
      std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> one(
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "holdwater socket"), &BIO_meth_free);
      BIO_meth_set_read_ex(one.get(), &read);
      BIO_meth_set_write_ex(one.get(), &write);
      BIO_meth_set_ctrl(one.get(), &control);
      return one;
    }();
    return made.get();
  }
};

namespace {

void name_host(SSL* ssl, const std::string& host, tls_check check) {
  boost::system::error_code no_address;
  boost::asio::ip::make_address(host, no_address);
  auto* const wanted = SSL_get0_param(ssl);
  if (no_address) {
    SSL_set_tlsext_host_name(ssl, host.c_str());
    if (check == tls_check::chain_and_name) X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size());
  } else if (check == tls_check::chain_and_name) {
    X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str());
  }
}

} // namespace

tls_channel::tls_channel(const tls_context& context, raw_socket& socket, const std::string& host,
                         protocol::byte_span early)
    : socket_(socket), early_(early.begin(), early.end()), accepts_(context.accepts()),
      ssl_(SSL_new(context.get())) {
  protocol::c_ptr<BIO, &BIO_free> bio(ssl_ ? BIO_new(tls_bio::method()) : nullptr);
  if (!bio) throw std::bad_alloc();
  BIO_set_data(bio.get(), this);
  BIO_set_init(bio.get(), 1);
  auto* const owned_by_ssl = bio.release();
  SSL_set_bio(ssl_.get(), owned_by_ssl, owned_by_ssl);
  if (accepts_)
    SSL_set_accept_state(ssl_.get());
  else
    SSL_set_connect_state(ssl_.get());
  if (!accepts_ && !host.empty()) name_host(ssl_.get(), host, context.check());
}

tls_channel::~tls_channel() = default;

io_step tls_channel::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return io_step::moved(0);
  // The caller waits for one of the two, whichever OpenSSL named.
  receive_wants_to_send_ = false;
  return explain(result, receive_wants_to_send_);
}

io_step tls_channel::receive(std::span<std::uint8_t> room) {
  ERR_clear_error();
  receive_wants_to_send_ = false;
  const int result =
      SSL_read(ssl_.get(), room.data(), static_cast<int>(std::min<std::size_t>(room.size(), INT_MAX)));
  if (result > 0) return io_step::moved(static_cast<std::size_t>(result));
  return explain(result, receive_wants_to_send_);
}

io_step tls_channel::send(protocol::byte_span bytes) {
  if (bytes.size() < blocked_size_) return io_step::closed(boost::asio::error::invalid_argument);
  ERR_clear_error();
  send_wants_to_receive_ = false;
  const auto size = std::min<std::size_t>(bytes.size(), INT_MAX);
  const int result = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(size));
  if (result > 0) {
    blocked_size_ = 0;
    return io_step::moved(static_cast<std::size_t>(result));
  }
  bool wants_to_send = false;
  const auto step = explain(result, wants_to_send);
  blocked_size_ =
      step.what == io_step::kind::blocked ? std::min(size, std::size_t{SSL3_RT_MAX_PLAIN_LENGTH}) : 0;
  send_wants_to_receive_ = step.what == io_step::kind::blocked && !wants_to_send;
  return step;
}

// What a result that moved nothing means; sets `wants_to_send` when OpenSSL waits for room to send.
io_step tls_channel::explain(int result, bool& wants_to_send) {
  switch (SSL_get_error(ssl_.get(), result)) {
  case SSL_ERROR_WANT_READ: return io_step::blocked();
  case SSL_ERROR_WANT_WRITE: wants_to_send = true; return io_step::blocked();
  case SSL_ERROR_ZERO_RETURN: return io_step::closed(boost::asio::error::eof);
  default: break;
  }
  if (socket_error_) {
    ERR_clear_error();
    return io_step::closed(socket_error_);
  }
  const auto code = static_cast<int>(ERR_peek_error());
  const auto verdict = SSL_get_verify_result(ssl_.get());
  problem_ = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : tls_error_text();
  ERR_clear_error();
  return io_step::closed({code, boost::asio::error::get_ssl_category()});
}

void tls_channel::say_goodbye() {
  if (blocked_size_ != 0 || socket_error_ || !problem_.empty() || !SSL_is_init_finished(ssl_.get())) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get()); // whether it could be said now does not matter any more
  ERR_clear_error();
}

bool tls_channel::has_pending() const {
  return early_used_ < early_.size() || SSL_has_pending(ssl_.get()) == 1;
}

} // namespace holdwater::proxy
