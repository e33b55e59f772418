// The key that Holdwater makes for itself, and the certificate where none is configured, kept in the data
// directory so that clients may pin them. The key also opens passwords that relayed clients without TLS send.
#pragma once

#include <string>

namespace holdwater::proxy {

struct tls_files {
  std::string certificate; // PEM
  std::string key;         // PEM, readable by its owner only
};

// Makes what is not there in `folder`: RSA 2048, and if wanted a certificate that the key signs itself, good
// for ten years. Returns what is wrong, empty when all is there.
[[nodiscard]] std::string make_tls_files(const std::string& folder, bool with_certificate, tls_files& out);

} // namespace holdwater::proxy
