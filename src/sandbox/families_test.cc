#include "sandbox/families.h"

#include "sandbox/model.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace quarry::sandbox {
namespace {

struct ModelRow {
  const char* name;
  const char* model_id;
  Family family;
};
class FamilyOfModel : public ::testing::TestWithParam<ModelRow> {};

TEST_P(FamilyOfModel, IsToldByItsId) {
  EXPECT_EQ(family_of_model(GetParam().model_id), GetParam().family);
  EXPECT_EQ(knows_model(GetParam().model_id), GetParam().family != Family::none);
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    FamilyOfModel,
    ::testing::Values(
        ModelRow{"Claude", "anthropic.claude-3-haiku-20240307-v1:0", Family::claude},
        ModelRow{"GlobalProfile", "global.anthropic.claude-opus-5", Family::claude},
        ModelRow{"BareName", "claude-anything", Family::claude},
        ModelRow{"Nova", "us.amazon.nova-lite-v1:0", Family::nova},
        ModelRow{"Nova2", "jp.amazon.nova-2-lite-v1:0", Family::nova},
        ModelRow{"NovaEmbed", "amazon.nova-2-multimodal-embeddings-v1:0", Family::nova_embed},
        ModelRow{"Canvas", "amazon.nova-canvas-v1:0", Family::none},
        ModelRow{"TitanText", "amazon.titan-text-express-v1", Family::titan_text},
        ModelRow{"TitanEmbed", "amazon.titan-embed-text-v2:0", Family::titan_embed},
        ModelRow{"TitanImage", "amazon.titan-image-generator-v2:0", Family::none},
        ModelRow{"Llama", "apac.meta.llama3-1-8b-instruct-v1:0", Family::llama},
        ModelRow{"Mistral", "mistral.mixtral-8x7b-instruct-v0:1", Family::mistral},
        ModelRow{"CommandR", "cohere.command-r-plus-v1:0", Family::command_r},
        ModelRow{"CohereEmbed", "eu.cohere.embed-v4:0", Family::cohere_embed},
        ModelRow{"Rerank", "cohere.rerank-v3-5:0", Family::none},
        ModelRow{"Jamba", "ai21.jamba-1-5-mini-v1:0", Family::jamba},
        ModelRow{"DeepSeekR1", "us.deepseek.r1-v1:0", Family::deepseek_r1},
        ModelRow{"DeepSeekV3", "deepseek.v3-v1:0", Family::openai_shaped},
        ModelRow{"GptOss", "openai.gpt-oss-20b-1:0", Family::openai_shaped},
        ModelRow{"FoundationArn",
                 "arn:aws:bedrock:us-east-1::foundation-model/meta.llama4-scout-17b-instruct-v1:0",
                 Family::llama},
        ModelRow{"ProfileArn",
                 "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/"
                 "us-gov.amazon.nova-"
                 "micro-v1:0",
                 Family::nova},
        ModelRow{"CustomOfKnownBase",
                 "arn:aws:bedrock:us-east-1:123456789012:custom-model/"
                 "amazon.nova-lite-v1:0:300k/abcdefghijkl",
                 Family::nova},
        ModelRow{"CustomOfAnother",
                 "arn:aws:bedrock:us-east-1:123456789012:custom-model/mine.model/abcdefghijkl",
                 Family::unsaid},
        ModelRow{
            "ApplicationProfile",
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl",
            Family::unsaid},
        ModelRow{"Unknown", "no.such-model", Family::none}),
    [](const auto& row) { return std::string(row.param.name); });

struct BodyRow {
  const char* name;
  const char* body;
  Family family;
};
class FamilyOfBody : public ::testing::TestWithParam<BodyRow> {};

TEST_P(FamilyOfBody, IsToldByItsShape) {
  EXPECT_EQ(family_of_body(boost::json::parse(GetParam().body).as_object()), GetParam().family);
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    FamilyOfBody,
    ::testing::Values(
        BodyRow{"Claude", R"({"anthropic_version":"x","messages":[]})", Family::claude},
        BodyRow{"Nova", R"({"messages":[{"role":"user","content":[{"text":"x"}]}]})", Family::nova},
        BodyRow{"Chat", R"({"messages":[{"role":"user","content":"x"}]})", Family::openai_shaped},
        BodyRow{"Llama", R"({"prompt":"x","max_gen_len":9})", Family::llama},
        BodyRow{"LlamaTokens", R"({"prompt":"<|begin_of_text|>x"})", Family::llama},
        BodyRow{"DeepSeek", R"({"prompt":"<｜User｜>x"})", Family::deepseek_r1},
        BodyRow{"Mistral", R"({"prompt":"<s>[INST] x [/INST]"})", Family::mistral},
        BodyRow{"TitanText", R"({"inputText":"x","textGenerationConfig":{}})", Family::titan_text},
        BodyRow{"TitanEmbed", R"({"inputText":"x"})", Family::titan_embed},
        BodyRow{"CohereEmbed", R"({"texts":["x"],"input_type":"clustering"})",
                Family::cohere_embed},
        BodyRow{"CommandR", R"({"message":"x"})", Family::command_r},
        BodyRow{"NovaEmbed", R"({"taskType":"SINGLE_EMBEDDING"})", Family::nova_embed},
        BodyRow{"Nothing", "{}", Family::claude}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace quarry::sandbox
