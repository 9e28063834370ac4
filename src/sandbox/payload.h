#pragma once
// What an S3 request says about its body, held to the body while it streams: length,
// x-amz-content-sha256, aws-chunked framing, Content-MD5 and x-amz-checksum-*. Pure; any one thread
// at a time.

#include "sandbox/aws_chunked.h"
#include "sandbox/digest.h"
#include "sandbox/signature.h"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace quarry::sandbox {

struct Checksum {
  DigestKind kind = DigestKind::crc32;
  std::string value;  // base64
};

struct PayloadSummary {
  std::uint64_t size = 0;
  std::string md5;  // raw
  std::optional<Checksum> checksum;
};

class Payload {
 public:
  using Sink = std::function<void(std::span<const std::byte>)>;

  // Faults: MissingContentLength, InvalidArgument, InvalidDigest, InvalidRequest, EntityTooLarge.
  static Answer<Payload> expect(const http::Headers& headers, const Caller& caller);

  // Computes a checksum of this kind where the request gave none.
  void compute(DigestKind kind);
  // The next bytes of the body as sent; the sink gets the object's own bytes.
  Answer<void> consume(std::span<const std::byte> bytes, const Sink& sink);
  // Faults: IncompleteBody, XAmzContentSHA256Mismatch, BadDigest, SignatureDoesNotMatch.
  Answer<PayloadSummary> finish();
  // True where the request gave an MD5 or a checksum, as DeleteObjects must.
  bool has_integrity() const { return !content_md5_.empty() || checksum_ != nullptr; }
  // Of the checksum that the request gives.
  std::optional<DigestKind> given_checksum() const {
    return checksum_ ? std::optional(checksum_kind_) : std::nullopt;
  }

 private:
  Payload() = default;
  Answer<void> expect_integrity(const http::Headers& headers);
  Answer<void> check_checksum(PayloadSummary& summary);

  std::optional<std::uint64_t> expected_size_;
  std::uint64_t size_ = 0;
  std::string declared_sha256_;  // hex; "" when the payload is not signed
  std::string content_md5_;      // raw
  std::unique_ptr<Digest> md5_;
  std::unique_ptr<Digest> sha256_;
  std::unique_ptr<AwsChunkedReader> chunked_;
  DigestKind checksum_kind_ = DigestKind::crc32;
  std::unique_ptr<Digest> checksum_;
  std::string checksum_value_;  // base64; "" until the trailer says it
  bool checksum_in_trailer_ = false;
  bool checksum_only_computed_ = false;
};

}  // namespace quarry::sandbox
