// Limits, and answers that cannot be read; the rest is in tests/golden/nova_embed.
#include "translate/family.h"
#include "translate/testing/embeddings.h"

#include <gtest/gtest.h>

namespace quarry::translate {
namespace {

using testing::embed_records;
using testing::embed_refusal;
using testing::embedding_model;
using testing::repeated;

const catalog::Model kNova = embedding_model("nova_embed", "");

std::string text_record(std::string_view mode, const std::string& text) {
  return R"({"schemaVersion":"nova-multimodal-embed-v1","taskType":"SINGLE_EMBEDDING",)"
         R"("singleEmbeddingParams":{"embeddingPurpose":"GENERIC_INDEX","text":{"truncationMode":")" +
         std::string(mode) + R"(","value":")" + text + "\"}}}";
}

TEST(NovaEmbedRequest, CutsWhereItMayWhatIsOverFiftyThousandCharacters) {
  const std::string body = R"("input":"A)" + repeated("é", 50'000) + "Z\"}";
  EXPECT_EQ(embed_records(kNova, "{" + body)->at(0),
            text_record("END", "A" + repeated("é", 49'999)));
  EXPECT_EQ(embed_records(kNova, R"({"truncation_mode":"START",)" + body)->at(0),
            text_record("START", repeated("é", 49'999) + "Z"));
  EXPECT_EQ(embed_refusal(kNova, R"({"truncation_mode":"NONE",)" + body),
            "invalid_value body.input");
}

TEST(NovaEmbedRequest, TakesFiftyThousandCharactersWithoutCutting) {
  const std::string most = repeated("é", 50'000);
  EXPECT_EQ(embed_records(kNova, R"({"truncation_mode":"NONE","input":")" + most + "\"}")->at(0),
            text_record("NONE", most));
}

class NovaEmbedResult : public ::testing::Test {
 protected:
  std::string refusal(std::string_view output) {
    EmbeddingsAnswer answer;
    const auto read = family_->read_embeddings(output, answer);
    return read ? "" : read.error().code;
  }

 private:
  std::unique_ptr<ResultFamily> family_ = make_result_family("nova_embed");
};

TEST_F(NovaEmbedResult, RefusesTwoVectorsForOneInput) {
  EXPECT_EQ(refusal(R"({"embeddings":[{"embedding":[1]}]})"), "");
  EXPECT_EQ(refusal(R"({"embeddings":[{"embedding":[1]},{"embedding":[2]}]})"),
            "upstream_malformed");
}

TEST_F(NovaEmbedResult, RefusesWhatIsNotItsShape) {
  for (const char* wrong : {"", "[]", "{}", R"({"embeddings":null})", R"({"embeddings":[]})",
                            R"({"embeddings":[[1]]})", R"({"embeddings":[{"embedding":null}]})",
                            R"({"embeddings":{"embedding":[1]}})", R"({"embedding":[1]})"}) {
    EXPECT_EQ(refusal(wrong), "upstream_malformed") << wrong;
  }
}

}  // namespace
}  // namespace quarry::translate
