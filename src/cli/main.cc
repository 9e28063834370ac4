#include "cli/command_line.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <malloc.h>
#include <string>
#include <variant>
#include <vector>

using namespace quarry;

namespace {

// Texts of a few MiB come and go on several threads. What malloc keeps of each thread's, and of
// blocks it takes for likely to be wanted again, is memory that no budget counts: with these, a
// batch of a million lines peaks a third lower, and takes no longer.
void keep_little_heap() {
  constexpr int kOwnMappingBytes = 1 << 20;
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, kOwnMappingBytes);
  mallopt(M_TRIM_THRESHOLD, kOwnMappingBytes);
}

}  // namespace

int main(int argc, char** argv) {
  // A peer that has gone is an error of the write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  keep_little_heap();
  try {
    const cli::CommandLine line = cli::parse_command_line(
        std::vector<std::string>(argv + 1, argv + argc), config::process_environment());
    if (const auto* printout = std::get_if<cli::Printout>(&line.command)) {
      std::fputs(printout->out.c_str(), stdout);
      std::fputs(printout->err.c_str(), stderr);
      return printout->exit_code;
    }
    obs::configure(line.log_format, line.log_level);
    if (const auto* options = std::get_if<cli::ServeOptions>(&line.command))
      return cli::serve(*options);
    if (const auto* options = std::get_if<cli::SandboxOptions>(&line.command))
      return cli::run_sandbox(*options);
    if (const auto* options = std::get_if<cli::ModelsOptions>(&line.command))
      return cli::run_models(*options);
    if (const auto* options = std::get_if<cli::ValidateOptions>(&line.command))
      return cli::run_validate(*options);
    if (const auto* options = std::get_if<cli::DoctorOptions>(&line.command))
      return cli::run_doctor(*options);
    if (const auto* options = std::get_if<cli::KeysOptions>(&line.command))
      return cli::run_keys(*options);
    return cli::run(std::get<cli::RunOptions>(line.command));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quarry: %s\n", error.what());
    return cli::kExitFailed;
  }
}
