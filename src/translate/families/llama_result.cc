// Meta Llama's answer on Bedrock (Bedrock user guide, "Meta Llama models": generation,
// prompt_token_count, generation_token_count, stop_reason).
#include "translate/family.h"

#include <array>

namespace quarry::translate {

namespace {

constexpr std::string_view kPythonTag = "<|python_tag|>";
constexpr std::string_view kSpaces = " \t\r\n;";

std::string_view without_spaces(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpaces);
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

// The length of the JSON object that the text begins with; 0 when it begins with none.
std::size_t object_length(std::string_view text) {
  if (!text.starts_with('{')) return 0;
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
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
        root->pick(std::array<std::string_view, 4>{"generation", "prompt_token_count",
                                                   "generation_token_count", "stop_reason"});
    if (prompt_tokens || tokens) {
      const auto input = token_count(*root, "prompt_token_count");
      const auto output = token_count(*root, "generation_token_count");
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
    text = without_spaces(text);
    if (text.starts_with(kPythonTag)) text = without_spaces(text.substr(kPythonTag.size()));
    while (!text.empty()) {
      const std::size_t length = object_length(text);
      if (length == 0 || !read_call(text.substr(0, length), answer)) {
        answer.calls.clear();
        return false;
      }
      text = without_spaces(text.substr(length));
    }
    return !answer.calls.empty();
  }

  bool read_call(std::string_view text, Answer& answer) {
    const auto call = call_.parse(text);
    if (!call) return false;
    const auto [name, parameters, arguments] =
        call->pick(std::array<std::string_view, 3>{"name", "parameters", "arguments"});
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
