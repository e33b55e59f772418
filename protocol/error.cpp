#include "protocol/error.hpp"

namespace holdwater::protocol {
namespace {

class category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "holdwater.protocol"; }
  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
    case errc::malformed_packet: return "malformed packet";
    case errc::unknown_type: return "unknown type of a value";
    case errc::unexpected_packet: return "unexpected packet";
    case errc::unsupported_protocol: return "unsupported protocol version";
    case errc::unsupported_auth_plugin: return "unsupported authentication plugin";
    case errc::authentication_failed: return "authentication failed";
    case errc::insecure_transport: return "the authentication plugin needs an encrypted transport";
    case errc::cryptography_failed: return "cryptographic operation failed";
    }
    return "unknown protocol error";
  }
};

} // namespace

const boost::system::error_category& error_category() noexcept {
  static const category instance;
  return instance;
}

boost::system::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

} // namespace holdwater::protocol
