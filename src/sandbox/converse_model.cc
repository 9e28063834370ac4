// Bedrock's Converse shape over every chat model.

#include "sandbox/conversation.h"
#include "sandbox/converse_wire.h"
#include "sandbox/families.h"
#include "sandbox/model.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::int64_t kMaxTokensDefault = 4096;

bool enabled(const json::object& fields, std::string_view name) {
  const json::value* value = fields.if_contains(name);
  if (value == nullptr || !value->is_object()) return false;
  const json::value* type = value->get_object().if_contains("type");
  return type != nullptr && type->is_string() && type->get_string() != "disabled";
}

// What some models refuse of the fields that Converse hands on as they are.
std::string check_fields(const json::object& request, std::string_view model_id, Family family) {
  for (const auto& member : converse_member(request, "additionalModelRequestFields")) {
    const std::string_view key = member.key();
    bool taken = true;
    if (family == Family::nova) {
      taken = key == "inferenceConfig" ||
              (key == "reasoningConfig" && model_id.find("nova-2-") != std::string_view::npos);
    } else if (family == Family::llama || family == Family::titan_text) {
      taken = false;
    }
    if (!taken) {
      return fmt::format(
          "The model returned the following errors: Malformed input request: #: extraneous key "
          "[{}] "
          "is not permitted, please reformat your input and try again.",
          key);
    }
  }
  return {};
}

std::string check_turns(const json::object& request, const ModelTraits& traits, Family family) {
  if (auto failure = check_conversation(request, traits); !failure.empty()) return failure;
  const json::array& messages = request.at("messages").get_array();
  const bool takes_prefill = family == Family::nova || family == Family::unsaid;
  if (!takes_prefill && messages.back().at("role") == "assistant") {
    return "The model that you are using requires the last turn in the conversation to be a user "
           "message. Add a user message to the conversation and try again.";
  }
  const json::value* tokens = converse_member(request, "inferenceConfig").if_contains("maxTokens");
  if (tokens != nullptr && tokens->get_int64() > traits.output_tokens_max) {
    return fmt::format(
        "The maximum tokens you requested exceeds the model limit of {0}. Try again with a maximum "
        "tokens value that is lower than {0}.",
        traits.output_tokens_max);
  }
  return {};
}

Wish read_wish(const json::object& request,
               const ModelTraits& traits,
               const std::optional<json::value>& schema,
               bool echoes) {
  const json::object& config = converse_member(request, "inferenceConfig");
  const json::object& fields = converse_member(request, "additionalModelRequestFields");
  Wish wish;
  wish.tokens_max =
      number_in(config, "maxTokens",
                static_cast<std::uint64_t>(std::min(kMaxTokensDefault, traits.output_tokens_max)));
  wish.stops = strings_in(config, "stopSequences");
  const json::value* effort = fields.if_contains("reasoning_effort");
  // What is echoed comes back alone, unless reasoning is asked for.
  wish.thinks = enabled(fields, "reasoningConfig") || enabled(fields, "thinking") ||
                (effort != nullptr && *effort != "none") || (traits.always_reasons && !echoes);
  wish.answer_schema = schema ? &*schema : nullptr;
  read_tool_config(request, wish);
  return wish;
}

ModelResult converse_with_others(const json::object& request,
                                 std::string_view model_id,
                                 std::string_view seed,
                                 ConverseIn wire) {
  const Family family = family_of_model(model_id);
  const ModelTraits traits = traits_of(model_id, family);
  std::string failure = check_turns(request, traits, family);
  if (failure.empty()) failure = check_fields(request, model_id, family);
  if (!failure.empty())
    return std::unexpected(ModelError{.code = 400, .message = std::move(failure)});
  const Prompt prompt = read_conversation(request);
  const auto schema = output_schema_of(request);
  const Wish wish = read_wish(request, traits, schema, prompt.hooks().echo.has_value());
  TextSource source({model_id, seed, prompt.system(), prompt.last_user()});
  const auto draft = draft_answer(prompt, wish, source);
  if (!draft) return std::unexpected(draft.error());
  ConverseReply reply(wire);
  if (!draft->thought.empty()) reply.add_reasoning(draft->thought, nullptr);
  if (!draft->tool || !draft->text.empty()) reply.add_text(draft->text);
  if (draft->tool)
    reply.add_tool_use("tooluse_" + source.letters(22), *draft->tool, draft->arguments);
  ModelAnswer answer = answer_of(*draft, {});
  reply.finish(stop_reason(*draft, {"end_turn", "stop_sequence", "max_tokens", "tool_use"}),
               answer);
  return answer;
}

}  // namespace

ModelResult answer_converse(const json::object& request,
                            std::string_view model_id,
                            std::string_view seed,
                            ConverseIn wire) {
  const Family family = family_of_model(model_id);
  std::string failure = is_embedding(family)
                            ? "This action doesn't support the model that you provided. Try again "
                              "with a supported text or chat model."
                            : check_converse_request(request, wire);
  if (!failure.empty())
    return std::unexpected(ModelError{.code = 400, .message = std::move(failure)});
  return family == Family::claude ? converse_with_claude(request, model_id, seed, wire)
                                  : converse_with_others(request, model_id, seed, wire);
}

}  // namespace quarry::sandbox
