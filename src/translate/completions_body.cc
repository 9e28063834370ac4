#include "translate/completions_body.h"

#include "translate/chat_body.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace quarry::translate {

namespace {

// Members with values that change nothing; every other value is refused.
struct Limited {
  std::string_view name;
  bool (*neutral)(json::Value);
  std::string_view why;
};
constexpr std::array kLimited{
    Limited{"n", [](json::Value value) { return value.number() == 1.0; },
            "one completion a prompt is made; repeat the line for more"},
    Limited{"best_of", [](json::Value value) { return value.number() == 1.0; },
            "one completion a prompt is made, so there is nothing to choose from"},
    Limited{"echo",
            [](json::Value value) { return value.is(json::Kind::boolean) && !value.boolean(); },
            "the prompt is not repeated; leave it out"},
    Limited{
        "suffix",
        [](json::Value value) { return value.is(json::Kind::string) && value.raw_text().empty(); },
        "text is not inserted before a suffix; leave it out"},
    // 0 is a wish too: the log probability of each token itself.
    Limited{"logprobs", [](json::Value) { return false; },
            "log probabilities are not told; leave it out"},
};

// As many as /v1/embeddings takes inputs.
constexpr std::size_t kPromptsMax = 2048;

Outcome read_prompt(json::Value prompt, std::vector<json::Value>& prompts) {
  if (prompt.is(json::Kind::string)) {
    prompts.push_back(prompt);
    return {};
  }
  if (!prompt.is(json::Kind::array)) {
    return wrong_type("body.prompt", "a string or an array", prompt.kind());
  }
  if (prompt.empty()) return invalid_value("body.prompt", "must not be empty");
  for (const json::Value element : prompt.elements()) {
    if (element.is(json::Kind::number) || element.is(json::Kind::array)) {
      return unsupported("body.prompt", "token lists are not taken; send the prompt as text");
    }
    if (!element.is(json::Kind::string)) {
      return wrong_type("body.prompt[" + std::to_string(prompts.size()) + "]", "a string",
                        element.kind());
    }
    if (prompts.size() == kPromptsMax) {
      return invalid_value("body.prompt", "holds more than " + std::to_string(kPromptsMax) +
                                              " prompts; spread them over several lines");
    }
    prompts.push_back(element);
  }
  return {};
}

Outcome read_member(std::string_view key, json::Value value, ChatRequest& request) {
  if (value.is(json::Kind::null) || is_left_out(key)) return {};
  if (key == "stream") return check_stream(value, "Completions");
  // Before read_param(): logprobs is another thing here than in chat completions.
  const auto* const limited = std::ranges::find(kLimited, key, &Limited::name);
  if (limited != kLimited.end()) {
    if (request.drop_params || limited->neutral(value)) return {};
    return unsupported("body." + std::string(key), limited->why);
  }
  if (read_param(key, value, request) || request.drop_params) return {};
  return unknown_parameter(key);
}

}  // namespace

Outcome read_completions_body(json::Value body,
                              bool drop_params,
                              ChatRequest& request,
                              std::vector<json::Value>& prompts) {
  request.clear();
  request.drop_params = drop_params;
  prompts.clear();
  std::optional<json::Value> prompt;
  for (const auto [key, value] : body.members()) {
    if (key == "prompt") {
      prompt = value;
    } else if (auto ok = read_member(key, value, request); !ok) {
      return ok;
    }
  }
  if (!prompt || prompt->is(json::Kind::null)) return missing("body.prompt");
  return read_prompt(*prompt, prompts);
}

Outcome use_prompt(const std::vector<json::Value>& prompts, std::size_t i, ChatRequest& request) {
  Conversation& conversation = request.conversation;
  conversation.clear();
  conversation.body = BodyKind::completions;
  Part part;
  part.first = true;
  part.element = prompts.size() > 1 ? static_cast<std::int32_t>(i) : -1;
  part.text = prompts[i];
  if (is_blank(part.text)) return invalid_value(conversation.place(part), "must not be empty");
  conversation.parts.push_back(part);
  conversation.raw_prompt = part.text;
  return {};
}

}  // namespace quarry::translate
