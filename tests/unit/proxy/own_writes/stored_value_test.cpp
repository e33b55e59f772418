#include "proxy/own_writes/stored_value.hpp"

#include "protocol/column_types.hpp"
#include "tests/unit/proxy/own_writes/some_table.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
using protocol::sql::given_value;
using kind = given_value::kind;
using family = column_type::family;

namespace {

std::string number(std::string_view text, const column_type& column) {
  return shown(stored_value({kind::number, std::string(text)}, column, plain_context()));
}
std::string text(std::string_view bytes, const column_type& column,
                 const spool::statement_context& context = plain_context()) {
  return shown(stored_value({kind::text, std::string(bytes)}, column, context));
}

column_type decimal_column(unsigned digits, unsigned scale) {
  column_type one;
  one.what = family::decimal;
  one.digits = digits;
  one.scale = scale;
  return one;
}

column_type datetime_column(unsigned scale) {
  column_type one;
  one.what = family::datetime;
  one.scale = scale;
  return one;
}

std::string binary(const column_type& column, const std::string& value) {
  protocol::byte_buffer out;
  append_binary_value(out, column, value);
  std::string hex;
  for (const auto byte : out) {
    constexpr char digits[] = "0123456789abcdef";
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

} // namespace

TEST_CASE("integers are known in the range of their column, and in no other form than digits") {
  struct row {
    unsigned bytes;
    bool is_unsigned;
    const char* given;
    const char* stored;
  };
  const row rows[] = {{1, false, "127", "127"},
                      {1, false, "128", "doubtful"},
                      {1, false, "-128", "-128"},
                      {1, false, "-129", "doubtful"},
                      {1, true, "255", "255"},
                      {1, true, "256", "doubtful"},
                      {1, true, "-1", "doubtful"},
                      {2, false, "007", "7"},
                      {3, false, "8388607", "8388607"},
                      {3, false, "8388608", "doubtful"},
                      {3, true, "16777215", "16777215"},
                      {4, false, "-2147483648", "-2147483648"},
                      {4, false, "2147483648", "doubtful"},
                      {4, true, "4294967295", "4294967295"},
                      {8, false, "9223372036854775807", "9223372036854775807"},
                      {8, false, "9223372036854775808", "doubtful"},
                      {8, false, "-9223372036854775808", "-9223372036854775808"},
                      {8, true, "18446744073709551615", "18446744073709551615"},
                      {8, true, "18446744073709551616", "doubtful"},
                      {4, false, "-0", "0"},
                      {4, true, "-0", "0"},
                      {4, false, "1.0", "doubtful"},
                      {4, false, "1e3", "doubtful"}};
  for (const auto& one : rows)
    CHECK_MESSAGE(number(one.given, integer_column("n", one.bytes, one.is_unsigned)) == one.stored,
                  one.given);
  CHECK(text("5", integer_column("n", 4)) == "5");
  CHECK(text(" 5", integer_column("n", 4)) == "doubtful");
  CHECK(text("", integer_column("n", 4)) == "doubtful");
}

TEST_CASE("decimals are known when they need no rounding") {
  CHECK(number("1.5", decimal_column(5, 2)) == "1.50");
  CHECK(number("-0012", decimal_column(5, 2)) == "-12.00");
  CHECK(number("999.99", decimal_column(5, 2)) == "999.99");
  CHECK(number("1000", decimal_column(5, 2)) == "doubtful");
  CHECK(number("1.505", decimal_column(5, 2)) == "doubtful");
  CHECK(number("-0.00", decimal_column(5, 2)) == "doubtful");
  CHECK(number("0.25", decimal_column(2, 2)) == "0.25");
  CHECK(number("7", decimal_column(3, 0)) == "7");
  CHECK(text("12.34", decimal_column(5, 2)) == "12.34");
  CHECK(text("12.34 ", decimal_column(5, 2)) == "doubtful");
  CHECK(text("1e1", decimal_column(5, 2)) == "doubtful");
}

TEST_CASE("characters are known when they fit, and go through every character set on their way") {
  auto s = text_column("s", 5);
  CHECK(text("abc", s) == "abc");
  CHECK(text("", s).empty());
  CHECK(text("abcdef", s) == "doubtful");
  CHECK(text("abcd ", s) == "abcd ");
  CHECK(text("\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac\xf0\x9f\x99\x82", s) ==
        "\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac\xf0\x9f\x99\x82");
  CHECK(text("\xff", s) == "doubtful");
  CHECK(text("\xc0\x80", s) == "doubtful");     // a long form
  CHECK(text("\xed\xa0\x80", s) == "doubtful"); // half of a pair
  CHECK(number("5", s) == "doubtful");
  s.padded = true;
  CHECK(text("ab ", s) == "doubtful");
  s.padded = false;
  s.most_bytes = 3;
  CHECK(text("abcd", s) == "doubtful");
  s = text_column("s", 5);
  s.character_set = "utf8mb3";
  CHECK(text("\xe2\x82\xac", s) == "\xe2\x82\xac");
  CHECK(text("\xf0\x9f\x99\x82", s) == "doubtful");
  s.character_set = "latin1";
  CHECK(text("a", s) == "a");
  CHECK(text("\xc3\xa4", s) == "doubtful");
  s.character_set = "ucs2";
  CHECK(text("a", s) == "doubtful");
  auto context = plain_context();
  context.character_set_client = "latin1";
  CHECK(text("\xc3\xa4", text_column("s", 5), context) == "doubtful");
  context = plain_context();
  context.collation_connection = "binary";
  CHECK(text("a", text_column("s", 5), context) == "doubtful");
  CHECK(is_sent_as_is("a", "latin1"));
  CHECK(!is_sent_as_is("\xc3\xa4", "latin1"));
  CHECK(!is_sent_as_is("a", ""));
  CHECK(is_sent_as_is("\xc3\xa4", "utf8mb3"));
}

TEST_CASE("days and times are known in full") {
  column_type day;
  day.what = family::date;
  CHECK(text("2024-02-29", day) == "2024-02-29");
  for (const auto* bad : {"2023-02-29", "2024-2-9", "0000-00-00", "0999-01-01", "2024-13-01", "20240229",
                          "2024-02-29 00:00:00"})
    CHECK_MESSAGE(text(bad, day) == "doubtful", bad);
  CHECK(number("20240229", day) == "doubtful");
  CHECK(text("2024-02-29 23:59:59", datetime_column(0)) == "2024-02-29 23:59:59");
  CHECK(text("2024-02-29 23:59:59", datetime_column(6)) == "2024-02-29 23:59:59.000000");
  CHECK(text("2024-02-29 23:59:59.5", datetime_column(3)) == "2024-02-29 23:59:59.500");
  for (const auto* bad : {"2024-02-29", "2024-02-29T01:02:03", "2024-02-29 24:00:00", "2024-02-29 23:60:00",
                          "2024-02-29 23:59:59.1234", "2024-02-29 23:59:59.", "2024-02-29 23:59:5",
                          "2024-02-29 01:02:03+01:00"})
    CHECK_MESSAGE(text(bad, datetime_column(3)) == "doubtful", bad);
}

TEST_CASE("NULL, defaults and the present moment") {
  const auto t = some_table();
  const auto value = [&](kind what, std::size_t column) {
    return shown(stored_value({what}, t.columns[column], plain_context()));
  };
  CHECK(value(kind::null, 0) == "doubtful");
  CHECK(value(kind::null, 2) == "NULL");
  CHECK(value(kind::by_default, 1) == "3");
  CHECK(value(kind::by_default, 2) == "NULL");
  CHECK(value(kind::by_default, 0) == "doubtful");
  CHECK(value(kind::moment, 4) == "untold");
  CHECK(value(kind::moment, 2) == "doubtful");
  CHECK(value(kind::other, 2) == "doubtful");
  CHECK(value(kind::null, 5) == "NULL");
  CHECK(number("1", t.columns[5]) == "doubtful");
  auto strange = t.columns[5];
  strange.without = column_type::otherwise::constant;
  strange.constant = "1.5";
  CHECK(shown(default_value(strange)) == "untold");
}

TEST_CASE("modes that mend values, or that are not known, are not strict") {
  CHECK(is_strict("STRICT_TRANS_TABLES"));
  CHECK(is_strict("ONLY_FULL_GROUP_BY,STRICT_ALL_TABLES,NO_ZERO_DATE"));
  CHECK(!is_strict(""));
  CHECK(!is_strict("NO_ENGINE_SUBSTITUTION"));
  CHECK(!is_strict("STRICT_TRANS_TABLES,PAD_CHAR_TO_FULL_LENGTH"));
  CHECK(!is_strict("STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO"));
  CHECK(!is_strict("STRICT_TRANS_TABLES,ALLOW_INVALID_DATES"));
  CHECK(!is_strict("STRICT_TRANS_TABLES,EMPTY_STRING_IS_NULL"));
  CHECK(!is_strict("STRICT_TRANS_TABLES,TIME_TRUNCATE_FRACTIONAL"));
  CHECK(is_plain_mode(""));
}

TEST_CASE("bound values are as if they had been written") {
  namespace wire = protocol::wire;
  const auto bound = [](std::uint8_t type, std::string bytes, bool is_unsigned = false) {
    spool::parameter one;
    one.type = type;
    one.is_unsigned = is_unsigned;
    one.value = std::move(bytes);
    const auto given = bound_value(one);
    return std::to_string(static_cast<int>(given.what)) + " " + given.text;
  };
  CHECK(bound(wire::type_tiny, "\xff") == "1 -1");
  CHECK(bound(wire::type_tiny, "\xff", true) == "1 255");
  CHECK(bound(wire::type_longlong, std::string("\x2a\0\0\0\0\0\0\0", 8)) == "1 42");
  CHECK(bound(wire::type_var_string, "it's \\") == "2 it's \\");
  CHECK(bound(wire::type_newdecimal, "1.50") == "1 1.50");
  CHECK(bound(wire::type_date, "\xe8\x07\x02\x1d") == "2 2024-02-29");
  CHECK(bound(wire::type_datetime, "\xe8\x07\x02\x1d") == "2 2024-02-29 00:00:00");
  CHECK(bound(wire::type_datetime, "\xe8\x07\x02\x1d\x01\x02\x03") == "2 2024-02-29 01:02:03");
  CHECK(bound(wire::type_double, std::string(8, '\0')) == "6 ");
  CHECK(bound(wire::type_blob, "abc") == "6 ");
  CHECK(bound_value({}).what == kind::null);
}

TEST_CASE("values have the bytes that a server sends") {
  CHECK(binary(integer_column("n", 1), "-1") == "ff");
  CHECK(binary(integer_column("n", 2), "258") == "0201");
  CHECK(binary(integer_column("n", 3), "-2") == "feffffff");
  CHECK(binary(integer_column("n", 4), "1") == "01000000");
  CHECK(binary(integer_column("n", 8, true), "18446744073709551615") == "ffffffffffffffff");
  CHECK(binary(text_column("s", 5), "ab") == "026162");
  CHECK(binary(datetime_column(0), "2024-02-29 00:00:00") == "04e807021d");
  CHECK(binary(datetime_column(0), "2024-02-29 01:02:03") == "07e807021d010203");
  CHECK(binary(datetime_column(3), "2024-02-29 00:00:00.500") == "0be807021d00000020a10700");
  CHECK(binary(datetime_column(3), "2024-02-29 01:02:03.000") == "07e807021d010203");
}
