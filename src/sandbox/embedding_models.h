#pragma once
// The sandbox's embedding models in their native shapes. Vectors have unit norm and depend on the
// text and the dimension alone: the same text is the same vector whatever its record. Pure, as
// model.h says; `seed` only makes the answers' ids.

#include "sandbox/model.h"

namespace quarry::sandbox {

// amazon.titan-embed-text-v1 (and -g1-text-02), amazon.titan-embed-text-v2:0,
// amazon.titan-embed-image-v1. The variant is told from the model id.
ModelResult answer_titan_embed(const boost::json::object& request,
                               std::string_view model_id,
                               std::string_view seed);

// cohere.embed-english-v3, cohere.embed-multilingual-v3, cohere.embed-v4:0. The body holds no
// usage; ModelAnswer does.
ModelResult answer_cohere_embed(const boost::json::object& request,
                                std::string_view model_id,
                                std::string_view seed);

// amazon.nova-2-multimodal-embeddings-v1:0. The body holds no usage; ModelAnswer does.
ModelResult answer_nova_embed(const boost::json::object& request,
                              std::string_view model_id,
                              std::string_view seed);

}  // namespace quarry::sandbox
