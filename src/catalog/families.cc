#include "catalog/families.h"

#include <algorithm>
#include <array>
#include <set>

namespace quarry::catalog {
namespace {

using std::string_view;

constexpr auto kFamilyKeys =
    std::to_array<string_view>({"name", "variants", "endpoints", "inputs", "tools", "json_schema",
                                "system", "reasoning", "native_output_tokens_max"});
constexpr std::int64_t kTokensMax = 1'000'000'000;

constexpr auto kReasoning =
    std::to_array<std::pair<string_view, Reasoning>>({{"none", Reasoning::none},
                                                      {"budget", Reasoning::budget},
                                                      {"adaptive", Reasoning::adaptive},
                                                      {"effort", Reasoning::effort},
                                                      {"always", Reasoning::always}});
constexpr auto kEndpoints = std::to_array<std::pair<string_view, openai::Endpoint>>(
    {{"chat_completions", openai::Endpoint::chat_completions},
     {"completions", openai::Endpoint::completions},
     {"responses", openai::Endpoint::responses},
     {"embeddings", openai::Endpoint::embeddings}});
constexpr auto kInputs =
    std::to_array<std::pair<string_view, bool Inputs::*>>({{"image", &Inputs::image},
                                                           {"document", &Inputs::document},
                                                           {"audio", &Inputs::audio},
                                                           {"video", &Inputs::video}});

Family read_family(NodeReader& row) {
  if (!row.node().IsMap()) row.bad(row.node(), "name", "is missing: a family must be a map");
  if (!row.find("name")) row.bad(row.node(), "name", "is required");
  Family family;
  family.model.family = row.text(row.find("name"), "name");
  row.set_name("family " + family.name());
  row.check_keys(row.node(), "", kFamilyKeys);
  if (!row.find("endpoints")) row.bad(row.node(), "endpoints", "is required");
  read_endpoints(row, family.model);
  read_features(row, family.model);
  if (const YAML::Node list = row.find("variants")) {
    family.variants = row.words(list, "variants");
    if (family.variants.empty()) row.bad(list, "variants", "must name at least one");
    family.model.variant = family.variants.front();
  }
  return family;
}

}  // namespace

void read_endpoints(const NodeReader& row, Model& model) {
  const YAML::Node list = row.find("endpoints");
  if (!list) return;
  model.endpoints.clear();
  for (const std::string& name : row.words(list, "endpoints")) {
    model.endpoints.push_back(row.word(list, "endpoints", name, kEndpoints));
  }
  if (model.endpoints.empty()) row.bad(list, "endpoints", "must name at least one");
  if (model.answers(openai::Endpoint::embeddings) && model.endpoints.size() > 1) {
    row.bad(list, "endpoints", "has embeddings and text: no model makes both");
  }
}

void read_features(const NodeReader& row, Model& model) {
  if (const YAML::Node list = row.find("inputs")) {
    model.inputs = {};
    for (const std::string& name : row.words(list, "inputs")) {
      model.inputs.*row.word(list, "inputs", name, kInputs) = true;
    }
  }
  for (const auto& [key, field] : std::initializer_list<std::pair<const char*, bool Model::*>>{
           {"tools", &Model::tools},
           {"json_schema", &Model::json_schema},
           {"system", &Model::system}}) {
    if (const YAML::Node value = row.find(key)) model.*field = row.boolean(value, key);
  }
  if (const YAML::Node value = row.find("reasoning")) {
    model.reasoning = row.word(value, "reasoning", row.text(value, "reasoning"), kReasoning);
  }
  if (const YAML::Node value = row.find("native_output_tokens_max")) {
    model.native_output_tokens_max = row.integer(value, "native_output_tokens_max", kTokensMax);
  }
}

Family family_of_its_first_model(const NodeReader& model, std::string name) {
  Family family;
  family.model.family = std::move(name);
  read_endpoints(model, family.model);
  read_features(model, family.model);
  if (family.embeds() && !model.find("system")) family.model.system = false;
  return family;
}

void Families::read(const YAML::Node& list) {
  if (!list.IsSequence()) {
    throw DataError(list.Mark().line + 1, "families", "families: must be a list of families");
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const YAML::Node node = list[i];
    NodeReader row(node, "families[" + std::to_string(i) + "]");
    Family family = read_family(row);
    if (!seen.insert(family.name()).second) row.bad(node, "name", "is there twice");
    add(std::move(family));
  }
}

void Families::add(Family family) {
  const auto at = std::ranges::lower_bound(families_, family.name(), {}, &Family::name);
  if (at != families_.end() && at->name() == family.name()) {
    *at = std::move(family);
  } else {
    families_.insert(at, std::move(family));
  }
}

const Family* Families::find(string_view name) const {
  const auto at = std::ranges::lower_bound(families_, name, {}, &Family::name);
  return at != families_.end() && at->name() == name ? &*at : nullptr;
}

std::vector<string_view> Families::names() const {
  std::vector<string_view> names;
  for (const Family& family : families_) names.emplace_back(family.name());
  return names;
}

}  // namespace quarry::catalog
