#pragma once
// The verifying side of AWS Signature Version 4, for header and for query ("presigned")
// authorization. Written apart from the signer in aws/, from AWS's "Create a signed request" and,
// for S3, "Authenticating requests". Pure: the time is handed in.

#include "base/bytes.h"
#include "base/clock.h"
#include "base/secret.h"
#include "sandbox/identities.h"
#include "sandbox/wire.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::sandbox {

enum class Service { s3, bedrock, sts, servicequotas };

// The canonical path: S3 signs each octet encoded once, as sent; every other service removes dot
// segments and encodes the path as sent once more.
std::string canonical_path(std::string_view sent_path, Service service);
// Sorted by encoded name then value; "uploads" becomes "uploads="; X-Amz-Signature is left out.
std::string canonical_query(std::string_view sent_query);

// Who a request comes from, once its signature has been found right.
struct Caller {
  std::string access_key_id;
  std::string region;  // of the credential scope: resources are made there
  Principal principal;
  bool assumed_role = false;  // with the credentials of a role's session
  bool presigned = false;
  // What chunk signatures of an aws-chunked body go on from.
  std::string amz_date;
  std::string scope;      // "20260102/us-east-1/s3/aws4_request"
  std::string signature;  // hex
  Secret<std::string> signing_key;
};

// The signature of one aws-chunked piece: kind is AWS4-HMAC-SHA256-PAYLOAD or
// AWS4-HMAC-SHA256-TRAILER.
std::string chunk_signature(const Caller& caller,
                            std::string_view kind,
                            std::string_view previous_signature,
                            std::string_view payload_hash_hex);

// Checks `request` as `service` does: whose key, whether its session goes on, the scope, what is
// signed, the time, the signature; for Bedrock also an API key in place of all that. payload_hash
// is the hex SHA-256 of the body; for S3 it is what x-amz-content-sha256 says (checked against the
// body later), UNSIGNED-PAYLOAD for a presigned request. Faults carry the service's own codes and
// words.
Answer<Caller> verify_signature(const http::ServerRequest& request,
                                Service service,
                                std::string_view payload_hash,
                                const Identities& identities,
                                SysTime now);

}  // namespace quarry::sandbox
