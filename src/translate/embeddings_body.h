#pragma once
// /v1/embeddings (OpenAI API reference, "Create embeddings"). null counts as absent.

#include "catalog/catalog.h"
#include "translate/embeddings.h"

namespace quarry::translate {

// Replaces `request`. Refuses empty inputs and lists, token lists, more than 2,048 inputs, an
// unknown encoding_format, dimensions that the model does not have, unknown members (unless
// drop_params).
Outcome read_embeddings_body(json::Value body,
                             const catalog::Model& model,
                             bool drop_params,
                             EmbeddingsRequest& request);
// TranslatedLine::note() of such a line: "" or "base64".
std::string_view note_of(const EmbeddingsRequest& request);

}  // namespace quarry::translate
