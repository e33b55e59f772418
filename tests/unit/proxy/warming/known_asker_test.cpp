// The file of the kinds of connection.
#include "proxy/warming/known_asker.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;

namespace {
const std::vector<known_asker> several{
    {"app", "shop", 4, 45, {"SET NAMES utf8"}},
    {"n\xff\0m", "", 1ULL << 35, 255, {}},
    {"app", "shop", 0, 0, {"SET SESSION time_zone = '+05:00'", std::string(1000, 'x')}},
};
}

TEST_CASE("what is written is read") {
  CHECK(decode_askers(encode_askers(several)) == several);
  CHECK(decode_askers(encode_askers({})) == std::vector<known_asker>{});
}

TEST_CASE("a file that is cut, or another one, is not taken") {
  const auto whole = encode_askers(several);
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(decode_askers(whole.substr(0, size)));
  CHECK_FALSE(decode_askers(whole + "x"));
  CHECK_FALSE(decode_askers("holdwater askers 2\n"));
}

TEST_CASE("the worked example is what is written") {
  CHECK(encode_askers({several[0]}) == std::string("holdwater askers 1\n\x01\x03"
                                                   "app\x04shop\x04\x2d\x01\x0eSET NAMES utf8"));
}
