#pragma once
// A /v1/embeddings body (OpenAI API reference, "Create embeddings"), and what models answer to it.

#include "json/reader.h"
#include "openai/usage.h"
#include "translate/refusal.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::translate {

struct EmbeddingInput {
  json::Value text;             // a string, not empty
  std::string_view media_type;  // "image/png" where the text is wholly a data: URI of an image and
                                // the model reads images; "" = text
  std::string_view base64;      // of the image
};

struct EmbeddingsRequest {
  std::vector<EmbeddingInput> inputs;      // at least one
  bool list = false;                       // written as a list, even of one
  bool base64 = false;                     // encoding_format
  std::optional<std::int64_t> dimensions;  // one of the model's, where the catalog knows them
  // Extensions, raw, not null; a family that does not take one refuses it (or drops it).
  std::optional<json::Value> input_type;         // Cohere
  std::optional<json::Value> truncate;           // Cohere
  std::optional<json::Value> normalize;          // Titan v2
  std::optional<json::Value> embedding_purpose;  // Nova
  std::optional<json::Value> truncation_mode;    // Nova
  bool drop_params = false;

  void clear();
  // "body.input[3]", or "body.input" where it is no list.
  std::string place(std::size_t input) const;
};

// Which extensions a family takes; check_extensions() refuses or drops the others.
struct EmbeddingExtensions {
  bool input_type = false;
  bool truncate = false;
  bool normalize = false;
  bool embedding_purpose = false;
  bool truncation_mode = false;
};
// Sets those that are dropped to nullopt. Errors name the extension and the model.
Outcome check_extensions(EmbeddingsRequest& request,
                         EmbeddingExtensions takes,
                         std::string_view model_id);

// An extension that is one of a few words. `fallback` where it is absent. Errors list the words.
std::expected<std::string_view, openai::LineError> choose(
    const std::optional<json::Value>& extension,
    std::string_view param,
    std::span<const std::string_view> words,
    std::string_view fallback);

// For models whose vectors have one size: dimensions that the catalog could not check are refused
// (or dropped).
Outcome check_fixed_size(EmbeddingsRequest& request, std::string_view model_id);

// Whether the text has more characters than that. Services count Unicode code points.
bool is_longer(json::Value text, std::size_t characters);
// Appends the text as a JSON string, without the characters over `characters_max`.
enum class Cut : std::uint8_t { start, end };
void append_cut(json::Value text, std::size_t characters_max, Cut cut, std::string& out);

struct EmbeddingsAnswer {
  std::vector<json::Value> vectors;    // arrays of numbers, in the order of the record's inputs
  std::optional<openai::Usage> usage;  // nullopt: the answer says nothing of it

  void clear() {
    vectors.clear();
    usage.reset();
  }
};

}  // namespace quarry::translate
