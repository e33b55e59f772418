#include "proxy/cache/shared_entry.hpp"

#include "spool/sealed_value.hpp"

#include <boost/crc.hpp>
#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace holdwater::proxy {
namespace {

using spool::errc;
using spool::failure;
using std::chrono::microseconds;

constexpr std::string_view form = "HW1 ";
constexpr std::size_t generation_size = entry_mark_size - form.size();
constexpr std::size_t wall_at = entry_moment_at + entry_moment_size + 1;
constexpr std::size_t crc_at = wall_at + entry_moment_size + 1;
constexpr std::size_t crc_size = 8;
static_assert(crc_at + crc_size + 1 == entry_head_size);

std::string crc_of(std::string_view bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return fmt::format("{:08x}", crc.checksum());
}

std::optional<microseconds> moment_in(std::string_view digits) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size() || value < 0) return std::nullopt;
  return microseconds(value);
}

// What a sealed answer is bound to: all of the head that is not made of it.
std::string place(std::string_view head, std::string_view key) {
  return spool::place_of("shared", std::string(head.substr(0, crc_at)).append(key));
}

} // namespace

std::string print_moment(microseconds moment) {
  return fmt::format("{:020}", std::max<std::int64_t>(moment.count(), 0));
}

std::string write_shared(const shared_entry& one, std::string_view key, const spool::key_ring_ptr& keys) {
  auto out =
      fmt::format("{}{} {} {} ", form, one.generation, print_moment(one.at), print_moment(one.wall_at));
  const auto* const sealing = spool::sealing_key(keys);
  const auto body = sealing != nullptr && !one.answer.empty()
                        ? spool::seal(*sealing, one.answer, place(out, key))
                        : one.answer;
  out.reserve(entry_head_size + body.size());
  return out.append(crc_of(body)).append("\n").append(body);
}

spool::result<shared_entry> read_shared(std::string_view stored, std::string_view key,
                                        const spool::key_ring_ptr& keys) {
  const failure garbled{errc::corrupt, "a value is not what was written"};
  if (stored.size() < entry_head_size || !stored.starts_with(form)) return garbled;
  shared_entry out;
  out.generation = stored.substr(form.size(), generation_size);
  const auto at = moment_in(stored.substr(entry_moment_at, entry_moment_size));
  const auto wall = moment_in(stored.substr(wall_at, entry_moment_size));
  const auto body = stored.substr(entry_head_size);
  for (const auto after : {entry_moment_at, wall_at, crc_at})
    if (stored[after - 1] != ' ') return garbled;
  if (!is_generation(out.generation) || !at || !wall || stored[entry_head_size - 1] != '\n' ||
      stored.substr(crc_at, crc_size) != crc_of(body))
    return garbled;
  out.at = *at;
  out.wall_at = *wall;
  if (body.empty()) return out;
  if (spool::sealing_key(keys) != nullptr && !spool::is_sealed(body))
    return failure{errc::wrong_key, "it is in clear, and there is a key"};
  auto answer = spool::unseal(keys, std::string(body), place(stored, key));
  if (!answer) return answer.error();
  out.answer = std::move(*answer);
  return out;
}

std::string make_generation(generation_cause why) {
  std::array<unsigned char, (generation_size - 1) / 2> chance{};
  if (RAND_bytes(chance.data(), static_cast<int>(chance.size())) != 1) return {};
  return fmt::format("{}{:02x}", static_cast<char>(why), fmt::join(chance, ""));
}

bool is_generation(std::string_view text) {
  return text.size() == generation_size &&
         (text.front() == static_cast<char>(generation_cause::cleared) ||
          text.front() == static_cast<char>(generation_cause::none_there)) &&
         text.find_first_not_of("0123456789abcdef", 1) == text.npos;
}

} // namespace holdwater::proxy
