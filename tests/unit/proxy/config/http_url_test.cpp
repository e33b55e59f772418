// What hook.url may be.
#include "proxy/config/http_url.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;

TEST_CASE("a URL has a scheme, a host, perhaps a port and a path") {
  CHECK(read_http_url("http://there") == http_url{false, "there", "80", "/"});
  CHECK(read_http_url("https://there.example/a/b?c=d") == http_url{true, "there.example", "443", "/a/b?c=d"});
  CHECK(read_http_url("http://10.0.0.1:8080/") == http_url{false, "10.0.0.1", "8080", "/"});
  CHECK(read_http_url("https://[::1]:9/x") == http_url{true, "::1", "9", "/x"});
  CHECK(read_http_url("http://[::1]") == http_url{false, "::1", "80", "/"});
  CHECK(read_http_url("http://there?x") == http_url{false, "there", "80", "/?x"});
}

TEST_CASE("what is none, or could mean something else, is not taken") {
  for (const char* text :
       {"", "there", "ftp://there/", "http://", "http:///x", "http://user:word@there/", "http://there:0/",
        "http://there:65536/", "http://there:x/", "http://there:/", "http://there/#x", "http://th ere/",
        "http://there/\r\nX: y", "http://[::1", "http://a]b/", "HTTP://there"})
    CHECK_FALSE_MESSAGE(read_http_url(text), text);
}
