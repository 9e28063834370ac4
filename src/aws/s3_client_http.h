#pragma once
// The S3Client that speaks to S3 (S3 API reference). Path-style URLs at an overridden endpoint and
// for bucket names that are no single DNS label, virtual-hosted ones otherwise.

#include "aws/request_sender.h"
#include "aws/s3_client.h"

#include <memory>
#include <string>

namespace quarry::aws {

struct S3Options {
  std::string region;
  config::S3Addressing addressing = config::S3Addressing::automatic;
  std::string kms_key_id;    // "" = the bucket's own default
  bool bucket_key = false;   // with kms_key_id
  std::string bucket_owner;  // "" = not checked
};

// wire's parts outlive the client.
std::shared_ptr<S3Client> make_s3_client(Wire wire,
                                         std::shared_ptr<CredentialProvider> credentials,
                                         Endpoint endpoint,
                                         S3Options options,
                                         Jitter jitter = random_jitter());

// Whether `bucket` can stand before S3's host under its certificate's one wildcard.
bool can_be_virtual_host(const std::string& bucket);

}  // namespace quarry::aws
