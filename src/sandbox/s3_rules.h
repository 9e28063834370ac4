#pragma once
// What the account says to a request to S3, before its operation: the bucket's region and owner,
// what is denied to the caller, and whether the keys of its objects may be used.

#include "sandbox/s3.h"

#include <string>
#include <string_view>

namespace quarry::sandbox {

// The region that a bucket says it is in.
std::string region_of_bucket(const S3Context& s3, const std::string& bucket, const Caller& caller);

// Of a request to a bucket that exists. Faults: PermanentRedirect for a bucket of another region,
// AccessDenied for another owner than expected, or for what is denied.
Answer<void> check_bucket_rules(const S3Context& s3, const S3Request& request);
// ListBuckets and CreateBucket, which have no bucket yet.
Answer<void> check_permission(const S3Context& s3, const S3Request& request);
// One object, where a request names several. Fault: AccessDenied.
Answer<void> check_object_action(const S3Context& s3,
                                 const S3Request& request,
                                 std::string_view action,
                                 std::string_view bucket,
                                 std::string_view key);

// Of the encryption that a new object asks for. Faults: InvalidArgument, those of use_key(), and
// AccessDenied where the bucket insists on another key.
Answer<void> check_new_encryption(const S3Context& s3, const S3Request& request);
// Before an object or an upload encrypted with a key is read or gone on with.
Answer<void> check_decrypt(const S3Context& s3,
                           const S3Request& request,
                           const std::vector<std::pair<std::string, std::string>>& object_headers);
// The fault for an object that is not there: who may not list the bucket is not told so.
Fault missing_object(const S3Context& s3, const S3Request& request, const std::string& key);

}  // namespace quarry::sandbox
