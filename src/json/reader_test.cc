// What the reader accepts is held against Boost.JSON, a parser that shares nothing with it.
#include "json/reader.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace quarry::json {
namespace {

namespace bj = boost::json;

// A Value rebuilt as Boost's tree, through every accessor.
bj::value rebuild(Value value) {
  switch (value.kind()) {
    case Kind::object: {
      bj::object object;
      for (const auto [key, member] : value.members())
        object.insert_or_assign(key, rebuild(member));
      return object;
    }
    case Kind::array: {
      bj::array array;
      for (const Value element : value.elements()) array.push_back(rebuild(element));
      return array;
    }
    case Kind::string:
      return bj::value(bj::string(value.text()));
    case Kind::number:
      return bj::parse(bj::string_view(value.raw().data(), value.raw().size()));
    case Kind::boolean:
      return value.boolean();
    case Kind::null:
      return nullptr;
  }
  return nullptr;
}

// Boost's answer to the same text; nullopt where it refuses it.
std::optional<bj::value> oracle(const std::string& text) {
  bj::parse_options options;
  options.max_depth = kDepthMax;
  bj::error_code error;
  auto value = bj::parse(text, error, {}, options);
  if (error) return std::nullopt;
  return value;
}

void expect_same_as_boost(Document& document, const std::string& text) {
  const auto ours = document.parse(text);
  const auto theirs = oracle(text);
  ASSERT_EQ(ours.has_value(), theirs.has_value()) << text;
  if (!ours) return;
  EXPECT_EQ(rebuild(*ours), *theirs) << text;
  std::string compact;
  ours->append_compact(compact);
  EXPECT_EQ(oracle(compact), theirs) << text;
}

const std::vector<std::string> kTexts{
    R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","n":1.5e-3}})",
    R"( [ 1 , -0 , 0.5, 1E+9, true,false , null, "", [], {} ,[[[]]]] )",
    R"({"text":"q\"b\\s\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00 \u0000","k\u0065y":"\\"})",
    "{\"utf8\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc2\x85\xe2\x80\xa8\"}",
    R"({"a":{"b":{"c":[{"d":"e"},{"d":"f"}]}},"a":"again"})",
    R"("just text")",
    "12",
    "-1.25e10",
    "true",
    "null",
    R"({"tool":{"type":"function","function":{"name":"f","parameters":{"type":"object","required":["x"]}}}})"};

TEST(Reader, ReadsWhatBoostReads) {
  Document document;
  for (const std::string& text : kTexts) {
    expect_same_as_boost(document, text);
    EXPECT_TRUE(document.parse(text)) << text;
  }
}

TEST(Reader, RefusesWhatBoostRefuses) {
  Document document;
  const std::vector<std::string> broken{"",
                                        " ",
                                        "{",
                                        "}",
                                        "[",
                                        "]",
                                        "{]",
                                        "[}",
                                        "{} x",
                                        "{}{}",
                                        "[1 2]",
                                        "[1,]",
                                        "[,1]",
                                        "{,}",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{\"a\":1,}",
                                        "{\"a\":1 \"b\":2}",
                                        "{a:1}",
                                        "{1:2}",
                                        "[01]",
                                        "[1.]",
                                        "[.5]",
                                        "[-]",
                                        "[+1]",
                                        "[1e]",
                                        "[1e+]",
                                        "[0x1]",
                                        "[NaN]",
                                        "[tru]",
                                        "[truex]",
                                        "[nul]",
                                        "[\"a]",
                                        "\"a",
                                        "[\"\\x\"]",
                                        "[\"\\u12\"]",
                                        "[\"\\u12g4\"]",
                                        "[\"\\ud800\"]",
                                        "[\"\\ud800\\u0041\"]",
                                        "[\"\\udc00\"]",
                                        "[\"\\ud800\\ud800\"]",
                                        "[\"a\nb\"]",
                                        "[\"a\tb\"]",
                                        "[\"a\"b]",
                                        "[\"a\"\"b\"]",
                                        "[\\\"a\"]",
                                        "[\xff]",
                                        "[\"\xff\"]",
                                        "[\"\xc0\x80\"]",
                                        "[\"\xed\xa0\x80\"]",
                                        "[\"\xe2\x80\"]",
                                        "[\"\xf5\x80\x80\x80\"]",
                                        "\xef\xbb\xbf{}",
                                        "[1]\x0c",
                                        "[\x1a]",
                                        "[1;2]",
                                        "[1:2]",
                                        "{\"a\",1}",
                                        "[\"a\":1]",
                                        ":",
                                        ",",
                                        "\\",
                                        "[1]\\",
                                        std::string("[1]\0", 4)};
  for (const std::string& text : broken) {
    expect_same_as_boost(document, text);
    EXPECT_FALSE(document.parse(text)) << text;
  }
}

TEST(Reader, AgreesWithBoostOnThousandsOfMutations) {
  Document document;
  std::mt19937 random(20260102);
  const std::string alphabet =
      "{}[]:,\"\\ \t\r\n0123456789eE+-.truefalsn/u\x01\x7f\xc2\xe2\x80\xa8\xff\xed";
  const auto pick = [&](std::size_t size) { return random() % size; };
  for (int round = 0; round < 20'000; ++round) {
    std::string text = kTexts[pick(kTexts.size())];
    const std::size_t edits = 1 + pick(3);
    for (std::size_t i = 0; i < edits && !text.empty(); ++i) {
      const std::size_t at = pick(text.size());
      switch (pick(4)) {
        case 0:
          text.erase(at, 1 + pick(4));
          break;
        case 1:
          text.insert(at, 1, alphabet[pick(alphabet.size())]);
          break;
        case 2:
          text[at] = alphabet[pick(alphabet.size())];
          break;
        default:
          text.insert(at, text.substr(pick(text.size()), pick(12)));
          break;
      }
    }
    expect_same_as_boost(document, text);
    if (HasFatalFailure()) return;
  }
}

TEST(Reader, ReadsWithoutTouchingAByteAfterTheText) {
  Document document;
  for (std::size_t size = 2; size < 300; ++size) {
    // Its own allocation of exactly that size: the address sanitizer sees a read past it.
    const std::vector<char> exact = [&] {
      std::vector<char> text(size, 'a');
      text.front() = text.back() = '"';
      return text;
    }();
    EXPECT_TRUE(document.parse({exact.data(), exact.size()})) << size;
  }
}

TEST(Reader, WritesTextAndCompactJsonWithinTheirBounds) {
  Document document;
  for (std::size_t before = 0; before < 70; ++before) {
    const std::string plain(before, 'a');
    const std::string token = "\"" + plain + "\\n\\u00e9" + std::string(before % 5, 'b') + "\"";
    const std::string spaced = "{ " + token + " : [ " + token + ",1 ,\ttrue ] }";
    // Its own allocation of exactly that size: the address sanitizer sees a read past it.
    const std::vector<char> exact(spaced.begin(), spaced.end());
    const auto root = document.parse({exact.data(), exact.size()});
    ASSERT_TRUE(root) << before;
    const std::string text = plain + "\n\xc3\xa9" + std::string(before % 5, 'b');
    const auto list = root->find(text);
    ASSERT_TRUE(list) << before;
    EXPECT_EQ((*list->elements().begin()).text(), text);
    std::string compact = "kept";
    root->append_compact(compact);
    EXPECT_EQ(compact, "kept{" + token + ":[" + token + ",1,true]}");
  }
}

TEST(Reader, TellsKeysApartThatDifferInOneByte) {
  Document document;
  for (std::size_t size = 1; size < 40; ++size) {
    const std::string key(size, 'k');
    const std::string text = "{\"" + key + "\":1}";
    const auto root = document.parse(text);
    ASSERT_TRUE(root);
    EXPECT_TRUE(root->find_non_null(key)) << size;
    EXPECT_FALSE(root->find_non_null(key + "k")) << size;
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = key;
      other[at] = 'x';
      EXPECT_FALSE(root->find_non_null(other)) << size << " " << at;
    }
  }
}

TEST(Reader, GivesTheSourceOfAnyValue) {
  Document document;
  const auto root = document.parse(R"({ "a" : { "b" : [ 1, "x\ty" ] } , "c":-1.50})");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->find("a")->raw(), R"({ "b" : [ 1, "x\ty" ] })");
  EXPECT_EQ(root->find("c")->raw(), "-1.50");
  std::string compact;
  root->append_compact(compact);
  EXPECT_EQ(compact, R"({"a":{"b":[1,"x\ty"]},"c":-1.50})");
}

TEST(Reader, KeepsEveryUnescapedTextUntilTheNextParse) {
  Document document;
  const std::string filler(3000, 'x');
  std::string text = "[";
  for (char c = 'a'; c <= 'j'; ++c) text += std::string("\"") + c + "\\n" + filler + "\",";
  text += "\"\\t" + std::string(20'000, 'y') + "\"]";
  for (int round = 0; round < 2; ++round) {
    const auto root = document.parse(text);
    ASSERT_TRUE(root);
    std::vector<std::string_view> texts;
    for (const Value element : root->elements()) texts.push_back(element.text());
    ASSERT_EQ(texts.size(), 11u);
    for (std::size_t i = 0; i < 10; ++i) {
      EXPECT_EQ(texts[i],
                std::string(1, static_cast<char>('a' + static_cast<char>(i))) + "\n" + filler);
    }
    EXPECT_EQ(texts[10], "\t" + std::string(20'000, 'y'));
  }
}

TEST(Reader, FindsEscapesWhereverTheyStand) {
  Document document;
  for (std::size_t before = 0; before < 140; ++before) {
    const std::string text =
        "\"" + std::string(before, 'a') + "\\u00e9" + std::string(before % 9, 'b') + "\"";
    const auto root = document.parse(text);
    ASSERT_TRUE(root) << before;
    EXPECT_EQ(root->text(), std::string(before, 'a') + "\xc3\xa9" + std::string(before % 9, 'b'))
        << before;
    std::string broken = text;
    broken[before + 2] = 'q';
    EXPECT_FALSE(document.parse(broken)) << before;
  }
}

TEST(Reader, CountsTheLastOfTwoEqualKeys) {
  Document document;
  const auto root = document.parse(R"({"a":1,"b":2,"\u0061":3})");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->find("a")->integer(), 3);
}

TEST(Reader, PicksSeveralMembersOfWhichANullIsAbsent) {
  Document document;
  const auto root = document.parse(R"({"a":1,"abc":2,"ab":3,"n":null,"z":4,"z":null,"a":5})");
  ASSERT_TRUE(root);
  const auto [ab, a, n, z, b] = root->pick<"ab", "a", "n", "z", "b">();
  EXPECT_EQ(ab->raw(), "3");
  EXPECT_EQ(a->raw(), "5");
  EXPECT_FALSE(n || z || b);
}

TEST(Reader, TakesTheDepthLimitAndRefusesOneMore) {
  Document document;
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(document.parse(nested(kDepthMax)));
  const auto deeper = document.parse(nested(kDepthMax + 1));
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error(), ParseError::too_deep);
}

TEST(Reader, SaysWhyATextIsRefused) {
  Document document;
  EXPECT_EQ(document.parse("[\"\xff\"]").error(), ParseError::invalid_utf8);
  EXPECT_EQ(document.parse(R"(["\ud800"])").error(), ParseError::lone_surrogate);
  EXPECT_EQ(document.parse("[").error(), ParseError::syntax);
}

TEST(Reader, SurvivesNumbersThatNoTypeHolds) {
  Document document;
  const auto root =
      document.parse(R"([9223372036854775807,9223372036854775808,1e999,-1e999,1e-999,1.0,1e2])");
  ASSERT_TRUE(root);
  std::vector<std::optional<std::int64_t>> integers;
  std::vector<bool> numbers;
  for (const Value value : root->elements()) {
    integers.push_back(value.integer());
    numbers.push_back(value.number().has_value());
  }
  using Integers = std::vector<std::optional<std::int64_t>>;
  EXPECT_EQ(integers, (Integers{INT64_MAX, {}, {}, {}, {}, {}, {}}));
  EXPECT_EQ(numbers, (std::vector<bool>{true, true, false, false, false, true, true}));
}

TEST(Reader, IsReadyForTheNextTextAfterAHugeOne) {
  Document document;
  std::string huge = "[";
  for (int i = 0; i < 500'000; ++i) huge += "1,";
  huge += "1]";
  ASSERT_TRUE(document.parse(huge));
  EXPECT_FALSE(document.parse("[1"));
  const auto small = document.parse("[7]");
  ASSERT_TRUE(small);
  EXPECT_EQ((*small->elements().begin()).integer(), 7);
}

}  // namespace
}  // namespace quarry::json
