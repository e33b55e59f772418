#include "proxy/config/load_options.hpp"
#include "proxy/config/flags.hpp"
#include "proxy/config/load_services.hpp"
#include "proxy/config/raw_options.hpp"
#include "proxy/config/start_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

namespace holdwater::proxy {
namespace {

class loader {
 public:
  load_result load(int argc, const char* const* argv, const environment& variables) {
    auto flags = read_flags(argc, argv);
    if (flags.finished) return early_exit{flags.finished->first, flags.finished->second};
    if (flags.show_version) return early_exit{"holdwater " HOLDWATER_VERSION "\n", 0};
    file_ = config_file(flags, variables);
    if (!file_.empty()) take(read_file(file_), origin::file);
    take(read_environment(variables), origin::variable);
    take(std::move(flags.given), origin::flag);
    std::vector<service_options> services;
    if (services_.empty()) {
      finish(top_, option_part::all, file_, wrong_);
    } else {
      services = load_services(services_, top_, file_, wrong_);
      finish(top_, option_part::process, file_, wrong_);
      for (auto& one : services) one.values.admin = top_.values.admin; // with its secrets
    }
    return flags.check_only ? verdict(services) : result(std::move(services));
  }

 private:
  raw_options top_;
  std::vector<service_source> services_;
  problems wrong_;
  std::string file_;

  static std::string config_file(const command_line& flags, const environment& variables) {
    if (!flags.config_file.empty()) return flags.config_file;
    const auto found = variables.find("HOLDWATER_CONFIG");
    return found == variables.end() ? std::string{} : found->second;
  }

  void take(source from, origin where) {
    for (const auto& one : from.settings) top_.take(one, where, wrong_);
    for (const auto& one : from.accounts) top_.take(one, wrong_);
    std::ranges::move(from.rules, std::back_inserter(top_.values.rules));
    std::ranges::move(from.services, std::back_inserter(services_));
    std::ranges::move(from.errors, std::back_inserter(wrong_.errors));
    std::ranges::move(from.warnings, std::back_inserter(wrong_.warnings));
  }

  load_result result(std::vector<service_options> services) {
    if (wrong_.errors.empty())
      return loaded_options{std::move(top_.values), std::move(services), std::move(wrong_.warnings), file_};
    return early_exit{lines("holdwater: ", wrong_.errors), exit_bad_configuration};
  }

  // The answer of --check-config.
  load_result verdict(const std::vector<service_options>& services) {
    note("", why_no_port(top_.values));
    if (services_.empty()) note("", why_no_service(top_.values));
    for (const auto& one : services) note(one.name + ": ", why_no_service(one.values));
    auto text = lines("warning: ", wrong_.warnings) + lines("error: ", wrong_.errors);
    if (!wrong_.errors.empty()) return early_exit{std::move(text), exit_bad_configuration};
    if (services_.empty()) text += what_is_missing("", top_.values);
    for (const auto& one : services) text += what_is_missing(one.name + ": ", one.values);
    for (const auto& one : services)
      text += fmt::format("service {}: {} for {}, data in {}\n", one.name, print_endpoint(one.values.listen),
                          one.values.server.name(), one.values.data_dir);
    return early_exit{text + "the configuration is valid\n", 0};
  }

  void note(const std::string& whose, const std::vector<std::string>& errors) {
    for (const auto& one : errors) wrong_.errors.push_back(whose + one);
  }

  // What a file need not hold, since the environment may, but a start needs.
  static std::string what_is_missing(const std::string& whose, const options& values) {
    if (!values.spool.enabled || !values.server.user.empty() || !values.accounts.empty()) return {};
    return "warning: " + whose +
           "MYSQL_USER is not set here: without it a start fails, unless spool.enabled = false\n";
  }

  static std::string lines(std::string_view head, const std::vector<std::string>& all) {
    std::string out;
    for (const auto& one : all) out.append(head).append(one).append("\n");
    return out;
  }
};

} // namespace

load_result load_options(int argc, const char* const* argv, const environment& variables) {
  return loader{}.load(argc, argv, variables);
}

spool::result<spool::key_ring_ptr> keys_of(const options& settings) {
  if (settings.spool.key.empty()) return spool::key_ring_ptr();
  return spool::key_ring::parse(settings.spool.key);
}

bool is_readable_by_everyone(const std::string& path) {
  std::error_code error;
  const auto rights = std::filesystem::status(path, error).permissions();
  return !error && (rights & std::filesystem::perms::others_read) != std::filesystem::perms::none;
}

environment environment_of(const char* const* variables) {
  environment out;
  for (; variables && *variables; ++variables) {
    const std::string_view entry(*variables);
    const auto equals = entry.find('=');
    if (equals != entry.npos) out.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return out;
}

void take_reloadable(options& running, const options& fresh) {
  auto from = fresh;
  for (const auto& row : option_table())
    if (row.reloadable)
      std::visit([&]<class T>(T* to) { *to = *std::get<T*>(row.field(from)); }, row.field(running));
}

reload_plan plan_reload(const options& running, const options& fresh, std::optional<option_scope> only) {
  reload_plan out{running, {}, {}};
  auto wanted = fresh;
  for (const auto& row : option_table()) {
    if (only && row.scope != *only) continue;
    const auto next = print_option(row.kind, row.field(wanted));
    if (next != print_option(row.kind, row.field(out.values)))
      (row.reloadable ? out.changed : out.needs_restart).emplace_back(row.name);
  }
  const bool of_process = only == option_scope::process;
  if (!of_process && running.accounts != fresh.accounts) out.needs_restart.emplace_back("account");
  take_reloadable(out.values, fresh);
  if (!of_process && running.rules != fresh.rules) out.needs_restart.emplace_back("rule");
  return out;
}

} // namespace holdwater::proxy
