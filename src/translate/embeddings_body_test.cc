// What the reader itself decides; what becomes of it is in tests/golden/*_embed.
#include "translate/embeddings_body.h"

#include "translate/testing/embeddings.h"

#include <gtest/gtest.h>

#include <string>

namespace quarry::translate {
namespace {

class EmbeddingsBody : public ::testing::Test {
 protected:
  Outcome read(std::string body, bool drop_params = false) {
    source_ = std::move(body);
    return read_embeddings_body(document_.parse(source_).value(), model, drop_params, request);
  }
  std::string refusal(std::string body, bool drop_params = false) {
    const auto done = read(std::move(body), drop_params);
    return done ? "" : done.error().code + " " + done.error().param;
  }

  catalog::Model model = testing::embedding_model("titan_embed", "multimodal", {1024, 256});
  EmbeddingsRequest request;

 private:
  std::string source_;
  json::Document document_;
};

TEST_F(EmbeddingsBody, TakesAsManyInputsAsOpenAiAndNotOneMore) {
  const auto body = [](std::size_t count) {
    std::string list = testing::repeated(R"("a",)", count);
    list.pop_back();
    return R"({"input":[)" + list + "]}";
  };
  ASSERT_TRUE(read(body(2048)));
  EXPECT_EQ(request.inputs.size(), 2048U);
  EXPECT_EQ(refusal(body(2049)), "invalid_value body.input");
}

TEST_F(EmbeddingsBody, KeepsNothingOfTheLineBefore) {
  ASSERT_TRUE(read(R"({"input":["a","b"],"dimensions":256,"encoding_format":"base64",
                       "truncate":"END","unknown":1})",
                   true));
  EXPECT_EQ(note_of(request), "base64");
  ASSERT_TRUE(read(R"({"input":"c"})"));
  EXPECT_EQ(request.inputs.size(), 1U);
  EXPECT_FALSE(request.list);
  EXPECT_FALSE(request.dimensions);
  EXPECT_FALSE(request.truncate);
  EXPECT_FALSE(request.drop_params);
  EXPECT_EQ(note_of(request), "");
}

TEST_F(EmbeddingsBody, CountsAMemberThatIsGivenTwiceByItsLastValue) {
  ASSERT_TRUE(read(R"({"input":[1],"dimensions":7,"input":"a","dimensions":256})"));
  EXPECT_EQ(request.dimensions, 256);
  EXPECT_EQ(request.inputs.at(0).text.text(), "a");
  EXPECT_EQ(refusal(R"({"input":"a","input":null})"), "missing_required_parameter body.input");
}

TEST_F(EmbeddingsBody, SeesAnImageWhereverTheModelReadsThem) {
  // As PHP's json_encode() writes it, and in capitals, as RFC 2397 allows.
  ASSERT_TRUE(
      read(R"({"input":["data:image\/png;base64,iVBORw0KGgo\/","DATA:Image/JPEG;Base64,/9j/"]})"));
  EXPECT_EQ(request.inputs.at(0).media_type, "image/png");
  EXPECT_EQ(request.inputs.at(0).base64, "iVBORw0KGgo/");
  EXPECT_EQ(request.inputs.at(1).media_type, "image/jpeg");
  model.inputs.image = false;
  EXPECT_EQ(refusal(R"({"input":"data:image/png;base64,iVBORw0KGgo/"})", true),
            "unsupported_parameter body.input");
}

TEST_F(EmbeddingsBody, TakesTextThatOnlySpeaksOfDataForText) {
  ASSERT_TRUE(
      read(R"({"input":["data: image","see data:image/png;base64,AAAA","data:text/plain,a"]})"));
  for (const EmbeddingInput& input : request.inputs) EXPECT_EQ(input.media_type, "");
}

TEST_F(EmbeddingsBody, RefusesDimensionsThatAreNoSizeOfTheModels) {
  for (const char* wrong :
       {"0", "-256", "256.0", "2.5e2", "\"256\"", "true", "[256]", "512", "99999999999999999999"}) {
    EXPECT_EQ(refusal(std::string(R"({"input":"a","dimensions":)") + wrong + "}", true),
              "invalid_value body.dimensions")
        << wrong;
  }
  model.dimensions.clear();  // not known: the model itself will say
  ASSERT_TRUE(read(R"({"input":"a","dimensions":512})"));
  EXPECT_EQ(request.dimensions, 512);
  EXPECT_EQ(refusal(R"({"input":"a","dimensions":0})"), "invalid_value body.dimensions");
}

TEST_F(EmbeddingsBody, RefusesWhatIsNoText) {
  for (const char* wrong : {"1", "{}", "true", "[null]", "[true]", "[{}]", "[[]]", "[\"a\",1]"}) {
    const std::string refused = refusal(std::string(R"({"input":)") + wrong + "}", true);
    EXPECT_TRUE(refused.starts_with("invalid_value body.input")) << wrong << ": " << refused;
  }
  EXPECT_EQ(refusal("[]"), "invalid_value body");
}

TEST_F(EmbeddingsBody, TakesStreamForWhatItSays) {
  EXPECT_EQ(refusal(R"({"input":"a","stream":false})"), "");
  EXPECT_EQ(refusal(R"({"input":"a","stream":true})", true), "streaming_unsupported body.stream");
  EXPECT_EQ(refusal(R"({"input":"a","stream":"yes"})"), "invalid_value body.stream");
}

}  // namespace
}  // namespace quarry::translate
