#include "admin/utf8.hpp"

#include <doctest/doctest.h>

using holdwater::admin::printable;
using namespace std::string_literals;

TEST_CASE("UTF-8 stays as it is") {
  for (const auto& text : {""s, "plain"s, "a\\x\n\t\0b"s, "\xc3\xa9"s, "\xe2\x82\xac"s, "\xed\x9f\xbf"s,
                           "\xee\x80\x80"s, "\xf0\x9f\x90\xac"s, "\xf4\x8f\xbf\xbf"s})
    CHECK(printable(text) == text);
}

TEST_CASE("bytes that are not UTF-8 show as their numbers") {
  CHECK(printable("caf\xe9") == "caf\\xe9");
  CHECK(printable("\x80") == "\\x80");
  CHECK(printable("\xc0\xaf") == "\\xc0\\xaf");                   // too long a form
  CHECK(printable("\xe0\x9f\xbf") == "\\xe0\\x9f\\xbf");          // too long a form
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");          // a surrogate
  CHECK(printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80"); // past the last character
  CHECK(printable("\xf5") == "\\xf5");
  CHECK(printable("\xe2\x82") == "\\xe2\\x82"); // cut short
  CHECK(printable("\xe2\x82x\xc3\xa9") == "\\xe2\\x82x\xc3\xa9");
}
