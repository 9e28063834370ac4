#include "sandbox/request_facts.h"

#include "sandbox/call_records.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace quarry::sandbox {
namespace {

constexpr const char* kScope =
    "AWS4-HMAC-SHA256 Credential=AKID/20260102/eu-west-1/s3/aws4_request, SignedHeaders=host";

http::ServerRequest request(std::string method, std::string path, std::string query = "") {
  http::ServerRequest made;
  made.method = std::move(method);
  made.path = std::move(path);
  made.query = std::move(query);
  made.headers.add("Authorization", kScope);
  return made;
}

struct S3Row {
  const char* method;
  const char* key;
  const char* query;
  const char* operation;
};

TEST(RequestFacts, TellS3sOperationsApart) {
  for (const S3Row& row :
       {S3Row{"PUT", "", "", "CreateBucket"}, S3Row{"HEAD", "", "", "HeadBucket"},
        S3Row{"DELETE", "", "", "DeleteBucket"}, S3Row{"POST", "", "delete", "DeleteObjects"},
        S3Row{"GET", "", "", "ListObjects"}, S3Row{"GET", "", "list-type=2", "ListObjectsV2"},
        S3Row{"GET", "", "uploads", "ListMultipartUploads"}, S3Row{"PUT", "k", "", "PutObject"},
        S3Row{"GET", "k", "", "GetObject"}, S3Row{"HEAD", "k", "", "HeadObject"},
        S3Row{"DELETE", "k", "", "DeleteObject"},
        S3Row{"POST", "k", "uploads", "CreateMultipartUpload"},
        S3Row{"PUT", "k", "uploadId=u&partNumber=1", "UploadPart"},
        S3Row{"POST", "k", "uploadId=u", "CompleteMultipartUpload"},
        S3Row{"DELETE", "k", "uploadId=u", "AbortMultipartUpload"},
        S3Row{"GET", "k", "uploadId=u", "ListParts"}, S3Row{"PATCH", "k", "", "Unknown"}}) {
    const auto facts = s3_facts(request(row.method, "/b/k", row.query), "b", row.key);
    EXPECT_EQ(facts.operation.name, row.operation) << row.method << ' ' << row.key << row.query;
    EXPECT_EQ(facts.operation.group, OperationGroup::s3);
  }
  auto copy = request("PUT", "/b/k");
  copy.headers.add("x-amz-copy-source", "/b/other");
  EXPECT_EQ(s3_facts(copy, "b", "k").operation.name, "CopyObject");
  EXPECT_EQ(s3_facts(request("GET", "/"), "", "").operation.name, "ListBuckets");
}

TEST(RequestFacts, NameThePlaceAndTheRegion) {
  EXPECT_EQ(s3_facts(request("GET", "/b/k"), "b", "k").texts, std::vector<std::string>{"b/k"});
  EXPECT_EQ(s3_facts(request("GET", "/b", "list-type=2&prefix=p%2Fq"), "b", "").texts,
            std::vector<std::string>{"b/p/q"});
  EXPECT_EQ(s3_facts(request("GET", "/b/k"), "b", "k").region, "eu-west-1");
  http::ServerRequest presigned;
  presigned.method = "GET";
  presigned.query = "X-Amz-Credential=AKID%2F20260102%2Fus-east-2%2Fs3%2Faws4_request";
  EXPECT_EQ(s3_facts(presigned, "b", "k").region, "us-east-2");
  EXPECT_EQ(s3_facts(http::ServerRequest{}, "b", "k").region, "");
}

TEST(RequestFacts, TellBedrocksOperationsApart) {
  EXPECT_EQ(bedrock_facts(request("POST", "/model-invocation-job")).operation.name,
            "CreateModelInvocationJob");
  EXPECT_EQ(bedrock_facts(request("GET", "/model-invocation-jobs")).operation.name,
            "ListModelInvocationJobs");
  const auto get = bedrock_facts(request("GET", "/model-invocation-job/arn%3Aaws%3Ax%2Fy"));
  EXPECT_EQ(get.operation.name, "GetModelInvocationJob");
  EXPECT_EQ(get.texts, std::vector<std::string>{"arn:aws:x/y"});
  EXPECT_EQ(bedrock_facts(request("POST", "/model-invocation-job/a/stop")).operation.name,
            "StopModelInvocationJob");
  const auto invoke = bedrock_facts(request("POST", "/model/m%3A0/invoke"));
  EXPECT_EQ(invoke.operation.name, "InvokeModel");
  EXPECT_EQ(invoke.operation.group, OperationGroup::runtime);
  EXPECT_EQ(bedrock_facts(request("POST", "/model/m/converse")).operation.name, "Converse");
  EXPECT_EQ(bedrock_facts(request("GET", "/model/m/converse")).operation.name, "Unknown");
}

TEST(CallRecords, TellARepeatedCallFromAnother) {
  CallRecords records;
  records.received({.operation = {.name = "InvokeModel"}, .region = "us-west-2", .texts = {}});
  records.invoked("m", "hash1", 10, 1);
  records.invoked("m", "hash2", 20, 2);
  records.invoked("n", "hash1", 40, 4);  // another model's answer to the same body
  records.invoked("m", "hash1", 10, 1);
  EXPECT_EQ(boost::json::serialize(records.calls_json()), R"({"us-west-2":{"InvokeModel":1}})");
  EXPECT_EQ(boost::json::serialize(records.invocations_json()),
            R"({"calls":4,"distinct":3,"input_tokens":70,"output_tokens":7,)"
            R"("repeated":{"calls":1,"input_tokens":10,"output_tokens":1}})");
  EXPECT_EQ(boost::json::serialize(records.invocations_by_model_json()),
            R"({"m":{"distinct":2,"input_tokens":30,"output_tokens":3},)"
            R"("n":{"distinct":1,"input_tokens":40,"output_tokens":4}})");
  records.clear();
  EXPECT_EQ(boost::json::serialize(records.calls_json()), "{}");
}

}  // namespace
}  // namespace quarry::sandbox
