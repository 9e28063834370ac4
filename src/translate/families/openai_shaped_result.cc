// The chat.completion of models whose body is OpenAI's own. By InvokeModel gpt-oss writes what it
// thought in <reasoning> tags before its content.

#include "translate/families/chat_shape.h"
#include "translate/family.h"

namespace quarry::translate {

namespace {

class OpenaiShapedResult final : public ResultFamily {
 public:
  Outcome read_chat(std::string_view model_output, Answer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return std::unexpected(root.error());
    return read_chat_answer(*root, true, answer);
  }

 private:
  json::Document document_;
};

}  // namespace

std::unique_ptr<ResultFamily> make_openai_shaped_result() {
  return std::make_unique<OpenaiShapedResult>();
}

}  // namespace quarry::translate
