#include "admin/origin.hpp"

#include <doctest/doctest.h>

using namespace holdwater::admin;

TEST_CASE("addresses, localhost and known names are ours") {
  for (const char* host :
       {"127.0.0.1", "10.1.2.3:8000", "[::1]", "[::1]:8000", "LocalHost:1", "db-proxy", "DB-Proxy:80"}) {
    CAPTURE(host);
    CHECK(host_is_ours(host, {"db-proxy"}));
  }
}

TEST_CASE("other names and malformed hosts are not ours") {
  for (const char* host :
       {"", ":80", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "::1",
        "[evil]", "127.0.0.1:80x", "user@127.0.0.1", "127.0.0.1 ", "0x7f000001", "127.1"}) {
    CAPTURE(host);
    CHECK_FALSE(host_is_ours(host, {"db-proxy"}));
  }
}

TEST_CASE("an origin is the same with its scheme, name and port") {
  CHECK(same_origin("http://localhost:8000", "localhost:8000"));
  CHECK(same_origin("http://LOCALHOST", "localhost:80"));
  CHECK(same_origin("https://localhost:8000", "localhost:8000"));
  CHECK(same_origin("https://db.example", "db.example:443"));
  CHECK_FALSE(same_origin("https://db.example", "db.example:80"));
  CHECK_FALSE(same_origin("ftp://localhost:8000", "localhost:8000"));
  CHECK_FALSE(same_origin("http://localhost:8000", "localhost"));
  CHECK_FALSE(same_origin("null", "localhost"));
  CHECK_FALSE(same_origin("", ""));
}
