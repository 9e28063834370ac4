// What the embedding models answer and refuse.

#include "sandbox/embedding_models.h"

#include "sandbox/embedding_vector.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <string>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::string_view kTitan1 = "amazon.titan-embed-text-v1";
constexpr std::string_view kTitan2 = "amazon.titan-embed-text-v2:0";
constexpr std::string_view kTitanImage = "amazon.titan-embed-image-v1";
constexpr std::string_view kCohere3 = "cohere.embed-english-v3";
constexpr std::string_view kCohere4 = "us.cohere.embed-v4:0";
constexpr std::string_view kNova = "amazon.nova-2-multimodal-embeddings-v1:0";
constexpr std::string_view kPng = "data:image/png;base64,AAAA";

ModelResult ask(const json::object& request, std::string_view model, std::string_view seed = "") {
  if (model == kNova) return answer_nova_embed(request, model, seed);
  if (model == kCohere3 || model == kCohere4) return answer_cohere_embed(request, model, seed);
  return answer_titan_embed(request, model, seed);
}

json::object answer_to(std::string_view body, std::string_view model) {
  const auto answer = ask(json::parse(body).as_object(), model);
  EXPECT_TRUE(answer) << answer.error().message;
  return answer ? json::parse(answer->body).as_object() : json::object{};
}

double norm_of(const json::value& vector) {
  double squares = 0;
  for (const auto& value : vector.as_array())
    squares += value.to_number<double>() * value.to_number<double>();
  return std::sqrt(squares);
}

json::object nova_request(std::string_view params) {
  return json::
      parse(std::string(
                R"({"schemaVersion":"nova-multimodal-embed-v1","taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":"GENERIC_INDEX",)")
                .append(params)
                .append("}}"))
          .as_object();
}

TEST(Vectors, DependOnTheContentAndTheDimensionAlone) {
  EXPECT_EQ(unit_vector("tea", 256), unit_vector("tea", 256));
  EXPECT_NE(unit_vector("tea", 256), unit_vector("Tea", 256));
  const auto longer = unit_vector("tea", 512);
  EXPECT_NE(unit_vector("tea", 256), std::vector<float>(longer.begin(), longer.begin() + 256));
}

TEST(Vectors, ArePrintedSoThatTheyReadBackTheSame) {
  const auto vector = unit_vector("tea", 1024);
  std::string text;
  append_vector(vector, "float", text);
  const char* at = text.data() + 1;
  for (const float value : vector) {
    float read = 0;
    at = std::from_chars(at, text.data() + text.size(), read).ptr + 1;
    ASSERT_EQ(read, value);
  }
  EXPECT_EQ(at, text.data() + text.size());
}

TEST(Vectors, PackEightSignsIntoANumber) {
  const std::vector<float> vector{1, -1, -1, -1, -1, -1, -1, 1, -1, -1, -1, -1, -1, -1, -1, -1};
  std::string text;
  for (const char* form : {"ubinary", "binary", "bits"}) append_vector(vector, form, text);
  EXPECT_EQ(text, "[129,0][1,-128][1,0,0,0,0,0,0,1,0,0,0,0,0,0,0,0]");
}

TEST(Vectors, QuantizeIntoTheRangeOfABytes) {
  std::string text;
  append_vector(unit_vector("tea", 512), "int8", text);
  append_vector(unit_vector("tea", 512), "uint8", text.append("\n"));
  const auto cut = text.find('\n');
  const auto small = json::parse(text.substr(0, cut)).as_array();
  const auto whole = json::parse(text.substr(cut + 1)).as_array();
  bool negative = false;
  for (std::size_t i = 0; i < small.size(); ++i) {
    EXPECT_GE(small[i].as_int64(), -128);
    EXPECT_LE(small[i].as_int64(), 127);
    EXPECT_EQ(whole[i].as_int64(), small[i].as_int64() + 128);
    negative |= small[i].as_int64() < 0;
  }
  EXPECT_TRUE(negative);
}

TEST(TitanEmbed, V1GivesOneVectorAndItsTokens) {
  const auto answer = answer_to(R"({"inputText":"twelve bytes"})", kTitan1);
  EXPECT_EQ(answer.at("embedding").as_array().size(), 1536u);
  EXPECT_NEAR(norm_of(answer.at("embedding")), 1, 1e-4);
  EXPECT_EQ(answer.at("inputTextTokenCount"), 3);
  EXPECT_EQ(answer.size(), 2u);
}

TEST(TitanEmbed, GivesTheSameTextTheSameVectorInEveryRecord) {
  const json::object request{{"inputText", "tea"}};
  EXPECT_EQ(ask(request, kTitan2, "r1")->body, ask(request, kTitan2, "r2")->body);
  EXPECT_NE(ask(request, kTitan2)->body, ask({{"inputText", "tee"}}, kTitan2)->body);
}

TEST(TitanEmbed, V2HonoursDimensionsAndNormalize) {
  const auto answer = answer_to(R"({"inputText":"tea","dimensions":256})", kTitan2);
  EXPECT_EQ(answer.at("embedding").as_array().size(), 256u);
  EXPECT_EQ(answer.at("embeddingsByType").at("float"), answer.at("embedding"));
  EXPECT_EQ(answer_to(R"({"inputText":"tea"})", kTitan2).at("embedding").as_array().size(), 1024u);
  EXPECT_GT(norm_of(answer_to(R"({"inputText":"tea","normalize":false})", kTitan2).at("embedding")),
            2);
}

TEST(TitanEmbed, V2GivesOnlyBitsWhenOnlyBinaryIsAsked) {
  const auto bits = answer_to(R"({"inputText":"tea","embeddingTypes":["binary"]})", kTitan2);
  EXPECT_FALSE(bits.contains("embedding"));
  EXPECT_FALSE(bits.at("embeddingsByType").as_object().contains("float"));
  EXPECT_EQ(bits.at("embeddingsByType").at("binary").as_array().size(), 1024u);
  for (const auto& bit : bits.at("embeddingsByType").at("binary").as_array())
    EXPECT_TRUE(bit == 0 || bit == 1);
  const auto both =
      answer_to(R"({"inputText":"tea","embeddingTypes":["float","binary"]})", kTitan2);
  EXPECT_TRUE(both.contains("embedding"));
  EXPECT_EQ(both.at("embeddingsByType").as_object().size(), 2u);
}

TEST(TitanEmbed, MultimodalTakesTextImageOrBoth) {
  const auto text = answer_to(R"({"inputText":"tea"})", kTitanImage);
  const auto image = answer_to(R"({"inputImage":"AAAA"})", kTitanImage);
  const auto both = answer_to(
      R"({"inputText":"tea","inputImage":"AAAA","embeddingConfig":{"outputEmbeddingLength":384}})",
      kTitanImage);
  EXPECT_EQ(text.at("embedding").as_array().size(), 1024u);
  EXPECT_TRUE(text.at("message").is_null());
  EXPECT_EQ(image.at("inputTextTokenCount"), 0);
  EXPECT_NE(text.at("embedding"), image.at("embedding"));
  EXPECT_EQ(both.at("embedding").as_array().size(), 384u);
  EXPECT_NEAR(norm_of(both.at("embedding")), 1, 1e-4);
}

TEST(Embeddings, TellTheVariantFromTheBodyBehindAProfile) {
  constexpr std::string_view kProfile =
      "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";
  EXPECT_TRUE(answer_titan_embed({{"inputImage", "AAAA"}}, kProfile, ""));
  EXPECT_TRUE(answer_titan_embed({{"inputText", "x"}, {"dimensions", 256}}, kProfile, ""));
  json::object request{{"texts", {"x"}}, {"input_type", "clustering"}, {"truncate", "END"}};
  EXPECT_TRUE(answer_cohere_embed(request, kProfile, ""));
  request["truncate"] = "LEFT";
  EXPECT_TRUE(answer_cohere_embed(request, kProfile, ""));
}

TEST(CohereEmbed, V3GivesFloatsInTheOrderOfTheTexts) {
  const auto answer = answer_to(R"({"texts":["b","a"],"input_type":"search_document"})", kCohere3);
  EXPECT_EQ(answer.at("response_type"), "embeddings_floats");
  ASSERT_EQ(answer.at("embeddings").as_array().size(), 2u);
  EXPECT_EQ(answer.at("texts").at(0), "b");
  EXPECT_EQ(answer.at("embeddings").at(1).as_array().size(), 1024u);
  const auto alone = answer_to(R"({"texts":["a"],"input_type":"search_document"})", kCohere3);
  EXPECT_EQ(alone.at("embeddings").at(0), answer.at("embeddings").at(1));
  EXPECT_TRUE(answer.at("id").is_string());
}

TEST(CohereEmbed, V3GivesEachTypeThatIsAsked) {
  const auto answer = answer_to(
      R"({"texts":["a"],"input_type":"search_query","embedding_types":["float","int8","uint8","binary","ubinary"]})",
      kCohere3);
  EXPECT_EQ(answer.at("response_type"), "embeddings_by_type");
  for (const char* type : {"float", "int8", "uint8"})
    EXPECT_EQ(answer.at("embeddings").at(type).at(0).as_array().size(), 1024u) << type;
  for (const char* type : {"binary", "ubinary"})
    EXPECT_EQ(answer.at("embeddings").at(type).at(0).as_array().size(), 128u) << type;
}

TEST(CohereEmbed, HasItsTokensOutsideTheBodyAlone) {
  const auto answer =
      ask(json::parse(R"({"texts":["twelve bytes","four"],"input_type":"clustering"})").as_object(),
          kCohere3);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->input_tokens, 4u);
  EXPECT_EQ(answer->output_tokens, 0u);
  EXPECT_EQ(answer->body.find("token"), std::string::npos);
}

TEST(CohereEmbed, V3EmbedsOneImage) {
  json::object request{{"images", {kPng}}, {"input_type", "image"}};
  const auto answer = ask(request, kCohere3);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(json::parse(answer->body).at("embeddings").as_array().size(), 1u);
}

TEST(CohereEmbed, V4HonoursItsDimensionAndMixedInputs) {
  const auto answer = answer_to(
      R"({"inputs":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":"data:image/png;base64,AAAA"}]}],"input_type":"search_document","output_dimension":512,"embedding_types":["float"]})",
      kCohere4);
  EXPECT_EQ(answer.at("embeddings").at("float").at(0).as_array().size(), 512u);
  EXPECT_EQ(answer_to(R"({"texts":["a"],"input_type":"search_query"})", kCohere4)
                .at("embeddings")
                .at(0)
                .as_array()
                .size(),
            1536u);
}

TEST(CohereEmbed, RefusesATextOverItsTokensUnlessToldToCutIt) {
  // 2048 characters of three bytes are within the length, and more than 512 tokens.
  std::string text;
  for (int i = 0; i < 2048; ++i) text += "☃";
  json::object request{{"texts", {text}}, {"input_type", "search_document"}};
  const auto refused = ask(request, kCohere3);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("too many tokens"), std::string::npos);
  request["truncate"] = "END";
  const auto cut = ask(request, kCohere3);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->input_tokens, 512u);
}

TEST(CohereEmbed, CountsCharactersNotBytes) {
  std::string text(2047, 'a');
  json::object request{
      {"texts", {text + "é"}}, {"input_type", "search_document"}, {"truncate", "END"}};
  EXPECT_TRUE(ask(request, kCohere3));
  request["texts"] = {text + "éa"};
  const auto refused = ask(request, kCohere3);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("#/texts/0: expected maxLength: 2048, actual: 2049"),
            std::string::npos);
}

TEST(NovaEmbed, EmbedsATextInItsDimension) {
  const auto answer =
      ask(nova_request(R"("embeddingDimension":256,"text":{"truncationMode":"END","value":"tea"})"),
          kNova);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->input_tokens, 1u);
  const auto body = json::parse(answer->body).as_object();
  EXPECT_EQ(body.size(), 1u);
  const auto& item = body.at("embeddings").at(0).as_object();
  EXPECT_EQ(item.at("embeddingType"), "TEXT");
  EXPECT_EQ(item.at("embedding").as_array().size(), 256u);
  EXPECT_NEAR(norm_of(item.at("embedding")), 1, 1e-4);
  EXPECT_FALSE(item.contains("truncatedCharLength"));
}

TEST(NovaEmbed, GivesThreeThousandDimensionsUnasked) {
  const auto answer = ask(nova_request(R"("text":{"truncationMode":"NONE","value":"tea"})"), kNova);
  EXPECT_EQ(json::parse(answer->body).at("embeddings").at(0).at("embedding").as_array().size(),
            3072u);
}

TEST(NovaEmbed, TellsWhereItCutALongText) {
  const std::string text(40'000, 'a');
  const auto cut =
      ask(nova_request(R"("text":{"truncationMode":"END","value":")" + text + "\"}"), kNova);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->input_tokens, 8192u);
  EXPECT_EQ(json::parse(cut->body).at("embeddings").at(0).at("truncatedCharLength"), 32768);
  const auto refused =
      ask(nova_request(R"("text":{"truncationMode":"NONE","value":")" + text + "\"}"), kNova);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("Too many input tokens"), std::string::npos);
}

TEST(NovaEmbed, SeparatesAudioFromVideoWhenAsked) {
  const auto answer = ask(
      nova_request(
          R"("video":{"format":"mp4","embeddingMode":"AUDIO_VIDEO_SEPARATE","source":{"s3Location":{"uri":"s3://b/k"}}})"),
      kNova);
  ASSERT_TRUE(answer) << answer.error().message;
  const auto body = json::parse(answer->body);
  EXPECT_EQ(body.at("embeddings").at(0).at("embeddingType"), "VIDEO");
  EXPECT_EQ(body.at("embeddings").at(1).at("embeddingType"), "AUDIO");
  EXPECT_NE(body.at("embeddings").at(0).at("embedding"),
            body.at("embeddings").at(1).at("embedding"));
}

TEST(Embeddings, RefuseAsTheTextScripts) {
  constexpr const char* kText = "[[sandbox:error 503 try later]]";
  const json::object titan{{"inputText", kText}};
  const json::object cohere{{"texts", {"fine", kText}}, {"input_type", "search_document"}};
  const json::object nova =
      nova_request(R"("text":{"truncationMode":"END","value":"[[sandbox:error 503 try later]]"})");
  for (const auto& refused : {ask(titan, kTitan1), ask(titan, kTitan2), ask(titan, kTitanImage),
                              ask(cohere, kCohere3), ask(cohere, kCohere4), ask(nova, kNova)}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, 503);
    EXPECT_TRUE(refused.error().retryable());
    EXPECT_EQ(refused.error().message, "try later");
  }
}

TEST(TitanEmbed, RefusesTooLongATextByItsCharactersAndByItsTokens) {
  const auto by_characters = ask({{"inputText", std::string(50'001, 'a')}}, kTitan2);
  ASSERT_FALSE(by_characters);
  EXPECT_EQ(by_characters.error().message,
            "Malformed input request: expected maxLength: 50000, actual: 50001, please reformat "
            "your input and try again.");
  for (const auto model : {kTitan1, kTitan2}) {
    EXPECT_TRUE(ask({{"inputText", std::string(32'768, 'a')}}, model));
    const auto by_tokens = ask({{"inputText", std::string(32'769, 'a')}}, model);
    ASSERT_FALSE(by_tokens);
    EXPECT_EQ(by_tokens.error().message,
              "400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token "
              "count: 8193 ");
  }
  EXPECT_FALSE(ask({{"inputText", std::string(1'025, 'a')}}, kTitanImage));
}

TEST(TitanEmbed, RefusesAnImageThatIsNotBase64) {
  for (const char* image : {"AAA", "A===", "A*AA", kPng.data(), ""}) {
    EXPECT_FALSE(ask({{"inputImage", image}}, kTitanImage)) << image;
  }
  EXPECT_TRUE(ask({{"inputImage", "QUE="}}, kTitanImage));
}

struct Row {
  const char* name;
  std::string_view model;
  const char* body;
  const char* message;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class EmbeddingRefusal : public ::testing::TestWithParam<Row> {};

TEST_P(EmbeddingRefusal, NamesTheMember) {
  const auto answer = ask(json::parse(GetParam().body).as_object(), GetParam().model);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, 400);
  EXPECT_EQ(answer.error().message, "Malformed input request: " + std::string(GetParam().message) +
                                        ", please reformat your input and try again.");
}

INSTANTIATE_TEST_SUITE_P(
    Titan,
    EmbeddingRefusal,
    ::testing::Values(
        Row{"V1WithoutText", kTitan1, "{}", "#: required key [inputText] not found"},
        Row{"V1WithDimensions", kTitan1, R"({"inputText":"x","dimensions":256})",
            "#: extraneous key [dimensions] is not permitted"},
        Row{"EmptyText", kTitan2, R"({"inputText":""})", "expected minLength: 1, actual: 0"},
        Row{"ManyTexts", kTitan2, R"({"inputText":["a","b"]})",
            "#/inputText: expected type: String, found: JSONArray"},
        Row{"UnknownMember", kTitan2, R"({"inputText":"x","max_tokens":1})",
            "#: extraneous key [max_tokens] is not permitted"},
        Row{"Dimension", kTitan2, R"({"inputText":"x","dimensions":300})",
            "#/dimensions: 300 is not a valid enum value"},
        Row{"Type", kTitan2, R"({"inputText":"x","embeddingTypes":["int8"]})",
            "#/embeddingTypes/0: int8 is not a valid enum value"},
        Row{"NoTypes", kTitan2, R"({"inputText":"x","embeddingTypes":[]})",
            "#/embeddingTypes: expected minimum item count: 1, found: 0"},
        Row{"Normalize", kTitan2, R"({"inputText":"x","normalize":"yes"})",
            "#/normalize: expected type: Boolean, found: String"},
        Row{"ImageLength", kTitanImage,
            R"({"inputText":"x","embeddingConfig":{"outputEmbeddingLength":512}})",
            "#/embeddingConfig/outputEmbeddingLength: 512 is not a valid enum value"},
        Row{"ImageWithNothing", kTitanImage, "{}", "#: required key [inputText] not found"},
        Row{"ImageWithDimensions", kTitanImage, R"({"inputText":"x","dimensions":256})",
            "#: extraneous key [dimensions] is not permitted"}),
    [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Cohere,
    EmbeddingRefusal,
    ::testing::Values(
        Row{"AnotherFamilysBody", kCohere3, R"({"inputText":"x"})",
            "#: required key [input_type] not found#: extraneous key [inputText] is not "
            "permitted#: required key [texts] not found"},
        Row{"NoInputType", kCohere3, R"({"texts":["x"]})",
            "#: required key [input_type] not found"},
        Row{"UnknownInputType", kCohere3, R"({"texts":["x"],"input_type":"query"})",
            "#/input_type: query is not a valid enum value"},
        Row{"ImageTypeForTexts", kCohere3, R"({"texts":["x"],"input_type":"image"})",
            "#: required key [images] not found#/texts: false schema always fails"},
        Row{"TextTypeForImages", kCohere3,
            R"({"images":["data:image/png;base64,AAAA"],"input_type":"search_query"})",
            "#: required key [texts] not found#/images: false schema always fails"},
        Row{"TwoImages", kCohere3,
            R"({"images":["data:image/png;base64,AAAA","data:image/png;base64,AAAA"],"input_type":"image"})",
            "#/images: expected maximum item count: 1, found: 2"},
        Row{"EmptyText", kCohere3, R"({"texts":["a",""],"input_type":"search_query"})",
            "#/texts/1: expected minLength: 1, actual: 0"},
        Row{"NoTexts", kCohere3, R"({"texts":[],"input_type":"search_query"})",
            "#/texts: expected minimum item count: 1, found: 0"},
        Row{"Truncate", kCohere3,
            R"({"texts":["a"],"input_type":"search_query","truncate":"LEFT"})",
            "#/truncate: LEFT is not a valid enum value"},
        Row{"DimensionOfV4", kCohere3,
            R"({"texts":["a"],"input_type":"search_query","output_dimension":256})",
            "#: extraneous key [output_dimension] is not permitted"},
        Row{"TypeTwice", kCohere3,
            R"({"texts":["a"],"input_type":"search_query","embedding_types":["float","float"]})",
            "#/embedding_types: array items are not unique"},
        Row{"V4Dimension", kCohere4,
            R"({"texts":["a"],"input_type":"search_query","output_dimension":384})",
            "#/output_dimension: 384 is not a valid enum value"},
        Row{"V4Truncate", kCohere4,
            R"({"texts":["a"],"input_type":"search_query","truncate":"END"})",
            "#/truncate: END is not a valid enum value"},
        Row{"V4NoInputType", kCohere4, R"({"texts":["a"]})",
            "#: required key [input_type] not found"},
        Row{"V4ImageType", kCohere4, R"({"texts":["a"],"input_type":"image"})",
            "#/input_type: image is not a valid enum value"},
        Row{"V4TextsAndImages", kCohere4,
            R"({"texts":["a"],"images":["data:image/png;base64,AAAA"],"input_type":"search_query"})",
            "#: 2 subschemas matched instead of one"},
        Row{"V4Tokens", kCohere4,
            R"({"texts":["a"],"input_type":"search_query","max_tokens":128001})",
            "#/max_tokens: 128001 is not less or equal to 128000"}),
    [](const auto& row) { return std::string(row.param.name); });

#define NOVA(params) R"({"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{)" params "}}"

INSTANTIATE_TEST_SUITE_P(
    Nova,
    EmbeddingRefusal,
    ::testing::Values(
        Row{"NoTask", kNova, "{}",
            "#: required key [taskType] not found#: required key [singleEmbeddingParams] not "
            "found"},
        Row{"SchemaVersion", kNova,
            R"({"schemaVersion":"v2","taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":"CLUSTERING","text":{"truncationMode":"END","value":"x"}}})",
            "#/schemaVersion: v2 is not a valid enum value"},
        Row{"SegmentedTask", kNova,
            R"({"taskType":"SEGMENTED_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":"CLUSTERING","text":{"truncationMode":"END","value":"x"}}})",
            "#/taskType: SEGMENTED_EMBEDDING is not a valid enum value"},
        Row{"NoPurpose", kNova, NOVA(R"("text":{"truncationMode":"END","value":"x"})"),
            "#/singleEmbeddingParams: required key [embeddingPurpose] not found"},
        Row{"Purpose", kNova,
            NOVA(R"("embeddingPurpose":"SEARCH","text":{"truncationMode":"END","value":"x"})"),
            "#/singleEmbeddingParams/embeddingPurpose: SEARCH is not a valid enum value"},
        Row{"Dimension", kNova,
            NOVA(
                R"("embeddingPurpose":"CLUSTERING","embeddingDimension":512,"text":{"truncationMode":"END","value":"x"})"),
            "#/singleEmbeddingParams/embeddingDimension: 512 is not a valid enum value"},
        Row{"TruncationMode", kNova,
            NOVA(R"("embeddingPurpose":"CLUSTERING","text":{"truncationMode":"LEFT","value":"x"})"),
            "#/singleEmbeddingParams/text/truncationMode: LEFT is not a valid enum value"},
        Row{"NoTruncationMode", kNova,
            NOVA(R"("embeddingPurpose":"CLUSTERING","text":{"value":"x"})"),
            "#/singleEmbeddingParams/text: required key [truncationMode] not found"},
        Row{"EmptyText", kNova,
            NOVA(R"("embeddingPurpose":"CLUSTERING","text":{"truncationMode":"END","value":""})"),
            "#/singleEmbeddingParams/text/value: expected minLength: 1, actual: 0"},
        Row{"NothingToEmbed", kNova, NOVA(R"("embeddingPurpose":"CLUSTERING")"),
            "#/singleEmbeddingParams: exactly one of [text], [image], [audio] and [video] is "
            "required"},
        Row{"UnknownMember", kNova,
            NOVA(
                R"("embeddingPurpose":"CLUSTERING","text":{"truncationMode":"END","value":"x"},"dimensions":256)"),
            "#/singleEmbeddingParams: extraneous key [dimensions] is not permitted"},
        Row{"ImageWithoutFormat", kNova,
            NOVA(R"("embeddingPurpose":"CLUSTERING","image":{"source":{"bytes":"AAAA"}})"),
            "#/singleEmbeddingParams/image: required key [format] not found"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(CohereEmbed, TakesNinetySixTextsAndNoMore) {
  for (const auto model : {kCohere3, kCohere4}) {
    json::array texts(96, "a");
    EXPECT_TRUE(ask({{"texts", texts}, {"input_type", "clustering"}}, model));
    texts.push_back("a");
    const auto refused = ask({{"texts", texts}, {"input_type", "clustering"}}, model);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("#/texts: expected maximum item count: 96, found: 97"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace quarry::sandbox
