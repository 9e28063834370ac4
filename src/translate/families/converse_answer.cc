// The answers of converse_shape.h.

#include "translate/families/converse_shape.h"

#include <optional>

namespace quarry::translate {

namespace {

using Found = std::optional<json::Value>;

bool is(const Found& value, json::Kind kind) { return value && value->is(kind); }

Outcome read_usage(const Found& usage, Answer& answer) {
  if (!usage) return {};
  if (!usage->is(json::Kind::object)) return malformed("its usage is not an object");
  // Converse and Nova's own body call the same count differently, and batch output carries both.
  const auto [fresh, answered, cached, cached_now, cached_count, cached_now_count] =
      usage->pick<"inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens",
                  "cacheReadInputTokenCount", "cacheWriteInputTokenCount">();
  const auto input = token_count(fresh);
  const auto output = token_count(answered);
  const auto read = token_count(cached ? cached : cached_count);
  const auto written = token_count(cached_now ? cached_now : cached_now_count);
  if (!input || !output || !read || !written)
    return malformed("its usage holds something else than counts");
  if (!fresh && !answered) return {};
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
Finish finish_of(const Found& reason, bool calls) {
  if (!is(reason, json::Kind::string)) return calls ? Finish::tool_calls : Finish::stop;
  const std::string_view text = reason->text();
  if (text == "max_tokens" || text == "model_context_window_exceeded") return Finish::length;
  if (text == "tool_use") return Finish::tool_calls;
  if (text == "content_filtered" || text == "guardrail_intervened") return Finish::content_filter;
  return Finish::stop;
}

bool read_call(json::Value call, Answer& answer) {
  if (!call.is(json::Kind::object)) return false;
  const auto [id, name, input] = call.pick<"toolUseId", "name", "input">();
  if (!is(name, json::Kind::string) || (input && !input->is(json::Kind::object))) return false;
  const std::string_view id_inside = is(id, json::Kind::string) ? id->raw_text() : "";
  if (input) {
    answer.add_call(id_inside, name->raw_text(), *input);
  } else {
    answer.calls.push_back({id_inside, name->raw_text(), "{}"});
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
  const auto [text, call, reasoning, cited] =
      block.pick<"text", "toolUse", "reasoningContent", "citationsContent">();
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
  const auto [output, stop_reason, usage] = root.pick<"output", "stopReason", "usage">();
  const Outcome counted = read_usage(usage, answer);
  const auto message =
      is(output, json::Kind::object) ? output->find_non_null("message") : std::nullopt;
  if (!is(message, json::Kind::object)) return malformed("it has no message");
  if (!counted) return counted;
  if (const auto content = message->find_non_null("content")) {
    if (!content->is(json::Kind::array)) return malformed("its content is not a list");
    for (const json::Value block : content->elements()) {
      if (!read_block(block, answer))
        return malformed("a block of its content has not the form of its kind");
    }
  }
  answer.finish = finish_of(stop_reason, !answer.calls.empty());
  return {};
}

namespace {

class ConverseAnswers final : public ResultFamily {
 public:
  Outcome read_chat(std::string_view model_output, Answer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return std::unexpected(root.error());
    return read_converse_answer(*root, answer);
  }

 private:
  json::Document document_;
};

}  // namespace

std::unique_ptr<ResultFamily> make_converse_answers() {
  return std::make_unique<ConverseAnswers>();
}

}  // namespace quarry::translate
