#include "proxy/cli/verify.hpp"

#include "proxy/cli/talk.hpp"
#include "proxy/config/load_options.hpp"
#include "proxy/config/reason_of.hpp"
#include "spool/verify_file.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <variant>
#include <vector>

namespace holdwater::proxy::cli {
namespace {

namespace json = boost::json;

// Of a file that is looked at without a running program.
spool::result<spool::key_ring_ptr> find_keys(const arguments& given, const environment& variables) {
  auto with_file = variables;
  if (!given.key_file.empty()) {
    with_file.erase("HOLDWATER_SPOOL_KEY");
    with_file.erase("HOLDWATER_CONFIG"); // nothing in it is asked for
    with_file["HOLDWATER_SPOOL_KEY_FILE"] = given.key_file;
  }
  std::vector<const char*> flags{"holdwater"};
  if (!given.config_file.empty() && given.key_file.empty())
    flags.insert(flags.end(), {"--config", given.config_file.c_str()});
  auto loaded = load_options(static_cast<int>(flags.size()), flags.data(), with_file);
  const auto* const values = std::get_if<loaded_options>(&loaded);
  if (values == nullptr)
    return spool::failure{spool::errc::wrong_key, reason_of(std::get<early_exit>(loaded))};
  const auto& all = values->services;
  if (all.empty()) return keys_of(values->values);
  const auto is_meant = [&](const service_options& one) {
    std::error_code none;
    const std::filesystem::path file(given.file);
    return given.service.empty()
               ? std::filesystem::equivalent(one.values.data_dir, file, none) ||
                     std::filesystem::equivalent(one.values.data_dir, file.parent_path(), none)
               : one.name == given.service;
  };
  const auto found = std::ranges::find_if(all, is_meant);
  if (found != all.end()) return keys_of(found->values);
  return spool::failure{spool::errc::wrong_key, "say which service's file that is, with --service"};
}

} // namespace

int verify(const arguments& given, const environment& variables) {
  const auto keys = find_keys(given, variables);
  if (!keys) return complain(keys.error().context), exit_usage;
  const auto report = spool::verify_file(given.file, *keys);
  if (!report) {
    complain(report.error().context);
    return report.error().code == spool::errc::corrupt ? exit_down : 1;
  }
  json::array wrong;
  for (const auto& one : report->wrong) wrong.emplace_back(one);
  if (given.json)
    fmt::print("{}", json::serialize(json::object{{"sound", report->wrong.empty()},
                                                  {"id", report->id},
                                                  {"pending", report->pending},
                                                  {"applied", report->applied},
                                                  {"dead", report->dead},
                                                  {"last_seq", report->last},
                                                  {"wrong", std::move(wrong)}}) +
                         "\n");
  else
    fmt::print("{}: spool {}, {} pending, {} applied and kept, {} dead, numbered up to {}\n",
               report->wrong.empty() ? "sound" : "damaged", report->id, report->pending, report->applied,
               report->dead, report->last);
  for (const auto& one : report->wrong) complain(one);
  return report->wrong.empty() ? exit_ok : exit_down;
}

} // namespace holdwater::proxy::cli
