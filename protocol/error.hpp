// The errors of this folder: what a peer sent that the protocol does not allow.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace holdwater::protocol {

enum class errc {
  malformed_packet = 1,    // a field runs past the packet's end, or has a value that is not allowed
  unknown_type,            // a value of a type that this code does not know, so that its size is not known
  unexpected_packet,       // a well-formed packet that may not come now
  unsupported_protocol,    // not protocol version 10, or no CLIENT_PROTOCOL_41
  unsupported_auth_plugin, // an authentication plugin that this code does not speak
  authentication_failed,   // the peer's proof does not match
  insecure_transport,      // the plugin needs the clear-text password and the transport is not encrypted
  cryptography_failed,     // OpenSSL refused (a bad RSA key, no random bytes)
};

[[nodiscard]] const boost::system::error_category& error_category() noexcept;
[[nodiscard]] boost::system::error_code make_error_code(errc code) noexcept;

template <class T>
using result = boost::system::result<T, boost::system::error_code>;

} // namespace holdwater::protocol

template <>
struct boost::system::is_error_code_enum<holdwater::protocol::errc> : std::true_type {};
