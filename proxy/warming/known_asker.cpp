#include "proxy/warming/known_asker.hpp"

#include "spool/byte_codec.hpp"

namespace holdwater::proxy {
namespace {
constexpr std::string_view head = "holdwater askers 1\n";
}

std::string encode_askers(const std::vector<known_asker>& all) {
  spool::byte_writer out;
  out.put_int(all.size());
  for (const auto& one : all) {
    out.put_string(one.user);
    out.put_string(one.database);
    out.put_int(one.capabilities);
    out.put_int(one.collation);
    out.put_int(one.settings.size());
    for (const auto& setting : one.settings) out.put_string(setting);
  }
  return std::string(head) + out.take();
}

std::optional<std::vector<known_asker>> decode_askers(std::string_view content) {
  if (!content.starts_with(head)) return std::nullopt;
  spool::byte_reader in(content.substr(head.size()));
  std::vector<known_asker> all(in.get_count());
  for (auto& one : all) {
    one.user = in.get_string();
    one.database = in.get_string();
    one.capabilities = in.get_int();
    one.collation = static_cast<std::uint16_t>(in.get_int());
    one.settings.resize(in.get_count());
    for (auto& setting : one.settings) setting = in.get_string();
  }
  if (!in.finished()) return std::nullopt;
  return all;
}

} // namespace holdwater::proxy
