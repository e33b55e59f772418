// The environment: HOLDWATER_... for every option, and the names that applications already use.
#include "proxy/config/source.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace holdwater::proxy {
namespace {

constexpr std::string_view prefix = "HOLDWATER_";
constexpr std::string_view file_variable =
    "HOLDWATER_CONFIG"; // names the file, so it is read before the table
constexpr std::string_view service_variable = "HOLDWATER_SERVICE"; // of commands: which one they are for

void take(source& out, const environment& variables, const option_row& row, const std::string& name) {
  const auto found = variables.find(name);
  if (found != variables.end() && !found->second.empty()) out.settings.push_back({&row, found->second, name});
}

std::vector<std::string> known_names() {
  std::vector<std::string> out{std::string(file_variable), std::string(service_variable)};
  for (const auto& row : option_table()) out.push_back(environment_name(row));
  return out;
}

} // namespace

source read_environment(const environment& variables) {
  source out;
  for (const auto& row : option_table()) {
    if (!row.environment.empty()) take(out, variables, row, std::string(row.environment));
    take(out, variables, row, environment_name(row)); // comes second, so it wins
  }
  const auto known = known_names();
  for (const auto& [name, value] : variables) {
    if (!name.starts_with(prefix) || std::ranges::find(known, name) != known.end()) continue;
    out.warnings.push_back(fmt::format("{}: no such option{}", name, did_you_mean(name, known)));
  }
  return out;
}

} // namespace holdwater::proxy
