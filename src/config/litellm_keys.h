#pragma once
// Which keys are ours, and which are LiteLLM's alone. Pure.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace quarry::config {

// The maps of config.yaml that are read.
enum class Place {
  top,
  model,
  litellm_params,
  model_info,
  litellm_settings,
  general_settings,
  tag,         // an entry of bedrock_tags and aws_session_tags
  vpc_config,  // bedrock_vpc_config
  webhook,     // an entry of webhooks
};

std::string_view name(Place place);
// The keys read there.
std::span<const std::string_view> our_keys(Place place);
// A key that LiteLLM documents, anywhere.
bool is_litellm_key(std::string_view key);

// The key of ours that `key` is most likely a slip of: at most two edits away (one for short keys),
// and not a word of LiteLLM's. nullopt where there is none.
std::optional<std::string_view> slip_of(std::string_view key, Place place);
// Where a key of ours belongs that was not found there: "general_settings". nullopt if it is
// nobody's.
std::optional<Place> home_of(std::string_view key);

}  // namespace quarry::config
