// TLS below the sessions, with the test's own OpenSSL at the other ends: whom the proxy speaks to and whom
// not, records in pieces, peers that go away in the handshake.
#include "proxy/net/tls_context.hpp"
#include "proxy/net/tls_files.hpp"
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>

#include <openssl/ssl.h>

#include <cstdlib>
#include <filesystem>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;

namespace {

// A certificate that signs itself and names no host, and what the proxy makes of it.
struct certificates {
  std::string folder;
  tls_files files;
  std::unique_ptr<const tls_context> clients, server;

  explicit certificates(std::string server_mode) {
    char name[] = "/tmp/holdwater-tls-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    folder = name;
    REQUIRE(make_tls_files(folder, true, files).empty());
    options::client_tls_options to_clients;
    to_clients.certificate = files.certificate;
    to_clients.key = files.key;
    REQUIRE(tls_context::for_clients(to_clients, clients).empty());
    options::server_tls_options to_server;
    to_server.mode = std::move(server_mode);
    to_server.ca = files.certificate;
    REQUIRE(tls_context::for_server(to_server, server).empty());
  }
  ~certificates() { std::filesystem::remove_all(folder); }
};

// A blocking TLS conversation over a script's socket.
class tls_end {
 public:
  tls_end(peer& below, SSL_CTX* context, bool accepts) : ssl_(SSL_new(context), &SSL_free) {
    SSL_set_fd(ssl_.get(), below.lend());
    if (accepts)
      SSL_set_accept_state(ssl_.get());
    else
      SSL_set_connect_state(ssl_.get());
  }
  bool shake_hands() { return SSL_do_handshake(ssl_.get()) == 1; }
  void send_packet(std::uint8_t sequence, protocol::byte_span payload, std::size_t piece = 1 << 14) {
    protocol::byte_buffer out;
    protocol::append_message(out, sequence, payload);
    for (std::size_t at = 0; at < out.size(); at += piece)
      REQUIRE(SSL_write(ssl_.get(), out.data() + at, static_cast<int>(std::min(piece, out.size() - at))) > 0);
  }
  void send(const protocol::byte_buffer& bytes) {
    REQUIRE(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0);
  }
  protocol::byte_buffer read(std::size_t count) {
    protocol::byte_buffer out(count);
    for (std::size_t at = 0; at < count;) {
      const int got = SSL_read(ssl_.get(), out.data() + at, static_cast<int>(count - at));
      REQUIRE_MESSAGE(got > 0, "the other side hung up where the script expects bytes");
      at += static_cast<std::size_t>(got);
    }
    return out;
  }
  packet read_packet() {
    const auto bytes = read(protocol::packet_header_size);
    const auto header = protocol::read_packet_header(bytes.data());
    return {header.sequence, read(header.payload_size)};
  }
  void expect(std::uint8_t sequence, protocol::byte_span payload) {
    const auto got = read_packet();
    REQUIRE(protocol::as_text(got.payload) == protocol::as_text(payload));
    REQUIRE(got.sequence == sequence);
  }
  SSL* ssl() { return ssl_.get(); }

 private:
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

using context_ptr = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

// The fake server's side of TLS, after its greeting.
void expect_ssl_request(peer& server) {
  const auto request = server.read_packet();
  REQUIRE(request.sequence == 1);
  REQUIRE(protocol::is_ssl_request(request.payload));
}

} // namespace

TEST_CASE("a server is spoken to over TLS, and a statement in tiny records is whole") {
  certificates all("verify_ca");
  stage scene;
  scene.use_tls(nullptr, all.server.get());
  auto client = scene.connect();
  scene.greet(client, std::string(known_user), std::string(password));
  auto below = scene.accept();
  expect_ssl_request(below);
  tls_end server(below, const_cast<SSL_CTX*>(all.clients->get()), true);
  REQUIRE(server.shake_hands());
  const auto response = server.read_packet();
  CHECK(response.sequence == 2);
  const auto login = protocol::parse_handshake_response(response.payload);
  REQUIRE(login.has_value());
  CHECK((login->client_capabilities & protocol::cap::ssl) != 0);
  server.send_packet(3, ok());
  client.expect(2, ok());
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{16384}, std::size_t{65536}, std::size_t{300000}}) {
    const auto statement = query("SELECT '" + std::string(size, 'x') + "'");
    client.send_packet(0, statement);
    server.expect(0, statement);
    server.send_packet(1, ok(), size == 300000 ? 1 << 14 : 1);
    client.expect(1, ok());
  }
}

TEST_CASE("a server whose certificate names another host is not told who logs in") {
  certificates all("verify_identity");
  stage scene;
  scene.use_tls(nullptr, all.server.get());
  auto client = scene.connect();
  scene.greet(client, std::string(known_user), std::string(password));
  auto below = scene.accept();
  expect_ssl_request(below);
  tls_end server(below, const_cast<SSL_CTX*>(all.clients->get()), true);
  char said = 0;
  const bool heard = server.shake_hands() && SSL_read(server.ssl(), &said, 1) > 0;
  CHECK_FALSE(heard);
  scene.wait_for(server_state::suspect);
}

TEST_CASE("a server that is to be verified and offers no TLS gets nothing") {
  certificates all("verify_ca");
  stage scene;
  scene.use_tls(nullptr, all.server.get());
  auto client = scene.connect();
  scene.greet(client, std::string(known_user), std::string(password));
  auto server = scene.accept(protocol::cap::ssl);
  server.expect_closed();
  scene.wait_for(server_state::suspect);
}

TEST_CASE("what a client has sent behind its request for TLS is the handshake's, in however many pieces") {
  certificates all("required");
  stage scene;
  scene.use_tls(all.clients.get(), nullptr);
  auto below = scene.connect();
  const auto hello = protocol::parse_greeting(below.read_packet().payload);
  REQUIRE(hello.has_value());
  CHECK((hello->server_capabilities & protocol::cap::ssl) != 0);
  auto response = scene.response_to(*hello, std::string(known_user), std::string(password));
  response.client_capabilities |= protocol::cap::ssl;
  protocol::byte_buffer out;
  protocol::append_ssl_request(out, 1, response);
  // The request and the client's first words of TLS in one segment, but for its last bytes.
  const context_ptr context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  tls_end client(below, context.get(), false);
  BIO* const words = BIO_new(BIO_s_mem());
  BIO* const nothing = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(nothing, -1);
  SSL_set_bio(client.ssl(), nothing, words);
  CHECK_FALSE(client.shake_hands());
  char* text = nullptr;
  const long size = BIO_get_mem_data(words, &text);
  REQUIRE(size > 10);
  out.insert(out.end(), text, text + size);
  below.send(protocol::byte_span(out).first(out.size() - 7));
  below.send_in_pieces(protocol::byte_span(out).last(7));
  SSL_set_fd(client.ssl(), below.lend());
  REQUIRE(client.shake_hands());
  out.clear();
  protocol::append_handshake_response(out, 2, response);
  client.send(out);
  auto server = scene.accept();
  const auto login = scene.serve_login(server);
  CHECK((login.client_capabilities & protocol::cap::ssl) == 0);
  client.expect(3, ok());
}

TEST_CASE("a client that goes away in the handshake leaves nothing behind") {
  certificates all("required");
  stage scene;
  scene.use_tls(all.clients.get(), nullptr);
  for (const bool with_words : {false, true}) {
    auto client = scene.connect();
    const auto hello = protocol::parse_greeting(client.read_packet().payload);
    REQUIRE(hello.has_value());
    const auto response = scene.response_to(*hello, std::string(known_user), std::string(password));
    protocol::byte_buffer out;
    auto with_tls = response;
    with_tls.client_capabilities |= protocol::cap::ssl;
    protocol::append_ssl_request(out, 1, with_tls);
    if (with_words) out.insert(out.end(), 100, std::uint8_t{'?'});
    client.send(out);
    client.hang_up();
  }
  CHECK(scene.counters().tls_failed.load() == 2);
}
