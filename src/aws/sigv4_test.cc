#include "aws/sigv4.h"

#include "base/bytes.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace quarry::aws {
namespace {

// 2026-01-02T03:04:05Z
constexpr SysTime kNow{std::chrono::sys_days(std::chrono::year(2026) / 1 / 2) +
                       std::chrono::hours(3) + std::chrono::minutes(4) + std::chrono::seconds(5)};
constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Credentials example_credentials(std::string token = {}) {
  return {"AKIDEXAMPLE",
          Secret<std::string>("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
          Secret<std::string>(std::move(token)),
          std::nullopt,
          "test",
          {}};
}

// --- AWS's own suite (testdata/sigv4, header variants) ------------------------------------------

const std::filesystem::path kSuite =
    std::filesystem::path(QUARRY_SOURCE_DIR) / "src/aws/testdata/sigv4";

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// request.txt: a request line with a raw path, headers that may fold, a blank line, the body.
UnsignedRequest parse_request(const std::string& text, PathRule rule) {
  std::istringstream in(text);
  std::string line;
  std::getline(in, line);
  UnsignedRequest request;
  const auto method_end = line.find(' ');
  const auto target_end = line.rfind(" HTTP/1.1");
  request.method = line.substr(0, method_end);
  const std::string target = line.substr(method_end + 1, target_end - method_end - 1);
  request.path = target.substr(0, target.find('?'));
  if (target.contains('?')) request.query = target.substr(target.find('?') + 1);
  // What S3 is sent is encoded; what is sent elsewhere is encoded by the signer once more.
  if (rule == PathRule::as_is) request.path = percent_encode(request.path, true);
  std::vector<http::Headers::Field> fields;
  while (std::getline(in, line) && !line.empty()) {
    if (line.front() == ' ') {
      fields.back().second += "\n" + line;
    } else {
      fields.emplace_back(line.substr(0, line.find(':')), line.substr(line.find(':') + 1));
    }
  }
  for (auto& [name, value] : fields) request.headers.add(name, value);
  std::string body;
  std::getline(in, body, '\0');
  request.payload_sha256 = sha256_hex(body);
  return request;
}

std::vector<std::string> suite_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kSuite)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

class Suite : public ::testing::TestWithParam<std::string> {};

TEST_P(Suite, SignsAsAwsDoes) {
  const auto folder = kSuite / GetParam();
  const auto context = boost::json::parse(read_file(folder / "context.json")).as_object();
  const auto& keys = context.at("credentials").as_object();
  const auto rule = context.at("normalize").as_bool() ? PathRule::encode_again : PathRule::as_is;
  const auto* omit = context.if_contains("omit_session_token");
  std::string token;
  if (keys.contains("token") && !(omit && omit->as_bool())) token = keys.at("token").as_string();
  auto request = parse_request(read_file(folder / "request.txt"), rule);
  if (context.at("sign_body").as_bool()) {
    request.headers.set("x-amz-content-sha256", request.payload_sha256);
  }
  // 2015-08-30T12:36:00Z, in every case of the suite.
  const SysTime at = std::chrono::sys_days(std::chrono::year(2015) / 8 / 30) +
                     std::chrono::hours(12) + std::chrono::minutes(36);
  ASSERT_EQ(context.at("timestamp").as_string(), "2015-08-30T12:36:00Z");

  const auto got = sign(request, example_credentials(token), {"us-east-1", "service", rule}, at);

  EXPECT_EQ(got.canonical_request, read_file(folder / "header-canonical-request.txt"));
  EXPECT_EQ(got.string_to_sign, read_file(folder / "header-string-to-sign.txt"));
  EXPECT_EQ(got.signature, read_file(folder / "header-signature.txt"));
  const std::string signed_request = read_file(folder / "header-signed-request.txt");
  const auto start = signed_request.find("Authorization:") + 14;
  EXPECT_EQ(request.headers.get("authorization"),
            signed_request.substr(start, signed_request.find('\n', start) - start));
}

INSTANTIATE_TEST_SUITE_P(Aws, Suite, ::testing::ValuesIn(suite_cases()), [](const auto& row) {
  std::string name = row.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(SuiteFiles, AreAllThere) { EXPECT_EQ(suite_cases().size(), 38u); }

// --- Vectors made with botocore: what Quarry really sends
// -----------------------------------------

struct Vector {
  const char* name;
  const char* service;
  UnsignedRequest request;
  const char* token;
  const char* canonical_sha256;  // "" = not recorded
  const char* signed_headers;    // "" = not recorded
  const char* signature;
};

UnsignedRequest unsigned_request(std::string method,
                                 std::string host,
                                 std::string path,
                                 std::string query,
                                 std::string_view body,
                                 http::Headers more = {}) {
  more.add("Host", std::move(host));
  return {std::move(method), std::move(path), std::move(query), std::move(more), sha256_hex(body)};
}

constexpr char kBedrock[] = "bedrock.us-east-1.amazonaws.com";
constexpr char kBucket[] = "bkt.s3.us-east-1.amazonaws.com";

std::vector<Vector> botocore_vectors() {
  return {
      {"GetJobByArnWithToken", "bedrock",
       unsigned_request("GET", kBedrock,
                        "/model-invocation-job/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3A"
                        "model-invocation-job%2Fabcdefghijkl",
                        "", ""),
       "FwoGZXIvYXdzEXAMPLETOKEN",
       "2c0cd89692ad92df56318764ee48256b4b235428b50591903393790f67c84e3a",
       "host;x-amz-date;x-amz-security-token",
       "6343fe71a2787f3e5fa2a459eb8820afdfbf75e914092223695fd28164db0639"},
      {"ListJobsSortsItsQuery", "bedrock",
       unsigned_request(
           "GET", kBedrock, "/model-invocation-jobs",
           "statusEquals=InProgress&maxResults=10&submitTimeAfter=2026-01-02T03%3A04%3A05Z", ""),
       "", "ada86d779d439c64b68969edafb415ab01b15e30216f2667b096b27dd6c85530", "",
       "9849234e203c06b9afc6022857e9293fe01fd9743d5564b95694ec4934237e0b"},
      {"CreateJob", "bedrock",
       unsigned_request("POST", kBedrock, "/model-invocation-job", "", R"({"jobName":"j"})",
                        {{"Content-Type", "application/json"}}),
       "", "", "", "e26a044bd3766fb840142437312b0ecbb5c1e25ccd9232b7a63ac1aaa970362d"},
      {"PutObject", "s3",
       unsigned_request("PUT", kBucket, "/a%20b/c%2Bd.jsonl", "", "hello world\n",
                        {{"Content-Type", "application/jsonl"}, {"If-None-Match", "*"}}),
       "", "", "content-type;host;if-none-match;x-amz-content-sha256;x-amz-date",
       "c6e2c167820b20ddb2140ab67e5cfa1285dcec21b130db71f6847591d31cded8"},
      {"ListObjects", "s3",
       unsigned_request("GET", kBucket, "/", "list-type=2&prefix=out%2Fa%20b%2F&delimiter=%2F", ""),
       "", "", "", "06cb295f653383eb564da4d016e61ebbe5b6934a67bd34ac5b096c4be35aa8af"},
      {"CreateMultipartUpload", "s3", unsigned_request("POST", kBucket, "/k", "uploads", ""), "",
       "", "", "6f2455e33e1f0be033d27a6b198d90668efb11d20a7d51c024dc49c82a47e51f"},
  };
}

SigningScope scope_of(const std::string& service) {
  return {"us-east-1", service, service == "s3" ? PathRule::as_is : PathRule::encode_again};
}

class Botocore : public ::testing::TestWithParam<Vector> {};

TEST_P(Botocore, SignsTheSame) {
  auto request = GetParam().request;
  const auto got =
      sign(request, example_credentials(GetParam().token), scope_of(GetParam().service), kNow);
  const std::string canonical_sha256 = GetParam().canonical_sha256;
  const std::string signed_headers = GetParam().signed_headers;
  if (!canonical_sha256.empty()) {
    EXPECT_EQ(sha256_hex(got.canonical_request), canonical_sha256);
  }
  if (!signed_headers.empty()) EXPECT_EQ(got.signed_headers, signed_headers);
  EXPECT_EQ(got.signature, GetParam().signature) << got.canonical_request;
}

INSTANTIATE_TEST_SUITE_P(Rows,
                         Botocore,
                         ::testing::ValuesIn(botocore_vectors()),
                         [](const auto& row) { return std::string(row.param.name); });

// --- Paths
// ----------------------------------------------------------------------------------------

// Every service but S3 signs the sent path encoded once more. AWS's own vectors hold no
// already-encoded path, so the first rows follow botocore.
struct UriRow {
  const char* name;
  const char* sent;
  PathRule rule;
  const char* canonical;
};
class CanonicalUri : public ::testing::TestWithParam<UriRow> {};

TEST_P(CanonicalUri, MatchesBotocore) {
  EXPECT_EQ(canonical_uri(GetParam().sent, GetParam().rule), GetParam().canonical);
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    CanonicalUri,
    ::testing::Values(
        UriRow{"BedrockJobArn", "/model-invocation-job/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ax%2Fy",
               PathRule::encode_again,
               "/model-invocation-job/arn%253Aaws%253Abedrock%253Aus-east-1%253A1%253Ax%252Fy"},
        UriRow{"BedrockStop", "/model-invocation-job/arn%3Ax%2Fy/stop", PathRule::encode_again,
               "/model-invocation-job/arn%253Ax%252Fy/stop"},
        UriRow{"ModelWithColon", "/model/anthropic.x-v1%3A0/invoke", PathRule::encode_again,
               "/model/anthropic.x-v1%253A0/invoke"},
        UriRow{"S3KeepsDoubleSlash", "/in//job%3D1/a%20b.jsonl", PathRule::as_is,
               "/in//job%3D1/a%20b.jsonl"},
        UriRow{"S3KeepsDots", "/a/./b/../c", PathRule::as_is, "/a/./b/../c"},
        UriRow{"EmptyIsRoot", "", PathRule::as_is, "/"},
        UriRow{"EmptyIsRootElsewhere", "", PathRule::encode_again, "/"},
        UriRow{"DotsGoElsewhere", "/a/./b/../c/", PathRule::encode_again, "/a/c/"},
        UriRow{"DotsStopAtTheRoot", "/../../a", PathRule::encode_again, "/a"},
        UriRow{"AllGone", "/a/..", PathRule::encode_again, "/"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(CanonicalQuery, SortsByEncodedNameThenValue) {
  EXPECT_EQ(canonical_query("b=2&a=2&a=10&%C3%A9=1"), "%C3%A9=1&a=10&a=2&b=2");
  EXPECT_EQ(canonical_query("partNumber=1&uploadId=x"), "partNumber=1&uploadId=x");
}

TEST(CanonicalQuery, GivesANameAloneAnEmptyValue) {
  EXPECT_EQ(canonical_query("uploads"), "uploads=");
  EXPECT_EQ(canonical_query("uploads="), "uploads=");
  EXPECT_EQ(canonical_query(""), "");
}

TEST(CanonicalQuery, SpellsEveryByteInTheOneCanonicalWay) {
  EXPECT_EQ(canonical_query("p=a/b"), "p=a%2Fb");
  EXPECT_EQ(canonical_query("p=a%2fb"), "p=a%2Fb");
  EXPECT_EQ(canonical_query("p=%7E%41"), "p=~A");
  EXPECT_EQ(canonical_query("p=a=b"), "p=a%3Db");
}

// --- Headers
// ----------------------------------------------------------------------------------------

TEST(Sign, TwiceGivesTheSameHeaders) {
  auto request = unsigned_request("PUT", kBucket, "/k", "", "x", {{"If-Match", "\"e\""}});
  sign(request, example_credentials("t"), scope_of("s3"), kNow);
  const auto once = request.headers.fields();
  sign(request, example_credentials("t"), scope_of("s3"), kNow);
  EXPECT_EQ(request.headers.fields(), once);
}

TEST(Sign, AnewWithoutATokenDropsTheOldOne) {
  auto request = unsigned_request("GET", kBedrock, "/", "", "");
  sign(request, example_credentials("old"), scope_of("bedrock"), kNow);
  sign(request, example_credentials(), scope_of("bedrock"), kNow);
  EXPECT_EQ(request.headers.count("X-Amz-Security-Token"), 0u);
}

TEST(Sign, PutsTheSameDayIntoHeaderAndScope) {
  auto request = unsigned_request("GET", kBedrock, "/", "", "");
  const SysTime before_midnight =
      std::chrono::sys_days(std::chrono::year(2026) / 1 / 3) - std::chrono::milliseconds(1);
  const auto got = sign(request, example_credentials(), scope_of("bedrock"), before_midnight);
  EXPECT_EQ(request.headers.get("X-Amz-Date"), "20260102T235959Z");
  EXPECT_TRUE(got.string_to_sign.contains("\n20260102/us-east-1/bedrock/aws4_request\n"));
}

TEST(Sign, LeavesOutWhatProxiesMayChange) {
  auto request = unsigned_request("GET", kBedrock, "/", "", "",
                                  {{"User-Agent", "u"},
                                   {"Connection", "close"},
                                   {"Expect", "100-continue"},
                                   {"Proxy-Authorization", "p"},
                                   {"Transfer-Encoding", "chunked"},
                                   {"Traceparent", "00-1-2-01"},
                                   {"tracestate", "t"},
                                   {"Baggage", "b"},
                                   {"X-Amzn-Trace-Id", "r"},
                                   {"X-Amz-Meta-A", "1"}});
  const auto got = sign(request, example_credentials(), scope_of("bedrock"), kNow);
  EXPECT_EQ(got.signed_headers, "host;x-amz-date;x-amz-meta-a");
}

TEST(Sign, SaysThePayloadsHashToS3Only) {
  auto to_s3 = unsigned_request("GET", kBucket, "/", "", "");
  sign(to_s3, example_credentials(), scope_of("s3"), kNow);
  EXPECT_EQ(to_s3.headers.get("x-amz-content-sha256"), kEmptySha256);
  auto to_bedrock = unsigned_request("GET", kBedrock, "/", "", "");
  sign(to_bedrock, example_credentials(), scope_of("bedrock"), kNow);
  EXPECT_EQ(to_bedrock.headers.count("x-amz-content-sha256"), 0u);
}

TEST(Sign, SpellsAnUnsignedPayloadOut) {
  auto request = unsigned_request("PUT", kBucket, "/k", "", "x");
  request.payload_sha256 = "UNSIGNED-PAYLOAD";
  const auto got = sign(request, example_credentials(), scope_of("s3"), kNow);
  EXPECT_TRUE(got.canonical_request.ends_with("\nUNSIGNED-PAYLOAD"));
  EXPECT_EQ(request.headers.get("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
}

}  // namespace
}  // namespace quarry::aws
