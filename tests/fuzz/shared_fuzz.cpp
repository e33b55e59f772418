// An answer as a shared Redis gives it, whoever has written it: what is taken is written the same again, and
// with a data key nothing is taken that was not sealed.
#include "proxy/cache/shared_entry.hpp"
#include "tests/fuzz/check.hpp"

using namespace holdwater;
using fuzz::input;
using fuzz::must;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto keys = spool::key_ring::parse(std::string(64, '1')).value();
  input in(data, size);
  const auto text = std::string(in.rest());
  if (const auto read = proxy::read_shared(text, "k", {}); read) {
    must(proxy::is_generation(read->generation), "it names a generation");
    must(read->answer.empty() || proxy::write_shared(*read, "k", {}) == text, "it is written the same again");
  }
  if (const auto read = proxy::read_shared(text, "k", keys); read)
    must(read->answer.empty(), "with a key nothing is believed that has no seal");
  const proxy::shared_entry own{"c00112233445566778899aabbccddeeff", std::chrono::microseconds(size),
                                std::chrono::microseconds(1), text};
  const auto sealed = proxy::write_shared(own, "k", keys);
  const auto back = proxy::read_shared(sealed, "k", keys);
  must(back.has_value() && back->answer == text && back->at == own.at, "what was sealed comes back");
  must(text.empty() || !proxy::read_shared(sealed, "K", keys), "and only at its place");
  return 0;
}
