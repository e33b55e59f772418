#include "proxy/config/flags.hpp"
#include "proxy/config/load_options.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <sstream>

namespace holdwater::proxy {
namespace {

std::string help_of(const option_row& row) {
  return fmt::format("{} Default: {}.", row.sentence, default_text(row));
}

std::string value_name(const option_row& row) {
  return row.kind == option_kind::address ? "HOST:PORT" : row.name == "data_dir" ? "DIR" : "PATH";
}

// CLI11 reports by exception; it ends here.
std::optional<std::pair<std::string, int>> parse(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& e) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = app.exit(e, out, err);
    return std::pair{out.str() + err.str(), code == 0 ? 0 : exit_bad_configuration};
  }
}

} // namespace

command_line read_flags(int argc, const char* const* argv) {
  command_line out;
  CLI::App app("Holdwater: a MySQL proxy that keeps writes while the server is away.", "holdwater");
  app.set_help_flag("--help", "Print this and exit");
  app.add_option("--config", out.config_file, "Configuration file (TOML)")->type_name("FILE");

  std::map<const option_row*, std::string> values; // CLI11 keeps references to these
  for (const auto& row : option_table()) {
    if (row.flag.empty()) continue;
    app.add_option(std::string(row.flag), values[&row], help_of(row))->type_name(value_name(row));
  }
  app.add_flag("--check-config", out.check_only, "Check the configuration, say what is wrong, and exit");
  app.add_flag("--version", out.show_version, "Print the version and exit");

  out.finished = parse(app, argc, argv);
  for (auto& [row, text] : values)
    if (app.count(std::string(row->flag)) != 0)
      out.given.settings.push_back({row, text, std::string(row->flag)});
  return out;
}

} // namespace holdwater::proxy
