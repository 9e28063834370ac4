// Claude's answer on Bedrock (Anthropic API reference, "Messages").
#include "translate/family.h"

namespace quarry::translate {

namespace {

// Anthropic API reference, "Handling stop reasons".
Finish finish_of(const std::optional<json::Value>& reason) {
  if (!reason || !reason->is(json::Kind::string)) return Finish::stop;
  const std::string_view text = reason->text();
  if (text == "max_tokens" || text == "model_context_window_exceeded") return Finish::length;
  if (text == "tool_use") return Finish::tool_calls;
  if (text == "refusal" || text == "guardrail_intervened" || text == "content_filtered") {
    return Finish::content_filter;
  }
  return Finish::stop;  // end_turn, stop_sequence, pause_turn
}

// nullopt: the answer does not say it; its text was paid for all the same.
std::expected<std::optional<openai::Usage>, openai::LineError> read_usage(
    const std::optional<json::Value>& usage) {
  if (!usage) return std::nullopt;
  if (!usage->is(json::Kind::object)) return malformed("its usage is not an object");
  const auto [fresh, answered, cached, cached_now] =
      usage->pick<"input_tokens", "output_tokens", "cache_read_input_tokens",
                  "cache_creation_input_tokens">();
  if (!fresh || !answered) return std::nullopt;
  const auto input = token_count(fresh);
  const auto output = token_count(answered);
  const auto read = token_count(cached);
  const auto written = token_count(cached_now);
  if (!input || !output || !read || !written)
    return malformed("its usage holds something else than counts");
  // Anthropic's input leaves out what was cached, OpenAI's includes it.
  return openai::Usage{.input_tokens = *input + *read + *written,
                       .cached_input_tokens = *read,
                       .cache_write_tokens = *written,
                       .output_tokens = *output,
                       .reasoning_tokens = 0};
}

bool is_string(const std::optional<json::Value>& value) {
  return value && value->is(json::Kind::string);
}

// False when the block has not the form of its type.
bool add_block(json::Value block, json::Document& scratch, Answer& answer) {
  if (!block.is(json::Kind::object)) return false;
  const auto [type, text, thinking, id, name, input] =
      block.pick<"type", "text", "thinking", "id", "name", "input">();
  if (!is_string(type)) return false;
  if (type->text() == "text") {
    if (!is_string(text)) return false;
    answer.add_text(*text);
  } else if (type->text() == "thinking") {
    if (!is_string(thinking)) return false;
    answer.add_reasoning(*thinking);
  } else if (type->text() == "tool_use") {
    if (!is_string(id) || !is_string(name)) return false;
    answer.add_call(id->raw_text(), name->raw_text(), input ? *input : *scratch.parse("{}"));
  }
  return true;  // redacted thinking, and what OpenAI has no place for
}

class AnthropicResult final : public ResultFamily {
 public:
  Outcome read_chat(std::string_view model_output, Answer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return Refusal(root.error());
    const auto [content, stop_reason, usage_given] =
        root->pick<"content", "stop_reason", "usage">();
    const auto usage = read_usage(usage_given);
    if (usage) answer.usage = *usage;
    if (!content || !content->is(json::Kind::array)) return malformed("it has no content");
    if (!usage) return Refusal(usage.error());
    for (const json::Value block : content->elements()) {
      if (!add_block(block, empty_, answer))
        return malformed("a block of its content has not the form of its type");
    }
    answer.finish = finish_of(stop_reason);
    return {};
  }

 private:
  json::Document document_;
  json::Document empty_;
};

}  // namespace

std::unique_ptr<ResultFamily> make_anthropic_result() {
  return std::make_unique<AnthropicResult>();
}

}  // namespace quarry::translate
