// The OK that ends a login or COM_CHANGE_USER: the server's, or ours while it is away. Every such OK is made
// here.
//
// MariaDB (11.4 and up) proves in a login's OK that it knows the password and is the one whose certificate
// the client has seen, which is what its clients trust a self-signed certificate by. Ours is another
// certificate, so a known account's client gets our own proof of it in that place, also before an older
// MariaDB. Of a relayed account we could prove nothing: the server's words pass as they are, and hold where
// both show the same certificate.
#include "proxy/net/tls_context.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/session/session.hpp"

namespace holdwater::proxy {
namespace {
constexpr unsigned first_that_proves = 110400;
constexpr std::uint16_t changed = protocol::server_status::session_state_changed;
} // namespace

// Its own MariaDB proves to every client that logs in, over TLS or not, and to none that changes its user
// (measured on 11.8). MySQL's clients know of no proof.
bool session::proves_certificate() {
  if (command_.code == protocol::command::change_user || process().client_tls == nullptr) return false;
  const auto version = process().profile.get()->version;
  return version.mariadb && (client_->tls() != nullptr || version.number >= first_that_proves);
}

// What the OK is to say besides its numbers, where the server's says `said`.
std::string_view session::login_info(std::string_view said) const {
  if (!certificate_proof_.empty()) return certificate_proof_;
  const bool to_nobody = command_.code == protocol::command::change_user; // it has logged us in anew
  return to_nobody && protocol::is_certificate_proof(said) ? std::string_view() : said;
}

// `from_server`: its OK's payload, empty when it has not said any.
void session::append_login_ok(protocol::byte_buffer& out, std::uint8_t sequence,
                              protocol::byte_span from_server) {
  protocol::ok_message ok{.status = state_.status, .info = {}, .session_state = {}};
  const auto said = protocol::parse_ok(from_server, link_ ? link_->negotiated : negotiated_);
  if (said) ok = *said;
  const bool hides = link_ && hides_changes() && ok.status != (ok.status & ~changed);
  if (hides) ok.status &= ~changed;
  state_.said_status(ok.status);
  const auto info = login_info(ok.info);
  if (!from_server.empty() && info == ok.info && !hides) {
    protocol::append_message(out, sequence, from_server);
    return;
  }
  ok.info = info;
  protocol::append_ok(out, sequence, ok, negotiated_);
}

} // namespace holdwater::proxy
