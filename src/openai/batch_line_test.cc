#include "openai/batch_line.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace quarry::openai {
namespace {

constexpr const char* kSeed = "0123456789abcdef0123456789abcdef";

TEST(BatchLine, GivesTheFieldsAndTheRawBody) {
  BatchLineReader reader;
  const auto line = reader.read(
      R"( {"body" : {"messages": [ ], "model":"cl\u0061ude","stream":true}, "url":"/v1/chat/completions",)"
      R"("method":"POST","custom_id":"a\"b","extra":{"model":"no"}} )");
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(line->custom_id, "a\"b");
  EXPECT_EQ(line->custom_id_json, R"("a\"b")");
  EXPECT_EQ(line->url, "/v1/chat/completions");
  EXPECT_EQ(line->method, "POST");
  EXPECT_EQ(line->model, "claude");
  EXPECT_EQ(line->body, R"({"messages": [ ], "model":"cl\u0061ude","stream":true})");
  EXPECT_TRUE(line->stream);
}

TEST(BatchLine, ReadsManyLinesWithOneReader) {
  BatchLineReader reader;
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(reader.read("{"));
    const auto line =
        reader.read(R"({"custom_id":"a","method":"POST","url":"u","body":{"model":null}})");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->model, "");
    EXPECT_FALSE(line->stream);
  }
}

struct BadRow {
  const char* what;
  std::string line;
  LineError error;
};
class BadLine : public ::testing::TestWithParam<BadRow> {};

TEST_P(BadLine, IsRefusedAsOpenAiDoes) {
  BatchLineReader reader;
  const auto line = reader.read(GetParam().line);
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, GetParam().error.code);
  EXPECT_EQ(line.error().message, GetParam().error.message);
  EXPECT_EQ(line.error().param, GetParam().error.param);
}

LineError not_json() {
  return {"invalid_json_line", "This line is not parseable as valid JSON.", ""};
}
LineError not_object() { return {"invalid_request", "This line is not a JSON object.", ""}; }
LineError missing(const std::string& name) {
  return {"missing_required_parameter", "Missing required parameter: '" + name + "'.", name};
}
LineError wrong(const std::string& name, const std::string& wanted, const std::string& got) {
  return {"invalid_request",
          "Invalid type for '" + name + "': expected " + wanted + ", but got " + got + " instead.",
          name};
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    BadLine,
    ::testing::Values(
        BadRow{"Truncated", R"({"custom_id":"a")", not_json()},
        BadRow{"GarbageBehind", R"({"custom_id":"a","method":"POST","url":"u","body":{}} x)",
               not_json()},
        BadRow{"BrokenDeepInTheBody",
               R"({"custom_id":"a","method":"POST","url":"u","body":{"x":[1,}]}})", not_json()},
        BadRow{"Array", "[1,2,3]", not_object()},
        BadRow{"String", "\"hello\"", not_object()},
        BadRow{"Null", "null", not_object()},
        BadRow{"OnlyABody", R"({"body":"text"})", missing("custom_id")},
        BadRow{"NoMethod", R"({"custom_id":"a","url":"u","body":{}})", missing("method")},
        BadRow{"NoUrl", R"({"custom_id":"a","method":"POST","body":{}})", missing("url")},
        BadRow{"NoBody", R"({"custom_id":"a","method":"POST","url":"u"})", missing("body")},
        BadRow{"GetMethod",
               R"({"custom_id":"a","method":"GET","url":"u","body":{}})",
               {"invalid_method", "Invalid value: 'GET'. Supported values are: 'POST'.", "method"}},
        BadRow{"NumericId", R"({"custom_id":7,"method":"POST","url":"u","body":{}})",
               wrong("custom_id", "a string", "a number")},
        BadRow{"EmptyId",
               R"({"custom_id":"","method":"POST","url":"u","body":{}})",
               {"invalid_request", "Invalid 'custom_id': it must not be empty.", "custom_id"}},
        BadRow{"TextBody", R"({"custom_id":"a","method":"POST","url":"u","body":"text"})",
               wrong("body", "an object", "a string")},
        BadRow{"NumericModel", R"({"custom_id":"a","method":"POST","url":"u","body":{"model":1}})",
               wrong("body.model", "a string", "a number")},
        BadRow{"InvalidUtf8",
               "{\"custom_id\":\"\xff\"}",
               {"invalid_request", "This line is not valid UTF-8.", ""}},
        BadRow{"LoneSurrogate",
               R"({"custom_id":"\ud800"})",
               {"invalid_request",
                "This line holds half of a surrogate pair, which is no character.", ""}}),
    [](const auto& row) { return std::string(row.param.what); });

TEST(Endpoint, IsKnownWithAndWithoutTheLeadingSlashAndOnlyExactly) {
  EXPECT_EQ(parse_endpoint("/v1/chat/completions"), Endpoint::chat_completions);
  EXPECT_EQ(parse_endpoint("v1/embeddings"), Endpoint::embeddings);
  EXPECT_EQ(parse_endpoint("/v1/responses"), Endpoint::responses);
  EXPECT_EQ(parse_endpoint("/v1/completions"), Endpoint::completions);
  for (const char* url : {"", "/", "//v1/responses", "/v1/chat/completions/", "/v1/Completions"}) {
    EXPECT_FALSE(parse_endpoint(url)) << url;
  }
}

TEST(ResponseLine, IsOneLineForEveryReader) {
  std::string out;
  append_response_line(out, "\"id\xe2\x80\xa8\"", kSeed, 200,
                       "{\"text\":\"a\xc2\x85"
                       "b\xe2\x80\xa9\"}");
  EXPECT_EQ(out,
            std::string(R"({"id":"batch_req_)") + kSeed +
                R"(","custom_id":"id\u2028","response":{"status_code":200,"request_id":"req_)" +
                kSeed + R"(","body":{"text":"a\u0085b\u2029"}},"error":null})" + "\n");
}

TEST(UnexecutedLine, HasNoResponse) {
  std::string out;
  append_unexecuted_line(out, R"("a")", kSeed, "batch_expired", "too \"late\"");
  EXPECT_EQ(out, std::string(R"({"id":"batch_req_)") + kSeed +
                     R"(","custom_id":"a","response":null,"error":{"code":"batch_expired",)" +
                     R"("message":"too \"late\""}})" + "\n");
}

TEST(ErrorEnvelope, WritesNullForWhatIsAbsent) {
  EXPECT_EQ(error_envelope("m", "invalid_request_error", "", ""),
            R"({"error":{"message":"m","type":"invalid_request_error","param":null,"code":null}})");
  const auto parsed = boost::json::parse(error_envelope("a\n\xff", "t", "p", "c"));
  EXPECT_EQ(parsed.at("error").at("param"), "p");
  EXPECT_EQ(parsed.at("error").at("message"), "a\n\xef\xbf\xbd");
}

}  // namespace
}  // namespace quarry::openai
