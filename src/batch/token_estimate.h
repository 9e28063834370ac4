#pragma once
// How many tokens a record is, before anybody has counted: a rule of thumb over the text that the
// model will read, and the limit of what it may write. Pure.

#include "catalog/catalog.h"
#include "json/reader.h"
#include "translate/translator.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace quarry::batch {

// Of an image or a document: what a large image is to Claude (Anthropic, "Vision").
inline constexpr std::int64_t kTokensPerMedium = 1'600;

// What a turn of a conversation costs around its text: the template's marks of who speaks.
inline constexpr std::int64_t kTokensPerMessage = 5;

struct TokenEstimate {
  std::int64_t input = 0;
  // nullopt: neither the record nor what is known of the model says a limit.
  std::optional<std::int64_t> output_max = 0;
};

// Bytes of text a token, in tenths: what the family's vendor says of English text, else 40.
std::int64_t tenths_of_bytes_per_token(const catalog::Model& model);

// Not thread-safe; reuse it: it owns the parser.
class TokenEstimator {
 public:
  // model_input: a record's, as a translator wrote it for this model, wire and endpoint.
  TokenEstimate estimate(json::Value model_input,
                         const catalog::Model& model,
                         translate::Wire wire,
                         openai::Endpoint endpoint);
  // input_record: a line of a job's input, {"recordId":…,"modelInput":…}.
  TokenEstimate estimate_record(std::string_view input_record,
                                const catalog::Model& model,
                                translate::Wire wire,
                                openai::Endpoint endpoint);

 private:
  json::Document document_;
};

}  // namespace quarry::batch
