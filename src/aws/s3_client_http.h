#pragma once
// The S3Client that speaks to S3 (S3 API reference). Path-style URLs at an overridden endpoint and
// for bucket names that are no single DNS label, virtual-hosted ones otherwise, unless the options
// say which.

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
  // CRC-32 of what is written, and S3's own checksums of what is read; a server that knows none is
  // none the worse. read_checksum_settings() says when not.
  bool send_checksums = true;
  bool verify_checksums = true;
};

// AWS_REQUEST_CHECKSUM_CALCULATION and AWS_RESPONSE_CHECKSUM_VALIDATION: "when_required" turns them
// off, since no operation here requires one (AWS SDKs and Tools Reference Guide, "Data integrity
// protections for Amazon S3").
void read_checksum_settings(S3Options& options, const config::Environment& environment);

// wire's parts outlive the client.
std::shared_ptr<S3Client> make_s3_client(Wire wire,
                                         std::shared_ptr<CredentialProvider> credentials,
                                         Endpoint endpoint,
                                         S3Options options,
                                         Jitter jitter = random_jitter());

// Whether `bucket` can stand before S3's host under its certificate's one wildcard.
bool can_be_virtual_host(const std::string& bucket);

}  // namespace quarry::aws
