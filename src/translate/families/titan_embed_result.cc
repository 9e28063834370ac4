#include "translate/family.h"

namespace quarry::translate {

namespace {

class TitanEmbedResult final : public ResultFamily {
 public:
  Outcome read_embeddings(std::string_view model_output, EmbeddingsAnswer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return std::unexpected(root.error());
    const auto [count, embedding, by_type, message] =
        root->pick<"inputTextTokenCount", "embedding", "embeddingsByType", "message">();
    if (count) {
      const auto tokens = token_count(count);
      if (!tokens) return malformed("its inputTextTokenCount is no count of tokens");
      answer.usage = openai::Usage{.input_tokens = *tokens};
    }
    if (embedding && embedding->is(json::Kind::array)) {
      answer.vectors.push_back(*embedding);
      return {};
    }
    if (by_type && by_type->is(json::Kind::object)) {
      const auto floats = by_type->find_non_null("float");
      if (floats && floats->is(json::Kind::array)) {
        answer.vectors.push_back(*floats);
        return {};
      }
    }
    // The multimodal model says in `message` what went wrong.
    std::string why = "it has no embedding of floats";
    if (message && message->is(json::Kind::string) && !message->raw_text().empty()) {
      why.append(", but the message: ").append(message->text());
    }
    return malformed(why);
  }

 private:
  json::Document document_;
};

}  // namespace

std::unique_ptr<ResultFamily> make_titan_embed_result() {
  return std::make_unique<TitanEmbedResult>();
}

}  // namespace quarry::translate
