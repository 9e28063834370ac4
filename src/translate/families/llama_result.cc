// Meta Llama's answer on Bedrock (Bedrock user guide, "Meta Llama models": generation,
// prompt_token_count, generation_token_count, stop_reason).
#include "translate/family.h"

#include <array>

namespace quarry::translate {

namespace {

// What may stand around calls and between them; not all of it is cut off before the answer.
constexpr std::array<std::string_view, 5> kTokens{"<|python_tag|>", "<|python_start|>",
                                                  "<|python_end|>", "<|eom_id|>", "<|eom|>"};
constexpr std::string_view kSpaces = " \t\r\n;";

std::string_view next_call(std::string_view text) {
  for (bool again = true; again;) {
    again = false;
    const std::size_t begin = text.find_first_not_of(kSpaces);
    text = begin == std::string_view::npos ? std::string_view() : text.substr(begin);
    for (const std::string_view token : kTokens) {
      if (!text.starts_with(token)) continue;
      text.remove_prefix(token.size());
      again = true;
    }
  }
  return text;
}

// The length of the JSON object or array that the text begins with; 0 when it begins with none.
std::size_t value_length(std::string_view text) {
  if (!text.starts_with('{') && !text.starts_with('[')) return 0;
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return 0;
}

class LlamaResult final : public ResultFamily {
 public:
  Outcome read_chat(std::string_view model_output, Answer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return Refusal(root.error());
    const auto [generation, prompt_tokens, tokens, stop] =
        root->pick<"generation", "prompt_token_count", "generation_token_count", "stop_reason">();
    if (prompt_tokens || tokens) {
      const auto input = token_count(prompt_tokens);
      const auto output = token_count(tokens);
      if (!input || !output) return malformed("its usage holds something else than counts");
      answer.usage = openai::Usage{.input_tokens = *input, .output_tokens = *output};
    }
    if (!generation || !generation->is(json::Kind::string)) {
      return malformed("it has no generation");
    }
    if (stop && stop->is(json::Kind::string) && stop->text() == "length") {
      answer.finish = Finish::length;
    }
    if (answer.tools_offered && read_calls(generation->text(), answer)) {
      answer.finish = Finish::tool_calls;
    } else {
      answer.add_text(*generation);
    }
    return {};
  }

 private:
  // Whether the text is nothing but calls; then they are in `answer`.
  bool read_calls(std::string_view text, Answer& answer) {
    for (text = next_call(text); !text.empty();) {
      const std::size_t length = value_length(text);
      const auto value = call_.parse(text.substr(0, length));
      if (!value || !read_value(*value, answer)) {
        answer.calls.clear();
        return false;
      }
      text = next_call(text.substr(length));
    }
    return !answer.calls.empty();
  }

  // A call, or a list of them.
  static bool read_value(json::Value value, Answer& answer) {
    if (!value.is(json::Kind::array)) return read_call(value, answer);
    for (const json::Value element : value.elements()) {
      if (!read_call(element, answer)) return false;
    }
    return true;
  }

  // {"name":…,"parameters":…}, or that as a declaration has it: {"type":"function","function":{…}}.
  static bool read_call(json::Value call, Answer& answer) {
    if (!call.is(json::Kind::object)) return false;
    if (const auto function = call.find_non_null("function");
        function && function->is(json::Kind::object)) {
      call = *function;
    }
    const auto [name, parameters, arguments] = call.pick<"name", "parameters", "arguments">();
    const auto& given = parameters ? parameters : arguments;
    if (!name || !name->is(json::Kind::string)) return false;
    if (!given || !given->is(json::Kind::object)) return false;
    answer.add_call("", name->raw_text(), *given);
    return true;
  }

  json::Document document_;
  json::Document call_;
};

}  // namespace

std::unique_ptr<ResultFamily> make_llama_result() { return std::make_unique<LlamaResult>(); }

}  // namespace quarry::translate
