#include "cli/models_command.h"

#include "catalog/prices.h"
#include "cli/command_line.h"
#include "cli/configuration.h"
#include "cli/models_report.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <utility>
#include <vector>

namespace quarry::cli {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool wanted(const ModelRow& row, const ModelsOptions& options) {
  if (options.batch_only && !row.model->batch) return false;
  const std::string part = lower(options.filter);
  for (const std::string* text :
       {&row.model->id, &row.model->family, &row.model_name, &row.model_id}) {
    if (lower(*text).contains(part)) return true;
  }
  return false;
}

// Those it is called by; where that is not known, those that cost something of their own.
std::vector<std::pair<std::string, const catalog::Model*>> profiles_of(
    const catalog::Model& model, const catalog::Catalog& catalog) {
  std::vector<std::pair<std::string, const catalog::Model*>> profiles;
  if (model.id.starts_with("arn:")) return profiles;
  for (const std::string& prefix : model.profiles) {
    const std::string name = prefix.empty() ? model.id : prefix + "." + model.id;
    if (const auto* priced = catalog.find(name)) profiles.emplace_back(prefix, priced);
  }
  if (!model.profiles.empty()) return profiles;
  for (const std::string_view prefix : catalog::profile_prefixes()) {
    const auto* priced = catalog.find(std::string(prefix) + "." + model.id);
    if (!priced || (!priced->on_demand_prices && !priced->batch_prices)) continue;
    if (priced->on_demand_prices != model.on_demand_prices ||
        priced->batch_prices != model.batch_prices) {
      profiles.emplace_back(prefix, priced);
    }
  }
  return profiles;
}

std::vector<ModelRow> rows_of(const catalog::Catalog& catalog,
                              const Configuration* configuration,
                              const ModelsOptions& options) {
  std::vector<ModelRow> rows;
  const auto add = [&](ModelRow row) {
    if (wanted(row, options)) rows.push_back(std::move(row));
  };
  if (configuration) {
    for (const config::DeploymentSettings& deployment : configuration->settings.deployments) {
      const catalog::Model* model = configuration->models.of(deployment);
      if (!model) continue;  // a wildcard: any model of the list below
      add({.model = model,
           .model_name = deployment.model_name,
           .model_id = deployment.model_id,
           .region = deployment.bedrock_region,
           .profiles = {}});
    }
  }
  for (const catalog::Model& model : catalog.models()) {
    ModelRow row{.model = &model, .model_name = "", .model_id = "", .region = "", .profiles = {}};
    row.profiles = profiles_of(model, catalog);
    add(std::move(row));
  }
  return rows;
}

constexpr const char* kNotes =
    "\nPrices: US dollars per million tokens, input / output, of the global profile or of the only "
    "price there is;\n--json has those of each profile, and where they were read. CONTEXT and "
    "OUTPUT: tokens at most, - = not known.\nCALLED BY: its inference profiles' prefixes, id = its "
    "bare id, and the regions of its batches where few have them.\n";

}  // namespace

int run_models(const ModelsOptions& options) {
  std::optional<Configuration> configuration;
  if (!options.config_file.empty()) {
    configuration = read_configuration(options.config_file, config::process_environment());
    if (!configuration) return kExitUsage;
  }
  const catalog::Catalog& catalog =
      configuration ? configuration->catalog : catalog::Catalog::built_in();
  const auto rows = rows_of(catalog, configuration ? &*configuration : nullptr, options);
  if (options.json) {
    std::fputs(models_json(rows).c_str(), stdout);
  } else if (!rows.empty()) {
    std::fputs(models_table(rows).c_str(), stdout);
    std::fputs(kNotes, stdout);
  }
  if (!rows.empty()) return kExitDone;
  std::fprintf(stderr, "quarry models: no model matches '%s'%s\n", options.filter.c_str(),
               options.batch_only ? " and runs batch jobs" : "");
  return kExitFailed;
}

}  // namespace quarry::cli
