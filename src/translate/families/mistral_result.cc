// Mistral's answers: {"outputs":[{"text","stop_reason"}]} to a prompt, which counts no tokens, and
// choices to messages (Bedrock user guide, "Mistral AI text completion" and "Mistral AI chat
// completion").

#include "translate/families/chat_shape.h"
#include "translate/family.h"

namespace quarry::translate {

namespace {

Outcome read_output(json::Value outputs, Answer& answer) {
  if (!outputs.is(json::Kind::array) || outputs.empty()) return malformed("it has no outputs");
  const json::Value output = *outputs.elements().begin();
  if (!output.is(json::Kind::object)) return malformed("its output is not an object");
  const auto text = output.find_non_null("text");
  if (text && !text->is(json::Kind::string)) return malformed("its text is not a string");
  if (text) {
    // A space after [/INST] is the template's.
    const std::string_view raw = text->raw_text();
    answer.text.add(raw.substr(raw.starts_with(' ') ? 1 : 0));
  }
  const auto reason = output.find_non_null("stop_reason");
  const bool length = reason && reason->is(json::Kind::string) && reason->text() == "length";
  answer.finish = length ? Finish::length : Finish::stop;
  return {};
}

class MistralResult final : public ResultFamily {
 public:
  Outcome read_chat(std::string_view model_output, Answer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return std::unexpected(root.error());
    if (const auto outputs = root->find_non_null("outputs")) return read_output(*outputs, answer);
    return read_chat_answer(*root, false, answer);
  }

 private:
  json::Document document_;
};

}  // namespace

std::unique_ptr<ResultFamily> make_mistral_result() { return std::make_unique<MistralResult>(); }

}  // namespace quarry::translate
