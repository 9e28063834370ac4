// Amazon Titan Embeddings: Text G1 ("v1"), Text V2 ("v2") and Multimodal G1 ("multimodal"). One
// text or image a record. Amazon Bedrock User Guide, "Amazon Titan Embeddings G1 - Text" and
// "Amazon Titan Multimodal Embeddings G1".
#include "json/write.h"
#include "translate/family.h"

#include <cstddef>

namespace quarry::translate {

namespace {

// Of the text models: "Malformed input request: expected maxLength: 50000".
constexpr std::size_t kCharactersMax = 50'000;

enum class Variant { v1, v2, multimodal };

Variant variant_of(const catalog::Model& model) {
  if (model.variant == "v1") return Variant::v1;
  return model.variant == "multimodal" ? Variant::multimodal : Variant::v2;
}

void append_dimensions(Variant variant, std::int64_t dimensions, std::string& out) {
  const bool multimodal = variant == Variant::multimodal;
  out += multimodal ? R"(,"embeddingConfig":{"outputEmbeddingLength":)" : R"(,"dimensions":)";
  json::append_integer(out, dimensions);
  out += multimodal ? "}" : "";
}

void append_input(const EmbeddingInput& input, std::string& out) {
  if (input.media_type.empty()) {
    out.append(R"({"inputText":)").append(input.text.raw());
  } else {
    out.append(R"({"inputImage":")").append(input.base64).append("\"");
  }
}

class TitanEmbedRequest final : public RequestFamily {
 public:
  Outcome append_embeddings(EmbeddingsRequest& request,
                            const catalog::Model& model,
                            TranslatedLine& line) override {
    const Variant variant = variant_of(model);
    if (auto fine = check(request, model, variant); !fine) return fine;
    for (const EmbeddingInput& input : request.inputs) {
      std::string& out = line.text();
      append_input(input, out);
      if (request.dimensions && variant != Variant::v1) {
        append_dimensions(variant, *request.dimensions, out);
      }
      if (request.normalize) out.append(R"(,"normalize":)").append(request.normalize->raw());
      out += variant == Variant::v2 ? R"(,"embeddingTypes":["float"]})" : "}";
      line.end_record();
    }
    return {};
  }

 private:
  static Outcome check(EmbeddingsRequest& request, const catalog::Model& model, Variant variant) {
    auto fine = check_extensions(request, {.normalize = variant == Variant::v2}, model.id);
    if (fine && variant == Variant::v1 && model.dimensions.empty()) {
      fine = check_fixed_size(request, model.id);
    }
    if (!fine) return fine;
    if (request.normalize && !request.normalize->is(json::Kind::boolean)) {
      return wrong_type("body.normalize", "a boolean", request.normalize->kind());
    }
    if (variant == Variant::multimodal) return {};
    for (std::size_t i = 0; i < request.inputs.size(); ++i) {
      if (is_longer(request.inputs[i].text, kCharactersMax)) {
        return invalid_value(request.place(i), "is over " + std::to_string(kCharactersMax) +
                                                   " characters, the most that " + model.id +
                                                   " reads; split it");
      }
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<RequestFamily> make_titan_embed_request() {
  return std::make_unique<TitanEmbedRequest>();
}

}  // namespace quarry::translate
