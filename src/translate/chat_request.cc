#include "translate/chat_request.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace quarry::translate {

namespace {

enum class Rule {
  carried,    // into the ChatRequest
  left_out,   // nothing depends on it
  only_zero,  // refused at any other value than the one that changes nothing
  only_one,
  only_false,
  only_empty,
  only_none,       // "none"
  only_text,       // {"type":"text"}
  only_text_list,  // ["text"]
  stream,
  refused,
};

using Slot = std::optional<json::Value> ChatRequest::*;

struct Parameter {
  std::string_view name;
  Rule rule;
  Slot slot = nullptr;
};

// The most frequent first.
constexpr std::array kParameters{
    Parameter{"model", Rule::left_out},
    Parameter{"messages", Rule::carried, &ChatRequest::messages},
    Parameter{"max_tokens", Rule::carried, &ChatRequest::max_tokens},
    Parameter{"temperature", Rule::carried, &ChatRequest::temperature},
    Parameter{"max_completion_tokens", Rule::carried, &ChatRequest::max_completion_tokens},
    Parameter{"top_p", Rule::carried, &ChatRequest::top_p},
    Parameter{"stop", Rule::carried, &ChatRequest::stop},
    Parameter{"tools", Rule::carried, &ChatRequest::tools},
    Parameter{"tool_choice", Rule::carried, &ChatRequest::tool_choice},
    Parameter{"response_format", Rule::only_text},
    Parameter{"stream", Rule::stream},
    Parameter{"n", Rule::only_one},
    Parameter{"user", Rule::left_out},
    Parameter{"metadata", Rule::left_out},
    Parameter{"anthropic_beta", Rule::carried, &ChatRequest::anthropic_beta},
    Parameter{"audio", Rule::refused},
    Parameter{"frequency_penalty", Rule::only_zero},
    Parameter{"function_call", Rule::only_none},
    Parameter{"functions", Rule::only_empty},
    Parameter{"logit_bias", Rule::only_empty},
    Parameter{"logprobs", Rule::only_false},
    Parameter{"modalities", Rule::only_text_list},
    Parameter{"parallel_tool_calls", Rule::carried, &ChatRequest::parallel_tool_calls},
    Parameter{"prediction", Rule::refused},
    Parameter{"presence_penalty", Rule::only_zero},
    Parameter{"prompt_cache_key", Rule::left_out},
    Parameter{"prompt_cache_retention", Rule::left_out},
    Parameter{"reasoning_effort", Rule::only_none},
    Parameter{"safety_identifier", Rule::left_out},
    Parameter{"seed", Rule::refused},
    Parameter{"service_tier", Rule::left_out},
    Parameter{"store", Rule::left_out},
    Parameter{"stream_options", Rule::left_out},
    Parameter{"thinking", Rule::carried, &ChatRequest::thinking},
    Parameter{"top_k", Rule::carried, &ChatRequest::top_k},
    Parameter{"top_logprobs", Rule::only_zero},
    Parameter{"verbosity", Rule::refused},
    Parameter{"web_search_options", Rule::refused},
};

bool is_text(json::Value value, std::string_view wanted) {
  return value.is(json::Kind::string) && value.text() == wanted;
}

bool is_type_text(json::Value value) {
  if (!value.is(json::Kind::object)) return false;
  const auto type = value.find("type");
  return type && is_text(*type, "text");
}

bool is_text_list(json::Value value) {
  if (!value.is(json::Kind::array)) return false;
  for (const json::Value element : value.elements()) {
    if (!is_text(element, "text")) return false;
  }
  return true;
}

// Whether the value is the one that changes nothing.
bool neutral(Rule rule, json::Value value) {
  switch (rule) {
    case Rule::only_zero:
      return value.number() == 0.0;
    case Rule::only_one:
      return value.number() == 1.0;
    case Rule::only_false:
      return value.is(json::Kind::boolean) && !value.boolean();
    case Rule::only_empty:
      return (value.is(json::Kind::object) || value.is(json::Kind::array)) && value.empty();
    case Rule::only_none:
      return is_text(value, "none");
    case Rule::only_text:
      return is_type_text(value);
    case Rule::only_text_list:
      return is_text_list(value);
    default:
      return false;
  }
}

std::string param_of(std::string_view name) { return "body." + std::string(name); }

Outcome check_stream(json::Value value) {
  if (!value.is(json::Kind::boolean)) return wrong_type("body.stream", "a boolean", value.kind());
  if (!value.boolean()) return {};
  return Refusal(openai::LineError{"streaming_unsupported",
                                   "Chat Completions: Streaming is not supported in the Batch API.",
                                   "body.stream"});
}

}  // namespace

std::expected<ChatRequest, openai::LineError> read_chat_request(json::Value body,
                                                                bool drop_params) {
  ChatRequest request;
  for (const auto [key, value] : body.members()) {
    const auto* const found = std::ranges::find_if(kParameters, [&](const Parameter& parameter) {
      return parameter.name.size() == key.size() && parameter.name == key;
    });
    const bool known = found != kParameters.end();
    const bool absent = value.is(json::Kind::null);
    if (known && found->rule == Rule::carried) {
      request.*(found->slot) = absent ? std::nullopt : std::optional(value);
    } else if (absent || (known && found->rule == Rule::left_out)) {
      continue;
    } else if (known && found->rule == Rule::stream) {
      if (auto fine = check_stream(value); !fine) return std::unexpected(std::move(fine.error()));
    } else if (!drop_params && !known) {
      return unsupported(param_of(key), "unknown parameter");
    } else if (!drop_params && !neutral(found->rule, value)) {
      return unsupported(param_of(key), found->rule == Rule::refused
                                            ? "this model does not take it"
                                            : "this model does not take it with this value");
    }
  }
  return request;
}

}  // namespace quarry::translate
