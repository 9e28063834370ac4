// Amazon Nova at InvokeModel (messages-v1), Nova 2 among them: nearly Converse, with its own usage
// names and topK.

#include "sandbox/conversation.h"
#include "sandbox/malformed_input.h"
#include "sandbox/model.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

bool is_nova_2(std::string_view model_id) {
  return model_id.find("nova-2-") != std::string_view::npos;
}

const json::object& member(const json::object& request, std::string_view name) {
  static const json::object kNone;
  const json::value* value = request.if_contains(name);
  return value != nullptr ? value->get_object() : kNone;
}

std::string_view text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view{};
}

void check_inference(const json::object& config, std::string_view model_id, InputFaults& faults) {
  const std::int64_t ceiling = traits_of(model_id, Family::nova).output_tokens_max;
  ObjectCheck check(config, "#/inferenceConfig", faults);
  check.has_only({"maxTokens", "max_new_tokens", "temperature", "topP", "topK", "stopSequences"});
  check.integer("maxTokens", 1, ceiling);
  check.integer("max_new_tokens", 1, ceiling);
  check.number("temperature", 0, 1);
  check.number("topP", 0, 1);
  check.integer("topK", 0, 128);
  check.texts("stopSequences", 0, 2500);
}

// Nova 2 alone reasons, and at high effort it leaves no say in how long or how free its answer is.
void check_reasoning(const json::object& reasoning,
                     const json::object* config,
                     InputFaults& faults) {
  ObjectCheck check(reasoning, "#/reasoningConfig", faults);
  check.has_all({"type"});
  check.has_only({"type", "maxReasoningEffort"});
  const auto type = check.word("type", {"enabled", "disabled"});
  const auto effort = check.word("maxReasoningEffort", {"low", "medium", "high"});
  if (type != "enabled" || effort != "high" || config == nullptr) return;
  for (const std::string_view name : {"maxTokens", "temperature", "topP", "topK"}) {
    if (config->if_contains(name) != nullptr) {
      ObjectCheck(*config, "#/inferenceConfig", faults)
          .fault(name, "must not be set when maxReasoningEffort is high");
    }
  }
}

void check_request(const json::object& request, std::string_view model_id, InputFaults& faults) {
  ObjectCheck check(request, "#", faults);
  check.has_all({"messages"});
  const json::object* config = check.object("inferenceConfig");
  if (is_nova_2(model_id)) {
    check.has_only({"schemaVersion", "system", "messages", "inferenceConfig", "toolConfig",
                    "reasoningConfig"});
    if (const json::object* reasoning = check.object("reasoningConfig"))
      check_reasoning(*reasoning, config, faults);
  } else {
    check.has_only({"schemaVersion", "system", "messages", "inferenceConfig", "toolConfig"});
  }
  check.word("schemaVersion", {"messages-v1"});
  if (config != nullptr) check_inference(*config, model_id, faults);
  if (request.if_contains("messages") == nullptr) return;
  if (std::string place = misshapen_place(request); !place.empty()) {
    std::ranges::replace(place, '.', '/');
    faults.add("#/" + place, "is not valid under any of the given schemas");
  }
}

Wish read_wish(const json::object& request, std::string_view model_id) {
  const json::object& config = member(request, "inferenceConfig");
  Wish wish;
  wish.tokens_max = number_in(
      config, "maxTokens",
      number_in(config, "max_new_tokens",
                static_cast<std::uint64_t>(traits_of(model_id, Family::nova).output_tokens_max)));
  wish.stops = strings_in(config, "stopSequences");
  wish.shows_thought = is_nova_2(model_id);
  wish.thinks = text_of(member(request, "reasoningConfig"), "type") == "enabled";
  read_tool_config(request, wish);
  return wish;
}

std::optional<ModelError> refusal(const json::object& request, std::string_view model_id) {
  InputFaults faults;
  check_request(request, model_id, faults);
  if (!faults.none()) return faults.error();
  std::string message = check_conversation(request, traits_of(model_id, Family::nova));
  if (message.empty()) message = check_tool_config(request);
  if (message.empty()) return std::nullopt;
  return ModelError{.code = 400, .message = std::move(message)};
}

}  // namespace

ModelResult answer_nova(const json::object& request,
                        std::string_view model_id,
                        std::string_view seed) {
  if (auto error = refusal(request, model_id)) return std::unexpected(std::move(*error));
  const Prompt prompt = read_conversation(request);
  const Wish wish = read_wish(request, model_id);
  TextSource source({model_id, seed, prompt.system(), prompt.last_user()});
  auto draft = draft_answer(prompt, wish, source);
  if (!draft) return std::unexpected(std::move(draft.error()));
  json::array content;
  if (!draft->thought.empty()) {
    // Nova hides what it thought, though it is paid for; what a test scripts is shown.
    const std::string shown = prompt.hooks().reasoning.value_or("[REDACTED]");
    content.push_back(json::object{{"reasoningContent", {{"reasoningText", {{"text", shown}}}}}});
  }
  if (!draft->tool || !draft->text.empty()) content.push_back(json::object{{"text", draft->text}});
  if (draft->tool) content.push_back(tool_use_block(*draft, "tooluse_" + source.letters(22)));
  const std::string reason =
      stop_reason(*draft, {"end_turn", "stop_sequence", "max_tokens", "tool_use"});
  return answer_of(
      *draft,
      json::serialize(json::object{
          {"output", {{"message", {{"content", std::move(content)}, {"role", "assistant"}}}}},
          {"stopReason", reason},
          {"usage",
           {{"inputTokens", draft->input_tokens},
            {"outputTokens", draft->output_tokens},
            {"totalTokens", draft->input_tokens + draft->output_tokens},
            {"cacheReadInputTokenCount", 0},
            {"cacheWriteInputTokenCount", 0}}}}));
}

}  // namespace quarry::sandbox
