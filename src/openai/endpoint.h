#pragma once
// The endpoints that a batch's lines may be for.

#include <optional>
#include <string_view>

namespace quarry::openai {

enum class Endpoint { chat_completions, completions, embeddings, responses };
// "/v1/chat/completions", also without the leading slash. nullopt for any other.
std::optional<Endpoint> parse_endpoint(std::string_view url);
std::string_view path(Endpoint endpoint);

}  // namespace quarry::openai
