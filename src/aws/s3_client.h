#pragma once
// The S3 operations the gateway uses. `batch/` and `files/` see only this; make_s3_client() is the
// real one, testing::FakeS3 (aws/testing/fake_s3.h) the in-memory one. HTTP stays out.

#include "base/clock.h"
#include "base/task.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace quarry::aws {

// Bucket and key as AWS stores them: raw UTF-8, not percent-encoded. "a//b" and "a/b" are different
// keys; encoding happens once, in the request builder.
struct S3Uri {
  std::string bucket;
  std::string key;
};
// "s3://bucket/key"
std::string to_string(const S3Uri& uri);

struct ObjectInfo {
  std::string key;
  std::uint64_t size_bytes = 0;
  std::string etag;                      // opaque, quotes stripped
  std::optional<SysTime> modified = {};  // of a listing's objects, where S3 said it
};

struct RangeRead {
  std::size_t bytes = 0;           // written to the buffer
  std::uint64_t object_bytes = 0;  // the whole object's size
  std::string etag;
};

struct ListPage {
  std::vector<ObjectInfo> objects;
  std::optional<std::string> next_token;  // absent on the last page
};

// A multipart upload that was begun, and neither completed nor aborted.
struct OpenMultipart {
  std::string key;
  std::string upload_id;
  SysTime initiated;
};

struct MultipartMarker {
  std::string key;
  std::string upload_id;
};

struct MultipartPage {
  std::vector<OpenMultipart> uploads;
  std::optional<MultipartMarker> next;  // absent on the last page
};

struct PartTag {
  int number = 0;  // 1..10000
  std::string etag;
  std::string checksum = {};  // CRC-32 as S3 writes it; "" where S3 keeps none
};

// May be called concurrently from coroutines of one executor; never blocks the thread. The client
// outlives every awaitable it returned. Buffers stay valid until the task completes. `deadline`
// bounds the whole call, retries and credential refresh included. Errors of every call: throttled,
// unavailable, deadline_exceeded, cancelled, forbidden (AccessDenied, SignatureDoesNotMatch…),
// upstream (any other S3 code); reason() is S3's code, the message carries code, operation, uri and
// request id.
class S3Client {
 public:
  virtual ~S3Client() = default;

  // Reads [offset, offset + buffer.size()) or up to the object's end. An empty object gives bytes =
  // 0. if_match: an etag that the object must still have ("" = any). Also: not_found, conflict
  // (etag changed).
  virtual Task<RangeRead> get_range(S3Uri object,
                                    std::uint64_t offset,
                                    std::span<std::byte> buffer,
                                    std::string if_match,
                                    Deadline deadline) = 0;
  // Replaces the object; idempotent, so it retries. At most 5 GiB.
  virtual Task<ObjectInfo> put(S3Uri object,
                               std::span<const std::byte> bytes,
                               Deadline deadline) = 0;
  // Makes the object, unless the key is there already: conflict then, and it stays as it is
  // (If-None-Match: *). A repeat whose first answer was lost knows its own object again.
  virtual Task<ObjectInfo> put_new(S3Uri object,
                                   std::span<const std::byte> bytes,
                                   Deadline deadline) = 0;
  virtual Task<ObjectInfo> head(S3Uri object, Deadline deadline) = 0;  // Also: not_found
  // The region that the bucket is in (HeadBucket: x-amz-bucket-region, which 301 and 403 carry
  // too); "" where the server does not say. Also: not_found.
  virtual Task<std::string> bucket_region(std::string bucket, Deadline deadline) = 0;
  // One page, at most 1000 keys, UTF-8 binary order (ListObjectsV2).
  virtual Task<ListPage> list(S3Uri prefix,
                              std::optional<std::string> token,
                              Deadline deadline) = 0;
  // Succeeds also when the key was already gone (S3 answers 204 both ways).
  virtual Task<void> remove(S3Uri object, Deadline deadline) = 0;

  virtual Task<std::string> create_multipart(S3Uri object, Deadline deadline) = 0;  // the upload id
  virtual Task<PartTag> upload_part(S3Uri object,
                                    std::string upload_id,
                                    int number,
                                    std::span<const std::byte> bytes,
                                    Deadline deadline) = 0;
  // A 200 with an <Error> body is an error. ObjectInfo::size_bytes is 0 where S3 did not say it.
  virtual Task<ObjectInfo> complete_multipart(S3Uri object,
                                              std::string upload_id,
                                              std::vector<PartTag> parts,
                                              Deadline deadline) = 0;
  // Succeeds also when the upload was already gone.
  virtual Task<void> abort_multipart(S3Uri object, std::string upload_id, Deadline deadline) = 0;
  // One page, at most 1000 uploads, by key (ListMultipartUploads).
  virtual Task<MultipartPage> list_multiparts(S3Uri prefix,
                                              std::optional<MultipartMarker> after,
                                              Deadline deadline) = 0;
};

}  // namespace quarry::aws
