#pragma once
// Lines of /v1/embeddings through the translators, for the families' tests.

#include "catalog/catalog.h"
#include "translate/translator.h"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::translate::testing {

inline catalog::Model embedding_model(std::string_view family,
                                      std::string_view variant,
                                      std::vector<std::int64_t> dimensions = {}) {
  catalog::Model model;
  model.id = "the-model";
  model.family = family;
  model.variant = variant;
  model.endpoints = {openai::Endpoint::embeddings};
  model.inputs.image = true;
  model.dimensions = std::move(dimensions);
  return model;
}

// The line's records, or why it is refused.
inline std::expected<std::vector<std::string>, openai::LineError> embed_records(
    const catalog::Model& model, std::string_view body, bool drop_params = false) {
  RequestTranslator translator;
  TranslatedLine line;
  const auto done = translator.translate(
      body, {.endpoint = openai::Endpoint::embeddings, .model = &model, .drop_params = drop_params},
      line);
  if (!done) return std::unexpected(done.error());
  std::vector<std::string> records;
  for (std::size_t i = 0; i < line.records(); ++i) records.emplace_back(line.record(i));
  return records;
}

// The refusal's "<code> <param>"; "" where the line is taken.
inline std::string embed_refusal(const catalog::Model& model,
                                 std::string_view body,
                                 bool drop_params = false) {
  const auto records = embed_records(model, body, drop_params);
  return records ? "" : records.error().code + " " + records.error().param;
}

inline std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace quarry::translate::testing
