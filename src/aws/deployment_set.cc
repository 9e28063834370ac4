#include "aws/deployment_set.h"

#include "config/values.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace quarry::aws {
namespace {

// What LiteLLM's clients write before a Bedrock model, and no model id begins with.
constexpr std::string_view kProvider = "bedrock/";
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

// The settings of one model of a wildcard.
config::DeploymentSettings settings_for(const config::DeploymentSettings& entry,
                                        const std::string& star_text) {
  std::string_view model_part = star_text;
  if (model_part.starts_with(kProvider)) model_part.remove_prefix(kProvider.size());
  config::DeploymentSettings out = entry;
  // Named alike, whichever spelling asked first.
  out.model_name = Pattern(entry.model_name).fill(model_part);
  out.model_id = Pattern(entry.model_id).fill(model_part);
  out.id = entry.id + "@" + out.model_id;
  return out;
}

bool runs_any_model(const config::DeploymentSettings& entry) {
  return entry.wildcard && entry.model_id.contains('*');
}

}  // namespace

Pattern::Pattern(std::string_view text) {
  const std::size_t at = text.find('*');
  star = at != std::string_view::npos;
  before = text.substr(0, at);
  if (star) after = text.substr(at + 1);
}

std::optional<std::string> Pattern::match(std::string_view name) const {
  if (!star || name.size() <= fixed_size() || !name.starts_with(before) || !name.ends_with(after)) {
    return std::nullopt;
  }
  return std::string(name.substr(before.size(), name.size() - fixed_size()));
}

std::string Pattern::fill(std::string_view star_text) const {
  return star ? before + std::string(star_text) + after : before;
}

DeploymentSet::DeploymentSet(std::vector<DeploymentPtr> deployments, Known known)
    : all_(std::move(deployments)), known_(std::move(known)), made_(std::make_unique<Made>()) {
  for (const DeploymentPtr& deployment : all_) {
    const config::DeploymentSettings& settings = deployment->settings;
    if (!settings.wildcard) {
      groups_[settings.model_name].push_back(deployment);
      continue;
    }
    const auto same = std::ranges::find_if(wildcards_, [&](const Wildcard& one) {
      return one.entries.front()->settings.model_name == settings.model_name;
    });
    Wildcard& wildcard =
        same != wildcards_.end() ? *same : wildcards_.emplace_back(Pattern(settings.model_name));
    wildcard.entries.push_back(deployment);
    if (!runs_any_model(settings)) wildcard.fixed.push_back(deployment);
  }
  // Few of them: an insertion keeps the config's order among equals.
  for (std::size_t i = 1; i < wildcards_.size(); ++i) {
    for (std::size_t j = i;
         j > 0 && wildcards_[j - 1].name.fixed_size() < wildcards_[j].name.fixed_size(); --j) {
      std::swap(wildcards_[j - 1], wildcards_[j]);
    }
  }
}

const DeploymentSet::Wildcard* DeploymentSet::wildcard_for(std::string_view model_name) const {
  const auto found = std::ranges::find_if(
      wildcards_, [&](const Wildcard& one) { return one.name.match(model_name).has_value(); });
  return found == wildcards_.end() ? nullptr : &*found;
}

namespace {

// It names a model of Bedrock, and one that is known.
bool usable(const config::DeploymentSettings& settings, const Known& known) {
  return !config::check_model_id(settings.model_id) && (!known || known(settings));
}

}  // namespace

DeploymentPtr DeploymentSet::make(Made& made,
                                  const DeploymentPtr& entry,
                                  const std::string& star_text,
                                  std::size_t made_max) const {
  config::DeploymentSettings settings = settings_for(entry->settings, star_text);
  if (const auto found = made.by_id.find(settings.id); found != made.by_id.end()) {
    return found->second;
  }
  if (made.by_id.size() >= made_max || !usable(settings, known_)) return nullptr;
  // It speaks to the same endpoints with the same credentials: the entry's clients are its own.
  auto deployment = std::make_shared<Deployment>(*entry);
  deployment->settings = std::move(settings);
  const std::string& id = deployment->id();
  return made.by_id.emplace(id, std::move(deployment)).first->second;
}

DeploymentPtr DeploymentSet::by_id(std::string_view id) const {
  for (const DeploymentPtr& deployment : all_) {
    if (deployment->id() == id) return deployment;
  }
  const std::lock_guard lock(made_->mutex);
  if (const auto found = made_->by_id.find(id); found != made_->by_id.end()) return found->second;
  // Asked for before the name was: work that an earlier process began.
  for (const Wildcard& wildcard : wildcards_) {
    for (const DeploymentPtr& entry : wildcard.entries) {
      const std::string prefix = entry->id() + "@";
      if (!runs_any_model(entry->settings) || !id.starts_with(prefix)) continue;
      const auto star_text = Pattern(entry->settings.model_id).match(id.substr(prefix.size()));
      if (star_text) return make(*made_, entry, *star_text, kNoLimit);
    }
  }
  return nullptr;
}

const std::vector<DeploymentPtr>& DeploymentSet::group(std::string_view model_name) const {
  static const Group kNone;
  if (const auto found = groups_.find(model_name); found != groups_.end()) return found->second;
  const Wildcard* wildcard = wildcard_for(model_name);
  if (!wildcard) return kNone;
  const std::lock_guard lock(made_->mutex);
  if (const auto found = made_->groups.find(model_name); found != made_->groups.end()) {
    return found->second;
  }
  const std::string star_text = *wildcard->name.match(model_name);
  Group group;
  for (const DeploymentPtr& entry : wildcard->entries) {
    DeploymentPtr one =
        runs_any_model(entry->settings) ? make(*made_, entry, star_text, kMadeMax) : entry;
    if (one) group.push_back(std::move(one));
  }
  // Remembered only where something was made, so what is asked for in vain costs no memory.
  if (group.size() == wildcard->fixed.size()) return wildcard->fixed;
  return made_->groups.emplace(model_name, std::move(group)).first->second;
}

bool DeploymentSet::has(std::string_view model_name) const {
  if (groups_.contains(model_name)) return true;
  const Wildcard* wildcard = wildcard_for(model_name);
  if (!wildcard) return false;
  if (!wildcard->fixed.empty()) return true;
  const std::string star_text = *wildcard->name.match(model_name);
  return std::ranges::any_of(wildcard->entries, [&](const DeploymentPtr& entry) {
    return usable(settings_for(entry->settings, star_text), known_);
  });
}

std::vector<std::string> DeploymentSet::model_names() const {
  std::vector<std::string> names;
  for (const auto& [model_name, group] : groups_) names.push_back(model_name);
  for (const Wildcard& wildcard : wildcards_) {
    names.push_back(wildcard.entries.front()->settings.model_name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace quarry::aws
