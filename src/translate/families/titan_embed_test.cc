// Limits, and answers that cannot be read; the rest is in tests/golden/titan_embed.
#include "translate/family.h"
#include "translate/testing/embeddings.h"

#include <gtest/gtest.h>

namespace quarry::translate {
namespace {

using testing::embed_records;
using testing::embed_refusal;
using testing::embedding_model;
using testing::repeated;

TEST(TitanEmbedRequest, TakesFiftyThousandCharactersAndNotOneMore) {
  for (const char* variant : {"v1", "v2"}) {
    const auto model = embedding_model("titan_embed", variant);
    const std::string most = repeated("日", 50'000);
    EXPECT_EQ(embed_refusal(model, R"({"input":")" + most + "\"}"), "");
    EXPECT_EQ(embed_refusal(model, R"({"input":["a",")" + most + "x\"]}"),
              "invalid_value body.input[1]");
  }
}

TEST(TitanEmbedRequest, IsAsTheNewestModelsWhereTheVariantIsNotKnown) {
  const auto records = embed_records(embedding_model("titan_embed", ""), R"({"input":"a"})");
  ASSERT_TRUE(records);
  EXPECT_EQ(records->at(0), R"({"inputText":"a","embeddingTypes":["float"]})");
}

TEST(TitanEmbedRequest, RefusesDimensionsOfAModelThatHasOneSize) {
  const auto model = embedding_model("titan_embed", "v1");
  EXPECT_EQ(embed_refusal(model, R"({"input":"a","dimensions":256})"),
            "unsupported_parameter body.dimensions");
  const auto records = embed_records(model, R"({"input":"a","dimensions":256})", true);
  ASSERT_TRUE(records);
  EXPECT_EQ(records->at(0), R"({"inputText":"a"})");
}

TEST(TitanEmbedRequest, RefusesANormalizeThatIsNoBoolean) {
  EXPECT_EQ(embed_refusal(embedding_model("titan_embed", "v2"), R"({"input":"a","normalize":1})"),
            "invalid_value body.normalize");
}

TEST(TitanEmbedRequest, CopiesTextAsItWasWritten) {
  const auto records =
      embed_records(embedding_model("titan_embed", "v1"), R"({"input":"\u0041\/\ud83d\ude00"})");
  ASSERT_TRUE(records);
  EXPECT_EQ(records->at(0), R"({"inputText":"\u0041\/\ud83d\ude00"})");
}

class TitanEmbedResult : public ::testing::Test {
 protected:
  std::string refusal(std::string_view output) {
    answer.clear();
    const auto read = family_->read_embeddings(output, answer);
    return read ? "" : read.error().message;
  }
  EmbeddingsAnswer answer;

 private:
  std::unique_ptr<ResultFamily> family_ = make_result_family("titan_embed");
};

TEST_F(TitanEmbedResult, CountsTheTokensOfAnAnswerWithoutAVector) {
  EXPECT_NE(refusal(R"({"inputTextTokenCount":5})"), "");
  ASSERT_TRUE(answer.usage);
  EXPECT_EQ(answer.usage->input_tokens, 5);
}

TEST_F(TitanEmbedResult, SaysWhatTheModelSaidInsteadOfAVector) {
  EXPECT_EQ(
      refusal(R"({"embedding":null,"message":"the image is too small"})"),
      "The model's answer cannot be read: it has no embedding of floats, but the message: the "
      "image is too small.");
}

TEST_F(TitanEmbedResult, RefusesWhatIsNotItsShape) {
  for (const char* wrong :
       {"", "null", "[]", "{}", R"({"embedding":"AAAA"})", R"({"embedding":{}})",
        R"({"embeddingsByType":{"binary":[1]}})", R"({"embeddingsByType":[[1]]})"}) {
    EXPECT_NE(refusal(wrong), "") << wrong;
  }
}

TEST_F(TitanEmbedResult, RefusesACountThatIsNone) {
  for (const char* count : {"-1", "1.5", "\"4\"", "[]", "1099511627777"}) {
    EXPECT_NE(refusal(std::string(R"({"embedding":[1],"inputTextTokenCount":)") + count + "}"), "")
        << count;
    EXPECT_FALSE(answer.usage) << count;
  }
}

}  // namespace
}  // namespace quarry::translate
