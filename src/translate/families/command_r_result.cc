// Cohere Command R's answer on Bedrock (Bedrock user guide, "Cohere Command R and Command R+
// models"; Cohere API reference v1, "Chat").
#include "translate/family.h"

namespace quarry::translate {

namespace {

// nullopt: the model did not answer.
std::optional<Finish> finish_of(std::string_view reason) {
  if (reason == "MAX_TOKENS" || reason == "ERROR_LIMIT") return Finish::length;
  if (reason == "ERROR_TOXIC") return Finish::content_filter;
  if (reason == "ERROR") return std::nullopt;
  return Finish::stop;  // COMPLETE, STOP_SEQUENCE, USER_CANCEL
}

// meta.tokens, else meta.billed_units: Bedrock leaves meta out as a rule.
std::optional<json::Value> usage_in(json::Value root) {
  const auto meta = root.find_non_null("meta");
  if (!meta || !meta->is(json::Kind::object)) return std::nullopt;
  for (const std::string_view key : {"tokens", "billed_units"}) {
    const auto usage = meta->find_non_null(key);
    if (usage && usage->is(json::Kind::object)) return usage;
  }
  return std::nullopt;
}

class CommandRResult final : public ResultFamily {
 public:
  Outcome read_chat(std::string_view model_output, Answer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return Refusal(root.error());
    if (const auto usage = usage_in(*root)) {
      const auto input = token_count(*usage, "input_tokens");
      const auto output = token_count(*usage, "output_tokens");
      if (!input || !output) return malformed("its usage holds something else than counts");
      answer.usage = openai::Usage{.input_tokens = *input, .output_tokens = *output};
    }
    const auto [text, reason, calls] = root->pick<"text", "finish_reason", "tool_calls">();
    if (reason && reason->is(json::Kind::string)) {
      const auto finish = finish_of(reason->text());
      if (!finish) return malformed("the model ended it with ERROR");
      answer.finish = *finish;
    }
    if (text && !text->is(json::Kind::string)) return malformed("its text is no text");
    if (calls && !calls->is(json::Kind::array)) return malformed("its tool_calls are no list");
    if (!text && !calls) return malformed("it has no text");
    if (text) answer.add_text(*text);
    if (!calls) return {};
    for (const json::Value call : calls->elements()) {
      if (!read_call(call, answer)) return malformed("a tool call has no name or no parameters");
    }
    if (!answer.calls.empty() && answer.finish == Finish::stop) answer.finish = Finish::tool_calls;
    return {};
  }

 private:
  static bool read_call(json::Value call, Answer& answer) {
    if (!call.is(json::Kind::object)) return false;
    const auto [name, parameters] = call.pick<"name", "parameters">();
    if (!name || !name->is(json::Kind::string)) return false;
    if (!parameters || !parameters->is(json::Kind::object)) return false;
    answer.add_call("", name->raw_text(), *parameters);
    return true;
  }

  json::Document document_;
};

}  // namespace

std::unique_ptr<ResultFamily> make_command_r_result() { return std::make_unique<CommandRResult>(); }

}  // namespace quarry::translate
