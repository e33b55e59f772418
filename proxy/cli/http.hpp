// A small HTTP client for one's own port: one request, one answer, with a time limit on each step.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

namespace holdwater::proxy::cli {

struct target {
  bool tls = false;
  std::string host = "127.0.0.1";
  std::string port = "8000";
  std::string token;  // empty: none
  std::string ca;     // of https: whom to trust, or the certificate itself; empty: the system's authorities
  std::string base{}; // what every path begins with: /services/NAME
};

// http://HOST:PORT, https://HOST:PORT or HOST:PORT, IPv6 in brackets. False when it is something else.
[[nodiscard]] bool read_target(const std::string& text, target& out);

struct answer {
  unsigned status = 0; // 0: there was none, and `body` says why
  std::string body;
  bool is_too_large = false; // there was one, of which nothing was read
};

struct question {
  std::string method = "GET";
  std::string path;
  std::string body{};
  std::string content_type = "application/octet-stream"; // of a body
  std::chrono::milliseconds patience{30'000};            // for all of it, the connecting too
  std::stop_token end{};                                 // gives up early
  bool status_alone = false;                             // of an answer's text nothing is read
};

// Blocks.
[[nodiscard]] answer ask(const target& where, question what);
[[nodiscard]] answer ask(const target& where, const std::string& method, const std::string& path,
                         std::chrono::milliseconds patience = std::chrono::seconds(30),
                         std::string body = {});

} // namespace holdwater::proxy::cli
