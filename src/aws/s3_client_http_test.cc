#include "aws/s3_client_http.h"

#include "aws/testing/scripted_client.h"
#include "base/testing/run.h"

#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::run;
using quarry::testing::ScriptedClient;
using quarry::testing::StandingClock;

const S3Uri kObject{"bkt", "a b/c+d=\xC3\xA9.jsonl"};

std::string error_xml(const std::string& code, const std::string& more = {}) {
  return "<Error><Code>" + code + "</Code><Message>why</Message>" + more +
         "<RequestId>R1</RequestId></Error>";
}

struct S3 : ::testing::Test {
  ScriptedClient http;
  StandingClock clock{SysTime(1s)};
  BlockingPool pool{1};
  std::shared_ptr<S3Client> client = make("http://localhost:4566");
  Deadline deadline = Deadline::after(10s);

  // "" = AWS's own endpoint.
  std::shared_ptr<S3Client> make(const std::string& url) {
    const auto credentials = static_credentials({"AKID", Secret<std::string>("s"), {}});
    const Endpoint endpoint = url.empty() ? aws_endpoint("s3", "eu-west-1") : *parse_endpoint(url);
    return make_s3_client(Wire{http, clock, pool}, credentials, endpoint,
                          S3Options{.region = "eu-west-1"}, [] { return 0.0; });
  }
  const ScriptedClient::Sent& sent() { return http.sent().back(); }
};

// --- URLs
// -------------------------------------------------------------------------------------------

TEST_F(S3, SendsPathStyleToAnOverriddenEndpointWithTheKeyEncodedOnce) {
  http.answer(200, "", {{"ETag", "\"e\""}});
  ASSERT_TRUE(run(client->put(kObject, as_bytes("x"), deadline)));
  EXPECT_EQ(sent().method, "PUT");
  EXPECT_EQ(sent().url, "http://localhost:4566/bkt/a%20b/c%2Bd%3D%C3%A9.jsonl");
  EXPECT_EQ(sent().body, "x");
}

TEST_F(S3, SendsVirtualHostedToAws) {
  client = make("");
  http.answer(204);
  ASSERT_TRUE(run(client->remove({"bkt", "a//b/../c"}, deadline)));
  EXPECT_EQ(sent().url, "https://bkt.s3.eu-west-1.amazonaws.com/a//b/../c");
}

TEST_F(S3, SendsPathStyleWhereTheBucketIsNoSingleLabel) {
  client = make("");
  http.answer(204);
  ASSERT_TRUE(run(client->remove({"my.bucket", "k"}, deadline)));
  EXPECT_EQ(sent().url, "https://s3.eu-west-1.amazonaws.com/my.bucket/k");
  EXPECT_FALSE(can_be_virtual_host("Upper"));
  EXPECT_FALSE(can_be_virtual_host("under_score"));
  EXPECT_FALSE(can_be_virtual_host("ab"));
  EXPECT_FALSE(can_be_virtual_host("-ab"));
  EXPECT_TRUE(can_be_virtual_host("a-1"));
}

// --- Reading
// ----------------------------------------------------------------------------------------

TEST_F(S3, ReadsARangeOfTheObject) {
  std::array<std::byte, 4> buffer{};
  http.answer(206, "4567", {{"Content-Range", "bytes 4-7/10"}, {"ETag", "\"e\""}});
  const auto read = run(client->get_range(kObject, 4, buffer, "e", deadline));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->bytes, 4u);
  EXPECT_EQ(read->object_bytes, 10u);
  EXPECT_EQ(read->etag, "e");
  EXPECT_EQ(as_text(buffer), "4567");
  EXPECT_EQ(sent().headers.get("Range"), "bytes=4-7");
  EXPECT_EQ(sent().headers.get("If-Match"), "\"e\"");
}

TEST_F(S3, NamesNoEtagWhenAnyWillDo) {
  std::array<std::byte, 4> buffer{};
  http.answer(206, "01", {{"Content-Range", "bytes 0-1/2"}, {"ETag", "\"e\""}});
  ASSERT_TRUE(run(client->get_range(kObject, 0, buffer, "", deadline)));
  EXPECT_EQ(sent().headers.count("If-Match"), 0u);
}

TEST_F(S3, ReadsNothingFromAnEmptyObjectOrAtTheEnd) {
  std::array<std::byte, 4> buffer{};
  http.answer(416, error_xml("InvalidRange"), {{"Content-Range", "bytes */0"}});
  const auto empty = run(client->get_range(kObject, 0, buffer, "", deadline));
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->bytes, 0u);
  EXPECT_EQ(empty->object_bytes, 0u);
  http.answer(416, error_xml("InvalidRange", "<ActualObjectSize>10</ActualObjectSize>"));
  const auto end = run(client->get_range(kObject, 10, buffer, "", deadline));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->object_bytes, 10u);
  http.answer(200, "", {{"ETag", "\"e\""}});  // servers that answer an empty object whole
  EXPECT_EQ(run(client->get_range(kObject, 0, buffer, "", deadline))->object_bytes, 0u);
}

TEST_F(S3, RefusesAnOffsetPastTheEnd) {
  std::array<std::byte, 4> buffer{};
  http.answer(416, error_xml("InvalidRange"), {{"Content-Range", "bytes */10"}});
  const auto read = run(client->get_range(kObject, 11, buffer, "", deadline));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Errc::invalid_request);
  EXPECT_EQ(read.error().reason(), "InvalidRange");
}

TEST_F(S3, TellsAChangedObjectFromAMissingOne) {
  std::array<std::byte, 4> buffer{};
  http.answer(412, error_xml("PreconditionFailed"));
  EXPECT_EQ(run(client->get_range(kObject, 0, buffer, "e", deadline)).error().code(),
            Errc::conflict);
  http.answer(404, error_xml("NoSuchKey"));
  EXPECT_EQ(run(client->get_range(kObject, 0, buffer, "e", deadline)).error().code(),
            Errc::not_found);
}

TEST_F(S3, DoesNotBelieveAnotherRangeThanAskedFor) {
  std::array<std::byte, 4> buffer{};
  for (const char* range : {"bytes 0-3/10", "bytes 4-8/10", "bytes 4-7/*", "4-7/10", ""}) {
    http.answer(206, "4567", {{"Content-Range", range}});
    const auto read = run(client->get_range(kObject, 4, buffer, "", deadline));
    ASSERT_FALSE(read) << range;
    EXPECT_EQ(read.error().code(), Errc::corrupt) << range;
  }
  http.answer(200, "0123");
  EXPECT_EQ(run(client->get_range(kObject, 4, buffer, "", deadline)).error().code(),
            Errc::upstream);
}

TEST_F(S3, GivesAnObjectsSizeAndEtagWithoutItsBytes) {
  http.answer(200, "", {{"Content-Length", "5000000000"}, {"ETag", "\"e-2\""}});
  const auto info = run(client->head(kObject, deadline));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->key, kObject.key);
  EXPECT_EQ(info->size_bytes, 5'000'000'000u);
  EXPECT_EQ(info->etag, "e-2");
  EXPECT_EQ(sent().method, "HEAD");
  http.answer(404);
  EXPECT_EQ(run(client->head(kObject, deadline)).error().code(), Errc::not_found);
  http.answer(403);
  EXPECT_EQ(run(client->head(kObject, deadline)).error().code(), Errc::forbidden);
}

TEST_F(S3, ListsAPageOfAPrefix) {
  http.answer(200,
              "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>p/1</Key>"
              "<Size>3</Size><ETag>\"e\"</ETag></Contents>"
              "<NextContinuationToken>t=</NextContinuationToken></ListBucketResult>");
  const auto page = run(client->list({"bkt", "p/ "}, std::string("t+/"), deadline));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->objects.at(0).key, "p/1");
  EXPECT_EQ(page->next_token, "t=");
  EXPECT_EQ(sent().url,
            "http://localhost:4566/bkt/?list-type=2&encoding-type=url&prefix=p%2F%20"
            "&continuation-token=t%2B%2F");
}

TEST_F(S3, ListsOpenMultipartUploadsOfAPrefix) {
  http.answer(200,
              "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><Upload><Key>p/1</Key>"
              "<UploadId>u</UploadId><Initiated>2026-01-02T03:04:05Z</Initiated></Upload>"
              "<NextKeyMarker>p/1</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>"
              "</ListMultipartUploadsResult>");
  const auto page =
      run(client->list_multiparts({"bkt", "p/"}, MultipartMarker{"p/0", "t+"}, deadline));
  ASSERT_TRUE(page) << page.error().message();
  EXPECT_EQ(page->uploads.at(0).upload_id, "u");
  EXPECT_EQ(page->next->key, "p/1");
  EXPECT_EQ(sent().url,
            "http://localhost:4566/bkt/?uploads=&encoding-type=url&prefix=p%2F"
            "&key-marker=p%2F0&upload-id-marker=t%2B");
}

// --- Writing
// ----------------------------------------------------------------------------------------

TEST_F(S3, PutRepeatsAThrottleAndGivesTheEtag) {
  http.answer(503, error_xml("SlowDown"));
  http.answer(200, "", {{"ETag", "\"e\""}});
  const auto info = run(client->put(kObject, as_bytes("hello"), deadline));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->size_bytes, 5u);
  EXPECT_EQ(info->etag, "e");
  EXPECT_EQ(http.sent().size(), 2u);
}

TEST_F(S3, RemoveSucceedsForAKeyAlreadyGone) {
  http.answer(404, error_xml("NoSuchKey"));
  EXPECT_TRUE(run(client->remove(kObject, deadline)));
}

TEST_F(S3, MakesAnObjectOfParts) {
  http.answer(200,
              "<InitiateMultipartUploadResult><UploadId>u/1</UploadId>"
              "</InitiateMultipartUploadResult>");
  const auto id = run(client->create_multipart(kObject, deadline));
  ASSERT_TRUE(id);
  EXPECT_EQ(*id, "u/1");
  EXPECT_TRUE(sent().url.ends_with(".jsonl?uploads="));
  http.answer(200, "", {{"ETag", "\"p1\""}});
  const auto part = run(client->upload_part(kObject, *id, 7, as_bytes("x"), deadline));
  ASSERT_TRUE(part);
  EXPECT_EQ(part->number, 7);
  EXPECT_EQ(part->etag, "p1");
  EXPECT_TRUE(sent().url.ends_with("?partNumber=7&uploadId=u%2F1"));
  http.answer(200,
              "\n\n<CompleteMultipartUploadResult><ETag>\"e-1\"</ETag>"
              "</CompleteMultipartUploadResult>");
  const auto made = run(client->complete_multipart(kObject, *id, {*part}, deadline));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->etag, "e-1");
  EXPECT_TRUE(sent().body.contains("<PartNumber>7</PartNumber><ETag>\"p1\"</ETag>"));
}

TEST_F(S3, A200WithAnErrorInItIsRepeatedAndThenAnError) {
  for (int i = 0; i < 3; ++i) http.answer(200, "  " + error_xml("InternalError"));
  const auto made = run(client->complete_multipart(kObject, "u", {{1, "p"}}, deadline));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Errc::unavailable);
  EXPECT_EQ(made.error().reason(), "InternalError");
  EXPECT_EQ(http.sent().size(), 3u);
}

TEST_F(S3, A200ThatWasCutIsCorrupt) {
  http.answer(200, "   ");
  EXPECT_EQ(run(client->complete_multipart(kObject, "u", {{1, "p"}}, deadline)).error().code(),
            Errc::corrupt);
}

TEST_F(S3, ACompletionWhoseAnswerWasLostIsFoundDone) {
  http.answer(Error(Errc::unavailable, "connection reset"));
  http.answer(404, error_xml("NoSuchUpload"));
  http.answer(200, "", {{"Content-Length", "9"}, {"ETag", "\"e-2\""}});
  const auto made = run(client->complete_multipart(kObject, "u", {{1, "p"}, {2, "q"}}, deadline));
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->etag, "e-2");
  EXPECT_EQ(made->size_bytes, 9u);
}

TEST_F(S3, ACompletionOfAnUnknownUploadIsNotFound) {
  http.answer(404, error_xml("NoSuchUpload"));
  const auto first = run(client->complete_multipart(kObject, "u", {{1, "p"}}, deadline));
  EXPECT_EQ(first.error().code(), Errc::not_found);
  EXPECT_EQ(http.sent().size(), 1u);
  http.answer(Error(Errc::unavailable, "connection reset"));
  http.answer(404, error_xml("NoSuchUpload"));
  http.answer(200, "", {{"Content-Length", "9"}, {"ETag", "\"whole\""}});  // of someone else
  const auto second = run(client->complete_multipart(kObject, "u", {{1, "p"}}, deadline));
  EXPECT_EQ(second.error().code(), Errc::not_found);
}

TEST_F(S3, AbortSucceedsForAnUploadAlreadyGone) {
  http.answer(404, error_xml("NoSuchUpload"));
  EXPECT_TRUE(run(client->abort_multipart(kObject, "u", deadline)));
  EXPECT_EQ(sent().method, "DELETE");
}

// --- Errors
// -----------------------------------------------------------------------------------------

struct ErrorRow {
  int status;
  const char* code;
  Errc errc;
};

TEST_F(S3, SaysWhatTheCallerCanDo) {
  for (const ErrorRow& row : {
           ErrorRow{403, "AccessDenied", Errc::forbidden},
           ErrorRow{403, "SignatureDoesNotMatch", Errc::forbidden},
           ErrorRow{403, "InvalidAccessKeyId", Errc::forbidden},
           ErrorRow{400, "ExpiredToken", Errc::forbidden},
           ErrorRow{400, "KMS.DisabledException", Errc::upstream},
           ErrorRow{400, "EntityTooLarge", Errc::upstream},
           ErrorRow{404, "NoSuchBucket", Errc::upstream},
           ErrorRow{409, "OperationAborted", Errc::conflict},
           ErrorRow{500, "InternalError", Errc::unavailable},
           ErrorRow{503, "SlowDown", Errc::throttled},
           ErrorRow{400, "RequestTimeout", Errc::unavailable},
           ErrorRow{501, "NotImplemented", Errc::upstream},
       }) {
    for (int i = 0; i < 3; ++i) http.answer(row.status, error_xml(row.code));
    const auto put = run(make("http://h")->put(kObject, as_bytes("x"), deadline));
    while (http.unanswered() > 0) (void)run(http.send({}, deadline));
    ASSERT_FALSE(put) << row.code;
    EXPECT_EQ(put.error().code(), row.errc) << row.code;
    EXPECT_EQ(put.error().reason(), row.code);
    EXPECT_TRUE(put.error().message().contains("PutObject s3://bkt/")) << put.error().message();
    EXPECT_TRUE(put.error().message().contains("request id R1"));
  }
}

constexpr const char* kRegionHint =
    "hint: bucket bkt is in us-west-2, not in eu-west-1: set s3_region_name to us-west-2; "
    "Bedrock's jobs must run in their bucket's region, so set aws_region_name to it too, or take a "
    "bucket in eu-west-1";

TEST_F(S3, SaysWhichRegionTheBucketIsInAndWhatToSet) {
  const http::Headers region = {{"x-amz-bucket-region", "us-west-2"}};
  http.answer(301, error_xml("PermanentRedirect"), region);
  const auto moved = run(client->put(kObject, as_bytes("x"), deadline));
  EXPECT_TRUE(moved.error().message().contains(kRegionHint)) << moved.error().message();
  EXPECT_EQ(moved.error().reason(), "PermanentRedirect");
  http.answer(400, error_xml("AuthorizationHeaderMalformed", "<Region>us-west-2</Region>"));
  const auto malformed = run(client->put(kObject, as_bytes("x"), deadline));
  EXPECT_TRUE(malformed.error().message().contains(kRegionHint)) << malformed.error().message();
  // HEAD's answers have no body.
  for (const int status : {301, 400}) {
    http.answer(status, "", region);
    const auto head = run(client->head(kObject, deadline));
    EXPECT_EQ(head.error().code(), Errc::upstream);
    EXPECT_TRUE(head.error().message().contains(kRegionHint)) << head.error().message();
  }
  EXPECT_EQ(http.sent().size(), 4u);
}

TEST_F(S3, NamesTheHostToAskWhereS3NamesNoRegion) {
  http.answer(
      301, error_xml("PermanentRedirect", "<Endpoint>bkt.s3-eu-west-3.amazonaws.com</Endpoint>"));
  const auto put = run(client->put(kObject, as_bytes("x"), deadline));
  EXPECT_TRUE(put.error().message().contains(
      "hint: bucket bkt answers at bkt.s3-eu-west-3.amazonaws.com: set s3_region_name"))
      << put.error().message();
}

TEST_F(S3, RenewsCredentialsForAHeadRefusedInItsOwnRegion) {
  http.answer(400, "", {{"x-amz-bucket-region", "eu-west-1"}});  // so is an expired token
  http.answer(200, "", {{"Content-Length", "1"}});
  EXPECT_TRUE(run(client->head(kObject, deadline)));
}

TEST_F(S3, FollowsANewBucketToItsHostOnceAndSignsForThat) {
  client = make("");
  const http::Headers to_host = {{"Location", "https://bkt.s3-eu-west-1.amazonaws.com/a%20b?x=y"}};
  http.answer(307, error_xml("TemporaryRedirect"), to_host);
  http.answer(200, "", {{"ETag", "\"e\""}});
  const auto put = run(client->put(kObject, as_bytes("x"), deadline));
  ASSERT_TRUE(put) << put.error().message();
  EXPECT_EQ(sent().url, "https://bkt.s3-eu-west-1.amazonaws.com/a%20b");
  EXPECT_EQ(sent().body, "x");
  EXPECT_NE(http.sent()[0].headers.get("Authorization"), sent().headers.get("Authorization"));
  for (int i = 0; i < 2; ++i) http.answer(307, error_xml("TemporaryRedirect"), to_host);
  EXPECT_EQ(run(client->put(kObject, as_bytes("x"), deadline)).error().code(), Errc::upstream);
  EXPECT_EQ(http.sent().size(), 4u);
}

TEST_F(S3, FollowsNoRedirectAwayFromAwsOrOutOfTls) {
  const auto follows = [&](const char* location) {
    const std::size_t before = http.sent().size();
    http.answer(307, error_xml("TemporaryRedirect"), {{"Location", location}});
    EXPECT_FALSE(run(client->put(kObject, as_bytes("x"), deadline)));
    return http.sent().size() > before + 1;
  };
  EXPECT_FALSE(follows("http://127.0.0.1/a")) << "of a server that is not AWS's";
  client = make("");
  EXPECT_FALSE(follows("http://bkt.s3-eu-west-1.amazonaws.com/a"));
  EXPECT_FALSE(follows("https://elsewhere/a"));
  EXPECT_FALSE(follows("https://amazonaws.com.elsewhere/a"));
  EXPECT_FALSE(follows("https://notamazonaws.com/a"));
}

TEST_F(S3, NeverRepeatsTheStringToSign) {
  http.answer(403, error_xml("SignatureDoesNotMatch",
                             "<CanonicalRequest>x-amz-security-token:SECRET</CanonicalRequest>"));
  const auto put = run(client->put(kObject, as_bytes("x"), deadline));
  EXPECT_FALSE(put.error().message().contains("SECRET"));
}

}  // namespace
}  // namespace quarry::aws
