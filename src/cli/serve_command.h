#pragma once
// `quarry serve`: the gateway, and with --sandbox a local AWS beside it in the same process.

#include "cli/sandbox_command.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace quarry::cli {

struct ServeOptions {
  std::filesystem::path config_file;  // "" = none; then only --sandbox can say where the models are
  std::string host = "127.0.0.1";
  std::uint16_t port = 4000;       // 0 takes a free one
  std::filesystem::path data_dir;  // never empty; made if missing
  std::filesystem::path
      port_file;  // "" = none; else the bound port is written here once ready (port_file.h)

  bool sandbox = false;
  std::uint16_t sandbox_port = 0;            // 0 takes a free one
  std::filesystem::path sandbox_port_file;  // "" = none
  // Its clock is the gateway's too, sandbox or not.
  SandboxTuning tuning;
};

// Runs until SIGTERM or SIGINT. Logging is configured by the caller.
// Returns the process's exit code: 0 stopped as asked, 1 failed, 2 configuration refused. Errors
// are already on stderr when it returns.
int serve(const ServeOptions& options);

}  // namespace quarry::cli
