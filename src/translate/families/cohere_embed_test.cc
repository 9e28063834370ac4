// Limits, and answers that cannot be read; the rest is in tests/golden/cohere_embed.
#include "translate/family.h"
#include "translate/testing/embeddings.h"

#include <gtest/gtest.h>

namespace quarry::translate {
namespace {

using testing::embed_records;
using testing::embed_refusal;
using testing::embedding_model;
using testing::repeated;

std::string list_of(std::string_view json, std::size_t count) {
  std::string list = repeated(std::string(json) + ",", count);
  list.pop_back();
  return R"({"input":[)" + list + "]}";
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(CohereEmbedRequest, PutsNinetySixTextsInARecordAndNotOneMore) {
  for (const char* variant : {"v3", "v4"}) {
    const auto model = embedding_model("cohere_embed", variant);
    EXPECT_EQ(embed_records(model, list_of(R"("a")", 96))->size(), 1U);
    const auto records = embed_records(model, list_of(R"("a")", 2 * 96 + 1));
    ASSERT_TRUE(records);
    ASSERT_EQ(records->size(), 3U);
    EXPECT_EQ(count_of(records->at(0), R"("a")"), 96U);
    EXPECT_EQ(count_of(records->at(1), R"("a")"), 96U);
    EXPECT_EQ(records->at(2), R"({"texts":["a"],"input_type":"search_document"})");
  }
}

TEST(CohereEmbedRequest, PutsNinetySixInputsInAMixedRecordAndNotOneMore) {
  const auto model = embedding_model("cohere_embed", "v4");
  std::string body = list_of(R"("a")", 100);
  body.replace(body.find("\"a\""), 3, R"("data:image/png;base64,iVBORw0KGgo=")");
  const auto records = embed_records(model, body);
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 2U);
  EXPECT_EQ(count_of(records->at(0), R"({"content":)"), 96U);
  EXPECT_EQ(records->at(1), R"({"texts":["a","a","a","a"],"input_type":"search_document"})");
}

TEST(CohereEmbedRequest, OfV3TakesTwoThousandAndFortyEightCharactersAndNotOneMore) {
  const auto v3 = embedding_model("cohere_embed", "v3");
  const std::string most = repeated("é", 2048);
  EXPECT_EQ(embed_refusal(v3, R"({"input":")" + most + "\"}"), "");
  for (const char* truncate : {"", R"("truncate":"NONE",)"}) {
    EXPECT_EQ(embed_refusal(v3, std::string("{") + truncate + R"("input":["a",")" + most + "x\"]}"),
              "invalid_value body.input[1]");
  }
  EXPECT_EQ(embed_refusal(embedding_model("cohere_embed", "v4"),
                          R"({"input":")" + repeated("é", 60'000) + "\"}"),
            "");
}

TEST(CohereEmbedRequest, OfV3CutsForTheModelWhatBedrockWouldNotLetThrough) {
  const auto v3 = embedding_model("cohere_embed", "v3");
  const std::string body = R"("input":["short","A)" + repeated("é", 2048) + "Z\"]}";
  const auto end = embed_records(v3, R"({"truncate":"END",)" + body);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->at(0), R"({"texts":["short","A)" + repeated("é", 2047) +
                            R"("],"input_type":"search_document","truncate":"END"})");
  const auto start = embed_records(v3, R"({"truncate":"START",)" + body);
  ASSERT_TRUE(start);
  EXPECT_EQ(start->at(0), R"({"texts":["short",")" + repeated("é", 2047) +
                              R"(Z"],"input_type":"search_document","truncate":"START"})");
}

TEST(CohereEmbedRequest, OfV3TakesImagesOfFiveMebibytesAndNoLarger) {
  const auto v3 = embedding_model("cohere_embed", "v3");
  const auto body = [](std::size_t bytes) {
    const std::string data = "iVBORw0K" + std::string(bytes / 3 * 4 - 8, 'A');
    return R"({"input":"data:image/png;base64,)" + data + "\"}";
  };
  const std::size_t most = (std::size_t{5} << 20) / 3 * 3;
  EXPECT_EQ(embed_refusal(v3, body(most)), "");
  EXPECT_EQ(embed_refusal(v3, body(most + 3)), "invalid_value body.input");
}

TEST(CohereEmbedRequest, OfV3RefusesDimensionsWhereItsOneSizeIsNotKnown) {
  const auto v3 = embedding_model("cohere_embed", "v3");
  EXPECT_EQ(embed_refusal(v3, R"({"input":"a","dimensions":512})"),
            "unsupported_parameter body.dimensions");
  EXPECT_EQ(embed_records(v3, R"({"input":"a","dimensions":512})", true)->at(0),
            R"({"texts":["a"],"input_type":"search_document"})");
}

TEST(CohereEmbedRequest, IsAsTheNewestModelsWhereTheVariantIsNotKnown) {
  EXPECT_EQ(embed_records(embedding_model("cohere_embed", ""), R"({"input":"a","dimensions":256})")
                ->at(0),
            R"({"texts":["a"],"input_type":"search_document","output_dimension":256})");
}

class CohereEmbedResult : public ::testing::Test {
 protected:
  std::string refusal(std::string_view output) {
    answer.clear();
    const auto read = family_->read_embeddings(output, answer);
    return read ? "" : read.error().code;
  }
  EmbeddingsAnswer answer;

 private:
  std::unique_ptr<ResultFamily> family_ = make_result_family("cohere_embed");
};

TEST_F(CohereEmbedResult, RefusesVectorsThatAreNotOneForEachText) {
  EXPECT_EQ(refusal(R"({"embeddings":[[1],[2]],"texts":["a","b"]})"), "");
  EXPECT_EQ(refusal(R"({"embeddings":[[1],[2]],"texts":["a","b","c"]})"), "upstream_malformed");
  EXPECT_EQ(refusal(R"({"embeddings":[[1],[2]],"texts":["a"]})"), "upstream_malformed");
}

TEST_F(CohereEmbedResult, RefusesWhatIsNotItsShape) {
  for (const char* wrong : {"", "[]", "{}", R"({"embeddings":null})", R"({"embeddings":[]})",
                            R"({"embeddings":{}})", R"({"embeddings":{"int8":[[1]]}})",
                            R"({"embeddings":{"float":"AAAA"}})", R"({"embeddings":"x"})"}) {
    EXPECT_EQ(refusal(wrong), "upstream_malformed") << wrong;
  }
}

}  // namespace
}  // namespace quarry::translate
