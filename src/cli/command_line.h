#pragma once
// argv -> what to do, with every default filled in. Pure but for `environment`: prints nothing,
// starts nothing; main.cc does.

#include "cli/doctor_command.h"
#include "cli/keys_command.h"
#include "cli/models_command.h"
#include "cli/run_command.h"
#include "cli/sandbox_command.h"
#include "cli/serve_command.h"
#include "cli/validate_command.h"
#include "config/settings.h"
#include "obs/log.h"

#include <string>
#include <variant>
#include <vector>

namespace quarry::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// Nothing to run: help, the version, or what is wrong with the command line.
struct Printout {
  int exit_code = kExitDone;
  std::string out;  // for stdout
  std::string err;  // for stderr
};

using Command = std::variant<Printout,
                             ServeOptions,
                             SandboxOptions,
                             RunOptions,
                             ModelsOptions,
                             ValidateOptions,
                             DoctorOptions,
                             KeysOptions>;

struct CommandLine {
  Command command;
  obs::LogFormat log_format = obs::LogFormat::automatic;
  obs::Level log_level = obs::Level::info;
};

// args: argv without the program's name. A first argument that is an option means `serve`, so that
// `quarry --config FILE` starts the gateway.
CommandLine parse_command_line(std::vector<std::string> args,
                               const config::Environment& environment);

}  // namespace quarry::cli
