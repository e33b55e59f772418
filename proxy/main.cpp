// The binary: options, log, program.
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/run.hpp"
#include "proxy/config/load_options.hpp"
#include "proxy/log.hpp"
#include "proxy/privacy.hpp"
#include "proxy/program.hpp"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

int main(int argc, char** argv) {
  using namespace holdwater::proxy;
  inherited_sockets handed;
  const auto command = start_command::of_this_process(argc, argv, environ);
  const auto variables = environment_of(environ);
  if (cli::is_command(argc, argv)) return cli::run(argc, argv, variables);
  handed.receive();
  program::hold_signals();
  auto loaded = load_options(argc, argv, variables);
  forget_passwords(environ);
  if (const auto* ending = std::get_if<early_exit>(&loaded)) {
    std::fputs(ending->text.c_str(), ending->code == 0 ? stdout : stderr);
    return ending->code;
  }
  auto& read = std::get<loaded_options>(loaded);
  keep_others_out(read.values.core_dumps);
  if (const auto problem = set_up_log(read.values.log); !problem.empty()) {
    std::fprintf(stderr, "holdwater: %s\n", problem.c_str());
    return exit_bad_configuration;
  }
  for (const auto& warning : read.warnings) spdlog::warn("{}", warning);

  std::optional<std::vector<named_socket>> sockets;
  {
    program holdwater(
        std::move(read.values), std::move(read.services), [&] { return load_options(argc, argv, variables); },
        command);
    if (const auto problem = holdwater.start(handed); !problem.empty()) {
      spdlog::critical("{}", problem);
      return holdwater.exit_code();
    }
    sockets = holdwater.run();
  }
  if (!sockets) return EXIT_SUCCESS;
  spdlog::critical("the restart failed: {}", become(command, *sockets));
  return EXIT_FAILURE;
}
