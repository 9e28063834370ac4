#include "translate/family.h"

namespace quarry::translate {

namespace {

// An answer says nothing of usage: Bedrock gives it in a header, and in a job's manifest.
class NovaEmbedResult final : public ResultFamily {
 public:
  Outcome read_embeddings(std::string_view model_output, EmbeddingsAnswer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return std::unexpected(root.error());
    const auto embeddings = root->find_non_null("embeddings");
    if (!embeddings || !embeddings->is(json::Kind::array)) {
      return malformed("it has no embeddings");
    }
    for (const json::Value element : embeddings->elements()) {
      const auto vector =
          element.is(json::Kind::object) ? element.find_non_null("embedding") : std::nullopt;
      if (!vector || !vector->is(json::Kind::array)) {
        return malformed("one of its embeddings has no vector");
      }
      answer.vectors.push_back(*vector);
    }
    // A record is one text or image. A second vector would be taken for the next one's.
    if (answer.vectors.size() != 1) return malformed("it has not exactly one embedding");
    return {};
  }

 private:
  json::Document document_;
};

}  // namespace

std::unique_ptr<ResultFamily> make_nova_embed_result() {
  return std::make_unique<NovaEmbedResult>();
}

}  // namespace quarry::translate
