// Claude's answer on Bedrock (Anthropic API reference, "Messages").
#include "translate/family.h"

namespace quarry::translate {

namespace {

// Anthropic API reference, "Handling stop reasons".
Finish finish_of(json::Value answer) {
  const auto reason = answer.find_non_null("stop_reason");
  if (!reason || !reason->is(json::Kind::string)) return Finish::stop;
  const std::string_view text = reason->text();
  if (text == "max_tokens" || text == "model_context_window_exceeded") return Finish::length;
  if (text == "tool_use") return Finish::tool_calls;
  if (text == "refusal" || text == "guardrail_intervened" || text == "content_filtered") {
    return Finish::content_filter;
  }
  return Finish::stop;  // end_turn, stop_sequence, pause_turn
}

std::expected<openai::Usage, openai::LineError> read_usage(json::Value answer) {
  const auto usage = answer.find_non_null("usage");
  if (!usage || !usage->is(json::Kind::object)) return malformed("it has no usage");
  if (!usage->find_non_null("input_tokens") || !usage->find_non_null("output_tokens")) {
    return malformed("its usage lacks input_tokens or output_tokens");
  }
  const auto input = token_count(*usage, "input_tokens");
  const auto output = token_count(*usage, "output_tokens");
  const auto read = token_count(*usage, "cache_read_input_tokens");
  const auto written = token_count(*usage, "cache_creation_input_tokens");
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
  const auto [type, text, thinking, id, name, input] = block.pick(
      std::array<std::string_view, 6>{"type", "text", "thinking", "id", "name", "input"});
  if (!is_string(type)) return false;
  if (type->text() == "text") {
    if (!is_string(text)) return false;
    answer.add_text(*text);
  } else if (type->text() == "thinking") {
    if (!is_string(thinking)) return false;
    answer.add_reasoning(*thinking);
  } else if (type->text() == "tool_use") {
    if (!is_string(id) || !is_string(name)) return false;
    const auto none = scratch.parse("{}");
    answer.add_call(id->raw_text(), name->raw_text(), input ? *input : *none);
  }
  return true;  // redacted thinking, and what OpenAI has no place for
}

class AnthropicResult final : public ResultFamily {
 public:
  Outcome read_chat(std::string_view model_output, Answer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return Refusal(root.error());
    const auto usage = read_usage(*root);
    if (usage) answer.usage = *usage;
    const auto content = root->find_non_null("content");
    if (!content || !content->is(json::Kind::array)) return malformed("it has no content");
    if (!usage) return Refusal(usage.error());
    for (const json::Value block : content->elements()) {
      if (!add_block(block, empty_, answer))
        return malformed("a block of its content has not the form of its type");
    }
    answer.finish = finish_of(*root);
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
