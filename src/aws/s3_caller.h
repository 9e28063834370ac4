#pragma once
// What every operation of S3 shares: where a bucket's requests go, the headers that all of them
// carry, redirects, and refusals in words that help.

#include "aws/request_sender.h"
#include "aws/s3_client_http.h"
#include "aws/s3_error.h"

#include <memory>
#include <span>
#include <string>

namespace quarry::aws {

S3Label label_of(const AwsRequest& request, const std::string& bucket);

// Loop thread; many calls may run at once.
class S3Caller {
 public:
  S3Caller(Wire wire,
           std::shared_ptr<CredentialProvider> credentials,
           Endpoint endpoint,
           S3Options options,
           Jitter jitter);

  // An empty key means the bucket itself.
  AwsRequest request(std::string operation, std::string method, const S3Uri& object) const;
  // As RequestSender::send; but a bucket so new that its host is not known everywhere is followed
  // to where S3 says it is, once.
  Task<AwsReply> send(AwsRequest request, Deadline deadline);
  // As send(), but S3's refusals are Errors too.
  Task<http::ClientResponse> call(AwsRequest request, std::string bucket, Deadline deadline);

  // The encryption that a new object is to have.
  void set_encryption(AwsRequest& request) const;
  // The body's checksum, where it is to be sent; else "". `bytes` stay valid until it is done.
  Awaitable<std::string> checksum_of(std::span<const std::byte> bytes);
  // Sends `checksum` along ("" = none), and holds S3 to what it says that it got.
  void set_checksum(AwsRequest& request, const std::string& checksum) const;

  const S3Options& options() const { return options_; }
  BlockingPool& pool() const { return pool_; }

 private:
  RequestSender sender_;
  BlockingPool& pool_;
  S3Options options_;
};

// Bytes that are looked through on the loop: well below a millisecond. More goes to the pool.
inline constexpr std::size_t kInlineBytesMax = 64 * 1024;

}  // namespace quarry::aws
