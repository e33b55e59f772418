#include "spool/parameter_text.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace holdwater::spool;

namespace {

parameter of(std::uint8_t type, std::string value, bool is_unsigned = false) {
  return {type, is_unsigned, false, std::move(value)};
}

} // namespace

TEST_CASE("numbers are shown in digits, with their sign") {
  CHECK(literal(of(1, "\xff"), "latin1") == "-1");
  CHECK(literal(of(1, "\xff", true), "latin1") == "255");
  CHECK(literal(of(3, std::string("\x2a\0\0\0", 4)), "latin1") == "42");
  CHECK(literal(of(8, std::string(8, '\xff'), true), "latin1") == "18446744073709551615");
  CHECK(literal(of(8, std::string(8, '\xff')), "latin1") == "-1");
  const double value = -2.25;
  CHECK(literal(of(5, std::string(reinterpret_cast<const char*>(&value), sizeof value)), "latin1") ==
        "-2.25");
}

TEST_CASE("dates and times are shown as the server writes them") {
  CHECK(readable(of(10, "\xe8\x07\x02\x1d")) == "'2024-02-29'");
  CHECK(readable(of(12, std::string("\xe8\x07\x02\x1d\1\2\3\4\0\0\0", 11))) ==
        "'2024-02-29 01:02:03.000004'");
  CHECK(readable(of(12, "\xe8\x07\x02\x1d")) == "'2024-02-29 00:00:00'");
  CHECK(readable(of(7, "")) == "'0000-00-00 00:00:00'");
  CHECK(readable(of(7, std::string("\xe8\x07\x02\x1d\x01\x02\x03\0\0\0\0", 11))) == "'2024-02-29 01:02:03'");
  CHECK(readable(of(10, "\xe8\x07\x02\x1d\x01\x02\x03")) == "'2024-02-29'");
  CHECK(readable(of(11, std::string("\1\1\0\0\0\2\3\4", 8))) == "'-26:03:04'");
  CHECK(readable(of(10, "")) == "'0000-00-00'");
}

TEST_CASE("text is shown in quotes, for people cut when it is long") {
  CHECK(readable({253, false, false, std::nullopt}) == "NULL");
  CHECK(readable(of(253, "it's")) == "'it''s'");
  CHECK(readable(of(252, std::string(1000, 'x'))) == "'" + std::string(200, 'x') + "...");
}

TEST_CASE("a literal is read alike in every sql_mode, as text in its character set or as bytes") {
  CHECK(literal(of(253, "123"), "sjis") == "'123'");
  CHECK(literal(of(253, "it's"), "utf8mb4") == "_utf8mb4 x'69742773'");
  CHECK(literal(of(253, "\x95\x5c"), "sjis") == "_sjis x'955c'");
  CHECK(literal(of(252, "ab"), "utf8mb4") == "x'6162'");
  CHECK(literal(of(252, ""), "utf8mb4") == "x''");
}

TEST_CASE("a literal in the place of a value has its type too") {
  const auto bytes = [](auto value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  };
  CHECK(exact_literal(of(5, bytes(1.0)), "utf8mb4", false) == "1e0");
  CHECK(exact_literal(of(5, bytes(-2.25)), "utf8mb4", true) == "-2.25e0");
  CHECK(exact_literal(of(5, bytes(1e300)), "utf8mb4", false) == "1e+300");
  CHECK(exact_literal(of(5, bytes(7.0)), "utf8mb4", true) == "7"); // all that a LIMIT takes
  CHECK(exact_literal(of(4, bytes(0.1F)), "utf8mb4", false) == "0.10000000149011612e0");
  for (const char* text : {"0.01", "-12345678901234567890.5", "+7", "0"})
    CHECK(exact_literal(of(246, text), "utf8mb4", false) == text);
  for (const char* text : {"", "-", "1.", ".5", "1e3", "1 OR 1"})
    CHECK(exact_literal(of(246, text), "utf8mb4", false) == "'" + std::string(text) + "'");
}

TEST_CASE("what is no number, or has no end, is bound nowhere") {
  const auto bytes_of = [](auto value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  };
  using doubles = std::numeric_limits<double>;
  using floats = std::numeric_limits<float>;
  for (const double value : {doubles::quiet_NaN(), doubles::infinity(), -doubles::infinity()})
    CHECK_FALSE(can_be_bound(of(5, bytes_of(value))));
  for (const float value : {floats::quiet_NaN(), floats::infinity(), -floats::infinity()})
    CHECK_FALSE(can_be_bound(of(4, bytes_of(value))));
  CHECK(can_be_bound(of(5, bytes_of(doubles::max()))));
  CHECK(can_be_bound(of(4, bytes_of(floats::lowest()))));
}
