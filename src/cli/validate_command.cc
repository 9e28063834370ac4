#include "cli/validate_command.h"

#include "batch/preflight.h"
#include "cli/command_line.h"
#include "cli/configuration.h"
#include "cli/progress.h"
#include "cli/validate_report.h"
#include "json/value_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <unistd.h>
#include <utility>
#include <vector>

namespace quarry::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kWindowBytes = std::size_t{8} << 20;
constexpr std::chrono::seconds kQuietTime{1};  // a progress bar is worth it after that

using FileHandle =
    std::unique_ptr<std::FILE,
                    decltype([](std::FILE* file) { static_cast<void>(std::fclose(file)); })>;

// Text that is printed later, however much it is: in a file without a name.
class Spool {
 public:
  Spool() : file_(std::tmpfile()) {
    if (!file_) throw std::runtime_error("no temporary file could be made; hint: $TMPDIR, df /tmp");
  }
  void add(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) {
      throw std::runtime_error("a temporary file could not be written; hint: df /tmp");
    }
    empty_ = false;
  }
  bool empty() const { return empty_; }
  void print() {
    std::rewind(file_.get());
    char buffer[1 << 16];
    while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, file_.get())) {
      std::fwrite(buffer, 1, n, stdout);
    }
  }

 private:
  FileHandle file_;
  bool empty_ = true;
};

// The findings as they will be printed: those of the whole batch first.
class FindingSpools {
 public:
  explicit FindingSpools(bool json) : json_(json) {}

  void add(const openai::DryRunFinding& finding) {
    if (finding.line && *finding.line != last_line_) {
      ++lines_at_fault;
      last_line_ = *finding.line;
    }
    if (json_) {
      Spool& spool = finding.fails_batch ? first_ : second_;
      spool.add((spool.empty() ? "" : ",") + json::value_text(openai::to_json(finding)));
    } else {
      (finding.line ? second_ : first_).add(render_finding(finding));
    }
  }
  void print_text() {
    first_.print();
    second_.print();
  }
  void print_json(const openai::DryRun& run) {
    std::string text = json::value_text(openai::summary_json(run));
    text.pop_back();  // of the object: the two lists follow
    std::fputs((text + R"(,"errors":{"object":"list","data":[)").c_str(), stdout);
    first_.print();
    std::fputs(
        fmt::format(R"(],"total":{}}},"refused":{{"object":"list","data":[)", run.error_count)
            .c_str(),
        stdout);
    second_.print();
    std::fputs(fmt::format("],\"total\":{}}}}}\n", run.refusal_count).c_str(), stdout);
  }

  std::int64_t lines_at_fault = 0;

 private:
  bool json_;
  std::int64_t last_line_ = 0;
  Spool first_, second_;
};

// Throws for what cannot be read twice, before a pipe could make it wait.
FileHandle open_input(const std::filesystem::path& path) {
  constexpr std::string_view kTwice =
      "it is read twice, so it must be a file on disk; hint: give the file's own name";
  if (path == "-") throw std::runtime_error(fmt::format("standard input: {}", kTwice));
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (std::filesystem::is_directory(status)) throw std::runtime_error("it is a directory");
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw std::runtime_error(std::string(kTwice));
  }
  FileHandle file(std::fopen(path.c_str(), "rb"));
  if (!file) throw std::runtime_error(std::strerror(errno));
  return file;
}

// Reads the whole file in windows. Throws when it cannot.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path)
      : path_(path), file_(open_input(path)), window_(kWindowBytes) {
    std::setvbuf(file_.get(), nullptr, _IONBF, 0);
  }

  std::int64_t bytes = 0;  // of the last pass

  // Twice is the whole work: the bar is of both.
  void pass(int n, const std::function<void(std::span<const std::byte>)>& take) {
    std::rewind(file_.get());
    bytes = 0;
    while (true) {
      errno = 0;
      const std::size_t count = std::fread(window_.data(), 1, window_.size(), file_.get());
      if (std::ferror(file_.get()) != 0) throw std::runtime_error(std::strerror(errno));
      if (count == 0) break;
      bytes += static_cast<std::int64_t>(count);
      take(std::span(window_).first(count));
      show(n);
    }
    if (n == 2) progress_.clear();
  }

 private:
  void show(int n) {
    if (!terminal_ || Clock::now() - began_ < kQuietTime) return;
    std::error_code failed;
    const std::uint64_t size = std::filesystem::file_size(path_, failed);
    progress_.show(
        {.status = n == 1 ? "scanning" : "checking",
         .done = static_cast<std::uint64_t>(bytes),
         .total = failed ? 0 : size,
         .bytes = true,
         .elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_)});
  }

  std::filesystem::path path_;
  FileHandle file_;
  std::vector<std::byte> window_;
  bool terminal_ = isatty(STDERR_FILENO) == 1;
  Clock::time_point began_ = Clock::now();
  Progress progress_ = Progress::of_stderr();
};

// What the lines are for, where the command does not say it.
openai::Endpoint endpoint_of(const files::Scan& scan) {
  for (const auto endpoint : {openai::Endpoint::chat_completions, openai::Endpoint::responses,
                              openai::Endpoint::completions, openai::Endpoint::embeddings}) {
    if (std::ranges::any_of(
            scan.urls, [&](const auto& url) { return openai::parse_endpoint(url) == endpoint; })) {
      return endpoint;
    }
  }
  return openai::Endpoint::chat_completions;
}

// A model name as Bedrock's id, if it is one of the catalog's: as it is, or as LiteLLM writes it.
std::string catalog_id(std::string_view name) {
  for (const std::string_view prefix : {"", "bedrock/", "batch-"}) {
    if (!name.starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    if (catalog::Catalog::built_in().find(name)) return std::string(name);
  }
  return "";
}

// Stands for a model that only its name is known of: by the catalog or, failing that, by what most
// models take.
config::DeploymentSettings nameless_deployment(const std::string& name, openai::Endpoint endpoint) {
  config::DeploymentSettings settings;
  settings.id = name;
  settings.model_name = name;
  settings.model_id = catalog_id(name);
  if (!settings.model_id.empty()) return settings;
  settings.model_id = name.empty() ? "unknown" : name;
  const bool embeddings = endpoint == openai::Endpoint::embeddings;
  settings.model.family = embeddings ? "titan_embed" : "openai_shaped";
  if (!embeddings) {
    settings.model.tools = settings.model.image = settings.model.document =
        settings.model.json_schema = settings.model.reasoning = true;
  }
  return settings;
}

// Where the lines would run: the configuration's deployments, or what stands for them.
struct Places {
  std::vector<config::DeploymentSettings> settings;
  std::optional<batch::DeploymentModels> models;
  std::set<std::string, std::less<>> form_only;

  // This outlives it.
  aws::DeploymentSet deployments() const {
    std::vector<aws::DeploymentPtr> all;
    for (const config::DeploymentSettings& each : settings) {
      auto deployment = std::make_shared<aws::Deployment>();
      deployment->settings = each;
      all.push_back(std::move(deployment));
    }
    return aws::DeploymentSet(std::move(all), [this](const config::DeploymentSettings& one) {
      return models->knows(one);
    });
  }
};

Places places_by_name(const ValidateOptions& options,
                      const files::Scan& scan,
                      openai::Endpoint endpoint) {
  std::set<std::string> names;
  for (const auto& [name, lines] : scan.models) names.insert(name);
  if (!options.model.empty()) names = {options.model};
  if (names.empty()) names.insert("");  // a set holds at least one
  Places places;
  for (const std::string& name : names) {
    places.settings.push_back(nameless_deployment(name, endpoint));
    if (catalog_id(name).empty()) places.form_only.insert(name);
  }
  auto models = batch::DeploymentModels::make(catalog::Catalog::built_in(), places.settings);
  if (!models) throw std::logic_error(models.error().front().message);
  places.models = std::move(*models);
  return places;
}

int usage(std::string_view what) {
  std::fputs(fmt::format("quarry validate: {}\n", what).c_str(), stderr);
  return kExitUsage;
}

int validate(const ValidateOptions& options,
             std::optional<Configuration> configuration,
             InputFile& input) {
  const config::Settings settings = configuration ? configuration->settings : config::Settings();
  files::Scanner scanner(settings.max_line_bytes);
  input.pass(1, [&](std::span<const std::byte> window) { scanner.feed(window); });
  const files::Scan scan = scanner.finish();

  batch::PreflightSettings preflight_settings;
  preflight_settings.endpoint = options.endpoint.empty()
                                    ? endpoint_of(scan)
                                    : openai::parse_endpoint(options.endpoint).value();
  preflight_settings.drop_params = settings.drop_params;
  preflight_settings.line_bytes_max = settings.max_line_bytes;
  if (!options.model.empty()) preflight_settings.target_models = {options.model};

  Places places = configuration ? Places{settings.deployments, std::move(configuration->models), {}}
                                : places_by_name(options, scan, preflight_settings.endpoint);
  const aws::DeploymentSet deployments = places.deployments();
  if (!options.model.empty() && deployments.group(options.model).empty()) {
    return usage(fmt::format("the configuration has no model '{}'; it has {}", options.model,
                             fmt::join(deployments.model_names(), ", ")));
  }
  preflight_settings.form_only = std::move(places.form_only);
  FindingSpools findings(options.json);
  preflight_settings.found = [&findings](const openai::DryRunFinding& finding) {
    findings.add(finding);
  };
  batch::Preflight preflight(std::move(preflight_settings), scan, deployments, *places.models);
  input.pass(2, [&](std::span<const std::byte> window) { preflight.feed(window); });
  preflight.end();
  openai::DryRun run = preflight.report();
  run.bytes = input.bytes;

  if (options.json) {
    findings.print_json(run);
  } else {
    std::fputs(render_validation(run, options.input.filename().string()).c_str(), stdout);
    findings.print_text();
    std::fputs(unknown_models_hint(run, configuration.has_value()).c_str(), stdout);
    std::fputs(render_verdict(run, findings.lines_at_fault).c_str(), stdout);
  }
  return run.error_count + run.refusal_count == 0 ? kExitDone : kExitFailed;
}

}  // namespace

int run_validate(const ValidateOptions& options) {
  if (!options.endpoint.empty() && !openai::parse_endpoint(options.endpoint)) {
    return usage(
        fmt::format("--endpoint '{}' is none of /v1/chat/completions, /v1/completions, "
                    "/v1/embeddings, /v1/responses",
                    options.endpoint));
  }
  std::optional<Configuration> configuration;
  if (!options.config_file.empty()) {
    configuration = read_configuration(options.config_file, config::process_environment());
    if (!configuration) return kExitUsage;
  }
  std::optional<InputFile> input;
  try {
    input.emplace(options.input);
  } catch (const std::exception& error) {
    return usage(fmt::format("cannot read {}: {}", options.input.string(), error.what()));
  }
  return validate(options, std::move(configuration), *input);
}

}  // namespace quarry::cli
