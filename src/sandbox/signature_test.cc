// What the verifier accepts and refuses. Expected signatures were made with botocore for AWS's
// example credentials, 2026-01-02T03:04:05Z, us-east-1; the chunk signatures are those of AWS's own
// example
// ("Signature calculations for the Authorization header: transferring payload in multiple chunks").

#include "sandbox/signature.h"

#include "sandbox/aws_chunked.h"

#include <gtest/gtest.h>

namespace quarry::sandbox {
namespace {

const Identities kExample{
    {.access_key_id = "AKIDEXAMPLE",
     .secret_access_key = Secret<std::string>("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")}};
const SysTime kThen = std::chrono::sys_days(std::chrono::year(2026) / 1 / 2) +
                      std::chrono::hours(3) + std::chrono::minutes(4) + std::chrono::seconds(5);
const std::string kEmptyHash = sha256_hex("");

http::ServerRequest request_of(std::string method,
                               std::string path,
                               std::string query,
                               http::Headers headers) {
  http::ServerRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.query = std::move(query);
  request.headers = std::move(headers);
  request.headers.set("X-Amz-Date", "20260102T030405Z");
  return request;
}

std::string authorization(std::string_view service,
                          std::string_view names,
                          std::string_view signature) {
  return "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/" + std::string(service) +
         "/aws4_request, SignedHeaders=" + std::string(names) +
         ", Signature=" + std::string(signature);
}

http::ServerRequest list_jobs() {
  return request_of(
      "GET", "/model-invocation-jobs",
      "statusEquals=InProgress&maxResults=10&submitTimeAfter=2026-01-02T03%3A04%3A05Z",
      {{"Host", "bedrock.us-east-1.amazonaws.com"},
       {"Authorization",
        authorization("bedrock", "host;x-amz-date",
                      "9849234e203c06b9afc6022857e9293fe01fd9743d5564b95694ec4934237e0b")}});
}

http::ServerRequest put_object() {
  return request_of(
      "PUT", "/a%20b/c%2Bd.jsonl", "",
      {{"Host", "bkt.s3.us-east-1.amazonaws.com"},
       {"Content-Type", "application/jsonl"},
       {"If-None-Match", "*"},
       {"x-amz-content-sha256", sha256_hex("hello world\n")},
       {"Authorization",
        authorization("s3", "content-type;host;if-none-match;x-amz-content-sha256;x-amz-date",
                      "c6e2c167820b20ddb2140ab67e5cfa1285dcec21b130db71f6847591d31cded8")}});
}

std::string code_of(const Answer<Caller>& answer) {
  return answer ? "accepted" : answer.error().code;
}

TEST(VerifySignature, AcceptsBedrocksQuery) {
  const auto caller = verify_signature(list_jobs(), Service::bedrock, kEmptyHash, kExample, kThen);
  ASSERT_TRUE(caller) << caller.error().message;
  EXPECT_EQ(caller->region, "us-east-1");
  EXPECT_FALSE(caller->presigned);
}

TEST(VerifySignature, AcceptsBedrocksBody) {
  auto request = request_of(
      "POST", "/model-invocation-job", "",
      {{"Host", "bedrock.us-east-1.amazonaws.com"},
       {"Content-Type", "application/json"},
       {"Authorization",
        authorization("bedrock", "content-type;host;x-amz-date",
                      "e26a044bd3766fb840142437312b0ecbb5c1e25ccd9232b7a63ac1aaa970362d")}});
  EXPECT_EQ(code_of(verify_signature(request, Service::bedrock, sha256_hex(R"({"jobName":"j"})"),
                                     kExample, kThen)),
            "accepted");
  EXPECT_EQ(code_of(verify_signature(request, Service::bedrock, sha256_hex(R"({"jobName":"k"})"),
                                     kExample, kThen)),
            "InvalidSignatureException");
}

TEST(VerifySignature, AcceptsAnS3Put) {
  EXPECT_EQ(code_of(verify_signature(put_object(), Service::s3, sha256_hex("hello world\n"),
                                     kExample, kThen)),
            "accepted");
}

TEST(VerifySignature, AcceptsAQueryParameterWithoutValue) {
  auto request = request_of(
      "POST", "/k", "uploads",
      {{"Host", "bkt.s3.us-east-1.amazonaws.com"},
       {"x-amz-content-sha256", kEmptyHash},
       {"Authorization",
        authorization("s3", "host;x-amz-content-sha256;x-amz-date",
                      "6f2455e33e1f0be033d27a6b198d90668efb11d20a7d51c024dc49c82a47e51f")}});
  EXPECT_EQ(code_of(verify_signature(request, Service::s3, kEmptyHash, kExample, kThen)),
            "accepted");
}

TEST(VerifySignature, RefusesAnyChangeOfWhatWasSigned) {
  const auto s3_code = [](http::ServerRequest request) {
    return code_of(
        verify_signature(request, Service::s3, sha256_hex("hello world\n"), kExample, kThen));
  };
  auto request = put_object();
  request.method = "GET";
  EXPECT_EQ(s3_code(request), "SignatureDoesNotMatch");
  request = put_object();
  request.path = "/a%20b/c+e.jsonl";
  EXPECT_EQ(s3_code(request), "SignatureDoesNotMatch");
  request = put_object();
  request.query = "x=1";
  EXPECT_EQ(s3_code(request), "SignatureDoesNotMatch");
  request = put_object();
  request.headers.set("Content-Type", "text/plain");
  EXPECT_EQ(s3_code(request), "SignatureDoesNotMatch");
  request = put_object();
  request.headers.add("x-amz-meta-more", "1");
  EXPECT_EQ(s3_code(request), "AccessDenied");
}

TEST(VerifySignature, AcceptsARawCharacterThatWasSignedEncoded) {
  auto request = put_object();
  request.path = "/a%20b/c+d.jsonl";
  EXPECT_EQ(
      code_of(verify_signature(request, Service::s3, sha256_hex("hello world\n"), kExample, kThen)),
      "accepted");
}

TEST(VerifySignature, RefusesTheWrongSecretAndTheUnknownKeyInEachServicesWords) {
  const auto root = [](const char* id, const char* secret) {
    return Identities({.access_key_id = id, .secret_access_key = Secret<std::string>(secret)});
  };
  const Identities wrong = root("AKIDEXAMPLE", "another"), unknown = root("AKIDOTHER", "another");
  const std::string hash = sha256_hex("hello world\n");
  EXPECT_EQ(code_of(verify_signature(list_jobs(), Service::bedrock, kEmptyHash, wrong, kThen)),
            "InvalidSignatureException");
  EXPECT_EQ(code_of(verify_signature(put_object(), Service::s3, hash, wrong, kThen)),
            "SignatureDoesNotMatch");
  EXPECT_EQ(code_of(verify_signature(list_jobs(), Service::bedrock, kEmptyHash, unknown, kThen)),
            "UnrecognizedClientException");
  EXPECT_EQ(code_of(verify_signature(put_object(), Service::s3, hash, unknown, kThen)),
            "InvalidAccessKeyId");
  EXPECT_EQ(code_of(verify_signature(list_jobs(), Service::sts, kEmptyHash, unknown, kThen)),
            "InvalidClientTokenId");
}

TEST(VerifySignature, AllowsFifteenMinutesAndNotASecondMore) {
  const auto bedrock_code = [](SysTime now) {
    return code_of(verify_signature(list_jobs(), Service::bedrock, kEmptyHash, kExample, now));
  };
  EXPECT_EQ(bedrock_code(kThen + std::chrono::minutes(15)), "accepted");
  EXPECT_EQ(bedrock_code(kThen - std::chrono::minutes(15)), "accepted");
  EXPECT_EQ(bedrock_code(kThen + std::chrono::seconds(901)), "InvalidSignatureException");
  EXPECT_EQ(bedrock_code(kThen - std::chrono::seconds(901)), "InvalidSignatureException");
  EXPECT_EQ(code_of(verify_signature(put_object(), Service::s3, sha256_hex("hello world\n"),
                                     kExample, kThen + std::chrono::seconds(901))),
            "RequestTimeTooSkewed");
}

TEST(VerifySignature, RefusesARequestWithoutAuthorization) {
  auto request = list_jobs();
  request.headers.remove("Authorization");
  EXPECT_EQ(code_of(verify_signature(request, Service::bedrock, kEmptyHash, kExample, kThen)),
            "MissingAuthenticationTokenException");
  EXPECT_EQ(code_of(verify_signature(request, Service::s3, kEmptyHash, kExample, kThen)),
            "AccessDenied");
  request.headers.set("Authorization",
                      "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=0");
  EXPECT_EQ(code_of(verify_signature(request, Service::s3, kEmptyHash, kExample, kThen)),
            "AuthorizationHeaderMalformed");
  EXPECT_EQ(code_of(verify_signature(request, Service::bedrock, kEmptyHash, kExample, kThen)),
            "IncompleteSignatureException");
}

TEST(VerifySignature, RefusesAnotherServicesScope) {
  EXPECT_EQ(code_of(verify_signature(put_object(), Service::bedrock, kEmptyHash, kExample, kThen)),
            "InvalidSignatureException");
  EXPECT_EQ(code_of(verify_signature(list_jobs(), Service::s3, kEmptyHash, kExample, kThen)),
            "AuthorizationHeaderMalformed");
}

struct PathRow {
  const char* name;
  const char* sent;
  Service service;
  const char* canonical;
};
class CanonicalPath : public ::testing::TestWithParam<PathRow> {};

TEST_P(CanonicalPath, FollowsTheServicesRule) {
  EXPECT_EQ(canonical_path(GetParam().sent, GetParam().service), GetParam().canonical);
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    CanonicalPath,
    ::testing::Values(
        PathRow{"BedrockEncodesTheJobArnAgain",
                "/model-invocation-job/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ax%2Fy",
                Service::bedrock,
                "/model-invocation-job/arn%253Aaws%253Abedrock%253Aus-east-1%253A1%253Ax%252Fy"},
        PathRow{"BedrockRemovesDotSegments", "/a/./b/../c//d/", Service::bedrock, "/a/c/d/"},
        PathRow{"S3KeepsTheJobArnAsSent", "/b/arn%3Aaws", Service::s3, "/b/arn%3Aaws"},
        PathRow{"S3KeepsDotsAndDoubleSlashes", "/b//./../k", Service::s3, "/b//./../k"},
        PathRow{"TheEmptyPathIsTheRoot", "", Service::bedrock, "/"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(CanonicalQuery, SortsByNameThenValueAndLeavesTheSignatureOut) {
  EXPECT_EQ(canonical_query("b=2&a=z&a=b&uploads&X-Amz-Signature=ff&p=%2f~"),
            "a=b&a=z&b=2&p=%2F~&uploads=");
}

// AWS's example: 65 KiB of 'a' as one 64 KiB chunk, one of 1 KiB, and the last one.
Caller example_caller() {
  std::string key = "AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  for (const char* step : {"20130524", "us-east-1", "s3", "aws4_request"}) {
    key = std::string(as_text(hmac_sha256(as_bytes(key), as_bytes(step))));
  }
  Caller caller;
  caller.amz_date = "20130524T000000Z";
  caller.scope = "20130524/us-east-1/s3/aws4_request";
  caller.signature = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
  caller.signing_key = Secret<std::string>(key);
  return caller;
}

std::string example_body() {
  return "10000;chunk-signature="
         "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
         std::string(65536, 'a') +
         "\r\n400;chunk-signature="
         "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" +
         std::string(1024, 'a') +
         "\r\n0;chunk-signature="
         "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n";
}

Answer<std::string> decode(std::string_view body, std::size_t piece_bytes) {
  AwsChunkedReader reader(example_caller(), true, false);
  std::string out;
  for (std::size_t at = 0; at < body.size(); at += piece_bytes) {
    auto fed = reader.feed(as_bytes(body.substr(at, piece_bytes)),
                           [&](std::span<const std::byte> bytes) { out += as_text(bytes); });
    if (!fed) return std::unexpected(std::move(fed.error()));
  }
  if (auto ended = reader.finish(); !ended) return std::unexpected(std::move(ended.error()));
  return out;
}

TEST(AwsChunked, DecodesAwssExampleInPiecesOfAnySize) {
  for (const std::size_t piece_bytes : {1U, 7U, 4096U, 1U << 20}) {
    const auto decoded = decode(example_body(), piece_bytes);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(*decoded, std::string(65536 + 1024, 'a')) << piece_bytes;
  }
}

TEST(AwsChunked, RefusesAChangedByteAndAMissingEnd) {
  std::string changed = example_body();
  changed[1000] = 'b';
  const auto tampered = decode(changed, 4096);
  ASSERT_FALSE(tampered);
  EXPECT_EQ(tampered.error().code, "SignatureDoesNotMatch");
  const auto cut = decode(std::string_view(changed).substr(0, 500), 4096);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, "IncompleteBody");
}

TEST(AwsChunked, GivesTheTrailerOfAnUnsignedBody) {
  AwsChunkedReader reader(Caller{}, false, true);
  std::string out;
  const std::string_view body = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
  ASSERT_TRUE(reader.feed(as_bytes(body),
                          [&](std::span<const std::byte> bytes) { out += as_text(bytes); }));
  ASSERT_TRUE(reader.finish());
  EXPECT_EQ(out, "hello");
  ASSERT_EQ(reader.trailer().size(), 1U);
  EXPECT_EQ(reader.trailer()[0],
            std::pair(std::string("x-amz-checksum-crc32"), std::string("NhCmhg==")));
}

}  // namespace
}  // namespace quarry::sandbox
