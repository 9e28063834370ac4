// Jamba's answers: a chat.completion (Bedrock user guide, "AI21 Labs Jamba models").

#include "translate/families/chat_shape.h"
#include "translate/family.h"

namespace quarry::translate {

namespace {

class JambaResult final : public ResultFamily {
 public:
  Outcome read_chat(std::string_view model_output, Answer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return std::unexpected(root.error());
    return read_chat_answer(*root, false, answer);
  }

 private:
  json::Document document_;
};

}  // namespace

std::unique_ptr<ResultFamily> make_jamba_result() { return std::make_unique<JambaResult>(); }

}  // namespace quarry::translate
