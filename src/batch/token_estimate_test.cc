// How many tokens a record is, before anybody has counted.
#include "batch/token_estimate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace quarry::batch {
namespace {

using openai::Endpoint;
using translate::Wire;

constexpr const char* kHaiku = "anthropic.claude-3-haiku-20240307-v1:0";
constexpr const char* kNova = "amazon.nova-lite-v1:0";
constexpr const char* kTitan = "amazon.titan-embed-text-v2:0";

const catalog::Model& model(const char* id) {
  const catalog::Model* found = catalog::Catalog::built_in().find(id);
  if (!found) throw std::runtime_error(id);
  return *found;
}

TokenEstimate estimate(const std::string& model_input,
                       const catalog::Model& of,
                       Wire wire = Wire::native,
                       Endpoint endpoint = Endpoint::chat_completions) {
  TokenEstimator estimator;
  return estimator.estimate_record(
      fmt::format(R"({{"recordId":"r0000000001","modelInput":{}}})", model_input), of, wire,
      endpoint);
}

std::string claude(const std::string& content, const std::string& more = "") {
  return fmt::format(
      R"({{"anthropic_version":"bedrock-2023-05-31","messages":[{{"content":"{}"}}]{}}})", content,
      more);
}

TEST(TokenEstimate, IsTheTextInTheFamilysBytesAToken) {
  EXPECT_EQ(estimate(claude(std::string(350, 'a')), model(kHaiku)).input, 100 + kTokensPerMessage);
  EXPECT_EQ(estimate(claude(std::string(351, 'a')), model(kHaiku)).input, 101 + kTokensPerMessage);
  EXPECT_EQ(estimate(fmt::format(R"({{"messages":[{{"content":[{{"text":"{}"}}]}}]}})",
                                 std::string(400, 'a')),
                     model(kNova))
                .input,
            100 + kTokensPerMessage);
  EXPECT_EQ(estimate(fmt::format(R"({{"inputText":"{}"}})", std::string(470, 'a')), model(kTitan),
                     Wire::native, Endpoint::embeddings)
                .input,
            100);
}

TEST(TokenEstimate, EachMessageCostsAFewTokensAroundItsText) {
  const auto of = [](const char* input) { return estimate(input, model(kNova)).input; };
  EXPECT_EQ(of(R"({"messages":[{"content":[{"text":"Hi!!"}]}]})"), 1 + 5);
  EXPECT_EQ(of(R"({"system":[{"text":"Hi!!"}],"messages":[{"content":[{"text":"Hi!!"}]},{},{}]})"),
            2 + 4 * 5);
  EXPECT_EQ(of(R"({"prompt":"Hi!!"})"), 1 + 5);
  EXPECT_EQ(
      estimate(R"({"inputText":"Hi!!"})", model(kTitan), Wire::native, Endpoint::embeddings).input,
      1);
}

TEST(TokenEstimate, CountsEscapesAsTheCharactersTheyAre) {
  std::string text;
  for (int i = 0; i < 70; ++i) text += "\\u0061\\n";
  EXPECT_EQ(estimate(claude(text), model(kHaiku)).input, 40 + kTokensPerMessage);
}

TEST(TokenEstimate, AnImageCountsAsAnImageHoweverManyBytesItIs) {
  const std::string bytes(1'000'000, 'A');
  EXPECT_EQ(
      estimate(fmt::format(R"({{"x":[{{"source":{{"data":"{}"}}}}]}})", bytes), model(kNova)).input,
      kTokensPerMedium + kTokensPerMessage);
  EXPECT_EQ(estimate(fmt::format(R"({{"image_url":{{"url":"data:image/png;base64,{}"}}}})", bytes),
                     model(kNova))
                .input,
            kTokensPerMedium + kTokensPerMessage);
}

TEST(TokenEstimate, AToolsSchemaCountsAsItStands) {
  const std::string schema = R"({"type":"object","properties":{"city":{"type":"string"}}})";
  EXPECT_EQ(
      estimate(fmt::format(R"({{"tools":[{{"inputSchema":{}}}]}})", schema), model(kNova)).input,
      static_cast<std::int64_t>((schema.size() + 3) / 4) + kTokensPerMessage);
}

struct Limit {
  const char* model_input;
  Wire wire;
  std::int64_t tokens;
};

class OutputLimit : public testing::TestWithParam<Limit> {};

TEST_P(OutputLimit, IsWhatTheRecordSaysByItsFamilysName) {
  EXPECT_EQ(estimate(GetParam().model_input, model(kNova), GetParam().wire).output_max,
            GetParam().tokens);
}

INSTANTIATE_TEST_SUITE_P(
    All,
    OutputLimit,
    testing::Values(Limit{R"({"max_tokens":7})", Wire::native, 7},
                    Limit{R"({"max_completion_tokens":8})", Wire::native, 8},
                    Limit{R"({"max_gen_len":9})", Wire::native, 9},
                    Limit{R"({"inferenceConfig":{"maxTokens":10}})", Wire::converse, 10},
                    Limit{R"({"textGenerationConfig":{"maxTokenCount":11}})", Wire::native, 11}));

TEST(TokenEstimate, WithoutALimitOutputIsTheModelsCeiling) {
  catalog::Model unknown = model(kNova);
  unknown.output_tokens_max = 0;
  unknown.native_output_tokens_max = 0;
  EXPECT_EQ(estimate("{}", unknown).output_max, std::nullopt);
  unknown.output_tokens_max = 8192;
  EXPECT_EQ(estimate("{}", unknown).output_max, 8192);
  unknown.native_output_tokens_max = 2048;
  EXPECT_EQ(estimate("{}", unknown).output_max, 2048);
  EXPECT_EQ(estimate("{}", unknown, Wire::converse).output_max, 8192);
}

TEST(TokenEstimate, AnEmbeddingHasNoOutput) {
  EXPECT_EQ(estimate(R"({"inputText":"a"})", model(kTitan), Wire::native, Endpoint::embeddings)
                .output_max,
            0);
}

}  // namespace
}  // namespace quarry::batch
