// What the deployment's S3 settings put on the wire, and what is said when they are at fault.

#include "aws/s3_client_http.h"
#include "aws/testing/scripted_client.h"
#include "base/testing/run.h"

#include <gtest/gtest.h>

#include <array>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::run;
using quarry::testing::ScriptedClient;
using quarry::testing::StandingClock;

const S3Uri kObject{"bkt", "k"};
constexpr const char* kKey = "arn:aws:kms:eu-west-1:123456789012:key/abc";
constexpr const char* kHello = "NhCmhg==";  // CRC-32 of "hello"

std::string error_xml(const std::string& code, const std::string& message) {
  return "<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>";
}

struct Options : ::testing::Test {
  ScriptedClient http;
  StandingClock clock{SysTime(1s)};
  BlockingPool pool{1};
  Deadline deadline = Deadline::after(10s);
  S3Options options{.region = "eu-west-1"};
  std::string url = "http://localhost:4566";

  // "" = AWS's own endpoint.
  std::shared_ptr<S3Client> client() {
    const Endpoint endpoint = url.empty() ? aws_endpoint("s3", "eu-west-1") : *parse_endpoint(url);
    return make_s3_client(Wire{http, clock, pool},
                          static_credentials({"AKID", Secret<std::string>("s"), {}}), endpoint,
                          options, [] { return 0.0; });
  }
  std::optional<std::string_view> sent(std::string_view field) {
    return http.sent().back().headers.get(field);
  }
  bool signs(std::string_view field) {
    const std::string_view authorization = sent("Authorization").value_or("");
    return authorization.contains(";" + std::string(field)) ||
           authorization.contains("=" + std::string(field));
  }
  Result<ObjectInfo> put(const std::string& body = "hello") {
    return run(client()->put(kObject, as_bytes(body), deadline));
  }
  // The message of the error that PutObject gives for this refusal.
  std::string refused(int status, const std::string& code, const std::string& message) {
    http.answer(status, error_xml(code, message));
    const auto got = put();
    EXPECT_FALSE(got);
    return got ? "" : got.error().message();
  }
};

// --- Encryption ---------------------------------------------------------------------------------

TEST_F(Options, ANewObjectIsEncryptedWithTheKey) {
  options.kms_key_id = kKey;
  http.answer(200);
  ASSERT_TRUE(put());
  EXPECT_EQ(sent("x-amz-server-side-encryption"), "aws:kms");
  EXPECT_EQ(sent("x-amz-server-side-encryption-aws-kms-key-id"), kKey);
  EXPECT_EQ(sent("x-amz-server-side-encryption-bucket-key-enabled"), std::nullopt);
  EXPECT_TRUE(signs("x-amz-server-side-encryption-aws-kms-key-id"));
  options.bucket_key = true;
  http.answer(200);
  ASSERT_TRUE(run(client()->put_new(kObject, as_bytes("x"), deadline)));
  EXPECT_EQ(sent("x-amz-server-side-encryption-aws-kms-key-id"), kKey);
  EXPECT_EQ(sent("x-amz-server-side-encryption-bucket-key-enabled"), "true");
}

TEST_F(Options, AnUploadNamesTheKeyWhenItBeginsAndNotForItsParts) {
  options.kms_key_id = kKey;
  http.answer(200,
              "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
              "</InitiateMultipartUploadResult>");
  ASSERT_TRUE(run(client()->create_multipart(kObject, deadline)));
  EXPECT_EQ(sent("x-amz-server-side-encryption-aws-kms-key-id"), kKey);
  http.answer(200, "", {{"ETag", "\"p\""}});
  ASSERT_TRUE(run(client()->upload_part(kObject, "u", 1, as_bytes("x"), deadline)));
  EXPECT_EQ(sent("x-amz-server-side-encryption"), std::nullopt);
}

TEST_F(Options, WithoutAKeyTheBucketsOwnEncryptionHolds) {
  options.bucket_key = true;
  http.answer(200);
  ASSERT_TRUE(put());
  EXPECT_EQ(sent("x-amz-server-side-encryption"), std::nullopt);
  EXPECT_EQ(sent("x-amz-server-side-encryption-bucket-key-enabled"), std::nullopt);
}

TEST_F(Options, AMissingPermissionOnTheKeyIsNamed) {
  options.kms_key_id = kKey;
  const std::string words =
      "User: arn:aws:iam::1:user/u is not authorized to perform: "
      "kms:GenerateDataKey on resource: key because no policy allows it";
  EXPECT_TRUE(refused(403, "AccessDenied", words)
                  .contains("hint: allow kms:GenerateDataKey and kms:Decrypt on "
                            "s3_encryption_key_id " +
                            std::string(kKey) +
                            ", both in the caller's policy and in the key's own"));
  options.kms_key_id.clear();
  EXPECT_TRUE(refused(403, "AccessDenied", words).contains("on the key that encrypts the bucket"));
}

TEST_F(Options, AKeyThatCannotBeUsedIsNamed) {
  options.kms_key_id = kKey;
  EXPECT_TRUE(refused(400, "KMS.NotFoundException", "why")
                  .contains("hint: no such key in eu-west-1: s3_encryption_key_id"));
  EXPECT_TRUE(refused(400, "KMS.DisabledException", "why")
                  .contains("hint: enable s3_encryption_key_id " + std::string(kKey)));
  EXPECT_TRUE(refused(400, "KMS.KMSInvalidStateException", "why").contains("take another key"));
}

TEST_F(Options, APolicyThatMayWantAKeyIsHintedAt) {
  EXPECT_TRUE(refused(403, "AccessDenied",
                      "User: u is not authorized to perform: s3:PutObject on resource: r with an "
                      "explicit deny in a resource-based policy")
                  .contains("hint: a policy forbids it; if the bucket's asks for a KMS key, set "
                            "s3_encryption_key_id"));
}

// --- The bucket's owner -------------------------------------------------------------------------

TEST_F(Options, EveryCallNamesTheBucketsOwner) {
  options.bucket_owner = "123456789012";
  const auto s3 = client();
  std::array<std::byte, 4> buffer{};
  for (int i = 0; i < 12; ++i) http.answer(404, error_xml("NoSuchKey", "why"));
  (void)run(s3->get_range(kObject, 0, buffer, "", deadline));
  (void)run(s3->put(kObject, as_bytes("x"), deadline));
  (void)run(s3->put_new(kObject, as_bytes("x"), deadline));
  (void)run(s3->head(kObject, deadline));
  (void)run(s3->bucket_region("bkt", deadline));
  (void)run(s3->list(kObject, {}, deadline));
  (void)run(s3->remove(kObject, deadline));
  (void)run(s3->create_multipart(kObject, deadline));
  (void)run(s3->upload_part(kObject, "u", 1, as_bytes("x"), deadline));
  (void)run(s3->complete_multipart(kObject, "u", {{1, "e"}}, deadline));
  (void)run(s3->abort_multipart(kObject, "u", deadline));
  (void)run(s3->list_multiparts(kObject, {}, deadline));
  ASSERT_EQ(http.sent().size(), 12u);
  for (const auto& one : http.sent()) {
    EXPECT_EQ(one.headers.get("x-amz-expected-bucket-owner"), "123456789012")
        << one.method << " " << one.url;
  }
}

TEST_F(Options, ABareRefusalNamesTheOwnerThatWasAskedFor) {
  options.bucket_owner = "123456789012";
  EXPECT_TRUE(refused(403, "AccessDenied", "Access Denied")
                  .contains("hint: s3_bucket_owner is 123456789012: if bucket bkt belongs to "
                            "another account, that is why"));
  EXPECT_FALSE(refused(403, "AccessDenied",
                       "User: u is not authorized to perform: s3:PutObject because no policy does")
                   .contains("s3_bucket_owner"));
  http.answer(403);
  EXPECT_TRUE(run(client()->head(kObject, deadline)).error().message().contains("s3_bucket_owner"));
  options.bucket_owner.clear();
  EXPECT_FALSE(refused(403, "AccessDenied", "Access Denied").contains("hint"));
}

// --- Addressing ---------------------------------------------------------------------------------

struct AddressRow {
  const char* url;
  config::S3Addressing addressing;
  const char* bucket;
  const char* expected;
};

TEST_F(Options, TheBucketStandsInTheHostOrInThePath) {
  using enum config::S3Addressing;
  for (const AddressRow& row : {
           AddressRow{"", automatic, "bkt", "https://bkt.s3.eu-west-1.amazonaws.com/k"},
           AddressRow{"", virtual_host, "bkt", "https://bkt.s3.eu-west-1.amazonaws.com/k"},
           AddressRow{"", path, "bkt", "https://s3.eu-west-1.amazonaws.com/bkt/k"},
           AddressRow{"", virtual_host, "a.dot", "https://s3.eu-west-1.amazonaws.com/a.dot/k"},
           AddressRow{"http://s3.local:9000", automatic, "bkt", "http://s3.local:9000/bkt/k"},
           AddressRow{"http://s3.local:9000", path, "bkt", "http://s3.local:9000/bkt/k"},
           AddressRow{"http://s3.local:9000", virtual_host, "bkt", "http://bkt.s3.local:9000/k"},
           AddressRow{"https://gw/s3", virtual_host, "bkt", "https://bkt.gw/s3/k"},
           AddressRow{"http://127.0.0.1:9000", virtual_host, "bkt", "http://127.0.0.1:9000/bkt/k"},
           AddressRow{"http://[::1]:9000", virtual_host, "bkt", "http://[::1]:9000/bkt/k"},
       }) {
    url = row.url;
    options.addressing = row.addressing;
    http.answer(204);
    ASSERT_TRUE(run(client()->remove({row.bucket, "k"}, deadline)));
    EXPECT_EQ(http.sent().back().url, row.expected);
  }
}

// --- Checksums of what is written ---------------------------------------------------------------

TEST_F(Options, EveryBodyGoesWithItsChecksum) {
  http.answer(200, "", {{"ETag", "\"e\""}, {"x-amz-checksum-crc32", kHello}});
  ASSERT_TRUE(put());
  EXPECT_EQ(sent("x-amz-checksum-crc32"), kHello);
  EXPECT_TRUE(signs("x-amz-checksum-crc32"));
  http.answer(200);
  ASSERT_TRUE(put(""));
  EXPECT_EQ(sent("x-amz-checksum-crc32"), "AAAAAA==");
  http.answer(200);
  ASSERT_TRUE(put(std::string(300'000, '\0')));
  EXPECT_EQ(sent("x-amz-checksum-crc32"), "9rLi+w==");
}

TEST_F(Options, AnUploadsPartsCarryTheirChecksumsToItsEnd) {
  http.answer(200,
              "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
              "</InitiateMultipartUploadResult>");
  ASSERT_TRUE(run(client()->create_multipart(kObject, deadline)));
  EXPECT_EQ(sent("x-amz-checksum-algorithm"), "CRC32");
  http.answer(200, "", {{"ETag", "\"p\""}, {"x-amz-checksum-crc32", kHello}});
  const auto part = run(client()->upload_part(kObject, "u", 1, as_bytes("hello"), deadline));
  ASSERT_TRUE(part) << part.error().message();
  EXPECT_EQ(part->checksum, kHello);
  for (const char* crc : {"", "<ChecksumCRC32>FKTmaw==-1</ChecksumCRC32>",
                          "<ChecksumCRC32>AAAAAA==</ChecksumCRC32>",  // of the whole
                          "<ChecksumCRC32>AAAAAA==-1</ChecksumCRC32>"}) {
    http.answer(200, "<CompleteMultipartUploadResult><ETag>\"e-1\"</ETag>" + std::string(crc) +
                         "</CompleteMultipartUploadResult>");
    const auto made = run(client()->complete_multipart(kObject, "u", {*part}, deadline));
    EXPECT_TRUE(http.sent().back().body.contains("<ChecksumCRC32>NhCmhg==</ChecksumCRC32>"));
    const bool wrong = std::string_view(crc).contains("AAAAAA==-1");
    ASSERT_EQ(made.has_value(), !wrong) << crc;
    if (!made) {
      EXPECT_EQ(made.error().code(), Errc::corrupt);
    }
  }
}

TEST_F(Options, AServerThatKnowsNoChecksumsIsToldNoneAtTheEnd) {
  http.answer(200, "", {{"ETag", "\"p\""}});
  const auto part = run(client()->upload_part(kObject, "u", 1, as_bytes("hello"), deadline));
  ASSERT_TRUE(part);
  EXPECT_EQ(part->checksum, "");
  http.answer(200,
              "<CompleteMultipartUploadResult><ETag>\"e-1\"</ETag>"
              "</CompleteMultipartUploadResult>");
  ASSERT_TRUE(run(client()->complete_multipart(kObject, "u", {*part}, deadline)));
  EXPECT_FALSE(http.sent().back().body.contains("Checksum"));
}

TEST_F(Options, BytesThatWereDamagedOnTheWayAreSentAgain) {
  http.answer(400, error_xml("BadDigest", "The CRC32 you specified did not match"));
  http.answer(200, "", {{"x-amz-checksum-crc32", "AAAAAA=="}});
  http.answer(200, "", {{"x-amz-checksum-crc32", kHello}});
  EXPECT_TRUE(put());
  EXPECT_EQ(http.sent().size(), 3u);
}

TEST_F(Options, BytesThatAreDamagedEveryTimeAreCorrupt) {
  for (int i = 0; i < 3; ++i) http.answer(400, error_xml("BadDigest", "why"));
  const auto refused = put();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::corrupt);
  for (int i = 0; i < 3; ++i) http.answer(200, "", {{"x-amz-checksum-crc32", "AAAAAA=="}});
  const auto differs = put();
  ASSERT_FALSE(differs);
  EXPECT_EQ(differs.error().code(), Errc::corrupt);
}

TEST_F(Options, WhenRequiredMeansNoChecksums) {
  const auto environment = [](const std::string& variable) -> std::optional<std::string> {
    if (variable == "AWS_REQUEST_CHECKSUM_CALCULATION") return "WHEN_REQUIRED";
    if (variable == "AWS_RESPONSE_CHECKSUM_VALIDATION") return "when_supported";
    return std::nullopt;
  };
  read_checksum_settings(options, environment);
  EXPECT_FALSE(options.send_checksums);
  EXPECT_TRUE(options.verify_checksums);
  http.answer(200);
  ASSERT_TRUE(put());
  EXPECT_EQ(sent("x-amz-checksum-crc32"), std::nullopt);
  http.answer(200,
              "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
              "</InitiateMultipartUploadResult>");
  ASSERT_TRUE(run(client()->create_multipart(kObject, deadline)));
  EXPECT_EQ(sent("x-amz-checksum-algorithm"), std::nullopt);
}

// --- New objects --------------------------------------------------------------------------------

struct NewObject : Options {
  Result<ObjectInfo> put_new() {
    return run(client()->put_new(kObject, as_bytes("hello"), deadline));
  }
  void found(http::Headers headers) {
    headers.set("Content-Length", "5");
    http.answer(200, "", std::move(headers));
  }
  void lose_the_first_answer() {
    http.answer(Error(Errc::unavailable, "connection reset"));
    http.answer(412, error_xml("PreconditionFailed", "why"));
  }
};
constexpr const char* kHelloMd5 = "\"5d41402abc4b2a76b9719d911017c592\"";

TEST_F(NewObject, IsMadeUnlessTheKeyIsTaken) {
  http.answer(200, "", {{"ETag", "\"e\""}});
  EXPECT_EQ(put_new()->etag, "e");
  EXPECT_EQ(sent("If-None-Match"), "*");
  http.answer(412, error_xml("PreconditionFailed", "why"));
  found({{"ETag", "\"0123456789abcdef0123456789abcdef\""}});
  EXPECT_EQ(put_new().error().code(), Errc::conflict);
}

// libcurl repeats what it sent on a pooled connection that was dead, and counts nothing.
TEST_F(NewObject, IsKnownAgainWhenNobodySawTheRepeat) {
  http.answer(412, error_xml("PreconditionFailed", "why"));
  found({{"ETag", kHelloMd5}});
  EXPECT_TRUE(put_new());
}

TEST_F(NewObject, IsKnownAgainWhenItsAnswerWasLost) {
  lose_the_first_answer();
  found({{"ETag", kHelloMd5}});
  const auto by_md5 = put_new();
  ASSERT_TRUE(by_md5) << by_md5.error().message();
  EXPECT_EQ(by_md5->size_bytes, 5u);
  EXPECT_EQ(by_md5->etag, "5d41402abc4b2a76b9719d911017c592");
  lose_the_first_answer();
  found({{"ETag", "\"opaque\""},
         {"x-amz-server-side-encryption", "aws:kms"},
         {"x-amz-checksum-crc32", kHello}});
  EXPECT_TRUE(put_new());
}

TEST_F(NewObject, OfAnotherIsAConflictAfterALostAnswerToo) {
  for (const http::Headers& theirs :
       {http::Headers{{"ETag", "\"0123456789abcdef0123456789abcdef\""}},
        http::Headers{{"ETag", kHelloMd5}, {"x-amz-server-side-encryption", "aws:kms:dsse"}},
        http::Headers{{"ETag", "\"x\""}, {"x-amz-checksum-crc32", "AAAAAA=="}}}) {
    lose_the_first_answer();
    found(theirs);
    const auto got = put_new();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Errc::conflict);
    EXPECT_EQ(got.error().reason(), "PreconditionFailed");
  }
  lose_the_first_answer();
  http.answer(200, "", {{"Content-Length", "6"}, {"ETag", kHelloMd5}});
  EXPECT_FALSE(put_new());
}

TEST_F(NewObject, WaitsOutAnotherWritersAttempt) {
  http.answer(409, error_xml("ConditionalRequestConflict", "why"));
  http.answer(200, "", {{"ETag", "\"e\""}});
  EXPECT_TRUE(put_new());
  for (int i = 0; i < 3; ++i) http.answer(409, error_xml("ConditionalRequestConflict", "why"));
  EXPECT_EQ(put_new().error().code(), Errc::conflict);
}

// --- The bucket's region ------------------------------------------------------------------------

TEST_F(Options, TheBucketsRegionIsToldByRefusalsToo) {
  for (const int status : {200, 301, 400, 403}) {
    http.answer(status, "", {{"x-amz-bucket-region", "us-west-2"}});
    const auto region = run(client()->bucket_region("bkt", deadline));
    ASSERT_TRUE(region) << status;
    EXPECT_EQ(*region, "us-west-2");
  }
  EXPECT_EQ(http.sent().back().method, "HEAD");
  EXPECT_EQ(http.sent().back().url, "http://localhost:4566/bkt/");
}

TEST_F(Options, ABucketsRegionMayBeUntold) {
  http.answer(200);
  EXPECT_EQ(run(client()->bucket_region("bkt", deadline)), "");
  http.answer(404);
  EXPECT_EQ(run(client()->bucket_region("bkt", deadline)).error().code(), Errc::not_found);
  http.answer(403);
  const auto forbidden = run(client()->bucket_region("bkt", deadline));
  EXPECT_EQ(forbidden.error().code(), Errc::forbidden);
  EXPECT_TRUE(forbidden.error().message().starts_with("HeadBucket bkt: "));
}

}  // namespace
}  // namespace quarry::aws
