#include "proxy/cli/arguments.hpp"

#include "proxy/config/option_table.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <sstream>
#include <string_view>

namespace holdwater::proxy::cli {
namespace {

constexpr std::array<std::string_view, 5> flags_of_commands{"--json", "--admin", "--token-file", "--service",
                                                            "--ca"};

bool is_of_commands(std::string_view flag) {
  return std::ranges::find(flags_of_commands, flag) != flags_of_commands.end();
}

// Of a flag of the program.
bool takes_value(std::string_view flag) {
  return flag == "--config" || std::ranges::any_of(option_table(), [&](const option_row& row) {
           return !row.flag.empty() && row.flag == flag;
         });
}

// Of a number that a write has.
std::string why_no_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  return read.ec == std::errc() && read.ptr == end && number != 0 ? ""
                                                                  : text + " is not the number of a write";
}

// Of a word where a command should be.
std::string unknown_command(CLI::App& app) {
  const auto chosen = app.get_subcommands();
  if (!chosen.empty()) return unknown_command(*chosen.front());
  std::vector<std::string> known;
  for (const auto* one : app.get_subcommands({})) known.push_back(one->get_name());
  const auto words = app.remaining();
  const auto word = std::ranges::find_if(words, [](const auto& one) { return !one.starts_with('-'); });
  if (known.empty() || word == words.end()) return {};
  const auto meant = did_you_mean(*word, known);
  return fmt::format("{0}: there is no command {1}{2}{3} The commands are: {4}\n", app.get_display_name(),
                     *word, meant, meant.empty() ? "." : "", fmt::join(known, ", "));
}

class parser {
 public:
  parser() : app_("What a running Holdwater is asked for and told, over its HTTP port.", "holdwater") {
    app_.require_subcommand(1);
    take_common(app_); // before the command they mean the same
    take_service(app_);
    app_.footer(
        "Exit codes: 0 done or well, 1 not done or degraded, 2 down or damaged, 64 wrong usage, 69 nobody\n"
        "answers, 77 not allowed.");
    add(app_, verb::status, "status", "What is so now, in a few lines");
    auto& top = add(app_, verb::top, "top", "The same, and the traffic, every second");
    top.add_option("--rounds", out_.rounds, "End after so many");
    auto& drain = add(app_, verb::drain, "drain", "Apply what is queued now, and show how far it is");
    drain.add_option("--timeout", out_.timeout_s, "Seconds to wait for the end")
        ->check(CLI::Range(0.0, 600.0));
    add(app_, verb::backup, "backup", "Copy the queue into a file, while it is in use")
        .add_option("file", out_.file, "To be made; it must not be there")
        ->required();
    add(app_, verb::reconnect, "reconnect", "Try to reach the server now");
    add_spool();
    add_dead();
    limited(add(app_, verb::sessions, "sessions", "Who is connected"));
    auto& config = group("config", "The configuration of the running program");
    add(config, verb::config_show, "show", "Each option's value");
    add(config, verb::config_reload, "reload", "Read it anew, and take what may change");
  }

  std::variant<arguments, refusal> parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& failed) {
      std::ostringstream text, errors;
      const int code = app_.exit(failed, text, errors);
      if (const auto unknown = unknown_command(app_); code != 0 && !unknown.empty())
        return refusal{unknown, exit_usage};
      return refusal{text.str() + errors.str(), code == 0 ? exit_ok : exit_usage};
    }
    if (out_.what == verb::config_reload && !out_.service.empty())
      return refusal{"holdwater config reload: it is of all services; leave --service out\n", exit_usage};
    const bool decides = out_.what == verb::dead_retry || out_.what == verb::dead_discard;
    if (decides && out_.numbers.empty() != out_.all)
      return refusal{"holdwater dead: give the numbers, or --all\n", exit_usage};
    return out_;
  }

 private:
  arguments out_;
  CLI::App app_;

  CLI::App& group(const char* name, const char* about) {
    auto& made = *app_.add_subcommand(name, about);
    made.require_subcommand(1);
    take_common(made);
    if (made.get_name() != "config") take_service(made);
    return made;
  }

  CLI::App& add(CLI::App& to, verb what, const char* name, const char* about) {
    auto& made = *to.add_subcommand(name, about);
    made.callback([this, what] { out_.what = what; });
    take_common(made);
    if (what != verb::config_reload) take_service(made);
    return made;
  }

  void take_common(CLI::App& to) {
    to.add_flag("--json", out_.json, "JSON, as the port gives it");
    to.add_option("--admin", out_.admin, "Where the port is: http://HOST:PORT or https://HOST:PORT");
    to.add_option("--config", out_.config_file,
                  "Holdwater's configuration file, which says where, and the token");
    to.add_option("--token-file", out_.token_file, "A file whose first line is the token");
    to.add_option("--ca", out_.ca, "For https: the authority's certificate, or the port's own (PEM)");
  }

  void take_service(CLI::App& to) {
    to.add_option("--service", out_.service,
                  "Which one, where it is several services; or HOLDWATER_SERVICE says so");
  }

  void limited(CLI::App& to) {
    to.add_option("--limit", out_.limit, "How many at most")->check(CLI::Range(1, 1000));
  }

  void listed(CLI::App& to) {
    to.add_option("--after", out_.after, "Those behind this number");
    limited(to);
  }

  void add_spool() {
    auto& spool = group("spool", "Writes that wait to be applied");
    listed(add(spool, verb::spool_list, "list", "The oldest first"));
    auto& show = add(spool, verb::spool_show, "show", "One of them, or a dead letter, whole");
    show.add_option("number", out_.numbers)->required()->expected(1)->check(why_no_number);
    auto& exported =
        add(spool, verb::spool_export, "export", "All of them as SQL, to read and to apply by hand");
    exported.add_option("--after", out_.after, "Those behind this number");
    exported.add_option("--output", out_.file, "Into this file instead of the standard output");
    auto& imported = add(spool, verb::spool_import, "import",
                         "Put the writes of such a file at the end of the queue, each once");
    imported.add_option("file", out_.file, "As spool export writes it")->required();
    imported.add_option("--account", out_.account, "Whose the writes are that do not say so");
    imported
        .add_option("--as", out_.source,
                    "What it is remembered as, instead of the queue that it is of, or its contents")
        ->check([](const std::string& name) {
          constexpr auto allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
          const bool good =
              !name.empty() && name.size() <= 64 && name.find_first_not_of(allowed) == name.npos;
          return good ? std::string() : std::string("up to 64 letters, digits and .-_");
        });
    imported.add_flag("--check", out_.only_check, "Say what is wrong with it, and take nothing");
    auto& verified = *spool.add_subcommand("verify", "Check a spool's file that no Holdwater has open");
    verified.callback([this] { out_.what = verb::spool_verify; });
    verified.add_flag("--json", out_.json, "JSON");
    verified.add_option(
        "--key-file", out_.key_file,
        "The file of its key; without it, HOLDWATER_SPOOL_KEY, ..._KEY_FILE, or what --config says");
    verified.add_option("--service", out_.service,
                        "Whose key that file means, where it has several services");
    verified.add_option("--config", out_.config_file,
                        "Holdwater's configuration file, which says where the key is");
    verified.add_option("file", out_.file, "spool.db, or the data directory")->required();
  }

  void add_dead() {
    auto& dead = group("dead", "Writes that the server refused, and that wait for a decision");
    listed(add(dead, verb::dead_list, "list", "The oldest first"));
    decided(add(dead, verb::dead_retry, "retry", "Put them at the end of the queue once more"));
    auto& discard = add(dead, verb::dead_discard, "discard", "Give them up for good");
    decided(discard);
    discard.add_flag("--yes", out_.yes, "Do not ask");
  }

  void decided(CLI::App& to) {
    to.add_option("numbers", out_.numbers, "Their numbers")->check(why_no_number);
    to.add_flag("--all", out_.all, "All of them");
  }
};

} // namespace

bool is_command(int argc, const char* const* argv) {
  for (int at = 1; at < argc; ++at) {
    const std::string_view one(argv[at]);
    if (!one.starts_with('-') || is_of_commands(one.substr(0, one.find('=')))) return true;
    if (takes_value(one)) ++at;
  }
  return false;
}

std::variant<arguments, refusal> parse(int argc, const char* const* argv) {
  return parser{}.parse(argc, argv);
}

} // namespace holdwater::proxy::cli
