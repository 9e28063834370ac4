// No request, however odd, makes a model do anything but answer JSON or refuse: each member of a
// fine request in turn is taken away, or becomes a value of every other type.

#include "sandbox/chat_shaped_models.h"
#include "sandbox/command_model.h"
#include "sandbox/embedding_models.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

using Model = ModelResult (*)(const json::object&, std::string_view, std::string_view);

const std::vector<json::value>& odd_values() {
  static const std::vector<json::value> values{nullptr,
                                               true,
                                               -1,
                                               0,
                                               18446744073709551615ULL,
                                               1.5,
                                               "",
                                               "x",
                                               json::array{},
                                               json::array{nullptr},
                                               json::array{"x"},
                                               json::array{json::object{}},
                                               json::object{},
                                               json::object{{"type", "text"}, {"text", 1}}};
  return values;
}

// Calls `visit` with the request once for each odd value in each place below `place`.
void each_variant(const json::value& root,
                  json::value& place,
                  const std::function<void(const json::object&)>& visit) {
  const json::value kept = place;
  for (const auto& odd : odd_values()) {
    place = odd;
    if (root.is_object()) visit(root.get_object());
  }
  place = kept;
  if (place.is_array()) {
    for (auto& item : place.get_array()) each_variant(root, item, visit);
  } else if (place.is_object()) {
    for (auto& member : place.get_object()) each_variant(root, member.value(), visit);
    for (const auto& member : kept.get_object()) {
      place.get_object().erase(member.key());
      visit(root.get_object());
      place = kept;
    }
  }
}

struct Row {
  const char* name;
  Model model;
  std::string_view model_id;
  const char* body;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class OddRequest : public ::testing::TestWithParam<Row> {};

TEST_P(OddRequest, IsAnsweredInJsonOrRefusedWithAReason) {
  json::value root = json::parse(GetParam().body);
  ASSERT_TRUE(GetParam().model(root.get_object(), GetParam().model_id, ""));
  std::size_t answered = 0, refused = 0;
  each_variant(root, root, [&](const json::object& request) {
    const auto answer = GetParam().model(request, GetParam().model_id, "");
    if (answer) {
      boost::system::error_code error;
      const auto body = json::parse(answer->body, error);
      EXPECT_TRUE(!error && body.is_object()) << json::serialize(request);
    } else {
      EXPECT_EQ(answer.error().code, 400) << json::serialize(request);
      EXPECT_FALSE(answer.error().message.empty()) << json::serialize(request);
    }
    ++(answer ? answered : refused);
  });
  EXPECT_GT(refused, 50u);
  EXPECT_GT(answered, 0u);
}

constexpr const char* kChat =
    R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"x [[sandbox:tool f]]"}]},)"
    R"({"role":"assistant","content":"a","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},)"
    R"({"role":"tool","tool_call_id":"c","content":"r"},{"role":"user","content":"y [[sandbox:tool f]]"}],)"
    R"("tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}}}],)"
    R"("tool_choice":{"type":"function","function":{"name":"f"}},"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}},)"
    R"("stop":["a"],"logprobs":true,"top_logprobs":1,"n":2,"max_tokens":9,"temperature":1,"stream":false,"reasoning_effort":"low"})";
constexpr const char* kJambaChat =
    R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"x"},)"
    R"({"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},)"
    R"({"role":"tool","tool_call_id":"c","content":"r"},{"role":"user","content":"y [[sandbox:tool f]]"}],)"
    R"("tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],)"
    R"("documents":[{"content":"d"}],"response_format":{"type":"text"},"stop":["a"],"n":2,"max_tokens":9,"temperature":1})";
constexpr const char* kCommand =
    R"({"message":"x [[sandbox:tool f]]","preamble":"p","chat_history":[{"role":"USER","message":"a"},{"role":"CHATBOT","message":"b","tool_calls":[{"name":"f","parameters":{}}]}],)"
    R"("tools":[{"name":"f","description":"d","parameter_definitions":{"a":{"type":"str","description":"d","required":true}}}],)"
    R"("tool_results":[{"call":{"name":"f","parameters":{}},"outputs":[{"text":"o"}]}],"documents":[{"text":"t"}],)"
    R"("max_tokens":9,"temperature":1,"p":0.5,"k":3,"stop_sequences":["a"],"seed":1,"search_queries_only":false})";
constexpr const char* kNova =
    R"({"schemaVersion":"nova-multimodal-embed-v1","taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":"CLUSTERING","embeddingDimension":256,"text":{"truncationMode":"END","value":"x"}}})";
constexpr const char* kNovaImage =
    R"({"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":"CLUSTERING","embeddingDimension":256,"image":{"detailLevel":"STANDARD_IMAGE","format":"png","source":{"s3Location":{"uri":"s3://b/k","bucketOwner":"1"}}}}})";

ModelResult converse_live(const json::object& request,
                          std::string_view model_id,
                          std::string_view seed) {
  return answer_converse(request, model_id, seed, ConverseIn::live);
}

// Every kind of block, in the one shape that Converse and Nova share.
constexpr const char* kBlocks =
    R"({"system":[{"text":"s"},{"cachePoint":{"type":"default"}}],"messages":[)"
    R"({"role":"user","content":[{"text":"x [[sandbox:tool f]]"},{"image":{"format":"png","source":{"bytes":"AAAA"}}},{"document":{"format":"txt","name":"n","source":{"text":"t"}}}]},)"
    R"({"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"t","signature":"s"}}},{"toolUse":{"toolUseId":"t","name":"f","input":{}}}]},)"
    R"({"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"text":"r"},{"json":{}}],"status":"success"}},{"text":"y [[sandbox:tool f]]"}]}],)"
    R"("toolConfig":{"tools":[{"toolSpec":{"name":"f","description":"d","inputSchema":{"json":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}}}}],"toolChoice":{"tool":{"name":"f"}}},)"
    R"("inferenceConfig":{"maxTokens":9,"temperature":1,"topP":1,"stopSequences":["a"]})";
const std::string kConverse =
    std::string(kBlocks) +
    R"(,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{}"}}}},"additionalModelRequestFields":{}})";
const std::string kNovaChat =
    std::string(kBlocks) +
    R"(,"schemaVersion":"messages-v1","reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}})";
constexpr const char* kMistralChat =
    R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":"data:image/png;base64,AA=="}]},)"
    R"({"role":"assistant","content":"a","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},)"
    R"({"role":"tool","tool_call_id":"c","content":"r"},{"role":"user","content":"y"}],)"
    R"("tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}}}],)"
    R"("tool_choice":{"type":"function","function":{"name":"f"}},"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}},"stop":["a"],"max_tokens":9,"temperature":1})";
constexpr const char* kClaude =
    R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":2000,"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"text","text":"x"}]},)"
    R"({"role":"assistant","content":[{"type":"tool_use","id":"u","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"u","content":[{"type":"text","text":"r"}]},{"type":"text","text":"[[sandbox:tool f]]"}]}],)"
    R"("tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"a":{"type":"string"}}}}],"tool_choice":{"type":"tool","name":"f"},)"
    R"("thinking":{"type":"enabled","budget_tokens":1024},"stop_sequences":["a"],"temperature":1,"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}})";

INSTANTIATE_TEST_SUITE_P(
    ChatRows,
    OddRequest,
    ::testing::Values(
        Row{"Claude", answer_claude, "anthropic.claude-3-haiku-20240307-v1:0", kClaude},
        Row{"Nova2", answer_nova, "us.amazon.nova-2-lite-v1:0", kNovaChat.c_str()},
        Row{"ConverseClaude", converse_live, "us.anthropic.claude-haiku-4-5-20251001-v1:0",
            R"({"messages":[{"role":"user","content":[{"text":"x"},{"image":{"format":"png","source":{"bytes":"AAAA"}}}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"json":{}}]}}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}],"toolChoice":{"tool":{"name":"f"}}}})"},
        Row{"ConverseNova", converse_live, "amazon.nova-pro-v1:0", kConverse.c_str()},
        Row{"ConverseQwen", converse_live, "qwen.qwen3-vl-235b-a22b", kConverse.c_str()},
        Row{"MistralChat", answer_mistral, "mistral.mistral-large-3-675b-instruct", kMistralChat},
        Row{"MistralPrompt", answer_mistral, "mistral.mistral-7b-instruct-v0:2",
            R"({"prompt":"<s>[INST] x [/INST] y</s>[INST] z [/INST]","max_tokens":9,"stop":["a"],"temperature":1,"top_p":1,"top_k":5})"},
        Row{"Llama", answer_llama, "us.meta.llama4-scout-17b-instruct-v1:0",
            R"({"prompt":"[[sandbox:tool f]] [{\"name\":\"f\",\"parameters\":{}}]","max_gen_len":9,"temperature":1,"top_p":1,"images":["AAAA"]})"},
        Row{"TitanText", answer_titan_text, "amazon.titan-text-lite-v1",
            R"({"inputText":"x","textGenerationConfig":{"maxTokenCount":9,"temperature":1,"topP":1,"stopSequences":["a"]}})"},
        Row{"DeepSeek", answer_deepseek_r1, "us.deepseek.r1-v1:0",
            R"({"prompt":"<｜User｜>x<｜Assistant｜>y<｜User｜>z<｜Assistant｜><think>\n","max_tokens":9,"temperature":1,"top_p":1,"stop":["a"]})"}),
    [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Rows,
    OddRequest,
    ::testing::Values(
        Row{"GptOss", answer_openai_shaped, "openai.gpt-oss-20b-1:0", kChat},
        Row{"Gemma", answer_openai_shaped, "google.gemma-3-27b-it", kChat},
        Row{"Jamba", answer_jamba, "ai21.jamba-1-5-mini-v1:0", kJambaChat},
        Row{"CommandR", answer_command_r, "cohere.command-r-v1:0", kCommand},
        Row{"TitanV2", answer_titan_embed, "amazon.titan-embed-text-v2:0",
            R"({"inputText":"x","dimensions":256,"normalize":true,"embeddingTypes":["float","binary"]})"},
        Row{"TitanImage", answer_titan_embed, "amazon.titan-embed-image-v1",
            R"({"inputText":"x","inputImage":"AAAA","embeddingConfig":{"outputEmbeddingLength":256}})"},
        Row{"CohereV3", answer_cohere_embed, "cohere.embed-english-v3",
            R"({"texts":["x","y"],"input_type":"search_query","truncate":"END","embedding_types":["float","int8"]})"},
        Row{"CohereV4", answer_cohere_embed, "cohere.embed-v4:0",
            R"({"inputs":[{"content":[{"type":"text","text":"x"},{"type":"image_url","image_url":"data:image/png;base64,AAAA"}]}],"input_type":"search_query","output_dimension":256,"max_tokens":9,"truncate":"LEFT","embedding_types":["float"]})"},
        Row{"Nova", answer_nova_embed, "amazon.nova-2-multimodal-embeddings-v1:0", kNova},
        Row{"NovaImage", answer_nova_embed, "amazon.nova-2-multimodal-embeddings-v1:0",
            kNovaImage}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace quarry::sandbox
