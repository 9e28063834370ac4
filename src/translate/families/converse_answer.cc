// The answers of converse_shape.h.

#include "translate/families/converse_shape.h"

#include <array>
#include <optional>

namespace quarry::translate {

namespace {

std::optional<json::Value> object(json::Value in, std::string_view key) {
  const auto value = in.find_non_null(key);
  return value && value->is(json::Kind::object) ? value : std::nullopt;
}

std::optional<json::Value> string(json::Value in, std::string_view key) {
  const auto value = in.find_non_null(key);
  return value && value->is(json::Kind::string) ? value : std::nullopt;
}

// Converse and Nova's own body call the same count differently, and batch output carries both.
std::optional<std::int64_t> cache_count(json::Value usage,
                                        std::string_view key,
                                        std::string_view other_key) {
  return token_count(usage, usage.find_non_null(key) ? key : other_key);
}

Outcome read_usage(json::Value root, Answer& answer) {
  const auto usage = root.find_non_null("usage");
  if (!usage) return {};
  if (!usage->is(json::Kind::object)) return malformed("its usage is not an object");
  const auto input = token_count(*usage, "inputTokens");
  const auto output = token_count(*usage, "outputTokens");
  const auto read = cache_count(*usage, "cacheReadInputTokens", "cacheReadInputTokenCount");
  const auto written = cache_count(*usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount");
  if (!input || !output || !read || !written)
    return malformed("its usage holds something else than counts");
  if (!usage->find_non_null("inputTokens") && !usage->find_non_null("outputTokens")) return {};
  // inputTokens leaves out what was cached, OpenAI's prompt_tokens includes it.
  answer.usage = openai::Usage{.input_tokens = *input + *read + *written,
                               .cached_input_tokens = *read,
                               .cache_write_tokens = *written,
                               .output_tokens = *output,
                               .reasoning_tokens = 0};
  return {};
}

// Bedrock API reference, "ConverseResponse", stopReason. The two malformed_… are answers that broke
// off; what there is of them is given.
Finish finish_of(json::Value root, bool calls) {
  const auto reason = string(root, "stopReason");
  if (!reason) return calls ? Finish::tool_calls : Finish::stop;
  const std::string_view text = reason->text();
  if (text == "max_tokens" || text == "model_context_window_exceeded") return Finish::length;
  if (text == "tool_use") return Finish::tool_calls;
  if (text == "content_filtered" || text == "guardrail_intervened") return Finish::content_filter;
  return Finish::stop;
}

bool read_call(json::Value call, Answer& answer) {
  if (!call.is(json::Kind::object)) return false;
  const auto id = string(call, "toolUseId");
  const auto name = string(call, "name");
  const auto input = call.find_non_null("input");
  if (!name || (input && !input->is(json::Kind::object))) return false;
  const std::string_view id_text = id ? id->raw_text() : std::string_view();
  if (input) {
    answer.add_call(id_text, name->raw_text(), *input);
  } else {
    answer.calls.push_back({std::string(id_text), std::string(name->raw_text()), "{}"});
  }
  return true;
}

// Redacted reasoning says nothing; Nova 2 writes so in words.
bool read_reasoning(json::Value reasoning, Answer& answer) {
  if (!reasoning.is(json::Kind::object)) return false;
  const auto inner = reasoning.find_non_null("reasoningText");
  if (!inner) return true;
  if (!inner->is(json::Kind::object)) return false;
  const auto text = inner->find_non_null("text");
  if (!text) return true;
  if (!text->is(json::Kind::string)) return false;
  if (text->raw_text() != "[REDACTED]") answer.add_reasoning(*text);
  return true;
}

// A text whose parts are tied to their sources.
bool read_cited(json::Value cited, Answer& answer) {
  if (!cited.is(json::Kind::object)) return false;
  const auto content = cited.find_non_null("content");
  if (!content) return true;
  if (!content->is(json::Kind::array)) return false;
  for (const json::Value part : content->elements()) {
    const auto text =
        part.is(json::Kind::object) ? part.find_non_null("text") : std::optional<json::Value>();
    if (text && !text->is(json::Kind::string)) return false;
    if (text) answer.add_text(*text);
  }
  return true;
}

// Of the members one is set; images and what else OpenAI's message has no place for are left out.
bool read_block(json::Value block, Answer& answer) {
  if (block.is(json::Kind::null)) return true;
  if (!block.is(json::Kind::object)) return false;
  const auto [text, call, reasoning, cited] = block.pick(
      std::array<std::string_view, 4>{"text", "toolUse", "reasoningContent", "citationsContent"});
  if (text) {
    if (!text->is(json::Kind::string)) return false;
    answer.add_text(*text);
  }
  return (!call || read_call(*call, answer)) &&
         (!reasoning || read_reasoning(*reasoning, answer)) &&
         (!cited || read_cited(*cited, answer));
}

}  // namespace

Outcome read_converse_answer(json::Value root, Answer& answer) {
  const Outcome usage = read_usage(root, answer);
  const auto output = object(root, "output");
  const auto message = output ? object(*output, "message") : std::nullopt;
  if (!message) return malformed("it has no message");
  if (!usage) return usage;
  if (const auto content = message->find_non_null("content")) {
    if (!content->is(json::Kind::array)) return malformed("its content is not a list");
    for (const json::Value block : content->elements()) {
      if (!read_block(block, answer))
        return malformed("a block of its content has not the form of its kind");
    }
  }
  answer.finish = finish_of(root, !answer.calls.empty());
  return {};
}

}  // namespace quarry::translate
