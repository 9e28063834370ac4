#include "translate/family.h"

#include <cstddef>

namespace quarry::translate {

namespace {

// An answer says nothing of usage: Bedrock gives it in a header, and in a job's manifest.
class CohereEmbedResult final : public ResultFamily {
 public:
  Outcome read_embeddings(std::string_view model_output, EmbeddingsAnswer& answer) override {
    const auto root = parse_answer(document_, model_output);
    if (!root) return std::unexpected(root.error());
    auto embeddings = root->find_non_null("embeddings");
    // {"float":[…]} where the types of embeddings were asked for.
    if (embeddings && embeddings->is(json::Kind::object)) {
      embeddings = embeddings->find_non_null("float");
    }
    if (!embeddings || !embeddings->is(json::Kind::array)) {
      return malformed("it has no embeddings of floats");
    }
    for (const json::Value vector : embeddings->elements()) answer.vectors.push_back(vector);
    if (answer.vectors.empty()) return malformed("its list of embeddings is empty");
    // The vectors are told apart by their order alone, so that one too few would shift the others.
    const auto texts = root->find_non_null("texts");
    if (texts && texts->is(json::Kind::array) && !texts->empty()) {
      std::size_t count = 0;
      for ([[maybe_unused]] const json::Value text : texts->elements()) ++count;
      if (count != answer.vectors.size())
        return malformed("it has not one embedding for each text");
    }
    return {};
  }

 private:
  json::Document document_;
};

}  // namespace

std::unique_ptr<ResultFamily> make_cohere_embed_result() {
  return std::make_unique<CohereEmbedResult>();
}

}  // namespace quarry::translate
