// What the server's answers mean to `quarry run`, and what it says at its end.
#include "cli/run_report.h"

#include "cli/api_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::cli {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

TEST(ParseBatch, ReadsWhatTheReportNeeds) {
  const auto batch = parse_batch(R"({"id":"batch_1","object":"batch","status":"completed",
      "output_file_id":"file-o","error_file_id":null,"created_at":1711471533,"errors":null,
      "request_counts":{"total":500,"completed":499,"failed":1},
      "usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":3},"output_tokens":20,
               "output_tokens_details":{"reasoning_tokens":0},"total_tokens":30}})");
  ASSERT_TRUE(batch) << batch.error().message();
  EXPECT_EQ(batch->id, "batch_1");
  EXPECT_EQ(batch->total, 500u);
  EXPECT_EQ(batch->completed, 499u);
  EXPECT_EQ(batch->failed, 1u);
  EXPECT_EQ(batch->output_file_id, "file-o");
  EXPECT_EQ(batch->error_file_id, "");
  EXPECT_EQ(batch->created_at, 1711471533);
  EXPECT_TRUE(batch->has_usage);
  EXPECT_EQ(batch->input_tokens, 10u);
  EXPECT_EQ(batch->cached_tokens, 3u);
  EXPECT_EQ(batch->output_tokens, 20u);
  EXPECT_TRUE(batch->ended());
}

TEST(ParseBatch, ReadsTheErrorsOfAFailedOne) {
  const auto batch = parse_batch(R"({"id":"b","status":"failed","errors":{"object":"list","data":[
      {"code":"invalid_json_line","message":"This line is not parseable as valid JSON.","param":null,"line":2},
      {"code":"empty_file","message":"The input file is empty.","param":null,"line":null},
      {"code":"invalid_url","message":"The URL is wrong.","param":"url","line":3}]}})");
  ASSERT_TRUE(batch);
  EXPECT_EQ(render_problems(*batch),
            "line 2: invalid_json_line: This line is not parseable as valid JSON.\n"
            "empty_file: The input file is empty.\n"
            "line 3: invalid_url: The URL is wrong. (url)\n");
}

TEST(ParseBatch, RefusesWhatIsNoBatch) {
  for (const char* text : {"", "<html>", "[]", "{}", R"({"id":"b"})", R"({"id":7,"status":"x"})"}) {
    const auto batch = parse_batch(text);
    ASSERT_FALSE(batch) << text;
    EXPECT_EQ(batch.error().code(), Errc::upstream);
    EXPECT_THAT(batch.error().message(), HasSubstr("hint:"));
  }
}

TEST(ParseBatch, EndsInExactlyTheFourTerminalStates) {
  const auto ended = [](const char* status) {
    BatchView batch;
    batch.status = status;
    return batch.ended();
  };
  for (const char* status : {"completed", "failed", "expired", "cancelled"})
    EXPECT_TRUE(ended(status));
  for (const char* status : {"validating", "in_progress", "finalizing", "cancelling", "new_one"}) {
    EXPECT_FALSE(ended(status)) << status;
  }
}

TEST(ErrorOfAnswer, CarriesTheServersWordsAndWhatToDo) {
  const Error error = error_of_answer(
      401,
      R"({"error":{"message":"Incorrect API key.","type":"x","param":null,"code":"invalid_api_key"}})");
  EXPECT_EQ(error.code(), Errc::forbidden);
  EXPECT_EQ(error.reason(), "invalid_api_key");
  EXPECT_THAT(error.message(), HasSubstr("HTTP 401: Incorrect API key."));
  EXPECT_THAT(error.message(), HasSubstr("--api-key"));
  EXPECT_THAT(error_of_answer(502, "<html>").message(), HasSubstr("HTTP 502"));
}

TEST(ErrorOfAnswer, IsRetriedExactlyWhereTheSdksRetryAReadWithoutConflict) {
  for (const int status : {408, 429, 500, 501, 502, 503, 529}) {
    EXPECT_TRUE(retryable(error_of_answer(status, "").code())) << status;
  }
  for (const int status : {400, 401, 403, 404, 405, 409, 413, 422}) {
    EXPECT_FALSE(retryable(error_of_answer(status, "").code())) << status;
  }
}

TEST(ParseSpend, SumsTheRowsAndKnowsWhenThereAreNone) {
  EXPECT_EQ(parse_spend("[]"), std::nullopt);
  EXPECT_EQ(parse_spend(R"({"error":{}})"), std::nullopt);
  EXPECT_EQ(parse_spend("nonsense"), std::nullopt);
  EXPECT_EQ(parse_spend(R"([{"request_id":"x","spend":0}])"), 0.0);
  EXPECT_DOUBLE_EQ(*parse_spend(R"([{"spend":0.25},{"spend":1},{"other":3}])"), 1.25);
}

TEST(BaseUrls, AreTheSameWithAndWithoutV1) {
  for (const char* url : {"http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"}) {
    EXPECT_EQ(base_urls(url).api, "http://h:1/v1") << url;
    EXPECT_EQ(base_urls(url).root, "http://h:1") << url;
  }
  EXPECT_EQ(base_urls("https://h/openai/v1").api, "https://h/openai/v1");
  EXPECT_EQ(base_urls("https://h/openai/v1").root, "https://h");
  EXPECT_EQ(base_urls("https://h/gateway/v1").root, "https://h/gateway");
}

TEST(RetryDelay, DoublesToEightSeconds) {
  const http::Headers none;
  EXPECT_EQ(retry_delay(1, none), milliseconds(500));
  EXPECT_EQ(retry_delay(2, none), milliseconds(1000));
  EXPECT_EQ(retry_delay(5, none), milliseconds(8000));
  EXPECT_EQ(retry_delay(1000, none), milliseconds(8000));
}

TEST(RetryDelay, ObeysTheServerWithinAMinute) {
  EXPECT_EQ(retry_delay(1, {{"retry-after", "3"}}), milliseconds(3000));
  EXPECT_EQ(retry_delay(1, {{"retry-after", "3"}, {"retry-after-ms", "20"}}), milliseconds(20));
  EXPECT_EQ(retry_delay(1, {{"Retry-After", "86400"}}), milliseconds(60'000));
  for (const char* nonsense : {"Wed, 21 Oct 2026 07:28:00 GMT", "-1", "nan", "inf", ""}) {
    EXPECT_EQ(retry_delay(1, {{"retry-after", nonsense}}), milliseconds(500)) << nonsense;
  }
}

TEST(PollDelay, IsQuickAtFirstAndNeverMoreThanTenSeconds) {
  EXPECT_EQ(poll_delay(0), milliseconds(200));
  EXPECT_EQ(poll_delay(9), milliseconds(200));
  EXPECT_EQ(poll_delay(10), milliseconds(1000));
  for (int looks = 10; looks < 100; ++looks) EXPECT_LE(poll_delay(looks), poll_delay(looks + 1));
  EXPECT_EQ(poll_delay(1'000'000), milliseconds(10'000));
}

RunReport report() {
  RunReport made;
  made.batch.status = "completed";
  made.batch.total = 500;
  made.batch.completed = 500;
  made.batch.has_usage = true;
  made.batch.input_tokens = 12345;
  made.batch.cached_tokens = 45;
  made.batch.output_tokens = 678;
  made.results = "in.out.jsonl";
  made.cost_usd = 0.0375;
  made.elapsed = milliseconds(4200);
  return made;
}

TEST(Report, OfAWholeSuccess) {
  EXPECT_EQ(render_report(report()),
            "500 completed, 0 failed\n"
            "tokens:  12,345 in (45 cached), 678 out\n"
            "cost:    $0.0375\n"
            "time:    4.2 s\n"
            "results: in.out.jsonl\n");
  EXPECT_TRUE(report().succeeded());
}

TEST(Report, NamesTheErrorFileAndIsNoSuccessWhenALineFailed) {
  RunReport made = report();
  made.batch.completed = 499;
  made.batch.failed = 1;
  made.errors = "in.out.errors.jsonl";
  made.error_lines = 1;
  EXPECT_THAT(render_report(made), HasSubstr("499 completed, 1 failed\n"));
  EXPECT_THAT(render_report(made), HasSubstr("errors:  in.out.errors.jsonl (1 line)\n"));
  EXPECT_FALSE(made.succeeded());
}

TEST(Report, SaysWhenTheBatchDidNotComplete) {
  RunReport made = report();
  made.batch.completed = 10;
  for (const auto& [status, words] :
       {std::pair{"cancelled", "490 not run: the batch was cancelled"},
        std::pair{"expired", "490 not run: the batch expired"},
        std::pair{"failed", "490 not run: the batch failed"}}) {
    made.batch.status = status;
    EXPECT_THAT(render_report(made), HasSubstr(words));
    EXPECT_FALSE(made.succeeded());
  }
}

TEST(Report, SaysThatACostIsNotKnown) {
  RunReport made = report();
  made.cost_usd.reset();
  EXPECT_THAT(render_report(made), HasSubstr("cost:    not known\n"));
}

TEST(ResumeHint, IsACommandForAShellWithoutTheKey) {
  RunOptions options;
  options.output = "my answers.jsonl";
  options.url = "http://h:1";
  options.api_key = Secret<std::string>("sk-secret");
  EXPECT_EQ(resume_hint(options, "batch_1"),
            "quarry run --resume batch_1 -o 'my answers.jsonl' --url http://h:1");
  options.output = "it's";
  EXPECT_THAT(resume_hint(options, "b"), HasSubstr(R"('it'\''s')"));
}

TEST(OutputNames, LieBesideTheInput) {
  EXPECT_EQ(default_output("d/in.jsonl"), "d/in.out.jsonl");
  EXPECT_EQ(default_output("in.txt"), "in.txt.out.jsonl");
  EXPECT_EQ(default_output("batch_1"), "batch_1.out.jsonl");
  EXPECT_EQ(errors_file("answers.jsonl"), "answers.errors.jsonl");
  EXPECT_EQ(errors_file("d/in.out.jsonl"), "d/in.out.errors.jsonl");
  EXPECT_EQ(errors_file("answers"), "answers.errors.jsonl");
}

}  // namespace
}  // namespace quarry::cli
