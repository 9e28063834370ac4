// Amazon Nova Multimodal Embeddings, one text or image a record. Amazon Nova User Guide, "Complete
// embeddings request and response schema".
#include "json/write.h"
#include "translate/family.h"

#include <array>
#include <cstddef>

namespace quarry::translate {

namespace {

// "expected maxLength: 50000": far above the 8,192 tokens that the model reads, so that what is cut
// here is what it would have cut itself.
constexpr std::size_t kCharactersMax = 50'000;

constexpr std::array<std::string_view, 9> kPurposes{
    "GENERIC_INDEX",   "GENERIC_RETRIEVAL", "TEXT_RETRIEVAL",
    "IMAGE_RETRIEVAL", "VIDEO_RETRIEVAL",   "DOCUMENT_RETRIEVAL",
    "AUDIO_RETRIEVAL", "CLASSIFICATION",    "CLUSTERING"};
constexpr std::array<std::string_view, 3> kTruncationModes{"END", "START", "NONE"};

void append_text(json::Value text, std::string_view mode, std::string& out) {
  out.append(R"("text":{"truncationMode":")").append(mode).append(R"(","value":)");
  if (is_longer(text, kCharactersMax)) {
    append_cut(text, kCharactersMax, mode == "START" ? Cut::start : Cut::end, out);
  } else {
    out.append(text.raw());
  }
}

void append_image(const EmbeddingInput& input, std::string& out) {
  constexpr std::string_view prefix = "image/";
  out.append(R"("image":{"format":")").append(input.media_type.substr(prefix.size()));
  out.append(R"(","source":{"bytes":")").append(input.base64).append("\"}");
}

class NovaEmbedRequest final : public RequestFamily {
 public:
  Outcome append_embeddings(EmbeddingsRequest& request,
                            const catalog::Model& model,
                            TranslatedLine& line) override {
    const auto fine =
        check_extensions(request, {.embedding_purpose = true, .truncation_mode = true}, model.id);
    if (!fine) return fine;
    const auto purpose =
        choose(request.embedding_purpose, "body.embedding_purpose", kPurposes, kPurposes[0]);
    if (!purpose) return std::unexpected(purpose.error());
    const auto mode = choose(request.truncation_mode, "body.truncation_mode", kTruncationModes,
                             kTruncationModes[0]);
    if (!mode) return std::unexpected(mode.error());

    for (std::size_t i = 0; i < request.inputs.size(); ++i) {
      const EmbeddingInput& input = request.inputs[i];
      const bool text = input.media_type.empty();
      if (text && *mode == "NONE" && is_longer(input.text, kCharactersMax)) {
        return invalid_value(request.place(i),
                             "is over " + std::to_string(kCharactersMax) +
                                 " characters, the most that " + model.id +
                                 " reads; split it, or set truncation_mode to \"END\"");
      }
      std::string& out = line.text();
      out += R"({"schemaVersion":"nova-multimodal-embed-v1","taskType":"SINGLE_EMBEDDING",)";
      out.append(R"("singleEmbeddingParams":{"embeddingPurpose":")").append(*purpose).append("\",");
      if (request.dimensions) {
        out += R"("embeddingDimension":)";
        json::append_integer(out, *request.dimensions);
        out += ',';
      }
      text ? append_text(input.text, *mode, out) : append_image(input, out);
      out += "}}}";
      line.end_record();
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<RequestFamily> make_nova_embed_request() {
  return std::make_unique<NovaEmbedRequest>();
}

}  // namespace quarry::translate
