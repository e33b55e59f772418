#include "proxy/sql_files/unit_head.hpp"

#include <fmt/format.h>

#include <charconv>

namespace holdwater::proxy {
namespace {

constexpr std::string_view account_mark = ", account ", accepted_mark = ", accepted ",
                           queue_mark = ", queue ", writes_mark = " writes";

std::string_view without_blanks(std::string_view line) {
  while (line.ends_with('\r') || line.ends_with('\n') || line.ends_with(' ')) line.remove_suffix(1);
  return line;
}

} // namespace

std::string print_unit_head(const unit_head& what, std::string_view accepted) {
  return fmt::format("{}{}{}{}{}{}{}{}\n", unit_head_mark, what.number, account_mark, what.account,
                     accepted_mark, accepted, queue_mark, what.queue);
}

// From the end on, since an account's name may hold anything.
std::optional<unit_head> read_unit_head(std::string_view line) {
  line = without_blanks(line);
  if (!line.starts_with(unit_head_mark)) return std::nullopt;
  line.remove_prefix(std::string_view(unit_head_mark).size());
  unit_head out;
  const auto digits = std::from_chars(line.data(), line.data() + line.size(), out.number);
  if (digits.ec != std::errc() || out.number == 0) return std::nullopt;
  line.remove_prefix(static_cast<std::size_t>(digits.ptr - line.data()));
  if (!line.starts_with(account_mark)) return std::nullopt;
  line.remove_prefix(account_mark.size());
  constexpr std::size_t id_size = 32;
  if (const auto at = line.rfind(queue_mark); at != line.npos) {
    const auto id = line.substr(at + queue_mark.size());
    if (id.size() == id_size && id.find_first_not_of("0123456789abcdef") == id.npos) {
      out.queue = id;
      line = line.substr(0, at);
    }
  }
  const auto at = line.rfind(accepted_mark);
  if (at == line.npos) return std::nullopt;
  out.account = line.substr(0, at);
  return out;
}

std::string print_end(std::uint64_t units) {
  return fmt::format("{}{}{}\n", end_mark, units, writes_mark);
}

std::optional<std::uint64_t> read_end(std::string_view line) {
  line = without_blanks(line);
  if (!line.starts_with(end_mark) || !line.ends_with(writes_mark)) return std::nullopt;
  line.remove_prefix(std::string_view(end_mark).size());
  std::uint64_t out = 0;
  const auto digits = std::from_chars(line.data(), line.data() + line.size(), out);
  const bool all = digits.ec == std::errc() && digits.ptr + writes_mark.size() == line.data() + line.size();
  return all ? std::optional(out) : std::nullopt;
}

} // namespace holdwater::proxy
