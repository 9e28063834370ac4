// Amazon Titan Text's answer (Bedrock user guide, "Amazon Titan Text models").
#include "translate/family.h"

namespace quarry::translate {

namespace {

Finish finish_of(const std::optional<json::Value>& reason) {
  if (!reason || !reason->is(json::Kind::string)) return Finish::stop;
  if (reason->text() == "LENGTH") return Finish::length;
  if (reason->text() == "CONTENT_FILTERED") return Finish::content_filter;
  return Finish::stop;  // FINISH, STOP_CRITERIA_MET, RAG_QUERY_WHEN_RAG_DISABLED
}

class TitanTextResult final : public ResultFamily {
 public:
  Outcome read_chat(std::string_view model_output, Answer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return Refusal(root.error());
    const auto results = root->find_non_null("results");
    std::optional<json::Value> result;
    if (results && results->is(json::Kind::array)) {
      for (const json::Value element : results->elements()) {
        result = element;  // there is one: the model is not asked for several
        break;
      }
    }
    const bool readable = result && result->is(json::Kind::object);
    if (auto ok = read_usage(*root, readable ? result : std::nullopt, answer); !ok) return ok;
    if (!readable) return malformed("it has no results");
    const auto [text, reason] = result->pick<"outputText", "completionReason">();
    if (text && !text->is(json::Kind::string)) return malformed("its outputText is no text");
    answer.finish = finish_of(reason);
    if (text) {
      answer.add_text(*text);
    } else if (answer.finish != Finish::content_filter) {
      return malformed("it has no outputText");
    }
    return {};
  }

 private:
  static Outcome read_usage(json::Value root,
                            const std::optional<json::Value>& result,
                            Answer& answer) {
    const bool told = root.find_non_null("inputTextTokenCount").has_value() ||
                      (result && result->find_non_null("tokenCount"));
    if (!told) return {};
    const auto input = token_count(root, "inputTextTokenCount");
    const auto output = result ? token_count(*result, "tokenCount") : 0;
    if (!input || !output) return malformed("its usage holds something else than counts");
    answer.usage = openai::Usage{.input_tokens = *input, .output_tokens = *output};
    return {};
  }

  json::Document document_;
};

}  // namespace

std::unique_ptr<ResultFamily> make_titan_text_result() {
  return std::make_unique<TitanTextResult>();
}

}  // namespace quarry::translate
