#include "translate/embeddings.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace quarry::translate {
namespace {

class Text : public ::testing::Test {
 protected:
  // `json`: a string token, kept until the next call.
  json::Value text(std::string json) {
    source_ = std::move(json);
    return document_.parse(source_).value();
  }
  std::string cut(std::string json, std::size_t characters_max, Cut end) {
    std::string out;
    append_cut(text(std::move(json)), characters_max, end, out);
    return out;
  }

 private:
  std::string source_;
  json::Document document_;
};

TEST_F(Text, IsMeasuredInCodePointsNotInBytesNorInEscapes) {
  EXPECT_FALSE(is_longer(text(R"("abc")"), 3));
  EXPECT_TRUE(is_longer(text(R"("abcd")"), 3));
  EXPECT_FALSE(is_longer(text("\"日本語\""), 3));
  EXPECT_TRUE(is_longer(text("\"日本語!\""), 3));
  EXPECT_FALSE(is_longer(text(R"("\u00e9\n\"")"), 3));
  // One code point, though two escapes.
  EXPECT_FALSE(is_longer(text(R"("\ud83d\ude00")"), 1));
  EXPECT_TRUE(is_longer(text(R"("\ud83d\ude00x")"), 1));
}

TEST_F(Text, IsCutBetweenCharacters) {
  EXPECT_EQ(cut("\"日本語\"", 2, Cut::end), "\"日本\"");
  EXPECT_EQ(cut("\"日本語\"", 2, Cut::start), "\"本語\"");
  EXPECT_EQ(cut(R"("a\ud83d\ude00b")", 2, Cut::end), "\"a😀\"");
  EXPECT_EQ(cut(R"("a\ud83d\ude00b")", 2, Cut::start), "\"😀b\"");
}

TEST_F(Text, ThatIsCutIsEscapedAgain) {
  EXPECT_EQ(cut(R"("\"\\\n-rest")", 3, Cut::end), R"("\"\\\n")");
  EXPECT_EQ(cut(R"("rest-\u2028\t")", 2, Cut::start), R"("\u2028\t")");
}

TEST_F(Text, ThatIsShortEnoughStaysAsItWasWritten) {
  EXPECT_EQ(cut(R"("\u0041\/")", 2, Cut::end), R"("\u0041\/")");
  EXPECT_EQ(cut(R"("\u0041\/")", 2, Cut::start), R"("\u0041\/")");
}

TEST_F(Text, OfAnExtensionIsOneOfItsWords) {
  constexpr std::array<std::string_view, 2> words{"START", "END"};
  EXPECT_EQ(choose(std::nullopt, "body.x", words, "END"), "END");
  EXPECT_EQ(choose(text(R"("ST\u0041RT")"), "body.x", words, "END"), "START");
  const auto other = choose(text(R"("start")"), "body.x", words, "END");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message, "body.x: supported values are: START, END");
  EXPECT_EQ(choose(text("1"), "body.x", words, "END").error().code, "invalid_value");
}

TEST(EmbeddingsRequest, NamesAnInputByItsPlaceInTheBody) {
  EmbeddingsRequest request;
  EXPECT_EQ(request.place(0), "body.input");
  request.list = true;
  EXPECT_EQ(request.place(7), "body.input[7]");
}

TEST_F(Text, NoExtensionIsCarriedToAModelThatDoesNotTakeIt) {
  using Slot = std::optional<json::Value> EmbeddingsRequest::*;
  const std::array<std::pair<std::string, Slot>, 5> slots{{
      {"input_type", &EmbeddingsRequest::input_type},
      {"truncate", &EmbeddingsRequest::truncate},
      {"normalize", &EmbeddingsRequest::normalize},
      {"embedding_purpose", &EmbeddingsRequest::embedding_purpose},
      {"truncation_mode", &EmbeddingsRequest::truncation_mode},
  }};
  for (const auto& [name, slot] : slots) {
    EmbeddingsRequest request;
    request.*slot = text(R"("x")");
    const auto refused = check_extensions(request, {}, "m");
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, "unsupported_parameter");
    EXPECT_EQ(refused.error().param, "body." + name);
    request.drop_params = true;
    EXPECT_TRUE(check_extensions(request, {}, "m")) << name;
    EXPECT_FALSE(request.*slot) << name;
  }
}

TEST_F(Text, AnExtensionThatTheModelTakesStays) {
  EmbeddingsRequest request;
  request.normalize = text("true");
  EXPECT_TRUE(check_extensions(request, {.normalize = true}, "m"));
  EXPECT_TRUE(request.normalize);
}

}  // namespace
}  // namespace quarry::translate
