// DeepSeek-R1's answer on Bedrock (Bedrock user guide, "DeepSeek models"): a text that thinks until
// </think>. It says nothing of usage.
#include "translate/families/prompt_shape.h"
#include "translate/family.h"

namespace quarry::translate {

namespace {

class DeepseekR1Result final : public ResultFamily {
 public:
  Outcome read_chat(std::string_view model_output, Answer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return Refusal(root.error());
    const auto choices = root->find_non_null("choices");
    std::optional<json::Value> choice;
    if (choices && choices->is(json::Kind::array)) {
      for (const json::Value element : choices->elements()) {
        choice = element;  // there is one: the model is not asked for several
        break;
      }
    }
    if (!choice || !choice->is(json::Kind::object)) return malformed("it has no choices");
    const auto [text, stop] = choice->pick<"text", "stop_reason">();
    if (!text || !text->is(json::Kind::string)) return malformed("its choice has no text");
    if (stop && stop->is(json::Kind::string) && stop->text() == "length") {
      answer.finish = Finish::length;
    }
    split(text->raw_text(), answer);
    return {};
  }

 private:
  static void split(std::string_view inside, Answer& answer) {
    if (const auto open = find_tag(inside, "<think>"); open && open->begin == 0) {
      inside.remove_prefix(open->end);
    }
    const auto end = find_tag(inside, "</think>");
    if (end) {
      answer.reasoning.add(
          without_trailing_lines(without_leading_lines(inside.substr(0, end->begin))));
      answer.text.add(without_leading_lines(inside.substr(end->end)));
    } else if (answer.finish == Finish::length) {
      answer.reasoning.add(without_leading_lines(inside));  // it was cut while it thought
    } else {
      answer.text.add(inside);
    }
  }

  json::Document document_;
};

}  // namespace

std::unique_ptr<ResultFamily> make_deepseek_r1_result() {
  return std::make_unique<DeepseekR1Result>();
}

}  // namespace quarry::translate
