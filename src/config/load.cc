// config.yaml as a whole: the sections, then what only the whole can say.
#include "base/transfer_memory.h"
#include "config/deployments.h"
#include "config/section.h"
#include "config/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace quarry::config {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPollingMin{10};
constexpr milliseconds kPollingMax{24 * 60 * 60 * 1000};
// Half is for clients, half for batches; there a plan may hold 12 buffers and a collection 6 at one
// time, taking them two by two: below 16 each could wait for the other.
constexpr std::uint64_t kTransferMemoryMin = 2 * 16 * kTransferBufferBytes;
constexpr std::uint64_t kTransferMemoryMax = std::uint64_t{1} << 40;
constexpr std::uint64_t kUploadBytesMax =
    std::uint64_t{80} << 30;  // one S3 object of 10,000 parts, with room to spare
constexpr std::uint64_t kUploadMegabytesMax = kUploadBytesMax >> 20;
constexpr std::chrono::hours kWindowMin{24};   // OpenAI's only one
constexpr std::chrono::hours kWindowMax{168};  // a Bedrock job's longest
constexpr std::uint64_t kRetentionHoursMax = 8760;
constexpr std::uint64_t kJanitorSecondsMax = 86'400;
constexpr std::uint64_t kLineBytesMin = 1024;
constexpr std::uint64_t kLineBytesMax = std::uint64_t{256} << 20;

void read_models(Section& top,
                 const Recovery& recovery,
                 Findings& findings,
                 Settings& settings,
                 Skipped& skipped) {
  if (!top.has("model_list")) {
    top.complain("model_list", "is required");
    return;
  }
  std::vector<YAML::Node> entries = top.list("model_list");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto deployment =
        read_deployment(entries[i], i, top.line_of("model_list"), recovery, findings, skipped);
    if (deployment) settings.deployments.push_back(std::move(*deployment));
  }
}

// The lines from `models:` to the next key, so that what the catalog finds wrong in them has a line
// in the file. Where they cannot stand alone (an anchor of another section, a map on one line):
// what yaml-cpp writes for them, without lines.
void read_models_section(const Section& top,
                         const YAML::Node& document,
                         std::string_view yaml,
                         Settings& settings) {
  if (!top.has("models")) return;
  const int first = top.line_of("models");
  int end = std::numeric_limits<int>::max();
  bool at_margin = false;
  YAML::Node value;
  for (const auto& pair : document) {
    const int line = yaml_line(pair.first, 0);
    if (line > first) end = std::min(end, line);
    if (!pair.first.IsScalar() || pair.first.Scalar() != "models") continue;
    at_margin = pair.first.Mark().column == 0;
    value = pair.second;
  }
  std::string text;
  for (int line = 1; line < end && !yaml.empty(); ++line) {
    const std::size_t size = std::min(yaml.find('\n'), yaml.size() - 1) + 1;
    if (line >= first) text.append(yaml.substr(0, size));
    yaml.remove_prefix(size);
  }
  try {
    if (at_margin && YAML::Load(text)["models"].size() == value.size()) {
      settings.models_yaml = std::move(text);
      settings.models_line = first;
      return;
    }
  } catch (const YAML::Exception&) {  // an anchor that is not in it
  }
  settings.models_yaml = YAML::Dump(value);
}

void read_master_key(Section& general, const Environment& environment, Settings& settings) {
  if (general.has("master_key")) {
    if (auto key = general.text("master_key")) settings.master_key.emplace(*key);
  } else if (auto key = environment("LITELLM_MASTER_KEY"); key && !key->empty()) {
    settings.master_key.emplace(*key);
  }
  if (settings.master_key && !settings.master_key->reveal().starts_with("sk-")) {
    settings.warnings.emplace_back(
        "general_settings.master_key does not begin with 'sk-', as LiteLLM asks of it");
  }
}

void read_times(Section& general, Settings& settings) {
  settings.batch_polling_interval =
      general.seconds("proxy_batch_polling_interval", kPollingMin, kPollingMax);
  if (auto window = general.window("max_completion_window", kWindowMin, kWindowMax))
    settings.max_completion_window = *window;
  if (auto hours = general.integer("job_files_retention_hours", 0, kRetentionHoursMax))
    settings.job_files_retention = std::chrono::hours(*hours);
  if (auto seconds = general.integer("janitor_interval", 1, kJanitorSecondsMax))
    settings.janitor_interval = std::chrono::seconds(*seconds);
}

void read_database(Section& general, const Environment& environment, Settings& settings) {
  constexpr std::uint64_t kConnectionsMax = 200;
  constexpr std::uint64_t kLeaseMin = 3;
  constexpr std::uint64_t kLeaseMax = 600;
  std::string url;
  if (general.has("database_url")) {
    url = general.text("database_url").value_or("");
  } else if (auto set = environment("DATABASE_URL")) {
    url = *set;
  }
  // The password in it is not repeated.
  if (!url.empty() && !url.starts_with("postgres://") && !url.starts_with("postgresql://")) {
    general.complain(
        "database_url",
        fmt::format("{}must begin with postgresql:// (postgresql://user:password@host/"
                    "database); hint: leave it away to keep the state in the data "
                    "directory, in SQLite",
                    general.has("database_url") ? "" : "DATABASE_URL in the environment "));
  }
  settings.database_url = Secret<std::string>(std::move(url));
  if (auto count = general.integer("database_connection_pool_limit", 1, kConnectionsMax))
    settings.database_connections = static_cast<int>(*count);
  if (auto seconds = general.integer("lease_seconds", kLeaseMin, kLeaseMax))
    settings.lease = std::chrono::seconds(*seconds);
}

void read_general(Section general,
                  const Environment& environment,
                  Findings& findings,
                  Settings& settings) {
  read_master_key(general, environment, settings);
  read_database(general, environment, settings);
  settings.key_limits = read_batch_limits(general, /*of_keys=*/true);
  settings.webhooks = read_webhooks(general, findings);
  read_times(general, settings);
  if (auto bytes = general.bytes("max_transfer_memory", kTransferMemoryMin, kTransferMemoryMax)) {
    settings.max_transfer_memory_bytes = *bytes;
  }
  if (auto bytes = general.bytes("max_upload_bytes", 1, kUploadBytesMax))
    settings.max_upload_bytes = *bytes;
  if (auto megabytes = general.integer("max_batch_file_size_mb", 1, kUploadMegabytesMax)) {
    settings.max_upload_bytes = *megabytes << 20;
    if (general.has("max_upload_bytes")) {
      general.complain("max_batch_file_size_mb",
                       "says the same as max_upload_bytes; hint: keep one of them");
    }
  }
  if (auto bytes = general.bytes("max_line_bytes", kLineBytesMin, kLineBytesMax))
    settings.max_line_bytes = *bytes;
  general.leftovers();
}

void read_litellm_settings(Section section, Settings& settings) {
  settings.drop_params = section.boolean("drop_params").value_or(false);
  settings.metrics_need_key = section.boolean("require_auth_for_metrics_endpoint").value_or(false);
  section.leftovers();
}

// Two entries with one id would share their jobs' names and slots.
void check_ids(const std::vector<DeploymentSettings>& deployments, Findings& findings) {
  std::map<std::string, int> lines;
  for (const DeploymentSettings& deployment : deployments) {
    auto [first, added] = lines.emplace(deployment.id, deployment.line);
    if (added) continue;
    findings.add(deployment.line, "model_list",
                 fmt::format("'{}' is the deployment of line {} once more (id {}); hint: remove "
                             "one, or give each its "
                             "own model_info.id",
                             deployment.model_name, first->second, deployment.id));
  }
}

// All deployments of a model_name share its limits: those that one of them gives hold, and no two
// may differ.
void gather_model_limits(Findings& findings, Settings& settings) {
  std::map<std::string, int> lines;
  for (const DeploymentSettings& deployment : settings.deployments) {
    if (deployment.limits == BatchLimits()) continue;
    const auto [at, added] =
        settings.model_limits.emplace(deployment.model_name, deployment.limits);
    lines.emplace(deployment.model_name, deployment.line);
    if (added || at->second == deployment.limits) continue;
    findings.add(deployment.line, deployment.path + ".model_info",
                 fmt::format("the limits of '{}' are not those of its other deployment (line {}); "
                             "hint: give them to one of its deployments only",
                             deployment.model_name, lines.at(deployment.model_name)));
  }
}

void check_any_deployment(const Section& top,
                          const Settings& settings,
                          const Skipped& skipped,
                          Findings& findings) {
  if (!settings.deployments.empty() || !findings.errors.empty()) return;
  std::string message =
      "holds no Bedrock batch deployment: no entry with 'model: bedrock/…' and s3_bucket_name";
  std::vector<std::string> names = skipped.other_providers;
  names.insert(names.end(), skipped.without_bucket.begin(), skipped.without_bucket.end());
  if (!names.empty()) message += fmt::format("; skipped: {}", fmt::join(names, ", "));
  findings.add(top.line_of("model_list"), "model_list", std::move(message));
}

void add_warnings(const Skipped& skipped, const Findings& findings, Settings& settings) {
  auto warn = [&](const std::vector<std::string>& names, std::string_view what) {
    if (!names.empty())
      settings.warnings.push_back(fmt::format("{}: {}", what, fmt::join(names, ", ")));
  };
  warn(skipped.other_providers, "skipped entries of model_list, of other providers than Bedrock");
  warn(skipped.without_bucket,
       "skipped entries of model_list, without s3_bucket_name, so not for batches");
  warn(findings.unused, "keys that do nothing in Quarry");
}

void read_file(const YAML::Node& document,
               std::string_view yaml,
               Findings& findings,
               Settings& settings) {
  Section top(document, Place::top, "", 1, findings);
  if (!top.is_map()) return;
  Skipped skipped;
  Section general = top.section("general_settings", Place::general_settings);
  const Recovery recovery = read_recovery(general, Recovery());
  read_models(top, recovery, findings, settings, skipped);
  read_models_section(top, document, yaml, settings);
  read_litellm_settings(top.section("litellm_settings", Place::litellm_settings), settings);
  read_general(std::move(general), findings.environment, findings, settings);
  top.leftovers();
  check_ids(settings.deployments, findings);
  gather_model_limits(findings, settings);
  check_any_deployment(top, settings, skipped, findings);
  add_warnings(skipped, findings, settings);
}

// The line of a "---" that has content before it; 0 when there is none. YAML::LoadAll would tell,
// but yaml-cpp 0.7 never comes back from it on some broken input (",m").
int second_document(std::string_view yaml) {
  bool content = false;
  for (int line = 1; !yaml.empty(); ++line) {
    std::string_view text = yaml.substr(0, yaml.find('\n'));
    yaml.remove_prefix(std::min(text.size() + 1, yaml.size()));
    bool marker =
        text.starts_with("---") && (text.size() == 3 || text[3] == ' ' || text[3] == '\r');
    if (marker && content) return line;
    std::size_t first = text.find_first_not_of(" \t\r");
    content = content || marker ||
              (first != std::string_view::npos && text[first] != '#' && text[0] != '%');
  }
  return 0;
}

}  // namespace

std::expected<Settings, std::vector<ConfigError>> load(std::string_view yaml,
                                                       const Environment& environment,
                                                       const ProfileRegion& profile_region) {
  Settings settings;
  Findings findings{environment, profile_region, {}, {}};
  try {
    YAML::Node document = YAML::Load(std::string(yaml));
    if (document.IsNull()) {
      findings.add(0, "", "the file is empty");
    } else if (int line = second_document(yaml); line > 0) {
      findings.add(line, "", "a second document begins here ('---'); one file holds one");
    } else {
      read_file(document, yaml, findings, settings);
    }
  } catch (const YAML::Exception& error) {  // it stops at the first place that is not YAML
    findings.add(error.mark.is_null() ? 0 : error.mark.line + 1, "", "not YAML: " + error.msg);
  }
  if (!findings.errors.empty()) {
    std::ranges::sort(findings.errors, {},
                      [](const ConfigError& error) { return std::tie(error.line, error.key); });
    return std::unexpected(std::move(findings.errors));
  }
  return settings;
}

}  // namespace quarry::config
