#include "proxy/config/start_checks.hpp"

#include "protocol/c_ptr.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <unistd.h>

namespace holdwater::proxy {
namespace {

using context_ptr = protocol::c_ptr<SSL_CTX, &SSL_CTX_free>;

std::string last_error() {
  const auto code = ERR_peek_error();
  const char* const reason = ERR_reason_error_string(code);
  std::string text = reason != nullptr        ? reason
                     : ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code))
                                              : "unknown error";
  ERR_clear_error();
  return text;
}

class checker {
 public:
  std::vector<std::string> wrong;

  void check_pair(std::string_view section, const std::string& certificate, const std::string& key) {
    if (certificate.empty() || key.empty()) return;
    const auto made = begin();
    if (SSL_CTX_use_certificate_chain_file(made.get(), certificate.c_str()) != 1)
      return refuse(section, "certificate", certificate);
    if (SSL_CTX_use_PrivateKey_file(made.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
      refuse(section, "key", key);
  }

  void check_authority(std::string_view section, const std::string& ca) {
    const auto made = begin();
    if (!ca.empty() && SSL_CTX_load_verify_file(made.get(), ca.c_str()) != 1) refuse(section, "ca", ca);
  }

 private:
  static context_ptr begin() {
    ERR_clear_error();
    return context_ptr(SSL_CTX_new(TLS_method()));
  }

  void refuse(std::string_view section, std::string_view option, const std::string& path) {
    wrong.push_back(fmt::format("{}.{}: {} cannot be used: {}", section, option, path, last_error()));
  }
};

} // namespace

std::string why_no_program(const std::string& path) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) return path + " cannot be run: it is a directory";
  if (::access(path.c_str(), X_OK) == 0) return {};
  return fmt::format("{} cannot be run: {}", path, std::strerror(errno));
}

std::vector<std::string> why_no_port(const options& values) {
  checker found;
  if (const auto& port = values.admin; port.tls) {
    found.check_pair("admin", port.certificate, port.key);
    found.check_authority("admin", port.ca);
  }
  return std::move(found.wrong);
}

std::vector<std::string> why_no_service(const options& values) {
  checker found;
  if (const auto& clients = values.client_tls; clients.mode != "off") {
    found.check_pair("client_tls", clients.certificate, clients.key);
    found.check_authority("client_tls", clients.ca);
  }
  if (const auto& server = values.server_tls; server.mode != "off") {
    found.check_pair("server_tls", server.certificate, server.key);
    if (server.mode.starts_with("verify")) found.check_authority("server_tls", server.ca);
  }
  if (!values.hook.command.empty())
    if (const auto why = why_no_program(values.hook.command); !why.empty())
      found.wrong.push_back("hook.command: " + why);
  return std::move(found.wrong);
}

} // namespace holdwater::proxy
