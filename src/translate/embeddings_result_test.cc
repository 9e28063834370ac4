#include "base/bytes.h"
#include "translate/result_bodies.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace quarry::translate {
namespace {

class EmbeddingsResult : public ::testing::Test {
 protected:
  // `vectors`: a JSON list of the record's vectors.
  Outcome append(std::string vectors, std::size_t first_index = 0) {
    source_ = std::move(vectors);
    EmbeddingsAnswer answer;
    for (const json::Value vector : document_.parse(source_).value().elements()) {
      answer.vectors.push_back(vector);
    }
    return append_vectors(answer, options, first_index, out);
  }
  std::string refusal(std::string vectors) {
    const auto done = append(std::move(vectors));
    return done ? "" : done.error().code;
  }
  // Of the one vector of `out`.
  std::vector<float> decoded() const {
    const auto object = boost::json::parse(out).as_object();
    const auto bytes = base64_decode(std::string(object.at("embedding").as_string()));
    EXPECT_TRUE(bytes);
    std::vector<float> floats(bytes->size() / 4);
    EXPECT_EQ(bytes->size() % 4, 0U);
    for (std::size_t i = 0; i < floats.size(); ++i) {
      std::uint32_t bits = 0;
      for (std::size_t byte = 4; byte-- > 0;) {
        bits = bits << 8 | static_cast<unsigned char>((*bytes)[4 * i + byte]);
      }
      floats[i] = std::bit_cast<float>(bits);
    }
    return floats;
  }

  ResultOptions options;
  std::string out;

 private:
  std::string source_;
  json::Document document_;
};

TEST_F(EmbeddingsResult, CopiesEveryNumberAsTheModelWroteIt) {
  ASSERT_TRUE(append("[[0.10000000000000000555,-1E-7,0,-0.0,12]]"));
  EXPECT_EQ(out, R"({"object":"embedding","index":0,"embedding":)"
                 "[0.10000000000000000555,-1E-7,0,-0.0,12]}");
}

TEST_F(EmbeddingsResult, LeavesWhitespaceOut) {
  for (const char* vector :
       {"[[ 1,2.5]]", "[[1 ,2.5]]", "[[1, 2.5]]", "[[1,2.5\n]]", "[[\t1\r\n,2.5]]"}) {
    out.clear();
    ASSERT_TRUE(append(vector));
    EXPECT_EQ(out, R"({"object":"embedding","index":0,"embedding":[1,2.5]})") << vector;
  }
}

TEST_F(EmbeddingsResult, NumbersVectorsOnThroughTheRecordsOfALine) {
  ASSERT_TRUE(append("[[1],[2]]"));
  ASSERT_TRUE(append("[[3]]", 2));
  ASSERT_TRUE(append("[[4]]", 3));
  const auto list = boost::json::parse("[" + out + "]").as_array();
  ASSERT_EQ(list.size(), 4U);
  for (std::size_t i = 0; i < list.size(); ++i) {
    EXPECT_EQ(list[i].at("index"), i);
    EXPECT_EQ(list[i].at("embedding").at(0), i + 1);
  }
}

TEST_F(EmbeddingsResult, RefusesVectorsThatAreNone) {
  for (const char* note : {"", "base64"}) {
    options.note = note;
    for (const char* wrong : {"[[]]", "[1]", "[{}]", "[\"a\"]", "[null]", "[[1,null]]", "[[\"1\"]]",
                              "[[true]]", "[[[1]]]", "[[1,{}]]", "[[1],[]]"}) {
      EXPECT_EQ(refusal(wrong), "upstream_malformed") << wrong;
    }
  }
}

TEST_F(EmbeddingsResult, GivesInBase64TheNearestFloatOfEachNumber) {
  options.note = "base64";
  std::mt19937 random(7);
  std::uniform_int_distribution<std::uint32_t> bits;
  for (std::size_t size = 1; size < 40; ++size) {
    std::vector<float> floats;
    std::string vector = "[[";
    while (floats.size() < size) {
      const auto number = std::bit_cast<float>(bits(random));
      if (!std::isfinite(number)) continue;
      floats.push_back(number);
      std::array<char, 64> text{};
      std::snprintf(text.data(), text.size(), "%.9g,", static_cast<double>(number));
      vector += text.data();
    }
    vector.back() = ']';
    out.clear();
    ASSERT_TRUE(append(vector + "]"));
    EXPECT_EQ(decoded(), floats);
  }
}

TEST_F(EmbeddingsResult, GivesInBase64TheNearestFloatOfPlainDecimals) {
  options.note = "base64";
  // Just below the middle of two floats, and with a double's digits the middle itself.
  std::vector<std::string> numbers{
      "8.000001430511474", "-8.000001430511474",          "16777217", "0", "-0", "0.0",
      "9007199254740993",  "0.00000000000000000000000001"};
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string digits = std::to_string(random() >> random() % 64);
    if (const std::size_t point = random() % (digits.size() + 1); point == 0) {
      digits.insert(0, "0.");
    } else if (point < digits.size()) {
      digits.insert(point, ".");
    }
    numbers.push_back((i % 2 == 0 ? "-" : "") + digits);
  }
  std::string vector = "[[";
  for (const std::string& number : numbers) vector += number + ",";
  vector.back() = ']';
  ASSERT_TRUE(append(vector + "]"));
  const auto floats = decoded();
  ASSERT_EQ(floats.size(), numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    // The C library rounds to the nearest.
    const float expected = std::strtof(numbers[i].c_str(), nullptr);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(floats[i]), std::bit_cast<std::uint32_t>(expected))
        << numbers[i];
  }
}

TEST_F(EmbeddingsResult, GivesInBase64ZeroForWhatIsTooNearToIt) {
  options.note = "base64";
  ASSERT_TRUE(append("[[1e-60,-1e-60,1e-45,0,1]]"));
  const auto floats = decoded();
  ASSERT_EQ(floats.size(), 5U);
  EXPECT_EQ(floats[0], 0.0F);
  EXPECT_EQ(floats[1], 0.0F);
  EXPECT_TRUE(std::signbit(floats[1]));
  EXPECT_EQ(floats[2], std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(floats[4], 1.0F);
}

TEST_F(EmbeddingsResult, RefusesInBase64WhatIsNoFloat) {
  options.note = "base64";
  for (const char* wrong : {"[[1e39]]", "[[-1e39]]", "[[1e999]]"}) {
    EXPECT_EQ(refusal(wrong), "upstream_malformed") << wrong;
  }
}

std::string whole(const ResultOptions& options, const LineUsage& usage) {
  std::string out;
  begin_embeddings(options, out);
  end_embeddings(options, usage, out);
  return out;
}

TEST(EmbeddingsUsage, IsTheAnswersOwn) {
  ResultOptions options;
  options.model_name = "my \"model\"";
  options.metered = openai::Usage{.input_tokens = 99};
  EXPECT_EQ(whole(options, openai::Usage{.input_tokens = 8}),
            R"({"object":"list","data":[],"model":"my \"model\"",)"
            R"("usage":{"prompt_tokens":8,"total_tokens":8}})");
}

TEST(EmbeddingsUsage, IsWhatWasMeteredWhereTheAnswerSaysNothing) {
  ResultOptions options;
  options.metered = openai::Usage{.input_tokens = 99};
  EXPECT_EQ(
      whole(options, std::nullopt),
      R"({"object":"list","data":[],"model":"","usage":{"prompt_tokens":99,"total_tokens":99}})");
}

TEST(EmbeddingsUsage, IsZeroAndMarkedWhereNothingIsKnown) {
  EXPECT_EQ(whole({}, std::nullopt),
            R"({"object":"list","data":[],"model":"",)"
            R"("usage":{"prompt_tokens":0,"total_tokens":0},"usage_absent":true})");
}

}  // namespace
}  // namespace quarry::translate
