#include "protocol/answer_end.hpp"

namespace holdwater::protocol {
namespace {

constexpr std::size_t eof_size = 5;
constexpr std::uint8_t eof_byte = 0xfe;

} // namespace

std::optional<answer_end> find_answer_end(byte_span payload) {
  if (is_eof(payload)) return answer_end{3, 1};
  payload_reader in(payload);
  in.skip(1);
  in.lenenc_integer(); // affected rows
  in.lenenc_integer(); // insert id
  if (in.failed() || in.remaining() < 4) return std::nullopt;
  const auto status = payload.size() - in.remaining();
  return answer_end{status, status + 2};
}

bool is_eof(byte_span payload) {
  return payload.size() == eof_size && payload[0] == eof_byte;
}

} // namespace holdwater::protocol
