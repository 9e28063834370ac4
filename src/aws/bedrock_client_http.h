#pragma once
// The BedrockClient and RuntimeClient that speak to AWS (restJson1; Amazon Bedrock API reference).

#include "aws/bedrock_client.h"
#include "aws/request_sender.h"

#include <memory>
#include <string>

namespace quarry::aws {

// wire's parts outlive the client.
std::shared_ptr<BedrockClient> make_bedrock_client(Wire wire,
                                                   std::shared_ptr<CredentialProvider> credentials,
                                                   Endpoint endpoint,
                                                   std::string region,
                                                   Jitter jitter = random_jitter());
// Throttling is not waited out inside: it comes back at once.
std::shared_ptr<RuntimeClient> make_runtime_client(Wire wire,
                                                   std::shared_ptr<CredentialProvider> credentials,
                                                   Endpoint endpoint,
                                                   std::string region,
                                                   Jitter jitter = random_jitter());

// x-amzn-ErrorType, else the body's code, Code or __type; message or Message. nullopt for a 2xx.
// Pure.
std::optional<AwsError> find_bedrock_error(const http::ClientResponse& response);
// What the caller can do about it.
Errc bedrock_errc(const AwsError& failure);
// What its operator can: the permission or the setting that mends it; "" where AWS's words do.
std::string bedrock_hint(const AwsError& failure);

}  // namespace quarry::aws
