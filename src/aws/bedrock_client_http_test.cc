#include "aws/bedrock_client_http.h"

#include "aws/testing/scripted_client.h"
#include "base/testing/run.h"

#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::run;
using quarry::testing::ScriptedClient;
using quarry::testing::StandingClock;

const std::string kArn = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghijkl";
const std::string kArnPath =
    "/model-invocation-job/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Amodel-invocation-job"
    "%2Fabcdefghijkl";

std::string job_json(const std::string& status) {
  return R"({"jobArn":")" + kArn + R"(","jobName":"j","modelId":"m","roleArn":"r","status":")" +
         status +
         R"(","submitTime":"2026-01-02T03:04:05Z",)"
         R"("inputDataConfig":{"s3InputDataConfig":{"s3Uri":"s3://b/i"}},)"
         R"("outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://b/o/"}}})";
}

struct Bedrock : ::testing::Test {
  ScriptedClient http;
  StandingClock clock{SysTime(1s)};
  BlockingPool pool{1};
  Wire wire{http, clock, pool};
  std::shared_ptr<CredentialProvider> credentials =
      static_credentials({"AKID", Secret<std::string>("s"), {}});
  std::shared_ptr<BedrockClient> client = make_bedrock_client(
      wire, credentials, aws_endpoint("bedrock", "us-east-1"), "us-east-1", [] { return 0.0; });
  std::shared_ptr<RuntimeClient> runtime = make_runtime_client(
      wire, credentials, aws_endpoint("bedrock-runtime", "us-east-1"), "us-east-1", [] {
        return 0.0;
      });
  Deadline deadline = Deadline::after(10s);

  const ScriptedClient::Sent& sent() { return http.sent().back(); }
  void refuse(int status, const std::string& code, const std::string& message = "why") {
    http.answer(status, R"({"message":")" + message + R"("})",
                {{"x-amzn-ErrorType", code}, {"x-amzn-RequestId", "R1"}});
  }
  static bedrock::CreateJob job() {
    return {.job_name = "j",
            .client_request_token = "t",
            .role_arn = "arn:aws:iam::123456789012:role/r",
            .model_id = "anthropic.x-v1:0",
            .input_s3_uri = "s3://b/i.jsonl",
            .output_s3_uri = "s3://b/o/"};
  }
};

// --- Control plane
// ----------------------------------------------------------------------------------

TEST_F(Bedrock, CreatesAJobAndGivesItsArn) {
  http.answer(200, R"({"jobArn":")" + kArn + R"("})");
  const auto arn = run(client->create_job(job(), deadline));
  ASSERT_TRUE(arn) << arn.error().message();
  EXPECT_EQ(*arn, kArn);
  EXPECT_EQ(sent().method, "POST");
  EXPECT_EQ(sent().url, "https://bedrock.us-east-1.amazonaws.com/model-invocation-job");
  EXPECT_EQ(sent().headers.get("Content-Type"), "application/json");
  EXPECT_EQ(sent().headers.count("x-amz-content-sha256"), 0u);
  EXPECT_EQ(sent().body, bedrock::to_json(job()));
  EXPECT_TRUE(sent().headers.get("Authorization")->contains("/us-east-1/bedrock/aws4_request"));
}

TEST_F(Bedrock, AsksForAJobOnceSoThatARefusalIsAllThatAwsHasSaid) {
  http.answer(Error(Errc::unavailable, "reset"));
  const auto lost = run(client->create_job(job(), deadline));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code(), Errc::unavailable);
  refuse(429, "ThrottlingException");
  const auto throttled = run(client->create_job(job(), deadline));
  ASSERT_FALSE(throttled);
  EXPECT_EQ(throttled.error().code(), Errc::throttled);
  EXPECT_EQ(http.sent().size(), 2u);
  EXPECT_EQ(http.sent().at(0).body, http.sent().at(1).body);
}

TEST_F(Bedrock, DoesNotRepeatWhenTheQuotaIsFull) {
  refuse(400, "ServiceQuotaExceededException");
  const auto arn = run(client->create_job(job(), deadline));
  ASSERT_FALSE(arn);
  EXPECT_EQ(arn.error().code(), Errc::throttled);
  EXPECT_EQ(arn.error().reason(), "ServiceQuotaExceededException");
  EXPECT_EQ(http.sent().size(), 1u);
}

TEST_F(Bedrock, SendsTheArnAsOneEncodedSegment) {
  http.answer(200, job_json("InProgress"));
  const auto got = run(client->get_job(kArn, deadline));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->status, bedrock::JobStatus::InProgress);
  EXPECT_EQ(sent().url, "https://bedrock.us-east-1.amazonaws.com" + kArnPath);
}

TEST_F(Bedrock, ListsWithEveryFilterEncoded) {
  http.answer(200,
              R"({"invocationJobSummaries":[)" + job_json("Completed") + R"(],"nextToken":"n"})");
  const auto page = run(client->list_jobs({.name_contains = "a+b",
                                           .status = bedrock::JobStatus::Completed,
                                           .max_results = 5000,
                                           .next_token = "t/="},
                                          deadline));
  ASSERT_TRUE(page) << page.error().message();
  EXPECT_EQ(page->jobs.size(), 1u);
  EXPECT_EQ(page->next_token, "n");
  EXPECT_EQ(sent().url,
            "https://bedrock.us-east-1.amazonaws.com/model-invocation-jobs?maxResults=1000"
            "&sortBy=CreationTime&sortOrder=Descending&nameContains=a%2Bb&statusEquals=Completed"
            "&nextToken=t%2F%3D");
}

TEST_F(Bedrock, StopsAJob) {
  for (const char* body : {"", "{}"}) {
    http.answer(200, body);
    EXPECT_TRUE(run(client->stop_job(kArn, deadline)));
    EXPECT_EQ(sent().url, "https://bedrock.us-east-1.amazonaws.com" + kArnPath + "/stop");
  }
}

TEST_F(Bedrock, StopSucceedsForAJobThatHasEnded) {
  for (const char* code : {"ConflictException", "ValidationException"}) {
    refuse(400, code);
    http.answer(200, job_json("Completed"));
    EXPECT_TRUE(run(client->stop_job(kArn, deadline))) << code;
  }
}

TEST_F(Bedrock, StopFailsForAJobThatStillRuns) {
  refuse(400, "ConflictException", "busy");
  http.answer(200, job_json("InProgress"));
  const auto stopped = run(client->stop_job(kArn, deadline));
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Errc::conflict);
  EXPECT_TRUE(stopped.error().message().contains("busy"));
}

struct ErrorRow {
  int status;
  const char* code;
  const char* message;
  Errc errc;
};

TEST_F(Bedrock, SaysWhatTheCallerCanDo) {
  for (const ErrorRow& row : {
           ErrorRow{400, "ValidationException", "The provided ARN is invalid",
                    Errc::invalid_request},
           ErrorRow{400, "ValidationException",
                    "Your account is not authorized to perform this action. Please create a case",
                    Errc::forbidden},
           ErrorRow{400, "ValidationException",
                    "Batch inference is not supported for the requested model.", Errc::forbidden},
           ErrorRow{400, "ConflictException", "", Errc::conflict},
           ErrorRow{403, "AccessDeniedException", "iam:PassRole", Errc::forbidden},
           ErrorRow{403, "UnrecognizedClientException", "", Errc::forbidden},
           ErrorRow{403, "ExpiredTokenException", "", Errc::forbidden},
           ErrorRow{404, "ResourceNotFoundException", "", Errc::not_found},
           ErrorRow{404, "UnknownOperationException", "", Errc::upstream},
           ErrorRow{429, "ThrottlingException", "", Errc::throttled},
           ErrorRow{500, "InternalServerException", "", Errc::unavailable},
           ErrorRow{503, "", "", Errc::unavailable},
       }) {
    EXPECT_EQ(bedrock_errc({.status = row.status, .code = row.code, .message = row.message}),
              row.errc)
        << row.code << " " << row.message;
  }
}

http::ClientResponse response(int status, std::string body, http::Headers headers = {}) {
  http::ClientResponse out;
  out.status = status;
  out.body = std::move(body);
  out.headers = std::move(headers);
  return out;
}

TEST(BedrockError, IsReadFromHeaderOrBodyInAllItsSpellings) {
  const auto suffixed = find_bedrock_error(
      response(400, R"({"message":"m"})",
               {{"x-amzn-ErrorType", "ValidationException:http://internal.amazon.com/coral/x"},
                {"x-amzn-RequestId", "R1"}}));
  EXPECT_EQ(suffixed->code, "ValidationException");
  EXPECT_EQ(suffixed->message, "m");
  EXPECT_EQ(suffixed->request_id, "R1");
  const auto typed =
      find_bedrock_error(response(403, R"({"__type":"com.amazon.coral#AccessDeniedException",)"
                                       R"("Message":"M"})"));
  EXPECT_EQ(typed->code, "AccessDeniedException");
  EXPECT_EQ(typed->message, "M");
  EXPECT_EQ(find_bedrock_error(response(500, R"({"code":"InternalFailure"})"))->code,
            "InternalFailure");
}

// botocore/parsers.py: the header, else code or Code, else __type; nothing after ':', nothing
// before '#'.
TEST(BedrockError, TakesTheFourEncodingsAsBotocoreDoes) {
  struct Row {
    const char* header;  // "" = none
    const char* body;
    const char* code;
  };
  for (const Row& row : {
           Row{"ThrottlingException", R"({"message":"m"})", "ThrottlingException"},
           Row{"ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/", "{}",
               "ThrottlingException"},
           Row{"com.amazon.coral.service#ThrottlingException", "", "ThrottlingException"},
           Row{"A", R"({"code":"B","__type":"C"})", "A"},
           Row{"", R"({"__type":"com.amazon.bedrock#ThrottlingException"})", "ThrottlingException"},
           Row{"", R"({"code":"B#A:http://x","__type":"C"})", "A"},
           Row{"", R"({"Code":"ThrottlingException","__type":"C"})", "ThrottlingException"},
           Row{"", R"({"code":7})", ""},
       }) {
    http::Headers headers;
    if (*row.header != '\0') headers.set("X-Amzn-Errortype", row.header);
    const auto error = find_bedrock_error(response(400, row.body, headers));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, row.code) << row.header << " " << row.body;
  }
}

TEST(BedrockError, OfABodyThatIsNoJsonHasAStatusOnly) {
  for (const char* body : {"", "<html>Bad gateway</html>", "[1]", R"({"message":7})"}) {
    const auto error = find_bedrock_error(response(502, body));
    ASSERT_TRUE(error) << body;
    EXPECT_EQ(error->status, 502);
    EXPECT_EQ(error->code, "");
    EXPECT_EQ(bedrock_errc(*error), Errc::unavailable);
  }
  EXPECT_FALSE(find_bedrock_error(response(200, "<html>")));
}

TEST_F(Bedrock, SaysThatAPagesAnswerIsNotAwss) {
  http.answer(403, "<html>Blocked by your IT</html>", {{"Content-Type", "text/html"}});
  const auto job = run(client->get_job(kArn, deadline));
  ASSERT_FALSE(job);
  EXPECT_EQ(job.error().code(), Errc::forbidden);
  EXPECT_TRUE(job.error().message().contains("hint: a proxy on the way")) << job.error().message();
  EXPECT_FALSE(job.error().message().contains("IT"));
}

// --- What mends it
// ----------------------------------------------------------------------------------

TEST_F(Bedrock, NamesThePermissionToPassTheRole) {
  refuse(403, "AccessDeniedException",
         "User: arn:aws:iam::1:user/u is not authorized to perform: iam:PassRole on resource: "
         "arn:aws:iam::1:role/batch because no identity-based policy allows the iam:PassRole "
         "action");
  const auto arn = run(client->create_job(job(), deadline));
  ASSERT_FALSE(arn);
  EXPECT_EQ(arn.error().code(), Errc::forbidden);
  EXPECT_TRUE(arn.error().message().contains(
      "; hint: allow iam:PassRole on arn:aws:iam::1:role/batch to who signs, with the condition "
      "iam:PassedToService = bedrock.amazonaws.com"))
      << arn.error().message();
  EXPECT_EQ(http.sent().size(), 1u);
}

TEST_F(Bedrock, DoesNotRepeatWhatTheAccountOrTheModelIsNotEntitledTo) {
  const std::pair<const char*, const char*> rows[] = {
      {"Your account is not authorized to perform this action. Please create a support case",
       "hint: the account is not entitled to batch inference"},
      {"Batch inference is not supported for the requested model.", "hint: take a model"}};
  for (const auto& [message, hint] : rows) {
    refuse(400, "ValidationException", message);
    const auto arn = run(client->create_job(job(), deadline));
    ASSERT_FALSE(arn);
    EXPECT_EQ(arn.error().code(), Errc::forbidden);
    EXPECT_TRUE(arn.error().message().contains(message));
    EXPECT_TRUE(arn.error().message().contains(hint)) << arn.error().message();
  }
  EXPECT_EQ(http.sent().size(), 2u);
}

// --- Runtime
// ----------------------------------------------------------------------------------------

TEST_F(Bedrock, InvokesAModelAndGivesItsBody) {
  http.answer(200, R"({"out":1})");
  const auto answer = run(runtime->invoke_model("anthropic.x-v1:0", R"({"in":1})", deadline));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, R"({"out":1})");
  EXPECT_EQ(answer->error, "");
  EXPECT_EQ(sent().url,
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.x-v1%3A0/invoke");
  EXPECT_EQ(sent().headers.get("Content-Type"), "application/json");
  EXPECT_EQ(sent().headers.get("Accept"), "application/json");
  EXPECT_EQ(sent().body, R"({"in":1})");
  EXPECT_TRUE(sent().headers.get("Authorization")->contains("/us-east-1/bedrock/aws4_request"));
}

TEST_F(Bedrock, ConversesSignedAsAnInvocationIs) {
  http.answer(200, R"({"output":{}})");
  const auto answer = run(runtime->converse("us.amazon.x-v1:0", R"({"messages":[]})", deadline));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, R"({"output":{}})");
  EXPECT_EQ(sent().url,
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.amazon.x-v1%3A0/converse");
  EXPECT_EQ(sent().headers.get("Content-Type"), "application/json");
  EXPECT_EQ(sent().body, R"({"messages":[]})");
  EXPECT_TRUE(sent().headers.get("Authorization")->contains("/us-east-1/bedrock/aws4_request"));
}

TEST_F(Bedrock, AConversationsRefusalIsAnAnswerAndAMissingModelAnError) {
  refuse(400, "ValidationException", "max_tokens: too large");
  const auto refused = run(runtime->converse("m", "{}", deadline));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 400);
  EXPECT_EQ(refused->body, "max_tokens: too large");
  refuse(404, "ResourceNotFoundException", "no such model");
  const auto missing = run(runtime->converse("m", "{}", deadline));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::not_found);
  EXPECT_TRUE(missing.error().message().contains("Converse")) << missing.error().message();
}

TEST_F(Bedrock, SaysWhatAWSCountedWhereItSaysSo) {
  http.answer(
      200, "{}",
      {{"X-Amzn-Bedrock-Input-Token-Count", "17"}, {"X-Amzn-Bedrock-Output-Token-Count", "0"}});
  const auto counted = run(runtime->invoke_model("m", "{}", deadline));
  ASSERT_TRUE(counted);
  EXPECT_EQ(counted->input_tokens, 17);
  EXPECT_EQ(counted->output_tokens, 0);
  http.answer(200, "{}", {{"X-Amzn-Bedrock-Input-Token-Count", "many"}});
  const auto unclear = run(runtime->invoke_model("m", "{}", deadline));
  ASSERT_TRUE(unclear);
  EXPECT_EQ(unclear->input_tokens, std::nullopt);
  EXPECT_EQ(unclear->output_tokens, std::nullopt);
}

TEST_F(Bedrock, GivesAnInputsRefusalAsAnAnswer) {
  for (const ErrorRow& row : {
           ErrorRow{400, "ValidationException", "max_tokens: too large", Errc::upstream},
           ErrorRow{424, "ModelErrorException", "the model failed", Errc::upstream},
           ErrorRow{408, "ModelTimeoutException", "too slow", Errc::upstream},
           ErrorRow{413, "", "", Errc::upstream},
       }) {
    refuse(row.status, row.code, row.message);
    const auto answer = run(runtime->invoke_model("m", "{}", deadline));
    ASSERT_TRUE(answer) << row.code;
    EXPECT_EQ(answer->status, row.status);
    EXPECT_EQ(answer->error, row.code);
    EXPECT_EQ(answer->body, row.message);
  }
  EXPECT_EQ(http.sent().size(), 4u) << "none of these is repeated";
}

TEST_F(Bedrock, GivesWhatConcernsTheDeploymentAsAnError) {
  for (const ErrorRow& row : {
           ErrorRow{403, "AccessDeniedException", "no access", Errc::forbidden},
           ErrorRow{404, "ResourceNotFoundException", "no such model", Errc::not_found},
           ErrorRow{400, "ValidationException", "The provided model identifier is invalid.",
                    Errc::not_found},
           ErrorRow{400, "ServiceQuotaExceededException", "quota", Errc::throttled},
       }) {
    refuse(row.status, row.code, row.message);
    const auto answer = run(runtime->invoke_model("m", "{}", deadline));
    ASSERT_FALSE(answer) << row.message;
    EXPECT_EQ(answer.error().code(), row.errc) << row.message;
    EXPECT_EQ(answer.error().reason(), row.code);
  }
}

TEST_F(Bedrock, SaysAtOnceThatAnInvocationIsThrottledButRepeatsAFailedOne) {
  refuse(429, "ThrottlingException");
  const auto throttled = run(runtime->invoke_model("m", "{}", deadline));
  ASSERT_FALSE(throttled);
  EXPECT_EQ(throttled.error().code(), Errc::throttled);
  EXPECT_EQ(http.sent().size(), 1u);

  for (int i = 0; i < 3; ++i) refuse(503, "ServiceUnavailableException");
  const auto failed = run(runtime->invoke_model("m", "{}", deadline));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::unavailable);
  EXPECT_EQ(http.sent().size(), 4u);
}

}  // namespace
}  // namespace quarry::aws
