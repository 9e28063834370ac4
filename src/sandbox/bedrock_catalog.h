#pragma once
// Bedrock's operations beside jobs: GetFoundationModel, GetInferenceProfile, ListInferenceProfiles,
// and the tags of jobs. Loop's thread.

#include "sandbox/bedrock.h"

#include <string>
#include <string_view>

namespace quarry::sandbox {

using BedrockAnswer = Answer<http::ServerResponse>;

// `segment` is as sent, one segment of the path.
BedrockAnswer get_foundation_model(BedrockContext& bedrock,
                                   const Caller& caller,
                                   std::string_view segment);
BedrockAnswer get_inference_profile(BedrockContext& bedrock,
                                    const Caller& caller,
                                    std::string_view segment);
BedrockAnswer list_inference_profiles(BedrockContext& bedrock,
                                      const Caller& caller,
                                      std::string_view raw_query);

enum class TagOperation { list, tag, untag };
// Faults: ValidationException, ResourceNotFoundException, TooManyTagsException.
Awaitable<BedrockAnswer> handle_tags(BedrockContext& bedrock,
                                     TagOperation operation,
                                     Caller caller,
                                     std::string body);

}  // namespace quarry::sandbox
