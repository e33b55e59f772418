// A result set that is made here: the tracker follows it to its last byte and counts its rows, whatever was
// negotiated.
#include "protocol/messages.hpp"
#include "protocol/response_tracker.hpp"
#include "tests/fuzz/check.hpp"

using namespace holdwater::protocol;
using holdwater::fuzz::input;
using holdwater::fuzz::must;

namespace {

constexpr std::uint16_t announcing = server_status::more_results_exists | server_status::ps_out_params;

text_result_set make_set(input& in) {
  text_result_set set;
  for (auto columns = 1 + in.number(1) % 8; columns > 0; --columns)
    set.columns.emplace_back(std::string(in.text(in.number(1) % 70)));
  for (auto rows = in.number(1) % 16; rows > 0; --rows) {
    auto& row = set.rows.emplace_back();
    for (std::size_t i = 0; i < set.columns.size(); ++i) row.emplace_back(in.text(in.number(2) % 600));
  }
  return set;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const capabilities negotiated = in.number(8);
  const auto status = static_cast<std::uint16_t>(in.number(2) & ~std::uint64_t{announcing});
  const auto warnings = static_cast<std::uint16_t>(in.number(2));
  const auto set = make_set(in);
  byte_buffer answer;
  append_text_result_set(answer, 1, set, status, warnings, negotiated);
  response_tracker tracker;
  tracker.start(command::query, negotiated);
  const auto taken = tracker.feed(answer);
  must(taken.has_value() && *taken == answer.size(), "an answer made here is followed to its last byte");
  must(tracker.current() == response_tracker::state::complete, "an answer made here is complete");
  must(tracker.rows() == set.rows.size(), "its rows are counted");
  must(tracker.ok().status == status && tracker.ok().warnings == warnings,
       "its end says status and warnings");
  return 0;
}
