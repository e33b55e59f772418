#include "proxy/server/address.hpp"

#include <openssl/x509.h>

#include <string_view>

namespace holdwater::proxy {
namespace {

spool::tls_mode mode_of(std::string_view name) {
  if (name == "off") return spool::tls_mode::off;
  if (name == "required") return spool::tls_mode::required;
  if (name == "verify_ca") return spool::tls_mode::verify_ca;
  if (name == "verify_identity") return spool::tls_mode::verify_identity;
  return spool::tls_mode::preferred;
}

} // namespace

spool::server_address address_of(const server_place& place, const options& settings) {
  const auto& tls = settings.server_tls;
  return {place.host,
          place.port,
          place.socket,
          {mode_of(tls.mode), tls.ca, X509_get_default_cert_dir(), tls.certificate, tls.key}};
}

} // namespace holdwater::proxy
