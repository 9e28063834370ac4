#pragma once
// The sandbox's S3: one coroutine per operation, and the dispatch to them.

#include "base/blocking_pool.h"
#include "base/clock.h"
#include "base/task.h"
#include "http/server.h"
#include "sandbox/disk.h"
#include "sandbox/object_store.h"
#include "sandbox/signature.h"
#include "sandbox/transfer.h"
#include "sandbox/upload_store.h"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <string>

namespace quarry::sandbox {

// What every operation uses; outlives the event loop's work.
struct S3Context {
  boost::asio::io_context& io;
  BlockingPool& pool;
  std::shared_ptr<BlockCache> blocks;
  ObjectStore& objects;
  UploadStore& uploads;
  const Clock& clock;  // of what is stored
  const Clock& wall;   // of signatures
  const Identities& identities;
};

struct S3Request {
  http::ServerRequest http;
  Query query;
  std::string bucket;  // "" for the service itself
  std::string key;     // "" for the bucket itself
  Caller caller;
};

using S3Answer = Answer<http::ServerResponse>;

// Verifies, dispatches, and turns faults into XML. `bucket` and `key` are decoded; `clock_offset`
// is how far the service's clock is off.
Awaitable<http::ServerResponse> handle_s3(S3Context& s3,
                                          http::ServerRequest request,
                                          http::BodyReader& body,
                                          std::string bucket,
                                          std::string key,
                                          std::chrono::seconds clock_offset);

// The operations. The signature has been verified, the bucket exists (but for create_bucket).
Awaitable<S3Answer> create_bucket(S3Context& s3, S3Request request, http::BodyReader& body);
Awaitable<S3Answer> delete_bucket(S3Context& s3, S3Request request);
S3Answer list_buckets(S3Context& s3, const S3Request& request);
S3Answer list_objects(S3Context& s3, const S3Request& request);
Awaitable<S3Answer> put_object(S3Context& s3, S3Request request, http::BodyReader& body);
Awaitable<S3Answer> copy_object(S3Context& s3, S3Request request);
Awaitable<S3Answer> get_object(S3Context& s3, S3Request request);
Awaitable<S3Answer> delete_object(S3Context& s3, S3Request request);
Awaitable<S3Answer> delete_objects(S3Context& s3, S3Request request, http::BodyReader& body);
Awaitable<S3Answer> create_upload(S3Context& s3, S3Request request);
Awaitable<S3Answer> upload_part(S3Context& s3, S3Request request, http::BodyReader& body);
Awaitable<S3Answer> complete_upload(S3Context& s3, S3Request request, http::BodyReader& body);
Awaitable<S3Answer> abort_upload(S3Context& s3, S3Request request);
S3Answer list_parts(S3Context& s3, const S3Request& request);
S3Answer list_uploads(S3Context& s3, const S3Request& request);

// Shared by them.
http::ServerResponse xml_response(std::string body);
Fault no_such_key(const std::string& key);
std::string quoted_etag(std::string_view etag);
// What PutObject and CreateMultipartUpload keep of a request's headers for GetObject.
std::vector<std::pair<std::string, std::string>> object_headers(const http::Headers& headers);
// Adds those of an object's headers that every answer about it carries, without its checksum.
void add_encryption_headers(http::Headers& to,
                            const std::vector<std::pair<std::string, std::string>>& headers);
// Faults: NotImplemented for an If-None-Match that is not "*".
Answer<WriteCondition> write_condition(const http::Headers& headers);
// A count in the query, `fallback` when absent. Faults: InvalidArgument below 0 or no number.
Answer<std::size_t> count_argument(const Query& query, std::string_view name, std::size_t fallback);

}  // namespace quarry::sandbox
