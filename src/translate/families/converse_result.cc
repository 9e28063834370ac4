// Converse's answers, whatever model gave them (Bedrock API reference, "Converse").

#include "translate/families/converse_shape.h"
#include "translate/family.h"

namespace quarry::translate {

namespace {

class ConverseResult final : public ResultFamily {
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

std::unique_ptr<ResultFamily> make_converse_result() { return std::make_unique<ConverseResult>(); }

}  // namespace quarry::translate
