#include "bedrock/invocation_job.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace quarry::bedrock {
namespace {

constexpr const char* kArn =
    "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/tcf29in6w6ts";

// The body as boto3 sends it, member for member.
TEST(CreateJob, IsWrittenAsTheSdkWritesIt) {
  const CreateJob job{.job_name = "q-1",
                      .client_request_token = "token-1",
                      .role_arn = "arn:aws:iam::123456789012:role/R",
                      .model_id = "us.anthropic.claude-3-haiku-20240307-v1:0",
                      .input_s3_uri = "s3://bkt/in/x.jsonl",
                      .output_s3_uri = "s3://bkt/out/"};
  EXPECT_EQ(boost::json::parse(to_json(job)), boost::json::parse(R"({
    "jobName": "q-1", "roleArn": "arn:aws:iam::123456789012:role/R",
    "modelId": "us.anthropic.claude-3-haiku-20240307-v1:0", "modelInvocationType": "InvokeModel",
    "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://bkt/in/x.jsonl", "s3InputFormat": "JSONL"}},
    "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bkt/out/"}},
    "timeoutDurationInHours": 24, "clientRequestToken": "token-1"})"));
}

TEST(CreateJob, NamesOwnerKeyAndConverseWhereSet) {
  CreateJob job{
      .output_kms_key_id = "alias/k", .bucket_owner = "123456789012", .timeout_hours = 168};
  job.invocation_type = InvocationType::Converse;
  const auto json = boost::json::parse(to_json(job));
  EXPECT_EQ(json.at("modelInvocationType"), "Converse");
  EXPECT_EQ(json.at("timeoutDurationInHours"), 168);
  const auto& output = json.at("outputDataConfig").at("s3OutputDataConfig");
  EXPECT_EQ(output.at("s3EncryptionKeyId"), "alias/k");
  EXPECT_EQ(output.at("s3BucketOwner"), "123456789012");
  EXPECT_EQ(json.at("inputDataConfig").at("s3InputDataConfig").at("s3BucketOwner"), "123456789012");
}

TEST(CreatedJob, GivesItsArn) {
  EXPECT_EQ(parse_created_job_arn(R"({"jobArn":")" + std::string(kArn) + "\"}"), kArn);
  for (const char* bad : {"", "{}", "[]", R"({"jobArn":null})", R"({"jobArn":""})", "<html>"}) {
    const auto arn = parse_created_job_arn(bad);
    ASSERT_FALSE(arn) << bad;
    EXPECT_EQ(arn.error().code(), Errc::corrupt);
  }
}

TEST(Job, ReadsEveryField) {
  const auto job =
      parse_job(R"({"jobArn":")" + std::string(kArn) + R"(","jobName":"n","modelId":"m",
    "clientRequestToken":"t","status":"PartiallyCompleted","message":"why","totalRecordCount":100,
    "processedRecordCount":90,"successRecordCount":80,"errorRecordCount":10,
    "submitTime":"2026-01-02T03:04:05.678Z","endTime":"2026-01-02T05:04:05+01:00",
    "jobExpirationTime":"2026-01-03T03:04:05.123456789Z","inputDataConfig":{}})");
  ASSERT_TRUE(job) << job.error().message();
  EXPECT_EQ(job->job_arn, kArn);
  EXPECT_EQ(job->status, JobStatus::PartiallyCompleted);
  EXPECT_EQ(job->message, "why");
  EXPECT_EQ(job->processed_records, 90);
  EXPECT_EQ(iso8601(*job->submit_time), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(iso8601(*job->end_time), "2026-01-02T04:04:05.000Z");
  EXPECT_EQ(iso8601(*job->expiration_time), "2026-01-03T03:04:05.123Z");
}

TEST(Job, IsReadWithoutCountersAndTimes) {
  const auto job = parse_job(R"({"jobArn":"a","status":"Submitted","totalRecordCount":null})");
  ASSERT_TRUE(job) << job.error().message();
  EXPECT_FALSE(job->total_records);
  EXPECT_FALSE(job->submit_time);
}

TEST(Job, IsRefusedWhenItIsNotThatShape) {
  for (const char* bad :
       {"", "[]", "{}", R"({"jobArn":"a"})", R"({"jobArn":"a","status":"Dreaming"})",
        R"({"jobArn":7,"status":"Failed"})",
        R"({"jobArn":"a","status":"Failed","totalRecordCount":-1})",
        R"({"jobArn":"a","status":"Failed","endTime":"2026-13-02T03:04:05Z"})",
        R"({"jobArn":"a","status":"Failed","endTime":"yesterday"})",
        R"({"jobArn":"a","status":"Failed","endTime":"2026-01-02T03:04:05"})"}) {
    const auto job = parse_job(bad);
    ASSERT_FALSE(job) << bad;
    EXPECT_EQ(job.error().code(), Errc::corrupt);
  }
}

TEST(JobPage, ReadsJobsAndToken) {
  const auto page = parse_job_page(
      R"({"nextToken":"x","invocationJobSummaries":[{"jobArn":"a","status":"Failed"},{"jobArn":"b","status":"Expired"}]})");
  ASSERT_TRUE(page) << page.error().message();
  ASSERT_EQ(page->jobs.size(), 2u);
  EXPECT_EQ(page->jobs[1].status, JobStatus::Expired);
  EXPECT_EQ(page->next_token, "x");
  const auto last = parse_job_page(R"({"invocationJobSummaries":[],"nextToken":null})");
  ASSERT_TRUE(last);
  EXPECT_EQ(last->next_token, "");
  EXPECT_FALSE(parse_job_page(R"({"invocationJobSummaries":{}})"));
}

TEST(JobPage, LeavesOutWhatItCannotReadAndKeepsTheRest) {
  const auto page = parse_job_page(
      R"({"invocationJobSummaries":[{"jobArn":"a","status":"Hibernating"},{"jobArn":"b"},)"
      R"({"jobArn":"c","status":"Completed"}]})");
  ASSERT_TRUE(page) << page.error().message();
  ASSERT_EQ(page->jobs.size(), 1u);
  EXPECT_EQ(page->jobs[0].job_arn, "c");
}

TEST(JobStatus, ReadsBackEveryNameAndNoOther) {
  int terminal_count = 0;
  for (int i = 0; i <= static_cast<int>(JobStatus::Expired); ++i) {
    const auto status = static_cast<JobStatus>(i);
    EXPECT_EQ(parse_job_status(name(status)), status);
    terminal_count += terminal(status) ? 1 : 0;
  }
  EXPECT_EQ(terminal_count, 5);
  EXPECT_FALSE(terminal(JobStatus::Stopping));
  EXPECT_FALSE(parse_job_status("completed"));
}

TEST(JobId, IsTheLastSegment) {
  EXPECT_EQ(job_id(kArn), "tcf29in6w6ts");
  EXPECT_EQ(job_id("bare"), "bare");
}

}  // namespace
}  // namespace quarry::bedrock
