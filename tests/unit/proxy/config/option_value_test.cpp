// One value at a time: what each kind takes, refuses and prints.
#include "proxy/config/option_value.hpp"
#include "proxy/config/utf8.hpp"

#include <doctest/doctest.h>

#include <tuple>

using namespace holdwater::proxy;
using namespace std::chrono_literals;

TEST_CASE("seconds take fractions to the millisecond") {
  std::chrono::milliseconds field{7};
  const option_range range{1, 60'000};
  const auto parse = [&](std::string_view text) {
    return parse_option(option_kind::seconds, range, text, &field);
  };
  CHECK(parse("2.5") == "");
  CHECK(field == 2500ms);
  CHECK(parse("0.001") == "");
  CHECK(field == 1ms);
  CHECK(parse("60") == "");
  CHECK(field == 60s);
  for (const char* text : {"", "2s", "-", "1,5", " 1", "1e1", "nan", "inf", "0x1"}) {
    CAPTURE(text);
    CHECK(parse(text) == "expected a number of seconds");
  }
  CHECK(parse("0") == "must be at least 0.001");
  CHECK(parse("60.001") == "must be at most 60");
  CHECK(field == 60s); // untouched by what was refused
}

TEST_CASE("a field of whole seconds refuses fractions") {
  std::chrono::seconds field{};
  CHECK(parse_option(option_kind::seconds, {}, "90", &field) == "");
  CHECK(field == 90s);
  CHECK(parse_option(option_kind::seconds, {}, "1.5", &field) == "expected whole seconds");
}

TEST_CASE("sizes take units of 1024") {
  std::uint64_t field = 0;
  const auto parse = [&](std::string_view text) {
    return parse_option(option_kind::bytes, {}, text, &field);
  };
  CHECK(parse("4GiB") == "");
  CHECK(field == 4ULL << 30);
  CHECK(parse("64 KiB") == "");
  CHECK(field == 64 << 10);
  CHECK(parse("1000") == "");
  CHECK(field == 1000);
  for (const char* text : {"", "GiB", "4GB", "4g", "1.5GiB", "-1", "16777216TiB", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK(parse(text) == "expected a number of bytes, such as 1048576 or \"1MiB\"");
  }
}

TEST_CASE("a list has a text a line, or whatever lines between NULs") {
  std::vector<std::string> field{"before"};
  const auto parse = [&](std::string_view text) {
    return parse_option(option_kind::texts, {}, text, &field);
  };
  CHECK(parse("one\r\n\ntwo \n") == "");
  CHECK(field == std::vector<std::string>{"one", "two "});
  CHECK(print_option(option_kind::texts, &field) == "[\"one\", \"two \"]");
  using namespace std::string_view_literals;
  CHECK(parse("one\ntwo\0\0three\0"sv) == "");
  CHECK(field == std::vector<std::string>{"one\ntwo", "", "three"});
  CHECK(print_option(option_kind::texts, &field) == "[\"one\\u000Atwo\", \"\", \"three\"]");
  CHECK(parse("") == "");
  CHECK(print_option(option_kind::texts, &field) == "[]");
}

TEST_CASE("a number must fit its field") {
  std::uint16_t small = 0;
  CHECK(parse_option(option_kind::number, {}, "65535", &small) == "");
  CHECK(parse_option(option_kind::number, {}, "65536", &small) == "must be at most 65535");
  CHECK(parse_option(option_kind::number, {}, "-1", &small) == "expected a whole number");
  CHECK(parse_option(option_kind::number, {}, "1.0", &small) == "expected a whole number");
  CHECK(small == 65535);
}

TEST_CASE("addresses are HOST:PORT, with IPv6 in brackets") {
  endpoint field;
  for (const auto& [text, host, port] :
       {std::tuple<const char*, const char*, int>{"127.0.0.1:6033", "127.0.0.1", 6033},
        {"[::1]:0", "::1", 0},
        {"db-proxy:65535", "db-proxy", 65535}}) {
    CAPTURE(text);
    CHECK(parse_endpoint(text, field) == "");
    CHECK(field == endpoint{host, static_cast<std::uint16_t>(port)});
    CHECK(print_endpoint(field) == text);
  }
  for (const char* text : {"", "6033", ":6033", "localhost", "::1:6033", "[::1]", "[::1]6033", "[]:1",
                           "[host]:1", "::1]:1", "[::1:1", "a b:1", "u@h:1", "[[::1]]:1"}) {
    CAPTURE(text);
    CHECK(parse_endpoint(text, field) == "expected HOST:PORT, with an IPv6 address in brackets");
  }
  for (const char* text : {"h:", "h:65536", "h:-1", "h:x", "[::1]:+1"}) {
    CAPTURE(text);
    CHECK(parse_endpoint(text, field) == "expected a port from 0 to 65535 after the colon");
  }
}

TEST_CASE("true and false have the usual words") {
  bool field = false;
  for (const char* text : {"true", "1", "yes", "on"})
    CHECK(parse_option(option_kind::yes_no, {}, text, &field) == "");
  CHECK(field);
  for (const char* text : {"false", "0", "no", "off"})
    CHECK(parse_option(option_kind::yes_no, {}, text, &field) == "");
  CHECK_FALSE(field);
  for (const char* text : {"", "TRUE", "2"})
    CHECK(parse_option(option_kind::yes_no, {}, text, &field) == "expected true or false");
}

TEST_CASE("values are printed as TOML") {
  std::uint64_t bytes = 3ULL << 20;
  std::uint64_t odd = 1025;
  std::chrono::milliseconds span{1050};
  std::string text = "a\"b\\c\n";
  CHECK(print_option(option_kind::bytes, &bytes) == "\"3MiB\"");
  CHECK(print_option(option_kind::bytes, &odd) == "1025");
  unsigned mode = 0;
  CHECK(parse_option(option_kind::file_mode, {}, "0750", &mode) == "");
  CHECK(mode == 0750);
  CHECK(print_option(option_kind::file_mode, &mode) == "\"0750\"");
  CHECK(parse_option(option_kind::file_mode, {}, "1777", &mode) != "");
  CHECK(parse_option(option_kind::file_mode, {}, "8", &mode) != "");
  CHECK(print_option(option_kind::number, &bytes) == "3145728");
  CHECK(print_option(option_kind::seconds, &span) == "1.05");
  CHECK(print_option(option_kind::text, &text) == R"("a\"b\\c\u000A")");
}

TEST_CASE("only what is well-formed counts as UTF-8") {
  const auto npos = std::string_view::npos;
  for (const std::string_view good :
       {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
    CHECK(find_bad_utf8(good) == npos);
  for (const std::string_view bad : {"\x80", "\xc0\x80", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80",
                                     "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82"})
    CHECK(find_bad_utf8("x" + std::string(bad)) == 1);
}
