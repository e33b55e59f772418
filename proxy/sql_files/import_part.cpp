#include "proxy/sql_files/import_part.hpp"

#include "spool/byte_codec.hpp"
#include "spool/unit_codec.hpp"

namespace holdwater::proxy {
namespace {

constexpr std::uint8_t format = 1;
constexpr std::size_t most_source_bytes = 100;

bool is_source(std::string_view text) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  return text.size() <= most_source_bytes && text.find_first_not_of(allowed) == text.npos;
}

} // namespace

std::string encode_part(const import_part& what) {
  spool::byte_writer out;
  out.put_byte(format);
  out.put_string(what.source);
  out.put_int(what.units.size());
  for (const auto& one : what.units) {
    const std::string unit = spool::encode_unit(one.what);
    out.put_int(one.position);
    out.put_string(unit);
  }
  return std::string(out.view());
}

std::optional<import_part> decode_part(std::string_view bytes) {
  spool::byte_reader in(bytes);
  if (in.get_byte() != format) return std::nullopt;
  import_part out;
  out.source = in.get_string();
  const auto count = in.get_count();
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    const auto position = in.get_int();
    auto one = spool::decode_unit(in.get_string());
    if (!one || position <= before || one->statements.empty()) return std::nullopt;
    before = position;
    out.units.push_back({position, std::move(*one)});
  }
  if (!in.finished() || !is_source(out.source)) return std::nullopt;
  return out;
}

} // namespace holdwater::proxy
