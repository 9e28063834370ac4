#include "cli/command_line.h"

#include "cli/keys_options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string_view>

namespace quarry::cli {
namespace {

constexpr std::string_view kExamples = R"(Examples:
  quarry serve --sandbox                 everything on this machine, no AWS account needed
  quarry --config config.yaml            serve the models of a LiteLLM-style config
  quarry run prompts.jsonl -m MODEL      upload, wait, download the answers
  quarry sandbox --bucket my-bucket      a local S3 and Bedrock for aws and boto3
  quarry validate prompts.jsonl          every bad line, and what the batch would cost
  quarry models --batch-only             what runs as a batch, and what it costs
  quarry keys generate --user ann        a key of its own for each who may use the server
  quarry doctor --config config.yaml     whether AWS lets it run, and what mends it where not
`quarry COMMAND --help` shows a command's options.
)";

constexpr std::string_view kServeExamples = R"(Examples:
  quarry serve --sandbox
  quarry serve --config config.yaml --host 0.0.0.0 --port 4000
)";

constexpr std::string_view kSandboxExamples = R"(Examples:
  quarry sandbox --bucket my-bucket
  AWS_ACCESS_KEY_ID=me AWS_SECRET_ACCESS_KEY=secret quarry sandbox --port 0 --port-file port.txt
)";

constexpr std::string_view kRunExamples = R"(Examples:
  quarry run prompts.jsonl
  quarry run prompts.jsonl -m MODEL -o answers.jsonl --url http://127.0.0.1:4000 --api-key sk-1234
  quarry run --resume batch_0123456789abcdef0123456789abcdef -o answers.jsonl
)";

constexpr std::string_view kModelsExamples = R"(Examples:
  quarry models --batch-only
  quarry models --json nova
  quarry models --config config.yaml
)";

constexpr std::string_view kValidateExamples = R"(Examples:
  quarry validate prompts.jsonl
  quarry validate prompts.jsonl --config config.yaml
  quarry validate prompts.jsonl -m MODEL --json
Exit code: 0 nothing is wrong, 1 something is, 2 wrong usage or configuration.
)";

constexpr std::string_view kDoctorExamples = R"(Examples:
  quarry doctor --config config.yaml
  quarry doctor --config config.yaml --model MODEL --json
For each deployment: who AWS takes us for, the buckets (region, owner, write, read, list, delete,
multipart, encryption), the batch role, the model, quotas. It writes a small object and asks for one
job without input, which fails in validation and costs nothing, and takes both away again.
Exit code: 0 nothing is wrong, 1 something is, 2 wrong usage or configuration.
)";

constexpr double kSecondsMax = 7 * 24 * 3600;

// What CLI11 fills in before it is turned into the command's own options.
struct Raw {
  ServeOptions serve;
  SandboxOptions sandbox;
  RunOptions run;
  ModelsOptions models;
  ValidateOptions validate;
  DoctorOptions doctor;
  KeysRaw keys;
  double wait_seconds = 20;
  double job_seconds = 3;
  double poll_seconds = 0;
  std::string api_key;
  std::string log_format = "auto";
  std::string log_level = "info";
};

std::chrono::milliseconds to_millis(double seconds) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::duration<double>(seconds));
}

std::string first_set(const config::Environment& environment,
                      std::initializer_list<const char*> names) {
  for (const char* name : names) {
    auto value = environment(name);
    if (value && !value->empty()) return *std::move(value);
  }
  return "";
}

// $QUARRY_DATA_DIR, else $XDG_DATA_HOME/quarry, else ~/.local/share/quarry. "" when there is no
// home.
std::filesystem::path default_data_dir(const config::Environment& environment) {
  if (const auto own = first_set(environment, {"QUARRY_DATA_DIR"}); !own.empty()) return own;
  const std::filesystem::path xdg = first_set(environment, {"XDG_DATA_HOME"});
  if (xdg.is_absolute()) return xdg / "quarry";  // the XDG specification ignores relative ones
  const std::filesystem::path home = first_set(environment, {"HOME"});
  return home.empty() ? home : home / ".local/share/quarry";
}

const std::map<std::string, obs::LogFormat> kLogFormats{{"auto", obs::LogFormat::automatic},
                                                        {"human", obs::LogFormat::human},
                                                        {"json", obs::LogFormat::json}};
const std::map<std::string, obs::Level> kLogLevels{{"debug", obs::Level::debug},
                                                   {"info", obs::Level::info},
                                                   {"warn", obs::Level::warn},
                                                   {"error", obs::Level::error}};

void add_log_options(CLI::App& app, Raw& raw) {
  app.add_option("--log-format", raw.log_format, "of what goes to stderr (auto)")
      ->check(CLI::IsMember({"auto", "human", "json"}).description(""))
      ->type_name("auto|human|json");
  app.add_option("--log-level", raw.log_level, "the least that is logged (info)")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}).description(""))
      ->type_name("debug|info|warn|error");
}

void add_job_seconds(CLI::App& app, Raw& raw) {
  app.add_option("--job-seconds", raw.job_seconds, "how long a job of the sandbox takes (3)")
      ->check(CLI::Range(0.0, kSecondsMax).description(""))
      ->type_name("S");
}

CLI::Option* add_port(CLI::App& app, const char* name, std::uint16_t& port, const char* help) {
  return app.add_option(name, port, help)
      ->check(CLI::Range(0, 65535).description(""))
      ->type_name("PORT");
}

// How the sandbox behaves, alone or beside the gateway.
void add_sandbox_tuning(CLI::App& app, Raw& raw, SandboxTuning& tuning) {
  constexpr double kClockSpeedMax = 1'000'000;
  add_job_seconds(app, raw);
  app.add_option("--clock-speed", tuning.clock_speed, "seconds of its clock in one second (1)")
      ->check(CLI::Range(0.001, kClockSpeedMax).description(""))
      ->type_name("N");
  app.add_option("--clock-origin", tuning.clock_origin, "when its clock was right (now)")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("UNIX_SECONDS");
  app.add_option("--faults", tuning.faults_file, "what is to go wrong in the sandbox, as JSON")
      ->type_name("FILE");
  app.add_option("--max-jobs-per-model", tuning.max_jobs_per_model,
                 "jobs at once in the sandbox, of a model in a region; 0 is no limit (20)")
      ->type_name("N");
  app.add_option("--min-records", tuning.min_records, "records that a sandbox job must have (100)")
      ->type_name("N");
  app.add_option("--records-per-second", tuning.records_per_second,
                 "the pace of the sandbox's jobs; 0 is none (0)")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("R");
}

void add_serve(CLI::App& root, Raw& raw) {
  CLI::App& app = *root.add_subcommand("serve", "serve OpenAI's Files and Batch APIs on Bedrock");
  ServeOptions& options = raw.serve;
  app.add_option("-c,--config", options.config_file, "config.yaml, as LiteLLM writes it")
      ->type_name("FILE");
  app.add_option("--host", options.host, "address to listen on (127.0.0.1)")->type_name("ADDRESS");
  add_port(app, "--port", options.port, "port to listen on; 0 takes a free one (4000)");
  app.add_option("--data-dir", options.data_dir,
                 "where the database lives ($QUARRY_DATA_DIR, else ~/.local/share/quarry)")
      ->type_name("DIR");
  app.add_option("--port-file", options.port_file, "write the port here once ready")
      ->type_name("FILE");
  app.add_flag("--sandbox", options.sandbox,
               "start a local AWS too and point every deployment at it");
  add_port(app, "--sandbox-port", options.sandbox_port, "its port; 0 takes a free one (0)");
  app.add_option("--sandbox-port-file", options.sandbox_port_file, "write its port here once ready")
      ->type_name("FILE");
  add_sandbox_tuning(app, raw, raw.serve.tuning);
  app.add_option("--sandbox-account", options.tuning.account_file,
                 "who there is in the sandbox, and what is denied to whom, as JSON")
      ->type_name("FILE");
  add_log_options(app, raw);
  app.add_flag_callback(
      "--debug,--detailed_debug", [&raw] { raw.log_level = "debug"; }, "same as --log-level debug");
  app.footer(std::string(kServeExamples));
}

void add_sandbox(CLI::App& root, Raw& raw) {
  CLI::App& app = *root.add_subcommand("sandbox", "a local S3 and Bedrock on one port");
  SandboxOptions& options = raw.sandbox;
  app.add_option("--host", options.host, "address to listen on (127.0.0.1)")->type_name("ADDRESS");
  add_port(app, "--port", options.port, "port to listen on; 0 takes a free one (4566)");
  app.add_option("--data-dir", options.data_dir, "where objects and jobs live")->type_name("DIR");
  app.add_option("--port-file", options.port_file, "write the port here once ready")
      ->type_name("FILE");
  app.add_option("--bucket", options.buckets, "make this bucket at start; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  add_sandbox_tuning(app, raw, raw.sandbox.tuning);
  app.add_option("--account", options.tuning.account_file,
                 "who there is beside the root, and what is denied to whom, as JSON")
      ->type_name("FILE");
  add_log_options(app, raw);
  app.footer(std::string(kSandboxExamples));
}

void add_run(CLI::App& root, Raw& raw) {
  CLI::App& app = *root.add_subcommand("run", "upload a file, run it as a batch, download results");
  RunOptions& options = raw.run;
  app.add_option("INPUT", options.input, "the batch's input file (.jsonl)")->type_name("");
  app.add_option("-o,--output", options.output, "where the results go (INPUT with .out.jsonl)")
      ->type_name("FILE");
  app.add_option("-m,--model", options.model, "the model for every line (what each line says)")
      ->type_name("MODEL");
  app.add_option("--url", options.url, "the server ($OPENAI_BASE_URL, else http://127.0.0.1:4000)")
      ->type_name("URL");
  app.add_option("--api-key", raw.api_key, "($OPENAI_API_KEY, else $QUARRY_API_KEY)")
      ->type_name("KEY");
  app.add_option("--resume", options.resume,
                 "go on with this batch: no upload, nothing is run twice")
      ->type_name("BATCH_ID");
  app.add_option("--endpoint", options.endpoint, "of every line (/v1/chat/completions)")
      ->type_name("PATH");
  app.add_option("--poll-seconds", raw.poll_seconds, "look at the batch this often (0.2, later 10)")
      ->check(CLI::Range(0.01, kSecondsMax).description(""))
      ->type_name("S");
  add_log_options(app, raw);
  app.footer(std::string(kRunExamples));
}

void add_models(CLI::App& root, Raw& raw) {
  CLI::App& app = *root.add_subcommand("models", "Bedrock's models: what they take and cost");
  ModelsOptions& options = raw.models;
  app.add_option("FILTER", options.filter, "part of an id, a family or a model_name")
      ->type_name("");
  app.add_option("-c,--config", options.config_file, "show what its deployments and models say too")
      ->type_name("FILE");
  app.add_flag("--batch-only", options.batch_only, "only those that run batch jobs");
  app.add_flag("--json", options.json, "every field, for programs");
  app.footer(std::string(kModelsExamples));
}

void add_validate(CLI::App& root, Raw& raw) {
  CLI::App& app = *root.add_subcommand("validate", "check a batch's input file, send nothing");
  ValidateOptions& options = raw.validate;
  app.add_option("INPUT", options.input, "the batch's input file (.jsonl)")
      ->type_name("")
      ->required();
  app.add_option("-c,--config", options.config_file, "config.yaml: where the lines would run")
      ->type_name("FILE");
  app.add_option("--endpoint", options.endpoint, "of the batch (what the lines say)")
      ->type_name("PATH");
  app.add_option("-m,--model", options.model, "the model for every line (what each line says)")
      ->type_name("MODEL");
  app.add_flag("--json", options.json, "the whole report, for programs");
  app.footer(std::string(kValidateExamples));
}

void add_doctor(CLI::App& root, Raw& raw) {
  CLI::App& app = *root.add_subcommand(
      "doctor", "ask AWS whether the deployments can work; say what mends them");
  DoctorOptions& options = raw.doctor;
  app.add_option("-c,--config", options.config_file, "config.yaml, as serve takes it")
      ->type_name("FILE")
      ->required();
  app.add_option("-m,--model", options.model, "only the deployments of this model_name (all)")
      ->type_name("MODEL");
  app.add_flag("--json", options.json, "the whole report, for programs");
  app.add_option("--wait", raw.wait_seconds, "how long to watch the job without input (20)")
      ->check(CLI::Range(0.0, kSecondsMax).description(""))
      ->type_name("S");
  app.footer(std::string(kDoctorExamples));
}

Printout wrong_usage(std::string_view command, std::string_view what) {
  const std::string program = command.empty() ? "quarry" : fmt::format("quarry {}", command);
  return {.exit_code = kExitUsage,
          .out = "",
          .err = fmt::format("{}: {}\nhint: {} --help\n", program, what, program)};
}

constexpr std::string_view kNoDataDir =
    "no place for data: neither $QUARRY_DATA_DIR, $XDG_DATA_HOME nor $HOME is set; give --data-dir "
    "DIR";

Command finish_serve(Raw raw, const config::Environment& environment) {
  ServeOptions options = std::move(raw.serve);
  if (options.config_file.empty() && !options.sandbox) {
    return wrong_usage("serve",
                       "nothing to serve: give --config FILE, or --sandbox for a local AWS");
  }
  if (!options.sandbox && !options.sandbox_port_file.empty()) {
    return wrong_usage("serve", "--sandbox-port-file needs --sandbox");
  }
  if (!options.sandbox && !options.tuning.faults_file.empty()) {
    return wrong_usage("serve", "--faults needs --sandbox");
  }
  if (!options.sandbox && !options.tuning.account_file.empty()) {
    return wrong_usage("serve", "--sandbox-account needs --sandbox");
  }
  if (options.data_dir.empty()) options.data_dir = default_data_dir(environment);
  if (options.data_dir.empty()) return wrong_usage("serve", kNoDataDir);
  options.tuning.job_time = to_millis(raw.job_seconds);
  return options;
}

Command finish_sandbox(Raw raw, const config::Environment& environment) {
  SandboxOptions options = std::move(raw.sandbox);
  if (options.data_dir.empty()) {
    const auto parent = default_data_dir(environment);
    if (parent.empty()) return wrong_usage("sandbox", kNoDataDir);
    options.data_dir = parent / "sandbox";
  }
  const std::string id = first_set(environment, {"AWS_ACCESS_KEY_ID"});
  const std::string secret = first_set(environment, {"AWS_SECRET_ACCESS_KEY"});
  if (id.empty() != secret.empty()) {
    return wrong_usage("sandbox",
                       "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: set both or neither");
  }
  options.access_key_id = id;
  options.secret_access_key = Secret<std::string>(secret);
  options.tuning.job_time = to_millis(raw.job_seconds);
  return options;
}

bool is_http_url(std::string_view url) {
  return url.starts_with("http://") || url.starts_with("https://");
}

std::string default_url(const config::Environment& environment) {
  const std::string url = first_set(environment, {"OPENAI_BASE_URL"});
  return url.empty() ? "http://127.0.0.1:4000" : url;
}

Command finish_run(Raw raw, const config::Environment& environment) {
  RunOptions options = std::move(raw.run);
  if (options.input.empty() && options.resume.empty()) {
    return wrong_usage("run", "INPUT is missing: name a .jsonl file, or give --resume BATCH_ID");
  }
  if (options.output.empty()) {
    options.output = default_output(options.input.empty() ? std::filesystem::path(options.resume)
                                                          : options.input);
  }
  if (!options.input.empty() && options.input == options.output) {
    return wrong_usage("run", "INPUT and OUTPUT are the same file");
  }
  if (options.url.empty()) options.url = default_url(environment);
  if (!is_http_url(options.url)) {
    return wrong_usage("run",
                       fmt::format("--url '{}' must begin with http:// or https://", options.url));
  }
  if (raw.api_key.empty()) {
    raw.api_key = first_set(environment, {"OPENAI_API_KEY", "QUARRY_API_KEY"});
  }
  options.api_key = Secret<std::string>(std::move(raw.api_key));
  if (!options.endpoint.starts_with('/')) options.endpoint.insert(0, "/");
  if (raw.poll_seconds > 0) options.poll_every = to_millis(raw.poll_seconds);
  return options;
}

Command finish_keys(Raw raw, const config::Environment& environment) {
  KeysOptions options = keys_options(
      std::move(raw.keys), default_url(environment),
      first_set(environment, {"LITELLM_MASTER_KEY", "OPENAI_API_KEY", "QUARRY_API_KEY"}));
  if (!is_http_url(options.url)) {
    return wrong_usage("keys",
                       fmt::format("--url '{}' must begin with http:// or https://", options.url));
  }
  return options;
}

// Only these may come first without meaning `serve`.
bool is_root_option(std::string_view arg) {
  return arg == "-h" || arg == "--help" || arg == "-V" || arg == "--version";
}

}  // namespace

CommandLine parse_command_line(std::vector<std::string> args,
                               const config::Environment& environment) {
  Raw raw;
  CLI::App app("Quarry: OpenAI's Batch API on Amazon Bedrock batch inference", "quarry");
  app.set_version_flag("-V,--version", "quarry " QUARRY_VERSION);
  app.footer(std::string(kExamples));
  app.require_subcommand(1);
  add_serve(app, raw);
  add_sandbox(app, raw);
  add_run(app, raw);
  add_models(app, raw);
  add_validate(app, raw);
  add_doctor(app, raw);
  add_keys(app, raw.keys);

  CommandLine line;
  if (args.empty()) {
    line.command = Printout{.exit_code = kExitUsage, .out = "", .err = app.help()};
    return line;
  }
  if (args.front().starts_with('-') && !is_root_option(args.front())) {
    args.insert(args.begin(), "serve");
  }
  const std::string first = args.front();
  try {
    std::reverse(args.begin(), args.end());  // CLI11 takes them from the back
    app.parse(args);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      std::ostringstream out;
      app.exit(error, out, out);
      line.command = Printout{.exit_code = kExitDone, .out = out.str(), .err = ""};
    } else {
      const bool known = first == "serve" || first == "sandbox" || first == "run" ||
                         first == "models" || first == "validate" || first == "doctor" ||
                         first == "keys";
      line.command = known ? wrong_usage(first, error.what())
                           : wrong_usage("", fmt::format("there is no command '{}'", first));
    }
    return line;
  }
  line.log_format = kLogFormats.at(raw.log_format);
  line.log_level = kLogLevels.at(raw.log_level);
  if (app.got_subcommand("serve")) {
    line.command = finish_serve(std::move(raw), environment);
  } else if (app.got_subcommand("sandbox")) {
    line.command = finish_sandbox(std::move(raw), environment);
  } else if (app.got_subcommand("models")) {
    line.command = std::move(raw.models);
  } else if (app.got_subcommand("validate")) {
    line.command = std::move(raw.validate);
  } else if (app.got_subcommand("doctor")) {
    raw.doctor.wait = to_millis(raw.wait_seconds);
    line.log_level = obs::Level::warn;  // the report says the rest
    line.command = std::move(raw.doctor);
  } else if (app.got_subcommand("keys")) {
    line.command = finish_keys(std::move(raw), environment);
  } else {
    line.command = finish_run(std::move(raw), environment);
  }
  return line;
}

}  // namespace quarry::cli
